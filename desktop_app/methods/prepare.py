"""From the prompt table to what the model is given: tokenized, answers resolved, twins checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.result import Notice, PromptRecord
from desktop_app.support.errors import BadInputError, FixableError
from desktop_app.text.answers import Resolved, resolve_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import Params, PromptRow
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.tokenizers.tokenizing import BosEncoder
    from desktop_app.text.encoding import Encoding

AnswerUse = Literal["needed", "inspected"]


@dataclass(frozen=True)
class Prepared:
    """Prompts ready for the model.

    Attributes:
        rows: The prompt rows, chat templates expanded and fixes applied.
        records: What results keep of them.
        encodings: Each clean prompt's tokens with their characters.
        corrupt: Each corrupt twin's, or None.
        notices: Warnings so far.
    """

    rows: tuple[PromptRow, ...]
    records: tuple[PromptRecord, ...]
    encodings: tuple[Encoding, ...]
    corrupt: tuple[Encoding | None, ...]
    notices: tuple[Notice, ...]


def prepare(
    model: LoadedModel,
    params: Params,
    *,
    answers: AnswerUse = "needed",
    position: int = -1,
    allow_too_long: bool = False,
) -> Prepared:
    """Expand, tokenize and resolve a prompt table.

    Args:
        model: The model whose tokenizer reads the texts.
        params: The analysis' settings with the prompt rows.
        answers: Whether a row is refused whose answers cannot be compared, or only said to be.
        position: Where the prediction is read, negative from the end.
        allow_too_long: Whether prompts beyond the context are accepted, for inspection only.

    Raises:
        BadInputError: No prompts, an empty one, one that is too long or cannot be read.
        FixableError: An answer and a wrong begin with the same token.
    """
    if not params.prompts:
        raise BadInputError("There is no prompt: give --prompt or --prompts, or add a row.")
    encoder = encoder_of(model, params)
    if params.chat:
        # All at once, so that the template is asked once.
        twins_too = (t for row in params.prompts for t in (row.text, row.corrupt) if t)
        model.tokenizer.chat.expand(list(twins_too))
    notices: list[Notice] = []
    resolved = []
    for index, row in enumerate(params.prompts):
        whole = _expand_row(model, row, index, params)
        found = _resolve(model, whole, index, encoder, params, answers)
        notices += found.notices
        resolved.append(found)
    encodings = [encoder.encode(r.row.text) for r in resolved]
    twins = [None if r.row.corrupt is None else encoder.encode(r.row.corrupt) for r in resolved]
    if not allow_too_long:
        for index, encoding in enumerate(encodings):
            _refuse_unfit(model, encoding, index, "")
        for index, twin in enumerate(twins):
            if twin is not None:
                _refuse_unfit(model, twin, index, "'s corrupt twin")
    records = [
        _record(r, e, t, position) for r, e, t in zip(resolved, encodings, twins, strict=True)
    ]
    return Prepared(
        rows=tuple(r.row for r in resolved),
        records=tuple(records),
        encodings=tuple(encodings),
        corrupt=tuple(twins),
        notices=tuple(notices),
    )


def encoder_of(model: LoadedModel, params: Params) -> BosEncoder:
    """Return the model's tokenizer under the BOS setting; a chat template brings its own BOS."""
    return model.tokenizer.with_bos("no" if params.chat and params.bos == "auto" else params.bos)


def _expand_row(model: LoadedModel, row: PromptRow, index: int, params: Params) -> PromptRow:
    if not row.text:
        raise BadInputError(f"Prompt {index + 1} is empty: type a text or remove the row.")
    if row.corrupt == "":
        row = row.model_copy(update={"corrupt": None})
    if params.chat:
        expand = model.tokenizer.expand_chat
        corrupt = None if row.corrupt is None else expand(row.corrupt)
        row = row.model_copy(update={"text": expand(row.text), "corrupt": corrupt})
    return row


