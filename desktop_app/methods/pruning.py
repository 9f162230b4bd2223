"""Pruning: parts leave a circuit for good, one after another, as long as little is lost.

From the last layer to the first, the MLP of a layer before its heads, then from the first to the
last, heads before the MLP, and again until a pass changes nothing (apartresearch/seqcont_circuits).
A part goes where 100 − percent of the circuit without it is below the threshold; what is lost
counts from the untouched model, so that losses add up and the order matters. A circuit without
parts stays without parts.

Each step hangs on the one before, and yet many share a pass: which of the next parts will go is
guessed, each is scored as if the guesses before it were right, and what came of a wrong guess is
thrown away. The outcome is that of one step after another; guesses decide how fast it comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal

from desktop_app.contract.kept import Kept, in_order, part_order, written_kept
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from desktop_app.contract.grammar import Part

Passes = Literal["both", "backward", "forward"]
_FIRST_GUESSES = 8
_FEWEST = 2
_TOLERANCE = 0.5


@dataclass(frozen=True)
class Rule:
    """When a part goes.

    Attributes:
        threshold: It goes where 100 − percent is below this.
        passes: There and back until nothing changes, or one pass one way.
        most: How many steps are guessed ahead at most.
    """

    threshold: float
    passes: Passes = "both"
    most: int = 64

    def drops(self, percent: float) -> bool:
        """Return whether a part goes, given what is left without it."""
        return 100 - percent < self.threshold


@dataclass(frozen=True)
class Step:
    """One part that was tried.

    Attributes:
        number: The pass, from 1.
        part: As settings write it.
        before: Per cent of the untouched metric before.
        after: Per cent without the part.
        kept: Whether it stayed.
    """

    number: int
    part: str
    before: float
    after: float
    kept: bool

    def row(self) -> list[int | str | float]:
        """Return the step as results have it."""
        outcome = "kept" if self.kept else "dropped"
        return [self.number, self.part, self.before, self.after, outcome]


@dataclass
class Pruning:
    """A pruning under way.

    Attributes:
        kept: The circuit so far.
        percent: What it keeps of the untouched metric.
        rule: When a part goes.
        score: Gives of a circuit and of others inside it the metric per prompt, `[N]` and
            `[others, N]`.
        share: Turns a metric per prompt into per cent.
        heard: Told after every batch of steps.
        trail: The steps so far.
        earlier: Steps of an earlier run that are gone through again without being scored.
        tolerance: By how many per cent what they left may differ from what is left now.
        scores: The metric of the circuit per prompt, where a step has scored it.
        batches: How often something was scored.
    """

    kept: dict[Part, tuple[int, ...] | None]
    percent: float
    rule: Rule
    score: Callable[[Kept, Sequence[Kept]], tuple[np.ndarray, np.ndarray]]
    share: Callable[[np.ndarray], float]
    heard: Callable[[Pruning], None] = lambda _pruning: None
    trail: list[Step] = field(default_factory=list)
    earlier: Sequence[Step] = ()
    tolerance: float = _TOLERANCE
    scores: np.ndarray | None = None
    batches: int = 0
    number: int = 0
    tried: int = 0
    in_pass: int = 0
    _changes: dict[Part, float] = field(default_factory=dict)
    _width: int = _FIRST_GUESSES

    def run(self) -> None:
        """Prune to the end.

        Raises:
            BadInputError: The earlier steps are not those of this pruning.
        """
        self._width = min(_FIRST_GUESSES, self.rule.most)
        for is_backward in _directions(self.rule.passes):
            self.number += 1
            before = len(self.kept)
            self._one_pass(_ordered(self.kept, is_backward=is_backward))
            if len(self.kept) == before or self.rule.passes != "both":
                break
        if len(self.trail) < len(self.earlier):
            raise _unfit(self.earlier[len(self.trail)], "nothing is left to try")
        self.heard(self)

    def _one_pass(self, order: list[Part]) -> None:
        self.tried, self.in_pass = 0, len(order)
        while self.tried < len(order):
            if len(self.trail) < len(self.earlier):
                self._repeat(order[self.tried])
                self.tried += 1
                continue
            chain = order[self.tried : self.tried + self._width]
            guesses, circuits = self._guess(chain)
            base, scores = self.score(self.kept, circuits)
            if not self.batches:
                self.check_earlier(base)
            self.batches += 1
            taken = self._take(chain, guesses, scores)
            self.tried += taken
            whole = taken == len(chain)
            width = 2 * self._width if whole else max(_FEWEST, 2 * taken)
            self._width = max(1, min(self.rule.most, width))
            self.heard(self)

    def _guess(self, chain: list[Part]) -> tuple[list[bool], list[Kept]]:
        """Return of each part whether it will go, and the circuit that tells."""
        circuit, percent = dict(self.kept), self.percent
        guesses: list[bool] = []
        circuits: list[Kept] = []
        for part in chain:
            without = {other: at for other, at in circuit.items() if other != part}
            circuits.append(without)
            after = percent + self._expected(part)
            goes = self.rule.drops(after)
            guesses.append(goes)
            if goes:
                circuit, percent = without, after
        return guesses, circuits

    def _expected(self, part: Part) -> float:
        """Return what taking a part out will change, as far as can be foreseen.

        What it did beside another circuit, else what parts of its kind mostly do.
        """
        if part in self._changes:
            return self._changes[part]
        is_mlp = part[1] is None
        alike = [c for other, c in self._changes.items() if (other[1] is None) is is_mlp]
        return median(alike) if alike else 0.0

    def _take(self, chain: list[Part], guesses: list[bool], scores: np.ndarray) -> int:
        """Go the steps up to the first wrong guess, and return how many; learn from the rest."""
        taken, right, percent = 0, True, self.percent
        for part, guess, found in zip(chain, guesses, scores, strict=True):
            after = self.share(found)
            self._changes[part] = after - percent
            if right:
                goes = self.rule.drops(after)
                self._step(part, after, goes=goes, scores=found)
                taken += 1
                right = goes == guess
            if guess:
                percent = after  # what the later ones were scored beside
        return taken

    def _step(self, part: Part, after: float, *, goes: bool, scores: np.ndarray | None) -> None:
        name = written_kept({part: self.kept[part]})[0]
        self.trail.append(Step(self.number, name, self.percent, after, not goes))
        if goes:
            del self.kept[part]
            self.percent, self.scores = after, scores

    def _repeat(self, part: Part) -> None:
        """Go a step that an earlier run has gone."""
        step = self.earlier[len(self.trail)]
        name = written_kept({part: self.kept[part]})[0]
        if (step.number, step.part) != (self.number, name):
            raise _unfit(step, f"{name} comes next in pass {self.number}")
        if step.kept == self.rule.drops(step.after):
            raise _unfit(step, f"at {self.rule.threshold:g} % it would not be so")
        self._changes[part] = step.after - step.before
        self._step(part, step.after, goes=not step.kept, scores=None)

    def check_earlier(self, scores: np.ndarray) -> None:
        """Require that earlier steps left what the circuit keeps now.

        They may be of another run: other prompts, or other things in the place of what is gone.

        Raises:
            BadInputError: They did not.
        """
        share = self.share(scores)
        if self.earlier and abs(share - self.percent) > self.tolerance:
            why = f"{share:.1f} % is left after it and not {self.percent:.1f} %"
            raise _unfit(self.earlier[-1], why)


def _directions(passes: Passes) -> Iterator[bool]:
    """Yield of each pass whether it goes from the last layer to the first."""
    backward = passes != "forward"
    while True:
        yield backward
        backward = not backward


def _ordered(kept: Kept, *, is_backward: bool) -> list[Part]:
    """Return the parts in the order in which a pass tries them."""
    if not is_backward:
        return sorted(kept, key=part_order)
    return sorted(kept, key=lambda part: (-part[0], -1 if part[1] is None else part[1]))


def _unfit(step: Step, why: str) -> BadInputError:
    return BadInputError(
        f"--resume: its step {step.part[:60]} of pass {step.number} is not one of this pruning, "
        f"where {why}: give the settings and the prompts that it was made with."
    )


def without(kept: Kept, *parts: Part) -> dict[Part, tuple[int, ...] | None]:
    """Return a circuit that lacks parts."""
    gone = set(parts)
    return in_order({part: at for part, at in kept.items() if part not in gone})
