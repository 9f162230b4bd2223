"""Layouts saved by name: where panels stand, and which of them are folded away."""

from __future__ import annotations

import contextlib
import json
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from PySide6.QtCore import QByteArray, QObject, QSettings

from desktop_app.pictures.words import clipped
from desktop_app.window.frame import dialogs, layout
from desktop_app.window.frame.actions import ActionSpec

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.window.frame.actions import ActionBook
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.frame.panels import Panels
    from desktop_app.window.frame.rail import Rail

FAMILY = "layouts"
MOST = 50
_LONGEST = 40
_MENU, _DELETE = "Layouts", "Layouts > Delete"


class SavedLayout(BaseModel):
    """One layout, as it is kept.

    Attributes:
        state: What Qt says of docks and bars, in base 64.
        folded: The panels that are folded away.
        gave_room: Those of them that are so because the window was narrow.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    name: str = Field(min_length=1, max_length=_LONGEST)
    state: str
    folded: list[str] = []
    gave_room: list[str] = []
    rail_folded: bool = False


class LayoutDesk(QObject):
    """Saves layouts under names, and goes back to them."""

    def __init__(self, hall: Hall, panels: Panels, rail: Rail, folder: Path) -> None:
        super().__init__(hall)
        self._hall = hall
        self._panels = panels
        self._rail = rail
        self._folder = folder
        self._book: ActionBook | None = None
        self._layouts = _read(folder)

    def action_specs(self) -> list[ActionSpec]:
        """Return what saves a layout and goes back to that of the first start."""
        rows = (
            ("save_layout", "Save layout as…", self.save, "save", True),
            ("reset_layout", "Reset layout", self._panels.place, "reset", False),
        )
        return [
            ActionSpec(key, text, "&View", 51, slot, "", icon, separated=line, submenu=_MENU)
            for key, text, slot, icon, line in rows
        ]

    def take(self, book: ActionBook) -> None:
        """Have an action for each layout."""
        self._book = book
        self._offer()

    def names(self) -> list[str]:
        """Return the names of the layouts, in alphabetical order."""
        return [kept.name for kept in self._layouts]

    def save(self) -> None:
        """Ask for a name, and save the layout under it; one of that name is replaced."""
        said = dialogs.ask_text(self._hall.window, "Save layout", "Name of the layout", "")
        name = " ".join(said.split())[:_LONGEST]
        if not name:
            return
        self._panels.whole.leave()
        state = bytes(layout.state_of(self._panels.window).toBase64().data()).decode("ascii")
        folded, gave_room = self._panels.folded()
        rail = self._rail.is_folded_by_hand
        made = SavedLayout(
            name=name, state=state, folded=folded, gave_room=gave_room, rail_folded=rail
        )
        others = [kept for kept in self._layouts if kept.name != name][-MOST + 1 :]
        self._keep([*others, made])
        self._hall.say(f"Layout “{name}” is saved.", "good")

    def open(self, name: str) -> None:
        """Put panels to where they were, as far as the window has room."""
        kept = next(kept for kept in self._layouts if kept.name == name)
        state = QByteArray.fromBase64(kept.state.encode("ascii", "replace"))
        if self._panels.restore(state, kept.folded, kept.gave_room):
            self._rail.fold_by_hand(kept.rail_folded)
        else:
            self._hall.show_problem(f"The layout “{name}” cannot be used: save it anew.")

    def delete(self, name: str) -> None:
        """Forget a layout."""
        self._keep([kept for kept in self._layouts if kept.name != name])
        self._hall.say(f"Layout “{name}” is deleted.", "good")

    def _keep(self, layouts: list[SavedLayout]) -> None:
        self._layouts = sorted(layouts, key=lambda kept: kept.name.lower())
        path = self._folder / layout.GEOMETRY_FILE
        store = QSettings(str(path), QSettings.Format.IniFormat)
        store.setValue(FAMILY, json.dumps([kept.model_dump() for kept in self._layouts]))
        store.sync()
        with contextlib.suppress(OSError):
            path.chmod(0o600)
        self._offer()

    def _offer(self) -> None:
        """Have each layout in the menu and in the search, to open and to delete."""
        if self._book is None:
            return
        specs = []
        for name in self.names():
            shown = clipped(name).replace("&", "&&")
            open_it, delete_it = partial(self.open, name), partial(self.delete, name)
            key, told = f"layout {name}", f"Layout: {shown}"
            specs.append(ActionSpec(key, told, "&View", 50, open_it, submenu=_MENU))
            key, told = f"delete layout {name}", f"Delete layout: {shown}"
            specs.append(ActionSpec(key, told, "&View", 52, delete_it, submenu=_DELETE))
        self._book.renew(FAMILY, specs)


def _read(folder: Path) -> list[SavedLayout]:
    """Return the layouts that were saved; what is damaged is left out."""
    store = QSettings(str(folder / layout.GEOMETRY_FILE), QSettings.Format.IniFormat)
    try:
        told = json.loads(str(store.value(FAMILY) or "[]"))
    except ValueError:
        return []
    found: dict[str, SavedLayout] = {}
    for entry in told if isinstance(told, list) else ():
        with contextlib.suppress(ValidationError):
            kept = SavedLayout.model_validate(entry)
            found[kept.name] = kept
    return sorted(found.values(), key=lambda kept: kept.name.lower())[:MOST]
