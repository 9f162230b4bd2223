"""Icons outlive whatever order Python's collector finds them in."""

from __future__ import annotations

import pytest

from desktop_app.widgets.basics.icons import logo
from tests.plugins import python

COLLECT = """
import gc
from PySide6.QtWidgets import QApplication
from desktop_app.widgets.basics.icons import icon
app = QApplication([])

class Knot: pass

gc.disable()
for _ in range(50):
    kept = icon("eye")
    knot = Knot()
    knot.itself, knot.icon = knot, kept
    del kept, knot
print(gc.collect())
image = icon("eye").pixmap(20, 20).toImage()
print(sum(image.pixelColor(x, y).alpha() > 0 for x in range(20) for y in range(20)))
"""


@pytest.mark.gui
def test_icons_that_are_collected_with_their_owner_are_destroyed_once():
    """In a process of its own: where they are destroyed twice, the interpreter ends."""
    done = python("-c", COLLECT, QT_QPA_PLATFORM="offscreen")
    assert (done.returncode, done.stderr) == (0, "")
    collected, inked = map(int, done.stdout.split())
    assert collected >= 100
    assert inked > 50


def inked(size):
    image = logo().pixmap(size, size).toImage()
    return sum(image.pixelColor(x, y).alpha() > 0 for x in range(size) for y in range(size))


@pytest.mark.gui
@pytest.mark.parametrize("size", [16, 32, 64, 256])
def test_the_programs_icon_fills_every_size(qapp, size):
    assert inked(size) > size * size / 3
