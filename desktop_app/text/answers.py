"""Reading an answer as the continuation of its prompt, token by token.

Never `encode(answer)[0]`: a leading space may be a token of its own, and then every answer would
start with the same token and every logit difference would be 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from desktop_app.contract.params import PromptRow
from desktop_app.contract.result import AnswerRecord, Notice, TokenList
from desktop_app.support.errors import BadInputError, FixableError
from desktop_app.text.encoding import is_space_piece
from desktop_app.text.warnings import as_fix

if TYPE_CHECKING:
    from desktop_app.text.encoding import Encoder

_MAX_ROUNDS = 64


@dataclass(frozen=True)
class _Continuation:
    """One answer's tokens and the character end of each within the answer's text."""

    text: str
    tokens: TokenList
    ends: tuple[int, ...]
    retokenised: bool


@dataclass(frozen=True)
class Resolved:
    """The answers of one prompt row, and the row itself (changed where a fix was applied)."""

    row: PromptRow
    answers: tuple[AnswerRecord, ...]
    wrongs: tuple[AnswerRecord, ...]
    notices: tuple[Notice, ...]


def resolve_row(row: PromptRow, index: int, encoder: Encoder, *, apply_fix: bool) -> Resolved:
    """Resolve every answer and wrong of a row to tokens.

    Args:
        row: The prompt with its continuations.
        index: Its number in the prompt table, for messages.
        encoder: The model's tokenizer under the chosen BOS setting.
        apply_fix: Whether shared leading text may be moved to the prompt's end.

    Raises:
        BadInputError: An answer is empty or equals a wrong.
        FixableError: Answer and wrong begin with the same token; `fix` holds the repaired row.
    """
    _refuse_useless(row, index)
    continuations = [_continue(row.text, text, encoder) for text in (*row.answer, *row.wrong)]
    if _shares_first(continuations, len(row.answer)):
        fix = _shared_prefix_fix(row, index, encoder)
        message = _shared_message(continuations, len(row.answer), index, fix)
        if not apply_fix or fix is None:
            raise FixableError(message, "answer_shared_prefix", fix)
        resolved = resolve_row(fixed_row(row, fix), index, encoder, apply_fix=False)
        notice = Notice("answer_shared_prefix", message, fix, index)
        return replace(resolved, notices=(notice, *resolved.notices))
    records = tuple(AnswerRecord(c.text, c.tokens) for c in continuations)
    count = len(row.answer)
    return Resolved(row, records[:count], records[count:], tuple(_notices(continuations, index)))


def fixed_row(row: PromptRow, fix: dict[str, object]) -> PromptRow:
    """Return the row with a notice's fix applied; its label and its group stay."""
    keys = {"text": "prompt", "corrupt": "corrupt", "answer": "answer", "wrong": "wrong"}
    changed = {field: fix.get(key, getattr(row, field)) for field, key in keys.items()}
    return PromptRow.model_validate({**row.model_dump(), **changed})


def continuation_token(prompt: str, answer: str, encoder: Encoder) -> int | None:
    """Return the token with which an answer continues its prompt; None where it has none."""
    try:
        return _continue(prompt, answer, encoder).tokens.ids[0]
    except BadInputError:
        return None


def continuation_tokens(prompt: str, text: str, encoder: Encoder) -> TokenList:
    """Return all tokens of a text as they follow its prompt's own.

    Raises:
        BadInputError: It has none.
    """
    return _continue(prompt, text, encoder).tokens


def other_spelling(answer: str) -> str:
    """Return an answer without its leading space, or with one; empty where nothing is left."""
    return answer[1:] if answer.startswith(" ") else f" {answer}"


def _refuse_useless(row: PromptRow, index: int) -> None:
    for text in (*row.answer, *row.wrong):
        if not text:
            raise BadInputError(f"Prompt {index + 1} has an empty answer: type it or remove it.")
    for text in row.answer:
        if text in row.wrong:
            raise BadInputError(
                f"Prompt {index + 1}: answer and wrong are both “{text}”, so nothing can tell them "
                "apart; change one of them."
            )


