"""Whether the answers are what the model would say at all: `answer_not_near`, with its repair.

A logit difference can be large between two continuations that the model would never say, because a
leading space is missing: the number is right, and says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.methods.prepare import Prepared, encoder_of, prepare
from desktop_app.methods.together import Reader, Text
from desktop_app.support.errors import BadInputError
from desktop_app.text.answers import continuation_token, fixed_row, other_spelling, resolve_row
from desktop_app.text.warnings import as_fix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.params import Params, PromptRow
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import PromptRecord
    from desktop_app.engine.model import LoadedModel
    from desktop_app.text.encoding import Encoder

_NEAR = 20
_FAR_LIKELIER = 10.0
# Below this even the likelier spelling is nothing that the model would say.
_WORTH_SAYING = 0.001
_USE = "; use "
_OFFER = " instead (--fix, or one click)."


@dataclass(frozen=True)
class _Spelling:
    """One answer or wrong: as it is spelt, and with or without its leading space.

    Attributes:
        text: As given.
        rank: Of its first token, 0 = top.
        prob: Of its first token.
        other: The other spelling, empty where there is none.
        other_prob: Of the other's first token.
    """

    text: str
    rank: int
    prob: float
    other: str
    other_prob: float

    @property
    def is_far_off(self) -> bool:
        """Whether the other spelling is the one that the model would say."""
        least = max(_FAR_LIKELIER * self.prob, _WORTH_SAYING)
        return bool(self.other) and self.other_prob >= least

    @property
    def better(self) -> str:
        """The likelier of both spellings."""
        return self.other if self.other and self.other_prob > self.prob else self.text


def prepare_near(
    model: LoadedModel, params: Params, report: Reporter, position: int = -1
) -> Prepared:
    """Prepare a prompt table; under `--fix` with answers in the spelling that the model would say.

    What is likelier is not known before the model has read the prompts: then they are read once
    more. Each row that was changed is said (`answer_respelt`).

    Args:
        model: The model.
        params: The settings with the prompt rows.
        report: Asked to stop between prompts.
        position: Where the prediction is read, negative from the end.

    Raises:
        BadInputError: As of `prepare`.
    """
    first = prepare(model, params, position=position)
    if not params.fix:
        return first
    rows, said = list(params.prompts), []
    for index, found in sorted(_near_of_all(model, params, first, report).items()):
        for notice in found:
            if notice.fix is not None:
                rows[index] = fixed_row(rows[index], notice.fix)
                said += [n for n in first.notices if _is_applied(n, index)]
                why, _use, better = notice.message.removesuffix(_OFFER).rpartition(_USE)
                told = f"{why}; used {better} instead (--fix)."
                said.append(replace(notice, code="answer_respelt", message=told, fix=None))
    if not said:
        return first
    fixed = params.model_copy(update={"prompts": tuple(rows)})
    again = prepare(model, fixed, position=position)
    return replace(again, notices=(*said, *again.notices))


def _near_of_all(
    model: LoadedModel, params: Params, prepared: Prepared, report: Reporter
) -> dict[int, list[Notice]]:
    """Return what is to be said of each prompt with answers; those of one length share a pass."""
    numbers = [i for i, record in enumerate(prepared.records) if record.answers]
    reads = [prepared.records[i].read_position for i in numbers]
    ids = [prepared.records[i].tokens.ids for i in numbers]
    texts = [Text(own, at, at + 1) for own, at in zip(ids, reads, strict=True)]
    found: dict[int, list[Notice]] = {}

    def take(number: int, logits: torch.Tensor) -> None:
        index = numbers[number]
        found[index] = near_notices(model, params, prepared, [(index, logits[0])])

    reader = Reader(model)
    for group in reader.groups(texts):
        reader.read(texts, group, ShareReporter(report, 0.0, 0.0), take)
    return found


def _is_applied(notice: Notice, index: int) -> bool:
    return notice.prompt == index and notice.code == "answer_shared_prefix"


def near_notices(
    model: LoadedModel,
    params: Params,
    prepared: Prepared,
    logits: Iterable[tuple[int, torch.Tensor]],
) -> list[Notice]:
    """Return `answer_not_near` for each prompt whose answers the model would hardly say.

    Args:
        model: The model.
        params: How texts were read.
        prepared: The prompts with their resolved answers.
        logits: Prompts' numbers and their untouched logits `[V]` at the read position; empty ones,
            not computed, are passed over.
    """
    encoder = encoder_of(model, params)
    notices = []
    for index, read in logits:
        record = prepared.records[index]
        # Elsewhere than at its end nothing follows the prompt that an answer could continue.
        if not record.answers or record.read_position != len(record.tokens) - 1:
            continue
        if not read.numel() or not bool(torch.isfinite(read).all()):
            continue
        told = _spellings(record, read.float(), encoder)
        if any(s.is_far_off for s in told) or all(s.rank >= _NEAR for s in told):
            row = params.prompts[index] if params.chat else prepared.rows[index]
            notices.append(_notice(row, record, index, told, encoder))
    return notices


def _spellings(record: PromptRecord, logits: torch.Tensor, encoder: Encoder) -> list[_Spelling]:
    logprobs = logits.log_softmax(-1)
    found = []
    given = {answer.text for answer in (*record.answers, *record.wrongs)}
    for answer in (*record.answers, *record.wrongs):
        own = logprobs[answer.token_id]
        other = other_spelling(answer.text)
        if other in given:  # it counts already
            other = ""
        token = continuation_token(record.text, other, encoder) if other else None
        if token is None or token >= len(logprobs) or token == answer.token_id:
            other, token = "", answer.token_id
        found.append(
            _Spelling(
                text=answer.text,
                rank=int((logprobs > own).sum()),
                prob=float(own.exp()),
                other=other,
                other_prob=float(logprobs[token].exp()),
            )
        )
    return found


def _notice(
    row: PromptRow, record: PromptRecord, index: int, told: list[_Spelling], encoder: Encoder
) -> Notice:
    fixed = _respelt(row, record, told, encoder)
    worst = max((s for s in told if s.is_far_off), key=lambda s: s.other_prob, default=None)
    if worst is None:
        names = " nor ".join(f"“{s.text}”" for s in told[:2])
        neither = f"neither {names} is" if len(told) > 1 else f"{names} is not"
        best = min(s.rank for s in told)
        message = (
            f"Prompt {index + 1}: {neither} among the {_NEAR} likeliest next tokens (best rank "
            f"{best}), so what is compared the model would hardly say"
        )
    else:
        message = (
            f"Prompt {index + 1}: “{worst.text}” has rank {worst.rank} and probability "
            f"{worst.prob:.2g}, “{worst.other}” has {worst.other_prob:.2g}, so what is compared "
            "the model would hardly say"
        )
    if fixed is None:
        message += "; look at the ranking and take a spelling from there."
        return Notice("answer_not_near", message, None, index, (record.read_position,))
    moved = f"the prompt “{fixed.text}” with " if fixed.text != row.text else ""
    answers = "” or “".join(fixed.answer)
    wrongs = f" and “{'” or “'.join(fixed.wrong)}”" if fixed.wrong else ""
    message += f"{_USE}{moved}“{answers}”{wrongs}{_OFFER}"
    return Notice("answer_not_near", message, as_fix(fixed, index), index, (record.read_position,))


def _respelt(
    row: PromptRow, record: PromptRecord, told: list[_Spelling], encoder: Encoder
) -> PromptRow | None:
    """Return the row with each continuation in its likelier spelling; None where that is no help.

    Where the likelier spellings all begin with one token, the prompt takes it over.
    """
    count = len(record.answers)
    better = [s.better for s in told]
    if better == [s.text for s in told]:
        return None
    answers = {"answer": tuple(better[:count]), "wrong": tuple(better[count:])}
    wanted = row.model_copy(update=answers)
    read = wanted.model_copy(update={"text": record.text})
    try:
        resolved = resolve_row(read, 0, encoder, apply_fix=True).row
    except BadInputError:
        return None
    if resolved.text == record.text:
        return wanted
    return resolved if row.text == record.text else None
