"""What tests find in a view as a user does: by what it says."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractButton

from desktop_app.widgets.tables.ranking import RankingList


def press(view, text):
    """Click the button that says so, where it can be seen."""
    buttons = view.findChildren(QAbstractButton)
    (found,) = [b for b in buttons if b.text() == text and not b.isHidden()]
    found.click()


def ranking(view):
    """Return the list of cells beside the maps."""
    (found,) = [
        widget
        for widget in view.findChildren(RankingList)
        if widget.accessibleName().endswith("s by effect")
    ]
    return found
