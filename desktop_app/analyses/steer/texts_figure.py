"""The texts as a figure: what came of it, all that is said however long it is, and the colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QTextDocument
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.steer.scale_bar import ScaleBar
from desktop_app.analyses.steer.step_strips import StepStrips
from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import column_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

    from desktop_app.analyses.steer.said import Continuation, Partings
    from desktop_app.analyses.steer.tints import Tint

_LEAST, _GAP = 480, 6


class TextsFigure(QWidget):
    """A picture for a page, as tall as what it holds; it is drawn without being shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._outcome, self._done = label("", "heading", wrap=True), label("", "muted", wrap=True)
        self.strips, self._scale, self.text = StepStrips(), ScaleBar(), _Written()
        for bar in (
            self.strips.setVerticalScrollBarPolicy,
            self.strips.setHorizontalScrollBarPolicy,
        ):
            bar(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column = column_in(
            self, self._outcome, self._done, self.strips, self._scale, self.text, spacing=_GAP
        )

    def draw_strips(
        self, told: Sequence[Continuation], partings: Partings, tint: Tint, scale: ScaleBar
    ) -> None:
        """Hold the texts token by token, in the colours of a scale."""
        self.strips.show_runs(told, partings, tint)
        self._scale.show_like(scale)
        self._show(strips=True)

    def draw_text(self, document: QTextDocument) -> None:
        """Hold the texts as they are read."""
        self.text.show_document(document)
        self._show(strips=False)

    def fit(self, outcome: str, done: str, width: int) -> None:
        """Be so wide, and as tall as all of it is under these words."""
        self._outcome.setText(outcome)
        self._done.setText(done)
        wide = max(_LEAST, width)
        self.strips.setFixedHeight(self.strips.height_at(wide))
        self._scale.fit(wide)
        self.text.fit(wide)
        self._column.invalidate()
        self.resize(wide, max(1, self._column.totalHeightForWidth(wide)))

    def _show(self, *, strips: bool) -> None:
        self.strips.setVisible(strips)
        self._scale.setVisible(strips)
        self.text.setVisible(not strips)


class _Written(QWidget):
    """A document painted whole."""

    def __init__(self) -> None:
        super().__init__()
        self._document = QTextDocument(self)

    def show_document(self, document: QTextDocument) -> None:
        """Hold a copy of it."""
        self._document = document.clone(self)

    def fit(self, width: int) -> None:
        """Break its lines at a width."""
        self._document.setTextWidth(width)
        self.setFixedHeight(round(self._document.size().height()) + 1)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        self._document.drawContents(QPainter(self))
