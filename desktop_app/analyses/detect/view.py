"""The head detectors' view: linked maps of all scores, the chosen head, and the circuit card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.detect import picture as data_of
from desktop_app.analyses.detect.card import CircuitCard
from desktop_app.analyses.detect.maps import ScoreMaps
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import label, panel, scrolled
from desktop_app.views.on_text import on_text, on_text_button
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from desktop_app.analyses.detect.picture import Cell
    from desktop_app.contract.result import Result


# Room that the lists beside a pattern take.
_LISTS = 240


class HeadPattern(QWidget):
    """A head's attention on the first sequence with the stripe of the chosen score over it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = label("", "heading")
        self._sentence = label("", "small", wrap=True)
        self._pattern = PatternView()
        self._pattern.set_side_visible(False)
        self._pattern.setMinimumSize(220, 200)
        self._pattern.installEventFilter(self)
        self.button = QPushButton("Keep patterns and run")
        self.button.setToolTip("Run the detectors again and keep every head's attention")
        bind_icon(self.button, "refresh")
        self._spring = QWidget()
        button = (self.button, 0, Qt.AlignmentFlag.AlignLeft)
        shown = (self._pattern, 1), button, (self._spring, 1)
        column_in(self, self._title, self._sentence, *shown, spacing=6)

    def show_head(self, result: Result, place: Cell, name: str) -> None:
        """Show the head at (row, column), or offer to keep its pattern."""
        data = result.data
        score = data_of.score_text(data, name, *place)
        self._title.setText(f"{data_of.head_name(data, *place)} · {data_of.TITLES[name]} {score}")
        kept = data_of.head_pattern(result, place)
        self._pattern.setVisible(kept is not None)
        for widget in (self.button, self._spring):
            widget.setVisible(kept is None)
        if kept is None:
            self._sentence.setText("This run kept no patterns: only the scores were summed up.")
            return
        cells = [c for c in data_of.stripe_cells(result, name) if max(c) < len(kept[1])]
        where = "the outlined stripe" if cells else "no stripe: this score is not read off patterns"
        self._sentence.setText(f"First sequence; {data_of.meaning(name).lower()}: {where}.")
        self._pattern.show_pattern(*kept)
        self._pattern.canvas.set_stripe(data_of.runs(cells))

    def show_nothing(self) -> None:
        """Show no head while other scores come in."""
        self._title.setText("")
        self._sentence.setText("Patterns follow with the result.")
        for widget in (self._pattern, self.button):
            widget.setVisible(False)
        self._spring.setVisible(True)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Show the lists beside the pattern where a square leaves room for them.
        if watched is self._pattern and event.type() == QEvent.Type.Resize:
            room = self._pattern.size()
            self._pattern.set_side_visible(room.width() > room.height() + _LISTS)
        return super().eventFilter(watched, event)


