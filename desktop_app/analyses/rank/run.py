"""Prompt ranking: next tokens by probability, answers token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.rank.spec import ANALYSIS, RankParams
from desktop_app.engine.metrics import rank_of
from desktop_app.engine.model import READ_HOOK, LoadedModel
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, not_finite, with_twins
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.predictions import token_row, top_rows
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import AnswerRecord, Notice, PromptRecord, Result
    from desktop_app.methods.prepare import Prepared


def run(model: LoadedModel, params: RankParams, report: Reporter) -> Result:
    """Rank the next tokens of every prompt, and each answer token by token.

    One prompt at a time, unpadded, so that neither batching nor padding can change a number.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report, params.position)
    notices = list(prepared.notices)
    tops, answers, wrongs, diffs, logprobs, ranks = [], [], [], [], [], []
    count, done = len(prepared.records), prepared.records
    for index, record in enumerate(prepared.records):
        try:
            report.step(index / count, f"Prompt {index + 1}")
        except Cancelled:
            done, notices = _first(prepared, index, notices, report)
            break
        logits = model.run(model.ids([record.tokens.ids]))[0].float()
        read = logits[record.read_position]
        if not bool(torch.isfinite(read).all()):
            where = f"The prediction of prompt {index + 1}"
            notices.append(not_finite(where, model, [record.tokens.ids], index))
        notices += near_notices(model, params, prepared, [(index, read)])
        tops.append(top_rows(model, read, params.top))
        answers.append([_continuation(model, record, a, read) for a in record.answers])
        wrongs.append([_continuation(model, record, w, read) for w in record.wrongs])
        diffs.append(_logit_diff(read, record))
        own_logprobs, own_ranks = _prompt_scores(logits, record.tokens.ids)
        logprobs.append(own_logprobs)
        ranks.append(own_ranks)
    data: dict[str, Any] = {
        "top": tuple(tops),
        "answers": tuple(answers),
        "wrong": tuple(wrongs),
        **with_twins("logit_diff", np.array(diffs)),
        "prompt_logprob": tuple(logprobs),
        "prompt_rank": tuple(ranks),
        "read_position": np.array([r.read_position for r in done]),
    }
    stopped.tell_end(report)
    return finish(model, ANALYSIS, params, done, (data, notices), clock)


def _first(
    prepared: Prepared, count: int, notices: list[Notice], report: Reporter
) -> tuple[tuple[PromptRecord, ...], list[Notice]]:
    """Return the prompts that a cancelled run has ranked, and what is to be told of these.

    Raises:
        Cancelled: There are none, or nobody wants them.
    """
    if not count:
        raise Cancelled
    what = f"prompt {count + 1} of {len(prepared.records)}"
    told = [n for n in notices if n.prompt is None or n.prompt < count]
    return prepared.records[:count], [*told, *stopped.before(what, report)]


def _continuation(
    model: LoadedModel, record: PromptRecord, answer: AnswerRecord, read: torch.Tensor
) -> dict[str, Any]:
    """Return one row per answer token, each predicted from the prompt and the tokens before it."""
    ids = answer.tokens.ids
    steps = [read]
    if len(ids) > 1:
        prefix = record.tokens.ids[: record.read_position + 1]
        if len(prefix) + len(ids) - 1 > model.info.n_ctx:
            raise BadInputError(
                f"The prompt with its answer “{answer.text}” has {len(prefix) + len(ids)} tokens, "
                f"more than {model.info.name} can rank ({model.info.n_ctx:,} before the last): "
                "shorten one of them."
            )
        steps += _teacher_forced(model, (*prefix, *ids[:-1]), len(prefix))
    rows = []
    for token, logits in zip(ids, steps, strict=True):
        row = token_row(model, logits, logits.log_softmax(-1), token)
        row["rank"] = int(rank_of(logits[None], logits[None, token : token + 1])[0, 0])
        rows.append(row)
    return {
        "text": answer.text,
        "rows": rows,
        "logprob_total": sum(row["logprob"] for row in rows),
    }


def _teacher_forced(model: LoadedModel, ids: tuple[int, ...], start: int) -> list[torch.Tensor]:
    """Return the logits read at each answer token but the last; only those are unembedded."""

    def keep(x: torch.Tensor, hook: object) -> torch.Tensor:
        return x[:, start:]

    return list(model.run(model.ids([ids]), [(READ_HOOK, keep)])[0].float())


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
