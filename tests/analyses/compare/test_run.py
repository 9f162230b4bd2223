"""Two models compared, against plain Hugging Face and numpy."""

from __future__ import annotations

import gc
import shutil
import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from desktop_app.analyses.compare import run as compare
from desktop_app.analyses.compare import second
from desktop_app.analyses.compare.spec import CompareParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.engine import loading
from desktop_app.support.errors import BadInputError, Cancelled, ModelLoadError
from tests.engine.zoo import save_tiny
from tests.models import named, plain_loop, tiny

ROWS = (
    PromptRow(text="the cat sat", answer="x", wrong="q"),
    PromptRow(text="abc", answer="1", wrong="3"),
)
EVEN = (PromptRow(text="the cat", answer="x", wrong="q"), PromptRow(text="one dog"))
PER_PROMPT = ("kl", "top1_same", "logit_difference", "logprob_difference", "logit_shift")


def run(model, rows=ROWS, report=None, **settings):
    return compare.run(model, CompareParams(prompts=rows, **settings), report or SilentReporter())


def noisy_copy(architecture, folder, size=1e-4):
    """Save a tiny model once more, its weights with noise on them."""
    source = save_tiny(architecture, folder / "noisy")
    file = source / "model.safetensors"
    weights, seed = load_file(file), torch.Generator().manual_seed(0)
    for name, weight in weights.items():
        weights[name] = weight + size * torch.randn(weight.shape, generator=seed)
    save_file(weights, file, {"format": "pt"})
    return str(source)


def plain(source, ids):
    """Return logits `[S, V]` and hidden states before each block, of plain Hugging Face."""
    model = AutoModelForCausalLM.from_pretrained(source, attn_implementation="eager")
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    return out.logits[0].double().numpy(), [h[0].double().numpy() for h in out.hidden_states]


def by_prompt(result, name):
    value = result.data[name]
    return list(value) if isinstance(value, tuple) else list(np.moveaxis(value, -1, 0))


def log_softmax(logits):
    return torch.from_numpy(logits).log_softmax(-1).numpy()


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "opt", "phi", "olmo2"])
def test_a_model_against_itself_is_all_zeros(architecture, tmp_path):
    model = tiny(architecture)
    # The very same files in another folder, so that they are loaded a second time.
    again = shutil.copytree(model.info.source, tmp_path / "again")
    for settings in ({}, {"with_model": str(again)}):
        result = run(model, **settings)
        data = result.data
        assert data["verdict"] == "identical"
        for name in ("max_logit_difference", "mean_logit_difference", "max_logprob_difference"):
            assert data[name] == 0
        assert data["top1_agreement"] == 1
        assert np.isnan(data["first_apart"])
        np.testing.assert_array_equal(data["resid_relative_error"], 0)
        np.testing.assert_array_equal(data["resid_cosine"], 1)
        for name in ("kl", "logit_difference", "logit_shift", "logit_shift_spread", "resid_error"):
            assert all((values == 0).all() for values in by_prompt(result, name))


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gpt_neox", "gemma2", "gptj"])
def test_weights_with_noise_are_flagged_with_the_layer_that_parts(architecture, tmp_path):
    model, other = tiny(architecture), noisy_copy(architecture, tmp_path)
    result = run(model, with_model=other)
    data = result.data
    assert data["verdict"] == "apart"
    assert not data["same_files"]
    assert data["first_apart"] == 0  # the embeddings have noise as well
    assert data["max_logit_difference"] > data["tolerance"]["logit"]
    assert data["resid_relative_error"].shape == (model.info.n_layers + 1,)
    mean_logit, angles = [], [[] for _layer in range(model.info.n_layers)]
    for n, record in enumerate(result.prompts):
        one, hidden = plain(model.info.source, record.tokens.ids)
        two, others = plain(other, record.tokens.ids)
        log_one, log_two = log_softmax(one), log_softmax(two)
        np.testing.assert_allclose(
            by_prompt(result, "logit_difference")[n], abs(two - one).max(-1), atol=2e-6
        )
        np.testing.assert_allclose(
            by_prompt(result, "logprob_difference")[n], abs(log_two - log_one).max(-1), atol=2e-6
        )
        kl = (np.exp(log_one) * (log_one - log_two)).sum(-1)
        np.testing.assert_allclose(by_prompt(result, "kl")[n], kl, atol=1e-8)
        np.testing.assert_allclose(
            by_prompt(result, "logit_shift")[n], (two - one).mean(-1), atol=1e-6
        )
        shift = (two - one).mean(-1, keepdims=True)
        np.testing.assert_allclose(
            by_prompt(result, "logit_shift_spread")[n], abs(two - one - shift).max(-1), atol=2e-6
        )
        assert data["kl_of_prompt"][n] == pytest.approx(kl.mean(), abs=1e-8)
        mean_logit.append(abs(two - one))
        same = one.argmax(-1) == two.argmax(-1)
        np.testing.assert_array_equal(by_prompt(result, "top1_same")[n], same)
        for layer in range(model.info.n_layers):  # the last hidden state is behind the final norm
            size = np.linalg.norm(hidden[layer], axis=-1)
            error = np.linalg.norm(others[layer] - hidden[layer], axis=-1) / size
            np.testing.assert_allclose(
                by_prompt(result, "resid_error")[n][layer], error, rtol=1e-3, atol=1e-7
            )
            sizes = size * np.linalg.norm(others[layer], axis=-1)
            angles[layer].append((hidden[layer] * others[layer]).sum(-1) / sizes)
    assert data["mean_logit_difference"] == pytest.approx(
        np.concatenate(mean_logit).mean(), abs=2e-7
    )
    angle = np.array([np.concatenate(some).mean() for some in angles])
    np.testing.assert_allclose(1 - data["resid_cosine"][:-1], 1 - angle, rtol=1e-2, atol=1e-10)
    assert (angle < 1 - 1e-9).all()  # of the same streams it would say nothing


