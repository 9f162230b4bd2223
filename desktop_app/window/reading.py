"""Where one reads, help, notes and log: letters that zoom, and the room that the help has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QCursor, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.support.guard import override
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.frame.panels import Panels
    from desktop_app.window.settings import Memory

LEAST_ZOOM, MOST_ZOOM, _STEP = 60, 300, 10
_BODY_PIXELS = 13
_NOWHERE = "Click into the help, the notes or the log first: their letters are what zooms."


@dataclass(frozen=True)
class _Place:
    """Somewhere to read: the whole of it, what the wheel turns, and how it zooms."""

    whole: QWidget
    turned: QWidget
    show: Callable[[int], None]


class ReadingDesk(QObject):
    """Zooms the letters of the place that has the focus, and remembers how large they are."""

    def __init__(self, hall: Hall, memory: Memory, panels: Panels, notes: QWidget) -> None:
        super().__init__(hall)
        self._hall, self._memory = hall, memory
        self._panels = panels
        help_panel, log = panels.help, panels.log
        self._places = {
            "help": _Place(help_panel, help_panel.browser.viewport(), help_panel.set_zoom),
            "notes": _Place(notes, _viewport(notes), partial(_zoom_notes, notes)),
            "log": _Place(log, log.table.viewport(), log.table.set_zoom),
        }
        for name, place in self._places.items():
            place.turned.installEventFilter(self)
            if name in self.zooms():
                place.show(self.zooms()[name])
        panels.help_width = memory.settings.help_width
        help_panel.installEventFilter(self)
        help_panel.zoom_wanted.connect(partial(self.zoom_by, "help"))

    def action_specs(self) -> list[ActionSpec]:
        """Return larger, smaller and usual letters."""
        tip = "Of the help, the notes or the log, whichever you read"
        rows = in_menu(
            "&View",
            ("text_larger", "Larger letters", 60, self._larger, "Ctrl++ | Ctrl+=", "", tip),
            ("text_smaller", "Smaller letters", 60, self._smaller, "Ctrl+-", "", tip),
            ("text_usual", "Usual letters", 60, self._usual, "Ctrl+0", "", tip),
        )
        return [replace(spec, submenu="Letters") for spec in rows]

    def zooms(self) -> Mapping[str, int]:
        """Return how large letters are where they are not as usual, in percent."""
        return self._memory.settings.text_zooms

    def zoom_by(self, name: str, steps: int) -> None:
        """Make the letters of a place larger or smaller; by 0 steps, as usual."""
        now = self.zooms().get(name, 100)
        percent = min(max(now + steps * _STEP, LEAST_ZOOM), MOST_ZOOM) if steps else 100
        self._places[name].show(percent)
        self._memory.change(text_zooms={**self.zooms(), name: percent})
        self._hall.say(f"Letters of the {name}: {percent} %")

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._panels.help and event.type() == QEvent.Type.Resize:
            self._on_help_resized()
        elif isinstance(event, QWheelEvent) and event.type() == QEvent.Type.Wheel:
            turned = event.angleDelta().y()
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier and turned:
                name = next(n for n, place in self._places.items() if place.turned is watched)
                self.zoom_by(name, 1 if turned > 0 else -1)
                return True
        return super().eventFilter(watched, event)

    def _on_help_resized(self) -> None:
        """Keep the width that a hand gave it, not what a narrow window left of it."""
        dock = self._panels.docks["help"]
        dragged = QApplication.mouseButtons() & Qt.MouseButton.LeftButton
        if dragged and dock.isVisible() and not dock.isFloating():
            self._panels.help_width = self._panels.help.width()
            self._memory.change(help_width=self._panels.help_width)

    def _larger(self) -> None:
        self._zoom_here(1)

    def _smaller(self) -> None:
        self._zoom_here(-1)

    def _usual(self) -> None:
        self._zoom_here(0)

    def _zoom_here(self, steps: int) -> None:
        """Zoom where the focus is, else where the pointer is, else the help if it is there."""
        focus, pointed = QApplication.focusWidget(), QApplication.widgetAt(QCursor.pos())
        for widget in (focus, pointed):
            for name, place in self._places.items():
                if widget is not None and (
                    widget is place.whole or place.whole.isAncestorOf(widget)
                ):
                    self.zoom_by(name, steps)
                    return
        if self._panels.help.isVisible():
            self.zoom_by("help", steps)
        else:
            self._hall.say(_NOWHERE, "warn")


def _viewport(notes: QWidget) -> QWidget:
    viewport = getattr(notes, "viewport", None)
    return viewport() if callable(viewport) else notes


def _zoom_notes(notes: QWidget, percent: int) -> None:
    pixels = max(6, round(_BODY_PIXELS * percent / 100))
    notes.setStyleSheet("" if percent == 100 else f"QPlainTextEdit {{ font-size: {pixels}px; }}")
