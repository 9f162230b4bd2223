"""What to watch out for in a tokenization: each trouble with its tokens and its repair."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.contract.result import Notice
from desktop_app.text.encoding import Encoding, is_space_piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.params import PromptRow

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


@dataclass(frozen=True)
class TokenizerFacts:
    """What the notices need to know of a tokenizer.

    Attributes:
        bos_id: Its beginning-of-sequence token, or None.
        bos_piece: That token's string.
        adds_bos: Whether it puts one in front by itself.
        trained_with_bos: Whether the model's own settings say that it was trained with one.
        unknown_id: The token that stands for what it cannot spell, or None.
        context: How many tokens the model reads.
    """

    bos_id: int | None
    bos_piece: str
    adds_bos: bool
    trained_with_bos: bool
    unknown_id: int | None
    context: int


def prompt_notices(
    row: PromptRow, index: int, encoding: Encoding, decoded: str, facts: TokenizerFacts
) -> list[Notice]:
    """Return every notice of one prompt; `decoded` is the text of its tokens, specials left out."""
    notices = [
        *_bos(row, index, encoding, facts),
        *_spaces(row, index, encoding),
        *_digits(index, encoding, row.text),
        *_spelling(index, encoding, row.text, decoded, facts),
    ]
    if len(encoding) > facts.context:
        message = (
            f"Prompt {index + 1} has {len(encoding):,} tokens and the model reads "
            f"{facts.context:,}: shorten it."
        )
        beyond = tuple(range(facts.context, len(encoding)))
        notices.append(Notice("too_long", message, None, index, beyond))
    return notices


def length_notices(encodings: Sequence[Encoding], twins: Sequence[Encoding | None]) -> list[Notice]:
    """Return notices of prompts, or clean and corrupt twins, whose token lengths differ."""
    notices = []
    for index, (clean, twin) in enumerate(zip(encodings, twins, strict=True)):
        if twin is None or len(clean) == len(twin):
            continue
        place = first_difference(clean, twin)
        message = (
            f"Prompt {index + 1} has {len(clean)} tokens, its corrupt twin {len(twin)}; they "
            f"part at position {place}. Patching and resampling need equal lengths."
        )
        notices.append(Notice("lengths_differ", message, None, index, (place,)))
    return [*notices, *among_notices([e.ids for e in encodings])]


def among_notices(prompts: Sequence[Sequence[int]]) -> list[Notice]:
    """Return the notice of prompts, as the ids of their tokens, whose lengths differ."""
    lengths = {len(ids) for ids in prompts}
    if len(lengths) < 2:
        return []
    odd = next(i for i, ids in enumerate(prompts) if len(ids) != len(prompts[0]))
    place = _parting(prompts[0], prompts[odd])
    message = (
        f"The prompts have {min(lengths)} to {max(lengths)} tokens (prompt 1 has "
        f"{len(prompts[0])}, prompt {odd + 1} has {len(prompts[odd])}; they part at "
        f"position {place}): means are then taken over all positions."
    )
    return [Notice("lengths_differ", message, None, odd, (place,))]


def first_difference(left: Encoding, right: Encoding) -> int:
    """Return the first position where two tokenizations part."""
    return _parting(left.ids, right.ids)


def _parting(left: Sequence[int], right: Sequence[int]) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(left), len(right)))


def _bos(row: PromptRow, index: int, encoding: Encoding, facts: TokenizerFacts) -> Iterator[Notice]:
    leading = 0
    while leading < len(encoding) and encoding.ids[leading] == facts.bos_id:
        leading += 1
    if leading > 1:
        text = row.text
        while facts.bos_piece and text.startswith(facts.bos_piece):
            text = text.removeprefix(facts.bos_piece)
        if encoding.offsets[0] != (0, 0):  # the tokenizer adds none: one of the text must stay
            text = facts.bos_piece + text
        fixed = row.model_copy(update={"text": text})
        fix = as_fix(fixed, index) if text != row.text and text else None
        message = (
            f"Prompt {index + 1} begins with {leading} BOS tokens, which models have never seen: "
            "remove the one in the text."
        )
        yield Notice("bos_double", message, fix, index, tuple(range(leading)))
    elif leading == 1 and encoding.offsets[0] == (0, 0):
        message = f"A BOS token “{facts.bos_piece}” begins prompt {index + 1}; positions count it."
        yield Notice("bos_added", message, None, index, (0,))
    elif leading == 0 and facts.trained_with_bos:
        message = (
            f"Prompt {index + 1} has no BOS token although the model was trained with one: set "
            "BOS to yes."
        )
        yield Notice("bos_missing", message, {"index": index, "bos": "yes"}, index)


def _spaces(row: PromptRow, index: int, encoding: Encoding) -> Iterator[Notice]:
    if row.text != row.text.rstrip():
        message = (
            f"Prompt {index + 1} ends in {'a space' if row.text.endswith(' ') else 'white space'}, "
            "which is kept: answers must not begin with one."
        )
        yield Notice(
            "trailing_space", message, None, index, (len(encoding) - 1,) if len(encoding) else ()
        )
    places = tuple(i for i, piece in enumerate(encoding.pieces) if is_space_piece(piece))
    if places:
        message = (
            f"Prompt {index + 1} has {len(places)} tokens that are only a space; each is a "
            "position, and a prediction after one follows the space."
        )
        yield Notice("space_token", message, None, index, places)


def _digits(index: int, encoding: Encoding, text: str) -> Iterator[Notice]:
    split: list[str] = []
    places: list[int] = []
    for match in _NUMBER.finditer(text):
        parts = [
            i
            for i, (a, b) in enumerate(encoding.offsets)
            if a < match.end() and b > match.start() and b > a
        ]
        if len(parts) > 1:
            split.append(match.group())
            places += parts
    if split:
        names = ", ".join(split[:3]) + ("…" if len(split) > 3 else "")
        message = (
            f"Prompt {index + 1}: {names} is split over several tokens, so an answer may be "
            "compared by one digit only."
        )
        yield Notice("digits_split", message, None, index, tuple(places))


def _spelling(
    index: int, encoding: Encoding, text: str, decoded: str, facts: TokenizerFacts
) -> Iterator[Notice]:
    unknown = tuple(
        i
        for i, (token, span) in enumerate(zip(encoding.ids, encoding.offsets, strict=True))
        if token == facts.unknown_id
        and token != facts.bos_id
        and span[1] > span[0]
        and text[span[0] : span[1]] != encoding.pieces[i]
    )
    if unknown:
        message = (
            f"Prompt {index + 1} holds {len(unknown)} characters that this tokenizer cannot spell; "
            "the model sees a placeholder."
        )
        yield Notice("unknown_token", message, None, index, unknown)
    if decoded != text:
        message = (
            f"Prompt {index + 1} decodes to “{_short(decoded)}”, not to the text given: the model "
            "reads something else."
        )
        yield Notice("not_roundtrip", message, None, index)


def as_fix(row: PromptRow, index: int) -> dict[str, object]:
    """Return a repaired row as the data of a notice."""
    return {
        "index": index,
        "prompt": row.text,
        "corrupt": row.corrupt,
        "answer": "|".join(row.answer),
        "wrong": "|".join(row.wrong),
    }


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
