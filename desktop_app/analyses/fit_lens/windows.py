"""A text file as windows of tokens, read no further than they go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.methods.streamed_tokens import streamed_tokens
from desktop_app.methods.text_windows import lead_of, sha256_of
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.analyses.fit_lens.spec import FitLensParams
    from desktop_app.engine.model import LoadedModel


@dataclass(frozen=True)
class Windows:
    """What a lens is fitted on.

    Attributes:
        ids: Token ids, window by window.
        lead: What each begins with: the BOS where there is one.
        corpus: The name of the file.
    """

    ids: tuple[tuple[int, ...], ...]
    lead: tuple[int, ...]
    corpus: str

    def sha256(self, windows: int) -> str:
        """Return what tells the first windows from others, as every reader of windows says it."""
        return sha256_of(ids[len(self.lead) :] for ids in self.ids[:windows])


def read_windows(model: LoadedModel, params: FitLensParams) -> Windows:
    """Return the windows of the text; of one that is shorter than a window, that one alone.

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
    if not params.text:
        raise BadInputError("There is no text to fit a lens on: give --text FILE.")
    path, lead = Path(os.path.expanduser(params.text)), lead_of(model, params)
    size = max(1, length - len(lead))
    read = streamed_tokens(model.tokenizer, path, f"--text “{params.text}”")
    plain = [token for token, _start in islice(read, params.windows * size)]
    count = len(plain) // size
    cut = [plain[n * size : (n + 1) * size] for n in range(count)] or [plain]
    ids = tuple((*lead, *some) for some in cut)
    if len(ids[0]) < least:
        raise BadInputError(
            f"--text “{params.text}” has {len(plain):,} tokens, and a window needs {least} with "
            f"--skip-first-positions {params.skip_first_positions}: give a longer text."
        )
    return Windows(ids, lead, path.name)
