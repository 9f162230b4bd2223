from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtWidgets import QWidget

from desktop_app.widgets.basics.theme import apply_theme


@pytest.fixture(autouse=True)
def light(qapp):
    """Every test begins with the light theme and the bundled faces, and leaves them so."""
    apply_theme(qapp, "light")
    yield qapp
    apply_theme(qapp, "light")


@pytest.fixture
def shown(qtbot):
    """Show a widget at a size and let it lay itself out.

    It lies within a plain window: the offscreen platform warns when a window's own bounds change.
    """

    hosts = {}

    def show(widget, width=640, height=480):
        host = hosts.setdefault(id(widget), QWidget())
        qtbot.addWidget(host)
        host.resize(width, height)
        widget.setParent(host)
        widget.resize(width, height)
        widget.show()
        host.show()
        qtbot.waitExposed(host)
        return widget

    return show
