"""Several continuations of some prompts, grown in lock-step: one token of each, then the next.

Runs that are compared (plain, steered, under a random control) have the same rows and so the same
shape: where nothing changes them they are equal bit for bit. All rows of a run may just as well be
cells of a sweep. What is there is handed over after every step, and stays where a run is stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.engine.decoding import Decoder, decoding
from desktop_app.engine.decoding_trials import require_cache, require_padding
from desktop_app.engine.kept_memory import grown_bytes, texts_at_once
from desktop_app.engine.memory import texts_per_pass
from desktop_app.engine.padding import Layout
from desktop_app.methods.continuing import require_room
from desktop_app.methods.growing_rows import Growing, Grown, Part, Run, take_steps
from desktop_app.methods.sampling import Draws
from desktop_app.methods.watching import in_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import torch

    from desktop_app.engine.model import LoadedModel

__all__ = [
    "Growing",
    "Grown",
    "Run",
    "at_once",
    "grow",
    "needed_bytes",
    "require_room",
    "scored",
]


def grow(
    model: LoadedModel,
    runs: Sequence[Run],
    layers: Collection[int],
    growing: Growing,
    on_step: Callable[[float, int, list[list[Grown]]], None],
) -> list[list[Grown]]:
    """Return run by run and row by row what was said.

    Texts of one length share passes as far as memory allows, padded ones those of any: all rows of
    a prompt in several runs, or of a single run each row by itself.

    Args:
        model: The model; its hooks and modules are as before when this returns or raises.
        runs: The continuations.
        layers: Every layer that is changed or watched.
        growing: How texts grow.
        on_step: Told after each step: the share of the work that is done, how many tokens the rows
            under way have, and what is there. What it is given goes on growing and may be kept; it
            may raise `Cancelled`, which leaves what is there as it is.

    Raises:
        BadInputError: The model has no cache where one is asked for, or cannot be padded.
        MemoryExhaustedError: Not even a single text fits.
    """
    grown = [[Grown() for _text in run.texts] for run in runs]
    shares = _Shares(runs, growing)
    draws = Draws(growing.sampling, growing.steps)
    if growing.cached:
        require_cache(model, layers)
    with decoding(model, layers):
        for run in runs:
            _require_padding(model, run, growing)
        for units in shares.groups:

            def work(some: slice, units: Sequence[int] = units) -> None:
                theirs = units[some]
                parts = [
                    Part(model, (number, run), rows, growing, grown[number])
                    for number, run in enumerate(runs)
                    if (rows := shares.rows(run, theirs))
                ]

                def told(step: int) -> None:
                    now = shares.done + len(theirs) * step / growing.steps
                    on_step(now / shares.total, step, grown)

                take_steps(parts, growing, draws, told)
                shares.done += len(theirs)

            limit = _at_once(model, shares.texts(units), growing)
            for _some, _nothing in in_batches(model, len(units), limit, work):
                pass
    return grown


class _Shares:
    """What rows are shared out by: prompts, or of a single run the rows themselves.

    Attributes:
        groups: Units whose texts are of one length run by run, or of any where they are padded.
        total: How many units there are.
        done: How many are finished.
    """

    def __init__(self, runs: Sequence[Run], growing: Growing) -> None:
        self._runs, self._by_row = runs, len(runs) == 1
        lengths: dict[int, list[tuple[int, int]]] = {}
        for number, run in enumerate(runs):
            for unit, text in zip(self._units(run), run.texts, strict=True):
                lengths.setdefault(unit, []).append((number, len(text)))
        alike: dict[tuple[tuple[int, int], ...], list[int]] = {}
        for unit, theirs in lengths.items():
            key = tuple(theirs) if growing.padding == "none" else ()
            alike.setdefault(key, []).append(unit)
        self.groups = list(alike.values())
        self.total, self.done = len(lengths), 0

    def rows(self, run: Run, units: Sequence[int]) -> tuple[int, ...]:
        """Return the rows of a run that belong to units."""
        wanted = set(units)
        return tuple(row for row, unit in enumerate(self._units(run)) if unit in wanted)

    def texts(self, units: Sequence[int]) -> list[list[int]]:
        """Return run by run the token counts of the texts that belong to units."""
        found = [[len(run.texts[row]) for row in self.rows(run, units)] for run in self._runs]
        return [own for own in found if own]

    def _units(self, run: Run) -> Sequence[int]:
        return range(len(run.texts)) if self._by_row else run.prompts


def _require_padding(model: LoadedModel, run: Run, growing: Growing) -> None:
    if growing.padding == "none" or not run.texts:
        return
    lengths = tuple(len(text) for text in run.texts)
    layout = Layout(lengths, growing.padding, cached=growing.cached)
    if layout.is_padded:
        require_padding(model, layout, growing.steps)


def needed_bytes(model: LoadedModel, runs: Sequence[Run], growing: Growing) -> int:
    """Return the memory that growing takes at its peak, for `report.needs`."""
    shares, most = _Shares(runs, growing), 0
    for units in shares.groups:
        own = shares.texts(units)
        rows = min(_at_once(model, own, growing), len(units))
        most = max(most, rows * _unit_bytes(model, own, growing))
    return most


def at_once(model: LoadedModel, runs: Sequence[Run], growing: Growing) -> int:
    """Return how many prompts (of a single run: rows) grow together, at least one."""
    shares = _Shares(runs, growing)
    return min(_at_once(model, shares.texts(units), growing) for units in shares.groups)


def scored(
    model: LoadedModel, texts: Sequence[Sequence[int]], new: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Return the log-probability of each new token behind its text, by the model as it is.

    Each text and what follows it are read in one pass; those of one length share one.

    Args:
        model: The model.
        texts: Tokens of any lengths.
        new: The tokens that follow them; a row may have none.
    """
    found: list[list[float]] = [[] for _text in texts]
    keys = [(len(text), len(more)) for text, more in zip(texts, new, strict=True)]
    with decoding(model, ()):
        for length, count in sorted(set(keys)):
            rows = [row for row, key in enumerate(keys) if key == (length, count)]
            if count:
                _score(model, [(row, [*texts[row], *new[row]]) for row in rows], count, found)
    return found


def _score(
    model: LoadedModel,
    whole: Sequence[tuple[int, list[int]]],
    count: int,
    found: list[list[float]],
) -> None:
    """Fill in the log-probabilities of the last tokens of texts of one length."""

    def work(some: slice) -> torch.Tensor:
        texts = [text for _row, text in whole[some]]
        logits = Decoder(model, texts, cached=False).read(count + 1)[:, :-1].float()
        said = model.ids([text[-count:] for text in texts])[..., None]
        return logits.gather(-1, said)[..., 0] - logits.logsumexp(-1)

    limit = texts_per_pass(model, len(whole[0][1]), count + 1) if model.reads_together else 1
    for some, values in in_batches(model, len(whole), limit, work):
        for (row, _text), theirs in zip(whole[some], values.tolist(), strict=True):
            found[row] = theirs


def _at_once(model: LoadedModel, texts: Sequence[Sequence[int]], growing: Growing) -> int:
    """Return how many units grow together whose texts have these token counts, run by run."""
    if not model.reads_together:
        return 1
    longest = max(length for own in texts for length in own)
    return texts_at_once(model, longest, _unit_bytes(model, texts, growing))


def _unit_bytes(model: LoadedModel, texts: Sequence[Sequence[int]], growing: Growing) -> int:
    total = 0
    for own in texts:
        longest = max(own)
        columns = longest - min(own) + 1 if growing.padding == "right" else 1
        total += grown_bytes(model, longest, growing.steps, cached=growing.cached, columns=columns)
    return total
