"""Where things stand in the window: docks with their titles, rail, bars, and the kept geometry."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QPoint, QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.overlay import BannerLayer
from desktop_app.widgets.basics.theme import set_role, theme_hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from PySide6.QtGui import QResizeEvent

    from desktop_app.widgets.basics.messages import Banner
    from desktop_app.window.frame.hall import ViewShelf
    from desktop_app.window.frame.rail import Rail
GEOMETRY_FILE = "window.ini"
_LAYOUT_VERSION = 2
_FOLDED = ("folded", "gave_room")
# The first window: most of the screen, but no larger than a picture with its panels needs.
_SCREEN_SHARE = 0.85
_SMALLEST, _LARGEST = QSize(1280, 800), QSize(1760, 1100)
_TITLE_ICON = QSize(14, 14)
_NEAR = 4
_NOWHERE = QPoint(-10_000, -10_000)
_FRAME_HEIGHT = 40  # not known before the window is shown
_NARROW = 1200
_TWO_COLUMNS = 1500  # from here on help and inspector stand side by side
_LEAST_BESIDE_HELP = 740  # the prompts and a picture
_WIDE_ENOUGH = 860  # for a picture beside an unfolded rail
_LEFT_SHARE = 0.22
_RIGHT_SHARE = 0.17


class DockTitle(QFrame):
    """Stands in for Qt's own title bar; dragging it or a double click floats the dock.

    Attributes:
        fold: The button that folds the panel away to its edge.
    """

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self._name = label(dock.windowTitle(), "heading")
        told = "Fold away to the edge: its name there brings it back"
        words = f"Fold {dock.windowTitle()} away"
        self.fold = icon_button("chevron-left", told, "text_muted", words=words)
        self._close = icon_button("close", f"Close {dock.windowTitle()}", "text_muted")
        set_role(self, "dock_title")
        parts = (self._name, None, self.fold, self._close)
        self._line = filled(QHBoxLayout(self), *parts, margins=(12, 3, 6, 3), spacing=2)
        for button in (self.fold, self._close):
            button.setIconSize(_TITLE_ICON)
        self._close.clicked.connect(dock.close)
        dock.windowTitleChanged.connect(self._name.setText)
        dock.topLevelChanged.connect(self.fold.setHidden)  # one that floats has no edge

    def add_button(self, button: QToolButton) -> None:
        """Put a button before those that fold and close."""
        button.setIconSize(_TITLE_ICON)
        self._line.insertWidget(self._line.indexOf(self.fold), button)

    def stand_alone(self, alone: bool) -> None:
        """Offer neither to fold nor to close: there is nothing else in the window."""
        self.fold.setHidden(alone or self._dock.isFloating())
        self._close.setHidden(alone)

    def set_fold_sign(self, name: str) -> None:
        """Have the arrow point to the edge at which the dock stands."""
        bind_icon(self.fold, name, "text_muted")

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(80, 34)


def title_of(dock: QDockWidget) -> DockTitle:
    """Return the title of a dock that `make_dock` made."""
    title = dock.titleBarWidget()
    if not isinstance(title, DockTitle):
        raise TypeError(f"{dock.objectName()} has another title")
    return title


class CentralArea(QWidget):
    """The rail, and beside it the view that is shown, with messages over its lower end."""

    def __init__(self, banners: Sequence[Banner], rail: Rail, views: ViewShelf) -> None:
        super().__init__()
        self._rail = rail
        self._stack = QStackedWidget()
        beside = QWidget()
        filled(QVBoxLayout(beside), self._stack, spacing=0)
        filled(QHBoxLayout(self), rail, (beside, 1), spacing=0)
        self._overlay = BannerLayer(beside, banners, self._covered)
        self.setMinimumSize(400, 220)  # less than a view needs, which scrolls
        views.built.connect(self._on_built)
        views.opened.connect(self._show)
        # Where views wait that a new theme has not reached yet: in no window, so it costs nothing.
        self._waiting = QWidget()
        self.destroyed.connect(self._waiting.deleteLater)
        theme_hub().theme_changing.connect(self._set_aside)

    def _on_built(self, view: AnalysisView) -> None:
        self._stack.addWidget(view)
        view.covered_changed.connect(self._overlay.place)

    def _covered(self) -> int:
        """Return what a banner of the view that is shown takes: those of the window lie above."""
        view = self._stack.currentWidget()
        return view.covered() if isinstance(view, AnalysisView) else 0

    def _show(self, view: QWidget) -> None:
        if self._stack.indexOf(view) < 0:
            self._stack.addWidget(view)  # and is restyled
        self._stack.setCurrentWidget(view)
        self._overlay.place()

    def _set_aside(self) -> None:
        """Take all views out of the window but the one in sight."""
        for place in reversed(range(self._stack.count())):
            view = self._stack.widget(place)
            if view is not None and view is not self._stack.currentWidget():
                self._stack.removeWidget(view)
                view.setParent(self._waiting)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._rail.set_narrow(event.size().width() < _WIDE_ENOUGH)


def first_size(available: QSize) -> QSize:
    """Return the size of a first window, which fits on its screen with its frame."""
    wanted = (available * _SCREEN_SHARE).expandedTo(_SMALLEST).boundedTo(_LARGEST)
    return wanted.boundedTo(available - QSize(0, _FRAME_HEIGHT))


def fit_frame(window: QWidget) -> None:
    """Keep a window with its frame on its screen, so that its lowest line can be seen."""
    if window.isMaximized() or window.isFullScreen():
        return
    available, inside = window.screen().availableGeometry(), window.geometry()
    frame = window.frameGeometry()
    border = frame.size() - inside.size()
    window.resize(inside.size().boundedTo(available.size() - border))
    frame = window.frameGeometry()
    left = max(available.left(), min(frame.left(), available.right() - frame.width() + 1))
    top = max(available.top(), min(frame.top(), available.bottom() - frame.height() + 1))
    if (left, top) != (frame.left(), frame.top()):
        window.move(left, top)


def make_dock(key: str, title: str, widget: QWidget, window: QMainWindow) -> QDockWidget:
    """Return a dock that can be closed and opened again from the View menu."""
    dock = QDockWidget(title, window)
    dock.setObjectName(f"dock_{key}")
    dock.setWidget(widget)
    dock.setTitleBarWidget(DockTitle(dock))
    dock.setAccessibleName(title)
    dock.toggleViewAction().setText(f"Panel: {title}")
    return dock


def place_docks(window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
    """Put the docks where they belong at a first start."""
    area = Qt.DockWidgetArea
    for dock in docks.values():  # else the tabs of those that stood behind each other stay behind
        window.removeDockWidget(dock)
    window.setCorner(Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, area.RightDockWidgetArea)
    for key, place in (
        ("prompts", area.LeftDockWidgetArea),
        ("results", area.LeftDockWidgetArea),
        ("inspector", area.RightDockWidgetArea),
        ("help", area.RightDockWidgetArea),
        ("log", area.BottomDockWidgetArea),
    ):
        docks[key].setFloating(False)
        window.addDockWidget(place, docks[key])
        docks[key].setVisible(key not in {"help", "log"})
    place_help(window, docks)
    if window.width() < _NARROW:  # a picture, with panels at both sides, would be cut
        window.tabifyDockWidget(docks["results"], docks["inspector"])
        docks["results"].raise_()
    left, right = int(window.width() * _LEFT_SHARE), int(window.width() * _RIGHT_SHARE)
    window.resizeDocks(
        [docks["prompts"], docks["inspector"]],
        [max(300, min(left, 520)), max(230, min(right, 400))],
        Qt.Orientation.Horizontal,
    )
    tall = window.height()
    window.resizeDocks(
        [docks["prompts"], docks["results"]],
        [int(tall * 0.66), int(tall * 0.34)],
        Qt.Orientation.Vertical,
    )


def place_help(window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
    """Give the help the whole height: a column of its own, or a tab beside the inspector.

    In a narrow window the inspector goes to the left, and the help has the right side for itself.
    """
    if window.width() >= _TWO_COLUMNS:
        window.splitDockWidget(docks["inspector"], docks["help"], Qt.Orientation.Horizontal)
    elif window.width() >= _NARROW:
        window.tabifyDockWidget(docks["inspector"], docks["help"])
        docks["inspector"].raise_()


def show_help(window: QMainWindow, dock: QDockWidget, kept: int) -> None:
    """Show the help as wide as it was, at first as wide as a line that is easily read."""
    most = max(240, window.width() - _LEAST_BESIDE_HELP)
    first = max(360, min(int(window.width() * 0.26), 520))
    dock.show()
    set_width(window, dock, min(kept or first, most))


def set_width(window: QMainWindow, dock: QDockWidget, width: int) -> None:
    """Make a dock as wide as that, where it is in the window."""
    if dock.isVisible() and not dock.isFloating():
        window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)


def make_tool_bar(window: QMainWindow, inside: QWidget) -> QToolBar:
    """Put the top bar into its place, where it stays."""
    bar = QToolBar("Main bar", window)
    bar.setObjectName("main_bar")
    bar.setMovable(False)
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    inside.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(inside)
    window.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)
    return bar


def hide_stray_tabs(window: QMainWindow, docks: Iterable[QDockWidget]) -> None:
    """Put tabs out of sight whose panels stand behind one another no longer.

    WORKAROUND: Qt forgets about tabs where a state is restored and docks move in the same turn.
    They are moved to where it keeps those that it does not use, so that it finds them again.
    """
    shown = [dock for dock in docks if dock.isVisible() and not dock.isFloating()]
    groups = [
        {dock.windowTitle(), *(other.windowTitle() for other in window.tabifiedDockWidgets(dock))}
        for dock in shown
    ]
    feet = [dock.geometry().bottomLeft() for dock in shown]
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    seen: dict[frozenset[str], list[QTabBar]] = {}
    for bar in window.findChildren(QTabBar, options=direct):
        names = frozenset(bar.tabText(place) for place in range(bar.count()))
        if len(names) > 1:
            seen.setdefault(names, []).append(bar)
    for names, bars in seen.items():
        if not any(names <= group for group in groups):
            used = []
        elif len(bars) == 1:
            continue
        else:  # of several that say the same, the one that stands beneath a panel
            used = [bar for bar in bars if any(_near(bar.pos(), foot) for foot in feet)]
        for bar in bars:
            if bar not in used[:1]:
                bar.move(_NOWHERE)


def _near(one: QPoint, other: QPoint) -> bool:
    return (one - other).manhattanLength() <= _NEAR


def state_of(window: QMainWindow) -> QByteArray:
    """Return where docks and bars stand, for `restore_state`."""
    return window.saveState(_LAYOUT_VERSION)


def restore_state(window: QMainWindow, state: object) -> bool:
    """Put docks and bars back; return False where what was kept is not usable."""
    return isinstance(state, QByteArray) and window.restoreState(state, _LAYOUT_VERSION)


def save_geometry(window: QMainWindow, folder: Path, folded: tuple[list[str], list[str]]) -> None:
    """Keep the window's place, the docks' sizes, and which of them are folded away."""
    path = folder / GEOMETRY_FILE
    store = QSettings(str(path), QSettings.Format.IniFormat)
    store.setValue("geometry", window.saveGeometry())
    store.setValue("state", state_of(window))
    for name, keys in zip(_FOLDED, folded, strict=True):
        store.setValue(name, " ".join(keys))
    store.sync()
    with contextlib.suppress(OSError):
        path.chmod(0o600)


def restore_geometry(window: QMainWindow, folder: Path) -> bool:
    """Put the window back to where it was; return False where nothing usable was kept."""
    path = folder / GEOMETRY_FILE
    if not path.is_file():
        return False
    store = QSettings(str(path), QSettings.Format.IniFormat)
    geometry, state = store.value("geometry"), store.value("state")
    try:
        placed = window.restoreGeometry(geometry)
    except TypeError:  # a damaged file gives values of other types
        return False
    return placed and restore_state(window, state)


def kept_folded(folder: Path) -> tuple[list[str], list[str]]:
    """Return the panels that were folded away, and those of them that only gave room."""
    store = QSettings(str(folder / GEOMETRY_FILE), QSettings.Format.IniFormat)
    folded, gave_room = (str(store.value(name) or "").split() for name in _FOLDED)
    return folded, gave_room
