"""The lens and its fits from the command line: the result object, and one line where it cannot."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from desktop_app.cli import main

TOY = ("--model", "toy", "--device", "cpu", "--offline")
ROW = ("--prompt", "1 2 3 4", "--corrupt", "7 9 6 1", "--answer", " 5", "--wrong", " 4")


@pytest.fixture
def call(capsys):
    def run(*arguments, code=0):
        assert main(["run", *arguments]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return run


@pytest.mark.model
def test_the_result_object_is_that_of_the_contract(call, tmp_path):
    out = tmp_path / "lens.npz"
    found = json.loads(call("lens", *TOY, *ROW, "--top", "4", "--without", "0.1,m1", "--json"))
    data = found["result"]
    assert np.shape(data["top"]) == np.shape(data["top_prob"]) == (1, 4, 5, 4)
    for name in ("answer_rank", "answer_logprob", "logit_diff"):
        for prefix in ("", "corrupt_", "changed_"):
            assert np.shape(data[prefix + name]) == (4, 5, 1)
            assert np.shape(data[f"{prefix}{name}_mean"]) == (4, 5)
    assert data["end_difference"][0] < 1e-4
    assert data["answer_rank"][-1][-1] == [0]
    assert data["top"][0][-1][-1][0] == found["prompts"][0]["answer"]["id"]
    assert found["params"]["kind"] == "logit"
    call("lens", *TOY, *ROW, "--top", "4", "--out", str(out))
    with np.load(out) as arrays:
        np.testing.assert_array_equal(arrays["top_0"], data["top"][0])


@pytest.mark.model
def test_a_lens_is_fitted_and_read_with(call, tmp_path):
    text, file = tmp_path / "text.txt", tmp_path / "F.safetensors"
    text.write_text("1 2 3 4 5 6 7 8 9, Monday Tuesday. " * 30, "utf-8")
    settings = ("--windows", "1", "--max-seq-len", "20", "--dim-batch", "64")
    told = call(
        "fit_lens", *TOY, "--kind", "jacobian", "--text", str(text), "--out-lens", str(file),
        *settings,
    )  # fmt: skip
    assert "fitted on 1 window (20 tokens) of text.txt" in told
    given = ("--kind", "jacobian", "--lens-file", str(file))
    found = json.loads(call("lens", *TOY, *ROW, *given, "--json"))
    data = found["result"]
    assert data["fitted"]["corpus"] == "text.txt"
    assert data["answer_rank"][0][0] == [None]
    assert data["top_prob"][0][0][0][0] is None
    assert data["answer_rank"][-1][-1] == [0]
    assert {w["code"] for w in found["warnings"]} >= {"lens_row_missing"}
    # A fit that is told to write over it does, since it is this model's.
    call("fit_lens", *TOY, "--text", str(text), "--out-lens", str(file), *settings)


@pytest.mark.model
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("lens", *ROW, "--kind", "jacobian"), "--lens-file"),
        (("lens", *ROW, "--kind", "tuned", "--lens-file", "no.safetensors"), "no such file"),
        (("lens", *ROW, "--kind", "tuned", "--lens-file", "no.pt"), "safetensors alone"),
        (("lens", *ROW, "--kind", "other"), "--kind"),
        (("lens", *ROW, "--without", "9.9"), "--without"),
        (("lens", *ROW, "--moves", "clean:resid_post:9.1>1.1"), "--moves"),
        (("lens", *ROW, "--moves", "nonsense"), "--moves"),
        (("lens",), "--prompt"),
        (("fit_lens",), "--text FILE"),
        (("fit_lens", "--text", "no.txt"), "no such file"),
        (("fit_lens", "--kind", "tuned", "--text", "no.txt"), "--kind"),
        (("fit_lens", "--text", "no.txt", "--windows", "0"), "--windows"),
    ],
)
def test_what_cannot_be_done_is_one_line(call, arguments, told):
    name, *rest = arguments
    message = call(name, *TOY, *rest, code=2)
    assert told in message
    assert len(message.strip().splitlines()) == 1


def test_a_session_is_read_without_torch():
    """The heads of lens files are looked at by views: nothing of them needs torch."""
    code = "import sys; import desktop_app.support.lens_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
