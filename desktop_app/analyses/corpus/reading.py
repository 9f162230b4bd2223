"""Windows read in passes, as many at once as fit; each ends behind the last layer's pattern."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.corpus.attended import Attended
from desktop_app.analyses.corpus.best_places import BestPlaces, BestRows
from desktop_app.analyses.corpus.drawn import Draws
from desktop_app.analyses.corpus.sums import MEASURES, Marked, mark, reduce_pattern
from desktop_app.engine.memory import budget_bytes, fewer_rows, text_bytes, texts_per_pass
from desktop_app.engine.model import site_hook
from desktop_app.pictures.words import plural
from desktop_app.support.errors import MemoryExhaustedError, is_out_of_memory

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.text_windows import TextWindows, Window


class _EnoughError(Exception):
    """Raised behind the last pattern: the rest of the pass is not needed."""


@dataclass
class _Seen:
    """What one pass has seen, a list entry per layer, on the model's device."""

    sums: list[torch.Tensor] = field(default_factory=list)
    columns: list[torch.Tensor] = field(default_factory=list)
    most: list[torch.Tensor] = field(default_factory=list)
    best: list[BestRows] = field(default_factory=list)
    drawn: list[torch.Tensor] = field(default_factory=list)


def windows_per_pass(model: LoadedModel, length: int) -> int:
    """Return how many windows share a pass, at least one."""
    if not model.reads_together:
        return 1
    fitting = budget_bytes(model) // (text_bytes(model, length, 1) + pass_bytes(model, length))
    return max(1, min(texts_per_pass(model, length, 1), fitting))


def pass_bytes(model: LoadedModel, length: int) -> int:
    """Return the memory that the measures of a window take on top of its pass, at most."""
    heads = model.info.n_heads
    return length * (8 * heads * length + 5 * length + 8 * model.info.n_layers * heads)


class Heads:
    """What every head does on the windows that were read so far.

    Attributes:
        ids: Their token ids, an array `[window, position]` per pass.
        file: Which of the files each window is of.
        start: The character of it where each begins.
        best: Its places of largest weight.
        draws: What the seed has drawn.
        attended: Which tokens it attends to.
    """

    def __init__(self, model: LoadedModel, length: int, seed: int) -> None:
        layers, heads = model.info.n_layers, model.info.n_heads
        self.ids: list[np.ndarray] = []
        self.file: list[int] = []
        self.start: list[int] = []
        self.best = BestPlaces(layers, heads, length)
        self.draws = Draws(seed, layers, heads, length)
        self.attended = Attended(layers, heads)
        self._model, self._length = model, length
        self._sums = np.zeros((len(MEASURES), layers, heads))
        self._counts = dict.fromkeys(MEASURES, 0)

    def read(self, windows: TextWindows, report: Reporter) -> None:
        """Read all windows; what was read is kept where that is cut short.

        Raises:
            BadInputError: A file cannot be read, or no window is whole.
            Cancelled: Between two layers.
            MemoryExhaustedError: Not even a single window fits, or memory ends while what a pass
                has shown is added up.
        """
        limit, source = windows_per_pass(self._model, self._length), iter(windows)
        waiting: list[Window] = []
        while True:
            waiting += islice(source, max(0, limit - len(waiting)))
            if not waiting:
                return
            some = waiting[:limit]
            try:
                self._pass(some, windows.most, report)
            except (RuntimeError, MemoryError) as error:
                limit = fewer_rows(self._model, error, len(some), ("window", "windows"))
                continue
            del waiting[: len(some)]
            report.partial(self.measures())

    def measures(self) -> dict[str, Any]:
        """Return the mean of each measure `[L, H]`, NaN where nothing counts, and the counts."""
        found: dict[str, Any] = {}
        for name, total in zip(MEASURES, self._sums, strict=True):
            count = self._counts[name]
            found[name] = total / count if count else np.full(total.shape, np.nan)
        return found | {"n": dict(self._counts)}

    def _pass(self, windows: list[Window], most: int, report: Reporter) -> None:
        """Read some windows in one pass and take in what it shows, all of it or nothing."""
        ids = self._model.ids([window.ids for window in windows])
        marked, seen, done = mark(ids), _Seen(), len(self.file)
        numbers = range(done, done + len(windows))
        drawn = self.draws.draw(numbers)
        chosen = torch.from_numpy(drawn[1]).to(ids.device)
        layers = self._model.info.n_layers
        note = f"window {done + 1:,} of at most {most:,}"

        def look(x: torch.Tensor, hook: object, layer: int) -> None:
            _look(x, marked, chosen, seen)
            report.step(min(1.0, (done + len(windows) * (layer + 1) / layers) / most), note)
            if layer == layers - 1:
                raise _EnoughError

        hooks = [(site_hook(n, "pattern"), partial(look, layer=n)) for n in range(layers)]
        with suppress(_EnoughError):
            self._model.run(ids, hooks)
        self._take(numbers, drawn, marked, seen)
        self.file += [window.file for window in windows]
        self.start += [window.start for window in windows]

    def _take(
        self,
        numbers: range,
        drawn: tuple[np.ndarray, np.ndarray],
        marked: Marked,
        seen: _Seen,
    ) -> None:
        """Take in what a pass has shown."""
        # All leaves the device, and has room here, before anything is added: where memory ends
        # there, the same windows are read again.
        sums = torch.stack(seen.sums).cpu().double().numpy()
        rows = torch.stack(seen.drawn, 1).cpu().numpy()
        most, columns = (torch.stack(x).cpu().numpy() for x in (seen.most, seen.columns))
        ids = marked.ids.cpu().numpy()
        for best in seen.best:
            best.come_home()
        self.attended.make_room(ids)
        try:
            self._add(numbers, drawn, marked, (sums, most, columns, rows, ids), seen.best)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            # A part is counted already: read again it would count twice.
            raise MemoryExhaustedError(
                f"{self._model.info.name}: memory ran out behind {plural(numbers.stop, 'window')}, "
                "where their attention is added up: choose a shorter --window or fewer --tokens."
            ) from error

    def _add(
        self,
        numbers: range,
        drawn: tuple[np.ndarray, np.ndarray],
        marked: Marked,
        home: tuple[np.ndarray, ...],
        best: list[BestRows],
    ) -> None:
        """Add what a pass has shown to what there is.

        Args:
            numbers: Of its windows.
            drawn: The queries that the seed draws of them.
            marked: How many queries count.
            home: Sums, largest weights, columns, drawn rows and token ids, off the device.
            best: Its best rows, off the device.
        """
        sums, most, columns, rows, ids = home
        for window in range(len(numbers)):  # one by one: a batch adds up as single windows do
            self._sums += sums[:, :, window].transpose(1, 0, 2)
        for name, count in marked.counts.items():
            self._counts[name] += count
        self.best.add(numbers.start, best)
        self.draws.add(numbers, drawn, most, rows)
        self.attended.add(ids, columns)
        self.ids.append(ids.astype(np.int32))


def _look(x: torch.Tensor, marked: Marked, chosen: torch.Tensor, seen: _Seen) -> None:
    """Reduce a layer's pattern `[window, H, query, key]`; `chosen` `[some, 2]` names its rows."""
    found = reduce_pattern(x, marked)
    seen.sums.append(found.sums)
    seen.columns.append(found.columns)
    seen.most.append(found.most)
    seen.best.append(BestRows(x, found.most))
    seen.drawn.append(x[chosen[:, 0], :, chosen[:, 1]].float())
