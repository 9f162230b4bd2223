"""Activations of a text at one place, kept for training: every tenth window is held out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.report import CheckingReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.memory import free_bytes, texts_per_pass
from desktop_app.engine.model import site_hook
from desktop_app.engine.sites import report_hooks
from desktop_app.methods.text_windows import TextWindows, own_corpus
from desktop_app.methods.watching import in_batches
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.analyses.train_sae.spec import TrainSaeParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.text_windows import Window

HELD_OUT_EVERY = 10
"""Of so many windows the last one is not trained on."""
_SHARE_OF_FREE_MEMORY = 0.4
_ITEM = 4  # float32


@dataclass
class Activations:
    """What was read, float32 on the CPU, in the order of the text.

    Attributes:
        trained: `[n, d]`.
        held_out: `[m, d]`.
        windows: How many windows both are of.
    """

    trained: torch.Tensor
    held_out: torch.Tensor
    windows: int


@dataclass
class _Blocks:
    """Activations as they come: window by window, those to train on and the others."""

    trained: list[torch.Tensor] = field(default_factory=list)
    held_out: list[torch.Tensor] = field(default_factory=list)
    windows: int = 0

    def add(self, x: torch.Tensor) -> None:
        for own in x:
            self.windows += 1
            (self.held_out if self.windows % HELD_OUT_EVERY == 0 else self.trained).append(own)

    def joined(self) -> Activations:
        """Return them as two tables, while the blocks are let go."""
        if not self.held_out:  # fewer windows than are held out one of
            self.held_out.append(self.trained.pop())
        return Activations(_joined(self.trained), _joined(self.held_out), self.windows)


class Text:
    """The text that activations are read of.

    Attributes:
        windows: Its windows.
        skipped: How many positions of each window are left out at its beginning: the BOS, or the
            first token of a model that has none. Activations there are unlike all others, and often
            hundreds of times as large.
        most: The most tokens that are read, as far as is known before.
    """

    def __init__(self, model: LoadedModel, params: TrainSaeParams) -> None:
        """Look at the text.

        Raises:
            BadInputError: There is none, or windows are too long or too short.
        """
        self.windows = TextWindows(
            model, params, params.text, params.window, params.tokens, "--text"
        )
        self.skipped = max(1, len(self.windows.lead))
        if params.window <= self.skipped:
            raise BadInputError(
                f"--window {params.window} leaves nothing behind its first "
                f"{plural(self.skipped, 'position')}: choose more."
            )
        root = Path(os.path.expanduser(params.text)) if params.text else own_corpus()
        sizes = [_size(root / name if root.is_dir() else root) for name in self.windows.files]
        self.most = min(self.windows.most * self.windows.size, sum(sizes))

    def require_room(self, model: LoadedModel, width: int) -> int:
        """Return how many bytes the activations take.

        Raises:
            BadInputError: That is more than there is.
        """
        limit = model.budget_bytes
        if limit is None:
            limit = int(_SHARE_OF_FREE_MEMORY * free_bytes(torch.device("cpu")))
        wanted = self.most * width * _ITEM
        if wanted > limit:
            raise BadInputError(
                f"Activations of {self.most:,} tokens take {human_bytes(wanted)}, and "
                f"{human_bytes(limit)} are free for them: choose --tokens "
                f"{max(1, limit // (width * _ITEM)):,} or less."
            )
        return wanted

    def read(
        self, model: LoadedModel, place: tuple[int, Site], length: int, report: Reporter
    ) -> Activations:
        """Read all windows.

        Args:
            model: The model.
            place: Layer and site.
            length: Tokens of a window.
            report: Told after every pass; may cancel at every layer.

        Raises:
            BadInputError: Activations are not finite, or there is only one window.
        """
        name = site_hook(*place)
        limit = texts_per_pass(model, length, 1) if model.reads_together else 1
        hooks = list(report_hooks(model, CheckingReporter(report)))

        def reader(some: Sequence[Window]) -> Callable[[slice], torch.Tensor]:
            """Return what reads some of the windows, float32 `[windows, S, d]`."""

            def read(rows: slice) -> torch.Tensor:
                ids = model.ids([window.ids for window in some[rows]])
                return model.seen(ids, name, hooks).view(*ids.shape, -1).float()

            return read

        blocks, windows = _Blocks(), iter(self.windows)
        while some := list(islice(windows, limit)):
            for _rows, x in in_batches(model, len(some), limit, reader(some)):
                if not bool(torch.isfinite(x).all()):
                    raise BadInputError(
                        f"{model.info.name} has activations that are not finite at {place[1]} of "
                        f"layer {place[0]}: load it with --dtype float32, or choose another place."
                    )
                blocks.add(x[:, self.skipped :].cpu())
                done = blocks.windows * self.windows.size
                report.step(min(1.0, done / self.most), f"reading, {done:,} tokens")
        if blocks.windows < 2:
            raise BadInputError(
                "The text holds a single window, and one is needed to train on and another to "
                "measure on: give a longer text, more --tokens, or a shorter --window."
            )
        return blocks.joined()

    def notices(self, params: TrainSaeParams) -> list[Notice]:
        """Return the warning where the text holds fewer tokens than were asked for."""
        if self.windows.tokens >= params.tokens:
            return []
        message = (
            f"The text holds windows of {self.windows.tokens:,} tokens, and {params.tokens:,} were "
            "asked for: give a longer text for more."
        )
        return [Notice("text_short", message)]


def _joined(blocks: list[torch.Tensor]) -> torch.Tensor:
    """Return blocks as one table; each is let go once it is copied, so that memory holds one."""
    blocks.reverse()
    found = torch.empty(sum(map(len, blocks)), blocks[0].shape[-1])
    at = 0
    while blocks:
        block = blocks.pop()
        found[at : at + len(block)] = block
        at += len(block)
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it is said when it is opened
