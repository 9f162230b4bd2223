"""The tabs of the analyses: all of them in reach however narrow the window is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QIcon, QResizeEvent
from PySide6.QtWidgets import QMenu, QTabWidget, QToolButton, QWidget

from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.icons import bind_icon, icon
from desktop_app.widgets.basics.theme import repolish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.views.base import AnalysisView


class AnalysisTabs(QTabWidget):
    """One tab per analysis. Where they do not fit, first the icons go, then a menu lists them."""

    def __init__(self, views: Mapping[str, AnalysisView], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = tuple(views)
        self._needed: dict[bool, int] = {}
        self._is_dense = False
        self.setDocumentMode(True)
        self.setMovable(False)
        self.setIconSize(QSize(16, 16))
        self.tabBar().setAccessibleName("Analyses")
        self.tabBar().setElideMode(Qt.TextElideMode.ElideNone)
        self.more_button = QToolButton()
        self.menu = QMenu(self.more_button)
        self._choices = QActionGroup(self)
        for place, (name, view) in enumerate(views.items()):
            title = ANALYSES[name].title
            self.addTab(view, icon(name), title)
            self.setTabToolTip(place, f"{ANALYSES[name].summary} (Ctrl+{place + 1})")
            choice = self._choices.addAction(self.menu.addAction(title))
            choice.setCheckable(True)
            choice.setData(place)
        self._build_more_button()
        self.currentChanged.connect(self._on_current_changed)
        self._choices.triggered.connect(self._on_chosen)
        self._on_current_changed(self.currentIndex())

    def is_dense(self) -> bool:
        """Return whether the icons have given way."""
        return self._is_dense

    def tint(self) -> None:
        """Draw the icons in the colours of the current theme."""
        self._needed.clear()
        self._show_icons()
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the tabs as much room as there is."""
        super().resizeEvent(event)
        self._fit()

    def _build_more_button(self) -> None:
        self.more_button.setToolTip("All analyses")
        self.more_button.setAccessibleName("All analyses")
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more_button.setMenu(self.menu)
        bind_icon(self.more_button, "more")
        self.setCornerWidget(self.more_button, Qt.Corner.TopRightCorner)
        self.more_button.hide()

    def _fit(self) -> None:
        room = self.width()
        dense = self._width_needed(dense=False) > room
        self._set_dense(dense)
        self.more_button.setVisible(dense and self._width_needed(dense=True) > room)

    def _width_needed(self, *, dense: bool) -> int:
        """Return the width of all tabs, measured once per theme."""
        if dense not in self._needed:
            self._set_dense(dense)
            self._needed[dense] = self.tabBar().sizeHint().width()
        return self._needed[dense]

    def _set_dense(self, dense: bool) -> None:
        if dense == self._is_dense:
            return
        self._is_dense = dense
        self.tabBar().setProperty("dense", dense)
        repolish(self.tabBar())
        self._show_icons()

    def _show_icons(self) -> None:
        for place, name in enumerate(self._names):
            self.setTabIcon(place, QIcon() if self._is_dense else icon(name))

    def _on_current_changed(self, place: int) -> None:
        if 0 <= place < len(self._names):
            self._choices.actions()[place].setChecked(True)

    def _on_chosen(self, choice: QAction) -> None:
        self.setCurrentIndex(int(choice.data()))
