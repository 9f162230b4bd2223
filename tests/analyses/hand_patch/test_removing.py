"""Parts removed by hand, held to plain hook loops of several architectures and to the sweep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.hand_patch import run as hand_patch
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import VOCABULARY
from tests.models import tiny

ROW = PromptRow(text="ab cd g", corrupt="ab xd g", answer=("h",), wrong=("i",))
OTHER = PromptRow(text="g cd ab", corrupt="x cd ab", answer=("h",), wrong=("i",))
ALONE = ROW.model_copy(update={"corrupt": None})
PARTS = ((0, 1), (1, 3), (1, None), (2, 0))
WITHOUT = "0.1, 1.3, m1, 2.0"
# Grouped queries, parallel blocks, biases, a post-norm, experts.
KINDS = ("qwen2", "gpt_neox", "gptj", "phi", "opt", "olmo2", "mixtral", "falcon", "bloom")


def run(model, *rows, **settings):
    params = HandPatchParams(prompts=rows or (ROW,), **settings)
    return hand_patch.run(model, params, SilentReporter())


def hook_of(layer, head):
    return f"blocks.{layer}.hook_mlp_out" if head is None else f"blocks.{layer}.attn.hook_z"


def means_of(model, rows, parts):
    """Return each part's mean over prompts of one length, from plain runs."""
    found = {}

    def keep(part):
        def kept(x, hook):
            value = x.view(1, -1, x.shape[-1])[0] if part[1] is None else x[0, :, part[1]]
            found.setdefault(part, []).append(value.clone())

        return kept

    for ids in rows:
        hooks = [(hook_of(*part), keep(part)) for part in parts]
        model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)
    return {part: torch.stack(values).mean(0) for part, values in found.items()}


def remover(part, value):
    def remove(x, hook):
        if part[1] is None:
            x.view(1, -1, x.shape[-1])[0] = value
        else:
            x[0, :, part[1]] = value
        return x

    return hook_of(*part), remove


def plain(model, record, ids, parts, means=None, more=()):
    """Return the logit difference of a plain TransformerLens run with these parts removed."""
    hooks = [remover(part, 0 if means is None else means[part]) for part in parts]
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=[*hooks, *more])[0, -1]
    return float(logits[record.answers[0].token_id] - logits[record.wrongs[0].token_id])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_removed_together_and_singly_equal_the_plain_loop(kind, mode):
    model = tiny(kind)
    result = run(model, ROW, OTHER, run="clean", without=WITHOUT, mode=mode)
    data, record = result.data, result.prompts[0]
    ids = list(record.tokens.ids)
    with torch.no_grad():
        rows = [p.tokens.ids for p in result.prompts]
        means = means_of(model, rows, PARTS) if mode == "mean" else None
    assert data["removed"] == ("0.1", "1.3", "m1", "2.0")
    assert data["patched"] == pytest.approx(plain(model, record, ids, PARTS, means), abs=1e-5)
    singles = [plain(model, record, ids, [part], means) for part in PARTS]
    np.testing.assert_allclose(data["single"], singles, atol=1e-5)
    base = plain(model, record, ids, ())
    assert data["moved"] == data["base"] == pytest.approx(base, abs=1e-5)
    np.testing.assert_allclose(data["effect"], data["single"] - data["moved"])
    assert data["joint"] == data["patched"] - data["moved"]


@pytest.mark.parametrize("kind", ["qwen2", "gpt_neox", "opt"])
@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_beside_moves_they_are_removed_from_the_changed_run(kind, mode):
    model = tiny(kind)
    moves = ("clean:resid_post:0.4>0.4", "clean:resid_post:0.5>1.6", "clean:mlp_out:0.4>1.5")
    made = {"run": "corrupt", "moves": moves, "without": WITHOUT, "mode": mode}
    result = run(model, ROW, OTHER, **made)
    data, record = result.data, result.prompts[0]
    clean, corrupt = (torch.tensor([t.ids]) for t in (record.tokens, record.corrupt_tokens))
    with torch.no_grad():
        _logits, seen = model.bridge.run_with_cache(clean)
        rows = [p.tokens.ids for p in result.prompts]
        means = means_of(model, rows, PARTS) if mode == "mean" else None

    def put(value, at):
        def hook_fn(x, hook):
            x.view(1, -1, x.shape[-1])[0, at] = value
            return x

        return hook_fn

    mlp = seen["blocks.0.hook_mlp_out"].view(1, corrupt.shape[1], -1)[0, 4].clone()
    more = [
        ("blocks.0.hook_out", put(seen["blocks.0.hook_out"][0, 4].clone(), 4)),
        ("blocks.1.hook_out", put(seen["blocks.0.hook_out"][0, 5].clone(), 6)),
        ("blocks.1.hook_mlp_out", put(mlp, 5)),
    ]
    ids = corrupt[0].tolist()
    # The moves come last: what is put into the output of an MLP that is removed stays there.
    expected = plain(model, record, ids, PARTS, means, more)
    assert data["patched"] == pytest.approx(expected, abs=1e-5)
    assert data["moved"] == pytest.approx(plain(model, record, ids, (), None, more), abs=1e-5)
    singles = [plain(model, record, ids, [part], means, more) for part in PARTS]
    np.testing.assert_allclose(data["single"], singles, atol=1e-5)
    assert data["base"] == data["corrupt"]
    assert not data["reach"][0, :4].any()  # the cone is that of the moves


