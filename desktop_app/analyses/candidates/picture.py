"""What the candidates' view shows, computed from a result without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.result import TokenList
from desktop_app.pictures.predictions import token_text
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, number, part_name, plural, prompt_title
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.ranking import Emphasis
    from desktop_app.session.export_table import Table

OWN = 0
"""The row of the prompt's own word."""

_LONGEST = 40


def _small(value: float) -> str:
    """Write a share or a change with as many digits as tell it from 0."""
    return number(value, 5 if 0 < abs(value) < 0.01 else 3)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


_WORD = Column("word", "name", least=90)
_MARK = Column("trouble", "mark", "")
_TOKENS = (
    Column("pieces", "mono", "tokens", muted=True, priority=2, tooltip="Its tokens in place"),
    Column(
        "tokens", "number", "count", priority=1, tooltip="How many tokens; they must be as many"
    ),
)
_READ = (
    Column("change", "number", format=_small, bar=True, tooltip="KL(base ‖ changed), nats"),
    Column("then says", "token", priority=3),
)
_DIFF = Column("logit diff", "number", priority=2, tooltip="answer − wrong with it")
_TO = Column(
    "looked at",
    "number",
    format=_small,
    bar=True,
    priority=1,
    tooltip="The head's attention to it, mean over the tokens after it",
)
_LAST = Column(
    "from last",
    "number",
    format=_small,
    bar=True,
    tooltip="The head's attention to it from the last token",
)
_RANK = (
    Column(
        "text rank",
        "number",
        format=_whole,
        tooltip="0: the most frequent word of the text",
    ),
    Column("times", "number", format=_whole, muted=True, priority=3),
)

FIELDS = {
    "change": "kl",
    "logit diff": "logit_diff",
    "looked at": "attention_to",
    "from last": "attention_from_last",
    "text rank": "frequency_rank",
    "times": "frequency",
}
"""What a column of the table shows, by its key."""


@dataclass(frozen=True)
class Shown:
    """A word in its place.

    Attributes:
        title: The word, and whose it is.
        tokens: The prompt with it.
        span: First token of the word, and the one after its last.
        fits: Whether anything was read of the prompt with it.
        values: The head's attention from the last token; None where there is none.
    """

    title: str
    tokens: TokenList
    span: tuple[int, int]
    fits: bool
    values: np.ndarray | None


def head_of(result: Result) -> tuple[int, int] | None:
    """Return the head whose attention was read."""
    layer, dot, head = str(result.params.get("head") or "").partition(".")
    if not dot or not (layer.isdecimal() and head.isdecimal()):
        return None
    return int(layer), int(head)


def head_name(result: Result) -> str:
    """Return the head's name, empty where none was asked for."""
    head = head_of(result)
    return "" if head is None else part_name(*head)


def pair_of(result: Result) -> int:
    """Return which prompt of the result was worked on."""
    pair = result.params.get("pair")
    return pair if isinstance(pair, int) and 0 <= pair < len(result.prompts) else 0


def named(result: Result) -> str:
    """Return what a result is called beside its title: `“two” · L1H2`."""
    word = f"“{_shown(result, OWN)}”" if result.data.get("words") else ""
    return " · ".join(part for part in (word, head_name(result)) if part)


def table_of_words(result: Result) -> Ranking:
    """Return a row per word, the prompt's own first; keys are the numbers of the words."""
    columns = [_WORD, _MARK, *_TOKENS, *_READ]
    columns += [_DIFF] if "logit_diff" in result.data else []
    columns += [_TO, _LAST] if "attention_to" in result.data else []
    columns += _RANK if "frequency_rank" in result.data else []
    rows = range(len(result.data["words"]))
    return Ranking(tuple(columns), tuple(_row(result, row, columns) for row in rows))


def _row(result: Result, row: int, columns: list[Column]) -> Row:
    values = tuple(_value(result, column.key, row) for column in columns)
    emphasis: Emphasis = "good" if row == OWN else "bad" if not _fits(result, row) else ""
    return Row(row, values, _tip(result, row), emphasis)


