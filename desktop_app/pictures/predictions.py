"""The most likely next tokens as a ranking: token, bar, probability, logit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from desktop_app.pictures.ranking import Bar, Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.pictures.ranking import Emphasis

Mark = Literal["", "answer", "wrong"]

EMPHASIS: dict[Mark, Emphasis] = {"": "", "answer": "good", "wrong": "bad"}

COLUMNS = (
    Column("place", "mono", "#", align="right", width=34, muted=True),
    Column("token", "token"),
    Column("id", "mono", align="right", width=64, muted=True, priority=2),
    Column("share", "bar", "", limits=(0.0, 1.0)),
    Column("mark", "mark", "", width=62, priority=1),
    Column("prob", "number", format=probability, width=60),
    Column("logit", "number", width=68, muted=True, priority=3),
    Column("log prob", "number", width=76, muted=True, priority=3),
)


def next_tokens(
    rows: Sequence[Mapping[str, Any]],
    marked: Mapping[int, Mark],
    others: Mapping[int, float] | None = None,
) -> Ranking:
    """Return the rows of a result, best first, as a ranking; its keys are the tokens' ids.

    `others` are probabilities by token to compare with; each is a tick on its bar.
    """
    made = []
    for rank, row in enumerate(rows):
        mark = marked.get(int(row["id"]), "")
        text, prob = token_text(row), float(row["prob"])
        other = None if others is None else others.get(int(row["id"]))
        bar = Bar(prob, tick=math.nan if other is None else other)
        scores = (prob, float(row["logit"]), float(row["logprob"]))
        tip = _tip(rank, row, mark)
        if others is not None:
            told = "not among the listed" if other is None else number(other, 6)
            tip += f"\nprobability in the other list: {told}"
        values = (rank, text, int(row["id"]), bar, mark, *scores)
        made.append(Row(int(row["id"]), values, tip, EMPHASIS[mark]))
    return Ranking(COLUMNS, tuple(made))


def token_text(row: Mapping[str, Any]) -> str:
    """Return a token as it is shown: its text, or its piece where it has none of its own."""
    return display_text(row["text"]) or display_text(row["piece"])


def _tip(rank: int, row: Mapping[str, Any], mark: Mark) -> str:
    told = {"answer": ", the answer", "wrong": ", a wrong answer", "": ""}[mark]
    return (
        f"Rank {rank}: “{token_text(row)}” (id {row['id']}, piece {row['piece']}){told}\n"
        f"probability {number(float(row['prob']), 6)}, logit {number(float(row['logit']), 4)}, "
        f"log-probability {number(float(row['logprob']), 4)}"
    )