@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_a_set_of_one_is_the_ablation_of_that_head(mode):
    model = tiny("qwen2")
    shared = {"prompts": (ROW, OTHER), "mode": mode}
    heads = ablate.run(model, AblateParams(**shared), SilentReporter()).data
    mlps = ablate.run(model, AblateParams(component="mlp", **shared), SilentReporter()).data
    for pair in (0, 1):
        for text, expected in (("1.2", heads["ablated"][1, 2]), ("m0", mlps["ablated"][0])):
            data = run(model, ROW, OTHER, run="clean", without=text, mode=mode, pair=pair).data
            assert data["patched"] == pytest.approx(expected[pair], abs=1e-5)
            assert data["single"].tolist() == [data["patched"]]
            assert data["effect"].tolist() == [data["joint"]]


def test_of_other_reference_prompts_the_mean_is_that_of_an_ablation():
    model = tiny("gpt_neox")
    shared = {"reference": ("cd ab g", "g g ab h"), "mode": "mean"}
    swept = ablate.run(model, AblateParams(prompts=(ROW,), **shared), SilentReporter())
    found = run(model, ROW, run="clean", without="2.3", **shared)
    assert found.data["patched"] == pytest.approx(swept.data["ablated"][2, 3, 0], abs=1e-5)
    codes = [[n.code for n in result.warnings] for result in (swept, found)]
    assert ("means_pooled" in codes[0]) == ("means_pooled" in codes[1])
    longer = run(model, ROW, run="clean", without="2.3", mode="mean", reference=("cd ab g h i",))
    assert [n.code for n in longer.warnings].count("means_pooled") == 1


def test_the_mean_of_the_prompt_alone_is_said_to_change_nothing():
    model = tiny("llama")
    found = run(model, ROW, run="clean", without="1.2,m1", mode="mean")
    assert [n.code for n in found.warnings].count("reference_is_self") == 1
    assert found.data["joint"] == pytest.approx(0.0, abs=1e-5)
    twin = run(model, ROW, run="corrupt", without="1.2", mode="mean")
    told = next(n.message for n in twin.warnings if n.code == "reference_is_self")
    assert "nothing changes" not in told
    assert "put into the corrupt run" in told
    assert abs(twin.data["joint"]) > 1e-4


def test_a_prompt_without_a_twin_will_do_for_removing():
    model = tiny("llama")
    found = run(model, ALONE, run="clean", without="0.1,m2")
    paired = run(model, ROW, run="clean", without="0.1,m2")
    for field in ("clean", "base", "patched", "moved", "joint"):
        assert found.data[field] == pytest.approx(paired.data[field], abs=1e-5)
    assert math.isnan(found.data["corrupt"])
    assert "not_finite" not in [n.code for n in found.warnings]
    longer = ROW.model_copy(update={"corrupt": "ab"})
    assert math.isnan(run(model, longer, run="clean", without="0.1").data["corrupt"])
    own = run(model, ALONE, run="clean", moves=("clean:resid_post:0.4>1.5",)).data
    assert own["patched"] != own["base"]


def test_what_needs_a_twin_says_so():
    model = tiny("llama")
    with pytest.raises(BadInputError, match=r"no corrupt twin.* or choose --run clean"):
        run(model, ALONE, without="0.1")
    with pytest.raises(BadInputError, match="no corrupt twin"):
        run(model, ALONE, run="clean", moves=("corrupt:resid_post:0.1>0.1",))


def test_what_the_model_does_not_have_is_refused():
    model = tiny("llama")
    for text, words in (("9.0", "--without 9.0: layer 9"), ("1.7", "--without 1.7: head 7"),
                        ("m3", "--without m3: layer 3")):  # fmt: skip
        with pytest.raises(BadInputError, match=words):
            run(model, run="clean", without=text)
    with pytest.raises(ValidationError, match="neither a head nor an MLP"):
        HandPatchParams(without="5.3, x4")


def test_a_list_may_be_written_freely_and_is_kept_in_one_way():
    assert HandPatchParams(without=" L5H3;6.1  m4, 5.3 ").without == "5.3,6.1,m4"
    assert HandPatchParams().without == ""
    assert HandPatchParams().mode == "zero"


def test_no_part_removed_is_a_result_as_before():
    data = run(tiny("llama"), moves=("clean:resid_post:0.4>0.4",)).data
    assert not {"removed", "single", "joint", "moved", "effect"} & data.keys()


@pytest.mark.parametrize("metric", ["loss", "kl", "rank", "prob"])
def test_every_metric_reads_the_run_without_the_parts(metric):
    model = tiny("llama")
    params = AblateParams(prompts=(ROW,), mode="zero", metric=metric)
    swept = ablate.run(model, params, SilentReporter()).data
    data = run(model, run="clean", without="2.1", metric=metric).data
    assert data["patched"] == pytest.approx(swept["ablated"][2, 1, 0], abs=1e-5)
    assert data["top"] != data["base_top"]


@pytest.mark.parametrize("kind", ["qwen2", "gpt_neox"])
@pytest.mark.parametrize(
    ("moves", "without"),
    [
        ((), "2.1,0.3,m1"),
        ((), "m2"),
        (("clean:resid_post:0.6>0.6",), "2.1,m2,1.0"),
        (("clean:resid_post:2.7>2.7", "clean:resid_post:2.6>2.6"), "0.1,1.2"),
        (("clean:resid_pre:1.7>1.7",), "1.1"),
        (("clean:resid_post:1.7>1.7",), ""),
    ],
)
def test_the_ranking_is_that_of_the_run_with_all_changes(kind, moves, without):
    model = tiny(kind)
    result = run(model, run="corrupt", moves=moves, without=without, top=VOCABULARY)
    record, data = result.prompts[0], result.data
    logits = {row["id"]: row["logit"] for row in data["top"]}
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
    assert logits[answer] - logits[wrong] == pytest.approx(data["patched"], abs=1e-5)
    before = {row["id"]: row["logit"] for row in data["base_top"]}
    assert before[answer] - before[wrong] == pytest.approx(data["base"], abs=1e-5)
