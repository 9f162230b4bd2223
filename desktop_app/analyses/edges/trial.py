"""Circuits tried by hand: the set as it stands, what was scored, and what is to be scored next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop_app.analyses.edges import picture as data_of
from desktop_app.analyses.edges.hypothesis import Hypothesis
from desktop_app.analyses.edges.known import is_try, known_of
from desktop_app.analyses.edges.tried import Tries, given_edges, measures_same, read_edges, text_of
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.edges.known import Known
    from desktop_app.analyses.edges.side import CircuitPanel
    from desktop_app.contract.result import Result

CONTROLS = 20
MEASURING = "The edges are still being measured: wait, or stop the run, then try a circuit."
_BEGIN = (
    "Take an edge or a node out of the board, and what is left is scored as a circuit: all other "
    "edges are exchanged. Or choose a circuit by its size in the settings."
)


class Trial(QObject):
    """Knows the circuit on the board, and which result says what it does.

    Attributes:
        measured: The measurement whose effects are drawn; None where only circuits were scored.

    Signals:
        changed: The circuit is another one.
        run_wanted: A circuit as the setting writes it, and how many random ones beside it.
        keep_wanted: A result that has scored the circuit, and the name that it is to have.
    """

    changed = Signal()
    run_wanted = Signal(str, int)
    keep_wanted = Signal(object, str)

    def __init__(self, panel: CircuitPanel, parent: QObject) -> None:
        super().__init__(parent)
        self.measured: Result | None = None
        self._panel = panel
        self._shape, self._tries = Hypothesis(), Tries()
        self._known: Known | None = None
        self._before: tuple[Result | None, Hypothesis] | None = None
        panel.undo_asked.connect(self.step_back)
        panel.redo_asked.connect(self.step_forward)
        panel.reset_asked.connect(self.start_over)
        panel.test_asked.connect(self._on_test)
        panel.save_asked.connect(self._on_save)

    @property
    def inside(self) -> np.ndarray | None:
        """Which edges are in, bool `[edge]`; None: no circuit was begun."""
        return self._shape.inside

    def touched(self) -> list[int]:
        """Return the edges that were taken out or put in by hand."""
        return self._shape.touched()

    # What comes.

    def take(self, result: Result, known: Known) -> bool:
        """Take note of a result; return whether it is a new measurement."""
        self.go_back()
        self._tries.add(result)
        fresh = known.has_effects and not is_try(result)
        if fresh:
            self.measured = result
            self._shape.begin(known.kept)
            self._panel.begin_anew()
        elif self.measured is not None and not measures_same(self.measured, result):
            self.measured = None
            self._shape.begin(None)
        self._tries.keep(result)
        given = given_edges(result, known)
        if is_try(result) and given is not None and not self._tries.is_late(result):
            now = self._shape.inside
            if now is None or not np.array_equal(now, given):
                self._shape.adopt(given)
        return fresh

    def learn(self, tries: Sequence[Result]) -> None:
        """Hear what else was tried; the last measurement among it says how wide edges are."""
        self.go_back()
        for result in tries:
            self._tries.add(result)
            known = known_of(result.data)
            if known is not None and known.has_effects and not is_try(result):
                self.measured = result

    def begin_anew(self) -> None:
        """Lay the circuit and the measurement aside: others are coming."""
        if self._before is None:
            self._before = self.measured, self._shape
        self.measured, self._shape = None, Hypothesis()

    def go_back(self) -> None:
        """Take up what was laid aside: what was coming has come, or has ended."""
        if self._before is not None:
            (self.measured, self._shape), self._before = self._before, None

    def clear(self) -> None:
        """Forget all."""
        self._before, self.measured, self._shape = None, None, Hypothesis()
        self._tries.clear()

    def forget_asked(self) -> None:
        """Wait for no answer any more: the run was stopped or refused."""
        self._tries.settle()

    # What is said.

    def show(self, known: Known, result: Result | None, prompt: int | None) -> None:
        """Say what the circuit does, where it was scored; without a result, that edges are coming.

        Args:
            known: The edges that are drawn.
            result: What is on screen; None while it is being computed.
            prompt: Whose numbers are told; None: of all.
        """
        self._known, shape = known, self._shape
        ways = (shape.can_undo(), shape.can_redo(), shape.is_changed())
        if result is None:
            self._panel.show_state(MEASURING, ways=(False,) * 3, scored=False)
            return
        if shape.inside is None:
            self._panel.show_state(_BEGIN, ways=ways, scored=False)
            return
        count, scored = int(shape.inside.sum()), self._tries.of(shape.inside, known)
        if scored is None:
            words = f"{plural(count, 'edge')}, not scored yet."
            self._panel.show_state(words, ways=ways, scored=False)
            return
        told = [f"{data_of.circuit_sentence(scored, count, prompt)}."]
        far = data_of.faithfulness_of(scored.data, None)
        told.append(data_of.controls_sentence(scored.data, of=far))
        if not shape.is_changed():
            draws = None if self.measured is None else self.measured.params.get("resamples")
            told.append(data_of.stability_sentence(known.data, draws))
        self._panel.show_state(" ".join(filter(None, told)), ways=ways, scored=True)

    # What is done.

    def toggle(self, edges: np.ndarray, shown: np.ndarray) -> None:
        """Take edges out, or put them back, and score what is left; `shown` are on the board."""
        if self._known is not None:
            self._shape.toggle(edges, shown, len(self._known))
            self.score()

    def adopt(self, text: str) -> None:
        """Go on from a circuit that another view gives, beside random ones."""
        given = None if self._known is None else read_edges(text, self._known)
        if given is not None:
            self._shape.adopt(given)
        self._ask(text, CONTROLS)
        self.changed.emit()

    def score(self, controls: int = 0) -> None:
        """Score the circuit as it stands, unless that was done before."""
        self.changed.emit()
        known, inside = self._known, self._shape.inside
        if known is None or inside is None:
            return
        if controls or self._tries.of(inside, known) is None:
            self._ask(text_of(inside, known), controls)
        else:
            self._tries.settle()

    def can_undo(self) -> bool:
        """Return whether there is a step to take back."""
        return self._shape.can_undo()

    def step_back(self) -> None:
        """Go a step back."""
        self._shape.undo()
        self.score()

    def step_forward(self) -> None:
        """Go a step forward."""
        self._shape.redo()
        self.score()

    def start_over(self) -> None:
        """Go back to the circuit that it began with."""
        self._shape.reset()
        self.score()

    def _ask(self, text: str, controls: int) -> None:
        self._tries.ask(text)
        self.run_wanted.emit(text, controls)

    def _on_test(self) -> None:
        self.score(CONTROLS)

    def _on_save(self, name: str) -> None:
        known = self._known
        found = None if known is None else self._tries.of(self._shape.inside, known)
        if found is not None:
            self.keep_wanted.emit(found, name)
