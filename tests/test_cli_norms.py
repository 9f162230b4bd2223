"""`--layernorm` on the command line: a model like any other, named as what it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from desktop_app import cli
from desktop_app.contract.registry import ANALYSES
from tests.engine.zoo import save_tiny

TOY = ("--model", "toy", "--device", "cpu")
PROMPT = ("--prompt", "1 2 3 4", "--corrupt", "7 9 6 1", "--answer", " 5", "--wrong", " 4")


@pytest.fixture
def call(capfd):
    """Return a function that runs a command line: (exit status, standard output, error)."""

    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def diff_of(out):
    return json.loads(out)["result"]["logit_diff"][0]


@pytest.mark.model
@pytest.mark.parametrize("layernorm", ["eps", "identity", "constant"])
def test_a_result_says_which_variant_made_it(call, layernorm):
    _code, plain, _err = call("run", "rank", *TOY, *PROMPT, "--json")
    code, out, err = call("run", "rank", *TOY, *PROMPT, "--json", "--layernorm", layernorm)
    assert code == 0
    result = json.loads(out)
    assert result["model"]["name"] == "toy"
    assert result["model"]["layernorm"] == layernorm
    assert result["provenance"]["layernorm"] == layernorm
    assert len(result["provenance"]["norms"]) == 7
    assert "layernorm_removed" in [row["code"] for row in result["warnings"]]
    assert "warning layernorm_removed: toy runs without its LayerNorm" in err
    assert abs(diff_of(out) - diff_of(plain)) > 1e-3
    assert json.loads(plain)["model"]["layernorm"] == "keep"
    assert json.loads(plain)["provenance"]["layernorm"] == "keep"


@pytest.mark.model
def test_eps_and_identity_are_one_model(call):
    found = [
        diff_of(call("run", "rank", *TOY, *PROMPT, "--json", "--layernorm", layernorm)[1])
        for layernorm in ("eps", "identity")
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.model
def test_a_session_keeps_variants_apart(call, tmp_path):
    session = tmp_path / "s.lens"
    for layernorm in ("keep", "constant"):
        code, _out, err = call(
            "run", "rank", *TOY, *PROMPT, "--out", session, "--layernorm", layernorm
        )
        assert code == 0, err
    rows = json.loads(call("results", session, "--json")[1])
    assert [row["model"] for row in rows] == ["toy", "toy without LayerNorm (constant)"]
    assert "without LayerNorm (constant)" in rows[1]["title"]
    assert "LayerNorm" not in rows[0]["title"]
    script = tmp_path / "again.py"
    assert call("export", session, "--result", 2, "--out", script)[0] == 0
    assert "NORMS = [" in script.read_text("utf-8")
    assert "without LayerNorm" in script.read_text("utf-8")


@pytest.mark.model
def test_a_sweep_of_a_variant_is_a_sweep(call, tmp_path):
    out = tmp_path / "a.npz"
    code, _out, err = call(
        "run", "ablate", *TOY, *PROMPT, "--layernorm", "constant", "--mode", "zero", "--out", out
    )
    assert code == 0, err
    with np.load(out) as found:
        assert found["ablated"].shape == (3, 4, 1)
        assert np.isfinite(found["ablated"]).all()


def test_another_choice_is_refused_with_the_choices(call):
    code, out, err = call("run", "rank", *TOY, *PROMPT, "--layernorm", "none")
    assert (code, out) == (2, "")
    assert "--layernorm" in err
    assert all(choice in err for choice in ("keep", "eps", "identity", "constant"))


def test_eps_in_float16_ends_with_3_and_a_line(call, tmp_path):
    folder = save_tiny("gpt2", tmp_path / "gpt2")
    given = ("--model", folder, "--device", "cpu", "--prompt", "a b")
    code, out, err = call("run", "rank", *given, "--layernorm", "eps", "--dtype", "float16")
    assert (code, out) == (3, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith("lensbench: ")
    assert "65,504" in last
    assert "--dtype float32" in last


@pytest.mark.parametrize("name", list(ANALYSES))
def test_every_analysis_has_the_option_and_explains_it(call, name):
    code, out, _err = call("run", name, "--help")
    assert code == 0
    assert "--layernorm [keep|eps|identity|constant]" in out
    assert "Keep the norms of the stream, or replace them" in " ".join(out.split())


@pytest.mark.model
def test_an_estimate_takes_the_variant_as_well(call):
    code, out, _err = call(
        "run", "ablate", *TOY, *PROMPT, "--layernorm", "eps", "--estimate", "--json"
    )
    assert code == 0
    assert json.loads(out)["memory_bytes"] > 0


@pytest.mark.pack
@pytest.mark.parametrize("layernorm", ["eps", "identity", "constant"])
def test_the_pack_overflows_without_its_norms_and_says_so(call, smollm2_folder, layernorm):
    """Its gated MLPs multiply the stream with itself: nothing holds it, and no number is left."""
    given = ("--model", "smollm2", "--device", "cpu", "--prompt", "1 2 3 4 ", "--json")
    code, out, err = call("run", "rank", *given, "--layernorm", layernorm)
    assert code == 0
    codes = {row["code"] for row in json.loads(out)["warnings"]}
    assert "layernorm_removed" in codes
    if layernorm == "eps":  # which divides again where the stream is larger than it
        assert "outgrows the eps" in err
    else:
        assert "not_finite" in codes
        assert "overflow" in err
