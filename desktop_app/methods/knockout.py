"""Circuits as runs: parts outside are replaced, and the metric is read; many circuits share passes.

A circuit inside another one shares its run up to the first part that it lacks beside it. That is
why circuits are scored against one that holds them all: what is replaced there stands in every row
of the pass, and only what is replaced further makes a row of its own, from its layer on.

A head is kept or replaced at the position of the query (its z), not at the keys that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from typing_extensions import override

from desktop_app.contract.kept import Kept, Positions, resolve_places
from desktop_app.contract.report import ShareReporter, SilentReporter
from desktop_app.engine.interventions import Edit, FromTable, Variant
from desktop_app.engine.metrics import score
from desktop_app.engine.model import READ_HOOK, Site, site_hook
from desktop_app.engine.sites import require_acting
from desktop_app.engine.standing import Standing, put_standing
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import Loss, SweepPlan
from desktop_app.methods.grid import Group, Inputs
from desktop_app.methods.prepare import equal_length_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn, LoadedModel
    from desktop_app.methods.substitutes import Substitutes
    from desktop_app.methods.watching import Places

_PROMPTS_PER_GROUP = 16
_TOKENS_AHEAD = {"cpu": 1024}
_GPU_TOKENS_AHEAD = 131_072
Gone = dict["Part", Positions]
"""The parts that a circuit lacks, and where; None: everywhere."""


def site_of(part: Part) -> Site:
    """Return where a part is replaced."""
    return "mlp_out" if part[1] is None else "head_z"


def places_of(parts: Sequence[Part]) -> Places:
    """Return the sites of parts with their layers."""
    layers: dict[Site, dict[int, None]] = {}
    for part in parts:
        layers.setdefault(site_of(part), {})[part[0]] = None
    return tuple((site, tuple(found)) for site, found in layers.items())


class Knockout:
    """Scores circuits of a model on prompts.

    Args:
        model: The model.
        inputs: The prompts, and what is read; twins where values come from them.
        parts: All parts that a circuit may hold, in order.
        substitutes: What parts outside become.

    Attributes:
        full: The metric of the untouched model `[N]`; empty before the first scores.
        logits: Its logits at the read position, prompt by prompt.
        noise: How far it goes apart over batch sizes, in half precision.

    Raises:
        BadInputError: A part cannot be replaced in this model.
    """

    def __init__(
        self,
        model: LoadedModel,
        inputs: Inputs,
        parts: Sequence[Part],
        substitutes: Substitutes,
    ) -> None:
        self.model, self.inputs, self.parts = model, inputs, tuple(parts)
        self.substitutes = substitutes
        for site, layers in places_of(parts):
            require_acting(model, layers, site, "choose another model, as a circuit needs it")
        lengths = [len(target.ids) for target in inputs.targets]
        groups = equal_length_groups(lengths, _PROMPTS_PER_GROUP)
        self.groups = tuple(inputs.group(model, prompts) for prompts in groups)
        self.full = np.empty(0)
        self.logits: list[torch.Tensor] = [torch.empty(0)] * len(lengths)
        self.noise: np.ndarray | None = None
        self._edits: dict[tuple[int, int, Part, int, Positions], Edit] = {}

    @property
    def whole(self) -> Kept:
        """The circuit of all parts."""
        return dict.fromkeys(self.parts)

    @property
    def steps_ahead(self) -> int:
        """How many circuits one pass takes easily."""
        tokens = _TOKENS_AHEAD.get(self.model.device.type, _GPU_TOKENS_AHEAD)
        return max(1, min(256, tokens // sum(len(t.ids) for t in self.inputs.targets)))

    def scores(
        self, base: Kept, circuits: Sequence[Kept], report: Reporter | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the metric of a circuit `[N]`, and of circuits inside it `[circuits, N]`.

        The first call must have all parts as its base: the untouched metric is taken from it.
        """
        report = report or SilentReporter()
        count = len(self.inputs.targets)
        first, found = np.full(count, np.nan), np.full((len(circuits), count), np.nan)
        noise = np.full(count, np.nan)
        whole, done = sum(group.ids.numel() for group in self.groups), 0
        for group in self.groups:
            share = ShareReporter(report, done / whole, group.ids.numel() / whole)
            spread = self._score_group(group, base, circuits, (first, found), share)
            if spread is not None:
                noise[list(group.prompts)] = spread[: len(group.prompts)]
            done += group.ids.numel()
        if not len(self.full):
            self.full = first.copy()
            self.noise = None if np.isnan(noise).all() else noise
        return first, found

    def gone(self, kept: Kept, group: Group) -> Gone:
        """Return what a circuit lacks in prompts of a group, in order."""
        lacking: Gone = {}
        for part in self.parts:
            if part not in kept:
                lacking[part] = None
            elif kept[part] is not None:
                at = resolve_places(part, kept[part], group.length, group.prompts[0])
                rest = tuple(p for p in range(group.length) if p not in (at or ()))
                if rest:
                    lacking[part] = rest
        return lacking

    def _score_group(
        self,
        group: Group,
        base: Kept,
        circuits: Sequence[Kept],
        found: tuple[np.ndarray, np.ndarray],
        report: Reporter,
    ) -> np.ndarray | None:
        lacks = self.gone(base, group)
        rows = len(group.prompts)
        variants: list[Variant] = []
        places: list[tuple[int, int]] = []
        same: list[int] = []
        for number, circuit in enumerate(circuits):
            more = {p: at for p, at in self.gone(circuit, group).items() if lacks.get(p, ()) != at}
            if not more:
                same.append(number)
                continue
            own = self.substitutes_for(circuit)
            for row in range(rows):
                variants.append(Variant(self._edits_of(more, group, row, own), row))
                places.append((number, group.prompts[row]))
        standing = self.standing(lacks, group, self.substitutes_for(base))
        ids = group.ids[:rows]
        swept = sweep(self.model, ids, variants, self._plan(group, standing), report)
        first, scores = found
        members = list(group.prompts)
        first[members] = swept.base.double().numpy()
        for (number, prompt), value in zip(places, swept.values.tolist(), strict=True):
            scores[number, prompt] = value
        for number in same:
            scores[number, members] = first[members]
        if not lacks:
            for row, prompt in enumerate(group.prompts):
                self.logits[prompt] = swept.base_logits[row]
        return None if swept.noise is None else swept.noise.numpy()

    def substitutes_for(self, _kept: Kept) -> Substitutes:
        """Return what parts outside become where these are kept."""
        return self.substitutes

    def _edits_of(self, lacks: Gone, group: Group, row: int, own: Substitutes) -> tuple[Edit, ...]:
        entry = own.entry(group, row)
        edits = []
        for part, positions in lacks.items():
            key = id(own), id(group), part, entry, positions
            edit = self._edits.get(key)
            if edit is None:
                layer, head = part
                table = own.table(group, layer, site_of(part))
                edit = Edit(layer, site_of(part), FromTable(table, entry), head, positions)
                self._edits[key] = edit
            edits.append(edit)
        return tuple(edits)

    def standing(
        self, lacks: Gone, group: Group, own: Substitutes
    ) -> dict[tuple[int, Site], Standing]:
        """Return what a circuit lacks as changes that stand in every row of its prompts."""
        rows, length, heads = len(group.prompts), group.length, self.model.info.n_heads
        gone: dict[tuple[int, Site], torch.Tensor] = {}
        for (layer, head), positions in lacks.items():
            place = layer, site_of((layer, head))
            size = (rows, length) if head is None else (rows, length, heads)
            mask = gone.setdefault(place, torch.zeros(size, dtype=torch.bool))
            at = slice(None) if positions is None else list(positions)
            if head is None:
                mask[:, at] = True
            else:
                mask[:, at, head] = True
        entries = torch.tensor([own.entry(group, row) for row in range(rows)])
        return {
            place: Standing(mask, own.table(group, *place), entries) for place, mask in gone.items()
        }

    def _plan(self, group: Group, standing: Mapping[tuple[int, Site], Standing]) -> SweepPlan:
        inputs = self.inputs
        targets = [inputs.targets[i] for i in group.prompts]
        read = tuple(inputs.read[i] for i in group.prompts)
        if inputs.metric == "loss":
            loss = Loss(torch.stack([t.ids for t in targets]), inputs.loss_from)
            return SweepPlan(read, loss=loss, standing=standing)

        def score_rows(logits: torch.Tensor, row: int, base: torch.Tensor | None) -> torch.Tensor:
            untouched = self.logits[group.prompts[row]]  # a circuit is compared with the model
            compared = untouched.to(logits.device) if len(untouched) else base
            return score(inputs.metric, logits, targets[row], compared)

        return SweepPlan(read, score_rows, standing=standing)

    def continued(
        self, kept: Kept, group: Group, ids: torch.Tensor, report: Reporter
    ) -> torch.Tensor:
        """Return next-token logits `[rows, V]` of texts that go on from prompts, under a circuit.

        Args:
            kept: The circuit; negative positions count from the end of the text so far.
            group: The prompts, and the tokens of their twins where values come from them.
            ids: The texts so far `[rows, length]`.
            report: May cancel.
        """
        report.check()
        longer = Longer(group.prompts, group.ids, ids.shape[1])
        own = self.substitutes_for(kept)
        standing = self.standing(self.gone(kept, longer), longer, own)
        hooks: list[tuple[str, HookFn]] = []
        for (layer, site), change in standing.items():
            hooks.append((site_hook(layer, site), putting(change, ids.shape)))
        hooks.append((READ_HOOK, lambda x, hook: x[:, -1:]))
        return self.model.run(ids, hooks)[:, -1].float().cpu()


@dataclass(frozen=True)
class Longer(Group):
    """Prompts of a group after some tokens more.

    Attributes:
        tokens: How many tokens each text has by now.
    """

    tokens: int = 0

    @property
    @override
    def length(self) -> int:
        return self.tokens


def putting(change: Standing, shape: Sequence[int]) -> HookFn:
    """Return a hook that makes a change in runs `[rows, length]`, a row for each prompt."""
    rows, length = shape
    of = torch.arange(rows)

    def put(x: torch.Tensor, hook: object) -> None:
        put_standing(x if x.ndim > 2 else x.view(rows, length, -1), change, of)

    return put
