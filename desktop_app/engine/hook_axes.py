"""Which axes a model's hooks have: looked at once when it is loaded, on a few tokens.

Everything above counts on `[batch, position, …]` for streams and outputs, on
`[batch, position, head, width]` for queries, keys, values and z, whose heads × width is what the
output projection reads, and on `[batch, head, query, key]` for the pattern. Where a hook shows
something else the right axes are taken, if they can be told; else the place is unfit by name, with
the reason. DeepSeek's attention, say, has values wider than its rotary part: the bridge splits z by
the latter, and shows heads where positions are meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import torch

from desktop_app.engine.model import Site, input_width, site_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import ModelInfo

Place = tuple[int, Site]
"""A layer, and a place in it."""

_HEADED: frozenset[Site] = frozenset({"head_z", "head_q", "head_k", "head_v"})
_KEY_VALUE: frozenset[Site] = frozenset({"head_k", "head_v"})
# The scores are held to the pattern wherever they are shown.
_SITES: tuple[Site, ...] = tuple(site for site in get_args(Site) if site != "scores")
_LENGTHS = (6, 5, 7, 4, 3, 2)
_TOLERANCE = {torch.float32: 1e-3}
_HALF_TOLERANCE = 5e-2


@dataclass(frozen=True)
class HookAxes:
    """What was found.

    Attributes:
        unfit: Places that no analysis may read or write, and why.
        taken: Places whose hooks were given the axes that are meant, in any layer.
        n_kv_heads: Key-value heads as they are shown.
        widest_head: The widest of queries, keys, values and z of a head.
    """

    unfit: dict[Place, str] = field(default_factory=dict)
    taken: tuple[Site, ...] = ()
    n_kv_heads: int = 0
    widest_head: int = 0


class Turned:
    """Shows `[batch, head, position, width]` with positions on axis 1, and turns it back."""

    splits_attention_heads = True

    def convert(self, x: Any, *_context: object) -> Any:
        """Return what a hook function is given."""
        return x.transpose(1, 2) if isinstance(x, torch.Tensor) and x.ndim == 4 else x

    revert = convert


class Split:
    """Shows `[batch, position, heads · width]` head by head, and joins it again."""

    splits_attention_heads = True

    def __init__(self, heads: int) -> None:
        self._heads = heads

    def convert(self, x: Any, *_context: object) -> Any:
        """Return what a hook function is given."""
        return x.unflatten(-1, (self._heads, -1)) if x.ndim == 3 else x

    def revert(self, x: Any, *_context: object) -> Any:
        """Return what goes on through the model."""
        return x.flatten(-2) if x.ndim == 4 else x


@dataclass(frozen=True)
class _Counts:
    """What an axis can be: positions, and heads of either kind."""

    length: int
    heads: int
    kv_heads: int

    def of(self, site: Site) -> int:
        return self.kv_heads if site in _KEY_VALUE else self.heads


def examine(bridge: Any, info: ModelInfo) -> HookAxes:
    """Run a few tokens, put right what can be, and return which places are unfit.

    Hooks whose axes are others are given a conversion of their own, which stays with the model.
    """
    length = next(
        (n for n in _LENGTHS if n <= info.n_ctx and n not in {info.n_heads, info.n_kv_heads}), 1
    )
    ids = torch.tensor([[(7 * i + 3) % info.d_vocab for i in range(length)]])
    seen = _look(bridge, ids, info.n_layers)
    counts = _Counts(length, info.n_heads, _kv_heads(seen, info))
    changed = [place for place in seen if _take_right_axes(bridge, place, seen[place], counts)]
    if changed:
        seen = _look(bridge, ids, info.n_layers)
    unfit = dict(_unfit(bridge, seen, counts, info))
    for layer, site in changed:
        if site == "head_z" and (layer, site) not in unfit and not _mixes(seen, layer, counts):
            unfit[layer, site] = f"its heads cannot be told apart in layer {layer}"
    widths = [x.shape[-1] for (_layer, site), x in seen.items() if site in _HEADED and x.ndim == 4]
    taken = tuple(sorted({site for _layer, site in changed}))
    return HookAxes(unfit, taken, counts.kv_heads, max(widths, default=info.d_head))


def _look(bridge: Any, ids: torch.Tensor, n_layers: int) -> dict[Place, torch.Tensor]:
    """Return what the hooks of every place show of token ids."""
    seen: dict[Place, torch.Tensor] = {}

    def note(x: torch.Tensor, hook: object, place: Place) -> None:
        # The last one counts where a hook speaks twice.
        seen[place] = x.detach().clone()

    places = [(layer, site) for layer in range(n_layers) for site in _SITES]
    hooks = [
        (site_hook(*place), partial(note, place=place))
        for place in places
        if site_hook(*place) in bridge.hook_dict
    ]
    device = torch.device(str(bridge.cfg.device or "cpu"))
    with torch.no_grad():
        bridge.run_with_hooks(ids.to(device), fwd_hooks=hooks, use_cache=False)
    return seen


def _kv_heads(seen: dict[Place, torch.Tensor], info: ModelInfo) -> int:
    """Return the number of key-value heads: the one shown everywhere where it is a smaller one.

    Some configurations do not say that all heads share their keys and values.
    """
    shown = {x.shape[2] for (_l, site), x in seen.items() if site in _KEY_VALUE and x.ndim == 4}
    count = shown.pop() if len(shown) == 1 else info.n_kv_heads
    return count if count < info.n_kv_heads and info.n_heads % count == 0 else info.n_kv_heads


def _take_right_axes(bridge: Any, place: Place, x: torch.Tensor, counts: _Counts) -> bool:
    """Give a hook the conversion that its axes need; return whether it needed one."""
    layer, site = place
    if site not in _HEADED or _has_heads(x, site, counts):
        return False
    point = bridge.hook_dict[site_hook(layer, site)]
    heads, turned = counts.of(site), (1, counts.of(site), counts.length)
    if x.ndim == 4 and tuple(x.shape[:3]) == turned and point.hook_conversion is None:
        point.hook_conversion = Turned()
        return True
    width = x[0, 0].numel() if x.ndim > 2 and x.shape[1] == counts.length else 0
    # Of queries, keys and values a flat axis may hold more than heads, such as their gates.
    if site != "head_z" or not width or width % heads:
        return False
    point.hook_conversion = Split(heads)
    return True


def _has_heads(x: torch.Tensor, site: Site, counts: _Counts) -> bool:
    return x.ndim == 4 and tuple(x.shape[:3]) == (1, counts.length, counts.of(site))


def _unfit(
    bridge: Any, seen: dict[Place, torch.Tensor], counts: _Counts, info: ModelInfo
) -> Iterator[tuple[Place, str]]:
    """Yield the places that cannot be used, and why."""
    for layer in range(info.n_layers):
        for site in _SITES:
            x = seen.get((layer, site))
            if x is None:
                yield (layer, site), f"layer {layer} does not show it"
            elif not _fits(bridge, (layer, site), x, counts, info):
                yield (layer, site), f"layer {layer} shows it as {_shape(x)}, not as {_meant(site)}"


def _fits(bridge: Any, place: Place, x: torch.Tensor, counts: _Counts, info: ModelInfo) -> bool:
    layer, site = place
    if site == "pattern":
        return tuple(x.shape) == (1, counts.heads, counts.length, counts.length)
    if site == "head_z":
        read = input_width(bridge.blocks[layer].attn.o)
        whole = x[0, 0].numel() if x.ndim == 4 else 0
        return _has_heads(x, site, counts) and read in {None, whole}
    if site in _HEADED:
        return _has_heads(x, site, counts)
    # OPT joins rows and positions to one axis around its MLP.
    return tuple(x.shape) in {(1, counts.length, info.d_model), (counts.length, info.d_model)}


def _mixes(seen: dict[Place, torch.Tensor], layer: int, counts: _Counts) -> bool:
    """Return whether z is, head by head, what the pattern takes of the values."""
    z, v, pattern = (seen.get((layer, site)) for site in ("head_z", "head_v", "pattern"))
    if z is None or v is None or pattern is None or not _has_heads(v, "head_v", counts):
        return False
    values = v[0].float().repeat_interleave(counts.heads // counts.kv_heads, dim=1)
    if values.shape != z.shape[1:]:
        return False
    mixed = torch.einsum("hqk,khd->qhd", pattern[0].float(), values)
    tolerance = _TOLERANCE.get(z.dtype, _HALF_TOLERANCE) * max(1e-6, float(mixed.abs().max()))
    return bool((z[0].float() - mixed).abs().max() <= tolerance)


def _shape(x: torch.Tensor) -> str:
    return "[" + ", ".join(map(str, x.shape)) + "]"


def _meant(site: Site) -> str:
    if site == "pattern":
        return "[batch, head, query, key]"
    return "[batch, position, head, width]" if site in _HEADED else "[batch, position, d_model]"


def value_biases(bridge: Any) -> tuple[tuple[float, float], ...]:
    """Return, layer by layer, how large the biases are of the norm before values and of values."""
    return tuple(_value_biases(block) for block in getattr(bridge, "blocks", ()))


def _value_biases(block: Any) -> tuple[float, float]:
    norm = getattr(getattr(block, "ln1", None), "original_component", None)
    norm_bias = _largest(getattr(norm, "bias", None))
    values = getattr(getattr(block, "attn", None), "v", None)
    weight = next(iter(block.parameters()), None)
    if values is None or weight is None or weight.device.type == "meta":
        return norm_bias, 0.0
    read = input_width(values)
    if read is None:
        return norm_bias, _largest(getattr(values, "bias", None))
    # Joint projections give each part its own share: fed with nothing, what comes out is the bias.
    with torch.no_grad():
        out: torch.Tensor = values(
            torch.zeros(1, 1, read, dtype=weight.dtype, device=weight.device)
        )
    return norm_bias, _largest(out)


def _largest(bias: object) -> float:
    if not isinstance(bias, torch.Tensor) or bias.device.type == "meta":
        return 0.0
    return float(bias.detach().abs().max())
