"""A text file or a folder as windows of tokens, streamed: of a long text a stretch is held.

The tokens are those of each whole file: a long one is tokenized stretch by stretch, each with some
text before it, and where the tokens of two stretches do not meet, the file is read as a whole.
Windows do not go beyond a file; a last one that is shorter is left out.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.methods.prepare import encoder_of
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer

ENDINGS = (".txt", ".md")
MOST_FILES = 10_000
MOST_WHOLE_BYTES = 64_000_000
"""The longest file that is tokenized as a whole, where its stretches do not meet."""
_STRETCH = 200_000
_OVERLAP, _CONTEXT, _MEETING = 2_000, 1_000, 32
_READ_BYTES = 1 << 18


@dataclass(frozen=True)
class Window:
    """Some tokens of a file.

    Attributes:
        ids: Token ids, what each window begins with among them.
        file: Which of the files.
        start: The character of the file where its first own token begins.
    """

    ids: tuple[int, ...]
    file: int
    start: int


class TextWindows:
    """The windows of a text, read as they are asked for; it can be gone through once.

    Attributes:
        corpus: The name of the file or folder.
        files: Names of its files, below the folder.
        lead: What each window begins with: the BOS where there is one.
        size: Tokens of the text in each window.
        most: How many windows there are at most.
        tokens: Tokens of the text in the windows so far.
        short: Files that hold no whole window, so far.
    """

    def __init__(
        self, model: LoadedModel, params: Params, text: str, window: int, tokens: int, option: str
    ) -> None:
        """Look at the text; nothing of it is read yet.

        Args:
            model: The model that will read it.
            params: With the BOS setting.
            text: A file or a folder; empty: the corpus of Lensbench.
            window: Tokens of a window, what it begins with among them.
            tokens: How many tokens are wanted, what windows begin with not among them.
            option: What the text was given to, for sentences.

        Raises:
            BadInputError: There is no such text, or windows are longer than the model reads.
        """
        if window > model.info.n_ctx:
            raise BadInputError(
                f"--window {window:,} is more than {model.info.name} reads: choose "
                f"{model.info.n_ctx:,} or less."
            )
        self._model, self._told = model, f"{option} “{text}”"
        self._paths, self.corpus = _files(text, self._told)
        root = Path(os.path.expanduser(text)) if text else own_corpus()
        self.files = tuple(
            p.relative_to(root).as_posix() if p != root else p.name for p in self._paths
        )
        self.lead = _lead(model, params)
        self.size = window - len(self.lead)
        if self.size < 1:
            raise BadInputError(f"--window {window} leaves no room behind the BOS: choose more.")
        self.most = -(-tokens // self.size)
        self.tokens = self.short = self._given = 0
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[Window]:
        """Yield windows until enough tokens are read.

        Raises:
            BadInputError: A file cannot be read, or no window is whole.
        """
        for number in range(len(self._paths)):
            before = self._given
            for window in self._of_file(number):
                self._given += 1
                self.tokens += self.size
                yield window
                if self._given == self.most:
                    return
            self.short += self._given == before
        if not self._given:
            raise BadInputError(
                f"{self._told} holds no whole window of {self.size + len(self.lead):,} tokens: "
                "give a longer text, or choose a shorter --window."
            )

    def sha256(self) -> str:
        """Return what tells the text that was read so far from others."""
        return self._hash.hexdigest()

    def _of_file(self, number: int) -> Iterator[Window]:
        ids: list[int] = []
        begin = 0
        for token, start in _tokens(self._model.tokenizer, self._paths[number], self._told):
            begin = begin if ids else start
            ids.append(token)
            if len(ids) == self.size:
                self._hash.update(repr(ids).encode())
                yield Window((*self.lead, *ids), number, begin)
                ids = []


def own_corpus() -> Path:
    """Return the folder of the small corpus that comes with Lensbench."""
    return resource("text", "corpus")


def _lead(model: LoadedModel, params: Params) -> tuple[int, ...]:
    """Return what the encoder puts before a text."""
    whole = encoder_of(model, params).encode("a").ids
    alone = model.tokenizer.encode("a", "no").ids
    return tuple(whole[: len(whole) - len(alone)]) if whole[-len(alone) :] == alone else ()


def _files(text: str, told: str) -> tuple[tuple[Path, ...], str]:
    """Return the files of a text, in the order of their names, and its own name."""
    root = Path(os.path.expanduser(text)) if text else own_corpus()
    if not root.is_dir():
        return (root,), root.name
    found: list[Path] = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        wanted = sorted(n for n in names if n.lower().endswith(ENDINGS) and n[0] != ".")
        found += [path for name in wanted if (path := Path(folder, name)).is_file()]
        if len(found) > MOST_FILES:
            raise BadInputError(
                f"{told} holds more than {MOST_FILES:,} files: name a smaller folder."
            )
    if not found:
        raise BadInputError(
            f"{told} holds no {' or '.join(ENDINGS)} file: name another folder, or a file."
        )
    return tuple(found), root.name


def _tokens(tokenizer: TextTokenizer, path: Path, told: str) -> Iterator[tuple[int, int]]:
    """Yield the tokens of a file and the characters where they begin.

    They are those of the whole file tokenized at once: each stretch begins with text whose tokens
    are known already, and must give the same.
    """
    given, known = 0, [0] * 0  # how many tokens, and the last of them
    cut = begin = 0  # characters: up to where they are given, and where the held text begins
    held, pieces = "", _pieces(path, told)
    while True:
        ended = _fill(held_box := [held], pieces)
        held = held_box[0]
        encoded = tokenizer.encode(held, "no")
        starts = [begin + start for start, _end in encoded.offsets]
        first = _meeting(encoded.ids, starts, known, cut) if given else 0
        if first is None:
            yield from list(_whole(tokenizer, path, told))[given:]
            return
        last = len(starts) if ended else _safe_cut(starts, begin + len(held) - _OVERLAP)
        if not ended and last <= first:
            yield from list(_whole(tokenizer, path, told))[given:]
            return
        for at in range(first, last):
            yield encoded.ids[at], starts[at]
        if ended:
            return
        given += last - first
        known = [*known, *encoded.ids[first:last]][-_MEETING:]
        cut = starts[last]
        keep = max(0, cut - _CONTEXT - begin)
        held, begin = held[keep:], begin + keep


def _fill(held: list[str], pieces: Iterator[str]) -> bool:
    """Read on until a stretch is held; return whether the text has ended."""
    while len(held[0]) < _STRETCH + _CONTEXT + _OVERLAP:
        piece = next(pieces, None)
        if piece is None:
            return True
        held[0] += piece
    return False


def _meeting(
    ids: Sequence[int], starts: Sequence[int], known: Sequence[int], cut: int
) -> int | None:
    """Return the token that begins at `cut` behind the known ones; None where it is not so."""
    for at, start in enumerate(starts):
        if start == cut and list(ids[max(0, at - len(known)) : at]) == list(known)[-at:]:
            return at if at else None
        if start > cut:
            return None
    return None


def _safe_cut(starts: Sequence[int], before: int) -> int:
    """Return the last token that begins before a character, and at one of its own."""
    at = len(starts) - 1
    while at > 0 and not (starts[at] <= before and starts[at] > starts[at - 1]):
        at -= 1
    return at


def _whole(tokenizer: TextTokenizer, path: Path, told: str) -> Iterator[tuple[int, int]]:
    if path.stat().st_size > MOST_WHOLE_BYTES:
        raise BadInputError(
            f"{told}: {path.name} cannot be tokenized in stretches, and has more than "
            f"{MOST_WHOLE_BYTES // 1_000_000} MB: divide it."
        )
    encoded = tokenizer.encode("".join(_pieces(path, told)), "no")
    return zip(encoded.ids, (start for start, _end in encoded.offsets), strict=True)


def _pieces(path: Path, told: str) -> Iterator[str]:
    """Yield the text of a file bit by bit, to the letter."""
    decoder, line = codecs.getincrementaldecoder("utf-8-sig")(), 1
    try:
        with open_regular(path) as opened:
            while stored := opened.read(_READ_BYTES):
                yield decoder.decode(stored)
                line += stored.count(b"\n")
            yield decoder.decode(b"", final=True)
    except FileNotFoundError:
        raise BadInputError(f"{told}: there is no such file; check the name.") from None
    except UnicodeDecodeError:
        raise BadInputError(
            f"{told}: {path.name} is not UTF-8 (near line {line:,}); save it as UTF-8."
        ) from None
    except OSError as error:
        raise BadInputError(
            f"{told} cannot be read ({error.strerror}): name a file or a folder."
        ) from error
