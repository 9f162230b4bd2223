"""About the program: its page, what is new, and a word at the start on versions that are wrong."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.window.about.about_dialog import AboutDialog, Page
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.settings import Memory

_log = logging.getLogger(__name__)
_IN_LOG = ("lensbench", "build", "python", "system", "torch", "transformers", "transformer-lens")


class AboutDesk(QObject):
    """Opens the page about the program, and tells once of each pair that touches its numbers.

    Attributes:
        dialog: The page; None before it was first opened.
    """

    def __init__(self, hall: Hall, memory: Memory) -> None:
        super().__init__(hall)
        self._hall, self._memory = hall, memory
        self.dialog: AboutDialog | None = None
        self._has_told = False
        self._wrong: tuple[str, ...] = ()

    def action_specs(self) -> list[ActionSpec]:
        """Return what the menu offers."""
        tip = "Version, licences, folders, and what to tell in a report"
        return in_menu(
            "&Help",
            ("whats_new", "What’s new", 28, self.show_news, "", "", "", True),
            ("about", "About Lensbench", 30, self.show_about, "", "info", tip),
        )

    def open(self, page: Page = "about") -> AboutDialog:
        """Show the page about the program at one of its parts."""
        from desktop_app.window.about.about_dialog import (  # noqa: PLC0415 - no start waits for it
            AboutDialog,
        )

        if self.dialog is None:
            self.dialog = AboutDialog(self._hall.window)
            self.dialog.folder_wanted.connect(self._on_folder_wanted)
        self.dialog.open_at(page)
        return self.dialog

    def show_about(self) -> None:
        """Show what this is."""
        self.open()

    def show_news(self) -> None:
        """Show what is new."""
        self.open("news")

    def close(self) -> None:
        """Close the page: it would outlive the window."""
        if self.dialog is not None:
            self.dialog.close()

    @Slot()
    def tell_at_start(self) -> None:
        """Write versions into the log, and say once which of them do not go together."""
        if self._has_told:
            return
        self._has_told = True
        from desktop_app.support import facts, known_wrong  # noqa: PLC0415 - the start is over

        versions = facts.versions()
        _log.info("%s", ", ".join(f"{name} {versions[name]}" for name in _IN_LOG))
        found = known_wrong.found_here()
        for pair in found:
            level = logging.INFO if pair.pair.guarded else logging.WARNING
            _log.log(level, "%s", pair.sentence)
        for sentence in known_wrong.out_of_range().values():
            _log.warning("%s", sentence)
        told = self._memory.settings.told_wrong
        wrong = [pair for pair in found if not pair.pair.guarded]
        self._wrong = tuple(pair.pair.id for pair in wrong)
        new = [pair for pair in wrong if pair.pair.id not in told]
        if new and self._hall.banner.isHidden():  # else at the next start
            offers = {
                "versions": ("Details", self._show_versions),
                "told": ("Do not say again", self._keep),
            }
            self._hall.show(new[0].brief, "warn", offers)

    def _show_versions(self) -> None:
        self.open("versions")

    def _keep(self) -> None:
        """Say nothing of what is wrong here at the next starts."""
        self._memory.change(told_wrong=self._wrong)
        self._hall.banner.dismiss()

    def _on_folder_wanted(self, path: Path) -> None:
        if self.dialog is not None and not dialogs.show_folder(path):
            self.dialog.say("No program here shows folders: copy the path instead.")
