"""A text file as windows of tokens, read no further than they go."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.methods.prepare import encoder_of
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular

if TYPE_CHECKING:
    from desktop_app.analyses.fit_lens.spec import FitLensParams
    from desktop_app.engine.model import LoadedModel

_MOST_BYTES = 64_000_000
# So many bytes hold a token of any script, on average by far.
_BYTES_PER_TOKEN = 24
_LEAST_BYTES = 65_536


@dataclass(frozen=True)
class Windows:
    """What a lens is fitted on.

    Attributes:
        ids: Token ids, window by window.
        lead: What each begins with: the BOS where there is one.
        corpus: The name of the file.
        sha256: Of the bytes that were read.
    """

    ids: tuple[tuple[int, ...], ...]
    lead: tuple[int, ...]
    corpus: str
    sha256: str


def read_windows(model: LoadedModel, params: FitLensParams) -> Windows:
    """Return the windows of the text.

    Raises:
        BadInputError: There is no such text, it is too short, or windows are longer than the
            model reads.
    """
    length = params.max_seq_len
    if length > model.info.n_ctx:
        raise BadInputError(
            f"--max-seq-len {length:,} is more than {model.info.name} reads: choose "
            f"{model.info.n_ctx:,} or less."
        )
    least = params.skip_first_positions + 2
    if length < least:
        raise BadInputError(
            f"--max-seq-len {length} leaves nothing behind --skip-first-positions "
            f"{params.skip_first_positions}: choose {least} or more."
        )
    stored, corpus = _read(params.text, params.windows * length)
    text = stored.decode("utf-8")
    plain = model.tokenizer.encode(text, "no").ids
    whole = encoder_of(model, params).encode("a").ids
    alone = model.tokenizer.encode("a", "no").ids
    lead = whole[: len(whole) - len(alone)] if whole[-len(alone) :] == alone else ()
    size = length - len(lead)
    count = min(params.windows, len(plain) // size)
    cut = [plain[n * size : (n + 1) * size] for n in range(count)] or [plain]
    ids = tuple((*lead, *some) for some in cut)
    if len(ids[0]) < least:
        raise BadInputError(
            f"--text “{params.text}” has {len(plain):,} tokens, and a window needs {least} with "
            f"--skip-first-positions {params.skip_first_positions}: give a longer text."
        )
    return Windows(ids, tuple(lead), corpus, hashlib.sha256(stored).hexdigest())


def _read(file: str, tokens: int) -> tuple[bytes, str]:
    """Return as much of a file as the windows may take, and its name."""
    if not file:
        raise BadInputError("There is no text to fit a lens on: give --text FILE.")
    path = Path(os.path.expanduser(file))
    most = min(_MOST_BYTES, max(_LEAST_BYTES, tokens * _BYTES_PER_TOKEN))
    try:
        with open_regular(path) as opened:
            stored = opened.read(most + 1)
    except FileNotFoundError:
        raise BadInputError(f"--text “{file}”: there is no such file; check the name.") from None
    except OSError as error:
        raise BadInputError(
            f"--text “{file}” cannot be read ({error.strerror}): name a file."
        ) from error
    stored, cut = stored[:most], len(stored) > most
    stored = stored.removeprefix(b"\xef\xbb\xbf")
    try:
        stored.decode("utf-8")
    except UnicodeDecodeError as error:
        if not (cut and error.end == len(stored) and len(stored) - error.start < 4):
            line = 1 + stored.count(b"\n", 0, error.start)
            raise BadInputError(
                f"--text “{file}”, line {line}: not UTF-8; save the file as UTF-8."
            ) from None
        stored = stored[: error.start]  # a character that the end of what is read has cut
    return stored, path.name
