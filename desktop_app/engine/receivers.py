"""What each part of a model reads: every head's query, key and value, every MLP, and the logits.

All parts of a layer read one stream. Here each input reads a stream of its own: the run's, plus an
offset. To that end a pass carries, behind the rows of the runs, a row for each input of a layer: at
each block these rows become the run's stream plus what their input is given, and what the block
makes of them there, one head's query, say, goes into the run. So the norms, biases and rotations
are the model's own, whatever they are, and the gradient by an offset is the gradient by an input.

The rows are there from the first layer on: none joins, so that every architecture stands it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import torch

from desktop_app.engine.model import READ_HOOK, Site, site_hook
from desktop_app.engine.sites import report_hooks, require_acting, require_shown
from desktop_app.engine.sweep_pass import no_hooks_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn, LoadedModel

FINAL_NORM = "ln_final.hook_in"
"""Where the final norm reads the stream, in architectures that have one."""

Kind = Literal["q", "k", "v", "mlp"]
KIND_SITES: dict[Kind, Site] = {
    "q": "head_q",
    "k": "head_k",
    "v": "head_v",
    "mlp": "mlp_out",
}
"""The kinds of inputs of a layer, in the order in which they are numbered, and where it shows what
is made of each: an MLP's output, and not what the input itself is."""
_INSTEAD = "choose another model, as edges need it"


@dataclass(frozen=True)
class Inputs:
    """The inputs of one layer, numbered: queries by head, keys, values by their head, the MLP."""

    heads: int
    kv_heads: int

    @classmethod
    def of(cls, model: LoadedModel) -> Inputs:
        """Return the inputs that each layer of a model has."""
        return cls(model.info.n_heads, model.info.n_kv_heads)

    def __len__(self) -> int:
        return self.heads + 2 * self.kv_heads + 1

    def count(self, kind: Kind) -> int:
        """How many inputs of a kind a layer has."""
        return {"q": self.heads, "mlp": 1}.get(kind, self.kv_heads)

    def first(self, kind: Kind) -> int:
        """The number of the first input of a kind."""
        before = {"q": 0, "k": self.heads, "v": self.heads + self.kv_heads}
        return before.get(kind, self.heads + 2 * self.kv_heads)


class Offsets(Protocol):
    """What the inputs of runs are given beside the runs' own stream, made layer by layer.

    A pass asks for those of attention before a layer is run, and in blocks whose MLP runs beside
    their attention for the MLP's as well.
    """

    def attention(self, layer: int) -> torch.Tensor:
        """Return what each query, key and value is given, `[runs, inputs − 1, S, d_model]`."""
        ...

    def mlp(self, layer: int) -> torch.Tensor:
        """Return what the MLP is given, `[runs, S, d_model]`."""
        ...

    def final(self) -> torch.Tensor:
        """Return what the final norm is given, `[runs, S, d_model]`."""
        ...

    def saw(self, layer: int, site: Site, x: torch.Tensor) -> None:
        """Hear what the runs' own z, and what their attention and MLP add, `[runs, S, ...]`."""
        ...


@dataclass(frozen=True)
class Runs:
    """Runs of one length.

    Attributes:
        ids: Token ids `[runs, S]`.
        entering: What enters the first block, `[runs, S, d_model]`.
        read: The position of each run at which logits are wanted; None: at all of them.
    """

    ids: torch.Tensor
    entering: torch.Tensor
    read: Sequence[int] | None


def is_parallel(model: LoadedModel, layer: int) -> bool:
    """Return whether a block's MLP reads the stream that its attention reads."""
    return (layer, "resid_mid") in model.unfit or not model.has_hook(site_hook(layer, "resid_mid"))


def require_inputs(model: LoadedModel) -> None:
    """Refuse a model whose queries, keys, values, MLPs cannot be exchanged one by one.

    Raises:
        BadInputError: It names the place.
    """
    layers = range(model.info.n_layers)
    for site in KIND_SITES.values():
        require_acting(model, layers, site, _INSTEAD)
    for site in ("head_z", "attn_out"):
        require_shown(model, layers, site, _INSTEAD)


