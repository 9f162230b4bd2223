"""One pass of a sweep: untouched rows first, then the variants that join layer by layer.

The call is made with a single row of ids, and the stream at the first block is replaced by that of
all prompts: attention masks and position embeddings then have batch size 1 and broadcast over
however many rows there are. That is why prompts of one sweep share their token length and are never
padded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.interventions import FromRun, Place, make_editor
from desktop_app.engine.model import READ_HOOK, LoadedModel, site_hook
from desktop_app.engine.shortcuts import (
    TRIMMED_SITES,
    KeysValues,
    PrefixCache,
    RecordingCache,
    abilities,
    trim_hooks,
)
from desktop_app.engine.standing import Standing, StandingChanges, put_standing

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.interventions import Edit, Variant
    from desktop_app.engine.model import HookFn

Score = Callable[[torch.Tensor, int, torch.Tensor | None], torch.Tensor]
"""(logits `[rows, V]` at the read position, prompt, untouched logits `[V]`) -> metric `[rows]`."""
Heard = Callable[[int, torch.Tensor], None]
"""(prompt, logits `[rows, V]` of its rows at the read position)."""

# What another pass costs, in tokens through the whole model: the weights are read once more. A GPU
# computes thousands of tokens in that time, and from a disk it must not happen at all.
_PASS_COST = {"cpu": 40.0}
_GPU_PASS_COST = 3000.0
# Logits are turned into numbers this many at a time: their float32 copies must stay small.
_LOGITS_AT_ONCE = 16_000_000


def pass_cost(model: LoadedModel) -> float:
    """Return what a pass costs by itself, in tokens through the whole model."""
    return _PASS_COST.get(model.device.type, _GPU_PASS_COST)


@dataclass(frozen=True)
class Loss:
    """Mean next-token cross-entropy in nats, in place of a metric at the read position.

    Attributes:
        targets: Token ids `[N, S]` that are predicted, each from the positions before it.
        first: The first predicted token that counts, 1 or later.
    """

    targets: torch.Tensor
    first: int = 1


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep reads.

    Attributes:
        read: The read position of each prompt.
        score: Turns logits at the read position into the metric; None where `loss` is given.
        loss: The loss that is the metric, or None.
        compared: For each prompt, which prompt's untouched logits the score is given; None: its
            own.
        heard: Told each prompt and the logits of its rows in a pass, its untouched row first; not
            of passes that begin after the read position and so cannot change them.
        standing: What is changed in every run of a prompt, that without variants too: the metric
            "untouched" is then that of the prompts so changed, and variants change them further.
        tokens: Most tokens of a pass on the CPU; None: as many as it gains from.
    """

    read: tuple[int, ...]
    score: Score | None = None
    loss: Loss | None = None
    compared: tuple[int, ...] | None = None
    heard: Heard | None = None
    standing: StandingChanges = field(default_factory=dict)
    tokens: int | None = None


@dataclass
class Prompts:
    """The untouched prompts of a sweep, and what its first pass finds out about them.

    Attributes:
        ids: `[N, S]`.
        stream: What enters the first block, `[N, S, d_model]`.
        records: Whether keys and values are kept for passes that begin later.
        keys_values: Those, per layer.
        base: The metric `[N]`, or None before the first pass.
        base_logits: At the read position `[N, V]`.
        base_losses: Cross-entropy of each token `[N, S]`, where the metric is a loss.
    """

    ids: torch.Tensor
    stream: torch.Tensor
    records: bool = False
    keys_values: KeysValues = field(default_factory=dict)
    base: torch.Tensor | None = None
    base_logits: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    base_losses: torch.Tensor = field(default_factory=lambda: torch.empty(0))