def _value(result: Result, key: str, row: int) -> object:
    told = result.data["tokens"][row]
    if key == "word":
        return _shown(result, row)
    if key == "trouble":
        return trouble(result, row)
    if key == "pieces":
        return pieces(told)
    if key == "tokens":
        return int(result.data["token_count"][row])
    if key == "then says":
        found = result.data["next"][row]
        return None if found is None else token_text(found)
    value = float(result.data[FIELDS[key]][row])
    return None if math.isnan(value) else value


def trouble(result: Result, row: int) -> str:
    """Say in few words what a row is, or what is wrong with it."""
    if row == OWN:
        return "in the prompt"
    own, count = (int(result.data["token_count"][i]) for i in (OWN, row))
    if not _fits(result, row):
        return f"{count} for {own}" if count != own else "other length"
    return "more changes" if is_moving(result, row) else ""


def is_moving(result: Result, row: int) -> bool:
    """Return whether tokens beside a word change with it."""
    return len(result.data["tokens"][row]["ids"]) != int(result.data["token_count"][row])


def pieces(told: Mapping[str, Any]) -> str:
    """Return a word's tokens with a dot between: `␠two·three`."""
    return "·".join(
        display_text(str(text)) or str(piece)
        for text, piece in zip(told["texts"], told["pieces"], strict=True)
    )


def _fits(result: Result, row: int) -> bool:
    return bool(result.data["fits"][row])


def _shown(result: Result, row: int) -> str:
    return clipped(display_text(str(result.data["words"][row])), _LONGEST)


def _tip(result: Result, row: int) -> str:
    """Say all of a row."""
    told = result.data["tokens"][row]
    ids = ", ".join(map(str, told["ids"]))
    lines = [f"“{display_text(str(result.data['words'][row]))}”: {pieces(told)} (ids {ids})"]
    if row == OWN:
        lines.append("the prompt's own word")
    elif not _fits(result, row):
        lines.append(
            "With it the prompt has another number of tokens: positions no longer answer one "
            "another, so nothing is read."
        )
    elif is_moving(result, row):
        lines.append("Tokens beside the word change with it.")
    for name, words in (
        ("kl", "KL(base ‖ changed) {} nats"),
        ("attention_to", "attention to it, mean of the tokens after it {}"),
        ("attention_from_last", "attention to it from the last token {}"),
    ):
        value = float(result.data[name][row]) if name in result.data else math.nan
        if not math.isnan(value):
            lines.append(words.format(number(value, 6)))
    return "\n".join(lines)


def heading(result: Result) -> str:
    """Say how many candidates fit, and which of them the head treats most alike."""
    count, fits = len(result.data["words"]) - 1, int(np.sum(result.data["fits"][1:]))
    own = int(result.data["token_count"][OWN])
    has = "has" if 1 in {fits, count} else "have"
    said = (
        f"{fits:,} of {plural(count, 'candidate')} {has} as many tokens as "
        f"“{_shown(result, OWN)}” ({own})"
    )
    return " · ".join(part for part in (said, nearest(result)) if part)


def nearest(result: Result) -> str:
    """Name the candidate whose attention from the last token is nearest to the own word's."""
    if "attention_from_last" not in result.data:
        return ""
    values = np.asarray(result.data["attention_from_last"], dtype=float)
    away = np.abs(values[1:] - values[OWN])
    if not np.isfinite(away).any():
        return ""
    row = 1 + int(np.nanargmin(away))
    return (
        f"{head_name(result)} looks most alike at “{_shown(result, row)}” "
        f"({_small(values[row])}, “{_shown(result, OWN)}” {_small(values[OWN])})"
    )


