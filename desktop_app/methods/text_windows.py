"""A text file or a folder as windows of tokens, streamed: of a long text a stretch is held.

The tokens are those of each whole file. Windows do not go beyond a file; a last one that is shorter
is left out.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.contract.result import Notice
from desktop_app.methods.prepare import encoder_of
from desktop_app.methods.streamed_tokens import streamed_tokens
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.engine.model import LoadedModel

ENDINGS = (".txt", ".md")
OWN_NAME = "Lensbench's own corpus"
MOST_FILES, MOST_DEPTH = 10_000, 100
MOST_NAMES = 500_000


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
        self._model = model
        self._told = f"{option} “{text}”" if text else OWN_NAME
        root = Path(os.path.expanduser(text)) if text else own_corpus()
        self._paths = _files(root, self._told)
        name = Path(os.path.abspath(root)).name or str(root)
        self.corpus = _named(name) if text else OWN_NAME
        self.files = tuple(
            _named(p.relative_to(root).as_posix()) if p != root else self.corpus
            for p in self._paths
        )
        self.lead = lead_of(model, params)
        self.size = window - len(self.lead)
        if self.size < 1:
            raise BadInputError(f"--window {window} leaves no room behind the BOS: choose more.")
        self._wanted = tokens
        self.most = -(-tokens // self.size)
        self.tokens = self.short = self._given = 0
        self._ended = False
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
        self._ended = True

    def sha256(self) -> str:
        """Return what tells the text that was read so far from others, as `sha256_of` does."""
        return self._hash.hexdigest()

    def notices(self) -> list[Notice]:
        """Return what is to be said of the text once it was gone through.

        That it ended before enough tokens were read, and that files were too short.
        """
        found = []
        if self._ended:
            found.append(
                Notice(
                    "text_short",
                    f"The text holds {self.tokens:,} tokens in whole windows, and {self._wanted:,} "
                    "were asked for: give a longer text for more.",
                )
            )
        if self.short:
            files = "1 file was" if self.short == 1 else f"{self.short:,} files were"
            found.append(
                Notice(
                    "files_short",
                    f"{files} left out that hold no whole window of "
                    f"{self.size + len(self.lead):,} tokens: a shorter --window reads them.",
                )
            )
        return found

    def _of_file(self, number: int) -> Iterator[Window]:
        path = self._paths[number]
        told = self._told
        if len(self._paths) > 1 or self.files[number] != self.corpus:
            told += f", {self.files[number]}"
        ids: list[int] = []
        begin = 0
        for token, start in streamed_tokens(self._model.tokenizer, path, told):
            if token >= self._model.info.d_vocab:
                raise BadInputError(
                    f"{told} holds token {token}, and the model knows only ids below "
                    f"{self._model.info.d_vocab}: the tokenizer does not belong to this model."
                )
            begin = begin if ids else start
            ids.append(token)
            if len(ids) == self.size:
                self._hash.update(_stored(ids))
                yield Window((*self.lead, *ids), number, begin)
                ids = []


def sha256_of(windows: Iterable[Sequence[int]]) -> str:
    """Return what tells a text from others, of the tokens in its windows without what leads them.

    It is one for all that read the same tokens in windows of one size.
    """
    told = hashlib.sha256()
    for ids in windows:
        told.update(_stored(ids))
    return told.hexdigest()


def _stored(ids: Sequence[int]) -> bytes:
    return repr(list(ids)).encode()


def own_corpus() -> Path:
    """Return the folder of the small corpus that comes with Lensbench."""
    return resource("text", "corpus")


def lead_of(model: LoadedModel, params: Params) -> tuple[int, ...]:
    """Return what the encoder puts before a text; what it may put behind it is none of it."""
    whole = list(encoder_of(model, params).encode("a").ids)
    alone = list(model.tokenizer.encode("a", "no").ids)
    begins = range(len(whole) - len(alone) + 1)
    at = next((n for n in begins if whole[n : n + len(alone)] == alone), 0)
    return tuple(whole[:at])


def _named(name: str) -> str:
    """Return a file's name as text, also where it is not UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _files(root: Path, told: str) -> tuple[Path, ...]:
    """Return the files of a text: of a folder in the order of their names, folders last."""
    if not os.path.isdir(root):
        return (root,)
    found: list[Path] = []
    looked = 0
    waiting = [(root, 0)]  # a stack: folders inside one another are as many as a file system takes
    while waiting:
        folder, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise BadInputError(
                f"{told} holds more than {MOST_DEPTH} folders one inside another: name a smaller "
                "one of them, or a file."
            )
        names, folders, some = _inside(folder, told, MOST_NAMES - looked)
        looked += some
        found += [folder / name for name in sorted(names)]
        if len(found) > MOST_FILES:
            raise BadInputError(
                f"{told} holds more than {MOST_FILES:,} texts ({' and '.join(ENDINGS)} files): "
                "name a smaller folder."
            )
        waiting += [(folder / name, depth + 1) for name in sorted(folders, reverse=True)]
    if not found:
        raise BadInputError(
            f"{told} holds no {' or '.join(ENDINGS)} file: name another folder, or a file."
        )
    return tuple(found)


def _inside(folder: Path, told: str, room: int) -> tuple[list[str], list[str], int]:
    """Return the names of a folder's texts and folders, hidden ones left out, and how many it has.

    Raises:
        BadInputError: It cannot be read, or holds more names than there is room for.
    """
    names, folders, looked = [], [], 0
    try:
        with os.scandir(folder) as inside:
            for entry in inside:
                looked += 1
                if looked > room:
                    raise BadInputError(
                        f"{told} holds more than {MOST_NAMES:,} files and folders of any kind, "
                        "too many to look for texts in: name a smaller folder."
                    )
                if entry.name[0] == ".":
                    continue
                if _is(entry.is_dir):
                    if not entry.is_symlink():  # these may lead round
                        folders.append(entry.name)
                elif entry.name.lower().endswith(ENDINGS) and _is(entry.is_file):
                    names.append(entry.name)
    except OSError as error:
        raise BadInputError(
            f"{told} cannot be read ({error.strerror}: {_named(str(error.filename))}): name "
            "another folder, or a file."
        ) from error
    return names, folders, looked


def _is(kind: Callable[[], bool]) -> bool:
    """Return whether something is of a kind; what cannot be looked at, as a link to itself, not."""
    try:
        return kind()
    except OSError:
        return False
