from __future__ import annotations

import pytest

from desktop_app.session.store import Session


@pytest.fixture
def path(tmp_path):
    return tmp_path / "größe #1?.lens"


@pytest.fixture
def session(path):
    with Session.create(path) as session:
        yield session
