"""The legend of a plot: what its lines and bars are, beneath or above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import FlowLayout, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.widgets.plots.tones import tone_colour, washed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

    from desktop_app.pictures.curves import Key

_WIDE, _NARROW, _HIGH = 20, 12, 14
_GAP = 12
_LINES = {"line", "dashed", "thin"}


class Swatch(QWidget):
    """A small piece of what a legend speaks of."""

    def __init__(self, key: Key, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = key
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(_WIDE if self._key.drawn in _LINES else _NARROW, _HIGH)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colour, drawn = tone_colour(self._key.tone), self._key.drawn
        middle = self.height() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if drawn in {"bar", "pale"}:
            painter.setPen(QPen(colour, 1.2) if drawn == "pale" else Qt.PenStyle.NoPen)
            painter.setBrush(washed(colour) if drawn == "pale" else colour)
            painter.drawRect(QRectF(1.5, middle - 5, 9, 10))
        else:
            pen = QPen(colour, 1.3 if drawn == "thin" else 2.0)
            if drawn == "dashed":
                pen.setDashPattern([3.0, 2.0])
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(1, middle), QPointF(_WIDE - 1, middle))
        painter.end()


class Legend(QWidget):
    """Names beside pieces of what they name, in as many lines as they need; hidden without any."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys: tuple[Key, ...] = ()
        self._entries: list[QWidget] = []
        self._flow = FlowLayout(self, _GAP)
        self.setAccessibleName("Legend")
        self.setVisible(False)

    def show_keys(self, keys: Sequence[Key]) -> None:
        """Show these entries."""
        if tuple(keys) == self._keys:
            return
        self._keys = tuple(keys)
        for entry in self._entries:
            self._flow.removeWidget(entry)
            entry.hide()
            entry.deleteLater()
        self._entries = [self._entry(key) for key in self._keys]
        for entry in self._entries:
            self._flow.addWidget(entry)
        self.setAccessibleDescription(", ".join(self.texts()))
        self.setVisible(bool(self._keys))
        self.updateGeometry()

    def texts(self) -> list[str]:
        """Return what it says."""
        return [key.name for key in self._keys]

    def _entry(self, key: Key) -> QWidget:
        entry = QWidget(self)
        name = PlainLabel(key.name)
        set_role(name, "small")
        row_in(entry, Swatch(key), name, spacing=6)
        return entry
