"""Attention sinks: what a row gives to no token, its entropy, and scores as they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attention import softmax
from desktop_app.analyses.attention.picture import entropy_sentence, head_facts, head_tip, lines
from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.pictures.facts import Place
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import save_tiny
from tests.models import tiny
from tests.plain import Opened

ROWS = (PromptRow(text="the cat sat"), PromptRow(text="on a mat"))


def run(model, rows=ROWS, **settings):
    return attention.run(model, AttentionParams(prompts=rows, **settings), SilentReporter())


@pytest.fixture(scope="module")
def sinks(tmp_path_factory):
    """A tiny GPT-OSS whose sinks take anything from little to nearly all of a row."""
    folder = save_tiny("gpt_oss", tmp_path_factory.mktemp("sinks") / "gpt_oss")
    plain = Opened(str(folder))
    with torch.no_grad():
        for number, layer in enumerate(plain.model.model.layers):
            layer.self_attn.sinks.copy_(torch.tensor([-30.0, -8.0, 2.0, 4.0]) + number)
    plain.model.save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter()), Opened(str(folder))


def test_rows_sum_to_1_without_the_sink(sinks):
    model, plain = sinks
    result = run(model)
    for n, record in enumerate(result.prompts):
        seen = plain.seen(list(record.tokens.ids))
        pattern, sink = result.array("pattern", n), result.array("sink", n)
        assert sink.shape == (3, 4, len(record.tokens))
        for layer in range(3):
            expected = seen[layer, "pattern"].numpy()
            np.testing.assert_allclose(pattern[layer], expected, atol=1e-5)
            np.testing.assert_allclose(sink[layer], 1 - expected.sum(-1), atol=1e-5)
        np.testing.assert_allclose(pattern.sum(-1), 1 - sink, atol=1e-5)
        assert sink.max() > 0.9  # the case that matters
        assert sink[0, 0].max() < 1e-5


def test_entropy_is_that_of_the_row_without_its_sink(sinks):
    model, _plain = sinks
    result = run(model)
    p = result.array("pattern", 0).astype(np.float64)
    p /= p.sum(-1, keepdims=True)
    expected = -(p * np.log(np.where(p > 0, p, 1))).sum(-1).mean(-1)
    np.testing.assert_allclose(result.data["entropy"][..., 0], expected, atol=1e-6)


def test_scores_are_not_shifted_by_a_rows_largest(sinks):
    model, plain = sinks
    result = run(model, scores=True)
    seen = plain.seen(list(result.prompts[0].tokens.ids))
    scores = result.array("scores", 0)
    for layer in range(3):
        expected = np.tril(seen[layer, "scores"].numpy())
        there = expected > -1e30  # some layers see a few tokens alone
        np.testing.assert_allclose(scores[layer][there], expected[there], atol=1e-4)
        assert scores[layer][there].max() > 0.1  # shifted ones would all be 0 or below


def test_scores_are_put_back_where_the_hook_shows_none(sinks, monkeypatch):
    model, plain = sinks
    monkeypatch.setattr(type(model), "has_hook", lambda _self, name: "attn_scores" not in name)
    scores = run(model, scores=True).array("scores", 0)
    seen = plain.seen(list(run(model).prompts[0].tokens.ids))
    expected = np.tril(seen[1, "scores"].numpy())
    there = expected > -1e30
    np.testing.assert_allclose(scores[1][there], expected[there], atol=1e-4)
    monkeypatch.setattr(attention, "sinks_of", lambda _model, _layer: None)
    with pytest.raises(BadInputError, match="does not show its scores"):
        run(model, scores=True)


def test_without_the_first_position_rows_are_renormalised_and_the_sink_stays(sinks):
    model, _plain = sinks
    whole, without = run(model), run(model, no_first=True)
    np.testing.assert_allclose(without.array("pattern", 0)[..., 1:, :].sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(without.array("sink", 0), whole.array("sink", 0))


def test_a_model_without_sinks_has_no_such_field():
    result = run(tiny("llama"))
    assert "sink" not in result.data
    assert not result.warnings


def test_rows_that_lose_a_share_to_something_unknown_are_said(sinks, monkeypatch):
    model, _plain = sinks
    monkeypatch.setattr(attention, "sinks_of", lambda _model, _layer: None)
    assert softmax.sinks_of(model, 0) is not None
    result = run(model)
    assert "sink" in result.data
    notice = next(n for n in result.warnings if n.code == "rows_not_one")
    assert "in layer 2" in notice.message


def test_sinks_are_said_in_words(sinks):
    model, _plain = sinks
    result = run(model)
    mean = 100 * float(result.array("sink", 0)[1, 3].mean())
    assert f"{mean:.0f} % goes to the sink" in entropy_sentence(result, 1, 3, 0)
    assert "sink" in head_tip(result, 0, 1, 3)
    facts = {fact.name: fact.value for fact in head_facts(result, Place(layer=1, head=3))}
    assert facts["To the sink"] == f"{mean:.1f} %"
    assert any("sink" in line for line in lines(result))
    usual = run(tiny("llama"))
    assert "sink" not in entropy_sentence(usual, 1, 3, 0) + head_tip(usual, 0, 1, 3)
