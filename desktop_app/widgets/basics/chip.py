"""Small rounded notices: what is odd about a prompt or a result, with its repair one click away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QToolTip, QWidget

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import Sign
from desktop_app.widgets.basics.layouts import FlowLayout, row_in
from desktop_app.widgets.basics.theme import colour, set_role, severity_colour
from desktop_app.widgets.basics.words import PlainLabel, plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 26
_WIDEST = 440
_CHIP_GAP = 6
_MOST = 400


@dataclass(frozen=True)
class ChipSpec:
    """What a chip says; `code` names it in the signals, `fix_name` says what a bare sign does.

    Severities are `info`, `warn`, `bad` and `good`.
    """

    code: str
    text: str
    severity: str = "info"
    tooltip: str = ""
    fix_label: str = ""
    fix_name: str = ""


class Chip(QFrame):
    """One notice with the colour of its severity, and a button where there is a fix.

    Signals:
        clicked: The chip itself was clicked, or Enter or Space pressed on it; carries its code.
        fix_clicked: Its fix was chosen; carries its code.
    """

    clicked = Signal(str)
    fix_clicked = Signal(str)

    def __init__(self, spec: ChipSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.code = spec.code
        self._severity = spec.severity
        mark, self._label = Sign(14), PlainLabel()
        mark.set_severity(spec.severity)
        self._label.setFont(ui_font(12, "medium"))
        metrics = QFontMetrics(self._label.font())
        self._label.setText(
            metrics.elidedText(clipped(spec.text, _MOST), Qt.TextElideMode.ElideRight, _WIDEST)
        )
        self._label.setProperty("severity", spec.severity)
        set_role(self._label, "chip")
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._told = spec.tooltip or spec.text
        self.setToolTip(plain_tip(self._told))
        self.setAccessibleName(f"{spec.severity}: {clipped(spec.text)}")
        self.setAccessibleDescription(clipped(spec.tooltip))
        row = row_in(self, mark, self._label, spacing=6, margins=(8, 0, 10, 0))
        if spec.fix_label:
            row.setContentsMargins(8, 0, 3, 0)
            row.addWidget(self._make_fix(spec.fix_label, spec.fix_name))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        tone = severity_colour(self._severity)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour(tone), 1.5) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(colour(f"{tone}_soft"))
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        if inside and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.code)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.clicked.emit(self.code)
        else:
            super().keyPressEvent(event)

    def text(self) -> str:
        """Return what it says, as far as there is room."""
        return self._label.text()

    @Slot()
    def explain(self) -> None:
        """Show the sentence behind it, until the pointer or the focus goes elsewhere."""
        QToolTip.showText(
            self.mapToGlobal(QPoint(8, self.height() - 12)), plain_tip(self._told), self
        )

    def _make_fix(self, text: str, name: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("severity", self._severity)
        set_role(button, "chip")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(plain_tip(name))
        button.setAccessibleName(f"{name or text}: {self.text()}")
        button.clicked.connect(self._on_fix)
        return button

    @Slot()
    def _on_fix(self) -> None:
        self.fix_clicked.emit(self.code)


class ChipRow(QWidget):
    """Chips side by side, over as many lines as they need; no height while there are none.

    Where `lines` says how many they may take, the rest stands behind “and n more”, which a click
    unfolds. Where they explain themselves, a click or Enter shows a chip's sentence, as
    pointing at it does.

    Signals:
        chip_clicked: The code of a chip that was clicked.
        fix_clicked: The code of a chip whose fix was chosen.
    """

    chip_clicked = Signal(str)
    fix_clicked = Signal(str)

    def __init__(
        self, parent: QWidget | None = None, *, lines: int = 0, explains: bool = False
    ) -> None:
        super().__init__(parent)
        self._chips: list[Chip] = []
        self._lines, self._explains = lines, explains
        self._more: Chip | None = None
        self._flow = FlowLayout(self, _CHIP_GAP)
        self.setAccessibleName("Notices")

    def set_chips(self, specs: Sequence[ChipSpec]) -> None:
        """Show these chips instead of those before."""
        self.clear()
        for spec in specs:
            chip = Chip(spec)
            if self._explains:
                chip.clicked.connect(chip.explain)
            chip.clicked.connect(self.chip_clicked)
            chip.fix_clicked.connect(self.fix_clicked)
            self._flow.addWidget(chip)
            self._chips.append(chip)
            chip.show()
        self._fold()
        self.updateGeometry()

    def clear(self) -> None:
        """Take all chips away."""
        for chip in self._chips:
            self._drop(chip)
        self._chips.clear()
        self._set_more([])
        self.updateGeometry()

    def chips(self) -> tuple[Chip, ...]:
        """Return the chips in their order, those that are folded away too."""
        return tuple(self._chips)

    def more_text(self) -> str:
        """Return what stands for the chips that are folded away, or an empty text."""
        return "" if self._more is None else self._more.text()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fold()

    def _fold(self) -> None:
        if not self._lines:
            return
        widths = [chip.sizeHint().width() for chip in self._chips]
        room = self.width()
        count = len(widths)
        if lines_of(widths, room) > self._lines:
            more = Chip(ChipSpec("", f"and {count} more")).sizeHint().width()
            while count > 1 and lines_of([*widths[:count], more], room) > self._lines:
                count -= 1
        for place, chip in enumerate(self._chips):
            chip.setVisible(place < count)
        self._set_more(self._chips[count:])
        self.updateGeometry()

    def _set_more(self, hidden: Sequence[Chip]) -> None:
        if self._more is not None:
            self._drop(self._more)
            self._more = None
        if hidden:
            told = "\n".join(chip.text() for chip in hidden)
            words, tip = f"and {len(hidden)} more", f"{told}\nClick to show them"
            self._more = Chip(ChipSpec("", words, tooltip=tip))
            self._more.clicked.connect(self._on_more_clicked)
            self._flow.addWidget(self._more)
            self._more.show()

    def _drop(self, chip: Chip) -> None:
        self._flow.removeWidget(chip)
        chip.hide()
        chip.deleteLater()

    @Slot()
    def _on_more_clicked(self) -> None:
        self._set_more([])
        for chip in self._chips:
            chip.show()
        self.updateGeometry()


def lines_of(widths: Sequence[int], room: int) -> int:
    """Return how many lines widths take when they wrap like words."""
    lines, x = 1, 0
    for width in widths:
        if x and x + width > room:
            lines, x = lines + 1, 0
        x += width + _CHIP_GAP
    return lines
