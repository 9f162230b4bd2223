from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QToolButton

from desktop_app.pictures.curves import Curves, Key, Line, Mark, Region, Scale, Scatter, Trace
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.plots.tones import tone_colour
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

PARTS = np.array([0.5, -1.0, np.nan, 2.0])
BARS = Curves(
    (
        Line("a", PARTS, PARTS - 0.2, PARTS + 0.2, bars=True, signed=True),
        Line("b", -PARTS, bars=True, signed=True, pale=np.array([True, False, True, True])),
    ),
    Scale("Layer", whole=True, named=((0.0, "embed"), (3.0, "bias"))),
    Scale("logits"),
    legend=(Key("raises", "above", "bar"), Key("MLP", "below", "pale")),
)
GROWN = np.array([64.7, 120.0, 210.0, 20_605.0])
FITTED = Curves(
    (Line("norm", GROWN, dots=True), Line("1.088 per layer", GROWN * 0.9, dashed=True)),
    Scale("layer", whole=True),
    Scale("norm", log=True),
)
NAMED = Scatter(
    np.array([1.0, 10.0, 100.0]),
    np.array([3.0, 0.2, 5_000.0]),
    Scale("one", log=True),
    Scale("other", log=True),
    tip=lambda i: f"L{i}H0",
    names=((0, "L0H0"), (2, "L2H0")),
    tones=("accent", "above", "accent"),
    traces=(Trace(np.array([1.0, 100.0]), np.array([1.0, 1_000.0]), "a fit"),),
)


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
        BARS,
        FITTED,
        NAMED,
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


def test_a_place_without_a_value_is_chosen_and_not_marked(plot):
    plot.show_picture(CURVES)
    before = drawn(plot)
    plot.set_selected(2)
    assert plot.selected() == 2
    assert drawn(plot) == before


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


def test_bars_are_of_the_maps_colours_by_their_sign(plot):
    plot.show_picture(Curves((Line("", np.array([1.0, -1.0]), bars=True, signed=True),)))
    seen = drawn(plot)
    for index, tone in ((0, "above"), (1, "below")):
        end, base = plot.point(index).toPoint(), plot.point(1 - index).toPoint()
        middle = QPoint(end.x(), end.y() + (base.y() - end.y()) // 4)
        assert seen.pixelColor(middle).name() == tone_colour(tone).name()


def test_bars_of_two_lines_stand_side_by_side(plot):
    ones = np.ones(2)
    plot.show_picture(Curves((Line("a", ones, bars=True), Line("b", ones, bars=True, tone="mark"))))
    seen, at = drawn(plot), plot.point(0).toPoint()
    left, right = (seen.pixelColor(at + QPoint(dx, 40)).name() for dx in (-20, 20))
    assert (left, right) == (tone_colour("accent").name(), tone_colour("mark").name())


def test_a_log_axis_has_plain_numbers_with_room_between_them(plot):
    import pyqtgraph as pg

    for grown, told in ((GROWN, ["100", "1,000", "10,000"]), (GROWN[:3], ["100", "200"])):
        plot.show_picture(Curves((Line("", grown),), up=Scale(log=True)))
        QApplication.processEvents()
        items = find(plot, QGraphicsView).scene().items()
        (axis,) = [i for i in items if isinstance(i, pg.AxisItem) and i.orientation == "left"]
        ((_spacing, places),) = axis.tickValues(*axis.range, axis.size().height())
        shown = axis.tickStrings(places, 1.0, 1.0)
        assert set(told) <= set(shown)
        assert len(shown) < 14


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((96.0, 141.0), ["100", "120", "140"]),
        ((21.0, 29.5), ["22", "24", "26", "28"]),
        ((1001.0, 1007.0), ["1,002", "1,004", "1,006"]),
        ((0.0, 16.0), ["0", "1", "10"]),
        ((9.0, 14.0), ["10", "12", "14"]),
    ],
)
def test_a_log_axis_below_a_power_of_ten_has_numbers_and_its_name_says_that_it_is_one(
    plot, values, told
):
    import pyqtgraph as pg

    zero = values in {(0.0, 16.0), (9.0, 14.0)}
    plot.resize(320, 200)
    up = Scale("count", log=True, zero=zero)
    plot.show_picture(Curves((Line("", np.array(values)),), up=up))
    QApplication.processEvents()
    items = find(plot, QGraphicsView).scene().items()
    (axis,) = [i for i in items if isinstance(i, pg.AxisItem) and i.orientation == "left"]
    ((_spacing, places),) = axis.tickValues(*axis.range, axis.size().height())
    assert set(told) <= set(axis.tickStrings(places, 1.0, 1.0))
    assert "count, log scale" in axis.labelString()


