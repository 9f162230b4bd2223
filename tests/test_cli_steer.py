"""Every option of steering on the command line, held to what the contract says of its numbers."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from desktop_app import cli
from desktop_app.contract.registry import ANALYSES

TOY = ("--model", "toy", "--device", "cpu", "--offline")
PROMPT = ("--prompt", "1 2 3 4", "--answer", " 5", "--wrong", " 4")
TWO = (*PROMPT, "--prompt", "Monday Tuesday", "--answer", " Wednesday", "--wrong", " Friday")
FEW = ("--max-new-tokens", "4")
SETS = ("--from", "7 9", "--from", "6 1", "--to", "1 2", "--to", "4 5")
ALWAYS = ("--layer", "1", "--position", "all", "--when", "every")

pytestmark = pytest.mark.model


@pytest.fixture
def call(capfd):
    """Return a function that runs a command line: (exit status, standard output, error)."""

    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def steer(call):
    """Return a function that steers the toy and returns the result object."""

    def run(*options, prompt=PROMPT):
        code, out, err = call("run", "steer", *TOY, *prompt, *FEW, *options, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def codes(found):
    return {row["code"] for row in found["warnings"]}


def ids(found, name="steered"):
    return [one["ids"] for one in found["result"][name]]


def test_every_setting_has_an_option_that_explains_itself(call):
    code, out, _err = call("run", "steer", "--help")
    assert code == 0
    words = " ".join(out.split())
    for name, field in ANALYSES["steer"].params.stored_fields().items():
        assert f"--{name.replace('_', '-')}" in words
        assert field.description.split()[0] in words


def test_without_an_intervention_only_plain_is_filled(steer):
    found = steer(prompt=TWO)
    assert not {"steered", "control", "said", "recompute"} & set(found["result"])
    (one, two) = found["result"]["plain"]
    assert one["texts"] == [" 5", " 6", " 7", " 8"]
    assert one["text"] == " 5 6 7 8"
    assert two["texts"][0] == " Wednesday"
    for row in (one, two):
        counts = {len(row[name]) for name in ("ids", "pieces", "texts", "logprobs", "top")}
        assert counts == {4}
        assert row["logprobs"] == row["plain_logprobs"]
        assert row["loss"] == pytest.approx(-np.mean(row["logprobs"]))
        for step, best in enumerate(row["top"]):
            assert len(best) == 5
            assert all(a[2] >= b[2] for a, b in pairwise(best))
            assert best[0][:2] == [row["ids"][step], row["texts"][step]]
    assert found["params"]["max_new_tokens"] == 4


def test_without_json_the_texts_are_printed(call):
    code, out, _err = call("run", "steer", *TOY, *PROMPT, *FEW, "--zero", "--layer", "0")
    assert code == 0
    assert "5 6 7 8" in out


def test_a_difference_of_means_goes_everywhere_and_is_read_once_more(steer):
    found = steer(*SETS, *ALWAYS, "--coef", "3", "--say", "Count.", prompt=TWO)
    result = found["result"]
    assert set(result) >= {"plain", "steered", "control", "said", "recompute", "shapes"}
    assert [len(row) for row in result["shapes"]] == [4, 4]
    assert result["shapes"][0] == [[1, 5, 128], *[[1, 1, 128]] * 3]
    for row in result["recompute"]:
        assert row["same_tokens"] is True
        assert row["max_logit_difference"] < 1e-3
    assert ids(found) != ids(found, "plain")
    assert ids(found) != ids(found, "control")
    assert [one["prompt"] for one in result["said"]] == [
        "Count.\n1 2 3 4",
        "Count.\nMonday Tuesday",
    ]
    assert result["changed"][0] != result["base"][0]
    assert result["vector_norm"][0] == pytest.approx(np.linalg.norm(result["vector"][0]), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        ("--add", "V", "--coef", "0"),
        ("--add", "V", "--coef", "2", "--add", "V", "--coef", "-2"),
        (
            "--add",
            "V",
            "--coef",
            "0.1",
            "--add",
            "V",
            "--coef",
            "0.2",
            "--add",
            "V",
            "--coef",
            "-0.3",
        ),
        ("--scale", "1"),
    ],
)
def test_nothing_is_nothing_bit_for_bit(steer, tmp_path, options):
    file = tmp_path / "v.safetensors"
    steer(*SETS, "--layer", "1", "--out-vector", file)
    given = [file if one == "V" else one for one in options]
    found = steer(*given, *ALWAYS)
    for name in ("ids", "logprobs", "top"):
        plain, steered = (found["result"][run][0][name] for run in ("plain", "steered"))
        assert steered == plain
    assert "no_effect" in codes(found)


def test_a_vector_is_kept_and_read_again(steer, call, tmp_path):
    file = tmp_path / "v.safetensors"
    made = steer(*SETS, *ALWAYS, "--coef", "3", "--out-vector", file)
    np.testing.assert_array_equal(load_file(file)["vector"], made["result"]["vector"][0])
    again = steer("--add", file, "--position", "all", "--when", "every", "--coef", "3")
    assert ids(again) == ids(made)
    assert again["result"]["changed"] == made["result"]["changed"]
    code, out, err = call("run", "steer", *TOY, *PROMPT, "--add", file, "--layer", "2")
    assert (code, out) == (2, "")
    assert "--elsewhere" in err
    elsewhere = steer("--add", file, "--layer", "2", "--elsewhere")
    assert elsewhere["result"]["acts"][0]["layer"] == 2
    gone = steer("--project-out", file, *ALWAYS)
    put = steer("--set-to", file, *ALWAYS, "--coef", "2")
    assert gone["result"]["acts"][0]["op"] == "project_out"
    assert put["result"]["acts"][0] == {
        "op": "set",
        "layer": 1,
        "site": "resid_post",
        "position": "all",
        "when": "every",
        "strength": 2.0,
        "heads": [],
    }


def test_a_vector_without_a_name_is_taken_with_a_word(steer, tmp_path):
    save_file({"anything": np.ones(128, dtype=np.float32)}, tmp_path / "plain.safetensors")
    found = steer("--add", tmp_path / "plain.safetensors", "--layer", "1")
    assert "vector_unnamed" in codes(found)


def test_texts_come_from_files_too(steer, tmp_path):
    (tmp_path / "to.txt").write_text("1 2\n4 5\n", "utf-8")
    (tmp_path / "from.csv").write_text("prompt\n7 9\n6 1\n", "utf-8")
    typed = steer(*SETS, *ALWAYS)
    read = steer("--from", tmp_path / "from.csv", "--to", tmp_path / "to.txt", *ALWAYS)
    assert read["result"]["vector"] == typed["result"]["vector"]
    assert read["params"]["to"] == ["1 2", "4 5"]
    mean = steer(*SETS, *ALWAYS, "--vector-at", "mean")
    assert mean["result"]["vector"] != typed["result"]["vector"]


@pytest.mark.parametrize("site", ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"])
def test_sites_are_all_there(steer, site):
    found = steer("--zero", "--layer", "1", "--site", site)
    assert found["result"]["acts"][0]["site"] == site
    assert found["result"]["recompute"][0]["same_tokens"] is True


def test_the_last_layer_at_earlier_positions_changes_nothing(steer):
    for position in ("0", "1,2", "-2"):
        found = steer("--zero", "--layer", "-1", "--position", position)
        assert found["result"]["steered"][0] == found["result"]["plain"][0]
    assert ids(steer("--zero", "--layer", "-1")) != ids(found, "plain")


def test_steps_are_chosen_and_told(steer):
    found = steer("--zero", "--layer", "0", "--when", "1:3")
    (rows,) = found["result"]["timeline"]
    changed = [[p for p, code in enumerate(row) if code == 3] for row in rows]
    assert changed == [[], [5], [6], []]
    fixed = steer("--zero", "--layer", "0", "--position", "2", "--when", "every")
    assert "position_cached" in codes(fixed)


def test_prompt_only_without_the_cache_is_another_experiment(steer):
    kept = steer("--zero", "--layer", "0")
    anew = steer("--zero", "--layer", "0", "--cache", "no")
    assert "cache_forgets" in codes(anew)
    assert "cache_forgets" not in codes(kept)
    first = ("--zero", "--layer", "0", "--position", "4", "--when", "every", "--cache", "no")
    same = steer(*first)
    rows = [one["result"]["steered"][0]["logprobs"] for one in (kept, anew, same)]
    assert rows[0] == pytest.approx(rows[2], abs=1e-3)
    assert rows[0][0] == pytest.approx(rows[1][0], abs=1e-3)
    assert np.abs(np.subtract(rows[0], rows[1])).max() > 0.01
    assert ids(same) == ids(kept)
    assert "cache_forgets" not in codes(same)


def test_heads_become_their_mean(steer, tmp_path):
    (tmp_path / "r.txt").write_text("7 9 6 1\n9 8 7 2\n", "utf-8")
    heads = ("--ablate-heads", "0.1,1.2", "--position", "all", "--when", "every")
    found = steer(*heads, "--reference", tmp_path / "r.txt")
    acts = found["result"]["acts"]
    assert [(one["layer"], one["site"], one["heads"]) for one in acts] == [
        (0, "head_z", [1]),
        (1, "head_z", [2]),
    ]
    assert found["params"]["reference"] == ["7 9 6 1", "9 8 7 2"]
    assert "reference_is_self" in codes(steer(*heads))


def test_further_interventions_act_beside(steer):
    also = '{"op": "scale", "factor": 2, "layer": 2, "when": "every"}'
    found = steer("--zero", "--layer", "0", "--also", also)
    assert [one["op"] for one in found["result"]["acts"]] == ["zero", "scale"]
    assert found["params"]["also"][0]["position"] == "-1"


def test_a_seed_repeats_what_is_drawn(steer):
    drawn = ("--temperature", "2", "--max-new-tokens", "12")
    first, again, other = (steer(*drawn, "--seed", seed) for seed in ("1", "1", "2"))
    assert first["result"] == again["result"]
    assert ids(other, "plain") != ids(first, "plain")
    greedy = steer(*drawn, "--top-k", "1")
    assert ids(greedy, "plain") == ids(steer("--max-new-tokens", "12"), "plain")
    assert ids(steer(*drawn, "--top-p", "0.0001"), "plain") == ids(greedy, "plain")


def test_padding_changes_no_token(steer):
    alone = steer("--zero", "--layer", "1", prompt=TWO)
    for side in ("left", "right"):
        padded = steer("--zero", "--layer", "1", "--padding", side, prompt=TWO)
        assert ids(padded) == ids(alone)
        np.testing.assert_allclose(
            padded["result"]["changed"], alone["result"]["changed"], atol=1e-4
        )


def test_a_continuation_begins_as_it_is_told(steer):
    plain = steer()
    token = plain["result"]["plain"][0]["top"][0][1][0]
    found = steer("--zero", "--layer", "1", "--begin", f"plain:0:{token}", "--control", "no")
    assert ids(found, "plain")[0][0] == token
    assert "control" not in found["result"]
    assert found["params"]["begin"] == [f"plain:0:{token}"]


@pytest.mark.parametrize(
    ("metric", "prompt", "watched"),
    [
        ("auto", PROMPT, "logit_diff"),
        ("auto", ("--prompt", "1 2", "--answer", " 3"), "logprob"),
        ("auto", ("--prompt", "1 2"), "kl"),
        ("rank", PROMPT, "rank"),
    ],
)
def test_the_metric_is_what_prompts_allow(steer, metric, prompt, watched):
    found = steer("--zero", "--layer", "0", "--metric", metric, prompt=prompt)
    assert found["result"]["metric"] == watched
    if watched == "kl":
        assert found["result"]["base"] == [0.0]


def test_a_cell_of_a_sweep_is_that_intervention_alone(steer):
    sweep = ("--sweep-layers", "1:3", "--sweep-coefs", "-2,0,3", "--position", "all")
    result = steer(*SETS, "--layer", "0", *sweep, prompt=TWO)["result"]
    assert (result["sweep_layer"], result["sweep_coef"]) == ([1, 2], [-2.0, 0.0, 3.0])
    for name in ("sweep_metric", "sweep_loss", "sweep_control_metric", "sweep_control_loss"):
        assert np.shape(result[name]) == (2, 3)
    assert [row[1] for row in result["sweep_metric"]] == pytest.approx(
        [np.mean(result["base"])] * 2
    )
    alone = steer(*SETS, "--layer", "2", "--coef", "3", "--position", "all", prompt=TWO)["result"]
    assert result["sweep_metric_each"][1][2] == pytest.approx(alone["changed"], abs=1e-4)
    assert result["sweep_loss_each"][1][2] == pytest.approx(alone["steered_loss"], abs=1e-4)
    assert result["sweep_control_metric"][1][2] == pytest.approx(
        np.mean(alone["control_metric"]), abs=1e-4
    )
    assert result["sweep_texts"][1][2] == [one["text"] for one in alone["steered"]]


def test_a_scan_finds_which_positions_matter(steer):
    last = steer("--zero", "--layer", "-1", "--scan")["result"]
    assert last["scan"] == [[False, False, False, False, True]]
    assert last["scan_difference"][0][:4] == [0.0] * 4
    first = steer("--zero", "--layer", "0", "--scan")["result"]
    assert all(one > 0 for one in first["scan_difference"][0])


def test_the_preset_reports_what_it_finds(steer):
    found = steer("--preset", "equivalence")["result"]["findings"]
    assert len(found) >= 5
    for one in found:
        assert {"name", "holds", "numbers", "words"} <= set(one)
        assert one["holds"] in {True, False, None}
        assert one["words"]


def test_a_direction_is_read_at_every_new_token(steer, tmp_path):
    file = tmp_path / "v.safetensors"
    found = steer(*SETS, *ALWAYS, "--coef", "3", "--out-vector", file)
    read = steer(*SETS, *ALWAYS, "--coef", "3", "--read-direction", file)
    (plain,), (steered,) = (read["result"][name] for name in ("plain", "steered"))
    assert len(plain["reading"]) == len(steered["reading"]) == 4
    assert np.mean(steered["reading"]) > np.mean(plain["reading"])
    assert ids(read) == ids(found)


def test_an_estimate_says_memory_and_computes_nothing(call):
    options = (*SETS, *ALWAYS, "--estimate", "--json")
    code, out, err = call("run", "steer", *TOY, *PROMPT, *options)
    assert code == 0, err
    assert json.loads(out)["memory_bytes"] > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--zero",), "--layer"),
        (("--zero", "--layer", "9"), "--layer"),
        (("--zero", "--layer", "1", "--position", "9"), "--position 9"),
        (("--zero", "--layer", "1", "--position", "-9"), "--position -9"),
        (("--zero", "--layer", "1", "--when", "sometimes"), "--when"),
        (("--zero", "--layer", "1", "--site", "head_q"), "--site"),
        (("--from", "1 2", "--layer", "1"), "--to"),
        (("--to", "1 2", "--layer", "1"), "--from"),
        ((*SETS, "--layer", "1", "--coef", "1", "--coef", "2"), "--coef"),
        (("--add", "nothing.safetensors"), "nothing.safetensors"),
        (("--zero", "--layer", "1", "--out-vector", "v.safetensors"), "--out-vector"),
        (("--ablate-heads", "0.9"), "--ablate-heads"),
        (("--ablate-heads", "x"), "--ablate-heads"),
        (("--temperature", "-1"), "--temperature"),
        (("--top-p", "0"), "--top-p"),
        (("--max-new-tokens", "0"), "--max-new-tokens"),
        (("--max-new-tokens", "1999"), "--max-new-tokens"),
        (("--metric", "loss"), "--metric loss"),
        (("--begin", "steered:0:5"), "--begin"),
        (("--begin", "plain:7:5"), "--begin"),
        (("--begin", "plain"), "--begin"),
        (("--also", "zero"), "--also"),
        (("--sweep-layers", "0:2"), "--sweep-layers"),
        (("--zero", "--layer", "1", "--sweep-layers", "0:9"), "--sweep-layers"),
        (("--zero", "--layer", "1", "--sweep-coefs", "1,2"), "--sweep-coefs"),
        (("--scan",), "--scan"),
        (("--read-direction", "nothing.safetensors"), "nothing.safetensors"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, options, words):
    code, out, err = call("run", "steer", *TOY, *PROMPT, *options)
    assert (code, out) == (2, ""), err
    last = err.strip().splitlines()[-1]
    assert words in last
    assert "Traceback" not in err


def test_results_go_to_files_sessions_and_tables(call, tmp_path):
    options = (*SETS, *ALWAYS, "--coef", "3", "--say", "Count.", *FEW)
    session, npz = tmp_path / "s.lens", tmp_path / "r.npz"
    assert call("run", "steer", *TOY, *TWO, *options, "--out", npz)[0] == 0
    assert call("run", "steer", *TOY, *TWO, *options, "--out", session)[0] == 0
    with np.load(npz, allow_pickle=False) as arrays:
        assert arrays["changed"].shape == (2,)
        assert arrays["timeline_0"].shape == (4, 8)
        told = json.loads(arrays["document"].item())["result"]
    outs = {ending: tmp_path / f"r.{ending}" for ending in ("json", "csv", "py", "ipynb")}
    for out in outs.values():
        assert call("export", session, "--result", 1, "--out", out)[0] == 0
    whole = json.loads(outs["json"].read_text("utf-8"))["result"]
    assert whole["steered"] == told["steered"]
    with outs["csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    tokens = [row for row in rows if row["field"] == "steered.ids" and row["prompt"] == "0"]
    assert [int(row["value"]) for row in tokens] == whole["steered"][0]["ids"]
    assert "ACTS = [" in outs["py"].read_text("utf-8")
    assert json.loads(outs["ipynb"].read_text("utf-8"))["nbformat"] == 4
