"""One-pass ablation against the plain TransformerLens loop, Hugging Face hooks and known values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.zoo import ARCHITECTURES
from tests.models import named, plain_loop, plain_rows, plain_z, tiny

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel

ROWS = (
    PromptRow(text="the cat sat", corrupt="the dog ran", answer="x", wrong="y"),
    PromptRow(text="one two abc", corrupt="two one cba", answer="q", wrong="r|s"),
    PromptRow(text="a longer prompt", corrupt="a linger pr0mpt", answer="1", wrong="2"),
)
NUMBERS = (PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4"),)
SHORT = (PromptRow(text="3 4 ", corrupt="6 1 ", answer="5", wrong="4"),)


def run(model: LoadedModel, rows=ROWS, **settings):
    return ablate.run(model, AblateParams(prompts=rows, **settings), SilentReporter())


def metric(logits: torch.Tensor, record) -> float:
    right = logits[[a.token_id for a in record.answers]].mean()
    return float(right - logits[[w.token_id for w in record.wrongs]].mean())


def expected(model: LoadedModel, result, mode: str) -> np.ndarray:
    """Return `[L, H, N]` from one plain forward pass per head and prompt."""
    records = result.prompts
    lengths = {len(r.tokens) for r in records}
    values = [plain_z(model, list(r.tokens.ids)) for r in records]
    table = np.zeros((model.info.n_layers, model.info.n_heads, len(records)))
    for n, record in enumerate(records):
        twin = plain_z(model, list(record.corrupt_tokens.ids)) if mode == "resample" else None
        for layer in range(model.info.n_layers):
            for head in range(model.info.n_heads):
                if mode == "zero":
                    value = 0.0
                elif mode == "resample":
                    value = twin[layer][:, head]
                elif len(lengths) == 1:
                    value = torch.stack([v[layer][:, head] for v in values]).mean(0)
                else:
                    value = torch.cat([v[layer][:, head] for v in values]).mean(0)
                logits = plain_loop(model, list(record.tokens.ids), layer, head, value)
                table[layer, head, n] = metric(logits, record)
    return table


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_head_equals_the_plain_loop(architecture, mode):
    model = tiny(architecture)
    result = run(model, mode=mode)
    assert model.hooks_left() == 0
    table = expected(model, result, mode)
    np.testing.assert_allclose(result.data["ablated"], table, atol=1e-4)
    # A sweep that changes nothing would agree with nothing but itself.
    assert np.abs(result.data["effect"]).max() > 1e-3


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_the_toy_equals_the_plain_loop(mode):
    model = named("toy")
    rows = (
        PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4"),
        PromptRow(text="5 6 7 8", corrupt="8 3 9 2", answer=" 9", wrong=" 8"),
    )
    result = run(model, rows, mode=mode)
    np.testing.assert_allclose(result.data["ablated"], expected(model, result, mode), atol=1e-4)


@pytest.fixture(scope="module")
def zeroed(smollm2_folder):
    return run(named("smollm2"), NUMBERS, mode="zero")


@pytest.mark.pack
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_all_270_heads_of_the_pack_equal_the_plain_loop(zeroed, mode):
    model = named("smollm2")
    rows = SHORT if mode != "mean" else (*SHORT, PromptRow(text="4 5 ", answer="6", wrong="5"))
    result = zeroed if mode == "zero" else run(model, rows, mode=mode)
    # One prompt suffices for the loop: the sweep's other rows are then checked by their means.
    first = result.prompts[:1]
    values = [plain_z(model, list(r.tokens.ids)) for r in result.prompts]
    twin = plain_z(model, list(first[0].corrupt_tokens.ids)) if mode == "resample" else None
    for layer in range(30):
        put = torch.zeros_like(values[0][layer])
        if mode == "mean":
            put = torch.stack([v[layer] for v in values]).mean(0)
        elif mode == "resample":
            put = twin[layer]
        rows = plain_rows(model, list(first[0].tokens.ids), layer, list(put.unbind(1)))
        for head, logits in enumerate(rows):
            assert abs(result.data["ablated"][layer, head, 0] - metric(logits, first[0])) < 1e-4


@pytest.mark.pack
def test_known_percentages_of_the_pack(zeroed):
    percent = zeroed.data["percent"][..., 0]
    for (layer, head), value in {
        (1, 3): 2.2, (23, 3): 16.4, (1, 4): 51.9, (0, 1): 56.4, (6, 1): 64.2, (17, 6): 116.9,
    }.items():  # fmt: skip
        assert percent[layer, head] == pytest.approx(value, abs=0.1)
    assert np.unravel_index(percent.argmin(), percent.shape) == (1, 3)
    assert np.unravel_index(percent.argmax(), percent.shape) == (17, 6)


@pytest.mark.pack
def test_five_number_prompts_of_the_pack(smollm2_folder):
    rows = tuple(
        PromptRow(text=f"{i} {i + 1} {i + 2} {i + 3} ", answer=str(i + 4), wrong=str(i + 3))
        for i in range(1, 6)
    )
    for layer, value in ((1, 14.4), (23, 11.5)):
        data = run(named("smollm2"), rows, mode="zero", layers=str(layer)).data
        np.testing.assert_allclose(data["base"], [5.89, 3.78, 4.67, 4.16, 4.68], atol=0.01)
        assert data["base_mean"] == pytest.approx(4.638, abs=1e-3)
        kept = 100 * data["ablated_mean"] / data["base_mean"]
        assert kept[0, 3] == pytest.approx(value, abs=0.1)
        assert data["layers"].tolist() == [layer]


def test_a_range_of_layers_is_that_part_of_the_whole():
    model = named("toy")
    rows = (PromptRow(text="1 2 3 4", answer=" 5", wrong=" 4"),)
    whole = run(model, rows, mode="zero").data
    part = run(model, rows, mode="zero", layers=f"1:{model.info.n_layers}").data
    assert part["layers"].tolist() == list(range(1, model.info.n_layers))
    np.testing.assert_allclose(part["ablated"], whole["ablated"][1:], atol=1e-5)
    np.testing.assert_allclose(part["ablated_mean"], whole["ablated_mean"][1:], atol=1e-5)


@pytest.mark.parametrize("component", ["attn", "mlp"])
@pytest.mark.parametrize("architecture", ["gpt2", "gemma2", "gptj", "olmo2"])
def test_whole_outputs_equal_the_plain_loop(architecture, component):
    model = tiny(architecture)
    result = run(model, ROWS[:1], component=component, mode="zero")
    ids = torch.tensor([result.prompts[0].tokens.ids])
    for layer in range(model.info.n_layers):
        name = f"blocks.{layer}.hook_{component}_out"
        with torch.no_grad():
            logits = model.bridge.run_with_hooks(ids, fwd_hooks=[(name, lambda x, hook: x * 0)])
        assert result.data["ablated"][layer, 0] == pytest.approx(
            metric(logits[0, -1], result.prompts[0]), abs=1e-4
        )


def test_zeroed_heads_equal_a_plain_hugging_face_pre_hook(tmp_path):
    from transformers import AutoModelForCausalLM

    from tests.engine.zoo import save_tiny

    folder = save_tiny("llama", tmp_path / "llama")
    plain = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    result = run(tiny("llama"), ROWS[:1], mode="zero")
    record, width = result.prompts[0], 8
    for layer in range(3):
        for head in range(4):

            def zero(_module, args, head=head):
                z = args[0].clone()
                z[..., head * width : (head + 1) * width] = 0
                return (z,)

            handle = plain.model.layers[layer].self_attn.o_proj.register_forward_pre_hook(zero)
            with torch.no_grad():
                logits = plain(torch.tensor([record.tokens.ids])).logits[0, -1]
            handle.remove()
            assert result.data["ablated"][layer, head, 0] == pytest.approx(
                metric(logits, record), abs=1e-4
            )


@pytest.mark.parametrize("positions", ["last", "0,2", "-2"])
def test_listed_positions_only(positions):
    model = tiny("qwen2")
    result = run(model, ROWS[:1], mode="zero", positions=positions)
    record = result.prompts[0]
    where = [-1] if positions == "last" else [int(p) for p in positions.split(",")]

    def zero(z, hook):
        z = z.clone()
        z[:, where, 1] = 0
        return z

    with torch.no_grad():
        logits = model.bridge.run_with_hooks(
            torch.tensor([record.tokens.ids]), fwd_hooks=[("blocks.1.attn.hook_z", zero)]
        )
    assert result.data["ablated"][1, 1, 0] == pytest.approx(metric(logits[0, -1], record), abs=1e-5)


@pytest.mark.parametrize("name", ["logit", "logprob", "prob", "rank", "loss", "kl"])
def test_every_metric_equals_its_definition(name):
    model = tiny("gpt2")
    result = run(model, ROWS[1:2], mode="zero", metric=name)
    record = result.prompts[0]
    ids = torch.tensor([record.tokens.ids])

    def value(logits: torch.Tensor, base: torch.Tensor) -> float:
        answer = record.answers[0].token_id
        logprobs = torch.log_softmax(logits.double(), -1)
        if name == "loss":
            return float(torch.nn.functional.cross_entropy(logits[:-1].double(), ids[0, 1:]))
        if name == "kl":
            before = torch.log_softmax(base[-1].double(), -1)
            return float((before.exp() * (before - logprobs[-1])).sum())
        return float(
            {
                "logit": logits[-1, answer],
                "logprob": logprobs[-1, answer],
                "prob": logprobs[-1, answer].exp(),
                "rank": (logits[-1] > logits[-1, answer]).sum(),
            }[name]
        )

    def zero(z, hook):
        z = z.clone()
        z[:, :, 2] = 0
        return z

    with torch.no_grad():
        base = model.bridge(ids)[0]
        changed = model.bridge.run_with_hooks(ids, fwd_hooks=[("blocks.1.attn.hook_z", zero)])[0]
    assert result.data["base"][0] == pytest.approx(value(base, base), abs=1e-5)
    assert result.data["ablated"][1, 2, 0] == pytest.approx(value(changed, base), abs=1e-4)


def test_memory_budget_changes_no_number(monkeypatch):
    whole = run(tiny("llama"), mode="mean").data["ablated"]
    monkeypatch.setattr("desktop_app.engine.memory._CPU_TOKENS_PER_PASS", 1)
    monkeypatch.setattr("desktop_app.engine.memory._SHARE_OF_FREE_MEMORY", 1e-12)
    parts = run(tiny("llama"), mode="mean")
    assert parts.timing.forward_passes > 12
    np.testing.assert_allclose(parts.data["ablated"], whole, atol=1e-5)


def test_out_of_memory_halves_the_batch_and_goes_on(monkeypatch):
    model = tiny("llama")
    whole = run(model, ROWS[:1], mode="zero").data["ablated"]
    real = type(model).run

    def scarce(self, ids, hooks=(), cache=None, **kwargs):
        logits = real(self, ids, hooks, cache, **kwargs)
        if len(logits) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits

    monkeypatch.setattr(type(model), "run", scarce)
    np.testing.assert_allclose(run(model, ROWS[:1], mode="zero").data["ablated"], whole, atol=1e-5)


def test_cancelling_leaves_no_hook_and_the_next_run_is_the_same():
    model = tiny("gpt_neox")
    before = run(model, mode="zero").data["ablated"]

    class Impatient(SilentReporter):
        def step(self, fraction, note=""):
            if fraction > 0.4:
                raise Cancelled

    with pytest.raises(Cancelled):
        ablate.run(model, AblateParams(prompts=ROWS, mode="zero"), Impatient())
    assert model.hooks_left() == 0
    np.testing.assert_array_equal(run(model, mode="zero").data["ablated"], before)


def test_partial_results_fill_in(monkeypatch):
    monkeypatch.setattr("desktop_app.engine.memory._CPU_TOKENS_PER_PASS", 1)
    monkeypatch.setattr("desktop_app.engine.memory._SHARE_OF_FREE_MEMORY", 1e-12)
    seen = []

    class Watching(SilentReporter):
        def partial(self, data):
            seen.append(np.isfinite(data["effect_mean"]).sum())

    ablate.run(tiny("llama"), AblateParams(prompts=ROWS[:1], mode="zero"), Watching())
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == 12


def test_gate_withholds_percentages():
    result = run(tiny("llama"), mode="zero")
    codes = {(n.code, n.prompt) for n in result.warnings}
    for n, done in enumerate(result.data["task_done"]):
        assert (("task_not_done", n) in codes) == (not done)
        assert np.isnan(result.data["percent"][..., n]).all() == (not done)
    assert not result.data["task_done"].all()
    assert (
        result.to_json()["result"]["percent"][0][0][int(np.argmin(result.data["task_done"]))]
        is None
    )


def test_mode_auto_and_its_warnings():
    one = run(tiny("llama"), ROWS[:1])
    assert one.data["mode"] == "zero"
    assert run(tiny("llama")).data["mode"] == "mean"
    codes = [n.code for n in run(tiny("llama"), ROWS[:1], mode="mean").warnings]
    assert "reference_is_self" in codes
    assert "means_pooled" in [n.code for n in run(tiny("llama")).warnings]
    alone = run(tiny("llama"), ROWS[:1], mode="mean")
    np.testing.assert_allclose(alone.data["effect"], 0, atol=1e-5)


def test_reference_of_another_size():
    model = tiny("llama")
    texts = tuple(f"the {w} sat" for w in ("dog", "cow", "pig", "hen", "fox", "ant", "bee"))
    result = run(model, ROWS[:1], mode="mean", reference=texts)
    assert "means_pooled" not in [n.code for n in result.warnings]
    encoder = model.tokenizer.with_bos("auto")
    values = [plain_z(model, list(encoder.encode(t).ids)) for t in texts]
    mean = torch.stack([v[1][:, 2] for v in values]).mean(0)
    logits = plain_loop(model, list(result.prompts[0].tokens.ids), 1, 2, mean)
    assert result.data["ablated"][1, 2, 0] == pytest.approx(
        metric(logits, result.prompts[0]), abs=1e-4
    )


@pytest.mark.parametrize(
    ("rows", "settings", "words"),
    [
        ((PromptRow(text="abc", answer="x"),), {}, "no wrong"),
        ((PromptRow(text="abc"),), {"metric": "prob"}, "no answer"),
        ((PromptRow(text="abc", answer="x", wrong="y"),), {"mode": "resample"}, "no corrupt"),
        (
            (PromptRow(text="abc", corrupt="abcd", answer="x", wrong="y"),),
            {"mode": "resample"},
            "equally long",
        ),
        (ROWS, {"layers": "2:9"}, "--layers"),
        (ROWS, {"positions": "40"}, "--positions"),
        ((PromptRow(text="", answer="x", wrong="y"),), {}, "empty"),
    ],
)
def test_bad_input_is_one_sentence(rows, settings, words):
    with pytest.raises(BadInputError, match=words) as caught:
        run(tiny("llama"), rows, **settings)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("component", ["head", "attn", "mlp"])
@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_the_estimate_is_the_gradient_times_the_change(component, mode):
    """Held to a plain backward pass through TransformerLens hooks."""
    model = tiny("llama")
    result = run(model, ROWS[:2], mode=mode, component=component, preview=True)
    assert result.data["estimated"] is True
    site = {"head": "attn.hook_z", "attn": "hook_attn_out", "mlp": "hook_mlp_out"}[component]
    name = f"blocks.1.{site}"
    record = result.prompts[0]

    def taken(ids):
        found = []
        with torch.no_grad():
            model.bridge.run_with_hooks(
                torch.tensor([ids]), fwd_hooks=[(name, lambda x, hook: found.append(x.clone()))]
            )
        return found[0][0]

    own = taken(record.tokens.ids)
    new = {
        "zero": torch.zeros_like(own),
        "mean": torch.stack([taken(r.tokens.ids) for r in result.prompts]).mean(0)
        if len({len(r.tokens) for r in result.prompts}) == 1
        else None,
        "resample": taken(record.corrupt_tokens.ids),
    }[mode]
    if new is None:
        pytest.skip("lengths differ")
    leaf = own.clone().requires_grad_()
    logits = model.bridge.run_with_hooks(
        torch.tensor([record.tokens.ids]), fwd_hooks=[(name, lambda _x, hook: leaf[None])]
    )[0, -1]
    (logits[record.answers[0].token_id] - logits[record.wrongs[0].token_id]).backward()
    change = ((new - own) * leaf.grad).sum((0, -1))
    np.testing.assert_allclose(result.data["effect"][1, ..., 0], change.numpy(), atol=1e-5)


def test_the_estimate_stays_until_exact_values_come(monkeypatch):
    monkeypatch.setattr("desktop_app.engine.memory._CPU_TOKENS_PER_PASS", 1)
    monkeypatch.setattr("desktop_app.engine.memory._SHARE_OF_FREE_MEMORY", 1e-12)
    seen = []

    class Watching(SilentReporter):
        previews = True

        def partial(self, data):
            seen.append((data["estimated"], np.array(data["effect_mean"])))

    params = AblateParams(prompts=ROWS[:1], mode="zero")
    exact = ablate.run(tiny("llama"), params, Watching()).data["effect_mean"]
    (is_estimate, estimate), (_no, first), *_rest = seen
    assert is_estimate
    assert all(np.isfinite(values).all() for _flag, values in seen)
    # Where nothing exact is known yet, the estimate stands to the rounding of its base.
    changed = ~np.isclose(first, estimate, rtol=0, atol=1e-6)
    assert 0 < changed.sum() < changed.size
    np.testing.assert_array_equal(first[changed], exact[changed])
    np.testing.assert_array_equal(seen[-1][1], exact)
