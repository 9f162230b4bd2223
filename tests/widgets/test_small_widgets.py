from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QProgressBar, QPushButton, QWidget

from desktop_app.pictures.matrix import Matrix, numbered
from desktop_app.widgets.basics.chip import Chip, ChipRow, ChipSpec
from desktop_app.widgets.basics.colormaps import diverging_map, lookup
from desktop_app.widgets.basics.job_bar import JobBar, duration
from desktop_app.widgets.basics.layouts import FlowLayout
from desktop_app.widgets.basics.messages import Badge, Banner, EmptyState
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import apply_theme, theme_hub
from desktop_app.widgets.matrix.color_bar import ColorBar, tick_text, ticks
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.finding import find, in_sight, press, said


def test_a_chip_offers_itself_and_its_fix(shown, qtbot):
    chip = Chip(ChipSpec("trailing_space", "trailing space", "warn", "why", "Fix"))
    shown(chip, 200, 26)
    with qtbot.waitSignal(chip.fix_clicked) as told, qtbot.assertNotEmitted(chip.clicked):
        qtbot.mouseClick(chip.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert told.args == ["trailing_space"]
    with qtbot.waitSignal(chip.clicked) as told:
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert told.args == ["trailing_space"]
    with qtbot.waitSignal(chip.clicked):
        qtbot.keyClick(chip, Qt.Key.Key_Space)
    assert chip.accessibleName() == "warn: trailing space"
    assert chip.toolTip() == "why"


def test_chips_replace_each_other_and_wrap(shown, qtbot):
    row = ChipRow()
    row.set_chips([ChipSpec(str(i), f"notice number {i}", "info") for i in range(8)])
    shown(row, 300, 200)
    assert row.heightForWidth(300) > row.heightForWidth(2000)
    row.set_chips([ChipSpec("a", "one", "bad", "", "Fix"), ChipSpec("b", "two")])
    assert [chip.code for chip in row.chips()] == ["a", "b"]
    with qtbot.waitSignal(row.fix_clicked) as told:
        row.chips()[0].findChild(QPushButton).click()
    assert told.args == ["a"]
    with qtbot.waitSignal(row.chip_clicked) as told:
        qtbot.mouseClick(row.chips()[1], Qt.MouseButton.LeftButton)
    assert told.args == ["b"]
    row.clear()
    assert row.chips() == ()
    assert row.heightForWidth(300) == 0


def test_flow_wraps_and_skips_what_is_hidden(shown):
    room = QWidget()
    flow = FlowLayout(room, 8)
    parts = [QWidget() for _ in range(5)]
    for part in parts:
        part.setFixedSize(100, 20)
        flow.addWidget(part)
    shown(room, 330, 100)
    assert [part.geometry().topLeft().toTuple() for part in parts] == [
        (0, 0),
        (108, 0),
        (216, 0),
        (0, 28),
        (108, 28),
    ]
    parts[0].hide()
    flow.setGeometry(QRect(0, 0, 330, 100))
    assert parts[1].geometry().left() == 0
    assert flow.heightForWidth(330) == 48
    assert flow.itemAt(0).widget() is parts[0]
    assert flow.itemAt(5) is None


def test_segments(shown, qtbot):
    control = SegmentedControl([(1, "One"), (2, "Two"), (3, "Three")])
    shown(control, 240, 28)
    assert control.value() == 1
    with qtbot.assertNotEmitted(control.changed):
        control.set_value(3)
    with qtbot.waitSignal(control.changed) as told:
        qtbot.mouseClick(find(control, QPushButton, "Two"), Qt.MouseButton.LeftButton)
    assert told.args == [2]
    with qtbot.assertNotEmitted(control.changed):
        qtbot.mouseClick(find(control, QPushButton, "Two"), Qt.MouseButton.LeftButton)
    with pytest.raises(ValueError, match="none of 1, 2, 3"):
        control.set_value(4)


def test_toggle_by_mouse_and_space(shown, qtbot):
    toggle = shown(Toggle("Preview"), 140, 28)
    qtbot.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert toggle.isChecked()
    qtbot.keyClick(toggle, Qt.Key.Key_Space)
    assert not toggle.isChecked()


def test_banner_speaks_acts_and_goes(shown, qtbot):
    banner = Banner()
    shown(QWidget(), 10, 10)
    assert banner.isHidden()
    shown(banner, 500, 60)
    banner.show_message("It does not fit.", "bad", [("small", "Use bfloat16"), ("disk", "Offload")])
    assert banner.text() == "It does not fit."
    buttons = {button.text(): button for button in banner.findChildren(QPushButton)}
    with qtbot.waitSignal(banner.action_clicked) as told:
        qtbot.mouseClick(buttons["Offload"], Qt.MouseButton.LeftButton)
    assert told.args == ["disk"]
    press(banner, "Dismiss this notice")
    assert banner.isHidden()
    banner.show_message("Again.", dismissible=False)
    assert not in_sight(banner, QAbstractButton)


def test_empty_state_and_badge(shown, qtbot):
    empty = EmptyState("ablate", "No ablation yet", "Run it.", "Run")
    shown(empty, 400, 300)
    with qtbot.waitSignal(empty.action_clicked):
        press(empty, "Run")
    empty.set_content("info", "Nothing", "Really.")
    assert not in_sight(empty, QPushButton)
    assert empty.accessibleName() == "Nothing"
    badge = Badge("parity 2e-6")
    qtbot.addWidget(badge)
    narrow = badge.sizeHint().width()
    badge.set_badge("parity 2e-6 and more", "warn", "why")
    assert badge.sizeHint().width() > narrow
    assert (badge.text(), badge.toolTip()) == ("parity 2e-6 and more", "why")


def test_job_bar_runs_and_ends(shown, qtbot):
    bar = shown(JobBar(), 900, 36)
    cancel = find(bar, QPushButton, "Cancel the running job")
    assert not bar.is_running()
    bar.show_job("Ablation")
    assert find(bar, QProgressBar, "Progress").maximum() == 0  # not known yet: the bar only moves
    bar.set_progress(0.614, "layer 18 of 30", 0.72)
    assert "61 %" in said(bar)
    assert bar.note() == "layer 18 of 30 · 0.7 s left"
    bar.set_progress(1.7)
    assert "100 %" in said(bar)
    with qtbot.waitSignal(bar.cancel_clicked):
        qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert not cancel.isEnabled()
    bar.finish("Ablation done in 1.7 s")
    assert not bar.is_running()
    assert bar.title() == "Ablation done in 1.7 s"
    bar.show_job("Again")
    assert cancel.isEnabled()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.72, "0.7 s"),
        (-1, "0.0 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3900, "1 h 5 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_scale_numbers():
    assert ticks((-3.0, 3.0), 3) == [-3.0, 0.0, 3.0]
    assert [tick_text(v) for v in (0.0, -1.6, 12345.0, 2e-6)] == [
        "0",
        "−1.6",
        "1.23e+04",
        "2.00e−06",
    ]


MAKERS = {
    "heatmap": Heatmap,
    "pattern": PatternView,
    "grid": HeadGrid,
    "strip": TokenStrip,
    "ranking": RankingList,
    "colour bar": ColorBar,
    "chip": lambda: Chip(ChipSpec("", "x", "warn", fix_label="Fix")),
    "chips": ChipRow,
    "banner": Banner,
    "empty": lambda: EmptyState("info", "x", "y", "z"),
    "badge": lambda: Badge("x"),
    "job bar": JobBar,
    "segments": lambda: SegmentedControl([(1, "a")]),
    "toggle": Toggle,
}


def fill(widget):
    if isinstance(widget, Heatmap):
        widget.show_maps(Matrix(np.eye(3), numbered("", 3), numbered("", 3)))
    elif isinstance(widget, PatternView):
        widget.show_pattern(np.eye(3), ["a", "b", "c"])
    elif isinstance(widget, HeadGrid):
        widget.set_shape(2, 2)
        widget.set_thumbnails(np.zeros((2, 2, 3, 3)))
    elif isinstance(widget, Banner):
        widget.show_message("x")


@pytest.mark.qt_log_ignore("propagateSizeHints")
@pytest.mark.parametrize("name", MAKERS)
def test_a_deleted_widget_is_gone_and_the_theme_may_change(name, qapp):
    widget = MAKERS[name]()
    fill(widget)
    widget.grab()
    held = weakref.ref(widget)
    shiboken6.delete(widget)
    del widget
    gc.collect()
    assert held() is None
    apply_theme(qapp, "dark")
    assert theme_hub().current.dark


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("size", [(40, 20), (2000, 1200)])
def test_any_size_is_painted(name, size, shown):
    widget = MAKERS[name]()
    shown(widget, *size)
    fill(widget)
    assert not widget.grab().isNull()


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_chips_beyond_the_lines_allowed_stand_behind_a_count(qtbot):
    row = ChipRow(lines=2)
    qtbot.addWidget(row)
    row.resize(300, 80)
    row.show()
    row.set_chips(
        [ChipSpec(str(i), f"clean L{i} · 3", "info", "", "×", "Remove") for i in range(9)]
    )
    shown = [chip for chip in row.chips() if chip.isVisible()]
    assert 1 < len(shown) < 9
    assert row.more_text() == f"and {9 - len(shown)} more"
    assert row.heightForWidth(300) == 2 * 26 + 6
    row.resize(2000, 80)
    assert all(chip.isVisible() for chip in row.chips())
    assert row.more_text() == ""
    row.resize(300, 80)
    qtbot.mouseClick(find(row, Chip, f"info: {row.more_text()}"), Qt.MouseButton.LeftButton)
    assert all(chip.isVisible() for chip in row.chips())
    row.set_chips([])
    assert (row.chips(), row.more_text()) == ((), "")


def test_a_bare_sign_is_named(qtbot):
    row = ChipRow()
    qtbot.addWidget(row)
    row.set_chips([ChipSpec("0", "clean L3", "info", "", "×", "Remove")])
    button = row.chips()[0].findChild(QPushButton)
    assert button.accessibleName() == "Remove: clean L3"
    assert button.toolTip() == "Remove"


def test_a_bar_shows_the_part_of_its_colours_that_values_reach(qtbot, qapp):
    bar = ColorBar()
    qtbot.addWidget(bar)
    bar.set_scale((-0.1, 0.3), diverging=True, seen=(0.0, 0.3))
    assert bar.marks(3) == pytest.approx([0.0, 0.1, 0.3])
    assert bar.accessibleDescription() == "from 0 to 0.3"
    bar.resize(60, 116)
    bar.set_span(8, 108)
    image = bar.grab().toImage()
    table = lookup(diverging_map(), 128)
    for y, place in ((105, 34), (10, 125)):  # 0 lies a quarter up the whole, and is the lowest
        colour = image.pixelColor(13, y)
        assert abs(np.array(colour.getRgb()[:3]) - table[place, :3].astype(int)).max() < 8
    bar.set_scale((-0.1, 0.3), diverging=True)
    assert bar.marks(3) == pytest.approx([-0.1, 0.1, 0.3])
