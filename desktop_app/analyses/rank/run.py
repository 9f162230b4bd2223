"""Prompt ranking: next tokens by probability, answers token by token."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from typing_extensions import override

from desktop_app.analyses.rank.spec import ANALYSIS, RankParams
from desktop_app.contract.report import ShareReporter
from desktop_app.engine.metrics import rank_of
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, not_finite, with_twins
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.predictions import token_row, top_rows
from desktop_app.methods.together import Reader, Text
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import AnswerRecord, Notice, PromptRecord, Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared


@dataclass
class _Ranked:
    """What was read of one prompt."""

    top: list[dict[str, Any]]
    diff: float
    logprobs: np.ndarray
    ranks: np.ndarray
    answers: list[dict[str, Any]] = field(default_factory=list)
    wrongs: list[dict[str, Any]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass
class _Waiting:
    """Answer tokens that are still to be read, each given those before it."""

    tokens: tuple[int, ...]
    entry: dict[str, Any]
    text: Text


def run(model: LoadedModel, params: RankParams, report: Reporter) -> Result:
    """Rank the next tokens of every prompt, and each answer token by token.

    Prompts of one token length share a pass, unpadded, and so do the answers of one length: neither
    batching nor padding changes a number.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report, params.position)
    ranking = _Ranking(model, params, prepared)
    missing: list[Notice] = []
    try:
        ranking.run(report)
    except Cancelled:
        missing = ranking.stop(report)
    found = ranking.done()
    done = prepared.records[: len(found)]
    told = [n for n in prepared.notices if n.prompt is None or n.prompt < len(found)]
    notices = [*told, *(n for one in found for n in one.notices), *missing]
    data: dict[str, Any] = {
        "top": tuple(one.top for one in found),
        "answers": tuple(one.answers for one in found),
        "wrong": tuple(one.wrongs for one in found),
        **with_twins("logit_diff", np.array([one.diff for one in found])),
        "prompt_logprob": tuple(one.logprobs for one in found),
        "prompt_rank": tuple(one.ranks for one in found),
        "read_position": np.array([r.read_position for r in done]),
        **ranking.noise(),
    }
    stopped.tell_end(report)
    return finish(model, ANALYSIS, params, done, (data, notices), clock)


