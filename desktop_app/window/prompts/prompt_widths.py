"""How the prompt table shares out its width and breaks its lines. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.window.prompts.prompt_rows import TypedRow

_ANSWER_SHARE, _ANSWER_LEAST, _ANSWER_MOST = 0.13, 52, 110
_EMPTY_CORRUPT = 62
_PROMPT_SHARE = 0.6


def column_widths(width: int, rows: Sequence[TypedRow]) -> tuple[int, int, int, int]:
    """Return the widths of prompt, corrupt, answer and wrong.

    Answers are short; a corrupt twin is as long as its prompt but read less often, and takes no
    more than its heading where there is none.
    """
    answer = max(_ANSWER_LEAST, min(_ANSWER_MOST, int(width * _ANSWER_SHARE)))
    rest = max(0, width - 2 * answer)
    has_twins = any(row.corrupt for row in rows)
    prompt = int(rest * _PROMPT_SHARE) if has_twins else max(rest - _EMPTY_CORRUPT, rest // 2)
    return prompt, rest - prompt, answer, answer


def line_count(text: str, letters: int) -> int:
    """Return how many lines a text takes where it is broken at spaces.

    Args:
        text: To be shown in letters of one width.
        letters: That fit on a line.
    """
    lines, used = 1, 0
    for word in text.split(" "):
        needed = len(word) + (1 if used else 0)
        if used and used + needed > letters:
            lines, used = lines + 1, len(word)
        else:
            used += needed
    return lines
