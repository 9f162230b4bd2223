"""The plug-ins there are: what each offers and lacks, a switch for each, ways in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures.words import clipped
from desktop_app.support import paths
from desktop_app.support.guard import override
from desktop_app.support.plugin_state import plugins_dir
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import Sign, bind_icon
from desktop_app.widgets.basics.layouts import column_in, filled, row_of
from desktop_app.widgets.basics.messages import Banner, EmptyState
from desktop_app.widgets.basics.tab_order import in_reading_order, step
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_on_button, plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.support.plugins import Plugin

_SIZE = QSize(720, 560)
_NAMED = 120
_TRUST = (
    "A plug-in is a program with all of your rights: it can read and change your files. Switch on "
    "only what you trust. Of one that is off nothing is loaded."
)
_NONE = (
    "Analyses that others wrote come as wheels (files that end in .whl). Add one, or unpack one by "
    "hand into a folder of its own in the plug-ins' folder."
)


@dataclass(frozen=True)
class Shown:
    """A plug-in as the dialog lists it.

    Attributes:
        plugin: What was found.
        titles: What its analyses are called, as far as that is known.
        state: Where it stands now, such as “Leaves with the next start”.
        problem: Why its analyses could not be loaded; empty where they could, or were not.
    """

    plugin: Plugin
    titles: tuple[str, ...] = ()
    state: str = ""
    problem: str = ""


class PluginsDialog(QDialog):
    """A window beside the main one; nothing in it blocks.

    Attributes:
        banner: What was done, or what went wrong.

    Signals:
        switched: The name of a plug-in that is to be on, or off.
        add_wanted: A wheel is to be chosen and added.
        remove_wanted: The name of a plug-in that is to go.
        look_wanted: The folder is to be looked at anew.
    """

    switched = Signal(str, bool)
    add_wanted = Signal()
    remove_wanted = Signal(str)
    look_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Plug-ins")
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - QSize(24, 56)))
        self.banner = Banner()
        self._cards: list[_Card] = []
        self._empty = EmptyState("plug", "No plug-ins yet", _NONE, "Add a plug-in…")
        self._room, self._rest = QWidget(), QWidget()
        self._column = column_in(self._room, (self._empty, 1), (self._rest, 1), spacing=8)
        # Else the list is as high as lines broken at its least width would make it.
        self._room.setMinimumHeight(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self._room)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.add, self.close_button = QPushButton("Add…"), QPushButton("Close")
        self.folder, self.look = QPushButton("Open folder"), QPushButton("Look again")
        self._build()

    def show_plugins(self, listed: Sequence[Shown]) -> None:
        """List plug-ins; what had the keyboard has it again."""
        before = next((card.holds_keys() for card in self._cards if card.holds_keys()), None)
        for card in self._cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards = [_Card(shown) for shown in listed]
        for place, card in enumerate(self._cards):
            self._column.insertWidget(place, card)
            card.switched.connect(self.switched)
            card.remove_wanted.connect(self.remove_wanted)
        self._empty.setVisible(not self._cards)
        self._rest.setVisible(bool(self._cards))
        self.add.setVisible(bool(self._cards))
        if before is not None:
            self._give_keys_back(*before)

    def begin(self) -> None:
        """Give the keyboard to what comes first."""
        self._scroll.verticalScrollBar().setValue(0)
        order = in_reading_order(self)
        if order:
            order[0].setFocus()

    def show_working(self, words: str) -> None:
        """Say what is being done, and take no further wish until `show_done`."""
        self._set_working(working=True)
        self.banner.show_message(words, "info", dismissible=False)

    def show_done(self, words: str, severity: str = "good") -> None:
        """Say what was done, or why not; nothing where there is nothing to be said."""
        self._set_working(working=False)
        self.banner.dismiss()
        if words:
            self.banner.show_message(words, severity)

    def read_out(self) -> dict[str, Any]:
        """Return what is on screen as plain data."""
        return {
            "plugins": [card.read_out() for card in self._cards],
            "banner": "" if self.banner.isHidden() else self.banner.text(),
            "is_working": not self.add.isEnabled(),
        }

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        # The cards are made later than what stands below them.
        return step(in_reading_order(self), forward=forward)

    def _build(self) -> None:
        sign = Sign(16)
        sign.set_icon("warning", "warn")
        top = Qt.AlignmentFlag.AlignTop
        bind_icon(self.add, "add")
        bind_icon(self.folder, "folder")
        for button in (self.folder, self.look, self.add, self.close_button):
            button.setAutoDefault(False)
        self.add.setToolTip("Unpack a wheel from a file; it is off at first")
        self.look.setToolTip("See what was put into the folder, or taken out of it")
        self.folder.setToolTip(plain_tip(str(plugins_dir())))
        self.add.clicked.connect(self.add_wanted)
        self._empty.action_clicked.connect(self.add_wanted)
        self.look.clicked.connect(self.look_wanted)
        self.folder.clicked.connect(_open_folder)
        self.close_button.clicked.connect(self.reject)
        warning = row_of((sign, 0, top), (label(_TRUST, wrap=True), 1), spacing=8)
        buttons = row_of(self.folder, self.look, None, self.add, self.close_button, spacing=8)
        parts = (warning, self.banner, (self._scroll, 1), buttons)
        filled(QVBoxLayout(self), *parts, margins=(16, 14, 16, 14), spacing=12)

    def _set_working(self, *, working: bool) -> None:
        for part in (self._room, self.add, self.look):
            part.setEnabled(not working)

    def _give_keys_back(self, name: str, part: str) -> None:
        """Put the keyboard where it was, or where to go on where that is gone."""
        names = [card.shown.plugin.name for card in self._cards]
        if name in names:
            card = self._cards[names.index(name)]
            wanted = card.remove if part == "remove" else card.switch
            (wanted if wanted.isEnabled() else card.remove).setFocus()
            self._scroll.ensureWidgetVisible(card)
        elif self._cards:
            self.add.setFocus()
        else:
            self.begin()


class _Card(QFrame):
    """One plug-in.

    Signals:
        switched: Its name, and whether it is to be on.
        remove_wanted: Its name.
    """

    switched = Signal(str, bool)
    remove_wanted = Signal(str)

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self.shown = shown
        plugin = shown.plugin
        set_role(self, "card")
        title = clipped(f"{plugin.name} {plugin.version}".rstrip(), _NAMED)
        self.switch = QCheckBox(plain_on_button(title))
        self.switch.setChecked(plugin.is_on)
        self.switch.setEnabled(plugin.is_on or not plugin.problem)
        self.switch.setAccessibleName(f"Switch {title} on")
        self.switch.setAccessibleDescription(self._description())
        font = self.switch.font()
        font.setWeight(font.Weight.DemiBold)
        self.switch.setFont(font)
        self.remove = QPushButton("Remove…")
        self.remove.setAutoDefault(False)
        set_role(self.remove, "quiet")
        self.remove.setAccessibleName(f"Remove {title}")
        self.switch.toggled.connect(self._on_toggled)
        self.remove.clicked.connect(self._on_remove_clicked)
        head = row_of((self.switch, 1), label(shown.state, "small"), self.remove, spacing=12)
        lines = [label(text, role, wrap=True) for text, role in self._lines()]
        told = filled(QVBoxLayout(), *lines, margins=(24, 0, 8, 0), spacing=4)
        filled(QVBoxLayout(self), head, told, margins=(12, 6, 6, 10), spacing=2)

    def holds_keys(self) -> tuple[str, str] | None:
        """Return its name and which part of it has the keyboard; None: none has."""
        if self.remove.hasFocus():
            return self.shown.plugin.name, "remove"
        return (self.shown.plugin.name, "switch") if self.switch.hasFocus() else None

    def read_out(self) -> dict[str, Any]:
        """Return what is on screen as plain data."""
        return {
            "name": self.shown.plugin.name,
            "on": self.switch.isChecked(),
            "can_be_switched": self.switch.isEnabled(),
            "state": self.shown.state,
            "lines": [text for text, _ in self._lines()],
        }

    def _lines(self) -> list[tuple[str, str]]:
        """Return what is told of it, each with its role."""
        plugin = self.shown.plugin
        lacks = f"It lacks {', '.join(plugin.lacks)}: it may not work." if plugin.lacks else ""
        offers = ", ".join(self.shown.titles or [name for name, _ in plugin.offers])
        told = (
            (plugin.summary, "plain"),
            (f"Analyses: {offers}" if offers else "", "small"),
            (plugin.problem, "bad"),
            (self.shown.problem, "bad"),
            (lacks, "warn"),
            (" ".join(plugin.notes), "small"),
        )
        return [(text, role) for text, role in told if text]

    def _description(self) -> str:
        return clipped(" ".join([self.shown.state, *(text for text, _ in self._lines())]).strip())

    def _on_toggled(self, on: bool) -> None:
        self.switched.emit(self.shown.plugin.name, on)

    def _on_remove_clicked(self) -> None:
        self.remove_wanted.emit(self.shown.plugin.name)


def _open_folder() -> None:
    folder = paths.ensure(plugins_dir())
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
