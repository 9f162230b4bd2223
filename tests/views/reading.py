"""What tests find in a view as a user does: by what it says."""

from __future__ import annotations

from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import press

__all__ = ["press", "ranking"]


def ranking(view):
    """Return the list of cells beside the maps."""
    (found,) = [
        widget
        for widget in view.findChildren(RankingList)
        if widget.accessibleName().endswith("s by effect")
    ]
    return found
