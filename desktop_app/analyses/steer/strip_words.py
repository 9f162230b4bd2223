"""What is said of one token of a continuation. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.said import NAMES, TOLD
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, probability, written

if TYPE_CHECKING:
    from desktop_app.analyses.steer.said import Continuation, Token


def _columns(largest: float) -> tuple[Column, ...]:
    """Return the columns of tokens, the bars as long as the likeliest one's allows."""
    return (
        Column("place", "mono", "#", align="right", width=30, muted=True),
        Column("token", "token"),
        Column("share", "bar", "", limits=(0.0, largest or 1.0)),
        Column("prob", "number", format=_three_digits, width=78),
        Column("log prob", "number", width=76, muted=True, priority=1),
    )


def _three_digits(value: float) -> str:
    """Write a probability so that those of a flat distribution can be told apart."""
    return written("{:#.3g}", value)


def run_tip(one: Continuation) -> str:
    """Say what a run is, and how fluent it is."""
    lines = [f"{NAMES[one.run]}: {TOLD[one.run]}."]
    if math.isfinite(one.loss):
        lines.append(f"Mean loss under the plain model {number(one.loss)} nats: its fluency.")
    if one.ended:
        lines.append("It ended with an end-of-text token.")
    return "\n".join(lines)


def token_title(one: Continuation, step: int) -> str:
    """Name a token: whose it is, at which step."""
    return f"{NAMES[one.run]} · step {step} · “{one.tokens[step].label}”"


def token_facts(one: Continuation, step: int, parting: int | None) -> list[str]:
    """Return what is known of a token, a line each."""
    token = one.tokens[step]
    lines = [f"id {token.id} · piece {token.piece!r} · text {token.text!r}"]
    if math.isfinite(token.logprob):
        lines.append(f"log-probability {_with_probability(token.logprob)}")
    elif math.isnan(token.logprob):
        lines.append("Not read yet when the run was stopped: no numbers are known.")
    if one.run != "plain" and math.isfinite(token.plain_logprob):
        told = _with_probability(token.plain_logprob)
        lines.append(f"under the plain model {told}")
    if math.isfinite(token.reading):
        lines.append(f"reading along the direction {number(token.reading, sign=True)}")
    if token.given:
        lines.append("Given, not chosen by the model.")
    if parting == step:
        lines.append("Here this text parts from the plain one.")
    return lines


def token_tip(one: Continuation, step: int, parting: int | None) -> str:
    """Return the same as a tooltip."""
    return "\n".join([token_title(one, step), *token_facts(one, step, parting)])


def alternatives(token: Token) -> Ranking:
    """Return the likeliest tokens of a step; the one that was said stands out."""
    rows = []
    for rank, (id_, text, logprob) in enumerate(token.top):
        shown, prob = display_text(text) or "∅", math.exp(logprob)
        said = id_ == token.id
        tip = f"“{shown}” (id {id_}): probability {number(prob, 6)}" + (
            ", said here" if said else ". Double click or Enter: say it here and go on."
        )
        values = (rank, shown, Bar(prob), prob, logprob)
        rows.append(Row(id_, values, tip, "good" if said else ""))
    largest = max((math.exp(logprob) for _id, _text, logprob in token.top), default=1.0)
    return Ranking(_columns(largest), tuple(rows))


def _with_probability(logprob: float) -> str:
    return f"{number(logprob)} (p {probability(math.exp(logprob))})"
