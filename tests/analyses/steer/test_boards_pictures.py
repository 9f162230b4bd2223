from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.steer import findings_picture as findings
from desktop_app.analyses.steer import scan_picture as scans
from desktop_app.analyses.steer import sweep_picture as sweeps
from desktop_app.analyses.steer.made import made_with
from desktop_app.analyses.steer.picture import lines
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.analyses.steer.sweep_page import read_coefs, write_coefs
from desktop_app.analyses.steer.swept_cell import cell_settings
from desktop_app.contract.steering import timeline
from tests.samples import boards


def sweep(**changes):
    result = boards.sweep_result(**changes)
    return sweeps.sweep_of(result.data, result.params, result.prompts)


# The sweep.


def test_the_effect_is_the_change_of_the_metric():
    found = sweep()
    expected = [[boards.effect(layer, c) for c in boards.COEFS] for layer in boards.LAYERS]
    assert np.allclose(found.effect, expected)
    assert (found.effect[:, 2] == 0).all()  # a coefficient of 0 is no edit at all
    assert np.allclose(found.control_effect, np.array(expected) / 10)
    assert found.metric_words == "logit difference"


def test_effect_and_fluency_are_two_maps_each_beside_its_control():
    found = sweep()
    effect, control = sweeps.effect_maps(found)
    loss, control_loss = sweeps.fluency_maps(found)
    assert effect.limits == control.limits == (-3.0, 3.0)
    assert effect.diverging
    assert not loss.diverging
    assert loss.limits == control_loss.limits == (2.0, 5.0)  # from the plain text's loss on
    assert list(effect.rows.labels) == ["0", "1", "2"]
    assert list(effect.columns.labels) == ["−4", "−1", "0", "1", "4"]
    assert effect.value_text(2, 4) == "+3.000"
    tip = effect.tip_text(2, 4)
    assert "Layer 2 · coefficient 4" in tip
    assert "Random control" in tip
    assert "Unsteered" in tip


def test_without_control_or_base_less_is_claimed():
    none = dict.fromkeys(("sweep_control_metric", "sweep_control_loss", "base"))
    found = sweep(**none)
    (only,) = sweeps.effect_maps(found)
    assert "change" not in only.sentence
    assert np.allclose(found.effect, found.values)
    assert "andom" not in sweeps.cell_sentence(found, (0, 0))


def test_a_single_layer_is_no_layers():
    data = boards.sweep_data()
    one = {
        name: data[name][:1] for name in data if name.startswith("sweep_") and name != "sweep_coef"
    }
    found = sweeps.sweep_of(data | one, boards.SETTINGS)
    assert sweeps.headline(found).startswith("1 layer × 5 coefficients.")


def test_a_column_that_multiplies_several_coefficients_is_no_coefficient():
    result = boards.result(boards.sweep_data(), coef=[3.0, -1.0])
    found = sweeps.sweep_of(result.data, result.params, result.prompts)
    assert sweeps.headline(found).startswith("3 layers × 5 multiples.")
    assert found.name((0, 0)).startswith("Layer 0 · multiple ")


def test_an_amount_has_no_sign():
    result = boards.result(boards.sweep_data(base=np.zeros(2)), metric="kl")
    found = sweeps.sweep_of(result.data, result.params, result.prompts)
    assert not sweeps.effect_maps(found)[0].diverging


def test_a_sweep_under_way_has_holes():
    data = boards.sweep_data()
    for name in ("sweep_metric", "sweep_loss", "sweep_control_metric", "sweep_control_loss"):
        data[name] = data[name].copy()
        data[name][1:] = np.nan
    found = sweeps.sweep_of(data, boards.SETTINGS)
    assert sweeps.headline(found).startswith("3 layers × 5 coefficients, 5 of 15 cells so far")
    assert sweeps.strongest(found) in {(0, 0), (0, 4)}
    assert len(sweeps.cells_ranking(found).rows) == 5
    assert "not been computed" in sweeps.cell_sentence(found, (2, 0))
    assert "not computed yet" in sweeps.cell_tip(found, 2, 0)
    data["sweep_metric"][:] = data["sweep_control_metric"][:] = np.nan
    empty = sweeps.sweep_of(data, boards.SETTINGS)
    assert sweeps.strongest(empty) is None
    assert sweeps.effect_maps(empty)[0].limits == (-1.0, 1.0)


def test_cells_are_listed_by_the_size_of_their_effect():
    rows = sweeps.cells_ranking(sweep()).rows
    assert {rows[0].key, rows[1].key} == {(2, 0), (2, 4)}
    assert len(rows) == 15


