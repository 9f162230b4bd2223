"""What the help's page on processed weights claims, measured, and held to the numbers it prints."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from desktop_app.analyses.ablate.run import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.attribute.run import run as attribute
from desktop_app.analyses.attribute.spec import AttributeParams
from desktop_app.analyses.lens.run import run as lens
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.support.paths import resource
from desktop_app.window.frame.help_pages import read_page, titles
from tests.models import named, tiny

TOY = PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",))
PACK = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",))
TINY = PromptRow(text="9 8 7 6 5", answer=("4",), wrong=("2",))
WITH_BIASES, WITHOUT, CAPPED = ["toy", "gpt2"], ["llama", "qwen3"], ["gemma2"]
PARTS = ("embed", "head", "attn_bias", "mlp", "bias")


@cache
def raw(name):
    return named(name) if name in {"toy", "smollm2"} else tiny(name)


@cache
def processed(name):
    source = name if name in {"toy", "smollm2"} else raw(name).info.source
    return load(ModelSpec(source, device="cpu", weights="processed"), SilentReporter())


def row_of(name):
    return {"toy": TOY, "smollm2": PACK}.get(name, TINY)


def both(name, run, kind, **given):
    params = kind(prompts=(row_of(name),), **given)
    return [run(model(name), params, SilentReporter()) for model in (raw, processed)]


@cache
def shifts(name):
    """Return the shift of each position `[S]`, and how far logits and log-probabilities part."""
    model, other = raw(name), processed(name)
    ids = model.ids([model.tokenizer.encode(row_of(name).text).ids])
    before, after = model.run(ids)[0].double(), other.run(ids)[0].double()
    shift = (after - before).mean(-1)
    spread = float((after - before - shift[:, None]).abs().max())
    logprobs = float((after.log_softmax(-1) - before.log_softmax(-1)).abs().max())
    return shift.abs().numpy(), spread, logprobs


def grid(result, field):
    value = result.data[field]
    return np.asarray(value[0] if isinstance(value, tuple) else value, dtype=float)


def largest(one, other, field):
    return float(np.nanmax(np.abs(grid(one, field) - grid(other, field))))


@pytest.mark.parametrize("name", [*WITH_BIASES, *WITHOUT, *CAPPED])
def test_logits_shift_by_a_constant_and_log_probabilities_do_not(name):
    shift, spread, logprobs = shifts(name)
    assert spread <= 1e-4
    assert logprobs <= 1e-4
    if name in CAPPED:  # a capped logit that is shifted would be another one
        assert shift.max() <= 1e-4
    else:
        assert shift.max() > 1e-3
        assert np.ptp(shift) > 1e-4  # another constant at each position


@pytest.mark.parametrize("name", [*WITH_BIASES, *WITHOUT, *CAPPED])
def test_the_lens_has_the_same_log_probabilities_in_every_layer(name):
    one, other = both(name, lens, LensParams)
    assert largest(one, other, "answer_logprob") <= 1e-4
    assert largest(one, other, "logit_diff") <= 1e-4
    assert largest(one, other, "answer_rank") == 0


@pytest.mark.parametrize("name", [*WITH_BIASES, "llama"])
def test_attribution_moves_biases_of_values_and_nothing_else(name):
    one, other = both(name, attribute, AttributeParams)
    for part in ("embed", "mlp", "bias"):
        assert largest(one, other, part) <= 1e-4, part
    moved = [largest(one, other, part) for part in ("head", "attn_bias")]
    assert (min(moved) > 0.01) if name in WITH_BIASES else (max(moved) <= 1e-4)
    of_layer = [grid(r, "head").sum(1) + grid(r, "attn_bias") for r in (one, other)]
    np.testing.assert_allclose(*of_layer, atol=1e-4)
    assert sum(grid(one, p).sum() for p in PARTS) == pytest.approx(
        sum(grid(other, p).sum() for p in PARTS), abs=1e-4
    )


@pytest.mark.parametrize("name", ["toy"])
def test_of_a_single_logit_every_part_changes(name):
    one, other = both(name, attribute, AttributeParams, token=row_of(name).answer[0])
    assert largest(one, other, "head") > 0.01
    assert largest(one, other, "mlp") > 0.01


def test_zeroed_heads_lose_their_biases_and_means_are_the_same():
    for name in (*WITH_BIASES, *WITHOUT):
        zero = both(name, ablate, AblateParams, mode="zero")
        changed = largest(*zero, "effect")
        assert (changed > 0.01) if name in WITH_BIASES else (changed <= 1e-4)
        codes = [notice.code for notice in zero[1].warnings]
        assert ("weights_processed" in codes) == (name in WITH_BIASES)
    other = TOY.model_copy(update={"text": "2 3 4 5"})
    params = AblateParams(prompts=(TOY, other), mode="mean")
    means = [ablate(model("toy"), params, SilentReporter()) for model in (raw, processed)]
    assert largest(*means, "effect") <= 1e-4


@pytest.mark.parametrize("name", [*WITH_BIASES, *WITHOUT])
def test_the_stream_loses_its_mean_under_layernorm_alone(name):
    model, other = raw(name), processed(name)
    ids = model.ids([model.tokenizer.encode(row_of(name).text).ids])
    for layer in range(model.info.n_layers):
        before, after = (m.seen(ids, f"blocks.{layer}.hook_out")[0] for m in (model, other))
        centred = before - before.mean(-1, keepdim=True) if name in WITH_BIASES else before
        np.testing.assert_allclose(after, centred, atol=1e-4)
        patterns = [m.seen(ids, f"blocks.{layer}.attn.hook_pattern") for m in (model, other)]
        np.testing.assert_allclose(*patterns, atol=1e-5)


# The page itself.


def printed(column):
    """Return the numbers of the first table of measurements, by model."""
    lines = [line for line in read_page("processing").splitlines() if line.startswith("| ")]
    cells = [line.strip("|").split("|") for line in lines]
    return {cell[0].strip(): cell[column].strip() for cell in cells if len(cell) == 3}


def test_the_page_is_in_the_list_and_linked():
    assert titles()["processing"] == "What processing changes"
    assert resource("help", "processing.md").is_file()
    assert "](processing)" in read_page("compare")
    named_pages = re.findall(r"\]\(([a-z_]+)\)", read_page("processing"))
    assert set(named_pages) <= set(titles())


def check_page(name, column):
    shift, spread, logprobs = shifts(name)
    told = printed(column)
    low, high = told["the shift, least to largest over positions"].split(" to ")
    assert (shift.min(), shift.max()) == pytest.approx((float(low), float(high)), abs=0.01)
    # What is left of rounding is another on each machine: not more than a few times as much.
    assert spread <= 5 * float(told["a logit's largest distance from it"])
    assert logprobs <= 5 * float(told["largest difference of a log-probability"])


def test_the_page_prints_what_the_toy_measures():
    check_page("toy", 2)
    heads = both("toy", attribute, AttributeParams)
    assert np.abs(grid(heads[0], "head")).max() == pytest.approx(1.67, abs=0.01)
    assert largest(*heads, "head") == pytest.approx(0.12, abs=0.01)
    assert largest(*heads, "attn_bias") == pytest.approx(0.27, abs=0.01)
    zero = both("toy", ablate, AblateParams, mode="zero")
    assert np.abs(grid(zero[0], "effect")).max() == pytest.approx(4.64, abs=0.01)
    assert largest(*zero, "effect") == pytest.approx(0.70, abs=0.01)


@pytest.mark.pack
@pytest.mark.slow
def test_the_page_prints_what_the_pack_measures(smollm2_folder):
    _shift, spread, logprobs = shifts("smollm2")
    assert spread <= 1e-4
    assert logprobs <= 1e-4
    check_page("smollm2", 1)
    assert largest(*both("smollm2", lens, LensParams), "answer_logprob") <= 5e-4
    parts = both("smollm2", attribute, AttributeParams)
    assert largest(*parts, "head") <= 1e-4
    assert np.abs(grid(parts[0], "head")).max() == pytest.approx(2.45, abs=0.01)
    single = both("smollm2", attribute, AttributeParams, token="5")
    sums = [float(grid(r, part).sum()) for part in ("head", "mlp") for r in single]
    assert sums == pytest.approx([6.08, 11.22, 19.7, 8.3], abs=0.05)
