"""`--circuit` on the command line: amounts, lists and files; MIB's JSON out and in."""

from __future__ import annotations

import json

import pytest

from desktop_app import cli
from tests.engine.zoo import save_tiny

PROMPT = (
    *("--prompt", "abcdef", "--corrupt", "abxdef", "--answer", "g", "--wrong", "h"),
    *("--controls", "2", "--json"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny("llama", tmp_path_factory.mktemp("cli") / "tiny")


@pytest.fixture
def call(capfd):
    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def scored(call, folder, circuit, *more):
    code, out, err = call(
        "run", "edges", "--model", folder, *PROMPT, "--circuit", circuit, *(more or NO_EFFECTS)
    )
    assert code == 0, err
    return json.loads(out)


NO_EFFECTS = ("--method", "none")


def test_a_circuit_goes_out_as_mib_has_it_and_comes_back(call, folder, tmp_path):
    session, mib, whole = (tmp_path / name for name in ("a.lens", "c.mib.json", "r.json"))
    first = scored(call, folder, "0.3", "--method", "eap", "--out", session)
    kept = first["result"]["kept"]
    assert 10 < sum(kept) < len(kept)
    for target in (mib, whole):
        code, _out, err = call("export", session, "--result", 1, "--out", target)
        assert (code, err) == (0, "")
    assert set(json.loads(mib.read_text("utf-8"))) == {"cfg", "nodes", "edges"}
    for file in (mib, whole):
        again = scored(call, folder, file)
        assert again["result"]["kept"] == kept
        assert again["result"]["faithfulness"] == pytest.approx(first["result"]["faithfulness"])
        assert again["params"]["circuit"].startswith("3x4 ")
    table = tmp_path / "list.txt"
    table.write_text("embed>m0  # first\nm0>logits\n", encoding="utf-8")
    listed, typed = scored(call, folder, table), scored(call, folder, "embed>m0, m0>logits")
    assert listed["result"]["kept"] == typed["result"]["kept"]
    assert listed["result"]["circuit_score"] == typed["result"]["circuit_score"]


@pytest.mark.parametrize(
    ("circuit", "words"),
    [
        ("nonsense", "--circuit: “nonsense” is no edge: write how many edges (200)"),
        ("none.json", "none.json cannot be read"),
        ("embed>5.0.q", "this model has no input 5.0.q"),
        ("30x9 embed>m0", "of a model of 30 layers with 9 heads each"),
    ],
)
def test_what_is_no_circuit_is_refused_in_one_line(call, folder, circuit, words):
    code, out, err = call(
        "run", "edges", "--model", folder, *PROMPT, "--circuit", circuit, *NO_EFFECTS
    )
    assert (code, out) == (2, "")
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err
