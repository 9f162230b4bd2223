from __future__ import annotations

from tests.view_fixtures import heard

__all__ = ["heard"]
