from __future__ import annotations

import pytest

from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.basics.theme import apply_theme


@pytest.fixture
def themed(qapp):
    apply_theme(qapp, "light")
    yield qapp
    apply_theme(qapp, "light")


@pytest.fixture
def selection(themed):
    made = Selection()
    yield made
    made.deleteLater()


@pytest.fixture
def make_view(qtbot, selection):
    """Return a function that makes a shown view by name, of 1000 × 700 unless told."""

    def make(name, width=1000, height=700):
        view = create_view(name, selection)
        qtbot.addWidget(view)
        view.resize(width, height)
        view.show()
        qtbot.waitExposed(view)
        return view

    return make


@pytest.fixture
def heard():
    """Return a function that collects what a signal says."""

    def listen(signal):
        told = []
        signal.connect(lambda *values: told.append(values))
        return told

    return listen


@pytest.fixture
def heads_opened():
    """Return a function that collects the heads whose attention a view asks for."""

    def listen(view):
        told = []
        view.intent_raised.connect(lambda intent: told.append((intent.name, *intent.data.values())))
        return told

    return listen
