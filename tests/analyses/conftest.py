from __future__ import annotations

from tests.view_fixtures import heads_opened, heard, make_view, selection, themed

__all__ = ["heads_opened", "heard", "make_view", "selection", "themed"]
