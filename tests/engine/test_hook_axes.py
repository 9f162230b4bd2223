"""Which axes hooks have: heads and positions where they are meant, or the place refused by name."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.analyses.compose import run as compose
from desktop_app.analyses.compose.spec import ComposeParams
from desktop_app.analyses.detect import run as detect
from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import hook_axes, weights
from desktop_app.engine.loading import load
from desktop_app.engine.model import LoadedModel, Site, site_hook
from desktop_app.engine.shortcuts import acts
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import ARCHITECTURES, save_tiny
from tests.models import tiny
from tests.plain import Opened

LATENT = ("deepseek_v3", "deepseek_v2", "deepseek_v3:published", "deepseek_v2:published")
ROW = PromptRow(text="ab cd f", corrupt="ab zd f", answer=("g",), wrong=("h",))
HEADS, LAYERS = 4, 3


def difference(record, logits):
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
    return float(logits[record.read_position, answer] - logits[record.read_position, wrong])


@pytest.mark.parametrize("architecture", LATENT)
def test_heads_ablated_equal_plain_hooks(architecture):
    model, plain = tiny(architecture), Opened(tiny(architecture).info.source)
    for mode in ("zero", "resample"):
        params = AblateParams(prompts=(ROW,), mode=mode)
        result = ablate.run(model, params, SilentReporter())
        record = result.prompts[0]
        ids = list(record.tokens.ids)
        seen = plain.seen(list(record.corrupt_tokens.ids))
        put = {place: x if mode == "resample" else x * 0 for place, x in seen.items()}
        base = difference(record, plain.logits(ids))
        assert result.data["base"][0] == pytest.approx(base, abs=1e-4)
        for layer, head in product(range(LAYERS), range(HEADS)):

            def remove(at, place, x, cell=(layer, head), put=put):
                if (at, place) == (cell[0], "head_z"):
                    x[0, cell[1]] = put[at, place][cell[1]]

            expected = difference(record, plain.logits(ids, remove))
            assert result.data["ablated"][layer, head, 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("site", ["head_z", "head_q", "head_k", "head_v", "pattern"])
@pytest.mark.parametrize("architecture", LATENT)
def test_heads_patched_by_position_equal_plain_hooks(architecture, site):
    model, plain = tiny(architecture), Opened(tiny(architecture).info.source)
    params = PatchParams(prompts=(ROW,), site=site, direction="denoise")
    result = patch.run(model, params, SilentReporter())
    record = result.prompts[0]
    corrupt, clean = list(record.corrupt_tokens.ids), plain.seen(list(record.tokens.ids))
    patched = result.data["patched_denoise"]
    assert patched.shape == (LAYERS, HEADS, len(corrupt), 1)
    for cell in product(range(LAYERS), range(HEADS), range(len(corrupt))):

        def put(at, place, x, cell=cell):
            layer, *where = cell
            if (at, place) == (layer, site):
                x[(0, *where)] = clean[at, place][tuple(where)]

        expected = difference(record, plain.logits(corrupt, put))
        assert patched[(*cell, 0)] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("site", ["head_z", "head_q", "head_k", "head_v"])
def test_estimates_are_the_first_order_change_of_plain_heads(site):
    model = tiny("deepseek_v3")
    plain = Opened(model.info.source)
    params = PatchParams(prompts=(ROW,), site=site, direction="denoise", preview=True)
    result = patch.run(model, params, SilentReporter())
    record, step = result.prompts[0], 1e-2
    corrupt, clean = list(record.corrupt_tokens.ids), plain.seen(list(record.tokens.ids))
    layer, head, at = 1, 2, 4
    ends = []
    for sign in (1, -1):

        def nudge(where, place, x, sign=sign):
            if (where, place) == (layer, site):
                x[0, head, at] += sign * step * (clean[where, place][head, at] - x[0, head, at])

        ends.append(difference(record, plain.logits(corrupt, nudge)))
    slope = (ends[0] - ends[1]) / (2 * step)
    found = result.data["patched_denoise"][layer, head, at, 0] - result.data["corrupt"][0]
    assert found == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("architecture", LATENT)
def test_patterns_and_value_weights_equal_plain_ones(architecture):
    model, plain = tiny(architecture), Opened(tiny(architecture).info.source)
    params = AttentionParams(prompts=(ROW,), value_weighted=True)
    usual = AttentionParams(prompts=(ROW,))
    weighted, result = (
        attention.run(model, p, SilentReporter()).array("pattern", 0) for p in (params, usual)
    )
    ids = list(attention.run(model, usual, SilentReporter()).prompts[0].tokens.ids)
    seen = plain.seen(ids)
    for layer, block in enumerate(plain.model.model.layers):
        np.testing.assert_allclose(result[layer], seen[layer, "pattern"], atol=1e-5)
        by_head = block.self_attn.o_proj.weight.T.reshape(HEADS, -1, 32)
        for head in range(HEADS):
            norms = (seen[layer, "head_v"][head] @ by_head[head]).norm(dim=-1).detach().numpy()
            expected = seen[layer, "pattern"][head].numpy() * norms[None]
            np.testing.assert_allclose(weighted[layer, head], expected / expected.max(), atol=1e-5)


@pytest.mark.parametrize("architecture", LATENT)
def test_values_are_made_in_their_steps_and_matrices_are_refused(architecture):
    model, plain = tiny(architecture), Opened(tiny(architecture).info.source)
    ids, normed = [1, 20, 30, 40], []
    layer = plain.model.model.layers[1]
    handle = layer.input_layernorm.register_forward_hook(lambda *io: normed.append(io[2][0]))
    seen = plain.seen(ids)
    handle.remove()
    found = weights.values(model, 1, normed[0])
    torch.testing.assert_close(found, seen[1, "head_v"], atol=1e-5, rtol=0)
    with pytest.raises(BadInputError, match="in several steps"):
        compose.run(model, ComposeParams(), SilentReporter())
    params = DetectParams(batch=2, seq_len=8)
    scores = detect.run(model, params, SilentReporter()).data
    assert np.isfinite(scores["induction"]).all()
    assert np.isfinite(scores["successor"]).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_was_right_is_left_as_it_was(architecture):
    model = tiny(architecture)
    unusual = {type(p.hook_conversion) for p in model.bridge.hook_dict.values()}
    assert not unusual & {hook_axes.Turned, hook_axes.Split}
    assert {site for _layer, site in model.unfit} <= {"resid_mid"}
    for layer in range(model.info.n_layers):
        has = model.has_hook(site_hook(layer, "resid_mid"))
        assert has != ((layer, "resid_mid") in model.unfit)


@pytest.mark.parametrize("site", ["head_z", "head_q", "head_k", "head_v", "pattern", "mlp_out"])
def test_a_place_with_other_axes_is_refused_by_name(site: Site):
    model = replace(tiny("llama"), unfit={(2, site): "layer 2 shows it as [1, 4, 6, 9]"})
    kind = {"mlp_out": {"component": "mlp"}}.get(site, {})
    if site in {"head_z", "mlp_out"}:
        with pytest.raises(BadInputError, match=f"{site}: layer 2 shows it") as caught:
            ablate.run(model, AblateParams(prompts=(ROW,), mode="zero", **kind), SilentReporter())
        assert caught.value.exit_code == 2
    for preview in (False, True):
        params = PatchParams(prompts=(ROW,), site=site, preview=preview)
        with pytest.raises(BadInputError, match=f"{site}: layer 2 shows it"):
            patch.run(model, params, SilentReporter())
        part = PatchParams(prompts=(ROW,), site=site, preview=preview, layers="0:2")
        assert patch.run(model, part, SilentReporter()).data["layers"].tolist() == [0, 1]
    if site == "pattern":
        with pytest.raises(BadInputError, match="pattern"):
            attention.run(model, AttentionParams(prompts=(ROW,)), SilentReporter())
        with pytest.raises(BadInputError, match="pattern"):
            detect.run(model, DetectParams(batch=1, seq_len=5), SilentReporter())
    if site == "head_v":
        weighted = AttentionParams(prompts=(ROW,), value_weighted=True)
        with pytest.raises(BadInputError, match="head_v"):
            attention.run(model, weighted, SilentReporter())


def test_values_that_are_normed_on_the_way_weigh_nothing():
    """Gemma 4 shows values before their norm."""
    model = tiny("gemma4_text")
    assert model.unmixed == {0, 1, 2}
    params = AttentionParams(prompts=(ROW,), value_weighted=True)
    with pytest.raises(BadInputError, match="--value-weighted") as caught:
        attention.run(model, params, SilentReporter())
    assert caught.value.exit_code == 2
    for architecture in (*ARCHITECTURES, *LATENT, "gpt_oss"):
        assert not tiny(architecture).unmixed


def test_a_model_that_shows_no_stream_behind_its_blocks(tmp_path):
    """Scores on families have nothing to be made of, and what is no number is still placed."""
    loaded = load(ModelSpec(str(save_tiny("llama", tmp_path / "tiny"))), SilentReporter())
    model = replace(loaded, unfit={(n, "resid_post"): "it is not shown" for n in range(LAYERS)})
    params = DetectParams(batch=2, seq_len=8)
    result = detect.run(model, params, SilentReporter())
    assert np.isfinite(result.data["induction"]).all()
    assert np.isnan(result.data["successor"]).all()
    assert "values_not_shown" in {notice.code for notice in result.warnings}
    with pytest.raises(BadInputError, match="resid_post"):
        weights.embeddings(model, torch.tensor([5]), "layer0", 1)
    with torch.no_grad():
        model.bridge.original_model.model.layers[1].mlp.down_proj.weight.fill_(torch.nan)
    result = detect.run(model, params, SilentReporter())
    told = [notice.message for notice in result.warnings if notice.code == "not_finite"]
    assert "first in layer 1" in told[0]


def test_what_is_tried_out_leaves_alone_what_no_analysis_may_touch(monkeypatch, own_memory):
    model = replace(tiny("llama"), unfit={(2, "head_z"): "layer 2 shows it as [4, 6]"})
    own_memory()  # where no test before has loaded the model, that has tried its hooks just now
    hooked, run = set(), LoadedModel.run

    def noted(model, ids, hooks=(), *more, **options):
        hooked.update(name for name, _function in hooks)
        return run(model, ids, hooks, *more, **options)

    monkeypatch.setattr(LoadedModel, "run", noted)
    assert acts(model, "head_z")
    assert site_hook(1, "head_z") in hooked
    assert site_hook(2, "head_z") not in hooked


def test_axes_that_cannot_be_told_are_found_at_load(monkeypatch):
    """Queries with a gate beside each head, and a z that is no mixture of values."""
    model = tiny("llama")
    look = hook_axes._look

    def gated(*arguments):
        seen = look(*arguments)
        seen[1, "head_q"] = seen[1, "head_q"].flatten(2).repeat(1, 1, 2)
        seen[2, "pattern"] = seen[2, "pattern"][:, :2]
        del seen[0, "mlp_out"]
        return seen

    monkeypatch.setattr(hook_axes, "_look", gated)
    unfit = hook_axes.examine(model.bridge, model.info).unfit
    assert set(unfit) == {(1, "head_q"), (2, "pattern"), (0, "mlp_out")}
    assert "[1, 6, 64]" in unfit[1, "head_q"]
    assert "does not show it" in unfit[0, "mlp_out"]


def test_a_z_that_is_no_mixture_of_values_is_not_taken_apart(monkeypatch):
    model = tiny("llama")
    look = hook_axes._look

    def shuffled(*arguments):
        seen = look(*arguments)
        seen[1, "head_z"] = seen[1, "head_z"].transpose(2, 3)  # other heads than it says
        return seen

    point = model.bridge.hook_dict[site_hook(1, "head_z")]
    monkeypatch.setattr(point, "hook_conversion", point.hook_conversion)
    monkeypatch.setattr(hook_axes, "_look", shuffled)
    found = hook_axes.examine(model.bridge, model.info).unfit
    assert set(found) == {(1, "head_z")}
