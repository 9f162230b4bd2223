"""Patching held to TransformerLens' own functions, to finite differences and to what must be so."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from transformer_lens import patching
from transformers import AutoModelForCausalLM

from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import HEADED, KEY_VALUE, PatchParams, PatchSite
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.engine import memory
from desktop_app.engine.interventions import Edit, FromRun, Variant
from desktop_app.engine.model import site_hook
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import SweepPlan
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.zoo import ARCHITECTURES
from tests.models import named, tiny

ROW = PromptRow(text="ab cd g", corrupt="ab xd g", answer=("h",), wrong=("i",))
SMOL = PromptRow(text="3 4 ", corrupt="6 1 ", answer=("5",), wrong=("4",))
PARALLEL = {"gpt_neox", "gptj", "phi"}  # attention and MLP side by side: no middle

TL_BY_POSITION = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "resid_mid": patching.get_act_patch_resid_mid,
    "attn_out": patching.get_act_patch_attn_out,
    "mlp_out": patching.get_act_patch_mlp_out,
    "head_z": patching.get_act_patch_attn_head_out_by_pos,
    "head_q": patching.get_act_patch_attn_head_q_by_pos,
    "head_k": patching.get_act_patch_attn_head_k_by_pos,
    "head_v": patching.get_act_patch_attn_head_v_by_pos,
    "pattern": patching.get_act_patch_attn_head_pattern_by_pos,
}
TL_ALL = {
    "head_z": patching.get_act_patch_attn_head_out_all_pos,
    "head_q": patching.get_act_patch_attn_head_q_all_pos,
    "head_k": patching.get_act_patch_attn_head_k_all_pos,
    "head_v": patching.get_act_patch_attn_head_v_all_pos,
    "pattern": patching.get_act_patch_attn_head_pattern_all_pos,
}


# On these what is written into the pattern is lost: plain TransformerLens changes nothing either.
ONLY_SHOWN = frozenset({"opt", "gptj", "gpt_neo", "xglm"})


def run(model, rows=(ROW,), **settings):
    return patch.run(model, PatchParams(prompts=tuple(rows), **settings), SilentReporter())


def own_loop(model, result, direction, site, by):
    """The loop of every notebook, `[L, H, S]`: a run per cell, or a row of a run by position."""
    record = result.prompts[0]
    clean = torch.tensor([record.tokens.ids])
    corrupt = torch.tensor([record.corrupt_tokens.ids])
    ids, source = (corrupt, clean) if direction == "denoise" else (clean, corrupt)
    info = model.info
    heads = [None]
    if site in HEADED:
        heads = list(range(info.n_kv_heads if site in KEY_VALUE else info.n_heads))
    length = ids.shape[1]
    # One position before the first difference is enough: there the two runs are the same.
    first = int(result.data["first_difference"][0]) - 1
    positions = range(first, length) if by == "position" else [slice(None)]
    cells = [(head, position) for head in heads for position in positions]
    together = len(cells) if by == "position" else 1
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
    names = [site_hook(layer, site) for layer in range(info.n_layers)]
    taken, found = {}, []
    with torch.no_grad():
        model.bridge.run_with_hooks(
            source,
            fwd_hooks=[(n, lambda x, hook, n=n: taken.update({n: x[0].clone()})) for n in names],
        )
    for name in names:
        for start in range(0, len(cells), together):

            def put(x, hook, of=taken[name], rows=cells[start : start + together]):
                for row, (head, at) in enumerate(rows):
                    if site == "pattern":
                        x[row, head, at] = of[head, at]
                    elif head is None:
                        x[row, at] = of[at]
                    else:
                        x[row, at, head] = of[at, head]
                return x

            with torch.no_grad():
                many = ids.repeat(together, 1)
                logits = model.bridge.run_with_hooks(many, fwd_hooks=[(name, put)])[:, -1]
            found += (logits[:, answer] - logits[:, wrong]).tolist()
    return np.array(found).reshape(info.n_layers, len(heads), len(positions))


@pytest.mark.parametrize("by", ["position", "all"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_site_equals_the_plain_loop_both_ways(architecture, by):
    model = tiny(architecture)
    for site in get_args(PatchSite):
        if site == "resid_mid" and not model.has_hook(site_hook(0, site)):
            continue
        if site == "pattern" and architecture in ONLY_SHOWN:
            continue
        result = run(model, site=site, by=by)
        for direction in ("denoise", "noise"):
            expected = own_loop(model, result, direction, site, by)
            found = result.data[f"patched_{direction}"][..., 0]
            if by == "position":
                found = found[..., -expected.shape[-1] :]
            np.testing.assert_allclose(
                found.reshape(expected.shape), expected, atol=1e-4, err_msg=f"{site} {direction}"
            )
    assert model.hooks_left() == 0


@pytest.mark.parametrize("site", list(TL_BY_POSITION))
@pytest.mark.parametrize(("architecture", "direction"), [("gpt2", "denoise"), ("llama", "noise")])
def test_every_site_equals_transformer_lens(architecture, site, direction):
    _compare_with_transformer_lens(tiny(architecture), ROW, site, direction)


def _plain(theirs):
    found = theirs if isinstance(theirs, torch.Tensor) else theirs.values
    return found.float().numpy().squeeze()


def _compare_with_transformer_lens(model, row, site, direction):
    result = run(model, (row,), site=site, by="position", direction=direction)
    record = result.prompts[0]
    clean = torch.tensor([record.tokens.ids])
    corrupt = torch.tensor([record.corrupt_tokens.ids])
    ids, source = (corrupt, clean) if direction == "denoise" else (clean, corrupt)
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id

    def metric(logits):
        return logits[0, -1, answer] - logits[0, -1, wrong]

    with torch.no_grad():
        _logits, cache = model.bridge.run_with_cache(source)
        theirs = TL_BY_POSITION[site](model.bridge, ids, cache, metric)
        theirs = _plain(theirs)
    ours = result.data[f"patched_{direction}"][..., 0]
    if ours.ndim == 3 and site != "pattern":
        ours = ours.transpose(0, 2, 1)  # theirs: layer, position, head
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    if site in TL_ALL:
        with torch.no_grad():
            theirs = TL_ALL[site](model.bridge, ids, cache, metric)
            theirs = _plain(theirs)
        whole = run(model, (row,), site=site, by="all", direction=direction)
        np.testing.assert_allclose(whole.data[f"patched_{direction}"][..., 0], theirs, atol=1e-4)


def test_restored_broken_and_asymmetry_are_what_they_are_called():
    data = run(tiny("llama"), site="resid_pre").data
    clean, corrupt = data["clean"], data["corrupt"]
    np.testing.assert_allclose(
        data["restored"], (data["patched_denoise"] - corrupt) / (clean - corrupt)
    )
    np.testing.assert_allclose(data["broken"], (clean - data["patched_noise"]) / (clean - corrupt))
    np.testing.assert_allclose(data["asymmetry"], data["broken"] - data["restored"])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_identities(architecture):
    model = tiny(architecture)
    result = run(model, site="resid_pre")
    first = int(result.data["first_difference"][0])
    assert first > 0
    assert np.all(result.data["restored"][:, :first] == 0.0)
    assert np.all(result.data["broken"][:, :first] == 0.0)
    whole = run(model, site="resid_pre", by="all").data
    assert whole["restored"][0, 0] == 1.0
    assert whole["broken"][0, 0] == 1.0
    np.testing.assert_allclose(whole["restored"], 1.0, atol=1e-4)
    last = run(model, site="resid_post").data
    np.testing.assert_allclose(last["restored"][-1, -1], 1.0, atol=1e-4)


@pytest.mark.parametrize("site", get_args(PatchSite))
def test_a_run_patched_with_itself_is_bitwise_the_same(site):
    model = tiny("llama")
    ids = model.ids([[1, 20, 30, 40, 50, 60]])
    heads = [None] if site not in HEADED else [0, 1]
    for at in (None, (2,), (5,)):
        edits = [Edit(layer, site, FromRun(0), h, at) for layer in range(3) for h in heads]
        plan = SweepPlan((5,), lambda logits, _p, _b: logits[:, 7])
        swept = sweep(model, ids, [Variant((e,)) for e in edits], plan)
        assert bool((swept.values == swept.base[0]).all())


def test_prompts_of_different_lengths_come_one_by_one():
    other = PromptRow(text="xyz", corrupt="xya", answer=("h",), wrong=("i",))
    model = tiny("gpt2")
    both = run(model, (ROW, other)).data
    alone = [run(model, (row,)).data["restored"][..., 0] for row in (ROW, other)]
    assert isinstance(both["restored"], tuple)
    assert "restored_mean" not in both
    for found, expected in zip(both["restored"], alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_prompts_of_one_length_are_batched_and_no_number_changes():
    rows = (ROW, ROW.model_copy(update={"text": "ab cd h", "corrupt": "az cd h"}))
    model = tiny("llama")
    both = run(model, rows, site="head_z").data["patched_noise"]
    for i, row in enumerate(rows):
        alone = run(model, (row,), site="head_z").data["patched_noise"][..., 0]
        np.testing.assert_allclose(both[..., i], alone, atol=1e-5)


def test_what_enters_is_not_the_whole_text_where_layers_read_the_ids_themselves():
    model = tiny("gemma4_text")
    plain = AutoModelForCausalLM.from_pretrained(model.info.source, attn_implementation="eager")
    result = run(model, site="resid_pre", by="all")
    record = result.prompts[0]
    clean, corrupt = list(record.tokens.ids), list(record.corrupt_tokens.ids)

    def difference(ids, put=None):
        kept = []

        def enter(_block, given):
            kept.append(given[0])
            return None if put is None else (put, *given[1:])

        handle = plain.model.layers[0].register_forward_pre_hook(enter)
        with torch.no_grad():
            logits = plain(torch.tensor([ids]), use_cache=False).logits[0, record.read_position]
        handle.remove()
        answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
        return float(logits[answer] - logits[wrong]), kept[0]

    base, stream = difference(clean)
    assert result.data["clean"][0] == pytest.approx(base, abs=1e-5)
    assert result.data["corrupt"][0] == pytest.approx(difference(corrupt)[0], abs=1e-5)
    expected = difference(corrupt, stream)[0]
    assert abs(expected - base) > 0.01
    assert result.data["patched_denoise"][0, 0] == pytest.approx(expected, abs=1e-5)


def test_a_small_budget_changes_no_number(monkeypatch):
    model = tiny("llama")
    whole = run(model, site="head_z")
    monkeypatch.setattr(memory, "_SHARE_OF_FREE_MEMORY", 1e-12)
    parts = run(model, site="head_z")
    assert parts.timing.forward_passes > 20
    for name in ("patched_denoise", "patched_noise"):
        np.testing.assert_allclose(parts.data[name], whole.data[name], atol=1e-5)


def test_refusals():
    model = tiny("gpt2")
    with pytest.raises(BadInputError, match="no corrupt twin"):
        run(model, (ROW.model_copy(update={"corrupt": None}),))
    with pytest.raises(BadInputError, match="equally long"):
        run(model, (ROW.model_copy(update={"corrupt": "abc"}),))
    with pytest.raises(BadInputError, match="same metric"):
        run(model, (ROW.model_copy(update={"corrupt": ROW.text}),))
    with pytest.raises(BadInputError, match="has no resid_mid"):
        run(tiny("gptj"), site="resid_mid")
    with pytest.raises(BadInputError, match="no gradient"):
        run(model, metric="rank", preview=True)


@pytest.mark.parametrize("site", get_args(PatchSite))
def test_the_estimate_is_the_first_order_change(site):
    """Against a finite difference: a thousandth of the way from one activation to the other."""
    model = tiny("llama")
    result = run(model, site=site, preview=True)
    assert result.data["estimated"] is True
    record = result.prompts[0]
    clean, corrupt = (torch.tensor([t.ids]) for t in (record.tokens, record.corrupt_tokens))
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
    layer, name = 1, site_hook(1, site)
    seen = []
    with torch.no_grad():
        model.bridge.run_with_hooks(
            clean, fwd_hooks=[(name, lambda x, hook: seen.append(x.double()))]
        )
    step = 1e-2

    def nudged(position, head, sign):
        def put(x, hook):
            at = (
                (0, head, position)
                if site == "pattern"
                else ((0, position) if head is None else (0, position, head))
            )
            x[at] = (x[at].double() + sign * step * (seen[0][at] - x[at].double())).float()
            return x

        with torch.no_grad():
            logits = model.bridge.run_with_hooks(corrupt, fwd_hooks=[(name, put)])[0, -1]
        return float(logits[answer].double() - logits[wrong].double())

    head = 1 if site in HEADED else None
    estimate = result.data["patched_denoise"][..., 0]
    for position in (4, len(record.tokens) - 1):
        slope = (nudged(position, head, 1) - nudged(position, head, -1)) / (2 * step)
        found = estimate[(layer, position) if head is None else (layer, head, position)]
        assert found - result.data["corrupt"][0] == pytest.approx(slope, abs=2e-3, rel=0.02)


def test_loss_and_kl_are_read_of_the_clean_prompt():
    model = tiny("gpt2")
    loss = run(model, site="resid_pre", by="all", metric="loss").data
    np.testing.assert_allclose(loss["patched_denoise"][0], loss["clean"], atol=1e-5)
    kl = run(model, site="resid_pre", by="all", metric="kl").data
    assert kl["clean"][0] == 0.0
    assert kl["corrupt"][0] > 0
    np.testing.assert_allclose(kl["patched_denoise"][0], 0.0, atol=1e-5)


def test_cancelling_leaves_no_hook_and_the_next_run_is_bitwise_the_same():
    model, told = tiny("llama"), []

    class Listener(SilentReporter):
        limit = 2.0

        def step(self, fraction, note=""):
            told.append(fraction)
            if fraction > self.limit:
                raise Cancelled

    class Impatient(Listener):
        def __init__(self, limit):
            self.limit = limit

    params = PatchParams(prompts=(ROW,), site="head_z")
    before = patch.run(model, params, Listener()).data["patched_noise"]
    limits = sorted(set(told))[:-1]
    assert len(limits) > 3
    for limit in limits[:-1]:  # when the last is told, all is there
        with pytest.raises(Cancelled):
            patch.run(model, params, Impatient(limit))
        assert model.hooks_left() == 0
    np.testing.assert_array_equal(run(model, site="head_z").data["patched_noise"], before)


@pytest.mark.model
@pytest.mark.slow
def test_the_pack_equals_transformer_lens(smollm2_folder):
    _compare_with_transformer_lens(named("smollm2"), SMOL, "resid_pre", "denoise")


@pytest.mark.model
@pytest.mark.slow
def test_outputs_of_the_pack_equal_transformer_lens(smollm2_folder):
    """At every other place: each layer and each position is among them."""
    model = named("smollm2")
    result = run(model, (SMOL,), site="mlp_out", by="position", direction="denoise")
    record = result.prompts[0]
    found = result.data["patched_denoise"][..., 0]
    places = [(i, p) for i, p in np.ndindex(found.shape) if (i + p) % 2 == 0]
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
    with torch.no_grad():
        _logits, cache = model.bridge.run_with_cache(torch.tensor([record.tokens.ids]))
        theirs = patching.generic_activation_patch(
            model.bridge,
            torch.tensor([record.corrupt_tokens.ids]),
            cache,
            lambda logits: logits[0, -1, answer] - logits[0, -1, wrong],
            patch_setter=patching.layer_pos_patch_setter,
            activation_name="mlp_out",
            index_df=pd.DataFrame(places, columns=["layer", "pos"]),
        )
    ours = [found[place] for place in places]
    np.testing.assert_allclose(ours, _plain(theirs), atol=1e-4)


def test_the_estimate_stays_until_exact_values_come(monkeypatch):
    monkeypatch.setattr("desktop_app.engine.memory._CPU_TOKENS_PER_PASS", 1)
    monkeypatch.setattr("desktop_app.engine.memory._SHARE_OF_FREE_MEMORY", 1e-12)
    seen = []

    class Watching(SilentReporter):
        previews = True

        def partial(self, data):
            seen.append((data["estimated"], np.array(data["patched_noise"])))

    params = PatchParams(prompts=(ROW,))
    exact = patch.run(tiny("llama"), params, Watching()).data["patched_noise"]
    (is_estimate, estimate), (_no, first), *_rest = seen
    assert is_estimate
    assert all(np.isfinite(values).all() for _flag, values in seen)
    changed = first != estimate
    assert 0 < changed.sum() < changed.size
    np.testing.assert_array_equal(first[changed], exact[changed])
    np.testing.assert_array_equal(seen[-1][1], exact)


@pytest.mark.parametrize("architecture", sorted(ONLY_SHOWN))
def test_patterns_that_are_only_shown_are_refused(architecture):
    with pytest.raises(BadInputError, match="only shows its patterns"):
        run(tiny(architecture), site="pattern")


def test_a_prompt_that_fails_the_gate_keeps_its_shares_and_is_told():
    result = run(tiny("llama"), (ROW.model_copy(update={"answer": ("i",), "wrong": ("h",)}),))
    if result.data["task_done"].all():
        result = run(tiny("llama"))
    assert not result.data["task_done"].all()
    message = next(n.message for n in result.warnings if n.code == "task_not_done")
    assert "withheld" not in message
    assert np.isfinite(result.data["restored"]).all()
