"""What the ranking view shows, computed from a result without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.rank.over_prompts import has_many, rank_text, share_sentence
from desktop_app.pictures.curves import Mark as Line
from desktop_app.pictures.curves import Region, Scale, Scatter
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.predictions import EMPHASIS, next_tokens, token_text
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.text_tables import show_space
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, plural, probability, prompt_title, tail
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.predictions import Mark
    from desktop_app.session.export_table import Table

_ANSWER_COLUMNS = (
    Column("token", "token"),
    Column("given", "mono", width="stretch", muted=True, priority=2),
    Column("rank", "number", format=rank_text),
    Column("prob", "number", format=probability),
    Column("logit", "number", format=number, priority=1),
    Column("log prob", "number", format=number),
)
_SURPRISE_COLUMNS = (
    Column("at", "mono", align="right", width=40, muted=True),
    Column("token", "mono"),
    Column("bar", "bar", "surprise, −log p"),
    Column("nats", "number", width=64, muted=True),
)


@dataclass(frozen=True)
class AnswerTable:
    """One continuation, a row per token, with the log-probability of the whole."""

    text: str
    mark: Mark
    ranking: Ranking
    logprob_total: float


@dataclass(frozen=True)
class Spread:
    """One number per prompt with mean and standard error; NaN where a prompt has none."""

    values: np.ndarray
    mean: float
    sem: float
    prompt: float


def heading(result: Result, prompt: int) -> str:
    """Say which token is predicted: after what, and at which position it is read."""
    record = result.prompts[prompt]
    read = int(result.data["read_position"][prompt])
    shown = tail(record.tokens.texts, read + 1, 5)
    return f"Predicting the token after “{shown}”"


def read_sentence(result: Result, prompt: int) -> str:
    """Say where the prediction is read."""
    record = result.prompts[prompt]
    read, count = int(result.data["read_position"][prompt]), len(record.tokens)
    text, id_ = display_text(record.tokens.texts[read]), record.tokens.ids[read]
    last = " (the last)" if read == count - 1 else ""
    return f"read at position {read} of 0…{count - 1}{last}, token “{text}” id {id_}"


def marks(result: Result, prompt: int) -> dict[int, Mark]:
    """Return which token ids are the first token of an answer or a wrong one."""
    found: dict[int, Mark] = {}
    names: tuple[tuple[str, Mark], ...] = (("wrong", "wrong"), ("answers", "answer"))
    for field, mark in names:
        for continuation in _continuations(result, field, prompt):
            if continuation["rows"]:
                found[int(continuation["rows"][0]["id"])] = mark
    return found


def predictions(result: Result, prompt: int) -> Ranking:
    """Return the most likely next tokens, best first."""
    return next_tokens(result.data["top"][prompt], marks(result, prompt))


def answer_tables(result: Result, prompt: int) -> list[AnswerTable]:
    """Return one table per answer and per wrong continuation, answers first."""
    names: tuple[tuple[str, Mark], ...] = (("answers", "answer"), ("wrong", "wrong"))
    return [
        _answer_table(result, prompt, continuation, mark)
        for field, mark in names
        for continuation in _continuations(result, field, prompt)
    ]


def _continuations(result: Result, field: str, prompt: int) -> Sequence[Mapping[str, Any]]:
    per_prompt = result.data.get(field)
    return per_prompt[prompt] if per_prompt else ()


def _answer_table(
    result: Result, prompt: int, continuation: Mapping[str, Any], mark: Mark
) -> AnswerTable:
    read = int(result.data["read_position"][prompt])
    before = result.prompts[prompt].tokens.texts[: read + 1]
    rows = []
    for step, row in enumerate(continuation["rows"]):
        given, text = tail(before, len(before), 3), token_text(row)
        scores = (float(row["prob"]), float(row["logit"]), float(row["logprob"]))
        tip = (
            f"Predicting token {step}, “{text}” (id {row['id']}), given “{given}”\n"
            f"probability {number(scores[0], 6)}, logit {number(scores[1])}, "
            f"log-probability {number(scores[2])}"
        )
        rows.append(Row(step, (text, given, int(row["rank"]), *scores), tip, EMPHASIS[mark]))
        before = (*before, str(row["text"]))
    total = float(continuation["logprob_total"])
    ranking = Ranking(_ANSWER_COLUMNS, tuple(rows))
    return AnswerTable(str(continuation["text"]), mark, ranking, total)


def table_sentence(table: AnswerTable) -> str:
    """Say of how many tokens a continuation is made, and what it scores as a whole."""
    shown = display_text(table.text)
    texts = table.ranking.values("token")
    if len(texts) == 1:
        return f"“{shown}” is one token"
    return f"“{shown}” is {plural(len(texts), 'token')}: {' + '.join(texts)}"


def logit_diff(result: Result, prompt: int) -> Spread | None:
    """Return the logit differences, or None where no prompt has an answer and a wrong one."""
    if "logit_diff" not in result.data:
        return None
    values = np.asarray(result.data["logit_diff"], dtype=float)
    if not np.isfinite(values).any():
        return None
    mean = float(result.data.get("logit_diff_mean", math.nan))
    sem = float(result.data.get("logit_diff_sem", math.nan))
    return Spread(values, mean, sem, float(values[prompt]))


def logit_diff_sentence(result: Result, prompt: int) -> str:
    """Say what the logit difference means for this prompt."""
    spread = logit_diff(result, prompt)
    if spread is None or math.isnan(spread.prompt):
        return "Give this prompt an answer and a wrong answer to see their logit difference."
    record = result.prompts[prompt]
    ours = " or ".join(display_text(a.text) for a in record.answers)
    theirs = " or ".join(display_text(a.text) for a in record.wrongs)
    verdict = "prefers the answer" if spread.prompt > 0 else "prefers the wrong answer"
    if spread.prompt == 0:
        verdict = "cannot tell them apart"
    return f"logit(“{ours}”) − logit(“{theirs}”): the model {verdict}."


def spread_sentence(spread: Spread) -> str:
    """Write mean ± standard error over the prompts that have a value."""
    count = int(np.isfinite(spread.values).sum())
    error = "" if math.isnan(spread.sem) else f" ± {number(spread.sem)}"
    return f"mean {number(spread.mean)}{error} over {plural(count, 'prompt')}"


def surprise(result: Result, prompt: int) -> np.ndarray:
    """Return −log p of every prompt token given those before it, in nats [S]; NaN for the first."""
    logprob = np.asarray(result.data["prompt_logprob"][prompt], dtype=float)
    return np.concatenate([[np.nan], -logprob])


def surprise_texts(result: Result, prompt: int) -> list[str]:
    """Return a sentence per prompt token: its log-probability and its rank."""
    record = result.prompts[prompt]
    logprob = np.asarray(result.data["prompt_logprob"][prompt], dtype=float)
    rank = np.asarray(result.data["prompt_rank"][prompt])
    texts = [f"“{display_text(record.tokens.texts[0])}” is first: nothing predicts it"]
    for i, text in enumerate(record.tokens.texts[1:]):
        prob = math.exp(logprob[i])
        texts.append(
            f"“{display_text(text)}” at {i + 1}: log p {number(logprob[i], 2)} "
            f"(p {probability(prob)}), rank {int(rank[i])}"
        )
    return texts


def surprises(result: Result, prompt: int) -> Ranking:
    """Return the prompt's tokens in their order, each with its surprise; keys are positions."""
    texts = [display_text(text) for text in result.prompts[prompt].tokens.texts]
    tips, values = surprise_texts(result, prompt), surprise(result, prompt).tolist()
    rows = enumerate(zip(texts, values, tips, strict=True))
    return Ranking(
        _SURPRISE_COLUMNS,
        tuple(Row(at, (at, text, nats, nats), tip) for at, (text, nats, tip) in rows),
    )


