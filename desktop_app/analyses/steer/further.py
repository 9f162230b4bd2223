"""The pages beside texts and timeline, in the order in which they are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_app.analyses.steer.page import SteerPage

PAGES: tuple[type[SteerPage], ...] = ()