@pytest.mark.parametrize("up", [Scale("adds"), Scale("rank", log=True, zero=True)])
@pytest.mark.parametrize("height", range(90, 240, 6))
def test_numbers_above_each_other_do_not_touch_however_low_a_plot_is(plot, height, up):
    import pyqtgraph as pg

    values = np.array([0.0, 3.0, 50.0, 900.0, 49_151.0]) if up.log else np.array([-0.9, 0.4, 3.4])
    plot.resize(320, height)
    plot.show_picture(Curves((Line("", values),), up=up))
    QApplication.processEvents()
    items = find(plot, QGraphicsView).scene().items()
    (axis,) = [i for i in items if isinstance(i, pg.AxisItem) and i.orientation == "left"]
    low, high = axis.range
    size = axis.size().height()
    ((_spacing, places),) = axis.tickValues(low, high, size)
    apart = np.diff(sorted(places)) * size / (high - low)
    assert len(places) >= 2
    assert apart.min() > QFontMetricsF(mono_font(10)).height()


def test_a_dot_of_a_log_scatter_is_found_and_told(plot, qtbot):
    plot.show_picture(NAMED)
    with qtbot.waitSignal(plot.point_clicked) as chosen:
        click(plot, 1)
    assert chosen.args == [1]
    qtbot.mouseMove(viewport(plot), plot.point(2).toPoint())
    assert plot.accessibleDescription() == "L2H0"


def test_names_out_of_sight_are_not_drawn(plot):
    import pyqtgraph as pg

    plot.show_picture(NAMED)
    items = find(plot, QGraphicsView).scene().items()
    names = [i for i in items if isinstance(i, pg.TextItem) and not isinstance(i, pg.InfLineLabel)]
    assert [name.isVisible() for name in names] == [True, True]
    for _time in range(4):
        QTest.keyClick(plot, Qt.Key.Key_Plus)
    assert [name.isVisible() for name in names] == [False, False]


def shown_names(plot):
    """Return the names in sight, each with its box on the scene."""
    import pyqtgraph as pg

    items = find(plot, QGraphicsView).scene().items()
    names = [i for i in items if isinstance(i, pg.TextItem) and not isinstance(i, pg.InfLineLabel)]
    return {
        name.toPlainText(): name.mapRectToScene(name.boundingRect())
        for name in names
        if name.isVisible()
    }


def test_names_stand_beside_their_dots_and_none_over_another(plot):
    plot.resize(600, 400)
    x = np.array([0.0, 0.5, 0.501, 1.0, 0.3, 0.32, 0.31, 0.33])
    y = np.array([0.0, 0.5, 0.501, 1.0, 0.8, 0.8, 0.81, 0.79])
    names = tuple((at, f"L0H{at}") for at in range(4))
    plot.show_picture(Scatter(x, y, names=names))
    found = shown_names(plot)
    assert {"L0H0", "L0H3"} <= set(found)  # also at the very ends
    boxes = list(found.values())
    for at, one in enumerate(boxes):
        assert not any(one.intersects(other) for other in boxes[at + 1 :])
    area = find(plot, QGraphicsView).viewport().rect()
    assert all(area.contains(box.toRect()) for box in boxes)
    for name, box in found.items():
        dot = plot.point(int(name[-1]))
        near = np.hypot(
            max(box.left() - dot.x(), 0, dot.x() - box.right()),
            max(box.top() - dot.y(), 0, dot.y() - box.bottom()),
        )
        assert near < 11, name


def test_a_name_that_several_dots_would_lie_beneath_is_left_out(plot):
    plot.resize(600, 400)
    side = np.linspace(0, 1, 60)
    x, y = (part.ravel() for part in np.meshgrid(side, side))
    middle = 30 * 60 + 30
    plot.show_picture(Scatter(x, y, names=((0, "first"), (middle, "L9H9"))))
    assert "L9H9" not in shown_names(plot)


def test_a_legend_says_what_is_drawn_and_hides_without_words(qtbot, themed):
    legend = Legend()
    qtbot.addWidget(legend)
    legend.show_keys(BARS.entries())
    assert legend.texts() == ["raises", "MLP"]
    assert legend.accessibleDescription() == "raises, MLP"
    legend.show_keys(NAMED.entries())
    assert [key.drawn for key in NAMED.entries()] == ["dashed"]
    legend.resize(300, 30)
    legend.show()
    legend.grab()
    legend.show_keys(Curves((Line("alone", VALUES),)).entries())
    assert legend.isHidden()


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


@pytest.mark.parametrize("picture", [CURVES, DOTS, BARS, FITTED, NAMED])
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