def test_noise_in_one_layer_parts_behind_it(tmp_path):
    model, source = tiny("llama"), save_tiny("llama", tmp_path / "late")
    weights = load_file(source / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.weight"] += 1e-3
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    data = run(model, with_model=str(source)).data
    assert data["first_apart"] == 2
    np.testing.assert_array_equal(data["resid_relative_error"][:2], 0)


def test_streams_are_means_over_all_positions_of_all_prompts(tmp_path):
    result = run(tiny("llama"), with_model=noisy_copy("llama", tmp_path))
    errors = np.concatenate(by_prompt(result, "resid_error"), axis=1)
    np.testing.assert_allclose(result.data["resid_relative_error"], errors.mean(1))


def test_prompts_of_one_length_stand_side_by_side(tmp_path):
    model = tiny("llama")
    result = run(model, EVEN, with_model=noisy_copy("llama", tmp_path))
    length = len(result.prompts[0].tokens)
    assert {len(record.tokens) for record in result.prompts} == {length}
    for name in PER_PROMPT:
        assert result.data[name].shape == (length, 2)
    assert result.data["resid_error"].shape == (model.info.n_layers + 1, length, 2)
    assert result.data["kl_mean"].shape == (length,)
    alone = [run(model, (row,), with_model=result.params["with"]).data["kl"] for row in EVEN]
    np.testing.assert_allclose(result.data["kl"], np.concatenate(alone, axis=1), atol=1e-9)


def test_prompts_of_other_lengths_are_outermost():
    result = run(tiny("llama"))
    lengths = [len(record.tokens) for record in result.prompts]
    assert len(set(lengths)) == 2
    assert [len(values) for values in result.data["kl"]] == lengths
    assert [values.shape[1] for values in result.data["resid_error"]] == lengths
    assert len(result.to_json()["result"]["kl"]) == 2
    assert result.data["kl_of_prompt"].shape == (2,)


def test_params_are_stored_under_the_names_of_the_contract():
    result = run(tiny("llama"), with_dtype="bfloat16")
    told = {k: v for k, v in result.params.items() if k.startswith("with")}
    assert told == {
        "with": "",
        "with_dtype": "bfloat16",
        "with_layernorm": "keep",
        "with_weights": "raw",
    }
    assert result.data["with_model"]["dtype"] == "bfloat16"
    assert CompareParams.model_validate({"with": "toy"}).with_model == "toy"


def test_processed_weights_shift_logits_by_a_constant_and_nothing_else():
    result = run(named("toy"), with_weights="processed")
    data = result.data
    assert data["verdict"] == "shifted"
    assert data["max_logit_difference"] > 0.1
    assert data["max_logprob_difference"] < 1e-4
    assert data["top1_agreement"] == 1
    assert max(values.max() for values in by_prompt(result, "logit_shift_spread")) < 1e-4


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_number_format_is_held_to_what_it_can_do(dtype):
    model = named("toy")
    data = run(model, with_dtype=dtype).data
    assert data["max_logit_difference"] > 0
    assert data["tolerance"]["dtype"] == dtype
    assert data["tolerance"]["logit"] == {"bfloat16": 0.25, "float16": 0.05}[dtype]
    assert np.isnan(data["first_apart"])
    finer = run(model, with_dtype="float16").data["max_logit_difference"]
    assert finer <= data["max_logit_difference"]


def test_auto_precision_is_that_of_the_first(tmp_path):
    from desktop_app.contract.requests import ModelSpec

    folder = save_tiny("llama", tmp_path / "half")
    model = loading.load(ModelSpec(str(folder), dtype="bfloat16"), SilentReporter())
    data = run(model).data
    assert data["with_model"]["dtype"] == "bfloat16"
    assert data["verdict"] == "identical"


def test_another_depth_leaves_the_streams_out_and_compares_logits(tmp_path, monkeypatch):
    from tests.engine import zoo

    model = tiny("llama")
    monkeypatch.setitem(zoo.SETTINGS, "llama", {**zoo.SETTINGS["llama"], "num_hidden_layers": 2})
    shallow = save_tiny("llama", tmp_path / "shallow")
    result = run(model, with_model=str(shallow), rank_heads=True)
    assert np.isnan(result.data["resid_cosine"]).all()
    assert result.to_json()["result"]["resid_relative_error"] == [None] * 4
    assert result.data["max_logit_difference"] > 0
    assert result.data["with_head_effect"].shape[0] == 2
    assert np.isnan(result.data["head_spearman"])
    told = {notice.code for notice in result.warnings}
    assert {"streams_not_comparable", "heads_not_comparable"} <= told


def test_padded_unembeddings_are_compared_over_the_ids_of_both(tmp_path, monkeypatch):
    from tests.engine import zoo

    model = tiny("llama")
    monkeypatch.setitem(zoo.SETTINGS, "llama", {**zoo.SETTINGS["llama"], "vocab_size": 320})
    wide = str(save_tiny("llama", tmp_path / "wide"))
    result = run(model, ROWS[:1], with_model=wide)
    assert "over the 300 ids" in next(
        notice.message for notice in result.warnings if notice.code == "vocabulary_cropped"
    )
    ids = result.prompts[0].tokens.ids
    one, two = (log_softmax(plain(source, ids)[0][:, :300]) for source in (model.info.source, wide))
    kl = (np.exp(one) * (one - two)).sum(-1)
    np.testing.assert_allclose(result.data["kl"][:, 0], kl, atol=1e-6)


# The ranking of heads.


def test_head_effects_equal_the_plain_loop_over_both_models(tmp_path):
    other = noisy_copy("gpt2", tmp_path, 1e-2)
    model = tiny("gpt2")
    result = run(model, ROWS, with_model=other, rank_heads=True)
    from desktop_app.contract.requests import ModelSpec

    pair = (model, loading.load(ModelSpec(other, device="cpu"), SilentReporter()))
    for whose, name in zip(pair, ("head_effect", "with_head_effect"), strict=True):
        for n, record in enumerate(result.prompts):
            right, wrong = record.answers[0].token_id, record.wrongs[0].token_id
            base = whose.run(whose.ids([record.tokens.ids]))[0, -1]
            for layer, head in ((0, 0), (1, 3), (2, 2)):
                logits = plain_loop(whose, list(record.tokens.ids), layer, head, 0.0)
                effect = (logits - base)[right] - (logits - base)[wrong]
                assert result.data[name][layer, head, n] == pytest.approx(float(effect), abs=2e-5)
    one, two = (result.data[f"{name}_mean"].ravel() for name in ("head_effect", "with_head_effect"))
    ranks = [np.argsort(np.argsort(values)) for values in (one, two)]
    assert result.data["head_spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)
    best = [set(np.argsort(values)[:10].tolist()) for values in (one, two)]
    assert result.data["head_overlap"] == len(best[0] & best[1])


def test_heads_of_a_model_against_itself_rank_alike():
    result = run(named("toy"), ROWS[:1], rank_heads=True)
    assert result.data["head_spearman"] == pytest.approx(1)
    assert result.data["head_overlap"] == 10
    np.testing.assert_array_equal(result.data["head_effect"], result.data["with_head_effect"])


def test_ranking_needs_answers_and_comparing_does_not():
    rows = (PromptRow(text="the cat sat"),)
    assert "head_effect" not in run(tiny("llama"), rows).data
    with pytest.raises(BadInputError, match="answer"):
        run(tiny("llama"), rows, rank_heads=True)
    assert "head_effect" in run(tiny("llama"), rows, rank_heads=True, metric="loss").data


# What is refused, and what is left behind.


def test_another_vocabulary_is_refused_by_what_differs():
    with pytest.raises(BadInputError, match=r"vocabulary is another.*id \d+ is “"):
        run(tiny("llama"), with_model="toy")


def test_a_vocabulary_that_lacks_pieces_is_refused():
    model = tiny("llama")

    class Fewer:
        class raw:  # noqa: N801 - stands for the library's own
            @staticmethod
            def get_vocab():
                return dict(sorted(model.tokenizer.raw.get_vocab().items())[:-3])

            @staticmethod
            def get_added_vocab():
                return {}

    with pytest.raises(BadInputError, match="in one alone"):
        second.refuse_other_vocabulary(model, Fewer(), "fewer")


def test_a_second_model_that_does_not_fit_is_refused_before_it_is_loaded(monkeypatch, tmp_path):
    other = save_tiny("llama", tmp_path / "large")
    model = tiny("llama")
    monkeypatch.setattr(second, "free_bytes", lambda _device: 1_000)
    monkeypatch.setattr(loading, "load", lambda *_given: pytest.fail("loaded"))
    with pytest.raises(ModelLoadError, match=r"beside .*--with-dtype bfloat16"):
        run(model, with_model=str(other))


def test_what_loading_says_names_the_options_of_the_second_model():
    with pytest.raises(ModelLoadError, match="--with-layernorm"):
        run(tiny("gpt2"), with_dtype="float16", with_layernorm="eps")


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(ModelLoadError, match="cannot be looked for"):
        run(tiny("llama"), with_model="x" * 4_000)


def test_a_model_that_is_not_here_is_refused():
    with pytest.raises(ModelLoadError, match="no/such"):
        run(tiny("llama"), with_model="no/such")


def test_prompts_beyond_the_second_models_context_are_refused(tmp_path):
    import json

    folder = save_tiny("llama", tmp_path / "short")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(
        json.dumps({**config, "max_position_embeddings": 3}), "utf-8"
    )
    with pytest.raises(BadInputError, match="reads at most 3"):
        run(tiny("llama"), with_model=str(folder))


class Stop(Reporter):
    """Cancels at the first step whose note holds some words."""

    def __init__(self, words, keeps=False, after=0.0):
        self._words, self.keeps_partial, self.seen, self._after = words, keeps, [], after

    def step(self, fraction, note=""):
        self.seen.append((fraction, note))
        if self._words in note and fraction > self._after:
            raise Cancelled


@pytest.mark.parametrize("words", ["Reading the weights", "layer 2 of", "Comparing the logits"])
def test_it_can_be_cancelled_everywhere_and_leaves_the_first_model_as_it_was(words):
    model = named("toy")
    before = model.run(model.ids([[0, 5, 9]])).clone()
    with pytest.raises(Cancelled):
        run(model, report=Stop(words), with_dtype="bfloat16")
    assert model.hooks_left() == 0
    assert torch.equal(model.run(model.ids([[0, 5, 9]])), before)


def test_a_ranking_that_is_stopped_leaves_the_comparison():
    result = run(
        named("toy"), ROWS[:1], report=Stop("layer 2 of 3", True, 0.5), with_weights="processed",
        rank_heads=True, metric="loss",
    )  # fmt: skip
    assert "head_effect" not in result.data
    assert result.partial
    assert result.data["verdict"] == "shifted"


def test_progress_only_rises():
    report = Stop("no such words")
    run(named("toy"), report=report, with_dtype="bfloat16", rank_heads=True, metric="loss")
    fractions = [fraction for fraction, _note in report.seen]
    assert all(b >= a - 1e-9 for a, b in pairwise(fractions))
    assert fractions[-1] == pytest.approx(1)


def test_the_second_model_is_let_go(monkeypatch):
    kept = []
    load = loading.load

    def watched(*given):
        model = load(*given)
        kept.append(weakref.ref(model))
        return model

    monkeypatch.setattr(loading, "load", watched)
    run(named("toy"), with_dtype="bfloat16")
    gc.collect()
    assert [ref() for ref in kept] == [None]


@pytest.mark.pack
def test_the_pack_against_itself_in_bfloat16(smollm2_folder):
    model = named("smollm2")
    rows = (PromptRow(text="1 2 3 4 ", answer="5", wrong="4"),)
    result = run(model, rows, with_model="smollm2", with_dtype="bfloat16", rank_heads=True)
    data = result.data
    assert 0.1 < data["max_logprob_difference"] < 2
    assert data["top1_agreement"] >= 0.8
    assert data["resid_relative_error"].max() < data["tolerance"]["stream"]
    assert data["head_spearman"] > 0.9
    assert data["head_overlap"] >= 7


@pytest.mark.pack
def test_the_pack_against_itself_and_processed(smollm2_folder):
    model = named("smollm2")
    rows = (PromptRow(text="1 2 3 4 "),)
    assert run(model, rows, with_model="smollm2").data["verdict"] == "identical"
    shifted = run(model, rows, with_weights="processed").data
    assert shifted["verdict"] == "shifted"
    assert np.isnan(shifted["first_apart"])  # RMSNorm takes no mean away
