"""Rows of a run that grow together: what each step chooses, what is kept, and where they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.decoding import Changes, Decoder
from desktop_app.methods.continuing import ending_tokens
from desktop_app.methods.sampling import Sampling, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.padding import Padding
    from desktop_app.methods.sampling import Draws


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
        ended: Whether it stopped at an end-of-text token.
        given: The steps whose token it was given and would not have said itself.
        constant: The first step all of whose logits were equal; None: no such step.
        broken: The step at which the logits were no numbers and the row was given up; None: none.
    """

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    ended: bool = False
    given: list[int] = field(default_factory=list)
    constant: int | None = None
    broken: int | None = None

    def begin_anew(self) -> None:
        """Forget everything: the rows are tried again, fewer at once."""
        for name, fresh in vars(Grown()).items():
            setattr(self, name, fresh)


class Part:
    """The rows of one run that grow together.

    Args:
        model: The model.
        run: The run and its number.
        rows: Which of its rows.
        growing: How they grow.
        grown: What all its rows have said; that of these is begun anew.
    """

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
        for index, (one, begin) in enumerate(zip(self.grown, self._begin, strict=True)):
            if step < len(begin):
                if int(tokens[index]) != begin[step]:
                    one.given.append(step)
                tokens[index] = begin[step]
        return tokens


def _constant(logits: torch.Tensor, best: torch.Tensor) -> list[bool]:
    """Return of which rows all logits are equal."""
    if not bool((best[:, 0] == best[:, -1]).any()):
        return [False] * len(logits)
    return (logits.amax(-1) == logits.amin(-1)).tolist()


def take_steps(
    parts: Sequence[Part], growing: Growing, draws: Draws, told: Callable[[int], None]
) -> None:
    """Make all steps of what grows together, until every text has ended.

    Args:
        parts: Run by run the rows.
        growing: How they grow.
        draws: What tokens are drawn with.
        told: Told after each step how many there were.
    """
    for step in range(growing.steps):
        for part in parts:
            if not part.is_done:
                part.grow(step, draws)
        told(step + 1)
        if all(part.is_done for part in parts):
            return
