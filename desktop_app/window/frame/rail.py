"""The rail at the picture's left: every analysis one click away, in groups, or folded to icons."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from desktop_app.contract.spec import GROUPS
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import bind_icon, icon, icon_of
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from desktop_app.contract.spec import Analysis
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.shelf import ViewShelf

_NAME = Qt.ItemDataRole.UserRole  # empty: the title of a group
_STATE = Qt.ItemDataRole.UserRole + 1
_SHORTCUTS = 9
_ENTRY, _TITLE, _LINE = 32, 30, 13
_WIDE, _FOLDED = 148, 46
_ICON = 18
_DOT = 6
RUNNING, HAS_RESULT = "running", "has a result"
Index = QModelIndex | QPersistentModelIndex


class Rail(QFrame):
    """Lists the analyses; the arrow keys move along, Return opens.

    Attributes:
        is_folded_by_hand: Whether it was folded where there is room for it.
    """

    def __init__(self, views: ViewShelf) -> None:
        super().__init__()
        self._views = views
        self._states: dict[str, str] = {}
        self._is_narrow = False
        self.is_folded_by_hand = False
        set_role(self, "rail")
        self.list = _Entries(self)
        self.list.wanted.connect(views.open)
        self.fold_button = QToolButton()
        self.fold_button.setIconSize(QSize(16, 16))
        self.fold_button.clicked.connect(self.toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(2)
        column.addWidget(self.list, 1)
        column.addWidget(self.fold_button)
        views.lodgers_changed.connect(self._fill)
        views.opened.connect(self._on_opened)
        self._fill()
        self.fold_by_hand(folded=False)

    def action_specs(self) -> list[ActionSpec]:
        """Return an action for each analysis, in the order of their keys, and the folding."""
        tabs = (
            (f"tab_{n}", a.title, 0, partial(self._views.open, n), self._keys(n), icon_of(n))
            for n, a in self._views.analyses().items()
        )
        return in_menu("&View", *tabs, ("fold_rail", "Fold the rail", 10, self.toggle, "Ctrl+B"))

    def names(self) -> list[str]:
        """Return the analyses from above."""
        return [item.data(_NAME) for item in self._items() if item.data(_NAME)]

    def set_state(self, name: str, state: str) -> None:
        """Mark an analysis as running, as one that has a result, or as neither (empty)."""
        self._states[name] = state
        self._describe()

    def is_folded(self) -> bool:
        """Return whether icons alone are shown."""
        return self.width() == _FOLDED

    def set_narrow(self, narrow: bool) -> None:
        """Fold where there is little room, and as the user has it where there is enough."""
        if narrow != self._is_narrow:
            self._is_narrow = narrow
            self._show_fold(folded=narrow or self.is_folded_by_hand)

    def fold_by_hand(self, folded: bool) -> None:
        """Fold or unfold, and keep to it."""
        self.is_folded_by_hand = folded
        self._show_fold(folded=folded or self._is_narrow)

    def toggle(self) -> None:
        """Fold or unfold; in a narrow window for as long as it stays narrow."""
        folded = not self.list.is_folded
        if not self._is_narrow:
            self.is_folded_by_hand = folded
        self._show_fold(folded=folded)

    def _keys(self, name: str) -> str:
        place = list(self._views.analyses()).index(name) + 1
        return f"Ctrl+{place}" if place <= _SHORTCUTS else ""

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(place) for place in range(self.list.count())]

    def _fill(self) -> None:
        self.list.clear()
        analyses = self._views.analyses()
        for group, title in GROUPS.items():
            members = [a for a in analyses.values() if a.group == group]
            if members:
                item = QListWidgetItem(title)
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setData(_NAME, "")
                self.list.addItem(item)
            for analysis in members:
                self.list.addItem(self._entry(analysis))
        self._describe()

    def _entry(self, analysis: Analysis) -> QListWidgetItem:
        item = QListWidgetItem(analysis.title)
        item.setData(_NAME, analysis.name)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        keys = self._keys(analysis.name)
        told = f"{analysis.summary} ({keys})" if keys else analysis.summary
        item.setToolTip(f"{analysis.title}: {told}")
        return item

    def _describe(self) -> None:
        """Tell the delegate, and a screen reader, what each entry is."""
        for item in self._items():
            name = str(item.data(_NAME))
            shown = name == self._views.current
            state = self._states.get(name, "")
            item.setData(_STATE, (shown, state))
            words = [item.text(), "shown" if shown else "", state]
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, words)))

    def _show_fold(self, *, folded: bool) -> None:
        self.list.set_folded(folded)
        self.setFixedWidth(_FOLDED if folded else _WIDE)
        bind_icon(self.fold_button, "chevron-right" if folded else "chevron-left", "text_muted")
        words = "Unfold the rail" if folded else "Fold the rail to icons"
        self.fold_button.setToolTip(f"{words} (Ctrl+B)")
        self.fold_button.setAccessibleName(words)

    def _on_opened(self) -> None:
        self._describe()
        for item in self._items():
            if item.data(_NAME) == self._views.current:
                self.list.setCurrentItem(item)


class _Entries(QListWidget):
    """The list itself: what the keyboard stands on is not yet what is shown.

    Signals:
        wanted: The name of an entry that was clicked, or chosen with Return or the space bar.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.is_folded = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Analyses")
        self.setItemDelegate(_Delegate(self))
        self.setMouseTracking(True)
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.viewport().setAutoFillBackground(False)
        self.itemClicked.connect(self._on_item_clicked)

    def set_folded(self, folded: bool) -> None:
        """Draw icons alone, or icons with their titles."""
        self.is_folded = folded
        self.scheduleDelayedItemsLayout()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space:
                if self.currentItem() is not None:
                    self._on_item_clicked(self.currentItem())
            case Qt.Key.Key_Up:
                self._step(-1)
            case Qt.Key.Key_Down:
                self._step(1)
            case _:
                super().keyPressEvent(event)

    def _step(self, by: int) -> None:
        place = self.currentRow() + by
        while 0 <= place < self.count():
            if self.item(place).data(_NAME):
                self.setCurrentRow(place)
                return
            place += by

    def _on_item_clicked(self, item: QListWidgetItem) -> None:
        if item.data(_NAME):
            self.wanted.emit(item.data(_NAME))


