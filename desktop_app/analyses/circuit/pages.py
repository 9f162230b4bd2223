"""The pages beside the map of a circuit: its parts, texts, and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.circuit import plots, tables
from desktop_app.analyses.circuit.names import name_of
from desktop_app.analyses.circuit.outcome import costs
from desktop_app.analyses.circuit.picture import evidence
from desktop_app.analyses.circuit.texts import TextPair, texts_of
from desktop_app.pictures.certain_lists import with_columns
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.words import plural
from desktop_app.views.certainty import CertaintyChoice, why_not
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result

_LEAST_PLOT = 130
_MINUS = "What the circuit loses without each of its parts: one pass."
_TEXTS = "What the model goes on to say without the parts outside, beside what it says untouched."
_CHECKS = (
    "Complete: without any set of parts, circuit and model do alike. Minimal: every part makes a "
    "difference somewhere."
)


class Offer(QWidget):
    """What a page would show, and the button that has it computed.

    Signals:
        wanted: The button was clicked.
    """

    wanted = Signal()

    def __init__(self, words: str, button: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton(button)
        bind_icon(self.button, icon)
        left = (self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column_in(self, label(words, "muted", wrap=True), left, spacing=8)
        self.button.clicked.connect(self.wanted)


class PartsPage(QWidget):
    """The kept parts, the one that the circuit needs most first; or what was removed.

    Signals:
        wanted: `minus` is to be computed.
        part_chosen, part_activated: A part.
    """

    wanted = Signal(str)
    part_chosen = Signal(object)
    part_activated = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.which = SegmentedControl([("kept", "Kept"), ("removed", "Removed")])
        self.which.setAccessibleName("Parts in the list")
        self._note = label("", "small")
        self.list = RankingList("Parts by what the circuit loses")
        self._sentence = label("", "muted", wrap=True)
        self.attention = QPushButton("Attention")
        self.attention.setToolTip("Show where this head looks (double-click in the map)")
        set_role(self.attention, "quiet")
        bind_icon(self.attention, "eye")
        self._offer = Offer(_MINUS, "Minus one", "run")
        self._result: Result | None = None
        self._role: Callable[[Part], str] = lambda _part: ""
        self._chosen = 0
        self._certainty = CertaintyChoice()
        top = row_in(None, self.which, (self._note, 1))
        foot = row_in(None, (self._sentence, 1), (self.attention, 0, Qt.AlignmentFlag.AlignTop))
        column_in(self, top, self._certainty, (self.list, 1), self._offer, foot, spacing=8)
        self.which.changed.connect(self._on_which)
        self._certainty.changed.connect(self._fill)
        self.list.row_selected.connect(self.part_chosen)
        self.list.row_activated.connect(self.part_activated)
        self.attention.clicked.connect(self._on_attention)
        self._offer.wanted.connect(self._on_wanted)
        self._part: Part | None = None
        self.show_part(None, "")

    def show_result(self, result: Result, role: Callable[[Part], str], prompt: int) -> None:
        """List the parts of a result; `role` says of a part what it is known for."""
        self._result, self._role, self._chosen = result, role, prompt
        self._fill()

    def show_so_far(self, data: Mapping[str, Any]) -> None:
        """Say how many parts are left of a pruning that goes on."""
        self._result = None  # the list that there was is not of it
        self._offer.setVisible(False)
        self._certainty.offer(())
        kept = len(data.get("kept", ()))
        self._note.setText(f"{plural(kept, 'part')} left so far")
        self.list.set_empty_text("The ranking follows with the result.")
        self.list.set_ranking(Ranking())

    def show_part(self, part: Part | None, sentence: str) -> None:
        """Say what the chosen part is to the circuit."""
        self._part = part
        self._sentence.setText(sentence or "Point at a part, or choose one, for its numbers.")
        self.attention.setVisible(part is not None and part[1] is not None)
        self.list.select_key(part)

    def set_marked(self, parts: frozenset[Part]) -> None:
        """Mark the picked parts."""
        self.list.set_marked(parts)

    def read(self) -> dict[str, Any]:
        """Return what is listed."""
        return {
            "which": self.which.value(),
            "parts": self.list.texts(),
            "part_note": self._note.text(),
            "sentence": self._sentence.text(),
            "chosen": self.list.selected_key(),
            "minus_offered": not self._offer.isHidden(),
            "certainty": self._certainty.read_out(),
        }

    def _fill(self) -> None:
        result = self._result
        if result is None:
            return
        removed = self.which.value() == "removed"
        known = bool(costs(result.data))
        self._offer.setVisible(not removed and not known and bool(len(result.data.get("kept", ()))))
        make = tables.removed_ranking
        ranking = (
            make(result) if removed else tables.parts_ranking(result, self._role, self._chosen)
        )
        empty = "Nothing was removed." if removed else "Nothing is kept."
        self.list.set_empty_text(empty)
        cells = () if removed else evidence(result)
        why = why_not(result, None) if known and not removed else ""
        self._certainty.offer(cells, why="" if cells else why)
        self.list.set_ranking(with_columns(ranking, cells, self._certainty.level()))
        self._note.setText(plural(len(ranking.rows), "part"))

    def _on_which(self, _which: object) -> None:
        self._fill()

    def _on_wanted(self) -> None:
        self.wanted.emit("minus")

    def _on_attention(self) -> None:
        if self._part is not None:
            self.part_activated.emit(self._part)


class TextsPage(QWidget):
    """What a prompt goes on with, untouched and under the circuit.

    Signals:
        wanted: `generate` is to be computed.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pair = TextPair()
        self._offer = Offer(_TEXTS, "Generate 20 tokens", "run")
        column_in(self, self._pair, self._offer, None, spacing=8)
        self._offer.wanted.connect(self._on_wanted)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show the texts of a prompt."""
        found = texts_of(result, prompt)
        self._pair.setVisible(found is not None)
        self._offer.setVisible(found is None)
        if found is not None:
            self._pair.show_texts(found)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {"texts": self._pair.read() if not self._pair.isHidden() else {}}

    def _on_wanted(self) -> None:
        self.wanted.emit("generate")


class ChecksPage(QWidget):
    """Whether the circuit is complete, and whether each part is needed.

    Signals:
        wanted: `check` is to be computed.
        part_chosen: A part of the table.
    """

    wanted = Signal(str)
    part_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = Plot()
        self.plot.setAccessibleName("Completeness: model and circuit without sets of parts")
        self.plot.setMinimumHeight(_LEAST_PLOT)
        self._words = label("", "small", wrap=True)
        self.table = RankingList("Minimality of the parts")
        self._offer = Offer(_CHECKS, "Check with 20 random sets", "run")
        column_in(self, self._words, (self.plot, 2), (self.table, 3), self._offer, None, spacing=8)
        self.table.row_selected.connect(self.part_chosen)
        self._offer.wanted.connect(self._on_wanted)

    def show_result(self, result: Result) -> None:
        """Show the tests that there are, or offer them."""
        scatter, rows = plots.complete_scatter(result), tables.minimal_rows(result)
        self.plot.setVisible(scatter is not None)
        self.table.setVisible(bool(rows.rows))
        self._words.setVisible(scatter is not None or bool(rows.rows))
        self._offer.setVisible(scatter is None and not rows.rows)
        told = [plots.complete_sentence(result)]
        if scatter is not None:
            self.plot.show_picture(scatter)
        if rows.rows:
            self.table.set_ranking(rows)
            least = rows.rows[-1]
            told.append(
                f"The part that matters least anywhere: {name_of(least.key)}, "
                f"{rows.text(len(rows.rows) - 1, 2)}."
            )
        self._words.setText(" ".join(filter(None, told)))

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        picture = None if self.plot.isHidden() else self.plot.picture()
        return {
            "complete": [] if picture is None else picture.points()[1].tolist(),
            "checks": self._words.text() if not self._words.isHidden() else "",
            "minimal": [] if self.table.isHidden() else self.table.texts(),
        }

    def _on_wanted(self) -> None:
        self.wanted.emit("check")