def _continue(prompt: str, answer: str, encoder: Encoder) -> _Continuation:
    """Return the answer's tokens as they follow the prompt's own."""
    own = encoder.encode(prompt)
    both = encoder.encode(prompt + answer)
    start = len(own)
    if both.ids[:start] == own.ids and len(both) > start:
        ends = tuple(end - len(prompt) for _, end in both.offsets[start:])
        return _Continuation(answer, both.tail(start), ends, retokenised=False)
    alone = encoder.encode_plain(answer)
    first = 1 if len(alone) > 1 and is_space_piece(alone.pieces[0]) else 0
    if not len(alone):
        raise BadInputError(f"The answer “{answer}” has no tokens under this tokenizer: change it.")
    ends = tuple(end for _, end in alone.offsets[first:])
    return _Continuation(answer, alone.tail(first), ends, retokenised=True)


def _shares_first(continuations: list[_Continuation], n_answers: int) -> bool:
    rewarded = {c.tokens.ids[0] for c in continuations[:n_answers]}
    return any(c.tokens.ids[0] in rewarded for c in continuations[n_answers:])


def _shared_prefix_fix(row: PromptRow, index: int, encoder: Encoder) -> dict[str, object] | None:
    """Return the row with the shared leading text moved to the prompt's end, or None.

    Checked by resolving the repaired row anew: a tokenizer may merge the moved text differently.
    """
    moved = row
    for _ in range(_MAX_ROUNDS):
        texts = (*moved.answer, *moved.wrong)
        continuations = [_continue(moved.text, text, encoder) for text in texts]
        if not _shares_first(continuations, len(moved.answer)):
            return as_fix(moved, index)
        length = min(c.ends[0] for c in continuations)
        shared = texts[0][:length]
        if not shared or any(not t.startswith(shared) or len(t) == length for t in texts):
            return None
        changes = {
            "text": moved.text + shared,
            "corrupt": None if moved.corrupt is None else moved.corrupt + shared,
            "answer": tuple(t[length:] for t in moved.answer),
            "wrong": tuple(t[length:] for t in moved.wrong),
        }
        moved = moved.model_copy(update=changes)
    return None


def _shared_message(
    continuations: list[_Continuation], n_answers: int, index: int, fix: dict[str, object] | None
) -> str:
    answers, wrongs = continuations[:n_answers], continuations[n_answers:]
    one, other = next((a, w) for a in answers for w in wrongs if a.tokens.ids[0] == w.tokens.ids[0])
    text = (
        f"Prompt {index + 1}: “{one.text}” and “{other.text}” both begin with the token "
        f"“{one.tokens.pieces[0]}” (id {one.tokens.ids[0]}), so their logit difference would be 0"
    )
    if fix is None:
        return f"{text}; choose answers that differ in their first token."
    return (
        f"{text}; use the prompt “{fix['prompt']}” with “{fix['answer']}” and “{fix['wrong']}” "
        "instead (--fix, or one click)."
    )


def _notices(continuations: list[_Continuation], index: int) -> list[Notice]:
    notices = []
    for c in continuations:
        pieces = ", ".join(
            f"“{p}” ({i})" for p, i in zip(c.tokens.pieces, c.tokens.ids, strict=True)
        )
        if c.retokenised:
            message = (
                f"Appending “{c.text}” changes the prompt's own tokens, so it was tokenized "
                f"alone: {pieces}."
            )
            notices.append(Notice("answer_retokenised", message, None, index))
        if len(c.tokens) > 1:
            message = f"“{c.text}” is {len(c.tokens)} tokens, {pieces}; it is scored by the first."
            notices.append(Notice("answer_multi_token", message, None, index))
    return notices
