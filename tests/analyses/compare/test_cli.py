"""`lensbench run compare`: options by the letter of the contract, refusals in one line."""

from __future__ import annotations

import json

import pytest

from desktop_app import cli
from tests.engine.zoo import save_tiny


@pytest.fixture
def call(capsys):
    def run(*arguments):
        code = cli.main(["run", "compare", "--model", "toy", "--offline", *map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_options_and_fields_have_the_names_of_the_contract(call):
    options = ("--with", "toy", "--with-dtype", "bfloat16", "--with-weights", "raw", "--json")
    code, out, _err = call("--prompt", "1 2 3 4", "--with-layernorm", "keep", *options)
    assert code == 0
    found = json.loads(out)
    assert (found["params"]["with"], found["params"]["with_dtype"]) == ("toy", "bfloat16")
    result = found["result"]
    length, layers = len(found["prompts"][0]["tokens"]["ids"]), found["model"]["n_layers"]
    assert len(result["kl"]) == length
    assert [len(row) for row in result["kl"]] == [1] * length
    assert len(result["resid_cosine"]) == len(result["resid_relative_error"]) == layers + 1
    assert result["max_logit_difference"] > 0
    assert result["max_logprob_difference"] > 0
    assert 0 <= result["top1_agreement"] <= 1


def test_a_model_against_itself_says_so(call):
    code, out, _err = call("--prompt", "1 2 3 4")
    assert code == 0
    assert "every difference is 0" in out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--with-dtype", "float16", "--with-layernorm", "eps"), 3, "--with-layernorm"),
        (("--with", "no-such-model"), 3, "no-such-model"),
        (("--rank-heads",), 2, "answer"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(call, options, code, words):
    found, out, err = call("--prompt", "1 2 3 4", *options)
    assert (found, out) == (code, "")
    assert words in err
    assert err.strip().count("\n") == 0


def test_another_vocabulary_ends_with_2(call, tmp_path):
    code, _out, err = call("--prompt", "1 2", "--with", save_tiny("llama", tmp_path / "other"))
    assert code == 2
    assert "vocabulary is another" in err
