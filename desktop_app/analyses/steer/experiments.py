"""The five experiments on one prompt; what they are is said in `equivalence`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.steer import experiment_words as words
from desktop_app.analyses.steer.acting import Acting, Acts
from desktop_app.analyses.steer.strips import continued
from desktop_app.analyses.steer.trials import pairs, recomputed, told_by
from desktop_app.analyses.steer.unfinite import first_bad
from desktop_app.contract.steering import Intervention, apart_by_cache
from desktop_app.engine.noise import HALF
from desktop_app.methods.sampling import Sampling
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from desktop_app.analyses.steer.trials import Bench, Pair, Told
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import SteerSite
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.generating import Grown

NAMES = ("which_position", "persistence", "equivalence", "out_of_range", "differs")
MOST_POSITIONS = 16
LEAST_STEPS, LEAST_ROOM = 6, 2
# Full passes round otherwise than steps: so far apart logits may be and still be the same.
_TOLERANCE, _OF_LARGEST, _HALF_OF_LARGEST = 1e-3, 2e-5, 0.1
# Experts gather a text's tokens: what changes at one may round the others otherwise.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Where:
    """Where the experiments act.

    Attributes:
        layer: The early layer, of experiments 2 to 5 and beside the last one in 1.
        site: The place in the block.
        keeps: Whether the model keeps keys and values, so that there is a cache at all.
    """

    layer: int = 0
    site: SteerSite = "resid_post"
    keeps: bool = True


@dataclass
class Finding:
    """What one experiment found on one prompt.

    Attributes:
        holds: Whether it came out as stated; None where it could not be tried, or says nothing.
        words: What was found, and why.
        facts: Single numbers and lists.
        tables: Rows by the name of the table.
        broken: Whether it could not be tried since a run has no finite numbers.
    """

    holds: bool | None
    words: str
    facts: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    broken: bool = False


class Experiments:
    """The five on one prompt."""

    def __init__(self, bench: Bench, where: Where, prompt: int, report: Reporter) -> None:
        self._model, self._where, self._prompt, self._report = bench.model, where, prompt, report
        self._length = len(bench.texts[prompt])
        room = require_steps(bench.model, prompt, self._length)
        steps = min(room, max(LEAST_STEPS, bench.growing.steps))
        self._bench = bench.but(
            steps=steps, sampling=Sampling(), ignore_end=True, cached=where.keeps
        )
        self._last = bench.model.info.n_layers - 1
        self._early: dict[int, Pair] = {}
        self._bad: list[tuple[Bench, Acts, Grown]] = []

    def all(self) -> Sequence[tuple[str, Callable[[], Finding]]]:
        """Return the experiments by name; each may use what the one before has seen."""
        made = (
            self._which_position,
            self._persistence,
            self._equivalence,
            self._out_of_range,
            self._differs,
        )
        return tuple(
            (name, partial(self._tried, one)) for name, one in zip(NAMES, made, strict=True)
        )

    def _tried(self, made: Callable[[], Finding]) -> Finding:
        """Return what an experiment found; nothing where a run of it has no finite numbers."""
        self._bad = []
        found = made()
        if not self._bad:
            return found
        # What breaks by itself says more than what was zeroed besides.
        bench, acts, grown = min(self._bad, key=lambda one: len(one[1].items))
        run, cached = bench.run_of([(acts, self._prompt)]), bench.growing.cached
        where = first_bad(self._model, run, grown.ids, cached=cached)
        said = words.broken(_name(acts), grown.broken or 0, where)
        return replace(found, holds=None, words=said, broken=True)

    def _mind(self, bench: Bench, acts: Acts, grown: Grown) -> None:
        """Note a run that has no finite numbers."""
        if grown.broken is not None:
            self._bad.append((bench, acts, grown))

    def _zero(self, layer: int, position: int, when: str = "prompt") -> Acts:
        told = Intervention(
            op="zero", layer=layer, site=self._where.site, position=str(position), when=when
        )
        return Acts([Acting(told, layer, self._where.site)])

    def _pairs(self, both: Sequence[tuple[Acts, Acts]]) -> list[Pair]:
        found = pairs(
            self._bench, self._prompt, both, lambda _done, _step, _whole: self._report.check()
        )
        for acts, pair in zip(both, found, strict=True):
            self._mind(self._bench, acts[0], pair.left)
            self._mind(self._bench, acts[1], pair.right)
        return found

    def _said(self, grown: Grown) -> dict[str, Any]:
        text = continued(self._model.tokenizer, self._bench.texts[self._prompt], grown.ids)
        return {"ids": list(grown.ids), "text": text}

    def _tell(self, acts: Acts, *, cached: bool, watched: bool = False) -> Told:
        place = (self._where.layer, self._where.site) if watched else None
        bench = self._bench.but(cached=cached)
        row = acts, self._prompt
        told = told_by(bench, row, lambda _done, _step: self._report.check(), place)
        self._mind(bench, acts, told.grown)
        return told

    def _which_position(self) -> Finding:
        tried = _spread(self._length, MOST_POSITIONS)
        layers = dict.fromkeys((self._last, self._where.layer))
        places = [(layer, p) for layer in layers for p in tried]
        both = [(Acts(), self._zero(layer, p)) for layer, p in places]
        found = dict(zip(places, self._pairs(both), strict=True))
        self._early = {p: found[self._where.layer, p] for p in tried}
        earlier = [found[self._last, p].difference for p in tried if p < self._length - 1]
        end = found[self._last, self._length - 1]
        changed = sum(not pair.same for pair in self._early.values())
        facts = {
            "layer": self._last,
            "early_layer": self._where.layer,
            "positions_tried": len(tried),
            "largest_difference_earlier": max(earlier, default=0.0),
            "difference_last": end.difference,
            "same_tokens_last": end.same,
            "constant_step": end.right.constant,
            "early_positions_that_change_the_text": changed,
        }
        plain = next(iter(found.values())).left
        rows = [{"layer": None, "position": "none", "difference": 0.0, **self._said(plain)}]
        rows += [
            {"layer": layer, "position": p, "difference": one.difference, **self._said(one.right)}
            for (layer, p), one in found.items()
        ]
        quiet = all(value == 0 for value in earlier)
        holds = None if not earlier else quiet and end.difference > 0
        said = words.which_position(holds, facts, self._where.site)
        return Finding(holds, said, facts, {"continuations": rows})

    def _persistence(self) -> Finding:
        position, keeps = self._length - 1, self._where.keeps
        acts = self._zero(self._where.layer, position, "prompt" if keeps else "every")
        told = self._tell(acts, cached=keeps)
        full = told.logits[:0]  # of what has broken there is no text to read whole
        untouched = full
        if told.grown.broken is None:
            full = recomputed(self._bench, (acts, self._prompt), told)
            none = Acts(), self._prompt
            untouched = recomputed(self._bench, none, told, acts.layers)
        again = full.argmax(-1).tolist()
        largest = float(told.logits.abs().max())
        difference = _largest(full - told.logits[: len(full)])
        later = _largest(full[1:] - untouched[1:])
        is_read = not later <= _ROUNDING * largest
        tolerance = _tolerance(self._model, largest)
        facts = {
            "layer": self._where.layer,
            "position": position,
            "read_later": is_read,
            "later_difference": later,
            "same_tokens": again == told.grown.ids,
            "max_logit_difference": difference,
            "tolerance": tolerance,
            "ids_by_steps": list(told.grown.ids),
            "ids_in_one_pass": again,
        }
        rows = self._schedules(position, told)
        equal = difference <= tolerance
        # Where no later step reads the change, that both ways agree says nothing of the cache.
        holds = None if not keeps or (equal and not is_read) else equal
        said = words.persistence(facts, rows, keeps=keeps)
        return Finding(holds, said, facts, {"schedules": rows})

    def _schedules(self, position: int, first: Told) -> list[dict[str, Any]]:
        """Return the experiment at each schedule, with the cache and without it."""
        rows: list[dict[str, Any]] = []
        for cached in (True, False) if self._where.keeps else (False,):
            for when in ("prompt", "every"):
                acts = self._zero(self._where.layer, position, when)
                is_first = cached and when == "prompt"
                told = first if is_first else self._tell(acts, cached=cached)
                steps = self._bench.growing.steps
                apart = apart_by_cache(acts.when, self._length, steps, cached=cached)
                row = {
                    "when": when,
                    "cache": "yes" if cached else "no",
                    "keeps_the_change": apart is None,
                    "same_tokens": told.grown.ids == first.grown.ids,
                    "difference": _apart(first, told),
                }
                rows.append(row | self._said(told.grown))
        return rows

    def _equivalence(self) -> Finding:
        layer, position = self._where.layer, self._length - 1
        last, index = self._zero(layer, -1, "prompt"), self._zero(layer, position, "0")
        same, apart = self._pairs([(last, index), (last, self._zero(layer, -1, "every"))])
        facts = {
            "layer": layer,
            "position": position,
            "identical": same.same and same.difference == 0,
            "difference": same.difference,
            "every_step_says_the_same": apart.same,
        }
        rows = [
            {"position": -1, "when": "prompt", **self._said(same.left)},
            {"position": position, "when": "step 0", **self._said(same.right)},
            {"position": -1, "when": "every", **self._said(apart.right)},
        ]
        said = words.equivalence(facts)
        return Finding(bool(facts["identical"]), said, facts, {"continuations": rows})

    def _out_of_range(self) -> Finding:
        layer, position, keeps = self._where.layer, self._length - 1, self._where.keeps
        told = self._tell(Acts(), cached=keeps, watched=True)
        (late,) = self._pairs([(Acts(), self._zero(layer, position, "1:"))])
        held = [shape[1] for shape in told.shapes]
        is_short = held == [self._length] + [1] * (len(held) - 1)
        holds = (is_short and late.same and late.difference == 0) if keeps else None
        facts = {
            "layer": layer,
            "position": position,
            "difference_when_asked_later": late.difference,
        }
        rows = []
        for step, shape in enumerate(told.shapes):
            end = self._length + step
            here = range(end - shape[1], end)
            row = {"step": step, "shape": list(shape), "from": here.start, "to": end - 1}
            row["last_prompt_token"] = "in the pass" if position in here else "in the cache"
            rows.append(row)
        said = words.out_of_range(holds, facts, held, self._length)
        return Finding(holds, said, facts, {"steps": rows})

    def _differs(self) -> Finding:
        pair = self._early[self._length - 1]
        self._mind(self._bench, Acts(), pair.left)
        self._mind(self._bench, self._zero(self._where.layer, self._length - 1), pair.right)
        facts = {
            "layer": self._where.layer,
            "different": not pair.same,
            "difference": pair.difference,
        }
        rows = [
            {"run": "plain", **self._said(pair.left)},
            {"run": "steered", **self._said(pair.right)},
        ]
        return Finding(not pair.same, words.differs(facts), facts, {"continuations": rows})


def _name(acts: Acts) -> str:
    if not acts:
        return "The plain run"
    one = acts.items[0]
    return f"The run that is zeroed at layer {one.layer}, position {one.position},"


def require_steps(model: LoadedModel, prompt: int, length: int) -> int:
    """Return for how many new tokens a prompt leaves room.

    Raises:
        BadInputError: For less than two.
    """
    info = model.info
    if info.n_ctx - length < LEAST_ROOM:
        raise BadInputError(
            f"Prompt {prompt + 1} has {length:,} tokens and {info.name} reads at most "
            f"{info.n_ctx:,}: the experiments need room for {LEAST_ROOM} more."
        )
    return info.n_ctx - length


def _spread(count: int, most: int) -> list[int]:
    """Return positions of a prompt, its first and last and evenly between, at most so many."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def _tolerance(model: LoadedModel, largest: float) -> float:
    half = model.info.dtype in HALF
    return max(_TOLERANCE, (_HALF_OF_LARGEST if half else _OF_LARGEST) * largest)


def _largest(apart: torch.Tensor) -> float:
    """Return the largest of some differences; NaN where there are none."""
    return float(apart.abs().max()) if apart.numel() else math.nan


def _apart(left: Told, right: Told) -> float:
    """Return the largest difference of a logit over the steps before which the texts agree."""
    steps = min(len(left.logits), len(right.logits))
    both = zip(left.grown.ids, right.grown.ids, strict=False)
    together = next((i + 1 for i, (a, b) in enumerate(both) if a != b), steps)
    apart = (left.logits[:together] - right.logits[:together]).abs().max()
    return float(apart)
