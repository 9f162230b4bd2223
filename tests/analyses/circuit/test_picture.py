"""What is said of a circuit, for the window, the terminal, the spreadsheet; no Qt."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.circuit import picture, plots, tables
from desktop_app.analyses.circuit.explain import WHATS
from desktop_app.analyses.circuit.outcome import Outcome, change_grid, costs
from desktop_app.pictures.explained import explain
from desktop_app.pictures.facts import Place
from tests.samples import circuits


def test_each_part_costs_what_it_is_worth():
    result = circuits.result("0.1,2.2,3.1", minus=True)
    full = float(circuits.metric(circuits.whole()).mean())
    found = {cost.part: cost.change for cost in costs(result.data)}
    assert found == {
        part: pytest.approx(-100 * 0.75 * circuits.WORTH[part] / full)
        for part in ((0, 1), (2, 2), (3, 1))
    }
    grid = change_grid(result)
    assert np.isfinite(grid).sum() == 3
    assert picture.best_head(result) == (2, 2)


def test_of_a_metric_that_harm_raises_the_costliest_comes_first_as_well():
    data = circuits.scored("0.1,2.2", minus=True)
    data["minus"] = np.array([5.0, 9.0])
    data["percent_of_means"] = math.nan
    data["score"] = np.array([4.0, 4.0])
    result = circuits.result("0.1,2.2", data=data, params={"metric": "loss"})
    assert picture.best_head(result) == (2, 2)
    assert [row.key for row in tables.parts_ranking(result).rows] == [(2, 2), (0, 1)]


def test_random_sets_in_words():
    sets = (90.0, 90.163934426)
    told = picture.beside(circuits.result("0.1,2.2,3.1", controls=sets))
    assert "best 90.2 % (one keeps as much)" in told
    named = {"control_sets": ["0.1,2.2,3.1", "0.0"]}
    told = picture.beside(circuits.result("0.1,2.2,3.1", controls=sets, data=named))
    assert "(one keeps as much, 1 being this very set)" in told
    assert "as large would be the same" in picture.beside(circuits.result("all"))
    asked = circuits.result("2.2", params={"controls": 0})
    assert "no random sets were scored" in picture.beside(asked)
    one = picture.beside(circuits.result("2.2", controls=(5.0,)))
    assert "one random set as large 5.0 %" in one


def test_how_it_was_made():
    grouped = {"groups": [{"group": "a"}, {"group": "b"}], "reference_size": 1}
    told = picture.how(circuits.result(data=grouped, params={"means": "as-published"}))
    assert told == (
        "Every part outside is replaced by its mean over 1 reference prompt, taken as published, "
        "2 template groups apart; all MLPs stay."
    )
    told = picture.how(circuits.result(params={"reference": ()}))
    assert told == (
        "Every part outside is replaced by its mean over the 5 prompts themselves; all MLPs stay. "
        "A reference set of other prompts says more (Make prompts…)."
    )
    told = picture.how(circuits.result(params={"replace": "zero", "mlps": True}))
    assert told == "Every part outside is replaced by zero."


def test_some_prompts_fail_the_gate():
    told = picture.gate(circuits.result(data={"task_done": np.array([True, False])}))
    assert told == "The model does not do this task on prompt 2: its percentages are withheld."
    assert picture.gate(circuits.result()) == ""


def test_lines_for_a_terminal():
    lines = list(picture.lines(circuits.result("0.1,2.2", minus=True, controls=(3.0, 4.0))))
    assert lines[0].startswith("2 of 12 heads keep 80.3 %")
    assert any(line.strip().startswith("L2H2") and "points" in line for line in lines)
    pruned = list(picture.lines(circuits.pruned()))
    assert pruned[-1] == "pruned: 10 of 14 trials dropped a part, in 2 passes"


def test_the_table_has_every_part():
    headings, rows = picture.table(circuits.pruned())
    assert headings[:5] == ["part", "layer", "head", "state", "positions"]
    assert len(rows) == 12
    states = {row[0]: row[3] for row in rows}
    assert states["L0H1"] == "kept"
    assert states["L3H0"] == "dropped"
    _headings, rows = picture.table(circuits.result("0.1,2.2@-1", minus=True))
    kept = {row[0]: row for row in rows if row[3] == "kept"}
    assert kept["L2H2"][4] == "-1"
    assert float(kept["L0H1"][5]) == pytest.approx(1.7)


def test_the_curve_follows_the_circuit():
    data = circuits.trail(20.0)
    curve = plots.trail_curve(data, 80.0)
    circuit, tried = (line.values for line in curve.lines)
    stayed = data["trail_kept"]
    np.testing.assert_array_equal(circuit[stayed], data["trail_before"][stayed])
    np.testing.assert_array_equal(circuit[~stayed], data["trail_after"][~stayed])
    np.testing.assert_array_equal(tried, data["trail_after"])
    assert (circuit > 80.0).all()
    assert curve.text(0) == "step 1, pass 1: L3H0\n100.0 % with it, 100.0 % without\ndropped"


@pytest.mark.parametrize("what", WHATS)
def test_every_number_is_taken_apart(what):
    result = circuits.result("0.1,2.2,3.1", minus=True, controls=(10.0, 22.0))
    told = explain(result, what, Place(0, 2, 2))
    assert told is not None
    assert told.name
    if what == "percent":
        assert told.working == "100 · 2.750 / 3.050 = 90.2 %   (means of 2 prompts)"
    if what == "minus":
        assert told.working == "41.0 % − 90.2 % = −49.2 points   (L2H2)"
    if what == "faithfulness":
        assert told.working == "(3.600 − 0.200) / (4.000 − 0.200) = 0.895   (prompt 1)"


def test_nothing_is_made_up_where_nothing_is_known():
    result = circuits.withheld()
    assert math.isnan(Outcome.of(result.data).percent)
    for what in WHATS:
        explain(result, what, Place())
    assert "withheld" in explain(result, "percent", Place()).working
    assert tables.prompt_rows(result).rows[0].values[4] != 0
