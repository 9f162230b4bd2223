"""A model's weights as circuits need them: float32, one matrix per query head, any layout.

Everything is read off by feeding the module itself and never by name, so that Linear, Conv1D, joint
projections and offloaded weights all come out the same way round. Rows multiply from the left:
`q = x @ W_Q`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.model import Site, input_width, site_hook
from desktop_app.engine.remembered import recall
from desktop_app.engine.sites import require_shown
from desktop_app.support.errors import BadInputError, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

# Large against any ordinary eps of a norm, so that the norm shows its weights alone.
_LOUD = 1e3
# Of a norm's gain: what takes the mean away makes no more of rows without any other part, and what
# does not makes twice the gain. Half precision leaves it 0.004, since its mean is rounded.
_UNMOVED = 0.1
# Of what a norm makes of a row less what it makes of its opposite: half the row changes nothing
# where the norm divides by its size, and a quarter where it is linear.
_LINEAR = 0.1
_ROWS_AT_ONCE = 256
_TOKENS_AT_ONCE = 4096
_HEAD_SITES: tuple[Site, ...] = ("head_q", "head_k", "head_v", "head_z")
# By which it is tried whether heads mix the values that are made of weights.
_MIXED: tuple[Site, ...] = ("resid_pre", "pattern", "head_z")
_FEW = 4
_TOLERANCE, _HALF_TOLERANCE, _TINY = {"float32": 1e-3}, 5e-2, 1e-6
# What is read or written in layer 0 to make the embeddings of each kind.
_EMBEDDED_AT: dict[str, tuple[Site, ...]] = {
    "layer0": ("resid_post",),
    "mlp0": ("resid_pre", "attn_out", "mlp_out"),
    "raw": (),
}
# The steps in which DeepSeek's attention makes keys and values.
_LATENT = ("kv_a_proj_with_mqa", "kv_a_layernorm", "kv_b_proj")


@dataclass(frozen=True)
class HeadWeights:
    """The four matrices of a layer's heads, key-value heads repeated for each query head.

    Attributes:
        q: `[head, d_model, d_head]`.
        k: The same.
        v: The same.
        o: `[head, d_head, d_model]`.
        group: How many query heads share keys and values.
    """

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    o: torch.Tensor
    group: int = 1


def head_weights(model: LoadedModel, layer: int, *, fold: bool = False) -> HeadWeights:
    """Return a layer's head matrices.

    Args:
        model: The model.
        layer: Which block.
        fold: Whether the norm that the heads read through is taken into q, k and v: its weights,
            and the centring where it subtracts a mean.
    """
    attention = _attention(model, layer)
    if not all(hasattr(attention, name) for name in "qkvo"):
        raise BadInputError(
            f"{model.info.name} makes queries, keys and values in several steps, so that its heads "
            "have no matrices to compose: choose a model without compressed attention."
        )
    for site in _HEAD_SITES:
        require_shown(model, [layer], site)
    q, k, v = (_linear(model, getattr(attention, name)) for name in "qkv")
    if fold:
        folding = norm_matrix(model, layer)
        q, k, v = (folding(matrix) for matrix in (q, k, v))
    heads, o = model.info.n_heads, model.output_weights(layer)
    # Layers may have heads of other widths than the settings name.
    width = q.shape[1] // heads
    q, k, v = (_by_head(model, *of) for of in ((q, width), (k, width), (v, o.shape[1])))
    return HeadWeights(q, k, v, o, heads // model.info.n_kv_heads)


def norm_matrix(model: LoadedModel, layer: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what folds a layer's first norm into a matrix `[d_model, any]` that reads it."""
    norm = reading_norm(model, layer)
    if norm is None:
        return lambda matrix: matrix
    gain, _bias, centres = norm_gain(model, norm)

    def fold(matrix: torch.Tensor) -> torch.Tensor:
        folded = gain[:, None] * matrix
        return folded - folded.mean(0, keepdim=True) if centres else folded

    return fold


def norm_gain(model: LoadedModel, norm: Any) -> tuple[torch.Tensor, torch.Tensor, bool]:
    """Return a norm's weights and biases `[d_model]`, and whether it takes the mean away.

    Read off what it makes of a few rows, so that every way to write a norm comes out the same. Of
    a norm that divides by the size of its input they are what it multiplies with behind that; one
    that is linear, as where norms were replaced, multiplies with them and does nothing else.
    """
    width = model.info.d_model
    sign = torch.ones(width)
    sign[1::2] = -1
    probe = sign * (1 + torch.arange(width) / width)  # no zeros
    probe = ((probe - probe.mean()) * _LOUD).to(model.device)
    plus, minus, half = _feed(model, norm, torch.stack([probe, -probe, probe / 2]))
    size = probe.std(correction=0)
    gain = (plus - minus) / 2 / (probe / size)
    flat = torch.full((1, width), _LOUD)
    moved = _feed(model, norm, flat)[0] - _feed(model, norm, -flat)[0]
    centres = bool(moved.abs().max() <= _UNMOVED * gain.abs().max())
    if bool((plus - half).norm() > _LINEAR * (plus - minus).norm()):
        gain = gain / size
    # Of nothing every norm makes its biases, exactly; one without an eps would divide by it.
    bias = _feed(model, norm, torch.zeros(1, width))[0]
    return gain, torch.where(torch.isfinite(bias), bias, (plus + minus) / 2), centres


