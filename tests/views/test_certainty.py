"""Intervals and q on maps and lists, used as a person does: keys, pointer, what is written."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QToolTip

from desktop_app.contract.registry import hook
from desktop_app.pictures import certainty
from desktop_app.pictures.certainty import FEW, NO_MEAN, OF_THE_MEAN, evidence_of
from desktop_app.pictures.facts import Place
from desktop_app.pictures.statistics import adjusted, intervals, sign_flip
from desktop_app.session.export_table import table_of, write_tidy
from desktop_app.views.certainty import CertaintyChoice
from tests.finding import find, press
from tests.samples import circuits
from tests.samples.certain import ablated, attributed, effects, patched, prompts
from tests.samples.edged import edges_result

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints|raise")]
MAKERS = {"ablate": ablated, "patch": patched, "attribute": attributed}


@pytest.fixture(params=sorted(MAKERS))
def name(request):
    return request.param


def shown(make_view, name, prompts=7, **changes):
    view = make_view(name, 1400, 900)
    view.show_result(MAKERS[name](prompts, **changes))
    return view


def box(view):
    return find(view, QComboBox, "Dim cells by q")


def choose(view, level):
    """Choose a level with the keys."""
    widget = box(view)
    widget.setFocus()
    for _ in range(widget.count()):
        if widget.currentText() == level:
            return
        QTest.keyClick(widget, Qt.Key.Key_Down)
    raise AssertionError(level)


def told(view):
    return view.read_out()["certainty"]


def test_from_five_prompts_on_a_list_has_interval_and_q(make_view, name):
    view = shown(make_view, name, 5)
    row, headings = view.read_out()["ranking"][0], []
    assert told(view)["enabled"], told(view)
    assert "0.0625" in told(view)["tip"]
    headings = [text for text in row if text.startswith("[")]
    assert headings, row
    assert "95 % interval" in view.read_out()["details"]["sentence"]


def test_below_five_it_is_said_that_there_are_none(make_view, name):
    view = shown(make_view, name, 4)
    out = view.read_out()
    assert told(view)["words"] == FEW
    assert not told(view)["enabled"]
    assert not any(text.startswith("[") for text in out["ranking"][0])
    assert "95 %" not in out["details"]["sentence"]


def test_a_level_dims_what_lies_above_it_in_maps_and_lists(make_view, name):
    view = shown(make_view, name)
    result = MAKERS[name](7)
    before = view.read_out()["maps"]
    assert all(shown_.faint is None for shown_ in before)
    choose(view, "Dim q > 0.05")
    maps = view.read_out()["maps"]
    field = {"ablate": "effect", "patch": "restored", "attribute": "head"}[name]
    expected = adjusted(sign_flip(np.asarray(result.data[field], dtype=float)))
    faint = np.asarray(maps[0].faint)
    assert np.array_equal(faint, ~(expected <= 0.05).reshape(faint.shape))
    assert faint.any()
    assert not faint.all()
    assert told(view)["words"].startswith("q ≤ 0.05: ")
    cell = tuple(int(i) for i in np.argwhere(faint)[0])
    assert maps[0].cell_text(*cell).endswith(", dimmed")
    choose_back = box(view)
    for _ in range(4):
        QTest.keyClick(choose_back, Qt.Key.Key_Up)
    assert all(shown_.faint is None for shown_ in view.read_out()["maps"])


def test_five_prompts_are_said_to_give_no_small_q(make_view, name):
    view = shown(make_view, name, 5)
    choose(view, "Dim q > 0.05")
    assert told(view)["words"] == "q ≤ 0.05: none · 5 prompts: q ≥ 0.0625"
    assert np.asarray(view.read_out()["maps"][0].faint).all()


def test_a_single_prompt_has_neither(make_view):
    view = shown(make_view, "ablate")
    press(view, "This prompt")
    assert told(view)["words"] == OF_THE_MEAN
    assert not any(text.startswith("[") for text in view.read_out()["ranking"][0])
    press(view, "Mean")
    assert told(view)["enabled"]


def test_the_pointer_reads_interval_and_q(make_view):
    view = shown(make_view, "ablate")
    canvas = view.picture_widget().canvas
    at = view.picture_widget().cell_center(1, 3).toPoint()
    asked = QHelpEvent(QEvent.Type.ToolTip, QPoint(at), canvas.mapToGlobal(at))
    QApplication.sendEvent(canvas, asked)
    assert "], q = 0.0" in QToolTip.text()
    known = evidence_of(ablated(7))["effect"].finish()
    assert f"q = {known.q[1, 3]:.2g}" in QToolTip.text()


def test_prompts_of_several_lengths_have_no_mean(make_view):
    view = shown(make_view, "patch", 5, ragged=True)
    assert told(view)["words"] == NO_MEAN


def test_what_takes_long_is_computed_between_events(make_view, qtbot, monkeypatch):
    view = make_view("ablate", 1200, 800)
    # As if no time were left after every block.
    ticks = iter(range(10**9))
    monkeypatch.setattr("desktop_app.views.certainty.time.perf_counter", lambda: next(ticks))
    view.show_result(ablated(16, layers=40, heads=12))
    assert told(view)["computing"]
    assert not any("q =" in row[-1] for row in view.read_out()["ranking"])
    qtbot.waitUntil(lambda: not told(view)["computing"])
    assert (
        "q = " in view.read_out()["details"]["sentence"]
        or "q < " in (view.read_out()["details"]["sentence"])
    )


def test_another_result_stops_the_work_on_the_first(make_view, monkeypatch):
    ticks = iter(range(10**9))
    monkeypatch.setattr("desktop_app.views.certainty.time.perf_counter", lambda: next(ticks))
    view = make_view("ablate")
    view.show_result(ablated(16, layers=40, heads=12))
    view.show_result(ablated(3))
    assert not told(view)["computing"]
    assert told(view)["words"] == FEW


def test_numbers_are_computed_once_for_a_result(name, monkeypatch):
    made = MAKERS[name](6)
    first = evidence_of(made)
    assert evidence_of(made) is not first
    assert [id(one) for one in evidence_of(made).values()] == [id(one) for one in first.values()]
    monkeypatch.setattr(certainty, "hook", lambda *_: pytest.fail("asked again"))
    assert evidence_of(made).keys() == first.keys()


def test_the_table_for_a_spreadsheet_has_them(name):
    made = MAKERS[name](6)
    for field, (table, evidence) in certainty.tables_of(made).items():
        known = certainty.derived(made)
        axes, q = known[f"{field}_q"]
        assert axes == table.axes
        assert q.shape == evidence.shape[: len(axes)]
        low, high = known[f"{field}_low"][1], known[f"{field}_high"][1]
        mean = evidence.values.mean(-1).reshape(q.shape)
        assert ((low <= mean + 1e-9) & (mean <= high + 1e-9)).all()
    assert certainty.derived(MAKERS[name](4)) == {}


def test_the_table_on_the_clipboard_has_them():
    headings, rows = table_of(ablated(6))
    for name in ("effect_low", "effect_high", "effect_p", "effect_q"):
        assert name in headings
        assert float(rows[0][headings.index(name)]) is not None


@pytest.mark.parametrize("name", ["attribute", "circuit"])
def test_tables_of_an_analysis_own_have_them(name):
    made = attributed(6) if name == "attribute" else minus(6)
    values = made.data["head"] if name == "attribute" else effects(4, count=6)
    headings, rows = table_of(made)
    place = headings.index("95 % low")
    row = next(
        r for r in rows if (r[1:3] if name == "attribute" else r[:1]) in (["0", "1"], ["L0H1"])
    )
    cell = (0, 1) if name == "attribute" else (1,)
    low, high = intervals(np.asarray(values))
    q = adjusted(sign_flip(np.asarray(values)))
    assert [float(text) for text in row[place : place + 3]] == pytest.approx(
        [low[cell], high[cell], q[cell]]
    )
    few = attributed(4) if name == "attribute" else minus(4)
    assert "q" not in table_of(few)[0]


def test_interval_and_q_explain_themselves(make_view, name, selection):
    view = shown(make_view, name)
    key = {"patch": "restored "}.get(name, "")
    row = view.read_out()["keys"][0]
    selection.select_head(row[0] + (4 if name == "ablate" else 0), row[1])
    for what in ("interval", "q"):
        found = view.explain(f"{key}{what}")
        assert found is not None
        assert "prompts like these only" in found.sign
        assert found.heading == "Intervals and q"


def test_the_inspector_says_the_interval(make_view):
    made = ablated(7)

    facts = hook("ablate", "picture", "head_facts")(made, Place(0, 5, 3))
    assert next(f.value for f in facts if f.name == "95 % interval").startswith("[")


def test_the_choice_can_be_reached_and_named(make_view):
    view = shown(make_view, "ablate")
    assert box(view).focusPolicy() & Qt.FocusPolicy.TabFocus
    assert find(view, CertaintyChoice).isVisible()


def minus(count):
    """Return a circuit of four parts over so many prompts; without L0H1 and L1H1 it loses much."""
    full = np.full(count, 8.0)
    change = effects(4, count=count)
    without = full + change
    data = {
        "kept": ["0.0", "0.1", "1.0", "1.1"],
        "full": full,
        "empty": np.zeros(count),
        "score": full,
        "percent": np.full(count, 100.0),
        "percent_of_means": 100.0,
        "minus_score": without,
        "minus": without.mean(-1),
        "minus_percent": 100 * without.mean(-1) / 8,
    }
    for name in ("full", "empty", "score", "percent"):
        data[f"{name}_mean"] = float(np.mean(data[name]))
    return circuits.result(data=data, prompts=prompts(count))


def test_a_circuits_parts_have_interval_and_q_in_the_lists_unit(make_view):
    view = make_view("circuit", 1700, 900)
    view.show_result(minus(6))
    out = view.read_out()
    low, high = intervals(effects(4, count=6))
    (row,) = [one for one in out["parts"] if one[0] == "L0H1"]
    scale = 100 / 8
    assert f"[{scale * low[1]:.1f}, {scale * high[1]:.1f}]".replace("-", "−") in row
    assert f"{adjusted(sign_flip(effects(4, count=6)))[1]:.2g}" in row
    view.show_result(minus(4))
    assert view.read_out()["certainty"]["words"] == FEW
    explained = hook("circuit", "explain", "explain")
    assert explained(minus(6), "q", Place(0, 0, 1)).heading == "Intervals and q"
    assert "minus_change_q" in certainty.derived(minus(6))


def test_edges_have_interval_and_q_of_what_is_shown(make_view):
    view = make_view("edges", 1700, 900)
    made = edges_result(count=6)
    view.show_result(made)
    out = view.read_out()
    assert out["certainty"]["enabled"]
    known = evidence_of(made)["shown"].finish()
    exact = np.asarray(made.data["effect"], dtype=float)
    shown_ = np.where(np.isfinite(exact), exact, np.asarray(made.data["estimate"], dtype=float))
    assert np.array_equal(known.values, shown_, equal_nan=True)
    assert np.array_equal(known.q, adjusted(sign_flip(shown_)), equal_nan=True)
    edge = out["keys"][0]
    low, high = intervals(shown_[edge])
    assert f"[{low:.3f}, {high:.3f}]".replace("-", "−") in out["list"][0]
    choose(view, "Dim q > 0.05")
    assert view.read_out()["certainty"]["words"].startswith("q ≤ 0.05: ")
    view.show_result(edges_result(count=2))
    assert view.read_out()["certainty"]["words"] == FEW
    assert certainty.derived(made)["shown_q"][0] == ("edge",)


def test_the_csv_has_them_by_the_models_own_numbers():
    text = io.StringIO()
    write_tidy(ablated(6), text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    (found,) = [r for r in rows if (r["field"], r["layer"], r["head"]) == ("effect_q", "5", "3")]
    assert float(found["value"]) == evidence_of(ablated(6))["effect"].finish().q[1, 3]
    few = io.StringIO()
    write_tidy(ablated(4), few)
    assert "effect_q" not in few.getvalue()


def test_with_nothing_on_offer_the_choice_stays_away_whatever_room_there_is(qtbot):
    choice = CertaintyChoice()
    qtbot.addWidget(choice)
    choice.offer(())
    choice.give_room(True)
    assert choice.isHidden()
    choice.give_room(False)
    choice.offer((), why="from 5 prompts on")
    assert choice.isHidden()
    choice.give_room(True)
    assert not choice.isHidden()
