"""The tokens of a text file, streamed: those of the whole file, while only a stretch is held.

A stretch begins with text whose tokens are known already and must give the same again, and ends
well behind the last token that is taken of it. Where it does not, as in one endless word, the file
is tokenized as a whole.
"""

from __future__ import annotations

import codecs
import hashlib
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer


class Sizes(NamedTuple):
    """Characters of a stretch.

    Attributes:
        stretch: Taken of each, about.
        before: Held before them, whose tokens are known.
        behind: Held behind them, so that the end of what is held decides nothing.
        whole: Bytes of the longest file that is tokenized as a whole.
    """

    stretch: int
    before: int
    behind: int
    whole: int


# Slow tokenizers tell no characters: finding them takes the square of the length.
FAST, SLOW = Sizes(200_000, 1_000, 2_000, 8_000_000), Sizes(800, 200, 200, 40_000)
_MEETING = 32


def streamed_tokens(
    tokenizer: TextTokenizer, path: Path, told: str, sizes: Sizes | None = None
) -> Iterator[tuple[int, int]]:
    """Yield the tokens of a file, without special ones around it.

    Args:
        tokenizer: The model's.
        path: A text file in UTF-8.
        told: What names the file in sentences.
        sizes: How much is held; None: what suits the tokenizer.

    Yields:
        Each token's id, and the character of the file where it begins.

    Raises:
        BadInputError: The file cannot be read, is not UTF-8, or cannot be divided and is long.
    """
    sizes = sizes or (FAST if tokenizer.raw.is_fast else SLOW)
    held, given = _Held(path, told, sizes.stretch), _Given()
    while True:
        held.fill(sum(sizes[:3]))
        encoded = tokenizer.encode(held.text, "no")
        starts = [held.begin + start for start, _end in encoded.offsets]
        first = given.found(encoded.ids, starts)
        last = len(starts) if held.ended else _cut(held, starts, sizes.behind)
        if first is None or not (held.ended or last > first):
            yield from _rest(tokenizer, path, told, given, sizes.whole)
            return
        yield from zip(encoded.ids[first:last], starts[first:last], strict=True)
        if held.ended:
            return
        given.add(encoded.ids[first:last], starts[last])
        held.drop_before(starts, starts[last] - sizes.before)


class _Held:
    """A stretch of a file's text.

    Attributes:
        text: What is held.
        begin: The character of the file where it begins.
        ended: Whether it goes to the end of the file.
    """

    def __init__(self, path: Path, told: str, read: int) -> None:
        self._pieces = _pieces(path, told, read)
        self.text, self.begin, self.ended = "", 0, False

    def fill(self, wanted: int) -> None:
        """Read on until so many characters are held, or the file ends."""
        pieces, length = [self.text], len(self.text)
        while length < wanted and not self.ended:
            piece = next(self._pieces, None)
            self.ended = piece is None
            pieces.append(piece or "")
            length += len(pieces[-1])
        self.text = "".join(pieces)

    def drop_before(self, starts: Sequence[int], place: int) -> None:
        """Let go of the text before the last token that begins at a place or before it.

        What repeats without end, a run of one letter, is then divided as it was.
        """
        at = _own_start(starts, place)
        keep = max(0, starts[at] - self.begin)
        self.text, self.begin = self.text[keep:], self.begin + keep

    def last_run(self) -> int:
        """Return the character where letters, digits, spaces or signs begin that go to the end.

        More of them may follow, and how they are divided may hang on how many they are.
        """
        at, kind = len(self.text), _kind(self.text[-1:])
        while at and _kind(self.text[at - 1]) == kind:
            at -= 1
        return self.begin + at


class _Given:
    """What is known of the tokens that were given."""

    def __init__(self) -> None:
        self.count = 0
        self._known: list[int] = []
        self._cut = 0
        self._hash = hashlib.sha256()

    def add(self, ids: Sequence[int], cut: int) -> None:
        """Note tokens, and the character where the next one begins."""
        self.count += len(ids)
        self._cut = cut
        self._known = [*self._known, *ids][-_MEETING:]
        self._hash.update(_stored(ids))

    def found(self, ids: Sequence[int], starts: Sequence[int]) -> int | None:
        """Return the token that comes next; None where those before it are others.

        The first third of what is held before it may be: there it begins in the middle of a text.
        """
        if not self.count:
            return 0
        for at, start in enumerate(starts):
            if start >= self._cut:
                count = min(len(self._known), -(-2 * at // 3))
                same = list(ids[at - count : at]) == self._known[len(self._known) - count :]
                return at if start == self._cut and count and same else None
        return None

    def begins(self, ids: Sequence[int]) -> bool:
        """Return whether a whole text's tokens begin with those given."""
        return hashlib.sha256(_stored(ids[: self.count])).digest() == self._hash.digest()


def _stored(ids: Sequence[int]) -> bytes:
    return "".join(f"{token} " for token in ids).encode()


def _kind(character: str) -> str:
    if character.isalpha():
        return "letter"
    return "digit" if character.isdigit() else "space" if character.isspace() else "sign"


def _cut(held: _Held, starts: Sequence[int], behind: int) -> int:
    """Return the token up to which what is held decides; 0 where it decides nothing."""
    before = held.begin + len(held.text) - behind
    return _own_start(starts, min(before, held.last_run()))


def _own_start(starts: Sequence[int], before: int) -> int:
    """Return the last token that begins at a character or before it, the first to begin there.

    Several tokens of one character begin where it does.
    """
    at = len(starts) - 1
    while at > 0 and not (starts[at] <= before and starts[at] > starts[at - 1]):
        at -= 1
    return max(at, 0)


def _rest(
    tokenizer: TextTokenizer, path: Path, told: str, given: _Given, most: int
) -> Iterator[tuple[int, int]]:
    """Return the tokens behind the given ones, of the file tokenized as a whole."""
    whole = "" if path.stat().st_size > most else "".join(_pieces(path, told, most + 1))
    encoded = tokenizer.encode(whole, "no")
    if not whole or not given.begins(encoded.ids):
        raise BadInputError(
            f"{told} has no places where it could be tokenized in parts: break its lines, or "
            "divide it into files."
        )
    starts = (start for start, _end in encoded.offsets)
    return islice(zip(encoded.ids, starts, strict=True), given.count, None)


def _pieces(path: Path, told: str, read: int) -> Iterator[str]:
    """Yield the text of a file to the letter, so many bytes at a time."""
    decoder, line = codecs.getincrementaldecoder("utf-8-sig")(), 1
    try:
        with open_regular(path) as opened:
            while stored := opened.read(read):
                yield decoder.decode(stored)
                line += stored.count(b"\n")
            yield decoder.decode(b"", final=True)
    except FileNotFoundError:
        raise BadInputError(f"{told}: there is no such file; check the name.") from None
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        raise BadInputError(f"{told}, line {line:,}: not UTF-8; save the file as UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name serves no file"
        raise BadInputError(f"{told} cannot be read ({reason}): name a file.") from error