def reading_norm(model: LoadedModel, layer: int) -> Any | None:
    """Return the norm that a layer's heads read through, or None where there is none before."""
    return getattr(model.bridge.blocks[layer], "ln1", None)


def normed(model: LoadedModel, layer: int, stream: torch.Tensor) -> torch.Tensor:
    """Return streams `[(runs,) rows, d_model]` as a layer's heads read them, float32."""
    norm = reading_norm(model, layer)
    return stream if norm is None else _feed(model, norm, stream)


def values(model: LoadedModel, layer: int, read: torch.Tensor) -> torch.Tensor:
    """Return each query head's values `[head, rows, d_head]` of normed streams, biases and all."""
    attention = model.bridge.blocks[layer].attn
    if hasattr(attention, "v"):
        flat = _feed(model, attention.v, read)
        by_head = flat.view(len(read), model.info.n_kv_heads, -1)
    else:
        by_head = _decompressed_values(model, attention, read)
    return _expand(model, by_head).permute(1, 0, 2)


def shows_values(model: LoadedModel, source: str) -> bool:
    """Return whether every layer's values can be made of the embeddings that are fed to it.

    They can where z is, head by head, what the pattern takes of values made of the stream; tried
    once. Some architectures norm their values, share those of other layers, or gate z.
    """
    fit = not any((0, site) in model.unfit for site in _EMBEDDED_AT[source])
    return fit and recall(model, "values", lambda: _mixes_values(model))


def _mixes_values(model: LoadedModel) -> bool | None:
    """Return whether z is made as `values` has it; None where it is no number."""
    places = tuple(product(range(model.info.n_layers), _MIXED))
    if any(place in model.unfit for place in places):
        return False
    length, seen = min(_FEW, model.info.n_ctx), dict[tuple[int, Site], torch.Tensor]()

    def keep(x: torch.Tensor, hook: object, place: tuple[int, Site]) -> None:
        seen[place] = x[0].float()

    ids = model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(length)]])
    model.run(ids, [(site_hook(*place), partial(keep, place=place)) for place in places])
    for layer in range(model.info.n_layers):
        stream, pattern, z = (seen[layer, site] for site in _MIXED)
        try:
            made = values(model, layer, normed(model, layer, stream[None])[0])
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            return False
        mixed = torch.einsum("hqk,hkd->qhd", pattern, made)
        if not bool(torch.isfinite(mixed).all() and torch.isfinite(z).all()):
            return None
        least = _TOLERANCE.get(model.info.dtype, _HALF_TOLERANCE) * float(z.abs().max())
        if mixed.shape != z.shape or bool((mixed - z).abs().max() > max(least, _TINY)):
            return False
    return True


def _attention(model: LoadedModel, layer: int) -> Any | None:
    """Return a layer's attention, or None where the architecture shows no such part."""
    blocks = getattr(model.bridge, "blocks", ())
    return getattr(blocks[layer], "attn", None) if layer < len(blocks) else None


def _decompressed_values(model: LoadedModel, attention: Any, read: torch.Tensor) -> torch.Tensor:
    """Return the values `[rows, head, width]` that DeepSeek's attention makes in two steps."""
    down, norm, up = (getattr(attention.original_component, name) for name in _LATENT)
    latent = _feed(model, down, read)[:, : up.in_features]
    whole = _feed(model, up, _feed(model, norm, latent))
    heads = model.info.n_heads
    width = (input_width(attention.o) or heads * model.info.d_head) // heads
    return whole.view(len(read), heads, -1)[..., -width:]


def embeddings(model: LoadedModel, ids: torch.Tensor, source: str, lead: int) -> torch.Tensor:
    """Return tokens as heads are fed them, `[tokens, d_model]`, before any norm of the head.

    Raises:
        BadInputError: The model does not show what they are read off.
    """
    for site in _EMBEDDED_AT[source]:
        require_shown(model, [0], site)
    if source == "layer0":
        return stream_after_first(model, ids, lead)
    return first_mlp(model, ids) if source == "mlp0" else raw_embeddings(model, ids)


