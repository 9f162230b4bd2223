"""The residual stream of prompts: what stands in it at each layer, and what each part adds to it.

A block adds what its attention gives and what its MLP gives, behind the norms that follow them and
times the multipliers that the architecture has: `attn_out` and `mlp_out` are taken there, so that
embeddings, all attention and all MLPs add up to the stream. Hugging Face's last hidden state has
been through the final norm already and is no stream: what stands before that norm is taken where
the norm reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from desktop_app.contract.report import ShareReporter
from desktop_app.engine.interventions import Edit, Place, make_editor
from desktop_app.engine.memory import BYTES_PER_ITEM, budget_bytes, texts_per_pass
from desktop_app.engine.model import READ_HOOK, LoadedModel, Site, site_hook
from desktop_app.engine.noise import share_rounded
from desktop_app.engine.sites import report_hooks, require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.prepare import equal_length_groups
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn

T = TypeVar("T")
Changes = tuple[int, tuple[Edit, ...]]
"""The row of the prompts that is run once more, and what is changed in that run."""

FINAL_NORM = "ln_final.hook_in"
"""Where the final norm reads the stream, in architectures that have one."""
_PARTS: tuple[Site, Site] = ("attn_out", "mlp_out")
# What is kept of all layers at once may take this share of what a pass may.
_SHARE_KEPT = 0.5


@dataclass(frozen=True)
class Wanted:
    """What is kept of a run beside its stream.

    Attributes:
        parts: Whether what attention and MLPs add is.
        sites: Further sites of every layer.
        read: The position of each run at which the model's own logits are wanted; None: of none.
        names: Further hooks by their names.
        alone: Whether of every run only two positions are kept, the first and the read one, which
            may be the same: a norm may know the first.
        at: The positions that are kept; None: all of them.
    """

    parts: bool = False
    sites: tuple[Site, ...] = ()
    read: Sequence[int] | None = None
    names: tuple[str, ...] = ()
    alone: bool = False
    at: slice | None = None


STREAM = Wanted()


@dataclass(frozen=True)
class Streams:
    """What was seen of runs of one length, untouched prompts first and then the changed runs.

    Attributes:
        stream: Before each block, and behind the last: layers + 1 tensors `[runs, S, d_model]`, in
            the model's own dtype.
        attn: What the attention of each layer adds to it, `[runs, S, d_model]`; empty where the
            parts were not asked for.
        mlp: What each MLP adds to it, likewise.
        sites: What was seen at other sites, by layer and site.
        named: What was seen at hooks of a name.
        normed: What the unembedding reads, `[runs, S, d_model]`.
        logits: The model's own, float32 `[runs, V]` at the read positions; empty where none were
            asked for.
    """

    stream: tuple[torch.Tensor, ...]
    attn: tuple[torch.Tensor, ...] = ()
    mlp: tuple[torch.Tensor, ...] = ()
    sites: Mapping[tuple[int, Site], torch.Tensor] = field(default_factory=dict)
    named: Mapping[str, torch.Tensor] = field(default_factory=dict)
    normed: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    logits: torch.Tensor = field(default_factory=lambda: torch.empty(0))

    def missing(self) -> list[float]:
        """Return, layer by layer, the largest share of a stream that its parts do not explain.

        It is a share of the largest of all that is added there: where huge activations are taken
        back, what is left is as small as the rounding of half precision.
        """
        found = []
        for layer, (attn, mlp) in enumerate(zip(self.attn, self.mlp, strict=True)):
            before, behind = self.stream[layer].float(), self.stream[layer + 1].float()
            parts = (before, behind, attn.float(), mlp.float())
            rest = behind - before - parts[2] - parts[3]
            sizes = torch.stack([part.norm(dim=-1) for part in parts]).amax(0)
            found.append(float((rest.norm(dim=-1) / sizes.clamp_min(1e-12)).max()))
        return found


def read_streams(
    model: LoadedModel,
    ids: torch.Tensor,
    wanted: Wanted = STREAM,
    *,
    changes: Sequence[Changes] = (),
    report: Reporter | None = None,
) -> Streams:
    """Run prompts of one length, and keep what stands in their streams.

    Args:
        model: The model.
        ids: Token ids `[N, S]`.
        wanted: What is kept beside the stream.
        changes: Runs in rows of their own behind those of the prompts, with something changed.
        report: Told at every layer; may cancel there.

    Raises:
        BadInputError: The model does not show a place that is asked for.
    """
    layers = range(model.info.n_layers)
    sites: list[Site] = [*(_PARTS if wanted.parts else ()), *wanted.sites]
    for site in sites:
        require_shown(model, layers, site)
    rows = torch.tensor([*range(len(ids)), *(row for row, _edits in changes)])
    shape = (len(rows), ids.shape[1])
    read = [ids.shape[1] - 1] * len(rows) if wanted.read is None else list(wanted.read)
    only = torch.tensor([[0, at] for at in read]) if wanted.alone else None
    if wanted.at is not None:
        only = torch.arange(ids.shape[1])[wanted.at].expand(len(rows), -1)
    kept: dict[str, torch.Tensor] = {}
    hooks = [*_edit_hooks(changes, len(ids), ids.shape[1])]
    places = {(layer, site): site_hook(layer, site) for layer in layers for site in sites}
    seen = (*_stream_hooks(model), *places.values(), *wanted.names, READ_HOOK)
    keep = partial(_keep, kept=kept, shape=shape, only=only)
    hooks += [(name, partial(keep, name=name)) for name in seen]
    if report is not None:
        hooks += report_hooks(model, report)
    hooks.append((READ_HOOK, partial(_at, positions=torch.tensor(read))))
    with no_hooks_left(model):
        logits = model.run(ids[rows.to(ids.device)], hooks)
    return Streams(
        stream=tuple(kept[name] for name in _stream_hooks(model)),
        attn=tuple(kept[places[n, "attn_out"]] for n in layers) if wanted.parts else (),
        mlp=tuple(kept[places[n, "mlp_out"]] for n in layers) if wanted.parts else (),
        sites={place: kept[name] for place, name in places.items()},
        named={name: kept[name] for name in wanted.names},
        normed=kept[READ_HOOK],
        logits=torch.empty(0) if wanted.read is None else logits[:, 0].float(),
    )


def unexplained(model: LoadedModel, streams: Streams) -> tuple[int, float] | None:
    """Return the first layer that adds more to the stream than attention and MLP, and which share.

    None where there is no such layer: the stream is the sum of its parts.
    """
    allowed = share_rounded(model.info.dtype)
    for layer, share in enumerate(streams.missing()):
        if share > allowed:
            return layer, share
    return None


def no_sum(model: LoadedModel, layer: int, share: float) -> str:
    """Say that a stream is not the sum of its parts, and what does not follow."""
    return (
        f"The stream of {model.info.name} is not the sum of its embeddings, attention and MLPs: "
        f"layer {layer} does more to it ({100 * share:.2g} % of it), so no part has a share of its "
        "own"
    )


def require_sum(model: LoadedModel, streams: Streams) -> None:
    """Refuse a model whose blocks add more to the stream than attention and MLP.

    Raises:
        BadInputError: It names the layer and how much is missing.
    """
    found = unexplained(model, streams)
    if found is not None:
        raise BadInputError(f"{no_sum(model, *found)}; choose another model.")


def by_length(
    model: LoadedModel,
    texts: Sequence[Sequence[int]],
    work: Callable[[list[int], torch.Tensor, Reporter], T],
    report: Reporter,
    *,
    kept: int = 1,
) -> Iterator[tuple[list[int], T]]:
    """Yield what is made of texts, those of one length together where the model stands it.

    Args:
        model: The model.
        texts: Token ids, unpadded.
        work: Given the numbers of texts, their ids `[N, S]`, and where to report.
        report: Of the whole.
        kept: How many tensors of the stream's shape are kept of each layer.

    Raises:
        MemoryExhaustedError: Not even one text at a time fits.
    """
    whole, done = sum(len(text) for text in texts), 0
    for group in _groups(model, [len(text) for text in texts], kept):

        def some(rows: slice, group: list[int] = group, done: int = done) -> tuple[list[int], T]:
            numbers = group[rows]
            length = len(texts[numbers[0]])
            before = done + length * rows.start
            share = ShareReporter(report, before / whole, length * len(numbers) / whole)
            return numbers, work(numbers, model.ids([texts[n] for n in numbers]), share)

        for _rows, found in in_batches(model, len(group), len(group), some):
            yield found
        done += len(texts[group[0]]) * len(group)


def _groups(model: LoadedModel, lengths: Sequence[int], kept: int) -> list[list[int]]:
    item = BYTES_PER_ITEM.get(model.info.dtype, 4)
    found = []
    for length in dict.fromkeys(lengths):
        own = [n for n, other in enumerate(lengths) if other == length]
        each = kept * (model.info.n_layers + 1) * length * model.info.d_model * item
        limit = min(
            texts_per_pass(model, length, 1), int(_SHARE_KEPT * budget_bytes(model) / max(1, each))
        )
        limit = max(1, limit) if model.reads_together else 1
        found += [[own[i] for i in g] for g in equal_length_groups([length] * len(own), limit)]
    return sorted(found)


def _stream_hooks(model: LoadedModel) -> tuple[str, ...]:
    """Return where the stream is seen: before each block, and where the final norm reads it."""
    last = model.info.n_layers - 1
    final = FINAL_NORM if model.has_hook(FINAL_NORM) else site_hook(last, "resid_post")
    return (*(site_hook(layer, "resid_pre") for layer in range(last + 1)), final)


def _edit_hooks(
    changes: Sequence[Changes], first: int, length: int
) -> Iterator[tuple[str, HookFn]]:
    """Yield hooks that change each changed run in its own row; they come before what is kept."""
    places: dict[tuple[int, Site], list[tuple[int, Edit]]] = {}
    for number, (_row, edits) in enumerate(changes):
        for edit in edits:
            places.setdefault((edit.layer, edit.site), []).append((first + number, edit))
    for (layer, site), members in places.items():
        editor = make_editor(members, Place(0, length))
        if editor is not None:
            yield site_hook(layer, site), editor


def _keep(
    x: torch.Tensor,
    hook: object,
    *,
    kept: dict[str, torch.Tensor],
    name: str,
    shape: tuple[int, int],
    only: torch.Tensor | None,
) -> None:
    # OPT joins rows and positions to one axis around its MLP.
    x = (x.view(*shape, -1) if x.ndim == 2 else x).detach()
    kept[name] = x.clone() if only is None else x[torch.arange(len(x))[:, None], only.to(x.device)]


def _at(x: torch.Tensor, hook: object, *, positions: torch.Tensor) -> torch.Tensor:
    rows = torch.arange(len(x), device=x.device)
    return x[rows, positions.to(x.device)][:, None]