def run_inputs(
    model: LoadedModel,
    runs: Runs,
    offsets: Offsets,
    *,
    gradients: bool = False,
    report: Reporter | None = None,
) -> torch.Tensor:
    """Return the logits of runs whose inputs read streams of their own.

    Args:
        model: The model.
        runs: What is run.
        offsets: What each input is given beside the run's own stream.
        gradients: Whether the logits can be differentiated by the offsets.
        report: Told at every layer; may cancel there.

    Returns:
        `[runs, V]`, or `[runs, S, V]` where no position is named, in the model's own dtype.
    """
    ids = runs.ids
    rows = _Rows(model, ids.shape, len(Inputs.of(model)))
    hooks = [*rows.enter(runs.entering), *rows.hooks(offsets)]
    hooks.append((READ_HOOK, partial(_keep_runs, runs=len(ids), read=runs.read)))
    with no_hooks_left(model):
        logits = model.run(
            rows.ids(ids), [*report_hooks(model, report), *hooks], gradients=gradients
        )
    return logits if runs.read is None else logits[:, 0]


class _Rows:
    """The rows of a pass: those of the runs, then run by run one for each input of a layer."""

    def __init__(self, model: LoadedModel, shape: torch.Size, each: int) -> None:
        self._model, self._each = model, each
        self._runs, self._length = shape

    def ids(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.cat([ids, ids.repeat_interleave(self._each, dim=0)])

    def enter(self, streams: torch.Tensor) -> Iterator[tuple[str, HookFn]]:
        """Yield the hook that lets the runs begin; their inputs' rows are made anew later."""
        everyone = torch.cat([streams, streams.repeat_interleave(self._each, dim=0)])
        yield site_hook(0, "resid_pre"), lambda x, hook: everyone.to(x)

    def hooks(self, offsets: Offsets) -> Iterator[tuple[str, HookFn]]:
        inputs, layers = Inputs.of(self._model), range(self._model.info.n_layers)
        for layer in layers:
            beside = is_parallel(self._model, layer)
            give = partial(self._give, offsets=offsets, layer=layer, beside=beside)
            yield site_hook(layer, "resid_pre"), give
            if not beside:
                give_mlp = partial(self._give_mlp, offsets=offsets, layer=layer)
                yield site_hook(layer, "resid_mid"), give_mlp
            for kind, site in KIND_SITES.items():
                first, count = inputs.first(kind), inputs.count(kind)
                take = (
                    self._take_mlp
                    if kind == "mlp"
                    else partial(self._take, first=first, count=count)
                )
                yield site_hook(layer, site), take
            for site in ("head_z", "attn_out", "mlp_out"):
                yield (
                    site_hook(layer, site),
                    partial(self._tell, offsets=offsets, layer=layer, site=site),
                )
        name = final_hook(self._model)
        yield name, partial(self._give_final, offsets=offsets)

    def _give(
        self, x: torch.Tensor, hook: object, *, offsets: Offsets, layer: int, beside: bool
    ) -> torch.Tensor:
        own = x[: self._runs]
        given = offsets.attention(layer)
        of_mlp = offsets.mlp(layer)[:, None] if beside else given.new_zeros(len(own), 1, 1, 1)
        attention = own[:, None] + given.to(own)
        return torch.cat(
            [own, torch.cat([attention, own[:, None] + of_mlp.to(own)], 1).flatten(0, 1)]
        )

    def _give_mlp(
        self, x: torch.Tensor, hook: object, *, offsets: Offsets, layer: int
    ) -> torch.Tensor:
        """Exchange what the MLP reads in the last row of each run; the stream flows past it."""
        whole = self._by_row(x)
        rows = self._of_inputs(whole)
        given = (whole[: self._runs] + offsets.mlp(layer).to(x))[:, None]
        found = torch.cat([whole[: self._runs], torch.cat([rows[:, :-1], given], 1).flatten(0, 1)])
        return found.view(x.shape)

    def _give_final(self, x: torch.Tensor, hook: object, *, offsets: Offsets) -> torch.Tensor:
        return torch.cat([x[: self._runs] + offsets.final().to(x), x[self._runs :]])

    def _take(self, x: torch.Tensor, hook: object, *, first: int, count: int) -> torch.Tensor:
        """Put into each run what every head's own row holds of it."""
        rows = self._of_inputs(x)[:, first : first + count]
        own = rows.diagonal(dim1=1, dim2=3).movedim(-1, 2)
        return torch.cat([own, x[self._runs :]])

    def _take_mlp(self, x: torch.Tensor, hook: object) -> torch.Tensor:
        whole = self._by_row(x)
        rows = self._of_inputs(whole)
        return torch.cat([rows[:, -1], whole[self._runs :]]).view(x.shape)

    def _tell(
        self, x: torch.Tensor, hook: object, *, offsets: Offsets, layer: int, site: Site
    ) -> None:
        offsets.saw(layer, site, self._by_row(x)[: self._runs])

    def _of_inputs(self, x: torch.Tensor) -> torch.Tensor:
        """Return the rows of the inputs, run by run."""
        return x[self._runs :].view(self._runs, self._each, *x.shape[1:])

    def _by_row(self, x: torch.Tensor) -> torch.Tensor:
        # OPT joins rows and positions to one axis around its MLP.
        return x.view(-1, self._length, x.shape[-1]) if x.ndim == 2 else x


def final_hook(model: LoadedModel) -> str:
    """Return where the stream behind the last block is seen before the final norm."""
    last = model.info.n_layers - 1
    return FINAL_NORM if model.has_hook(FINAL_NORM) else site_hook(last, "resid_post")


@dataclass(frozen=True)
class Made:
    """What the inputs of one layer make of streams.

    Attributes:
        by_kind: Queries, keys and values `[changes, S, heads of the kind, width]`, and what the MLP
            adds, `[changes, S, d_model]`.
    """

    by_kind: Mapping[Kind, torch.Tensor]


def make_inputs(
    model: LoadedModel,
    ids: torch.Tensor,
    changes: torch.Tensor,
    wanted: Mapping[int, tuple[Sequence[int], Sequence[int]]],
    report: Reporter | None = None,
) -> dict[int, Made]:
    """Return what the inputs of layers make of an untouched run's stream plus single changes.

    Args:
        model: The model.
        ids: Token ids `[1, S]` of the run.
        changes: `[changes, S, d_model]`.
        wanted: By layer the numbers of the changes that its attention reads, and of those that its
            MLP reads; the same ones in blocks where the two run side by side.
        report: Told at every layer; may cancel there.
    """
    length = ids.shape[1]
    most = max((max(map(len, pair)) for pair in wanted.values()), default=0)
    seen: dict[tuple[int, Kind], torch.Tensor] = {}

    def by_row(x: torch.Tensor) -> torch.Tensor:
        return x.view(-1, length, x.shape[-1]) if x.ndim == 2 else x

    def give(x: torch.Tensor, hook: object, numbers: torch.Tensor) -> torch.Tensor:
        whole = by_row(x).clone()
        whole[1:] = whole[:1]
        whole[1 : 1 + len(numbers)] += changes[numbers].to(x)
        return whole.view(x.shape)

    def keep(x: torch.Tensor, hook: object, place: tuple[int, Kind], count: int) -> None:
        seen[place] = by_row(x)[1 : 1 + count].clone()

    hooks: list[tuple[str, HookFn]] = []
    for layer in range(model.info.n_layers):
        of_attention, of_mlp = wanted.get(layer, ((), ()))
        attention, mlp = (torch.tensor(n, dtype=torch.long) for n in (of_attention, of_mlp))
        hooks.append((site_hook(layer, "resid_pre"), partial(give, numbers=attention)))
        if layer not in wanted:
            continue
        if not is_parallel(model, layer):
            hooks.append((site_hook(layer, "resid_mid"), partial(give, numbers=mlp)))
        for kind, site in KIND_SITES.items():
            count = len(of_mlp if kind == "mlp" else of_attention)
            hooks.append((site_hook(layer, site), partial(keep, place=(layer, kind), count=count)))
    hooks.append((READ_HOOK, lambda x, hook: x[:1, -1:]))
    with no_hooks_left(model):
        model.run(ids.expand(1 + most, -1), [*report_hooks(model, report), *hooks])
    return {layer: Made({kind: seen[layer, kind] for kind in KIND_SITES}) for layer in wanted}


def _keep_runs(
    x: torch.Tensor, hook: object, *, runs: int, read: Sequence[int] | None
) -> torch.Tensor:
    if read is None:
        return x[:runs]
    rows = torch.arange(runs, device=x.device)
    return x[rows, torch.tensor(read, device=x.device)][:, None]
