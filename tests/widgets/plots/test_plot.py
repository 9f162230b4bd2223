from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QToolButton

from desktop_app.pictures.curves import Curves, Line, Mark, Region, Scale, Scatter
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.plots.plot import Plot
from desktop_app.window.exports.pictures import save_picture
from tests.finding import find
from tests.view_fixtures import themed

__all__ = ["themed"]

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints|raise")]

VALUES = np.array([0.5, -1.0, np.nan, 2.0])
CURVES = Curves(
    (Line("mean", VALUES, VALUES - 0.5, VALUES + 0.5), Line("thin", VALUES * 2, thin=True)),
    Scale("layer", whole=True),
    Scale("nats"),
    marks=(Mark(1.0, "a {mark}"),),
    regions=(Region(-0.5, 1.5, "left"),),
)
DOTS = Scatter(np.array([0.0, 1.0, 2.0]), np.array([2.0, 0.0, 1.0]), diagonal=True)


@pytest.fixture
def plot(qtbot, themed):
    made = Plot()
    qtbot.addWidget(made)
    made.resize(500, 400)
    made.show()
    qtbot.waitExposed(made)
    return made


def viewport(plot):
    return find(plot, QGraphicsView).viewport()


def click(plot, index):
    QApplication.processEvents()
    place = plot.point(index).toPoint()
    QTest.mouseClick(viewport(plot), Qt.MouseButton.LeftButton, pos=place)


def drawn(plot):
    QApplication.processEvents()
    return plot.grab().toImage()


@pytest.mark.parametrize(
    "picture",
    [
        CURVES,
        DOTS,
        Curves(()),
        Curves((Line("", np.empty(0)),)),
        Curves((Line("", np.full(3, np.nan), bars=True),)),
        Curves((Line("", np.array([1.0, -2.0]), bars=True),), Scale(labels=("a", "<b>"))),
        Curves((Line("", np.array([0.0, 10.0, 1000.0])),), up=Scale(log=True)),
        Curves((Line("", np.array([1.0, np.inf, 3.0])),), x=np.array([2.0, 5.0, 11.0])),
        Scatter(np.empty(0), np.empty(0), diagonal=True),
        Scatter(np.full(2, np.nan), np.zeros(2)),
    ],
)
def test_every_picture_is_drawn(plot, picture):
    before = drawn(plot)
    plot.show_picture(picture)
    assert drawn(plot) != before
    assert plot.picture() is picture
    for theme in ("dark", "light"):
        apply_theme(QApplication.instance(), theme)
        drawn(plot)


def test_the_theme_is_followed(plot):
    plot.show_picture(CURVES)
    light = drawn(plot)
    apply_theme(QApplication.instance(), "dark")
    assert drawn(plot) != light
    apply_theme(QApplication.instance(), "light")
    assert drawn(plot) == light


def test_the_pointer_reads_out_the_nearest_place_of_curves(plot, qtbot):
    plot.show_picture(CURVES)
    QApplication.processEvents()
    place = plot.point(1)
    with qtbot.waitSignal(plot.point_hovered) as told:
        qtbot.mouseMove(viewport(plot), QPoint(round(place.x()) + 3, round(place.y()) - 40))
    assert told.args == [1]
    assert plot.accessibleDescription().startswith("layer 1\nmean −1.0000")
    qtbot.mouseMove(viewport(plot), QPoint(2, 2))
    assert plot.hovered() == -1
    assert plot.accessibleDescription() == CURVES.summary()


def test_a_click_chooses_a_dot_and_beside_it_nothing(plot, qtbot):
    plot.show_picture(DOTS)
    with qtbot.waitSignal(plot.point_clicked) as told:
        click(plot, 2)
    assert told.args == [2]
    assert plot.selected() == 2
    with qtbot.assertNotEmitted(plot.point_clicked):
        QTest.mouseClick(
            viewport(plot),
            Qt.MouseButton.LeftButton,
            pos=plot.point(2).toPoint() + QPoint(40, 0),
        )


