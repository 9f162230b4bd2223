"""The parts that are removed together: a list to type, and a chip for each to switch it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from desktop_app.analyses.hand_patch.removed import name_of
from desktop_app.contract.grammar import parse_parts, written_part, written_parts
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.colormaps import colour_at, diverging_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import colour, set_role
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from desktop_app.contract.grammar import Part

_HEIGHT, _GAP, _PAD, _BAR = 26, 6, 10, 3
_LINE = 150
# Chips beyond so many lines scroll.
_LINES = 3
# More chips than these help nobody, and take long to make.
_MOST = 200
_ALL_IN, _ALL_OUT = "All in", "All out"
_TAKE = {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}
_MODES = (("zero", "Zero"), ("mean", "Mean"))


class PartChip(QAbstractButton):
    """One part: in, it is removed from the run; out, it only stands in the set.

    Beneath its name lies a bar as long as what removing it alone changes.

    Signals:
        dropped: Delete was pressed on it, or its cross clicked: it leaves the set.
    """

    dropped = Signal()

    def __init__(self, part: Part, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.part = part
        self._effect, self._share = math.nan, 0.0
        self._cross = icon_button("close", f"Take {name_of(part)} out of the set", "text_muted")
        self._cross.setFixedSize(20, 20)
        self._cross.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._cross.clicked.connect(self.dropped)
        row_in(self, None, self._cross, margins=(0, 0, 3, 0))
        self.setCheckable(True)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_state(self, *, inside: bool, effect: float, largest: float) -> None:
        """Show whether it is in, and what it does alone beside the largest of all."""
        self.setChecked(inside)
        self._effect = effect
        self._share = abs(effect) / largest if largest and math.isfinite(effect) else 0.0
        name = name_of(self.part)
        alone = f"alone {number(effect, sign=True)}" if math.isfinite(effect) else "not run yet"
        state = "removed" if inside else "left as it is"
        self.setText(f"{name} {number(effect, 2, sign=True)}" if math.isfinite(effect) else name)
        self.setAccessibleName(f"{name}, {state}, {alone}")
        self.setToolTip(
            plain_tip(
                f"{name}: {state}; {alone}\nClick or Space: switch it "
                f"{'out' if inside else 'in'}. Delete: out of the set."
            )
        )
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        width = QFontMetrics(ui_font(12, "medium")).horizontalAdvance(self.text())
        return QSize(width + _PAD + 28, _HEIGHT)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _TAKE:
            self.dropped.emit()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect, inside = QRectF(self.rect()).adjusted(1, 1, -1, -1), self.isChecked()
        edge = colour("accent") if self.hasFocus() else colour("border_strong")
        style = Qt.PenStyle.SolidLine if inside else Qt.PenStyle.DashLine
        painter.setPen(QPen(edge, 1.5 if self.hasFocus() else 1.0, style))
        painter.setBrush(colour("accent_soft") if inside else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
        painter.setFont(ui_font(12, "medium"))
        painter.setPen(colour("text" if inside else "text_muted"))
        text = rect.adjusted(_PAD, 0, -20, -_BAR)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._share:
            ink = colour_at(diverging_map(), 0.14 if self._effect < 0 else 0.86)
            ink.setAlphaF(1.0 if inside else 0.4)
            pen = QPen(ink, _BAR)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            start = QPointF(rect.left() + _PAD, rect.bottom() - _BAR)
            reach = max(1.0, self._share * (rect.width() - 2 * _PAD))
            painter.drawLine(start, start + QPointF(reach, 0))


class PartsRow(QWidget):
    """The set: typed as a list, shown as chips, each in or out, what they do beneath.

    Signals:
        list_given: A tuple of parts that is the set from now on, all of them in.
        switched: (parts, whether they are in from now on).
        dropped: A part that leaves the set.
        mode_chosen: `zero` or `mean`.
    """

    list_given = Signal(object)
    switched = Signal(object, bool)
    dropped = Signal(object)
    mode_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setPlaceholderText("5.3, 6.1, m4")
        self.line.setAccessibleName("Heads and MLPs that are removed together")
        self.line.setToolTip("Heads as 5.3 or L5H3, the MLP of layer 4 as m4; Enter removes them")
        self.line.setFixedWidth(_LINE)
        self.mode = SegmentedControl(_MODES)
        self.mode.setToolTip("What removed parts become: zero, or their mean over the prompts")
        self.all = QPushButton(_ALL_IN)
        set_role(self.all, "quiet")
        self.said = label("", "small", wrap=True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._chips: list[PartChip] = []
        self._all: tuple[Part, ...] = ()
        self._room = QWidget()
        self._flow = FlowLayout(self._room, _GAP)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._room)
        self._area.setAccessibleName("Picked heads and MLPs, each in or out")
        for part in (self._area.viewport(), self._room):
            part.setAutoFillBackground(False)
        top = QWidget()
        flow = FlowLayout(top, _GAP)
        named = label("Without", "small")
        named.setFixedHeight(self.line.sizeHint().height())
        for part in (named, self.line, self.mode, self.all):
            flow.addWidget(part)
        column_in(self, top, self._area, self.said, spacing=4)
        self.line.returnPressed.connect(self._on_list_given)
        self.line.textEdited.connect(self._on_edited)
        self.all.clicked.connect(self._on_all_clicked)
        self.mode.changed.connect(self.mode_chosen)
        self.show_parts((), (), {}, "")

    def show_parts(
        self,
        parts: Sequence[Part],
        inside: Collection[Part],
        effects: Mapping[Part, float],
        said: str,
    ) -> None:
        """Show the set, which parts of it are in, what each does alone, and what all do."""
        shown = tuple(parts)[:_MOST]
        if tuple(chip.part for chip in self._chips) != shown:
            self._remake(shown)
        more = len(parts) - len(shown)
        told = f"and {more:,} more, which the list alone holds" if more else ""
        said = " · ".join(filter(None, (said, told)))
        self._all = tuple(parts)
        largest = max((abs(e) for e in effects.values() if math.isfinite(e)), default=0.0)
        for chip in self._chips:
            effect = effects.get(chip.part, math.nan)
            chip.show_state(inside=chip.part in inside, effect=effect, largest=largest)
        self.said.setText(said)
        self.said.setVisible(bool(said))
        if not self.line.hasFocus() or not self.line.isModified():
            self.line.setText(written_parts(parts).replace(",", ", "))
        self.all.setText(_ALL_OUT if parts and len(inside) == len(parts) else _ALL_IN)
        self.all.setEnabled(bool(parts))
        self.all.setAccessibleName(f"{self.all.text()}: all parts of the set")
        self._arrange()

    def chips(self) -> tuple[PartChip, ...]:
        """Return the chips in their order."""
        return tuple(self._chips)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "parts": [chip.text() for chip in self._chips],
            "removed": [written_part(chip.part) for chip in self._chips if chip.isChecked()],
            "together": self.said.text(),
            "list": self.line.text(),
            "mode": self.mode.value(),
        }

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _remake(self, parts: Sequence[Part]) -> None:
        focused = next((i for i, chip in enumerate(self._chips) if chip.hasFocus()), None)
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = [PartChip(part) for part in parts]
        for chip in self._chips:
            chip.clicked.connect(self._on_chip_clicked)
            chip.dropped.connect(self._on_chip_dropped)
            self._flow.addWidget(chip)
            chip.show()
        if focused is not None and self._chips:  # the keyboard stays where it was
            self._chips[min(focused, len(self._chips) - 1)].setFocus()

    def _arrange(self) -> None:
        """Give the chips the lines that they need, up to a few."""
        wanted = self._flow.heightForWidth(max(self._area.width(), 1)) if self._chips else 0
        most = _LINES * (_HEIGHT + _GAP) - _GAP
        self._area.setFixedHeight(min(wanted, most))
        self._area.setVisible(bool(self._chips))

    def _on_edited(self, _text: str) -> None:
        self.said.setText("Enter removes these together.")
        self.said.setVisible(True)

    def _on_list_given(self) -> None:
        try:
            parts = parse_parts(self.line.text())
        except ValueError as error:
            self.said.setText(str(error))
            self.said.setVisible(True)
            return
        self.line.setModified(False)
        self.list_given.emit(parts)

    def _on_all_clicked(self) -> None:
        self.switched.emit(self._all, self.all.text() == _ALL_IN)

    def _on_chip_clicked(self, checked: bool) -> None:
        chip = self.sender()
        if isinstance(chip, PartChip):
            self.switched.emit((chip.part,), checked)

    def _on_chip_dropped(self) -> None:
        chip = self.sender()
        if isinstance(chip, PartChip):
            self.dropped.emit(chip.part)
