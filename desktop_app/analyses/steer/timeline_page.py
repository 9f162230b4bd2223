"""The page of timeline."""

from __future__ import annotations

from desktop_app.analyses.steer.page import SteerPage


class TimelinePage(SteerPage):
    """What is said."""

    name = "timeline"
    title = "Timeline"
