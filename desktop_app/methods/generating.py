"""Several continuations of some prompts, grown in lock-step: one token of each, then the next.

Runs that are compared (plain, steered, under a random control) have the same rows and so the same
shape: where nothing changes them they are equal bit for bit. All rows of a run may just as well be
cells of a sweep. What is there is handed over after every step, and stays where a run is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.decoding_trials import require_cache, require_padding
from desktop_app.engine.kept_memory import grown_bytes, texts_at_once
from desktop_app.engine.memory import texts_per_pass
from desktop_app.engine.padding import Layout
from desktop_app.methods.continuing import ending_tokens
from desktop_app.methods.sampling import Draws, Sampling, choose
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.padding import Padding

TOP = 5


@dataclass(frozen=True)
class Run:
    """One continuation of some texts, a row each.

    Attributes:
        texts: Each row's tokens; of one length unless they are padded.
        prompts: Each row's prompt, which decides what is drawn; rows of one prompt in several runs
            stay in step.
        changes: What is done to them; rows are numbered as here.
        begin: Tokens with which a row's continuation begins, whatever the model would say.
    """

    texts: Sequence[Sequence[int]]
    prompts: Sequence[int]
    changes: Changes = field(default_factory=Changes)
    begin: Sequence[Sequence[int]] = ()


@dataclass(frozen=True)
class Growing:
    """How texts grow.

    Attributes:
        steps: How many tokens at most.
        sampling: How the next one is chosen.
        cached: Whether keys and values are kept between steps.
        ignore_end: Whether it goes on behind an end-of-text token.
        padding: How texts of several lengths share a pass.
        keep_first: Whether the first new token's logits are kept.
        top: How many of the likeliest tokens of each step are kept.
        check: Asked before every layer of a large pass, and may raise `Cancelled`.
        logits: Told every step's logits `[rows, d_vocab]`, on the model's device: run, its rows,
            step and logits.
    """

    steps: int
    sampling: Sampling = field(default_factory=Sampling)
    cached: bool = True
    ignore_end: bool = False
    padding: Padding = "none"
    keep_first: bool = True
    top: int = TOP
    check: Callable[[], None] | None = None
    logits: Callable[[int, Sequence[int], int, torch.Tensor], None] | None = None


@dataclass
class Grown:
    """What one row has said so far.

    Attributes:
        ids: The new tokens.
        logprobs: Each one's log-probability where it was said.
        top: Step by step the likeliest tokens and their log-probabilities, falling.
        first: The logits of the first new token `[d_vocab]`, float32, on the CPU; None where they
            are not kept.
        ended: Whether an end-of-text token came.
        constant: The first step all of whose logits were equal; None: no such step.
        broken: The step at which the logits were no numbers and the row was given up; None: none.
    """

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    first: torch.Tensor | None = field(default=None, compare=False)
    ended: bool = False
    constant: int | None = None
    broken: int | None = None

    def begin_anew(self) -> None:
        """Forget everything: the rows are tried again, fewer at once."""
        for name, fresh in vars(Grown()).items():
            setattr(self, name, fresh)


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
                    _Part(model, (number, run), rows, growing, grown[number])
                    for number, run in enumerate(runs)
                    if (rows := shares.rows(run, theirs))
                ]

                def told(step: int) -> None:
                    now = shares.done + len(theirs) * step / growing.steps
                    on_step(now / shares.total, step, grown)

                _steps(parts, growing, draws, told)
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
        lengths: dict[int, list[int]] = {}
        for run in runs:
            for unit, text in zip(self._units(run), run.texts, strict=True):
                lengths.setdefault(unit, []).append(len(text))
        alike: dict[tuple[int, ...], list[int]] = {}
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


def require_room(model: LoadedModel, lengths: Sequence[int], steps: int, setting: str) -> None:
    """Require that a model reads texts of these lengths with so many tokens more.

    Raises:
        BadInputError: A text would be longer than the model reads; `setting` names what says how
            many tokens are generated.
    """
    longest = max(lengths) + steps
    if longest > model.info.n_ctx:
        raise BadInputError(
            f"{setting} {steps} makes texts of {longest:,} tokens and {model.info.name} reads at "
            f"most {model.info.n_ctx:,}: generate fewer."
        )


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


class _Part:
    """The rows of one run that grow together."""

    def __init__(
        self,
        model: LoadedModel,
        run: tuple[int, Run],
        rows: tuple[int, ...],
        growing: Growing,
        grown: Sequence[Grown],
    ) -> None:
        self.number, self.run = run
        self.rows = rows
        self.grown = [grown[row] for row in rows]
        self._growing = growing
        self._ends = frozenset[int]() if growing.ignore_end else ending_tokens(model)
        self._prompts = [self.run.prompts[row] for row in rows]
        self._begin = [self.run.begin[row] if self.run.begin else () for row in rows]
        self._done = [False] * len(rows)
        for one in self.grown:
            one.begin_anew()
        texts = [self.run.texts[row] for row in rows]
        self._decoder = Decoder(
            model,
            texts,
            self.run.changes,
            cached=growing.cached,
            padding=growing.padding,
            rows=rows,
        )

    @property
    def is_done(self) -> bool:
        """Whether all its texts have ended."""
        return all(self._done)

    def grow(self, step: int, draws: Draws) -> None:
        """Make a step: one token more for every row that has not ended."""
        logits = self._decoder.advance(self._growing.check)
        if self._growing.logits is not None:
            self._growing.logits(self.number, self.rows, step, logits)
        total = logits.logsumexp(-1)
        broken = (~total.isfinite()).tolist()
        tokens = self._chosen(logits, step, draws, broken)
        said = logits.gather(-1, tokens[:, None])[:, 0] - total
        best = logits.topk(min(max(2, self._growing.top), logits.shape[-1]), dim=-1)
        values = (best.values - total[:, None]).tolist()
        alike = _constant(logits, best.values)
        step_rows = zip(
            self.grown, tokens.tolist(), said.tolist(), best.indices.tolist(), values, strict=True
        )
        for index, (one, token, logprob, likeliest, theirs) in enumerate(step_rows):
            if step == 0 and self._growing.keep_first:
                one.first = logits[index].cpu().clone()
            if self._done[index]:
                continue
            if broken[index]:
                one.broken, self._done[index] = step, True
                continue
            if alike[index] and one.constant is None:
                one.constant = step
            one.ids.append(token)
            one.logprobs.append(logprob)
            # Ties go to the smaller id, as the token that is taken does.
            best_ids = range(len(likeliest)) if alike[index] else likeliest
            pairs = zip(best_ids, theirs, strict=True)
            one.top.append(list(pairs)[: self._growing.top])
            if token in self._ends and step + 1 >= len(self._begin[index]):
                one.ended = self._done[index] = True
        self._decoder.take(tokens)

    def _chosen(
        self, logits: torch.Tensor, step: int, draws: Draws, broken: Sequence[bool]
    ) -> torch.Tensor:
        sampling = self._growing.sampling
        uniform = draws.at(self._prompts, step) if sampling.temperature else None
        if any(broken):  # whose tokens mean nothing, and must not break the others' draw
            logits = logits.masked_fill(torch.tensor(broken, device=logits.device)[:, None], 0.0)
        tokens = choose(logits, sampling, uniform)
        for index, begin in enumerate(self._begin):
            if step < len(begin):
                tokens[index] = begin[step]
        return tokens


def _constant(logits: torch.Tensor, best: torch.Tensor) -> list[bool]:
    """Return of which rows all logits are equal."""
    if not bool((best[:, 0] == best[:, -1]).any()):
        return [False] * len(logits)
    return (logits.amax(-1) == logits.amin(-1)).tolist()


def _steps(
    parts: Sequence[_Part], growing: Growing, draws: Draws, told: Callable[[int], None]
) -> None:
    for step in range(growing.steps):
        for part in parts:
            if not part.is_done:
                part.grow(step, draws)
        told(step + 1)
        if all(part.is_done for part in parts):
            return
