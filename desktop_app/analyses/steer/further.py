"""The pages beside texts and timeline, in the order in which they are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.steer.acts_page import ActsPage
from desktop_app.analyses.steer.findings_page import FindingsPage
from desktop_app.analyses.steer.scan_page import ScanPage
from desktop_app.analyses.steer.sweep_page import SweepPage

if TYPE_CHECKING:
    from desktop_app.analyses.steer.page import SteerPage

PAGES: tuple[type[SteerPage], ...] = (ActsPage, SweepPage, ScanPage, FindingsPage)
