from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_app.analyses.repeat import GPT2_SMALL
from desktop_app.views import repeat_data
from desktop_app.views.repeat import RepeatView
from desktop_app.views.repeat_plot import RepeatPlot, _round_values
from desktop_app.widgets.selection import Selection
from tests.views import samples
from tests.views.test_detect import sequence

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def repeat_result(*, effects=True, **changes):
    """Two sequences of BOS + r + r, r of three tokens; the second time is 3 nats better."""
    logprob = np.array([[-4.0, -4.0, -4.0, -3.0, 0.0, 0.0], [-4.0, -4.0, -4.0, -3.0, -1.0, -1.0]])
    mlp = np.zeros((2, 3))
    mlp[1, 2] = 0.5
    data = {
        "logprob": logprob,
        "correct": logprob > -2,
        "logprob_first": -4.0,
        "logprob_second": -8 / 6,
        "accuracy_first": 0.0,
        "accuracy_second": 2 / 3,
        "ceiling": 2 / 3,
        "uniform": -3.9,
        "positions": np.array([4, 5, 6]),
        "sources": np.array([1, 2, 3]),
        "layers": np.array([0, 1]),
        "lead": {"id": 0, "piece": "<s>"},
        "effect_sequences": 2,
        "author": GPT2_SMALL,
    }
    if effects:
        data |= {"mlp_effect": mlp, "attn_effect": -mlp / 5}
    return samples.result_of("repeat", data, prompts=(sequence(), sequence()), **changes)


@pytest.fixture
def view(make_view):
    view = make_view("repeat")
    view.show_result(repeat_result())
    return view


def test_the_curve_is_the_mean_over_sequences_with_its_spread():
    shown = repeat_data.curve(repeat_result(), None)
    assert shown.mean.tolist() == [-4, -4, -4, -3, -0.5, -0.5]
    assert shown.low[4] == -1.0
    assert shown.high[4] == 0.0
    assert shown.half == 3
    assert shown.one is None
    assert repeat_data.curve(repeat_result(), 1).one[5] == -1.0


def test_the_authors_numbers_stand_beside_the_own_ones(view):
    texts = view._numbers.texts()
    assert texts[0] == [
        "log-probability, nats", "−4.000", "−1.333", "blind guess −3.900", "−13.898", "−0.644",
    ]  # fmt: skip
    assert texts[1] == ["accuracy", "0.000", "0.667", "at best 0.667", "0.00", "0.93"]
    assert view._gain.full_text().startswith("The second time is 2.67 nats per token better")


def test_columns_are_named_by_the_token_that_is_kept_the_same(view):
    assert repeat_data.column_labels(repeat_result(), 0) == ["a", "b", "c"]
    tip = repeat_data.effect_tip(repeat_result(), "mlp_effect", 0, 1, 2)
    assert tip.startswith("L1 MLP: +0.5000 nats")
    assert "position 6 takes the output of position 3, the same token (c in sequence 1)" in tip


def test_both_maps_share_a_scale_about_zero(view):
    assert view._maps["mlp_effect"].values()[1, 2] == 0.5
    for shown in view._maps.values():
        assert shown._look["limits"] == (-0.5, 0.5)
    assert view._notes["mlp_effect"].full_text() == "Most: L1 position 6, +0.500 nats"


def test_maps_that_were_not_asked_for_take_no_room(view):
    view.show_result(repeat_result(effects=False))
    assert view._lower.isHidden()
    view.show_result(repeat_result())
    assert not view._lower.isHidden()


def test_a_sequence_can_be_chosen(view):
    assert view._curve.one is None
    view._sequence.setValue(2)
    assert view._curve.one.tolist() == [-4, -4, -4, -3, -1, -1]
    assert "sequence 2" in view._read_out.full_text()
    view.show_result(repeat_result())
    assert view._sequence.value() == 0


def test_the_pointer_tells_the_position(view):
    view._sequence.setValue(1)
    place = view._plot.point(4, -1.0).toPoint()
    QTest.mouseMove(view._plot, QPoint(place.x(), place.y()))
    view._plot._set_hover(view._plot.position_at(place.x()))
    told = view._read_out.full_text()
    assert told == "position 4, second half: mean −0.500 nats · sequence 1: a → b 0.000"
    view._plot._set_hover(-1)
    assert view._read_out.full_text().startswith("Blue")


def test_points_and_positions_agree(themed, qtbot):
    plot = RepeatPlot()
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show_curve(repeat_data.curve(repeat_result(), None))
    for position in range(6):
        assert plot.position_at(plot.point(position, -1.0).x()) == position
    assert plot.position_at(1.0) == -1
    assert plot.point(0, 0.0).y() == pytest.approx(plot.plot_rect().top())
    assert plot.point(0, -4.0).y() > plot.point(0, -1.0).y()


def test_the_axis_has_round_values():
    assert _round_values(-10.0, 0.0) == [0, -2, -4, -6, -8, -10]
    assert _round_values(-0.9, 0.0) == pytest.approx([0, -0.2, -0.4, -0.6, -0.8])


def test_the_halves_are_shaded_differently(view):
    image = view._plot.grab().toImage()
    left, right = view._plot.point(0, -0.05), view._plot.point(4, -3.5)
    colours = {image.pixel(point.toPoint()) for point in (left, right)}
    assert len(colours) == 2


def test_a_view_is_freed(themed):
    view = RepeatView(Selection())
    view.show_result(repeat_result())
    gone = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None