def test_a_cell_has_a_text_for_each_prompt():
    result = boards.sweep_result()
    rows = sweeps.cell_texts(result, sweep(), (1, 3)).rows
    assert [row.key for row in rows] == [0, 1]
    assert rows[1].values[1] == "text␠1␠3␠1"
    assert rows[1].values[2] == pytest.approx(boards.effect(1, 1.0) + 2)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="names"):
        sweep(sweep_layer=np.arange(7))
    with pytest.raises(ValueError, match="shape"):
        sweep(sweep_loss=np.zeros((2, 2)))
    assert sweeps.sweep_of({}, {}) is None
    assert not sweeps.has_sweep({"sweep_metric": np.zeros((0, 3))})


def test_the_run_of_a_cell_is_the_sweeps_own_at_that_strength():
    result = boards.sweep_result()
    changes = made_with(result.params) | cell_settings(result.params, sweep(), (2, 0))
    params = SteerParams().model_copy(update=changes)
    (only,) = params.interventions()
    assert (only.layer, only.coef, only.to_texts) == (2, -4.0, ("good", "nice"))
    assert params.sweep_layers == ""
    assert params.sweep_coefs == ()
    assert made_with({"layer": "nowhere"}) == {}
    each_own = {**result.params, "add": ["v.safetensors"], "coef": [2.0, -1.0]}
    assert cell_settings(each_own, sweep(), (0, 4))["coef"] == (8.0, -4.0)


def test_a_factor_is_swept_where_there_is_no_vector():
    params = {"scale": 2.0, "sweep_coefs": list(boards.COEFS)}
    assert sweeps.sweeps_factor(params)
    result = boards.result(boards.sweep_data(), scale=2.0, **{"from": [], "to": []})
    found = sweeps.sweep_of(result.data, result.params, result.prompts)
    assert found.way == "Factor"
    assert cell_settings(result.params, found, (0, 3))["scale"] == 1.0
    assert 1.0 in sweeps.offered_coefs(params)
    assert sweeps.offered_coefs({"coef": (-3.0,)})[0] == -6.0
    assert not sweeps.can_sweep({"zero": True})


def test_coefficients_are_as_short_as_they_can_be_and_read_back():
    told = {1e9: "1e9", -2.5e-7: "−2.5e−7", -3.0: "−3", 0.125: "0.125", 1e20: "1e20", 100.0: "100"}
    assert {value: sweeps.coef_words(value) for value in told} == told
    assert read_coefs(write_coefs(tuple(told))) == tuple(told)


def test_maps_have_a_line_for_little_room_too():
    effect, control = sweeps.effect_maps(sweep())
    assert (effect.sentence, effect.short) == ("change of logit difference", "change")
    assert control.short == "equal length"
    assert [m.short for m in sweeps.fluency_maps(sweep())] == ["nats", "equal length"]


# The findings.


def test_a_card_says_what_was_found_with_its_numbers():
    first, second, third = findings.cards_of({"findings": boards.FINDINGS})
    assert (first.verdict, second.verdict, third.verdict) == (
        findings.PASS,
        findings.FAIL,
        findings.OPEN,
    )
    assert first.title == "Which position matters"
    assert ("Layer", "2") in first.facts
    assert ("Largest difference (logits)", "3.2e−07") in first.facts
    (name, table) = first.tables[0]
    assert name == "Rows"
    assert [c.key for c in table.columns] == ["position", "ids", "text"]
    assert table.rows[0].values[1:] == ("216, 34, 32", "␠2022")
    assert table.rows[1].values[2] == "↵↵"  # a line end would cut the row
    assert "1 of 3 experiments" in findings.headline((first, second, third))
    assert "could not be tried" in findings.headline((first, second, third))


def test_numbers_behind_experiments_are_told_in_words():
    facts = {"same_tokens_last": False, "constant_step": None, "difference_last": 2.5, "ids": [3]}
    rows = [{"when": "prompt", "cache": "no"}, {"when": "every", "cache": "yes"}]
    steps = [{"step": 0, "shape": [1, 6, 64]}, {"step": 1, "shape": [1, 1, 64]}]
    said = [{"layer": None, "position": "none"}]
    numbers = {**facts, "schedules": rows, "steps": steps, "continuations": said}
    (card,) = findings.cards_of({"findings": [{"name": "n", "holds": True, "numbers": numbers}]})
    assert ("Last position leaves the text as it is", "no") in card.facts
    assert ("Largest change by the last position (logits)", "2.5000") in card.facts
    assert not any("onstant" in name or text == "–" for name, text in card.facts)
    tables = dict(card.tables)
    assert tables["Schedules"].rows[0].values == ("on the prompt pass", "no")
    assert tables["Schedules"].columns[1].heading == "With cache"
    assert tables["Steps"].rows[0].values == ("0", "1 × 6 × 64")
    assert tables["Continuations"].rows[0].values == ("–", "none (plain)")


