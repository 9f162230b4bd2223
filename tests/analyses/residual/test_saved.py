"""The residual stream from the command line, in a session, beside another result, without torch."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app.cli import main
from desktop_app.session.diff import compare_results
from desktop_app.session.store import Session
from tests.analyses.residual.sample import LAYERS, result
from tests.session import toy_runs

REPOSITORY = Path(__file__).parents[3]
TOY = ("run", "residual", "--model", "toy", "--device", "cpu", "--offline")
PROMPTS = ("--prompt", "1 2 3 4", "--prompt", "5 6 7 8")


def run(capsys, *options, code=0):
    assert main([*TOY, *options]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


@pytest.mark.model
def test_the_result_object_has_the_shapes_of_the_contract(capsys):
    found = json.loads(run(capsys, *PROMPTS, "--json"))
    data, length = found["result"], len(found["prompts"][0]["tokens"]["ids"])
    layers = found["model"]["n_layers"]
    assert np.shape(data["norm"]) == (layers + 1, length, 2)
    assert np.shape(data["norm_mean"]) == np.shape(data["norm_sem"]) == (layers + 1, length)
    for name in ("norm_attn", "norm_mlp"):
        assert np.shape(data[name]) == (layers, length, 2)
    for name in ("growth", "cosine"):
        assert np.shape(data[name]) == (layers,)
    assert np.shape(data["share"]) == (layers + 1, len(data["parts"]))
    assert len(data["parts"]) == 1 + 2 * layers
    np.testing.assert_allclose(np.sum(data["share"], axis=-1), 1, atol=1e-4)
    assert data["growth_rate"] == pytest.approx(data["growth"][1], rel=1e-9)
    assert found["params"]["measure"] == "all"


@pytest.mark.model
def test_prompts_of_several_lengths_are_outermost(capsys):
    found = json.loads(run(capsys, "--prompt", "1 2 3 4", "--prompt", "1 2", "--json"))
    lengths = [len(prompt["tokens"]["ids"]) for prompt in found["prompts"]]
    assert [np.shape(table)[1] for table in found["result"]["norm"]] == lengths
    assert "norm_mean" not in found["result"]


@pytest.mark.model
def test_a_terminal_reads_the_stream_layer_by_layer(capsys):
    told = run(capsys, *PROMPTS)
    assert "per layer, in layer 1" in told
    assert "Before the final norm" in told
    assert "Largest shares at the end" in told


@pytest.mark.model
def test_options_are_those_of_the_form(capsys, tmp_path):
    out = tmp_path / "r.npz"
    run(capsys, *PROMPTS, "--measure", "norms", "--heads", "--out", str(out))
    with np.load(out) as arrays:
        assert "share" not in arrays.files
        assert arrays["ov_norm"].shape == (3, 4)
    assert "There is no prompt" in run(capsys, code=2)


@pytest.mark.model
def test_a_session_keeps_it_and_exports_every_field(capsys, tmp_path):
    session = str(tmp_path / "a.lens")
    run(capsys, *PROMPTS, "--out", session)
    run(capsys, "--prompt", "1 2 3 4", "--prompt", "1 2", "--out", session)
    for number in ("1", "2"):
        out = tmp_path / f"{number}.csv"
        assert main(["export", session, "--result", number, "--out", str(out)]) == 0
        with out.open(encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        fields = {row["field"] for row in rows}
        assert {"norm", "norm_attn", "norm_mlp", "growth", "cosine", "share"} <= fields
        shares = [row for row in rows if row["field"] == "share"]
        assert {"embed", "L0 attn", "L2 MLP"} <= {row["part"] for row in shares}


@pytest.mark.gui
@pytest.mark.model
def test_a_session_is_drawn_where_there_is_no_torch(tmp_path):
    session = toy_runs.write_session(tmp_path / "all.lens", ("residual",))
    done = subprocess.run(
        [sys.executable, "-m", "tests.window.viewer_driver", str(session), str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "LENSBENCH_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["imported"] == []
    assert found["drawn"]["residual"] > 8


def test_two_results_are_compared_field_by_field():
    one = result((8, 8))
    norm = one.data["norm"].copy()
    norm[2, 3, 1] += 5
    other = replace(one, data={**one.data, "norm": norm})
    found = {field.name: field.difference for field in compare_results(one, other)[1]}
    assert found["norm"] == pytest.approx(5)
    assert found["share"] == 0


@pytest.mark.parametrize("lengths", [(8, 8), (8, 6)])
def test_a_session_gives_back_what_was_kept(tmp_path, lengths):
    with Session.create(tmp_path / "a.lens") as session:
        session.add(result(lengths))
        back = session.load(1)
    assert np.shape(back.data["share"]) == (LAYERS + 1, 1 + 2 * LAYERS)
    assert list(back.data["parts"]) == result(lengths).data["parts"]