class Pass:
    """A pass that begins at one position and carries some variants, sorted by their layer.

    Attributes:
        untouched: The metric of its untouched rows `[N]`, once it has run.
    """

    def __init__(
        self,
        model: LoadedModel,
        prompts: Prompts,
        plan: SweepPlan,
        start: int,
        variants: Sequence[Variant],
    ) -> None:
        self._model = model
        self._prompts = prompts
        self._plan = plan
        self._start = start
        self._variants = variants
        n = len(prompts.ids)
        self._of = torch.tensor([*range(n), *(v.prompt for v in variants)])
        self._read = torch.tensor(plan.read)[self._of]
        self._trims = self._may_trim()
        self._grows = abilities(model).grows
        self.untouched = torch.empty(0)

    def run(self, report: Reporter, done: float, share: float) -> torch.Tensor:
        """Return the metric of each variant, float32 `[variants]`; note the prompts' own first.

        `done` is the fraction of the sweep that went before, `share` the one that this pass is.
        """
        prompts, first = self._prompts, self._start == 0 and self._prompts.base is None
        hooks: list[tuple[str, HookFn]] = []
        if self._grows:
            hooks += [(site_hook(0, "resid_pre"), self._enter), *self._join_hooks()]
        hooks += [
            *self._standing_hooks(),
            *self._edit_hooks(),
            *self._report_hooks(report, done, share),
        ]
        if self._trims:
            hooks += trim_hooks(self._model, self._keep_read)
        hooks.append((READ_HOOK, self._keep_predictions if self._plan.loss else self._keep_read))
        cache: RecordingCache | PrefixCache | None = None
        if self._start:
            cache = PrefixCache(prompts.keys_values, self._start, self._of)
        elif first and prompts.records:
            cache = RecordingCache(len(prompts.ids))
        # Where no row can join on the way, all of them run from the first layer on.
        ids = prompts.ids[:1, self._start :] if self._grows else prompts.ids[self._of]
        logits = self._model.run(ids, hooks, cache)
        if isinstance(cache, RecordingCache):
            prompts.keys_values = cache.found
        scores = self._losses(logits, note=first) if self._plan.loss else self._scores(logits)
        n = len(prompts.ids)
        self.untouched = scores[:n]
        if first:
            prompts.base = scores[:n]
            prompts.base_logits = self._read_logits(logits[:n])
        if self._plan.heard is not None:
            self._tell_logits(logits, self._plan.heard)
        return scores[n:]

    def _may_trim(self) -> bool:
        """Return whether the last layer may go on with each row's read position alone."""
        if self._plan.loss is not None or self._model.spec.offload != "none":
            return False
        last = self._model.info.n_layers - 1
        copies = [
            e
            for v in self._variants
            for e in v.edits
            if e.layer == last and isinstance(e.value, FromRun)
        ]
        # What is copied from another row must not be a position that row has let go.
        if any(e.reads_elsewhere for e in copies) or (copies and len(set(self._plan.read)) > 1):
            return False
        return abilities(self._model).trims

    def _enter(self, _x: torch.Tensor, hook: object) -> torch.Tensor:
        return self._prompts.stream[:, self._start :].clone()

    def _join_hooks(self) -> Iterator[tuple[str, HookFn]]:
        """Yield hooks that let each layer's variants join."""
        joining: dict[int, list[int]] = {}
        for variant in self._variants:
            joining.setdefault(variant.layer, []).append(variant.prompt)

        def join(x: torch.Tensor, hook: object, layer: int) -> torch.Tensor:
            return torch.cat([x, x[torch.tensor(joining[layer], device=x.device)]])

        for layer in joining:
            yield site_hook(layer, "resid_pre"), partial(join, layer=layer)

    def _standing_hooks(self) -> Iterator[tuple[str, HookFn]]:
        """Yield hooks that change every row as it is said of its prompt."""
        last = self._model.info.n_layers - 1
        for (layer, site), change in self._plan.standing.items():
            trimmed = self._trims and layer == last and site in TRIMMED_SITES
            yield site_hook(layer, site), partial(self._put, change=change, trimmed=trimmed)

    def _put(self, x: torch.Tensor, hook: object, change: Standing, *, trimmed: bool) -> None:
        computed = self._prompts.ids.shape[1] - self._start
        # OPT joins rows and positions to one axis.
        rows = x if x.ndim > 2 else x.view(-1, computed, x.shape[-1])
        read = self._read[: len(rows)] if trimmed and rows.shape[1] == 1 else None
        put_standing(rows, change, self._of[: len(rows)], read, self._start)

    def _edit_hooks(self) -> Iterator[tuple[str, HookFn]]:
        """Yield hooks that apply each variant's changes to its own row."""
        n = len(self._prompts.ids)
        places: dict[tuple[int, str], list[tuple[int, Edit]]] = {}
        for number, variant in enumerate(self._variants):
            for edit in variant.edits:
                places.setdefault((edit.layer, edit.site), []).append((n + number, edit))
        last, length = self._model.info.n_layers - 1, self._prompts.ids.shape[1]
        for (layer, site), members in places.items():
            editor: HookFn | None = make_editor(members, Place(self._start, length))
            if self._trims and layer == last and site in TRIMMED_SITES:
                editor = _by_length(
                    editor, make_editor(members, Place(self._start, length, self._read))
                )
            if editor is not None:
                yield site_hook(layer, members[0][1].site), editor

    def _report_hooks(
        self, report: Reporter, done: float, share: float
    ) -> Iterator[tuple[str, HookFn]]:
        """Yield a hook per layer that reports the share of arithmetic done; it may cancel."""
        layers, n = self._model.info.n_layers, len(self._prompts.ids)
        live = [n + sum(v.layer <= layer for v in self._variants) for layer in range(layers)]
        so_far = 0
        for layer in range(layers):
            fraction = min(1.0, done + share * so_far / sum(live))
            note = f"layer {layer + 1} of {layers}"
            tell = partial(_tell, report=report, fraction=fraction, note=note)
            yield site_hook(layer, "resid_pre"), tell
            so_far += live[layer]

    def _keep_read(self, x: torch.Tensor, hook: object) -> torch.Tensor:
        """Keep each row's read position, whatever comes after the position axis."""
        read = self._read.to(x.device) - self._start
        return x[torch.arange(len(x), device=x.device), read[: len(x)]][:, None]

    def _keep_predictions(self, x: torch.Tensor, hook: object) -> torch.Tensor:
        """Keep the positions that predict a token that counts."""
        loss = self._plan.loss
        first = 0 if loss is None else max(0, loss.first - 1 - self._start)
        return x[:, min(first, x.shape[1] - 1) :]

    def _read_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """Return untouched logits at the read position, `[N, V]`."""
        if not self._plan.loss:
            return logits[:, 0].clone()
        offset = self._prompts.ids.shape[1] - logits.shape[1]
        read = (self._read[: len(logits)] - offset).clamp_min(0).to(logits.device)
        return logits[torch.arange(len(logits), device=logits.device), read].clone()

    def _tell_logits(self, logits: torch.Tensor, heard: Heard) -> None:
        offset = self._prompts.ids.shape[1] - logits.shape[1]
        for prompt, read in enumerate(self._plan.read):
            at = read - offset if self._plan.loss else 0
            if at >= 0:
                heard(prompt, logits[(self._of == prompt).to(logits.device), at])

    def _scores(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the metric of every row, `[rows]`."""
        logits, prompts = logits[:, 0], self._prompts
        base = logits if prompts.base is None else prompts.base_logits
        scores = torch.empty(len(logits))
        step = max(1, _LOGITS_AT_ONCE // logits.shape[-1])
        compared = self._plan.compared or range(len(prompts.ids))
        for prompt, other in enumerate(compared):
            for rows in torch.split((self._of == prompt).nonzero()[:, 0], step):
                if self._plan.score is not None:
                    found = self._plan.score(logits[rows.to(logits.device)], prompt, base[other])
                    scores[rows] = found.float().cpu()
        return scores

    def _losses(self, logits: torch.Tensor, *, note: bool) -> torch.Tensor:
        """Return the loss of every row, `[rows]`; tokens before the start have the prompt's own."""
        loss = self._plan.loss
        if loss is None:
            raise TypeError("this sweep reads no loss")
        length = self._prompts.ids.shape[1]
        offset = length - logits.shape[1]  # the position of the first logits
        targets = loss.targets.to(logits.device)[self._of.to(logits.device), offset + 1 :]
        step = max(1, _LOGITS_AT_ONCE // max(1, logits.shape[1] * logits.shape[2]))
        found = torch.cat(
            [
                _cross_entropy(logits[i : i + step, :-1], targets[i : i + step])
                for i in range(0, len(logits), step)
            ]
        ).cpu()
        n = len(self._prompts.ids)
        if note:
            self._prompts.base_losses = torch.zeros(n, length)
            self._prompts.base_losses[:, offset + 1 :] = found[:n]
        whole = self._prompts.base_losses[self._of].clone()
        whole[:, offset + 1 :] = found
        return whole[:, loss.first :].mean(-1)


@contextmanager
def no_hooks_left(model: LoadedModel) -> Iterator[None]:
    """Make sure that nothing stays attached, whatever ends the run."""
    try:
        yield
    finally:
        if model.hooks_left():
            model.bridge.reset_hooks(including_permanent=True)


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    logits = logits.float()
    return logits.logsumexp(-1) - logits.gather(-1, targets[..., None])[..., 0]


def _tell(_x: torch.Tensor, hook: object, *, report: Reporter, fraction: float, note: str) -> None:
    report.step(fraction, note)


def _by_length(whole: HookFn | None, alone: HookFn | None) -> HookFn:
    """Return a hook that edits all positions, or the read position where it has come alone.

    XGLM's MLP, which has no module of its own, is not always trimmed by the hook before it.
    """

    def edit(x: torch.Tensor, hook: object) -> torch.Tensor:
        editor = alone if x.shape[1] == 1 else whole
        found = x if editor is None else editor(x, hook)
        return x if found is None else found

    return edit