def raw_embeddings(model: LoadedModel, token_ids: torch.Tensor) -> torch.Tensor:
    """Return the embedding matrix's rows of tokens, float32 `[tokens, d_model]`, no positions."""
    table = model.bridge.original_model.get_input_embeddings()
    with torch.no_grad():
        found: torch.Tensor = table(token_ids.to(model.device))
    return found.float()


def stream_after_first(model: LoadedModel, token_ids: torch.Tensor, lead: int) -> torch.Tensor:
    """Return the stream after layer 0 of each token behind a lead token, `[tokens, d_model]`."""
    rows = torch.stack([torch.full_like(token_ids, lead), token_ids], dim=1)
    return torch.cat(
        [
            model.seen(some, site_hook(0, "resid_post")).float()[:, -1]
            for some in torch.split(rows, _TOKENS_AT_ONCE // 2)
        ]
    )


def first_mlp(model: LoadedModel, token_ids: torch.Tensor) -> torch.Tensor:
    """Return what layer 0's MLP makes of each token's embedding alone, `[tokens, d_model]`.

    No position embedding and no attention: both are taken away.
    """
    found = []
    for some in torch.split(token_ids, _TOKENS_AT_ONCE):
        stream = raw_embeddings(model, some)[:, None]
        hooks: list[tuple[str, Callable[..., torch.Tensor]]] = [
            (site_hook(0, "resid_pre"), lambda x, hook, stream=stream: stream.to(x)),
            (site_hook(0, "attn_out"), lambda x, hook: torch.zeros_like(x)),
        ]
        seen = model.seen(some[:, None], site_hook(0, "mlp_out"), hooks)
        found.append(seen.float()[:, -1])
    return torch.cat(found)


def unembedding(model: LoadedModel, token_ids: torch.Tensor | None = None) -> torch.Tensor:
    """Return columns of the unembedding, float32 `[d_model, tokens]`; None takes all of them."""
    table = model.bridge.original_model.get_output_embeddings()
    weight = getattr(table, "weight", None)
    if weight is not None and weight.device.type != "meta":
        rows: torch.Tensor = (
            weight.detach() if token_ids is None else weight.detach()[token_ids.to(weight.device)]
        )
        columns: torch.Tensor = rows.float().T
        return columns.to(model.device)
    width = model.info.d_model
    zero = _feed(model, table, torch.zeros(1, width))
    parts = []
    for some in torch.split(torch.eye(width), _ROWS_AT_ONCE):
        columns = _feed(model, table, some) - zero
        parts.append(columns if token_ids is None else columns[:, token_ids.to(columns.device)])
    return torch.cat(parts)


def unembedding_bias(model: LoadedModel, token_ids: torch.Tensor) -> torch.Tensor:
    """Return what the unembedding adds to the logits of tokens by itself, float32 `[tokens]`."""
    table = model.bridge.original_model.get_output_embeddings()
    given = _feed(model, table, torch.zeros(1, model.info.d_model))[0]
    return given[token_ids.to(given.device)]


def final_normed(model: LoadedModel, stream: torch.Tensor) -> torch.Tensor:
    """Return streams behind the final norm, float32: `[rows, d_model]`, or `[runs, S, d_model]`."""
    norm = getattr(model.bridge, "ln_final", None)
    return stream.float() if norm is None else _feed(model, norm, stream)


def _linear(model: LoadedModel, project: Any) -> torch.Tensor:
    """Return the matrix `[d_in, d_out]` of a linear module, its bias taken away."""
    width = model.info.d_model
    rows = torch.cat([torch.eye(width), torch.zeros(1, width)])
    out = _feed(model, project, rows)
    return out[:-1] - out[-1]


def _feed(model: LoadedModel, module: Any, rows: torch.Tensor) -> torch.Tensor:
    """Return what a module makes of rows `[(runs,) rows, width]`, in and out as float32.

    Runs begin at position 0; rows alone stand at later ones, which tells where norms divide by
    constants.
    """
    dtype = next(iter(model.bridge.original_model.parameters())).dtype
    given = rows.to(model.device, dtype)
    with torch.no_grad():
        if given.ndim > 2:
            runs: torch.Tensor = module(given)
            return runs.float()
        lead = int(model.info.layernorm == "constant")
        out: torch.Tensor = module(torch.cat([given[:lead], given])[None])[0, lead:]
    return out.float()


def _by_head(model: LoadedModel, matrix: torch.Tensor, width: int) -> torch.Tensor:
    """Return `[d_model, heads · width]` as `[head, d_model, width]`, one for each query head."""
    return _expand(model, matrix.view(len(matrix), -1, width)).permute(1, 0, 2)


def _expand(model: LoadedModel, x: torch.Tensor) -> torch.Tensor:
    """Repeat key-value heads on axis 1 so that query head h finds its own at h."""
    return x.repeat_interleave(model.info.n_heads // x.shape[1], dim=1)
