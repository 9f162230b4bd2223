"""Small rounded notices: what is odd about a prompt or a result, with its repair one click away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from desktop_app.widgets.flow_layout import FlowLayout
from desktop_app.widgets.fonts import ui_font
from desktop_app.widgets.icons import icon
from desktop_app.widgets.theme import set_role, theme_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

Severity = str  # one of the keys of SEVERITY_ICONS

SEVERITY_ICONS: dict[str, str] = {
    "info": "info",
    "warn": "warning",
    "bad": "error",
    "good": "check",
}
_HEIGHT = 26
_WIDEST = 440


@dataclass(frozen=True)
class ChipSpec:
    """What a chip says; `code` names it in the signals."""

    code: str
    text: str
    severity: Severity = "info"
    tooltip: str = ""
    fix_label: str = ""


class Chip(QFrame):
    """One notice with the colour of its severity, and a button where there is a fix.

    Signals:
        clicked: The chip itself was clicked, or Enter or Space pressed on it; carries its code.
        fix_clicked: Its fix was chosen; carries its code.
    """

    clicked = Signal(str)
    fix_clicked = Signal(str)

    def __init__(
        self,
        text: str,
        severity: Severity = "info",
        *,
        code: str = "",
        tooltip: str = "",
        fix_label: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.code = code
        self._severity = severity
        self._mark, self._label = QLabel(), QLabel()
        self._label.setFont(ui_font(12, "medium"))
        self._set_text(text)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(tooltip or text)
        self.setAccessibleName(f"{severity}: {text}")
        self.setAccessibleDescription(tooltip)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 10, 0)
        row.setSpacing(6)
        row.addWidget(self._mark)
        row.addWidget(self._label)
        if fix_label:
            self._add_fix(row, fix_label)
        self._restyle()
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        ink, soft = theme_hub().current.severity(self._severity)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(ink, 1.5) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(soft)
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Answer a click."""
        inside = self.rect().contains(event.position().toPoint())
        if inside and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.code)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer a key."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.clicked.emit(self.code)
        else:
            super().keyPressEvent(event)

    def _set_text(self, text: str) -> None:
        metrics = QFontMetrics(self._label.font())
        self._label.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, _WIDEST))

    def _add_fix(self, row: QHBoxLayout, text: str) -> None:
        button = QPushButton(text)
        set_role(button, "chip")
        button.setProperty("severity", self._severity)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setAccessibleName(f"{text}: {self._label.text()}")
        button.clicked.connect(self._on_fix)
        row.setContentsMargins(8, 0, 3, 0)
        row.addWidget(button)

    def _restyle(self) -> None:
        ink, _soft = theme_hub().current.severity(self._severity)
        mark = icon(SEVERITY_ICONS[self._severity], ink.name())
        self._mark.setPixmap(mark.pixmap(QSize(14, 14), self.devicePixelRatioF()))
        self._label.setStyleSheet(f"color: {ink.name()}; font-size: 12px; font-weight: 500;")
        self.update()

    @Slot()
    def _on_fix(self) -> None:
        self.fix_clicked.emit(self.code)

    @Slot(object)
    def _on_theme_changed(self, _theme: object) -> None:
        self._restyle()


class ChipRow(QWidget):
    """Chips side by side, over as many lines as they need; no height while there are none.

    Signals:
        chip_clicked: The code of a chip that was clicked.
        fix_clicked: The code of a chip whose fix was chosen.
    """

    chip_clicked = Signal(str)
    fix_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: list[Chip] = []
        self._flow = FlowLayout(self, 6)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Notices")

    def set_chips(self, specs: Sequence[ChipSpec]) -> None:
        """Show these chips instead of those before."""
        self.clear()
        for spec in specs:
            chip = Chip(
                spec.text,
                spec.severity,
                code=spec.code,
                tooltip=spec.tooltip,
                fix_label=spec.fix_label,
            )
            chip.clicked.connect(self.chip_clicked)
            chip.fix_clicked.connect(self.fix_clicked)
            self._flow.addWidget(chip)
            self._chips.append(chip)
            chip.show()
        self.updateGeometry()

    def clear(self) -> None:
        """Take all chips away."""
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips.clear()
        self.updateGeometry()

    def chips(self) -> tuple[Chip, ...]:
        """Return the chips in their order."""
        return tuple(self._chips)