def place_sentence(result: Result) -> str:
    """Say in which prompt the word stands, and what was counted."""
    pair = pair_of(result)
    said = f"In prompt {prompt_title(result.prompts[pair], pair)}"
    if "text_words" not in result.data:
        return said
    # The name alone: reports and pictures go to others.
    file = Path(str(result.params.get("text") or "").replace("\\", "/")).name
    words, different = (int(result.data[name]) for name in ("text_words", "text_different"))
    return (
        f"{said} · counted in {clipped(file, _LONGEST)}: whole words as they are written, "
        f"{words:,}, of them {different:,} different"
    )


def shown_of(result: Result, row: int) -> Shown:
    """Return a word in its place, with the head's attention from the last token."""
    base, told = result.prompts[pair_of(result)].tokens, result.data["tokens"][row]
    own = tuple(int(place) for place in result.data["span"][OWN])
    first, fits = int(told["first"]), _fits(result, row)
    before = first if fits else min(first, own[0])
    after = before + len(told["ids"]) if fits else own[1]
    lists = [
        (*getattr(base, name)[:before], *told[name], *getattr(base, name)[after:])
        for name in ("ids", "pieces", "texts")
    ]
    values = None
    if fits and "last_row" in result.data:
        values = np.asarray(result.data["last_row"][row], dtype=float)
    whose = "the prompt's own" if row == OWN else trouble(result, row)
    title = f"“{_shown(result, row)}”" + (f", {whose}" if whose else "")
    return Shown(title, TokenList(*lists), (before, before + len(told["ids"])), fits, values)


def most_attention(result: Result) -> float:
    """Return the largest attention of all rows off the first token, for one scale of all."""
    if "last_row" not in result.data:
        return 1.0
    rows = np.asarray(result.data["last_row"], dtype=float)
    rows = rows[:, 1:] if rows.shape[1] > 1 else rows
    return float(np.nanmax(rows)) if np.isfinite(rows).any() else 1.0


def text_with(result: Result, row: int) -> str | None:
    """Return the prompt as it was given with a word in its place; None where it is not known."""
    text, own = given_text(result), str(result.data["words"][OWN])
    start = int(result.data["start"])
    if not own or text[start : start + len(own)] != own:
        return None
    return text[:start] + str(result.data["words"][row]) + text[start + len(own) :]


def given_text(result: Result) -> str:
    """Return the prompt as the table holds it."""
    pair = pair_of(result)
    rows = result.params.get("prompts")
    given = rows[pair] if isinstance(rows, (list, tuple)) and pair < len(rows) else None
    text = given.get("text") if isinstance(given, dict) else None
    return text if isinstance(text, str) else result.prompts[pair].text


def setting_of_head(layer: int, head: int) -> str:
    """Return a head as the settings write it."""
    return f"{layer}.{head}"


def lines(result: Result) -> Iterator[str]:
    """Yield a row per word, the prompt's own first, for a terminal."""
    yield heading(result)
    yield place_sentence(result)
    shown = table_of_words(result)
    for row in shown.rows:
        told = [f"  {shown.text(row.key, 0):<20}"]
        for place, column in enumerate(shown.columns[1:], start=1):
            text = shown.text(row.key, place)
            if text and column.key != "tokens":
                told.append(text if column.key == "trouble" else f"{column.key} {text}")
        yield "  ".join(told)


def table(result: Result, _prompt: int = 0, _head: tuple[int, int] | None = None) -> Table:
    """Return a row per word, for the clipboard and spreadsheets."""
    names = ["kl", "logit_diff", "attention_to", "attention_from_last"]
    names = [n for n in (*names, "frequency_rank", "frequency") if n in result.data]
    rows = []
    for row, word in enumerate(result.data["words"]):
        found = result.data["next"][row]
        shown = [str(word), pieces(result.data["tokens"][row])]
        counts = [cell_text(int(result.data["token_count"][row])), cell_text(_fits(result, row))]
        values = [cell_text(float(result.data[name][row])) for name in names]
        rows.append([*shown, *counts, *values, "" if found is None else token_text(found)])
    return ["word", "pieces", "token_count", "fits", *names, "next"], rows
