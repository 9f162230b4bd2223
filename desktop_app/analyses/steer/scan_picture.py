"""The scan of prompt positions as data, and where a position lives from step to step. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, plural, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result

UNCHANGED = "same text"


@dataclass(frozen=True)
class Scan:
    """The scan of one prompt.

    Attributes:
        texts: The prompt's tokens.
        changed: Whether steering there alone changes the tokens that are said.
        difference: The largest change of a logit over all steps; NaN where it is not known.
        said: What is said then.
        plain: What is said untouched.
    """

    texts: tuple[str, ...]
    changed: tuple[bool | None, ...]
    difference: np.ndarray
    said: tuple[str, ...]
    plain: str

    def exact(self, position: int) -> bool:
        """Return whether steering there changes nothing at all, bit for bit."""
        return float(self.difference[position]) == 0.0


def has_scan(data: Mapping[str, Any]) -> bool:
    """Return whether positions were scanned."""
    rows = data.get("scan")
    return rows is not None and len(rows) > 0


def scan_of(result: Result, prompt: int) -> Scan | None:
    """Return the scan of a prompt, or None where there is none."""
    rows = result.data.get("scan")
    if rows is None or prompt >= len(rows):
        return None
    texts = result.prompts[prompt].tokens.texts
    changed = [None if one is None else bool(one) for one in list(rows[prompt])]
    length = len(changed)
    if length != len(texts):
        raise ValueError(f"{length} scanned positions of {len(texts)} tokens")
    difference = _row(result.data, "scan_difference", prompt)
    values = np.full(length, np.nan)
    for place, value in enumerate(difference[:length]):
        values[place] = np.nan if value is None else float(value)
    said = [str(text or "") for text in _row(result.data, "scan_texts", prompt)]
    said += [""] * (length - len(said))
    plain = _row(result.data, "plain", prompt)
    told = str(plain.get("text", "")) if isinstance(plain, dict) else ""
    return Scan(tuple(texts), tuple(changed), values, tuple(said[:length]), told)


def _row(data: Mapping[str, Any], name: str, prompt: int) -> Any:
    rows = data.get(name)
    return rows[prompt] if rows is not None and prompt < len(rows) else ()


def headline(scan: Scan) -> str:
    """Say at how many positions steering matters, and where it does nothing at all."""
    tried = [place for place, one in enumerate(scan.changed) if one is not None]
    matter = [place for place in tried if scan.changed[place]]
    exact = [place for place in tried if scan.exact(place)]
    said = f"Steering at one position alone changes the text at {len(matter)} of {len(tried)}"
    if matter:
        said += f": {positions_words(matter)}"
    if exact:
        said += f". At {positions_words(exact)} it changes no logit at any step, bit for bit"
    return f"{said}."


def strongest(scan: Scan) -> int | None:
    """Return the position where steering changes a logit most; None where nothing is known."""
    known = np.where(np.isfinite(scan.difference), scan.difference, -1.0)
    return int(known.argmax()) if known.size and known.max() >= 0 else None


def positions_words(places: Sequence[int], most: int = 8) -> str:
    """Write positions as a person would: `0 to 3, 7`."""
    runs: list[list[int]] = []
    for place in sorted(places):
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    said = [str(a) if a == b else f"{a} to {b}" if b > a + 1 else f"{a}, {b}" for a, b in runs]
    return ", ".join(said[:most]) + (" …" if len(said) > most else "")


def difference_words(value: float) -> str:
    """Write the change of a logit: an exact zero as such, small ones by their magnitude."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0, bit for bit"
    return number(value) if value >= 0.0005 else written("{:.0e}", value)


def scan_ranking(scan: Scan) -> Ranking:
    """Return the positions in order; keys are positions."""
    columns = (
        Column("position", "number", "", muted=True),
        Column("token", "token", "Token"),
        Column("text", "mark", "Text", tooltip="Whether the text that is said changes"),
        Column(
            "difference",
            "number",
            "Logits",
            format=difference_words,
            tooltip="The largest change of a logit over the steps before which both texts agree",
        ),
        Column("said", "mono", "What is said then", width="stretch", least=120),
    )
    rows = []
    for place, text in enumerate(scan.texts):
        one = scan.changed[place]
        mark = "–" if one is None else "changes" if one else ""
        said = display_text(scan.said[place])
        value = float(scan.difference[place])
        values = (place, display_text(text), mark, value if math.isfinite(value) else None, said)
        rows.append(
            Row(place, values, position_sentence(scan, place), emphasis="good" if one else "")
        )
    return Ranking(columns, tuple(rows))


def position_sentence(scan: Scan, position: int) -> str:
    """Say what steering at one position does."""
    name = f"Position {position} ({display_text(scan.texts[position])})"
    one, value = scan.changed[position], float(scan.difference[position])
    if one is None:
        return f"{name}: not tried."
    logits = f" (largest change of a logit {difference_words(value)})"
    if one:
        return f"{name}: steering there changes the text{logits}."
    if scan.exact(position):
        return f"{name}: steering there changes nothing, not even a logit."
    return f"{name}: steering there changes logits but no token{logits}."


def lives(timeline: Sequence[Sequence[int]], position: int, prompt: int) -> str:
    """Say where a position lives from step to step, by the codes of the timeline.

    Args:
        timeline: Codes `[step][position]`.
        position: Which one, over prompt and new tokens.
        prompt: The prompt's token count.
    """
    codes = [int(row[position]) for row in timeline if position < len(row)]
    if not codes or not any(codes):
        return ""
    kind = "of the prompt" if position < prompt else "of the text that was said"
    said = [f"Position {position}, {kind}:"]
    for first, last, code in _stretches(codes):
        if code:
            said.append(f"{_steps(first, last, len(codes))} {_LIVES[code]};")
    text = " ".join(said).removesuffix(";") + "."
    if 5 in codes:
        text += (
            " A step past the first holds only its new token; what was computed before is read "
            "from the cache as it is, so nothing can be changed there any more."
        )
    elif 4 in codes:
        text += " Later steps read what was changed: that is how one change persists."
    return text


_LIVES = {
    1: "computed, unchanged",
    2: "read from the cache",
    3: "computed and changed",
    4: "read from the cache with the change that was made to it",
    5: "asked to be changed, but it lives in the cache",
}


def _stretches(codes: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return first step, last step and code of each stretch of equal codes."""
    found: list[tuple[int, int, int]] = []
    for step, code in enumerate(codes):
        if found and found[-1][2] == code:
            found[-1] = found[-1][0], step, code
        else:
            found.append((step, step, code))
    return found


def _steps(first: int, last: int, count: int) -> str:
    if first == last:
        return f"step {first}"
    return f"from step {first} on" if last == count - 1 else f"steps {first} to {last}"


def partial_words(data: Mapping[str, Any]) -> str:
    """Say how many positions have been scanned so far."""
    rows = data.get("scan")
    places = [one for row in (() if rows is None else rows) for one in row]
    known = sum(one is not None for one in places)
    return f"{known:,} of {plural(len(places), 'position')} scanned so far."
