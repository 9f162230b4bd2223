"""Results of steering outside the window: sessions, tables, and one beside another."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from desktop_app.session.diff import compare_results
from desktop_app.session.export_table import write_tidy
from desktop_app.session.store import Session
from desktop_app.window.comparison.data import fields
from tests.session.toy_runs import result_of

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def result():
    return result_of("steer")


@pytest.fixture(scope="module")
def rows(result):
    text = io.StringIO(newline="")
    write_tidy(result, text)
    text.seek(0)
    return list(csv.DictReader(text))


@pytest.mark.parametrize("run", ["plain", "steered", "control", "said"])
def test_a_strip_is_a_table_by_prompt_and_step(result, rows, run):
    for name in ("ids", "texts", "logprobs", "plain_logprobs"):
        own = [row for row in rows if row["field"] == f"{run}.{name}"]
        told = {(int(row["prompt"]), int(row["step"])): row["value"] for row in own}
        known = {
            (prompt, step): value
            for prompt, one in enumerate(result.data[run])
            for step, value in enumerate(one[name])
        }
        assert told.keys() == known.keys()
        for place, value in known.items():
            assert told[place] == (value if isinstance(value, str) else repr(value))
    losses = [float(row["value"]) for row in rows if row["field"] == f"{run}.loss"]
    assert losses == [one["loss"] for one in result.data[run]]


def test_a_sweep_is_a_table_by_layer_and_coefficient(result, rows):
    own = [row for row in rows if row["field"] == "sweep_metric"]
    places = [(row["layer"], row["coefficient"]) for row in own]
    assert places == [("0", "-1"), ("0", "2"), ("1", "-1"), ("1", "2")]
    found = np.array([float(row["value"]) for row in own]).reshape(2, 2)
    np.testing.assert_array_equal(found, result.data["sweep_metric"])


def test_a_session_gives_back_all_of_it(result, tmp_path):
    with Session.create(tmp_path / "s.lens") as session:
        session.add(result)
        again = session.load(1)
        settings, told = compare_results(result, again)
    assert settings == ()
    assert {one.name for one in told} == set(result.data)
    assert all(one.difference == 0 for one in told)


def test_two_results_are_laid_beside_one_another(result):
    names = {both.name for both in fields(result, result)}
    assert {"base", "changed", "sweep_metric", "sweep_loss"} <= names