class _Ranking:
    """The ranking of a prompt table while it is made, group by group."""

    def __init__(self, model: LoadedModel, params: RankParams, prepared: Prepared) -> None:
        self._model, self._params, self._prepared = model, params, prepared
        self._found: dict[int, _Ranked] = {}
        self._whole: set[int] = set()
        self._waiting: list[_Waiting] = []
        self._noise: list[float] = []
        self._reader = Reader(model)
        self._texts = [Text(record.tokens.ids) for record in prepared.records]
        for record in prepared.records:
            for answer in (*record.answers, *record.wrongs):
                _refuse_long(model, record, answer)

    def run(self, report: Reporter) -> None:
        """Read all prompts and their answers; what is whole stays where this is cancelled."""
        groups = self._reader.groups(self._texts)
        report.needs(self._reader.needs(self._texts, groups))
        work = [sum(self._work(number) for number in group) for group in groups]
        done = 0.0
        for group, own in zip(groups, work, strict=True):
            told = f"{len(self._whole):,} of {plural(len(self._texts), 'prompt')}"
            share = ShareReporter(report, done / sum(work), own / sum(work))
            self._rank_group(group, _Named(share, told if len(self._texts) > 1 else "Prompt 1"))
            self._whole |= set(group)
            done += own

    def _rank_group(self, group: Sequence[int], report: Reporter) -> None:
        """Read the prompts of one length, then those of their answers that have further tokens."""
        own = sum(len(self._texts[number].ids) for number in group)
        part = own / sum(self._work(number) for number in group)
        self._waiting = []
        self._reader.read(
            self._texts, group, ShareReporter(report, 0.0, part), partial(self._take, group)
        )
        texts = [one.text for one in self._waiting]
        groups, done = self._reader.groups(texts), part
        for some in groups:
            tokens = sum(len(texts[i].ids) for i in some)
            share = (1 - part) * tokens / max(1, sum(len(text.ids) for text in texts))
            self._reader.read(texts, some, ShareReporter(report, done, share), self._continue)
            done += share

    def stop(self, report: Reporter) -> list[Notice]:
        """Return the warning that says what is missing of a run that was cancelled.

        Raises:
            Cancelled: There is nothing yet, or nobody wants it.
        """
        count, total = len(self.done()), len(self._texts)
        if not count:
            raise Cancelled
        if count == total:
            return []
        return list(stopped.before(f"prompt {count + 1} of {total}", report))

    def done(self) -> list[_Ranked]:
        """Return what was read of the first prompts, up to the first one that is not whole."""
        count = next((i for i in range(len(self._texts)) if i not in self._whole), None)
        return [self._found[i] for i in range(len(self._texts) if count is None else count)]

    def noise(self) -> dict[str, float]:
        """Return the noise floor as a field; none in full precision."""
        return {"noise": max(self._noise)} if any(self._noise) else {}

    def _work(self, number: int) -> int:
        """Return how many tokens are read of a prompt and of its answers."""
        record, ids = self._prepared.records[number], self._texts[number].ids
        further = [len(a.tokens.ids) - 1 for a in (*record.answers, *record.wrongs)]
        return len(ids) + sum(record.read_position + 1 + more for more in further if more)

    def _take(self, group: Sequence[int], number: int, logits: torch.Tensor) -> None:
        """Take over a prompt's logits `[S, V]`."""
        model, record = self._model, self._prepared.records[number]
        read = logits[record.read_position]
        one = _Ranked(
            top_rows(model, read, self._params.top),
            _logit_diff(read, record),
            *_prompt_scores(logits, record.tokens.ids),
        )
        if not bool(torch.isfinite(read).all()):
            where = f"The prediction of prompt {number + 1}"
            one.notices.append(not_finite(where, model, [record.tokens.ids], number))
        one.notices += near_notices(model, self._params, self._prepared, [(number, read)])
        logprobs = read.log_softmax(-1)
        for answer in record.answers:
            one.answers.append(self._begin(record, answer, read, logprobs))
        for answer in record.wrongs:
            one.wrongs.append(self._begin(record, answer, read, logprobs))
        self._found[number] = one
        if number == group[0]:
            text = self._texts[number]
            self._noise += self._reader.rounding(text, record.read_position, read)

    def _begin(
        self, record: PromptRecord, answer: AnswerRecord, read: torch.Tensor, logprobs: torch.Tensor
    ) -> dict[str, Any]:
        """Return a continuation with its first token; further ones wait for a pass of their own."""
        first, *further = answer.tokens.ids
        rows = [_row(self._model, first, read, logprobs)]
        entry = {"text": answer.text, "rows": rows, "logprob_total": rows[0]["logprob"]}
        if further:
            prefix = record.tokens.ids[: record.read_position + 1]
            text = Text((*prefix, *answer.tokens.ids[:-1]), first=len(prefix))
            self._waiting.append(_Waiting(tuple(further), entry, text))
        return entry

    def _continue(self, number: int, logits: torch.Tensor) -> None:
        """Add the further tokens of a continuation, of logits `[tokens, V]`."""
        one = self._waiting[number]
        logprobs = logits.log_softmax(-1)
        for token, *given in zip(one.tokens, logits, logprobs, strict=True):
            one.entry["rows"].append(_row(self._model, token, *given))
        one.entry["logprob_total"] = sum(row["logprob"] for row in one.entry["rows"])


class _Named(ShareReporter):
    """Says before each layer which prompts are read."""

    def __init__(self, inner: Reporter, words: str) -> None:
        super().__init__(inner, 0.0, 1.0)
        self._words = words

    @override
    def step(self, fraction: float, note: str = "") -> None:
        super().step(fraction, ", ".join(filter(None, (self._words, note))))


def _refuse_long(model: LoadedModel, record: PromptRecord, answer: AnswerRecord) -> None:
    """Refuse an answer of several tokens that does not fit behind its prompt.

    Raises:
        BadInputError: It would go beyond the model's context.
    """
    before, own = record.read_position + 1, len(answer.tokens.ids)
    if own > 1 and before + own - 1 > model.info.n_ctx:
        raise BadInputError(
            f"The prompt with its answer “{answer.text}” has {before + own} tokens, "
            f"more than {model.info.name} can rank ({model.info.n_ctx:,} before the last): "
            "shorten one of them."
        )


def _row(
    model: LoadedModel, token: int, logits: torch.Tensor, logprobs: torch.Tensor
) -> dict[str, Any]:
    row = token_row(model, logits, logprobs, token)
    row["rank"] = int(rank_of(logits[None], logits[None, token : token + 1])[0, 0])
    return row


def _logit_diff(logits: torch.Tensor, record: PromptRecord) -> float:
    """Return mean logit of the answers minus mean logit of the wrongs; NaN without a pair."""
    if not record.answers or not record.wrongs:
        return float("nan")
    right = logits[[a.token_id for a in record.answers]].mean()
    return float(right - logits[[w.token_id for w in record.wrongs]].mean())


def _prompt_scores(logits: torch.Tensor, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probability and rank of each prompt token given those before it, `[S-1]`."""
    predicted = logits[:-1]
    targets = torch.tensor(ids[1:], device=logits.device)[:, None]
    own = predicted.gather(-1, targets)
    logprobs = (own - predicted.logsumexp(-1, keepdim=True))[:, 0]
    ranks = rank_of(predicted, own)[:, 0]
    return logprobs.cpu().numpy(), ranks.cpu().numpy()