def surprise_sentence(result: Result, prompt: int) -> str:
    """Return the mean log-probability of the prompt's tokens as one line."""
    values = surprise(result, prompt)[1:]
    if not values.size:
        return "A prompt of one token has nothing to predict."
    loss = float(np.mean(values))
    return f"loss {number(loss)} nats a token · perplexity {number(math.exp(min(loss, 50)), 1)}"


def dot_strip(result: Result, spread: Spread) -> Scatter:
    """Return a dot per prompt over an axis that holds 0, with the mean and its standard error."""

    def tip(prompt: int) -> str:
        value = number(float(spread.values[prompt]))
        return f"{prompt_title(result.prompts[prompt], prompt, 24)}: {value}"

    mean, sem, several = spread.mean, spread.sem, np.isfinite(spread.values).sum() > 1
    marks = [Line(0.0, axis="across")]
    if several and np.isfinite(mean):
        marks.append(Line(mean, axis="across", tone="text", dashed=False))
    band = several and np.isfinite(mean) and np.isfinite(sem)
    return Scatter(
        spread.values,
        np.zeros(len(spread.values)),
        Scale("logit difference"),
        Scale(limits=(-1.0, 1.0), shown=False),
        tip=tip,
        marks=tuple(marks),
        regions=(Region(mean - sem, mean + sem, tone="accent_soft"),) if band else (),
    )