class DetectSide(QWidget):
    """Best heads, pattern and summary; one of them at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "heading")
        self._meaning = label("", "small", wrap=True)
        self.table = RankingList("Best heads of the chosen score", sortable=True)
        self.families = label("", "small", wrap=True)
        self.pattern = HeadPattern()
        self.headline = label("", "title", wrap=True)
        self.summary = label("", "body", wrap=True)
        top, found = QWidget(), QWidget()
        column_in(top, self.title, self._meaning, (self.table, 1), self.families, spacing=4)
        told = column_in(found, self.headline, self.summary, None, spacing=12)
        told.setContentsMargins(0, 4, 4, 0)
        for text in (self.headline, self.summary):
            text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pages = Pages(
            ("top", "Top heads", top),
            ("pattern", "Pattern", self.pattern),
            ("summary", "Summary", scrolled(found, "What was found")),
        )
        column_in(self, self.pages)
        self.setMinimumWidth(280)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "side": self.pages.page(),
            "score": self.title.text(),
            "listed": self.table.selected_key(),
            "headline": self.headline.text(),
            "summary": self.summary.text(),
        }

    def show_score(self, data: Mapping[str, Any], name: str) -> None:
        """List the best heads of a score."""
        self.title.setText(data_of.TITLES[name])
        self._meaning.setText(f"{data_of.meaning(name)}.")
        told = data_of.headline(data, name)
        self.headline.setText(told)
        self.headline.setVisible(bool(told))
        self.table.set_ranking(data_of.top_heads(data, name))

    def show_so_far(self, data: Mapping[str, Any], name: str) -> None:
        """List the best heads of a run that goes on; of a result before it nothing stays."""
        self.show_score(data, name)
        for text in (self.headline, self.summary, self.families):
            text.setText("")
            text.setVisible(text is self.summary)
        self.pattern.show_nothing()

    def show_head(self, result: Result, place: Cell | None, name: str) -> None:
        """Show the chosen head: its pattern, and its families where the score has them."""
        if place is None:
            return
        self.table.select_key(place)
        told = data_of.family_sentence(result.data, name, *place)
        self.families.setText(told)
        self.families.setVisible(bool(told))
        self.pattern.show_head(result, place, name)

    def show_summary(self, result: Result) -> None:
        """Say what was found."""
        self.summary.setText("\n\n".join(result.data.get("summary", ())))

    def best(self, data: Mapping[str, Any], name: str) -> Cell | None:
        """Return the place of the best head of a score."""
        rows = data_of.top_heads(data, name).rows if name in data_of.score_names(data) else ()
        best: Cell | None = rows[0].key if rows else None
        return best


_SO_FAR = "Means over the seeds done so far"
_HINT = (
    "Rows are layers, columns heads. Point at a head for its scores; click selects it, "
    "Shift+click picks several."
)


class DetectView(AnalysisView):
    """Small maps at the left, the best heads or the pattern at the right; or the circuit card."""

    picks = True
    EMPTY = (
        "What does each head do?",
        "Run the detectors on random tokens twice over; no prompt is needed.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        """Build the picture."""
        self._score, self._ending = "induction", ""
        self._so_far: Mapping[str, Any] = {}
        self._read_out = label(_HINT, "small", wrap=True)
        self._maps, self._side, self._card = ScoreMaps(), DetectSide(), CircuitCard()
        self._on_text = on_text_button()
        left = panel((self._maps, 1), row_of((self._read_out, 1), self._on_text), margins=10)
        right = panel(self._side, margins=10)
        split = Reflow((left, 3, 640, 320), (right, 2, 400, 300))
        self.pages = Pages(("heads", "All heads", split), ("card", "Circuit card", self._card))
        column_in(content, (self.pages, 1))
        self._connect_picture()

    def _connect_picture(self) -> None:
        self._maps.score_chosen.connect(self.show_score)
        self._maps.head_clicked.connect(self._on_head_clicked)
        self._maps.head_activated.connect(self._on_head_activated)
        self._maps.head_hovered.connect(self._on_head_hovered)
        self._maps.heads_picked.connect(self._on_heads_picked)
        self._side.table.rows_picked.connect(self._on_rows_picked)
        self._side.table.row_selected.connect(self._on_head_clicked)
        self._side.table.row_activated.connect(self._on_head_activated)
        self._side.pattern.button.clicked.connect(self._on_patterns_wanted)
        self._on_text.clicked.connect(self._on_text_clicked)
        self._card.empty.action_clicked.connect(self._on_card_wanted)
        self._card.attention_wanted.connect(self.open_attention)
        self.selection.head_changed.connect(self._on_head_changed)
        self.selection.picked_changed.connect(self._on_picked)

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        """Draw a new result; one with a card opens on the card."""
        self.pages.turn_to("card" if "card" in result.data else "heads")
        asked = self._ending in data_of.score_names(result.data)
        if asked:
            self._score, self._ending = self._ending, ""
            if "card" not in result.data:
                self._side.pages.turn_to("summary")
        self.draw_result(result)
        if asked:
            self._select_winner(result)

    @override
    def draw_result(self, result: Result) -> None:
        self._maps.show_data(result.data)
        self._on_picked()
        self._side.show_summary(result)
        self._card.show_result(result)
        names = data_of.score_names(result.data)
        self.show_score(self._score if self._score in names else names[0])

    @override
    def draw_prompt(self, _result: Result) -> None:
        """Do nothing: no picture of these follows the selected prompt."""

    def _select_winner(self, result: Result) -> None:
        """Select the head that answers the question: that of the card, else the best."""
        pair = self._card.pair
        best = self._side.best(result.data, self._score)
        head = pair[1] if pair is not None else None if best is None else self._numbers(best)
        if head is not None:
            self.selection.select_head(*head)

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the fields known so far; return whether there was something to draw."""
        names = data_of.score_names(data)
        if not names:
            return False
        self._is_partial, self._so_far = True, data
        self._maps.show_data(data)
        self._maps.set_selected(None)
        self._card.show_nothing()
        self.show_score(self._score if self._score in names else names[0])
        self._read_out.setText(_SO_FAR)
        return True

    @override
    def expect_preset(self, topic: str) -> None:
        """Let the next result open on the answer about this score, its winner selected."""
        self._ending = topic

    def show_score(self, name: str) -> None:
        """Choose a score: its list, and its stripe over the pattern."""
        self._score = name
        result, so_far = self._result, self._told() if self._is_partial else None
        if so_far is not None and name in so_far:
            self._maps.set_score(name)
            self._side.show_so_far(so_far, name)
            return
        if result is None or name not in data_of.score_names(result.data):
            return
        self._maps.set_score(name)
        self._side.show_score(result.data, name)
        self._draw_head(result)
        self._side.table.scrollToTop()  # a new list begins with its best, whatever is selected

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: the maps, or the card."""
        return self._card if self.pages.page() == "card" else self._maps

    def _place(self) -> Cell | None:
        if self._result is None:
            return None
        return data_of.find_head(self._result.data, self.selection.layer, self.selection.head)

    def _told(self) -> Mapping[str, Any] | None:
        """Return what the maps show: a result's fields, or those of a run that goes on."""
        if self._is_partial:
            return self._so_far
        return None if self._result is None else self._result.data

    def _draw_head(self, result: Result) -> None:
        place = self._place()
        self._maps.set_selected(place)
        self._say(result.data, place)
        shown = place if place is not None else self._side.best(result.data, self._score)
        self._side.show_head(result, shown, self._score)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "page": self.pages.page(),
            "scores": self._maps.map_names(),
            "selected": self._place(),
            "marked": sorted(self._maps.picked()),
            "told": self._read_out.text(),
            **self._side.read(),
        }

    # Answering.

    def _on_head_changed(self, _head: object) -> None:
        if self._result is not None and not self._busy and not self._is_partial:
            self._draw_head(self._result)

    def _numbers(self, place: Cell) -> tuple[int, int] | None:
        data = self._told()
        if data is None:
            return None
        return data_of.layer_numbers(data, place[0] + 1)[place[0]], place[1]

    def _on_head_clicked(self, place: Cell) -> None:
        head = self._numbers(place)
        if head is not None:
            self.selection.select_head(*head)

    def _on_picked(self, _picked: object = None) -> None:
        data = None if self._result is None else self._result.data
        found = [] if data is None else [data_of.find_head(data, *p) for p in self.selection.picked]
        places = [place for place in found if place is not None]
        self._maps.set_picked(places)
        self._side.table.set_marked(places)

    def _on_heads_picked(self, places: tuple[Cell, ...]) -> None:
        self.selection.toggle_picked(self._heads(places))

    def _on_rows_picked(self, chosen: tuple[Cell, ...], let_go: tuple[Cell, ...]) -> None:
        self.selection.pick_rows(self._heads(chosen), self._heads(let_go))

    def _heads(self, places: Iterable[Cell]) -> list[tuple[int, int]]:
        return [head for place in places if (head := self._numbers(place)) is not None]

    def _on_head_activated(self, place: Cell) -> None:
        head = self._numbers(place)
        if head is not None:
            self.open_attention(*head)

    def _on_text_clicked(self) -> None:
        data = self._told()
        place = self._place() or (None if data is None else self._side.best(data, self._score))
        head = None if place is None else self._numbers(place)
        if head is not None:
            self.selection.select_head(*head)
            self.intent_raised.emit(on_text(*head))

    def _on_head_hovered(self, place: Cell | None) -> None:
        data = self._told()
        if data is not None:
            here = self._place() if place is None and not self._is_partial else place
            self._say(data, here)

    def _say(self, data: Mapping[str, Any], place: Cell | None) -> None:
        nothing = _SO_FAR if self._is_partial else _HINT
        self._read_out.setText(nothing if place is None else data_of.head_sentence(data, *place))

    def _on_patterns_wanted(self) -> None:
        self.run_with(keep_patterns=True)

    def _on_card_wanted(self) -> None:
        self.run_with(card="auto", on="random")


VIEW = DetectView