def _resolve(
    model: LoadedModel,
    row: PromptRow,
    index: int,
    encoder: BosEncoder,
    params: Params,
    answers: AnswerUse,
) -> Resolved:
    """Resolve a row's answers; where they are only inspected, say why they cannot be used."""
    try:
        resolved = resolve_row(row, index, encoder, apply_fix=params.fix)
        _refuse_beyond(model, resolved, index)
    except FixableError as error:
        if answers == "needed":
            raise
        notice = Notice(error.code, str(error), error.fix, index)
    except BadInputError as error:
        if answers == "needed":
            raise
        notice = Notice("answer_unusable", str(error), None, index)
    else:
        return resolved
    return Resolved(row, (), (), (notice,))


def _refuse_beyond(model: LoadedModel, resolved: Resolved, index: int) -> None:
    """Refuse an answer whose tokens the model has no logits for."""
    for record in (*resolved.answers, *resolved.wrongs):
        beyond = [i for i in record.tokens.ids if i >= model.info.d_vocab]
        if beyond:
            raise BadInputError(
                f"Prompt {index + 1}: “{record.text}” is token {beyond[0]}, and the model knows "
                f"only ids below {model.info.d_vocab}: the tokenizer does not belong to this model."
            )


def _refuse_unfit(model: LoadedModel, encoding: Encoding, index: int, which: str) -> None:
    if not len(encoding):
        raise BadInputError(f"Prompt {index + 1}{which} has no tokens under this tokenizer.")
    if len(encoding) > model.info.n_ctx:
        raise BadInputError(
            f"Prompt {index + 1}{which} has {len(encoding):,} tokens and {model.info.name} reads "
            f"at most {model.info.n_ctx:,}: shorten it."
        )
    beyond = [i for i in encoding.ids if i >= model.info.d_vocab]
    if beyond:
        raise BadInputError(
            f"Prompt {index + 1}{which} holds token {beyond[0]}, and the model knows only ids "
            f"below {model.info.d_vocab}: the tokenizer does not belong to this model."
        )


def _record(
    resolved: Resolved, encoding: Encoding, twin: Encoding | None, position: int
) -> PromptRecord:
    return PromptRecord(
        text=resolved.row.text,
        tokens=encoding.tokens(),
        read_position=resolve_index(position, len(encoding), "--position") if len(encoding) else 0,
        corrupt_text=resolved.row.corrupt,
        corrupt_tokens=None if twin is None else twin.tokens(),
        answers=resolved.answers,
        wrongs=resolved.wrongs,
    )


def equal_length_groups(lengths: Sequence[int], largest: int) -> list[list[int]]:
    """Return prompt numbers grouped by token length, at most `largest` a group, in order."""
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_length.setdefault(length, []).append(index)
    groups = []
    for members in by_length.values():
        groups += [members[i : i + largest] for i in range(0, len(members), largest)]
    return sorted(groups)


def twins_of(prepared: Prepared, wanted_by: str) -> tuple[Encoding, ...]:
    """Return each prompt's corrupt twin.

    Args:
        prepared: The prompts.
        wanted_by: What needs the twins, such as `--mode resample`, for the message.

    Raises:
        BadInputError: A prompt has none, or one of another token length.
    """
    return tuple(twin_of(prepared, index, wanted_by) for index in range(len(prepared.encodings)))


def twin_of(prepared: Prepared, index: int, wanted_by: str) -> Encoding:
    """Return the corrupt twin of one prompt; see `twins_of`."""
    clean, twin = prepared.encodings[index], prepared.corrupt[index]
    if twin is None:
        raise BadInputError(
            f"Prompt {index + 1} has no corrupt twin, which {wanted_by} needs: give --corrupt."
        )
    if len(twin) != len(clean):
        raise BadInputError(
            f"Prompt {index + 1} has {len(clean)} tokens and its corrupt twin {len(twin)}: "
            f"make them equally long for {wanted_by}."
        )
    return twin