def test_arrow_keys_move_the_read_out_over_known_points(plot, qtbot):
    plot.show_picture(CURVES)
    seen = []
    plot.point_hovered.connect(seen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right):
        QTest.keyClick(plot, key)
    assert seen == [0, 1, 3]  # place 2 has no value
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert plot.hovered() == 0
    with qtbot.waitSignal(plot.point_clicked) as told:
        QTest.keyClick(plot, Qt.Key.Key_Return)
    assert told.args == [0]


def test_zooming_is_undone_by_escape_button_and_double_click(plot):
    plot.show_picture(CURVES)
    reset = find(plot, QToolButton, "Show all")
    for undo in (
        lambda: QTest.keyClick(plot, Qt.Key.Key_Escape),
        reset.click,
        lambda: QTest.mouseDClick(viewport(plot), Qt.MouseButton.LeftButton, pos=QPoint(250, 150)),
    ):
        QTest.keyClick(plot, Qt.Key.Key_Plus)
        assert plot.is_zoomed()
        assert not reset.isHidden()
        undo()
        assert not plot.is_zoomed()
        assert reset.isHidden()


def test_other_values_over_the_same_axes_keep_the_zoom(plot):
    plot.show_picture(CURVES)
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    plot.show_picture(Curves((Line("", VALUES / 2),), CURVES.across, CURVES.up))
    assert plot.is_zoomed()
    plot.show_picture(DOTS)
    assert not plot.is_zoomed()


def test_a_scatter_of_equal_scales_is_square(plot):
    import pyqtgraph as pg

    plot.show_picture(DOTS)
    for size in ((700, 400), (400, 700)):
        plot.resize(*size)
        QApplication.processEvents()
        items = find(plot, QGraphicsView).scene().items()
        (area,) = [item.sceneBoundingRect() for item in items if isinstance(item, pg.ViewBox)]
        assert area.width() == pytest.approx(area.height(), abs=2)


def test_a_strip_stays_as_it_is(qtbot, themed):
    strip = Plot(compact=True)
    qtbot.addWidget(strip)
    strip.resize(300, 58)
    strip.show()
    qtbot.waitExposed(strip)
    flat = Scale(limits=(-1.0, 1.0), shown=False)
    strip.show_picture(Scatter(np.array([0.0, 1.0]), np.zeros(2), up=flat))
    QTest.keyClick(strip, Qt.Key.Key_Plus)
    assert not strip.is_zoomed()
    click(strip, 1)
    assert strip.selected() == 1


@pytest.mark.parametrize("picture", [CURVES, DOTS])
@pytest.mark.parametrize("zoomed", [False, True])
def test_files_hold_lines_and_letters_and_no_image(plot, tmp_path, picture, zoomed):
    plot.show_picture(picture)
    if zoomed:
        QTest.keyClick(plot, Qt.Key.Key_Plus)
        find(plot, QToolButton, "Show all").hide()  # its icon is an image
    for ending in ("svg", "pdf", "png"):
        save_picture(plot, tmp_path / f"p.{ending}", scale=2.0)
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "<image" not in text
    assert "<text" in text
    assert b"/Subtype /Image" not in (tmp_path / "p.pdf").read_bytes()


def test_a_plot_is_freed(themed):
    plot = Plot()
    plot.show_picture(CURVES)
    gone = weakref.ref(plot)
    plot.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del plot
    gc.collect()
    assert gone() is None


_START = """
import sys
from PySide6.QtWidgets import QApplication, QGraphicsView, QToolButton
app = QApplication([])
import desktop_app.window.main_window as room
from desktop_app.views.making import create_view
from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.selection import Selection
views = [create_view(name, Selection()) for name in ANALYSES]
assert "pyqtgraph" not in sys.modules
print("without")
"""


def test_the_window_and_its_empty_views_do_without_pyqtgraph():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", _START], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.strip() == "without", done.stderr
