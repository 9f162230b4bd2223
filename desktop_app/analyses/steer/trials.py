"""Many small experiments on a few prompts: continuations under interventions, a row each.

Rows of one length share passes. Where two continuations are compared exactly, both are run in
passes of one shape, each in the same row of its own: what nothing changes is then equal bit for
bit, whatever kernel the size of a pass calls for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.analyses.steer.acting import Acts, planned, planned_at_once
from desktop_app.analyses.steer.control import controlled
from desktop_app.contract.steering import held_at
from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.model import site_hook
from desktop_app.engine.noise import HALF
from desktop_app.methods.generating import Grown, Run, at_once, grow, needed_bytes
from desktop_app.support.errors import MemoryExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.engine.model import HookFn, LoadedModel, Site
    from desktop_app.methods.generating import Growing

Row = tuple[Acts, int]
"""Interventions, and the number of the prompt that they act on."""


@dataclass(frozen=True)
class Bench:
    """What experiments are made on.

    Attributes:
        model: The model.
        texts: Each prompt's tokens.
        growing: How texts grow.
    """

    model: LoadedModel
    texts: Sequence[Sequence[int]]
    growing: Growing

    def but(self, **changed: Any) -> Bench:
        """Return it with texts that grow otherwise."""
        return replace(self, growing=replace(self.growing, **changed))

    def groups(self) -> dict[int, list[int]]:
        """Return the prompts by their token count."""
        found: dict[int, list[int]] = {}
        for number, text in enumerate(self.texts):
            found.setdefault(len(text), []).append(number)
        return found

    def changes(self, rows: Sequence[Row], control: int | None = None) -> Changes:
        """Return what is done to rows, or its random control, drawn by that seed."""
        return Changes(planned(rows), None if control is None else controlled(control))

    def run_of(self, rows: Sequence[Row], control: int | None = None) -> Run:
        """Return the continuations of rows of one length."""
        prompts = [prompt for _acts, prompt in rows]
        texts = [self.texts[prompt] for prompt in prompts]
        return Run(texts, prompts, self.changes(rows, control))

    def fits(self, rows: Sequence[Row], runs: int = 1) -> int:
        """Return how many rows of such texts grow together, in each of so many runs."""
        run = self.run_of([max(rows, key=lambda row: len(self.texts[row[1]]))])
        return at_once(self.model, [run] * runs, self.alone)

    @property
    def alone(self) -> Growing:
        """How rows of one length grow: nothing of them is padded."""
        return replace(self.growing, padding="none")


@dataclass(frozen=True)
class Worth:
    """What a part of a run costs.

    Attributes:
        continuations: How many it takes.
        memory: Bytes at its peak, beside what is held already.
    """

    continuations: float
    memory: int = 0


def worth(bench: Bench, continuations: float, runs: int = 1) -> Worth:
    """Return what so many continuations cost, in so many runs side by side."""
    row: Row = Acts(), max(range(len(bench.texts)), key=lambda prompt: len(bench.texts[prompt]))
    each = needed_bytes(bench.model, [bench.run_of([row])] * runs, bench.alone)
    rows = min(max(1, int(continuations / runs)), bench.fits([row], runs))
    return Worth(continuations, rows * each)


@dataclass
class Pair:
    """Two continuations of one prompt, step by step beside one another.

    Attributes:
        left: What the one says.
        right: What the other says.
        difference: The largest difference of a logit over the steps before which both texts are the
            same: 0.0 where they are equal bit for bit.
    """

    left: Grown
    right: Grown
    difference: float = 0.0

    @property
    def same(self) -> bool:
        """Whether both say the same tokens."""
        return self.left.ids == self.right.ids


@dataclass
class Told:
    """What a row says, with the logits of every step.

    Attributes:
        grown: What it says.
        logits: `[step, d_vocab]`, float32, on the CPU.
        shapes: Step by step the shape of what the watched hook saw.
    """

    grown: Grown
    logits: torch.Tensor
    shapes: list[tuple[int, ...]] = field(default_factory=list)


def grow_rows(
    bench: Bench,
    rows: Sequence[Row],
    on_step: Callable[[float, int], None],
    control: int | None = None,
    first: Callable[[int, torch.Tensor], None] | None = None,
) -> list[Grown]:
    """Return what each row says; of whatever lengths the prompts are.

    Args:
        bench: What they grow on.
        rows: Interventions and prompts.
        on_step: Told the share of the work that is done, and how many tokens are there; may cancel.
        control: The seed of random changes that are made instead; None: the interventions' own.
        first: Told each row's logits of its first new token `[d_vocab]`, float32, on the CPU.
    """
    found: dict[int, Grown] = {}
    by_length: dict[int, list[int]] = {}
    for place, (_acts, prompt) in enumerate(rows):
        by_length.setdefault(len(bench.texts[prompt]), []).append(place)
    for places in by_length.values():
        theirs = [rows[place] for place in places]
        start, share = len(found) / len(rows), len(places) / len(rows)

        def told(
            done: float, step: int, _grown: object, at: float = start, of: float = share
        ) -> None:
            on_step(at + of * done, step)

        def hear(
            _run: int,
            own: Sequence[int],
            step: int,
            logits: torch.Tensor,
            places: list[int] = places,
        ) -> None:
            if first is not None and step == 0:
                for row, values in zip(own, logits.cpu(), strict=True):
                    first(places[row], values)

        run = bench.run_of(theirs, control)
        growing = replace(bench.alone, logits=hear)
        (grown,) = grow(bench.model, [run], _layers(theirs), growing, told)
        found |= dict(zip(places, grown, strict=True))
    return [found[place] for place in range(len(rows))]


def pairs(
    bench: Bench,
    prompt: int,
    both: Sequence[tuple[Acts, Acts]],
    on_step: Callable[[float, int, Sequence[Pair]], None],
) -> list[Pair]:
    """Return continuations of one prompt two and two, compared exactly.

    Args:
        bench: What they grow on.
        prompt: Its number.
        both: The interventions of either.
        on_step: Told the share of the work that is done, how many tokens are there, and the pairs
            that are whole; may cancel.
    """
    whole: list[Pair] = []
    layers = _layers([(acts, prompt) for two in both for acts in two])
    rows = bench.fits([(Acts(), prompt)], 2)
    while len(whole) < len(both):
        some = both[len(whole) : len(whole) + rows]
        told = partial(_told, on_step, whole, (len(some), len(both)))
        try:
            found = _Compared(bench, prompt, some, told).run(layers)
            whole += _settled(bench, prompt, some, found, layers) if len(some) > 1 else found
        except MemoryExhaustedError:
            if rows == 1:
                raise
            rows //= 2
    return whole


def _settled(
    bench: Bench,
    prompt: int,
    both: Sequence[tuple[Acts, Acts]],
    found: Sequence[Pair],
    layers: frozenset[int],
) -> list[Pair]:
    """Return pairs with those run again, each alone, whose difference may be of their neighbours.

    Experts gather tokens from all rows of a pass: what changes in one row may then round another's
    otherwise. The smallest differences are tried first, up to one that stays.
    """
    settled = list(found)
    small = [i for i, one in enumerate(found) if 0 < one.difference < _small(bench.model)]
    for i in sorted(small, key=lambda i: found[i].difference):
        (settled[i],) = _Compared(bench, prompt, both[i : i + 1], _unheard).run(layers)
        if settled[i].difference:
            break
    return settled


def _small(model: LoadedModel) -> float:
    return 0.5 if model.info.dtype in HALF else 0.01


def _unheard(_done: float, _step: int) -> None:
    """Hear of a step, and do nothing."""


def _told(
    on_step: Callable[[float, int, Sequence[Pair]], None],
    whole: Sequence[Pair],
    counts: tuple[int, int],
    done: float,
    step: int,
) -> None:
    some, total = counts
    on_step((len(whole) + some * done) / total, step, whole)


class _Compared:
    """Pairs that grow together, each of the two in a run of the same shape."""

    def __init__(
        self,
        bench: Bench,
        prompt: int,
        both: Sequence[tuple[Acts, Acts]],
        on_step: Callable[[float, int], None],
    ) -> None:
        self._bench, self._prompt, self._both, self._on_step = bench, prompt, both, on_step
        self._grown: list[list[Grown]] = []
        self._largest = torch.zeros(len(both))
        self._left: torch.Tensor | None = None

    def run(self, layers: frozenset[int]) -> list[Pair]:
        """Return the pairs."""
        bench, prompt = self._bench, self._prompt
        runs = [bench.run_of([(two[side], prompt) for two in self._both]) for side in (0, 1)]
        growing = replace(bench.alone, logits=self._see)
        grown = grow(bench.model, runs, layers, growing, self._hear)
        found = zip(*grown, self._largest.tolist(), strict=True)
        return [Pair(left, right, difference) for left, right, difference in found]

    def _hear(self, done: float, step: int, grown: list[list[Grown]]) -> None:
        self._grown = grown
        self._on_step(done, step)

    def _see(self, run: int, rows: Sequence[int], step: int, logits: torch.Tensor) -> None:
        if run == 0:
            self._left = logits
            return
        if self._left is None:
            return
        apart = (self._left - logits).abs().amax(-1).cpu()
        for row, value in zip(rows, apart, strict=True):
            if step == 0 or self._together(row, step):
                self._largest[row] = torch.maximum(self._largest[row], value)  # NaN stays NaN
        self._left = None

    def _together(self, row: int, step: int) -> bool:
        left, right = (one[row] for one in self._grown)
        return len(left.ids) >= step and left.ids[:step] == right.ids[:step]


def told_by(
    bench: Bench,
    row: Row,
    on_step: Callable[[float, int], None],
    watched: tuple[int, Site] | None = None,
) -> Told:
    """Return what a single row says, with every step's logits, and what one place's hook saw."""
    seen: list[torch.Tensor] = []
    shapes: list[tuple[int, ...]] = []

    def look(x: torch.Tensor, hook: object) -> None:
        # OPT joins rows and positions to one axis around its MLP.
        shapes.append(tuple(x.shape) if x.ndim > 2 else (1, *x.shape))

    run = bench.run_of([row])
    if watched is not None:
        hooks: list[tuple[str, HookFn]] = [(site_hook(*watched), look)]
        run = replace(run, changes=replace(run.changes, watch=lambda _pass: hooks))
    layers = _layers([row]) | ({watched[0]} if watched is not None else frozenset())
    growing = replace(
        bench.alone, logits=lambda _run, _rows, _step, logits: seen.append(logits[0].cpu())
    )
    (grown,) = grow(
        bench.model, [run], layers, growing, lambda done, step, _grown: on_step(done, step)
    )
    return Told(grown[0], torch.stack(seen), shapes)


def recomputed(
    bench: Bench, row: Row, told: Told, layers: frozenset[int] = frozenset()
) -> torch.Tensor:
    """Return the logits `[step, d_vocab]` of the text that a row has said, read in one full pass.

    Args:
        bench: What it is read on.
        row: The interventions that act, at the very positions that its steps touch.
        told: What was said.
        layers: Further layers that are made ready to be changed, so that a pass that changes
            nothing rounds as one that does.
    """
    acts, prompt = row
    text, new = bench.texts[prompt], told.grown.ids
    held = [held_at(n, len(text), cached=bench.growing.cached) for n in range(len(new))]
    changes = Changes(planned_at_once([row], held))
    with decoding(bench.model, acts.layers | layers):
        decoder = Decoder(bench.model, [[*text, *new[:-1]]], changes, cached=False)
        return decoder.read(len(new))[0].float().cpu()


def _layers(rows: Sequence[Row]) -> frozenset[int]:
    return frozenset(layer for acts, _prompt in rows for layer in acts.layers)
