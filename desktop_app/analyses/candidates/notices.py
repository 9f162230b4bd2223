"""What must be said of candidates beside their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.candidates.picture import pieces
from desktop_app.contract.result import Notice
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from desktop_app.analyses.candidates.places import Swap
    from desktop_app.analyses.candidates.spec import CandidatesParams
    from desktop_app.contract.result import PromptRecord

_NAMED = 5


def notices_of(
    params: CandidatesParams, swaps: Sequence[Swap], data: Mapping[str, Any], record: PromptRecord
) -> tuple[Notice, ...]:
    """Return the warnings of a run, each with the words that it speaks of."""
    return tuple(_notices(params, swaps, data, record))


def _notices(
    params: CandidatesParams, swaps: Sequence[Swap], data: Mapping[str, Any], record: PromptRecord
) -> Iterator[Notice]:
    own, *others = swaps
    at, whole = tuple(own.own), len(record.tokens)

    def said(code: str, message: str) -> Notice:
        return Notice(code, message, None, params.pair, at)

    unfit = [swap for swap in others if not swap.fits]
    if unfit:
        named = listed(f"{quoted(s.word)} ({lengths(s, own, whole)})" for s in unfit)
        yield said(
            "candidate_length",
            f"Not as long as {quoted(own.word)} ({plural(own.count, 'token')}), so what they "
            f"change is not read: {named}.",
        )
    moving = [swap for swap in others if swap.moves]
    if moving:
        named = listed(f"{quoted(s.word)} ({pieces(s.told())})" for s in moving)
        yield said("candidate_beside", f"Tokens beside the word change too with {named}.")
    spaces = [s for s in others if _leading(s.word) != _leading(own.word)]
    if spaces:
        named, how = listed(quoted(s.word) for s in spaces), _leading(own.word)
        yield said(
            "candidate_space",
            f"{quoted(own.word)} was given {'with' if how else 'without'} a leading space, "
            f"otherwise than {named}: each is put in to the letter.",
        )
    if "frequency" in data:
        counts = zip(swaps, data["frequency"], strict=True)
        unknown = [swap for swap, count in counts if not count > 0]
        if unknown:
            named = listed(quoted(s.word) for s in unknown)
            yield said(
                "candidate_uncounted", f"Not a word of the text, so without a rank: {named}."
            )


def lengths(swap: Swap, own: Swap, whole: int) -> str:
    """Say how long a word is: `2 tokens: pa·ram`, and what becomes of the prompt."""
    told = f"{plural(swap.count, 'token')}: {pieces(swap.told())}"
    if swap.count == own.count:
        return f"{told}; the prompt has {len(swap.encoding)} for {whole}"
    return told


def quoted(word: str) -> str:
    """Return a word as it is shown in a sentence."""
    return f"“{display_text(clipped(word, 40))}”"


def listed(parts: Iterable[str]) -> str:
    """Return the first few of some parts, and how many more there are."""
    every = list(parts)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _leading(word: str) -> bool:
    return word[:1].isspace()
