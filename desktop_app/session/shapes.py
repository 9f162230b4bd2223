"""Whether a stored result has the form that its analysis gives its results.

A file of unknown origin may hold arrays of any shape under the names of an analysis, and the views
of that analysis rely on the axes that its spec declares. Results of analyses that are not built in
are drawn from whatever axes they have, and are let through.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.registry import ANALYSES, BUILT_IN, reads_prompts
from desktop_app.contract.spec import MAX_AXES
from desktop_app.session.parts import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from desktop_app.contract.result import PromptRecord, Result, TokenList
    from desktop_app.contract.spec import Analysis

_COUNTED = frozenset({"layer", "head", "kv_head"})
_MOST = 1_000_000


def problem_of(result: Result) -> str | None:
    """Return in a few words what of a result is not as its analysis makes it; None: all is."""
    analysis = ANALYSES.get(result.analysis)
    found = _prompt_problems(result.prompts)
    if analysis is not None and result.analysis in BUILT_IN:
        found = chain(found, _field_problems(result, analysis))
    try:
        return next(found, None)
    except (TypeError, ValueError, LookupError):  # settings of any kind decide which axes there are
        return "its settings are of the wrong kind"


def _prompt_problems(prompts: Iterable[PromptRecord]) -> Iterator[str]:
    for number, prompt in enumerate(prompts, 1):
        problem = _prompt_problem(prompt)
        if problem is not None:
            yield f"prompt {number} {problem}"


def _prompt_problem(prompt: PromptRecord) -> str | None:
    length = len(prompt.tokens)
    if length == 0 or not -length <= prompt.read_position < length:
        return "is read at a token that it does not have"
    answers = [answer.tokens for answer in (*prompt.answers, *prompt.wrongs)]
    lists = [prompt.tokens, *filter(None, [prompt.corrupt_tokens]), *answers]
    if not all(map(_is_even, lists)) or not all(map(len, lists)):
        return "has tokens without their texts"
    return None


def _is_even(tokens: TokenList) -> bool:
    return len(tokens.ids) == len(tokens.pieces) == len(tokens.texts)


def _field_problems(result: Result, analysis: Analysis) -> Iterator[str]:
    """Give what is wrong with the fields, one after another."""
    sizes = dict(_named_axes(result, analysis))
    for axis, size in sizes.items():
        if size == 0:
            yield f"it names no {axis}"
    if reads_prompts(result):
        sizes["prompt"] = len(result.prompts)
        if not result.prompts:
            yield "it speaks of no prompt"
    for name, value in result.data.items():
        spec = analysis.field(name)
        if spec is not None:
            possible = (analysis.axes(name, result.params), spec.axes)
            is_number = spec.nullable or bool(spec.unit)
            problem = _field_problem(name, value, possible, sizes)
            by_prompt = "prompt" in spec.axes
            if is_number and all(possible) and not _are_numbers(value, by_prompt=by_prompt):
                problem = problem or f"{name} is no array of numbers"
            if problem is not None:
                yield problem
    yield from _label_problems(result, analysis)


def _named_axes(result: Result, analysis: Analysis) -> Iterator[tuple[str, int]]:
    """Give the axes whose places a field names, and how many they are."""
    for spec in analysis.fields:
        value = result.data.get(spec.name)
        if spec.labels and isinstance(value, (list, tuple)):
            yield spec.labels, len(value)
        elif spec.labels and isinstance(value, Stored) and value.ndim == 1:
            yield spec.labels, value.shape[0]


def _field_problem(
    name: str, value: Any, possible: tuple[tuple[str, ...], ...], sizes: dict[str, int]
) -> str | None:
    if isinstance(value, Stored):
        return _array_problem(name, value, possible, sizes)
    least, there = min(map(len, possible)), _least_axes(value)
    if there < least:
        return f"{name} has {there} axes and not {least}"
    if isinstance(value, (list, tuple)) and "prompt" in possible[0]:
        if len(value) != sizes.get("prompt", len(value)):
            return f"{name} is not there for every prompt"
        rest = tuple(tuple(a for a in axes if a != "prompt") for axes in possible)
        parts = (item for item in value if isinstance(item, Stored))
        return next(filter(None, (_array_problem(name, p, rest, sizes) for p in parts)), None)
    return None


def _array_problem(
    name: str, value: Stored, possible: tuple[tuple[str, ...], ...], sizes: dict[str, int]
) -> str | None:
    axes = next((axes for axes in possible if len(axes) == value.ndim), None)
    if axes is None:
        return f"{name} has {value.ndim} axes and not {len(possible[0])}"
    for axis, size in zip(axes, value.shape, strict=True):
        if sizes.get(axis, size) != size:
            return f"{name} has {size} places along {axis} and not {sizes[axis]}"
    return None


def _are_numbers(value: Any, *, by_prompt: bool) -> bool:
    """Return whether a value is an array of numbers, or one for each prompt."""
    parts = value if by_prompt and isinstance(value, tuple) else (value,)
    return all(isinstance(part, Stored) and part.dtype.kind != "b" for part in parts)


def _least_axes(value: Any, within: int = MAX_AXES) -> int:
    """Return how many axes all parts of a value have; tables and what is empty count as many."""
    if isinstance(value, Stored):
        return value.ndim
    if isinstance(value, (list, tuple)) and within:
        return 1 + min((_least_axes(item, within - 1) for item in value), default=MAX_AXES)
    return 0 if isinstance(value, (bool, int, float, str)) else MAX_AXES


def _label_problems(result: Result, analysis: Analysis) -> Iterator[str]:
    """Give the fields that name nothing, or layers and heads by what is no number of any."""
    for spec in analysis.fields:
        value = result.data.get(spec.name, ())
        if spec.labels and not isinstance(value, (list, tuple, Stored)):
            yield f"{spec.name} names no {spec.labels}s"
        elif spec.labels in _COUNTED and isinstance(value, Stored):
            numbers = np.asarray(value)
            is_whole = numbers.dtype.kind in "iu"
            if not is_whole or ((numbers < 0) | (numbers >= _MOST)).any():
                yield f"{spec.name} names no {spec.labels}s"
