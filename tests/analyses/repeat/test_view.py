from __future__ import annotations

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QSpinBox

from desktop_app.analyses.repeat import picture as repeat_data
from desktop_app.analyses.repeat.spec import GPT2_SMALL, RepeatParams
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from tests.finding import find, in_sight
from tests.samples import drawn
from tests.samples.heads import sequence

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
    return drawn.result_of("repeat", data, prompts=(sequence(), sequence()), **changes)


@pytest.fixture
def view(make_view):
    view = make_view("repeat")
    view.show_result(repeat_result())
    return view


def test_the_curve_is_the_mean_over_sequences_with_its_spread():
    shown = repeat_data.curves(repeat_result(), None)
    (mean,) = shown.lines
    assert mean.values.tolist() == [-4, -4, -4, -3, -0.5, -0.5]
    assert (mean.low[4], mean.high[4]) == (-1.0, 0.0)
    assert [(r.start, r.end, r.text) for r in shown.regions] == [
        (-0.5, 2.5, "first half"),
        (2.5, 5.5, "second half"),
    ]
    assert [(m.value, m.text) for m in shown.marks] == [(-3.9, "blind guess −3.90")]
    assert shown.up.limits == pytest.approx((-4.16, 0.0))
    assert repeat_data.curves(repeat_result(), 1).lines[1].values[5] == -1.0


def test_the_authors_numbers_stand_beside_the_own_ones(view):
    texts = view.read_out()["numbers"]
    assert texts[0] == [
        "log-probability, nats", "−4.000", "−1.333", "blind guess −3.900", "−13.898", "−0.644",
    ]  # fmt: skip
    assert texts[1] == ["accuracy", "0.000", "0.667", "at best 0.667", "0.00", "0.93"]
    assert view.read_out()["gain"] == "The second time is 2.67 nats per token better"


def test_columns_are_named_by_the_token_that_is_kept_the_same(view):
    assert repeat_data.column_labels(repeat_result(), 0) == ["a", "b", "c"]
    tip = repeat_data.effect_tip(repeat_result(), "mlp_effect", 0, 1, 2)
    assert tip.startswith("L1 MLP: +0.5000 nats")
    assert "position 6 takes the output of position 3, the same token (c in sequence 1)" in tip


def test_both_maps_share_a_scale_about_zero(view):
    assert view.read_out()["maps"]["mlp_effect"][0].values[1, 2] == 0.5
    for shown in view.read_out()["maps"].values():
        assert shown[0].limits == (-0.5, 0.5)
    assert view.read_out()["notes"]["mlp_effect"] == (
        "mean of all 2 sequences · most at L1 position 6: +0.500 nats"
    )


def test_maps_that_were_not_asked_for_take_no_room(view):
    view.show_result(repeat_result(effects=False))
    assert view.read_out()["maps"] == {}
    view.show_result(repeat_result())
    assert set(view.read_out()["maps"]) == {"mlp_effect", "attn_effect"}


def test_a_sequence_can_be_chosen(view):
    assert len(view.read_out()["curves"].lines) == 1
    find(view, QSpinBox, "Sequence").setValue(2)
    assert view.read_out()["curves"].lines[1].values.tolist() == [-4, -4, -4, -3, -1, -1]
    assert "sequence 2" in view.read_out()["hint"]
    view.show_result(repeat_result())
    assert view.read_out()["sequence"] == 0
    assert view.read_out()["hint"].startswith("Blue")


def test_a_position_is_told(view):
    find(view, QSpinBox, "Sequence").setValue(1)
    assert view.read_out()["curves"].text(4) == (
        "position 4, second half: mean −0.500 nats · sequence 1: a → b 0.000"
    )
    find(view, QSpinBox, "Sequence").setValue(0)
    assert view.read_out()["curves"].text(1) == "position 1, first half: mean −4.000 nats"


def test_the_halves_are_shaded_differently(view):
    plot = find(view, Plot, "Log-probability per position")
    image = plot.grab().toImage()
    first, last = plot.point(0), plot.point(5)
    heights = {round(first.y()) - 12, round(last.y()) + 12}
    left = image.pixelColor(round(first.x()), max(heights))
    right = image.pixelColor(round(last.x()), max(heights))
    assert left != right


def test_a_view_is_freed(themed):
    view = create_view("repeat", Selection())
    view.show_result(repeat_result())
    gone = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None


def halves_of(result):
    """Return what a run sends before its maps."""
    return {name: v for name, v in result.data.items() if "effect" not in name}


def test_the_curve_is_drawn_while_the_maps_are_computed(make_view):
    view = make_view("repeat")
    view.show_busy(True)
    view.show_partial(halves_of(repeat_result()))
    assert view.read_out()["drawn"]
    assert view.read_out()["gain"].startswith("The second time is 2.67")
    assert view.read_out()["numbers"][1][1:3] == ["0.000", "0.667"]
    assert view.read_out()["curves"].lines[0].values.tolist() == [-4, -4, -4, -3, -0.5, -0.5]
    assert view.read_out()["maps"] == {}


def test_the_maps_fill_as_they_come(make_view):
    view = make_view("repeat")
    view.show_busy(True)
    view.show_partial(halves_of(repeat_result()))
    first = np.array([[0.2, np.nan, np.nan], [np.nan] * 3])
    view.show_partial({"mlp_effect": first, "effect_sequences": 1})
    assert set(view.read_out()["maps"]) == {"mlp_effect"}
    assert view.read_out()["notes"]["mlp_effect"] == (
        "mean of 1 of 2 sequences · most at L0 position 4: +0.200 nats"
    )
    view.show_partial({"mlp_effect": np.full((2, 3), np.nan), "effect_sequences": 1})
    assert view.read_out()["notes"]["mlp_effect"] == "mean of 1 of 2 sequences"
    view.show_partial(halves_of(repeat_result()))  # another run begins
    assert view.read_out()["maps"] == {}


def test_a_part_without_the_curve_draws_nothing(make_view):
    view = make_view("repeat")
    view.show_partial({"mlp_effect": np.zeros((2, 3))})
    assert not view.read_out()["drawn"]


def test_a_cancelled_run_gives_the_old_picture_back(view):
    view.show_busy(True)
    changed = halves_of(repeat_result()) | {"logprob_second": -3.0}
    view.show_partial(changed)
    assert view.read_out()["gain"].startswith("The second time is 1.00")
    view.show_busy(False)
    assert view.read_out()["gain"].startswith("The second time is 2.67")
    assert set(view.read_out()["maps"]) == {"mlp_effect", "attn_effect"}


def test_many_columns_are_numbered_rather_than_written_out():
    result = repeat_result()
    positions = np.arange(21, 41)
    result = dataclasses.replace(result, data={**result.data, "positions": positions})
    assert repeat_data.column_labels(result, 0) == [str(p) for p in range(21, 41)]


def test_the_maps_keep_their_room_in_a_small_window(view):
    view.resize(700, 420)
    QApplication.processEvents()
    shown = in_sight(view, Heatmap)
    assert len(shown) == 2
    for one in shown:
        assert one.canvas.frame.plot.height() > 130


def test_maps_are_of_one_sequence_in_the_form_and_on_the_command_line(view):
    assert (RepeatParams().seq_len, RepeatParams().effect_batch) == (50, 1)
    assert view.params() == RepeatParams()
    editor = find(view, ParamsForm).editor("effect_batch")
    editor.set_value(0)
    assert editor.control.text() == "all"
    assert view.params().effect_batch == 0
