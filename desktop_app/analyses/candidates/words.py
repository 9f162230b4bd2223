"""What a word is, where it stands in a prompt, and how often words stand in a text.

A word is a run of letters, digits, marks and underscores, as it is written: `param` and `Param` are
two, `don't` is `don` and `t`. In scripts without spaces between words each character is one.
"""

from __future__ import annotations

import codecs
import functools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, plural
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from desktop_app.contract.report import Reporter

MAX_TEXT_BYTES = 1_000_000_000
MAX_DIFFERENT = 5_000_000
_CHUNK = 1 << 20
# A run of letters that is longer is no word, and is counted in pieces.
_LONGEST = 10_000
_NAMED, _BESIDE = 4, 12
# Thai, Lao, Burmese, Khmer, Chinese characters and kana, between whose words nothing stands, as the
# inside of a character class.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)


@dataclass(frozen=True)
class Spot:
    """Where a word stands in a text, by characters.

    Attributes:
        start: Its first character.
        end: The one after its last.
    """

    start: int
    end: int

    def with_word(self, text: str, word: str) -> str:
        """Return the text with another word there, all else to the letter."""
        return text[: self.start] + word + text[self.end :]


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """Return what finds the words of a text, in their order."""
    marks = "".join(_ranges(code for code in range(0x300, 0x1_2000) if _is_mark(chr(code))))
    letter = f"[^\\W{UNSPACED}]"
    return re.compile(f"[{UNSPACED}][{marks}]*|{letter}+(?:[{marks}]+{letter}*)*")


@functools.cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{UNSPACED}]")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _ranges(codes: Iterator[int]) -> Iterator[str]:
    """Write characters as the inside of a character class."""
    first = last = -2
    for code in (*codes, -2):
        if code != last + 1:
            if first >= 0:
                yield f"{chr(first)}-{chr(last)}"
            first = code
        last = code


def _is_inside(before: str, after: str) -> bool:
    """Return whether a word goes on from one character to the next."""
    if not before or not after:
        return False
    if _is_mark(after):
        return True
    if _unspaced().match(before) or _unspaced().match(after):
        return False
    return all(c == "_" or c.isalnum() or _is_mark(c) for c in (before, after))


def stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether what stands there is whole: no word goes on beyond either end."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (_is_inside(before, text[start]) or _is_inside(text[end - 1], after))


def spots_of(text: str, word: str, *, whole: bool = True) -> list[Spot]:
    """Return the places of a word in a text; `whole`: only where it is no part of a longer one."""
    found, at = [], text.find(word)
    while at >= 0:
        if not whole or stands_alone(text, at, at + len(word)):
            found.append(Spot(at, at + len(word)))
        at = text.find(word, at + 1)
    return found


def spot_of(text: str, word: str, occurrence: int, prompt: int) -> Spot:
    """Return the one place of a word in a prompt.

    Args:
        text: The prompt.
        word: The word, to the letter.
        occurrence: Which of several, counted from 1; 0 for the only one.
        prompt: The prompt's number, for the message.

    Raises:
        BadInputError: It is not there, only as a part of longer words, or at several places.
    """
    if not word:
        raise BadInputError(
            f"No word is named (--replace): give one of prompt {prompt + 1} as it stands there."
        )
    spots = spots_of(text, word)
    shown = f"“{display_text(clipped(word, 60))}”"
    if not spots:
        raise BadInputError(_missing(text, word, shown, prompt))
    if not occurrence and len(spots) > 1:
        beside = "; ".join(f"{n} {_beside(text, s)}" for n, s in enumerate(spots[:_NAMED], 1))
        more = "; …" if len(spots) > _NAMED else ""
        raise BadInputError(
            f"{shown} stands at {len(spots)} places in prompt {prompt + 1}: choose one with "
            f"--occurrence ({beside}{more})."
        )
    if occurrence > len(spots):
        raise BadInputError(
            f"--occurrence {occurrence} is not there: {shown} stands at "
            f"{plural(len(spots), 'place')} in prompt {prompt + 1}, counted from 1."
        )
    return spots[max(occurrence, 1) - 1]


