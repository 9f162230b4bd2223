"""What room the columns and lines of the prompt table take, without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.window.prompts.prompt_rows import TypedRow

_ANSWER_LEAST, _ANSWER_MOST, _ANSWER_SHARE = 56, 110, 0.22
# Where a prompt would have hardly a word's width, headings of answers are cut rather than prompts.
_TIGHT, _ANSWER_TIGHT = 260, 40
_KEPT_MOST, _LABEL_NARROW = 140, 72
_EMPTY_TIGHT, _EMPTY_LEAST = 32, 26  # beside labels in a narrow dock
_NARROW = 420  # in a narrow dock the prompts come first
_EMPTY_CORRUPT = 62
_PROMPT_SHARE = 0.6
_PADDING = 14
_SAMPLED = 300


def column_widths(
    width: int, rows: Sequence[TypedRow], letter: int = 7, *, labels: bool = False
) -> tuple[int, ...]:
    """Return the widths of prompt, corrupt, answer, wrong, label and group; 0 hides one.

    Answers take what their texts need, within bounds: they are what one looks for. A corrupt twin
    is as long as its prompt but read less often, and takes no more than its heading where there is
    none. Labels are seen wherever there are any, or where `labels` are about to be typed; in a
    narrow dock what is empty makes room for them.
    """
    sample, is_narrow = rows[:_SAMPLED], width < _NARROW
    labels = labels or any(row.label for row in rows)
    crowded = is_narrow and labels
    most = max(_ANSWER_LEAST if is_narrow else _ANSWER_MOST, int(width * _ANSWER_SHARE))
    least = _ANSWER_LEAST if width > _TIGHT else _ANSWER_TIGHT
    if crowded and width <= _TIGHT:
        most = _ANSWER_TIGHT
    empty = _EMPTY_TIGHT if width > _TIGHT else _EMPTY_LEAST
    answer, wrong = (
        empty
        if crowded and not any(getattr(row, name) for row in rows)
        else _between(least, _needed(sample, name, letter), most)
        for name in ("answer", "wrong")
    )
    label_most = _LABEL_NARROW if is_narrow else _KEPT_MOST
    label = _between(_ANSWER_LEAST, _needed(sample, "label", letter), label_most) if labels else 0
    groups = not is_narrow and any(row.group for row in rows)
    group = _between(_ANSWER_LEAST, _needed(sample, "group", letter), _KEPT_MOST) if groups else 0
    rest = max(0, width - answer - wrong - label - group)
    has_twins = any(row.corrupt for row in rows)
    besides_heading = max(rest - (empty if crowded else _EMPTY_CORRUPT), rest // 2)
    prompt = min(int(rest * _PROMPT_SHARE), besides_heading) if has_twins else besides_heading
    return prompt, rest - prompt, answer, wrong, label, group


def line_count(text: str, letters: int) -> int:
    """Return how many lines of so many letters a text takes where it is broken at spaces."""
    lines, used = 1, 0
    for word in text.split(" "):
        needed = len(word) + (1 if used else 0)
        if used and used + needed > letters:
            lines, used = lines + 1, len(word)
        else:
            used += needed
    return lines


def _needed(rows: Sequence[TypedRow], name: str, letter: int) -> int:
    longest = max((len(getattr(row, name)) for row in rows), default=0)
    return longest * letter + _PADDING


def _between(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))
