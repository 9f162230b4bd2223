"""One feature as a figure: its histogram, tokens and examples, whole and without controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from desktop_app.analyses.features.example_list import ExampleList
from desktop_app.analyses.features.strips import Ramp
from desktop_app.support.guard import override
from desktop_app.views.frame import label, panel
from desktop_app.widgets.basics.layouts import column_in, row_in, row_of
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QLabel

    from desktop_app.analyses.features.example_list import Group
    from desktop_app.analyses.features.found import Found
    from desktop_app.pictures.curves import Curves
    from desktop_app.pictures.ranking import Ranking

_LEAST, _LEFT, _GAP, _MARGIN = 760, 0.38, 8, 12
_PLOT, _LINES = 200, 10_000


class FeatureFigure(QWidget):
    """A picture for a page, as tall as what it holds; it is drawn without being shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._name, self._counts = label("", "title", wrap=True), label("", "heading", wrap=True)
        self._plot = Plot()
        self._plot.setFixedHeight(_PLOT)
        self._space, self._tokens = label("", "small", wrap=True), RankingList("Tokens")
        self._title, self._rule = label("", "heading"), label("", "small", wrap=True)
        self._ramp, self._list = Ramp(), ExampleList(_LINES)
        self._left = QWidget()
        self._above = panel(self._name, self._counts, self._plot, spacing=4)
        self._below = panel(self._space, self._tokens, spacing=4)
        column_in(self._left, self._above, self._below, None, spacing=_GAP)
        head = row_of((self._title, 1), self._ramp)
        self._right = panel(head, self._rule, self._list, None, spacing=6)
        self._row = row_in(self, self._left, (self._right, 1), spacing=_GAP)

    def draw_counts(self, name: str, counts: str, picture: Curves | None) -> None:
        """Hold the histogram, or the sentence that says why there is none."""
        self._name.setText(name)
        _say(self._counts, counts)
        self._plot.setVisible(picture is not None)
        if picture is not None:
            self._plot.show_picture(picture)

    def draw_tokens(self, space: str, ranking: Ranking) -> None:
        """Hold the tokens of a direction."""
        self._below.setVisible(bool(ranking.rows))
        self._space.setText(space)
        self._tokens.set_ranking(ranking)
        self._tokens.setFixedHeight(self._tokens.full_height())

    def draw_examples(
        self, found: Found, feature: int, groups: Sequence[Group], most: float, *, whole: bool
    ) -> None:
        """Hold examples; `most` is the activation at the end of the tints."""
        self._right.setVisible(bool(groups))
        self._list.set_whole(whole)
        self._list.show_groups(found, feature, groups, most)
        self._ramp.set_scale((0.0, most) if groups else None)

    def fit(self, title: str, rule: str, width: int) -> None:
        """Be so wide, and as tall as all of it is, with these words above the examples."""
        _say(self._title, title)
        _say(self._rule, rule)
        wide = max(_LEAST, width)
        left = wide if self._right.isHidden() else int(_LEFT * wide)
        self._left.setFixedWidth(left)
        self._list.fit(wide - left - _GAP - 2 * _MARGIN - 2)
        # Parts that came or went are not heard of by a layout that is not on screen.
        for part in (self._above, self._below, self._left, self._right):
            if (layout := part.layout()) is not None:
                layout.invalidate()
            part.updateGeometry()
        self._row.invalidate()
        self.resize(
            wide, max(1, self._row.totalHeightForWidth(wide), self._row.minimumSize().height())
        )
        self._row.activate()

    @override
    def hasHeightForWidth(self) -> bool:
        return False  # where it hangs it takes no room


def _say(part: QLabel, text: str) -> None:
    part.setText(text)
    part.setVisible(bool(text))
