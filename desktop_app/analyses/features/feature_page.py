"""The page of one feature over the corpus: how often how strongly, examples, the directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.features import charts
from desktop_app.analyses.features.example_list import ExampleList, Group
from desktop_app.analyses.features.feature_figure import FeatureFigure
from desktop_app.analyses.features.found import NONE
from desktop_app.analyses.features.page import FeaturesPage
from desktop_app.analyses.features.strips import Ramp
from desktop_app.analyses.features.words import name_of, space_words
from desktop_app.pictures.ranking import Ranking
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label, panel, scrolled
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.features.found import Examples, Found

TOP, INTERVAL = "top", "interval"
LINE, WINDOW = "line", "window"
WRITE, READ = "write", "read"
_MOST_SHOWN = 200
_MOST_TOKENS = 40_000  # of whole windows: more take too long to be laid out
_LEAST_SHOWN = 3
_MOST_PICTURED, _TOKENS_PICTURED = 40, 4_000  # in whole windows: more make too tall a picture
_ROWS = {WRITE: "Decoder row", READ: "Encoder column"}
_NO_CORPUS = "Name a corpus in the settings to see where in it the feature is active"
_NOT_KEPT = "The corpus was too long to keep every feature's activations: look closer at this one"
_LATER = "Examples stand here when the text has been read"
_NEVER = "It is never active in the corpus"
_NO_LISTS = "Look closer at this feature to see the tokens that it reads and writes"
_SOME = "Look closer at this feature for their logits, what it lowers, and what it reads"
_RULE = (
    "Intervals are equal, from 0 to the largest activation. Of each, as many tokens as the "
    "settings say are drawn by the seed, without replacement."
)


class FeaturePage(FeaturesPage):
    """Histogram and token lists at the left, examples at the right."""

    name, title = "feature", "One feature"

    def __init__(self) -> None:
        super().__init__()
        self._found: Found | None = None
        self._feature = NONE
        self._examples: Examples | None = None
        self._drawn: object = None
        self._figure: FeatureFigure | None = None
        left, right = self._build_left(), self._build_right()
        self._shown = Reflow((left, 5, 320, 420), (right, 6, 390, 300))
        column_in(self, (self._shown, 1))
        self.plot.point_clicked.connect(self._on_interval)
        self.list.row_reached.connect(self._area.ensureWidgetVisible)
        self.which.changed.connect(self._on_which)
        self.context.changed.connect(self._on_context)
        self.side.changed.connect(self._on_side)

    def _build_left(self) -> QWidget:
        self._counts = ElidedLabel("", "heading")
        self.plot = Plot()
        self.plot.setAccessibleName("Tokens in each interval of activation")
        self.plot.setMinimumHeight(104)
        self.side = SegmentedControl([(WRITE, "Writes"), (READ, "Reads")])
        self._space = ElidedLabel("", "small")
        self.tokens = RankingList("Tokens at both ends of the direction")
        self._no_lists = label(_NO_LISTS, "muted", wrap=True)
        above = panel(self._counts, (self.plot, 1), spacing=4)
        line = row_of(self.side, None)
        below = panel(line, self._space, (self.tokens, 1), self._no_lists, spacing=4)
        left = Reflow((above, 2, 190, 150), (below, 3, 260, 150), upright=True)
        left.setMinimumWidth(270)
        return left

    def _build_right(self) -> QWidget:
        self.which = SegmentedControl([(TOP, "Top"), (INTERVAL, "By interval")])
        self.context = SegmentedControl([(LINE, "Line"), (WINDOW, "Window")])
        self.context.set_option_enabled(LINE, True, "As much around each example as fits on a line")
        self.context.set_option_enabled(WINDOW, True, "The whole window that each example is of")
        self.ramp = Ramp()
        self._title = ElidedLabel("", "heading")
        self._rule = label("", "small", wrap=True)
        self._none = label("", "muted", wrap=True)
        self.list = ExampleList()
        self._inside = QWidget()
        column_in(self._inside, self._rule, self.list, None, spacing=8)
        self._area = scrolled(self._inside, "Examples")
        self._area.setMinimumHeight(150)
        line = row_of(self.which, None, self.context)
        head = row_of((self._title, 1), self.ramp)
        right = panel(line, head, self._none, (self._area, 1), spacing=6)
        right.setMinimumWidth(300)
        return right

    @override
    def draw(self, found: Found, feature: int, prompt: int) -> None:
        self._found, self._feature = found, feature
        self._examples = None if feature == NONE else found.examples(feature)
        self._draw_lists()
        self._draw_counts()
        self._draw_examples()

    @override
    def figure(self) -> QWidget:
        found = self._found
        if found is None:
            return self._shown
        if self._figure is None:
            self._figure = FeatureFigure(self)
        made = self._examples
        if not _some(made):
            made = None
        counts = self._counts.full_text() if found.has_corpus else ""
        name = name_of(self._feature)
        histogram = None if made is None else charts.histogram(made)
        self._figure.draw_counts(name, counts, histogram)
        ranking = self.tokens.ranking if not self.tokens.isHidden() else Ranking()
        self._figure.draw_tokens(self._space.full_text(), ranking)
        rule = "" if self._rule.isHidden() else self._rule.text()
        whole = self.context.value() == WINDOW
        fitting = _TOKENS_PICTURED // max(found.window, 1) if whole else _MOST_PICTURED
        groups, title = self._groups(found, made, max(1, min(_MOST_PICTURED, fitting)))
        most = 1.0 if made is None else float(made.edges[-1])
        self._figure.draw_examples(found, self._feature, groups, most, whole=whole)
        self._figure.fit(title, rule if groups else "", self._shown.width())
        return self._figure

    @override
    def read(self) -> dict[str, Any]:
        return {
            "counts": self._counts.full_text(),
            "histogram": self.plot.picture(),
            "interval": self.plot.selected(),
            "scrolled": self._area.verticalScrollBar().value(),
            "side": self.side.value(),
            "space": self._space.full_text(),
            "ends": self.tokens.texts(),
            "which": self.which.value(),
            "title": self._title.full_text(),
            "rule": self._rule.text(),
            "none": self._none.text(),
            "examples": self.list.texts(),
        }

    @override
    def take_choices(self, choices: dict[str, str]) -> None:
        if choices.get("context") in {LINE, WINDOW}:
            self.context.set_value(choices["context"])
            self._draw_examples()

    # Drawing.

    def _draw_counts(self) -> None:
        made = self._examples
        some = _some(made)
        self.plot.setVisible(some)
        self._counts.set_full_text("Tokens by activation" if some else self._missing())
        if made is not None and some:
            self.plot.show_picture(charts.histogram(made))

    def _missing(self) -> str:
        """Return why there are no examples."""
        found = self._found
        if found is None or not found.has_corpus:
            return _NO_CORPUS
        if found.grows:
            return _LATER
        over = found.over(self._feature)
        return _NEVER if over is not None and over.density == 0 else _NOT_KEPT

    def _draw_examples(self) -> None:
        found, made, before = self._found, self._examples, self._drawn
        if found is None:
            return
        some = _some(made)
        for part in (self._title, self._area, self.ramp):
            part.setVisible(some)
        self.which.setEnabled(some)
        self.context.setEnabled(some)
        self._none.setVisible(not some)
        self._none.setText("" if some else self._missing())
        if made is None or not some:
            self.list.show_groups(found, self._feature, (), 1.0)
            return
        most = float(made.edges[-1])
        self.ramp.set_scale((0.0, most))
        own = found.data.get("rule") if self._feature == found.chosen else ""
        top = self.which.value() == TOP
        self._rule.setText(str(own or _RULE))
        self._rule.setVisible(not top)  # of the largest the title says all
        groups, told = self._groups(found, made, _MOST_SHOWN)
        self._title.set_full_text(told)
        self.list.set_whole(self.context.value() == WINDOW)
        self.list.show_groups(found, self._feature, groups, most)
        if before != (self._feature, top):
            self._area.verticalScrollBar().setValue(0)
        self._drawn = (self._feature, top)

    def _groups(self, found: Found, made: Examples | None, most: int) -> tuple[list[Group], str]:
        """Return the examples that are shown, about so many at most, and their title."""
        if made is None:
            return [], ""
        shown = min(most, _most_shown(found.window if self.context.value() == WINDOW else 0))
        if self.which.value() == INTERVAL:
            return _by_interval(made, shown), "Strongest interval first"
        some = f", {shown} shown" if len(made.top) > shown else ""
        return [Group("", made.top[:shown])], f"The {len(made.top):,} largest{some}"

    def _draw_lists(self) -> None:
        found = self._found
        if found is None:
            return
        side = str(self.side.value())
        rows = found.data.get(side) if self._feature == found.chosen else None
        tokens = found.writes(self._feature) if side == WRITE else ()
        known = isinstance(rows, dict)
        self.tokens.setVisible(known or bool(tokens))
        self._space.setVisible(known or bool(tokens))
        self._no_lists.setVisible(not known)
        self._no_lists.setText(_SOME if tokens else _NO_LISTS)
        self._space.set_full_text(
            f"{_ROWS[side]}, unembedded ({space_words(found, writes=side == WRITE)})"
        )
        titles = ("Raises", "Lowers") if side == WRITE else ("Nearest", "Farthest")
        if isinstance(rows, dict):
            self.tokens.set_ranking(charts.directions(rows["top"], rows["bottom"], titles))
        else:
            self.tokens.set_ranking(charts.raised(tokens))

    # Answering.

    def _on_interval(self, interval: int) -> None:
        """Show the examples of the interval whose bar was clicked."""
        made = self._examples
        if made is None or not 0 <= interval < len(made.drawn):
            return
        if self.which.value() != INTERVAL:
            self.which.set_value(INTERVAL)
            self._draw_examples()
        self._inside.adjustSize()
        at = self.list.top_of(len(made.drawn) - 1 - interval)
        self._area.verticalScrollBar().setValue(self.list.y() + at)

    def _on_which(self, _which: object) -> None:
        self._draw_examples()
        if self.which.value() == TOP:
            self.plot.set_selected(None)

    def _on_context(self, context: object) -> None:
        self._draw_examples()
        self.choice_made.emit({"context": str(context)})

    def _on_side(self, _side: object) -> None:
        self._draw_lists()


def _some(made: Examples | None) -> bool:
    return made is not None and bool(np.asarray(made.counts).sum())


def _most_shown(window: int) -> int:
    """Return how many examples are shown in whole windows of so many tokens; 0: a line of each."""
    fitting = _MOST_TOKENS // window if window else _MOST_SHOWN
    return min(_MOST_SHOWN, max(_LEAST_SHOWN, fitting))


def _by_interval(made: Examples, shown: int) -> list[Group]:
    """Return what was drawn of each interval, the strongest first; of very many some of each."""
    most = max(1, shown // max(len(made.drawn), 1))
    groups = []
    for interval in reversed(range(len(made.drawn))):
        rows = made.drawn[interval]
        told = charts.interval_words(made, interval)
        if len(rows) > most:
            told += f", {most} shown"
        groups.append(Group(told, rows[:most]))
    return groups
