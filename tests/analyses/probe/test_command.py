"""`lensbench run probe`: the object of the contract, its files, and what is refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from desktop_app.cli import main
from desktop_app.support import vector_files

pytestmark = pytest.mark.model

TOY = ("--model", "toy", "--device", "cpu", "--offline")


@pytest.fixture
def call(capsys):
    def run(*arguments, code=0):
        assert main(["run", "probe", *TOY, *arguments]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return run


@pytest.fixture
def table(tmp_path):
    lines = [f"{n} {n + 1} {n % 2},{'odd' if n % 2 else 'even'}" for n in range(1, 13)]
    file = tmp_path / "labelled.csv"
    file.write_text("\n".join(["prompt,label", *lines]), "utf-8")
    return str(file)


def test_the_result_object_is_that_of_the_contract(call, table, tmp_path):
    found = json.loads(call("--prompts", table, "--json"))
    data, width = found["result"], found["model"]["d_model"]
    rows = found["model"]["n_layers"] + 1
    assert np.shape(data["accuracy"]) == np.shape(data["accuracy_control"]) == (rows,)
    assert np.shape(data["confusion"]) == (rows, 2, 2)
    assert [len(row) for row in data["direction"]] == [width] * rows
    assert data["majority"] == 0.5
    assert data["labels"] == ["odd", "even"]
    assert data["accuracy"][0] == 1  # the label is the last token itself
    assert found["params"]["split"] == 0.3
    assert {notice["code"] for notice in found["warnings"]} >= {"few_labels"}
    out = tmp_path / "probe.npz"
    call("--prompts", table, "--out", str(out))
    with np.load(out) as arrays:
        np.testing.assert_array_equal(arrays["direction"], np.array(data["direction"]))


def test_every_position_has_an_axis_behind_the_layer_s(call, table, tmp_path):
    told = ("--position", "all", "--shuffles", "2", "--site", "attn_out")
    found = json.loads(call("--prompts", table, *told, "--json"))
    rows, length = found["model"]["n_layers"] + 1, len(found["prompts"][0]["tokens"]["ids"])
    assert np.shape(found["result"]["accuracy_control_each"]) == (rows, length, 2)
    assert np.shape(found["result"]["confusion"]) == (rows, length, 2, 2)
    assert "read_position" not in found["result"]
    uneven = tmp_path / "uneven.csv"
    uneven.write_text("prompt,label\n1 2,a\n1 2 3,b\n4 5,a\n4 5 6,b\n", "utf-8")
    error = call("--prompts", str(uneven), *told, code=2)
    assert "--position all needs prompts of one token length: prompt 1 has" in error


def test_a_direction_is_written_and_says_what_it_is(call, table, tmp_path):
    file = str(tmp_path / "way.safetensors")
    told = json.loads(call("--prompts", table, "--out-vector", file, "--layer", "-1", "--json"))
    head = vector_files.read_head(file)
    last = told["model"]["n_layers"] - 1
    assert (head.layer, head.site, head.width) == (last, "resid_post", told["model"]["d_model"])
    way = np.array(told["result"]["direction"][-1], dtype=np.float32)
    np.testing.assert_array_equal(vector_files.read_values(head), way)
    assert told["result"]["saved"]["row"] == last + 1


def test_a_terminal_is_told_row_by_row(call, table):
    told = call("--prompts", table).splitlines()
    assert any(line.startswith(("Best: ", "Not told apart")) for line in told)
    assert any("95 % interval" in line for line in told)
    assert any(line.split()[:1] == ["in"] for line in told)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("--prompt", "1 2 3"), "No prompt has a label: give --prompts, a file"),
        (("--position", "none"), "is no position: write -1, 3 or all"),
        (("--split", "1"), "--split"),
        (("--l2", "-1"), "--l2"),
        (("--site", "head_z"), "--site"),
        (("--out-vector", "a.bin"), "must end in .safetensors"),
        (("--layer", "99"), "--layer 99 does not exist"),
    ],
)
def test_what_is_refused_is_refused_in_one_line(call, table, settings, says):
    given = settings if "--prompt" in settings else ("--prompts", table, *settings)
    error = call(*given, code=2)
    assert says in error
    assert len(error.strip().splitlines()) == 1