def test_a_terminal_says_the_verdict_of_the_cards():
    told = "\n".join(lines(boards.findings_result()))
    assert "which_position: holds. Nobody reads" in told
    assert "persistence: does not hold. It went." in told
    assert "shapes: not tried. Generation ended at once." in told


def test_a_strangers_findings_do_no_harm():
    odd = [None, 3, {"name": "x" * 999, "numbers": [1], "words": None}, {"holds": 1, "numbers": {}}]
    cards = findings.cards_of({"findings": odd})
    assert len(cards) == 4
    assert all(len(card.title) <= 80 for card in cards)
    nested = {"a": {"b": {"c": 1}}, "l": [[1, 2], [3]], "none": None, "yes": True, "n": math.nan}
    (card,) = findings.cards_of({"findings": [{"name": "n", "holds": True, "numbers": nested}]})
    assert dict(card.facts) == {"None": "–", "Yes": "yes", "N": "–"}
    assert [name for name, _table in card.tables] == ["A", "L"]
    assert findings.cards_of({}) == ()
    assert findings.cards_of(boards.findings_result().data)[1].verdict == "does not hold"


def test_many_numbers_of_few_prompts_stand_below_each_other():
    rows = [{"prompt": i, **{f"n_{k}": k + i for k in range(7)}} for i in (1, 2)]
    given = [{"name": "n", "holds": True, "numbers": {"prompts": rows}}]
    ((_name, table),) = findings.cards_of({"findings": given})[0].tables
    assert [column.heading for column in table.columns] == ["", "Prompt 1", "Prompt 2"]
    assert table.rows[0].values == ("N 0", "1", "2")


# The scan.


def test_the_scan_says_where_steering_matters():
    scan = scans.scan_of(boards.scan_result(), 0)
    assert scans.headline(scan) == (
        "Steering at one position alone changes the text at 1 of 8: 7. At 0, 2 to 6 it changes no "
        "logit at any step, bit for bit."
    )
    assert scans.strongest(scan) == 7
    assert "not even a logit" in scans.position_sentence(scan, 0)
    assert "logits but no token" in scans.position_sentence(scan, 1)
    assert "changes the text" in scans.position_sentence(scan, 7)
    rows = scans.scan_ranking(scan).rows
    assert rows[7].emphasis == "good"
    assert scans.scan_ranking(scan).text(0, 3) == "0, bit for bit"


def test_a_scan_that_was_stopped_says_what_was_not_tried():
    data = boards.scan_data()
    data["scan"] = [[None] * 7 + [True]] * 2
    data["scan_difference"] = [[None] * 7 + [1.0]] * 2
    data["scan_texts"] = [[None] * 7 + ["x"]] * 2
    scan = scans.scan_of(boards.result(data), 0)
    assert "1 of 1" in scans.headline(scan)
    assert "not tried" in scans.position_sentence(scan, 0)
    assert scans.partial_words(data) == "2 of 16 positions scanned so far."
    assert scans.scan_of(boards.result(data), 5) is None
    assert scans.scan_of(boards.result({}), 0) is None
    data["scan"] = [[True]]
    with pytest.raises(ValueError, match="scanned positions"):
        scans.scan_of(boards.result(data), 0)


def test_where_a_touched_position_lives():
    cached = timeline([("-1", "prompt")], 4, 3, cached=True)
    told = scans.lives(cached, 3, 4)
    assert told.startswith("Position 3, of the prompt: step 0 computed and changed; from step 1 on")
    assert "persists" in told
    assert "read from the cache;" not in told
    late = scans.lives(timeline([("3", "every")], 4, 3, cached=True), 3, 4)
    assert "lives in the cache" in late
    assert "cannot" not in late
    anew = scans.lives(timeline([("3", "prompt")], 4, 3, cached=False), 3, 4)
    assert "from step 1 on computed, unchanged" in anew
    assert scans.lives(cached, 9, 4) == ""
    assert scans.positions_words([0, 1, 2, 5, 6, 9]) == "0 to 2, 5, 6, 9"
