"""Two sessions, or two results, compared: what was set differently and how far numbers part.

Sessions pair their results analysis by analysis in order of making. Arrays are read one part at a
time, so that patterns of any size compare in the memory of one head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.result import EARLIER_TOKENIZER, has_earlier_tokenizer
from desktop_app.session.parts import Stored, leading_axes
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.session.store import Session, SessionRow

_MISSING = "(not there)"
_IDS = ".ids"
_FINGERPRINT = "model.fingerprint"


@dataclass(frozen=True)
class FieldDifference:
    """How far a field of two results parts.

    Attributes:
        name: The field.
        difference: The largest absolute difference; 0 where nothing differs, infinite where one
            side lacks a number that the other has; None where the two cannot be subtracted.
        reason: Why not, such as another shape; empty else.
    """

    name: str
    difference: float | None
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """A setting in which two results differ, with both values as plain data."""

    name: str
    left: Any
    right: Any


@dataclass(frozen=True)
class ResultDifference:
    """Two results compared.

    Attributes:
        left: Id in the first session, None where it has no such result.
        right: Id in the second.
        settings: Settings, prompts and model as far as they differ.
        fields: Every field of either.
    """

    analysis: str
    left: int | None
    right: int | None
    settings: tuple[Change, ...] = ()
    fields: tuple[FieldDifference, ...] = ()

    def differs(self, tolerance: float) -> bool:
        """Return whether anything but rounding sets them apart."""
        return (
            self.left is None
            or self.right is None
            or bool(self.settings)
            or any(f.difference is None or f.difference > tolerance for f in self.fields)
        )


@dataclass(frozen=True)
class SessionDifference:
    """Two sessions compared, result by result."""

    tolerance: float
    results: tuple[ResultDifference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differs by more than the tolerance."""
        return not any(r.differs(self.tolerance) for r in self.results)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values; infinite differences as the text `inf`."""
        rows = []
        for result in self.results:
            row = asdict(result)
            row["differs"] = result.differs(self.tolerance)
            for part in row["fields"]:
                if part["difference"] is not None and math.isinf(part["difference"]):
                    part["difference"] = "inf"
            rows.append(row)
        return {"equal": self.equal, "tolerance": self.tolerance, "results": rows}

    def lines(self) -> list[str]:
        """Return it in words, one line per fact."""
        found: list[str] = []
        for result in self.results:
            found.append(_heading(result, self.tolerance))
            changes = result.settings
            found += [f"    {c.name}: {_short(c.left)} | {_short(c.right)}" for c in changes]
            for part in result.fields:
                if part.difference is None:
                    found.append(f"    {part.name}: {part.reason}")
                elif part.difference > self.tolerance:
                    found.append(f"    {part.name}: differs by up to {part.difference:.6g}")
        same = sum(not r.differs(self.tolerance) for r in self.results)
        found.append(f"{same} of {len(self.results)} results agree within {self.tolerance:g}.")
        return found


def compare_sessions(left: Session, right: Session, tolerance: float) -> SessionDifference:
    """Compare two sessions, of which one may be longer; differences up to `tolerance` are none.

    Raises:
        BadInputError: The tolerance is none, or a file is damaged.
    """
    if not 0 <= tolerance < math.inf:
        raise BadInputError(f"--tolerance {tolerance:g} is no distance: give 0 or more.")
    results = []
    for one, two in _pairs(left.rows(), right.rows()):
        if one is not None and two is not None:
            parts = compare_results(left.load(one.id), right.load(two.id))
            results.append(ResultDifference(one.analysis, one.id, two.id, *parts))
        elif one is not None:
            results.append(ResultDifference(one.analysis, one.id, None))
        elif two is not None:
            results.append(ResultDifference(two.analysis, None, two.id))
    return SessionDifference(tolerance, tuple(results))


def compare_results(
    left: Result, right: Result
) -> tuple[tuple[Change, ...], tuple[FieldDifference, ...]]:
    """Return what was set differently, and how far each field parts."""
    names = dict.fromkeys((*left.data, *right.data))
    fields = tuple(_field(n, left.data.get(n), right.data.get(n)) for n in names)
    return setting_changes(left, right), fields


def setting_changes(left: Result, right: Result) -> tuple[Change, ...]:
    """Return the settings, prompts and model properties in which two results differ."""
    one, two = _settings(left), _settings(right)
    for found, then, now in ((one, left.model, right.model), (two, right.model, left.model)):
        if has_earlier_tokenizer(then, now):
            found[_FINGERPRINT] = f"{then.fingerprint} ({EARLIER_TOKENIZER})"
    changes = {
        name: Change(name, one.get(name, _MISSING), two.get(name, _MISSING))
        for name in dict.fromkeys((*one, *two))
        if one.get(name, _MISSING) != two.get(name, _MISSING)
    }
    # Other texts have other tokens: that is told only where the text is the same.
    return tuple(
        c for n, c in changes.items() if n.removesuffix(_IDS) == n or n[:-4] not in changes
    )


def _settings(result: Result) -> dict[str, Any]:
    """Return everything that makes a result, under dotted names."""
    model = result.model
    found: dict[str, Any] = {
        "model.name": model.name,
        _FINGERPRINT: model.fingerprint,
        "model.dtype": model.dtype,
        "model.weights": model.weights,
        "model.layernorm": model.layernorm,
    }
    found |= {name: v for name, v in result.params.items() if name != "prompts"}
    # An untouched session holds the prompts as they were given, results as they were run.
    for number, prompt in enumerate(result.prompts, start=1):
        found[f"prompt {number}"] = prompt.text
        found[f"prompt {number}{_IDS}"] = list(prompt.tokens.ids)
        if prompt.corrupt_text is not None:
            found[f"prompt {number}.corrupt"] = prompt.corrupt_text
        found[f"prompt {number}.answers"] = [a.text for a in prompt.answers]
        found[f"prompt {number}.wrong"] = [w.text for w in prompt.wrongs]
    return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}


def _pairs(
    left: Sequence[SessionRow], right: Sequence[SessionRow]
) -> Iterator[tuple[SessionRow | None, SessionRow | None]]:
    """Pair the first `rank` with the first `rank`, the second with the second, and so on."""
    for analysis in dict.fromkeys(r.analysis for r in (*left, *right)):
        ones = [r for r in left if r.analysis == analysis]
        twos = [r for r in right if r.analysis == analysis]
        yield from zip_longest(ones, twos)


def _field(name: str, left: Any, right: Any) -> FieldDifference:
    try:
        return FieldDifference(name, _difference(left, right))
    except _UnlikeError as error:
        return FieldDifference(name, None, str(error))
    except (TypeError, ValueError):  # a damaged file's values may be of any kind
        return FieldDifference(name, None, "values of unlike kinds")


class _UnlikeError(Exception):
    """Two values that cannot be subtracted."""


def _difference(left: Any, right: Any) -> float:
    """Return the largest absolute difference of two values, however they are nested."""
    if left is None or right is None:
        if left is right:
            return 0.0
        raise _UnlikeError(f"only in the {'second' if left is None else 'first'}")
    if isinstance(left, Stored) and isinstance(right, Stored):
        return _array_difference(left, right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if set(left) != set(right):
            raise _UnlikeError("other entries")
        return max((_difference(left[k], right[k]) for k in left), default=0.0)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            raise _UnlikeError(f"{len(left)} and {len(right)} entries")
        return max((_difference(a, b) for a, b in zip(left, right, strict=True)), default=0.0)
    if _is_number(left) and _is_number(right):
        return _number_difference(float(left), float(right))
    if left == right:
        return 0.0
    raise _UnlikeError(f"{_short(left)} and {_short(right)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))


def _number_difference(left: float, right: float) -> float:
    if left == right or (math.isnan(left) and math.isnan(right)):
        return 0.0
    difference = abs(left - right)
    return math.inf if math.isnan(difference) else difference


def _array_difference(left: Stored, right: Stored) -> float:
    """Compare part by part; not-a-number equals itself alone."""
    if left.shape != right.shape:
        one, two = ("×".join(map(str, a.shape)) or "one value" for a in (left, right))
        raise _UnlikeError(f"shapes {one} and {two}")
    if not {left.dtype.kind, right.dtype.kind} <= set("biuf"):
        if np.array_equal(np.asarray(left), np.asarray(right)):
            return 0.0
        raise _UnlikeError("other texts")
    lead = leading_axes(left.shape, 8)
    largest = 0.0
    for index in np.ndindex(*left.shape[:lead]):
        here, there = (np.asarray(a[index], dtype=np.float64) for a in (left, right))
        apart = (here != there) & ~(np.isnan(here) & np.isnan(there))
        with np.errstate(invalid="ignore"):
            difference = np.abs(here[apart] - there[apart])
        largest = max(largest, np.where(np.isnan(difference), np.inf, difference).max(initial=0.0))
    return float(largest)


def _heading(result: ResultDifference, tolerance: float) -> str:
    if result.left is None:
        return f"{result.analysis}: result {result.right} is only in the second"
    if result.right is None:
        return f"{result.analysis}: result {result.left} is only in the first"
    state = "differs" if result.differs(tolerance) else "same"
    return f"{result.analysis}: result {result.left} | {result.right}: {state}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
