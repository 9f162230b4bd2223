from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

from desktop_app.widgets.theme import apply_theme


@pytest.fixture(autouse=True)
def light(qapp):
    """Every test begins with the light theme and the bundled faces."""
    apply_theme(qapp, "light")
    return qapp


@pytest.fixture
def shown(qtbot):
    """Show a widget at a size and let it lay itself out."""

    def show(widget, width=640, height=480):
        qtbot.addWidget(widget)
        widget.resize(width, height)
        widget.show()
        qtbot.waitExposed(widget)
        return widget

    return show
