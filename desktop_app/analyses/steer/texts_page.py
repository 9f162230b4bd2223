"""The page of texts."""

from __future__ import annotations

from desktop_app.analyses.steer.page import SteerPage


class TextsPage(SteerPage):
    """What is said."""

    name = "texts"
    title = "Texts"
