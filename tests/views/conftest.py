from __future__ import annotations

from tests.view_fixtures import heard, make_view, selection, themed

__all__ = ["heard", "make_view", "selection", "themed"]
