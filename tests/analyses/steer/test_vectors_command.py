"""Vectors from the command line: made of texts and of files of texts, saved, read, and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from desktop_app.cli import main
from desktop_app.support import vector_files
from tests.models import named

pytestmark = pytest.mark.model

TOY = ("--model", "toy", "--device", "cpu", "--offline", "--prompt", "1 2 3 4")
SHORT = ("--max-new-tokens", "3", "--control", "no", "--ignore-eos")
SETS = ("--from", "7 9 6 1", "--from", "2 2", "--to", "1 2 3", "--to", " a, b")


@pytest.fixture
def steer(capsys):
    def run(*arguments, code=0):
        assert main(["run", "steer", *TOY, *SHORT, *arguments, "--json"]) == code
        captured = capsys.readouterr()
        if code == 0:
            return json.loads(captured.out)
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err

    return run


@pytest.fixture
def saved(steer, tmp_path):
    file = tmp_path / "v.safetensors"
    return file, steer(*SETS, "--layer", "1", "--coef", "4", "--out-vector", str(file))


def codes(found):
    return {warning["code"] for warning in found["warnings"]}


def test_a_vector_that_is_saved_acts_like_the_one_that_was_made(steer, saved):
    file, made = saved
    assert made["params"]["from"] == ["7 9 6 1", "2 2"]
    assert made["params"]["to"] == ["1 2 3", " a, b"]
    with safe_open(file, framework="np") as opened:
        vector, facts = opened.get_tensor("vector"), opened.metadata()
    assert vector.tolist() == np.float32(made["result"]["vector"][0]).tolist()
    assert np.isclose(np.linalg.norm(vector), made["result"]["vector_norm"][0], rtol=1e-6)
    assert (facts["layer"], facts["site"]) == ("1", "resid_post")
    assert facts["fingerprint"] == made["model"]["fingerprint"]
    read = steer("--add", str(file), "--coef", "4")  # the layer is the file's
    assert read["result"]["steered"] == made["result"]["steered"]
    assert read["result"]["vector"] == made["result"]["vector"]
    assert made["result"]["steered"] != made["result"]["plain"]
    assert not {"vector_unnamed", "vector_elsewhere"} & codes(read)


def test_vectors_of_several_files_take_one_coefficient_each(steer, saved):
    file = str(saved[0])
    once = steer("--add", file, "--coef", "3")
    twice = steer("--add", file, "--add", file, "--coef", "1,2")
    nothing = steer("--add", file, "--add", file, "--coef", "1,-1")
    assert twice["result"]["steered"] == once["result"]["steered"]
    assert nothing["result"]["steered"] == nothing["result"]["plain"]
    assert "--coef is given 2 times" in steer("--add", file, "--coef", "1,2", code=2)


@pytest.mark.parametrize("option", ["--set-to", "--project-out"])
def test_a_vector_may_be_set_or_projected_out(steer, saved, option):
    found = steer(option, str(saved[0]), "--when", "every", "--position", "all")
    assert found["result"]["steered"] != found["result"]["plain"]
    assert found["result"]["vector"] == saved[1]["result"]["vector"]


def test_texts_from_files_are_what_a_result_says(steer, saved, tmp_path):
    start, end = tmp_path / "start.txt", tmp_path / "end.csv"
    start.write_text("7 9 6 1\n2 2\n")
    end.write_text('prompt,label\n1 2 3,x\n" a, b",y\n')
    sets = ("--from", str(start), "--to", str(end), "--layer", "1", "--coef", "4")
    found = steer(*sets)
    assert found["params"]["from"] == saved[1]["params"]["from"]
    assert found["params"]["to"] == saved[1]["params"]["to"]
    assert found["result"]["vector"] == saved[1]["result"]["vector"]
    told = {"op": "difference", "from": [str(start)], "to": [str(end)], "coef": 4, "layer": 1}
    also = steer("--also", json.dumps(told))
    assert also["result"]["steered"] == found["result"]["steered"]
    (kept,) = also["params"]["also"]
    assert (kept["from"], kept["to"]) == (found["params"]["from"], found["params"]["to"])
    # A line of a file is a text, also where a file of that name is there.
    lines = tmp_path / "lines.txt"
    lines.write_text(f"{start}\n")
    literal = steer("--from", "a", "--to", str(lines), "--layer", "1")
    assert literal["params"]["to"] == [str(start)]
    assert "text_names_no_file" in codes(literal)
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing\n1\n")
    assert "bad.csv" in steer("--from", str(bad), "--to", "a", "--layer", "1", code=2)


def test_what_does_not_fit_is_refused_in_a_line(steer, saved, tmp_path):
    file = str(saved[0])
    for options, says in (
        (("--layer", "0"), "made at layer 1 and would act at layer 0"),
        (("--layer", "1", "--site", "mlp_out"), "made at resid_post and would act at mlp_out"),
        (("--layer", "99"), "--layer 99 does not exist"),
    ):
        assert says in steer("--add", file, *options, code=2)
    elsewhere = steer("--add", file, "--layer", "0", "--site", "mlp_out", "--elsewhere")
    assert "vector_elsewhere" in codes(elsewhere)

    head = vector_files.read_head(file)
    values = vector_files.read_values(head)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"vector": values}, foreign, {**head.facts, "fingerprint": "0" * 16})
    assert "its fingerprint differs" in steer("--add", str(foreign), "--elsewhere", code=2)
    save_file({"vector": values[:-1]}, foreign, dict(head.facts))
    assert "it is no vector of this place" in steer("--add", str(foreign), code=2)
    save_file({"vector": values}, foreign)
    assert "does not say at which layer" in steer("--add", str(foreign), code=2)
    assert "vector_unnamed" in codes(steer("--add", str(foreign), "--layer", "1"))
    for name in ("none.safetensors", "vector.pt"):
        assert name in steer("--add", str(tmp_path / name), code=2)


def test_the_site_too_may_be_the_files(steer, tmp_path):
    file = tmp_path / "z.safetensors"
    made = steer(*SETS, "--layer", "1", "--site", "head_z", "--out-vector", str(file))
    for place in ((), ("--layer", "1", "--site", "head_z")):
        read = steer("--add", str(file), *place)
        assert read["result"]["acts"][0]["site"] == "head_z"
        assert read["result"]["steered"] == made["result"]["steered"]
    assert "made at head_z" in steer("--add", str(file), "--layer", "1", code=2)


def test_a_vector_is_kept_only_where_one_is_made(steer, saved, tmp_path):
    target = tmp_path / "w.safetensors"
    assert "--out-vector" in steer("--out-vector", str(target), code=2)
    assert "--out-vector" in steer("--add", str(saved[0]), "--out-vector", str(target), code=2)
    wrong = ("--layer", "1", "--out-vector", str(tmp_path / "w.pt"))
    assert "must end in .safetensors" in steer(*SETS, *wrong, code=2)
    assert not target.exists()


def test_a_feature_steers(steer, tmp_path):
    folder = tmp_path / "sae"
    folder.mkdir()
    width = named("toy").info.d_model
    decoder = np.random.default_rng(0).normal(size=(6, width)).astype(np.float32)
    save_file({"W_dec": decoder}, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps({"hook_name": "blocks.1.hook_resid_post"}))
    found = steer("--add", f"{folder}:4", "--coef", "8")
    assert np.float32(found["result"]["vector"][0]).tolist() == decoder[4].tolist()
    assert "vector_unnamed" in codes(found)
    assert "no feature 6" in steer("--add", f"{folder}:6", code=2)
    assert "name one feature" in steer("--add", str(folder), code=2)