def _missing(text: str, word: str, shown: str, prompt: int) -> str:
    within = spots_of(text, word, whole=False)
    if within:
        longer = _whole_around(text, within[0])
        return (
            f"{shown} stands in prompt {prompt + 1} only inside longer words (“{longer}”): give "
            "--replace the whole word."
        )
    near = word.strip()
    if near and near != word and spots_of(text, near):
        return (
            f"{shown} with its spaces does not stand in prompt {prompt + 1}, “{near}” does: name "
            "it without them (--replace)."
        )
    other = _in_other_case(text, near)
    if other:
        return (
            f"{shown} does not stand in prompt {prompt + 1}, “{display_text(other)}” does: "
            "capitals count (--replace)."
        )
    return (
        f"{shown} does not stand in prompt {prompt + 1}: name a word of it as it is written "
        "there (--replace)."
    )


def _in_other_case(text: str, word: str) -> str:
    """Return a word as it stands in a text, whole, but for capitals; empty where it does not."""
    # Not by texts in lower case: there letters may be more or fewer, and no place is as before.
    found = re.finditer(re.escape(word), text, re.IGNORECASE) if word else ()
    return next((match[0] for match in found if stands_alone(text, *match.span())), "")


def _whole_around(text: str, spot: Spot) -> str:
    start, end = spot.start, spot.end
    while start and _is_inside(text[start - 1], text[start]):
        start -= 1
    while end < len(text) and _is_inside(text[end - 1], text[end]):
        end += 1
    return display_text(clipped(text[start:end], 60))


def _beside(text: str, spot: Spot) -> str:
    """Return a place with what stands around it: `“…:param lo…”`."""
    start, end = max(0, spot.start - _BESIDE), spot.end + _BESIDE
    dots = ("…" if start else "", "…" if end < len(text) else "")
    return f"“{dots[0]}{display_text(text[start:end])}{dots[1]}”"


@dataclass(frozen=True)
class Counted:
    """How often the words of a text occur.

    Attributes:
        total: How many words it has.
        counts: By word.
    """

    total: int
    counts: Counter[str]

    def of(self, word: str) -> int | None:
        """Return how often a word occurs; None for what is no single word."""
        plain = word.strip()
        return self.counts[plain] if word_pattern().fullmatch(plain) else None

    def rank(self, word: str) -> int | None:
        """Return how many words occur more often, 0 = the most frequent; None if not there."""
        own = self.of(word)
        if not own:
            return None
        return len(self._ordered) - int(np.searchsorted(self._ordered, own, side="right"))

    @functools.cached_property
    def _ordered(self) -> np.ndarray:
        return np.sort(np.fromiter(self.counts.values(), dtype=np.int64))


def count_words(path: Path, report: Reporter) -> Counted:
    """Count the words of a text file, read piece by piece.

    Raises:
        BadInputError: It is missing, too large, no text, or holds far too many different words.
        Cancelled: The run was stopped.
    """
    counts: Counter[str] = Counter()
    named = f"--text {path.name}"
    try:
        size = path.stat().st_size
        if size > MAX_TEXT_BYTES:
            most = MAX_TEXT_BYTES // 10**9
            raise BadInputError(f"{named} is larger than {most} GB: take a part of it.")
        for done, text in _pieces(path):
            report.step(done / max(1, size), "counting words")
            counts.update(word_pattern().findall(text))
            if len(counts) > MAX_DIFFERENT:
                raise BadInputError(
                    f"{named} has more than {MAX_DIFFERENT:,} different words: take a part of it."
                )
    except FileNotFoundError:
        raise BadInputError(f"{named} is not there: check the name.") from None
    except OSError as error:
        raise BadInputError(f"{named} cannot be read ({error.strerror}): name a file.") from error
    except UnicodeDecodeError:
        raise BadInputError(f"{named} is not UTF-8: save the file as UTF-8.") from None
    except ValueError:  # a name that no file can have
        raise BadInputError(f"{named} is not there: check the name.") from None
    return Counted(counts.total(), counts)


def _pieces(path: Path) -> Iterator[tuple[int, str]]:
    """Yield how many bytes are read and the next text, cut between words."""
    decoder, kept, done = codecs.getincrementaldecoder("utf-8-sig")(), "", 0
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            done += len(chunk)
            text = kept + decoder.decode(chunk)
            cut = len(text)
            while cut and len(text) - cut < _LONGEST and _goes_on(text, cut):
                cut -= 1
            yield done, text[:cut]
            kept = text[cut:]
    yield done, kept + decoder.decode(b"", final=True)


def _goes_on(text: str, cut: int) -> bool:
    """Return whether what follows a cut at the end may belong to the word before it."""
    if cut < len(text):
        return _is_inside(text[cut - 1], text[cut])
    return True