class _Delegate(QStyledItemDelegate):
    """Draws the titles of groups, and entries with an icon, a title and a dot for their state."""

    def __init__(self, entries: _Entries) -> None:
        super().__init__(entries)
        self._entries = entries

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        if index.data(_NAME):
            return QSize(_FOLDED, _ENTRY)
        return QSize(_FOLDED, _LINE if self._entries.is_folded else _TITLE)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if index.data(_NAME):
            self._paint_entry(painter, option, index)
        else:
            self._paint_title(painter, option.rect, str(index.data()), is_first=index.row() == 0)
        painter.restore()

    def _paint_title(self, painter: QPainter, area: QRect, text: str, *, is_first: bool) -> None:
        theme = theme_hub().current
        if not self._entries.is_folded:
            painter.setPen(theme.color("text_muted"))
            painter.setFont(ui_font(11, "semibold"))
            box = area.adjusted(16, 0, -4, -4)
            painter.drawText(box, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, text)
        elif not is_first:
            painter.setPen(theme.color("border"))
            middle = area.center().y()
            painter.drawLine(area.x() + 12, middle, area.right() - 12, middle)

    def _paint_entry(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = theme_hub().current
        shown, state = index.data(_STATE)
        box = option.rect.adjusted(6, 1, -6, -1)
        has_keys = self._entries.hasFocus() and index.row() == self._entries.currentRow()
        painter.setPen(QPen(theme.color("accent"), 1) if has_keys else Qt.PenStyle.NoPen)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        ground = "accent_soft" if shown else "hover" if hovered else "window"
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(box, 6, 6)
        symbol = icon(icon_of(str(index.data(_NAME))), "accent" if shown else "text_muted")
        top = box.center().y() - _ICON // 2 + 1
        symbol.paint(painter, QRect(box.x() + 8, top, _ICON, _ICON))
        if not self._entries.is_folded:
            painter.setPen(theme.color("text"))
            painter.setFont(ui_font(13, "semibold" if shown else "medium"))
            room = box.adjusted(8 + _ICON + 9, 0, -16, 0)
            text = painter.fontMetrics().elidedText(
                str(index.data()), Qt.TextElideMode.ElideRight, room.width()
            )
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        if state:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent" if state == RUNNING else "border_strong"))
            corner = box.y() + 5 if self._entries.is_folded else box.center().y() - _DOT // 2 + 1
            painter.drawEllipse(QRect(box.right() - _DOT - 3, corner, _DOT, _DOT))
