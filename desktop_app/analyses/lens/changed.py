"""The changed run: prompts without some of their parts, and with activations put in by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.contract.grammar import resolve_parts
from desktop_app.contract.moves import parse_move
from desktop_app.contract.result import Notice
from desktop_app.engine.interventions import Edit, Replace
from desktop_app.engine.model import site_hook
from desktop_app.engine.sites import require_acting
from desktop_app.methods.removing import Removal, Removals
from desktop_app.methods.watching import capture
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.lens.spec import LensParams
    from desktop_app.contract.moves import HandSite, Move, RunName
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

Runs = dict["RunName", torch.Tensor]
"""Token ids `[N, S]` of the same prompts, by run."""


class ChangedRun:
    """What changes in the second run of each prompt.

    Without moves it is the clean prompt's run; with some, that of `--run`.

    Args:
        model: The model.
        params: The settings.
        prepared: The prompts.
        paired: Whether each prompt has a twin of its length.
        report: Told after every pass over the reference.

    Raises:
        BadInputError: A part, a layer or a place that the model does not have, or moves that fit
            none of the prompts.
    """

    def __init__(
        self,
        model: LoadedModel,
        params: LensParams,
        prepared: Prepared,
        paired: Sequence[bool],
        report: Reporter,
    ) -> None:
        self._model, self._prepared = model, prepared
        self._moves = [parse_move(text) for text in params.moves]
        for move in self._moves:
            _refuse_outside(model, move)
        for site in {move.site for move in self._moves}:
            targets = {move.target[0] for move in self._moves if move.site == site}
            require_acting(model, sorted(targets), site)
        info = model.info
        self._parts = resolve_parts(params.without, info.n_layers, info.n_heads, "--without")
        self.base: RunName = params.run if self._moves else "clean"
        needs_twin = self.base == "corrupt" or any(m.run == "corrupt" for m in self._moves)
        self._furthest = max((max(m.source[1], m.target[1]) for m in self._moves), default=-1)
        self._fits = [
            bool(self._moves or self._parts)
            and (has or not needs_twin)
            and len(encoding) > self._furthest
            for encoding, has in zip(prepared.encodings, paired, strict=True)
        ]
        if self._moves and not any(self._fits):
            self._refuse(needs_twin, paired)
        removal = Removal(self._parts, params.mode, (), self._moves)
        self._removals = Removals(model, params, prepared, removal, report)

    def fits(self, number: int) -> bool:
        """Return whether a prompt has such a run."""
        return self._fits[number]

    def notices(self) -> list[Notice]:
        """Return what must be said of it."""
        if not any(self._fits):
            return []
        texts = self._prepared.encodings if self.base == "clean" else self._prepared.corrupt
        changed = [t.ids for t, fits in zip(texts, self._fits, strict=True) if fits and t]
        left = [str(n + 1) for n, fits in enumerate(self._fits) if not fits]
        told = self._removals.notices(changed)
        if left:
            some = ", ".join(left[:5]) + (" …" if len(left) > 5 else "")
            message = (
                f"Prompt {some} of {len(self._fits)} has no changed run: the moves need a corrupt "
                f"twin of its length, or positions up to {self._furthest}."
            )
            told.append(Notice("moves_not_fitting", message))
        return told

    def edits(self, runs: Runs) -> list[tuple[Edit, ...]]:
        """Return what changes in each of some prompts of one length, those that fit.

        Args:
            runs: Their ids; both where moves ask for both.
        """
        length = runs[self.base].shape[1]
        gone = self._removals.edits(length)
        taken = self._taken(runs)
        # What is put in comes after what is removed: in the same place it stays.
        return [
            (*gone, *(_put(move, taken[move.run, move.site][move.source[0]][row]) for move in
                      self._moves))
            for row in range(len(runs[self.base]))
        ]  # fmt: skip

    def _taken(self, runs: Runs) -> Mapping[tuple[RunName, HandSite], Mapping[int, torch.Tensor]]:
        """Return the activations that moves take, by run and site, and by layer `[N, S, d]`."""
        layers: dict[tuple[RunName, HandSite], set[int]] = {}
        for move in self._moves:
            layers.setdefault((move.run, move.site), set()).add(move.source[0])
        return {
            (run, site): capture(self._model, runs[run], sorted(some), site)
            for (run, site), some in layers.items()
        }

    def _refuse(self, needs_twin: bool, paired: Sequence[bool]) -> None:
        if needs_twin and not any(paired):
            raise BadInputError(
                "The moves need a corrupt twin of the prompt's token length, and no prompt has "
                "one: give --corrupt, or leave --moves out."
            )
        longest = max(len(encoding) for encoding in self._prepared.encodings)
        raise BadInputError(
            f"--moves name position {self._furthest}, and the longest prompt that they fit has "
            f"positions 0 to {longest - 1}: choose others."
        )


def _refuse_outside(model: LoadedModel, move: Move) -> None:
    for layer in (move.source[0], move.target[0]):
        if layer >= model.info.n_layers:
            raise BadInputError(
                f"--moves name layer {layer}: {model.info.name} has layers 0 to "
                f"{model.info.n_layers - 1}."
            )
        if not model.has_hook(site_hook(layer, move.site)):
            raise BadInputError(
                f"{model.info.name} has no {move.site}: choose another site for --moves."
            )


def _put(move: Move, given: torch.Tensor) -> Edit:
    """Return a move as an edit, of the activations `[S, d]` of the run that it takes from."""
    source = move.source[1]
    value = Replace(given[source : source + 1])
    return Edit(move.target[0], move.site, value, None, (move.target[1],))
