"""The rail at the picture's left: every analysis one click away, in groups, or folded to icons."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.spec import GROUPS
from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import bind_icon, icon, icon_of
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.frame.parts import RowDelegate, paint_ground, paint_line

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.contract.spec import Analysis
    from desktop_app.widgets.basics.fonts import Weight
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import ViewShelf
    from desktop_app.window.frame.parts import Index

_NAME = Qt.ItemDataRole.UserRole  # empty: the title of a group
_STATE = Qt.ItemDataRole.UserRole + 1
_SHORTCUTS = 9
_TITLE, _LINE = 30, 13
_WIDE, _FOLDED = 148, 46
_ICON = 18
_DOT = 6
TABS = "analyses"
"""The actions that open analyses, which come and go together."""
RUNNING, HAS_RESULT = "running", "has a result"


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
        parts = ((self.list, 1), self.fold_button)
        filled(QVBoxLayout(self), *parts, margins=(0, 4, 0, 4), spacing=2)
        views.lodgers_changed.connect(self._fill)
        views.opened.connect(self._on_opened)
        self._fill()
        self.fold_by_hand(folded=False)

    def action_specs(self) -> list[ActionSpec]:
        """Return an action for each analysis, and the folding."""
        fold = in_menu("&View", ("fold_rail", "Fold the rail", 10, self.toggle, "Ctrl+B"))
        return [*self.tab_specs(), *fold]

    def tab_specs(self) -> list[ActionSpec]:
        """Return an action for each analysis, in the order of their keys: the family `TABS`."""
        tabs = (
            (f"tab_{n}", a.title, 0, partial(self._views.open, n), self._keys(n), icon_of(n))
            for n, a in self._in_order().items()
        )
        specs = in_menu("&View", *tabs)
        return [replace(spec, submenu="Analyses", family=TABS) for spec in specs]

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
        place = list(self._in_order()).index(name) + 1
        return f"Ctrl+{place}" if place <= _SHORTCUTS else ""

    def _in_order(self) -> dict[str, Analysis]:
        """Return the analyses from above: group by group."""
        analyses = self._views.analyses().items()
        return {n: a for group in GROUPS for n, a in analyses if a.group == group}

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(place) for place in range(self.list.count())]

    def _fill(self) -> None:
        self.list.clear()
        analyses = self._in_order()
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
        item.setToolTip(plain_tip(f"{analysis.title}: {told}"))
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
        self.list.is_folded = folded
        self.list.scheduleDelayedItemsLayout()
        self.setFixedWidth(_FOLDED if folded else _WIDE)
        bind_icon(self.fold_button, "chevron-right" if folded else "chevron-left", "text_muted")
        words = "Unfold the rail" if folded else "Fold the rail to icons"
        self.fold_button.setToolTip(plain_tip(f"{words} (Ctrl+B)"))
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

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space:
                if self.currentItem() is not None:
                    self._on_item_clicked(self.currentItem())
            case _:
                super().keyPressEvent(event)

    def _on_item_clicked(self, item: QListWidgetItem) -> None:
        if item.data(_NAME):
            self.wanted.emit(item.data(_NAME))


class _Delegate(RowDelegate):
    """Draws the titles of groups, and entries with an icon, a title and a dot for their state."""

    def __init__(self, entries: _Entries) -> None:
        super().__init__(entries)
        self._entries = entries

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        title = _LINE if self._entries.is_folded else _TITLE
        return QSize(0, self.height if index.data(_NAME) else title)

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if index.data(_NAME):
            self._paint_entry(painter, option, index)
        elif not self._entries.is_folded:
            foot = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft
            box, text = option.rect.adjusted(16, 0, -4, -4), str(index.data())
            paint_line(painter, box, text, "text_muted", (11, "semibold"), foot)
        elif index.row() > 0:
            painter.setPen(theme_hub().current.color("border"))
            middle = option.rect.center().y()
            painter.drawLine(option.rect.x() + 12, middle, option.rect.right() - 12, middle)

    def _paint_entry(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shown, state = index.data(_STATE)
        box, entries = option.rect.adjusted(6, 1, -6, -1), self._entries
        has_keys = entries.hasFocus() and index.row() == entries.currentRow()
        paint_ground(painter, box, option.state, chosen=shown, ring=has_keys)
        symbol = icon(icon_of(str(index.data(_NAME))), "accent" if shown else "text_muted")
        middle = box.center().y() + 1
        symbol.paint(painter, QRect(box.x() + 8, middle - _ICON // 2, _ICON, _ICON))
        if not entries.is_folded:
            room = box.adjusted(8 + _ICON + 9, 0, -16, 0)
            weight: Weight = "semibold" if shown else "medium"
            paint_line(painter, room, str(index.data()), look=(13, weight))
        if state:
            painter.setPen(Qt.PenStyle.NoPen)
            ink = "accent" if state == RUNNING else "border_strong"
            painter.setBrush(theme_hub().current.color(ink))
            top = box.y() + 5 if entries.is_folded else middle - _DOT // 2
            painter.drawEllipse(QRect(box.right() - _DOT - 3, top, _DOT, _DOT))