def token_facts(result: Result, place: Place) -> list[Fact]:
    """Return how well the model foresaw the selected token."""
    before = (place.position or 0) - 1
    if place.prompt >= len(result.prompts):
        return []
    logprobs = np.asarray(result.data["prompt_logprob"][place.prompt])
    if not 0 <= before < len(logprobs):
        return []
    rank = int(np.asarray(result.data["prompt_rank"][place.prompt])[before])
    return [
        Fact(
            "Log-probability",
            f"{number(float(logprobs[before]), 3)} nats",
            "Of this token, given those before it",
            "surprise",
        ),
        Fact("Rank", str(rank), "0: the model's first guess"),
    ]


def lines(result: Result) -> Iterator[str]:
    """Yield each prompt's next tokens and its answers, token by token, for a terminal."""
    for index, prompt in enumerate(result.prompts):
        yield f"prompt {index + 1}: “{prompt.text}”, read at position {prompt.read_position}"
        for rank, row in enumerate(result.data["top"][index]):
            yield (
                f"  {rank:>3}  {show_space(row['text']):<14} {row['id']:>7}"
                f"  logit {number(row['logit']):>8}  log-probability {number(row['logprob']):>8}"
                f"  p {number(row['prob'])}"
            )
        for kind in ("answers", "wrong"):
            for entry in result.data[kind][index]:
                yield from _answer_lines(kind, entry)
        difference = result.data["logit_diff"][index]
        if np.isfinite(difference):
            yield f"  logit difference {number(difference)}"
    if has_many(result):
        yield share_sentence(result)


def _answer_lines(kind: str, entry: dict[str, Any]) -> Iterator[str]:
    total = entry["logprob_total"]
    yield f"  {kind.removesuffix('s')} “{entry['text']}”, log-probability {number(total)}"
    for index, row in enumerate(entry["rows"]):
        yield (
            f"    token {index} {show_space(row['text']):<10} {row['id']:>7}"
            f"  rank {row['rank']:>6}  logit {number(row['logit']):>8}  p {number(row['prob'])}"
        )


def table(result: Result, prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return a prompt's next tokens, the most likely first."""
    rows = result.data["top"][prompt]
    columns = list(rows[0]) if rows else []
    return ["rank", *columns], [
        [str(i), *(cell_text(row.get(n)) for n in columns)] for i, row in enumerate(rows)
    ]
