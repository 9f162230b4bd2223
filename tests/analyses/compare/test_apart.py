"""A stream that is 0 in one model or in both: what has a value there, and what is said."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from desktop_app.analyses.compare import picture
from desktop_app.analyses.compare import run as compare
from desktop_app.analyses.compare.spec import CompareParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading
from desktop_app.session import exports
from tests.engine.zoo import save_tiny, tiny_tokenizer
from tests.models import tiny
from tests.session.alone import run_alone

TEXTS = ("the cat sat", "abc")
EMPTY_AT = 2
EMPTY_ID = tiny_tokenizer()(TEXTS[0])["input_ids"][EMPTY_AT]


def run(model, **settings):
    rows = tuple(PromptRow(text=text) for text in TEXTS)
    return compare.run(model, CompareParams(prompts=rows, **settings), SilentReporter())


def told(result):
    return [notice.message for notice in result.warnings if notice.code == "not_finite"]


@pytest.fixture
def emptied(tmp_path):
    """Return a model without the embedding of one token of the first prompt."""
    source = save_tiny("llama", tmp_path / "emptied")
    weights = load_file(source / "model.safetensors")
    weights["model.embed_tokens.weight"][EMPTY_ID] = 0
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    return loading.load(ModelSpec(str(source), device="cpu"), SilentReporter())


def test_what_is_0_in_both_is_the_same(emptied):
    result = run(emptied, with_dtype="bfloat16")
    assert result.data["resid_error"][0][0, EMPTY_AT] == 0
    assert np.isfinite(result.data["resid_relative_error"]).all()
    assert np.isfinite(result.data["resid_cosine"]).all()
    assert not told(result)


def test_a_stream_of_0_in_the_first_model_has_no_relative_error(emptied, tmp_path):
    other = tiny("llama").info.source
    result = run(emptied, with_model=other)
    error = result.data["resid_error"][0]
    assert np.isnan(error[0, EMPTY_AT])
    assert np.isfinite(np.delete(error[0], EMPTY_AT)).all()
    assert np.isfinite(error[1:]).all()
    assert np.isnan(result.data["resid_relative_error"]).tolist() == [True, False, False, False]
    assert np.isnan(result.data["resid_cosine"]).tolist() == [True, False, False, False]
    assert result.data["first_apart"] == 0
    (message,) = told(result)
    assert message.startswith("The first model, emptied as float32, has a stream of 0 at position")
    assert f"position {EMPTY_AT} of prompt 1, first before layer 0" in message
    assert "neither error nor cosine" in message
    said = picture.stream_sentence(result)
    assert said == (
        "The streams part first before layer 0: their relative error there is not a number."
    )
    for name in ("script.py", "own.npz"):
        exports.export(result, tmp_path / name)
    call = (str(tmp_path / "script.py"), [emptied.info.source, str(tmp_path / "found.npz")])
    run_alone(tmp_path, [call])
    with np.load(tmp_path / "own.npz") as own, np.load(tmp_path / "found.npz") as found:
        for name in ("resid_error_0", "resid_relative_error", "resid_cosine"):
            np.testing.assert_allclose(found[name], own[name], rtol=1e-4, atol=1e-7)


def test_a_stream_of_0_in_the_second_model_has_no_angle(emptied):
    result = run(tiny("llama"), with_model=emptied.info.source)
    assert result.data["resid_error"][0][0, EMPTY_AT] == pytest.approx(1)
    assert np.isnan(result.data["resid_cosine"]).tolist() == [True, False, False, False]
    (message,) = told(result)
    assert message.startswith("The second model, emptied as float32, has a stream of 0")
    assert "the cosine has no value" in message
