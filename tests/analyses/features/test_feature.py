"""One feature closely, on a model in which it is known what every token is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis import logit_readout
from transformers import AutoModelForCausalLM

from desktop_app.analyses.features import run as features
from desktop_app.analyses.features.readable import sentence
from desktop_app.analyses.features.spec import FeaturesParams
from desktop_app.analyses.features.token_lists import in_stream, token_values, tokens_along
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.autoencoders import inputs, open_autoencoder
from desktop_app.support.autoencoder_kinds import Hook
from desktop_app.support.errors import BadInputError
from tests.analyses.features.folders import bag, bag_sae, drawn, save_sae, weight_of
from tests.methods.test_read_width import projected
from tests.models import named, tiny

TEXT = "B D G A F C E"
LETTERS = TEXT.split()


def look(model, sae, *texts, **settings):
    rows = tuple(PromptRow(text=text) for text in texts)
    params = FeaturesParams(prompts=rows, sae=sae, **settings)
    return features.run(model, params, SilentReporter())


def fed(model, sae, rows, feature, at):
    """Return a feature at a position of rows of token ids, each read by itself."""
    autoencoder = open_autoencoder(model, sae)
    found = []
    for row in rows:
        x, _y = inputs(model, autoencoder, torch.tensor([row]))
        found.append(float(autoencoder.encode(x)[0, at, feature]))
    return np.array(found)


def test_the_bag_adds_up_what_its_tokens_weigh():
    result = look(bag(), bag_sae(), TEXT, feature=0)
    assert result.prompts[0].tokens.texts[1:] == tuple(LETTERS)
    weights = [0.0, *map(weight_of, LETTERS)]
    np.testing.assert_allclose(result.data["activation"][0], np.cumsum(weights), atol=2e-4)
    assert result.data["peak"].tolist() == [len(LETTERS)]


@pytest.mark.parametrize("ablate", ["delete", "zero"])
@pytest.mark.parametrize("position", ["peak", "4", "-3"])
def test_without_a_token_the_feature_lacks_exactly_its_weight(ablate, position):
    result = look(bag(), bag_sae(), TEXT, feature=0, ablate=ablate, position=position)
    (change,), (at,) = result.data["ablated_text"], result.data["peak"]
    assert at == {"peak": 7, "4": 4, "-3": 5}[position]
    expected = [-weight_of(letter) for letter in LETTERS[: at - 1]]
    np.testing.assert_allclose(change[1:at], expected, atol=3e-4)
    assert np.isnan(change[at:]).all()


def test_the_peak_moves_up_by_one_where_a_token_before_it_is_deleted():
    """Read of the whole text, the later tokens and all, and at the place that the peak has then."""
    model, sae = bag(), bag_sae()
    result = look(model, sae, TEXT, feature=0, position="4")
    ids = list(result.prompts[0].tokens.ids)
    (change,), (activation,) = result.data["ablated_text"], result.data["activation"]
    without = [ids[:j] + ids[j + 1 :] for j in range(4)]
    moved = fed(model, sae, without, 0, 3) - activation[4]
    np.testing.assert_allclose(change[1:4], moved[1:], atol=1e-5)
    unmoved = fed(model, sae, without, 0, 4) - activation[4]
    assert np.abs(unmoved[1:] - change[1:4]).min() > 0.1


def test_deleting_a_token_behind_the_place_changes_nothing():
    model, sae = bag(), bag_sae()
    result = look(model, sae, TEXT, feature=0, position="4")
    ids = list(result.prompts[0].tokens.ids)
    without = [ids[:j] + ids[j + 1 :] for j in range(5, len(ids))]
    found = fed(model, sae, without, 0, 4)
    np.testing.assert_array_equal(found, np.full(len(without), result.data["activation"][0][4]))


def test_a_feature_that_is_nowhere_active_is_read_nowhere_unless_a_place_is_named():
    result = look(bag(), bag_sae(), "A B", "A C", feature=1)
    assert result.data["peak"].tolist() == [-1, 2]
    assert np.isnan(result.data["ablated_text"][0]).all()
    assert "feature_silent" not in {n.code for n in result.warnings}
    np.testing.assert_array_equal(result.data["direction_ablated"][0], np.zeros(2))
    everywhere = look(bag(), bag_sae(), "A B", "B D", feature=1)
    assert everywhere.data["peak"].tolist() == [-1, -1]
    (told,) = [n.message for n in everywhere.warnings if n.code == "feature_silent"]
    assert "Feature 1 is active at no token of the prompts" in told
    placed = look(bag(), bag_sae(), "A B", feature=1, position="-1")
    assert placed.data["peak"].tolist() == [2]
    assert "feature_silent" not in {n.code for n in placed.warnings}
    np.testing.assert_allclose(placed.data["ablated_text"][0][1:2], 0.0, atol=1e-6)


def test_a_word_is_readable_from_the_embedding_and_a_bag_of_words_is_not():
    word = look(bag(), bag_sae(), "A B C D", "C A", "D D", feature=1).data
    np.testing.assert_allclose(word["alone"][0], word["activation"][0], atol=1e-5)
    told = word["from_embedding"]
    assert told["verdict"] == "embedding"
    assert told["kept"] == pytest.approx(1.0, abs=1e-4)
    assert told["r2"] == pytest.approx(1.0, abs=1e-4)
    assert told["lead"] == "<s>"
    assert (told["tokens"], told["active"], told["linear_r2"]) == (8, 2, None)
    assert "can be read from the embedding:" in sentence(told)
    whole = look(bag(), bag_sae(), " ".join("GFEG" * 6), feature=0).data
    expected = [0.0, *map(weight_of, "GFEG" * 6)]
    np.testing.assert_allclose(whole["alone"][0], expected, atol=1e-4)
    assert whole["from_embedding"]["kept"] < 0.15
    silent = look(bag(), bag_sae(), "A B", feature=1).data["from_embedding"]
    assert silent["verdict"] is None
    assert "active at none" in sentence(silent)


def test_without_a_bos_nothing_stands_before_a_token_by_itself():
    result = look(bag(), bag_sae(), "A C", feature=1, bos="no")
    assert result.data["from_embedding"]["lead"] == ""
    np.testing.assert_allclose(result.data["alone"][0], [0.0, 1.0], atol=1e-5)


# --- directions taken away


@pytest.mark.parametrize(
    ("architecture", "hook"),
    [
        ("gpt2", "blocks.1.hook_resid_pre"),
        ("llama", "blocks.1.hook_mlp_out"),
        ("gemma2", "blocks.0.hook_resid_post"),
        ("llama", "blocks.1.attn.hook_z"),
        ("opt", "blocks.1.hook_attn_out"),
    ],
)
def test_taking_a_direction_away_is_the_difference_of_two_plain_passes(
    architecture, hook, tmp_path
):
    model = tiny(architecture)
    wide = model.info.n_heads * model.info.d_head if "hook_z" in hook else model.info.d_model
    tensors = drawn(wide, 24)
    sae = save_sae(tmp_path / "sae", tensors, hook)
    ids = torch.tensor([look(model, sae, "ab cd f").prompts[0].tokens.ids])
    feature, kept = None, []

    def take_away(x, hook):
        flat = x.reshape(*ids.shape, -1)
        before = (flat - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]
        kept.append(before.relu()[0])
        if feature is None:
            return x
        row = tensors["W_dec"][feature]
        return (flat - before.relu()[..., feature, None] * row).reshape(x.shape)

    def told():
        with torch.no_grad():
            logits = model.bridge.run_with_hooks(ids, fwd_hooks=[(hook, take_away)])
        return logits.float().log_softmax(-1)[0, torch.arange(ids.shape[1] - 1), ids[0, 1:]]

    base = told()
    for feature in kept[0].amax(0).topk(2).indices.tolist():
        result = look(model, sae, "ab cd f", feature=feature)
        np.testing.assert_allclose(result.data["activation"][0], kept[0][:, feature], atol=1e-5)
        (change,) = result.data["direction_ablated"]
        np.testing.assert_allclose(change, told() - base, atol=2e-5)
        assert np.abs(change).max() > 1e-4


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_both_ablations_are_those_of_plain_hugging_face(architecture, tmp_path):
    model, tensors = tiny(architecture), drawn(tiny(architecture).info.d_model, 24)
    sae = save_sae(tmp_path / "sae", tensors, "blocks.1.hook_resid_pre")
    plain = AutoModelForCausalLM.from_pretrained(model.info.source)
    body = plain.model.layers if architecture == "llama" else plain.transformer.h
    taken, seen = [], []

    def before(_block, args, kwargs):
        x = args[0] if args else kwargs["hidden_states"]
        f = ((x - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]).relu()
        seen.append(f[0])
        x = x - sum(f[..., i, None] * tensors["W_dec"][i] for i in taken)
        return ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": x})

    body[1].register_forward_pre_hook(before, with_kwargs=True)

    def logprobs(ids):
        with torch.no_grad():
            logits = plain(torch.tensor([ids])).logits[0]
        return logits[:-1].log_softmax(-1)[torch.arange(len(ids) - 1), ids[1:]]

    ids = list(look(model, sae, "ab cd f").prompts[0].tokens.ids)
    base = logprobs(ids)
    feature = int(seen[-1][2:].amax(0).argmax())
    data = look(model, sae, "ab cd f", feature=feature).data
    np.testing.assert_allclose(data["activation"][0], seen[0][:, feature], atol=1e-5)
    taken.append(feature)
    np.testing.assert_allclose(data["direction_ablated"][0], logprobs(ids) - base, atol=1e-4)
    taken.clear()
    at = int(data["peak"][0])
    for j in range(at):
        logprobs(ids[:j] + ids[j + 1 :])
        change = float(seen[-1][at - 1, feature] - seen[0][at, feature])
        assert data["ablated_text"][0][j] == pytest.approx(change, abs=1e-5)


# --- lists


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_lists_are_direct_products_and_the_opposite_direction_reverses_them(architecture, tmp_path):
    model, tensors = tiny(architecture), drawn(tiny(architecture).info.d_model, 12)
    sae = save_sae(tmp_path / "sae", tensors, "blocks.1.hook_resid_pre")
    data = look(model, sae, "ab", feature=5, top=4).data
    unembed = model.bridge.original_model.get_output_embeddings().weight.detach().float()
    norm = model.bridge.ln_final.original_component
    weight = norm.weight.detach() + (1 if architecture == "gemma2" else 0)
    for name, row in (("write", tensors["W_dec"][5]), ("read", tensors["W_enc"][:, 5])):
        centre = row.mean() if architecture == "gpt2" else 0
        values = (unembed @ ((row - centre) * weight)).numpy()
        for kind, order in (("top", np.argsort(-values)), ("bottom", np.argsort(values))):
            rows = data[name][kind]
            assert [r["id"] for r in rows] == order[:4].tolist()
            np.testing.assert_allclose([r["value"] for r in rows], values[order[:4]], rtol=1e-4)
            assert [(r["piece"], r["text"]) for r in rows] == [
                model.tokenizer.describe(r["id"]) for r in rows
            ]
    turned = {**tensors, "W_dec": -tensors["W_dec"], "W_enc": -tensors["W_enc"]}
    opposite = look(
        model, save_sae(tmp_path / "not", turned, "blocks.1.hook_resid_pre"), "ab", feature=5, top=4
    ).data
    for name in ("write", "read"):
        assert [r["id"] for r in opposite[name]["top"]] == [r["id"] for r in data[name]["bottom"]]
        assert [r["id"] for r in opposite[name]["bottom"]] == [r["id"] for r in data[name]["top"]]


def test_lists_are_what_transformer_lens_reads_apart_from_scale_and_biases():
    model = named("toy")
    row = torch.randn(model.info.d_model, generator=torch.Generator().manual_seed(4))
    both = logit_readout(model.bridge, torch.stack([row, -row])).values
    read = (both[0] - both[1]) / 2  # what does not turn with the direction is biases
    values = token_values(model, row)
    scale = (row - row.mean()).norm() / row.numel() ** 0.5
    torch.testing.assert_close(values / scale, read, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("layernorm", ["eps", "identity", "constant"])
def test_without_norms_values_are_what_logits_change_by(layernorm, architecture):
    source = tiny(architecture).info.source
    model = load(ModelSpec(source, device="cpu", layernorm=layernorm), SilentReporter())
    row = torch.randn(model.info.d_model, generator=torch.Generator().manual_seed(4))
    ids = torch.tensor([[1, 20, 30, 40]])

    def added(x, hook):
        return x + row

    last = f"blocks.{model.info.n_layers - 1}.hook_out"
    with torch.no_grad():
        changed = model.bridge.run_with_hooks(ids, fwd_hooks=[(last, added)])
        change = (changed - model.bridge(ids))[0, -1]
    torch.testing.assert_close(token_values(model, row), change, atol=1e-4, rtol=1e-3)


def test_a_row_along_an_unembedding_column_puts_that_token_first():
    model = named("toy")
    unembed = model.bridge.original_model.get_output_embeddings().weight.detach()
    for token in (5, 200, 1300):
        lists = tokens_along(model, unembed[token], 3)
        assert lists["top"][0]["id"] == token


@pytest.mark.parametrize("head", [None, 1])
def test_a_row_of_z_is_read_through_the_output_matrix(head, tmp_path):
    model = tiny("llama")
    wide = model.info.d_head if head is not None else model.info.d_head * model.info.n_heads
    tensors = drawn(wide, 6)
    settings = {} if head is None else {"hook_head_index": head}
    sae = save_sae(tmp_path / "sae", tensors, "blocks.1.attn.hook_z", **settings)
    data = look(model, sae, "ab", feature=2, top=3).data
    out = model.output_weights(1)
    row = tensors["W_dec"][2] @ (out.flatten(0, 1) if head is None else out[head])
    assert data["write"]["top"] == tokens_along(model, row, 3)["top"]


def test_where_a_direction_is_none_of_the_stream_there_are_no_lists(tmp_path):
    model = tiny("llama")
    with pytest.raises(BadInputError, match="hook_q holds 7 numbers and the stream 32"):
        in_stream(model, torch.ones(7), Hook("blocks.0.attn.hook_q", 0, "head_q"), None)
    model = projected(tmp_path / "opt")
    sae = save_sae(tmp_path / "sae", drawn(model.info.d_model, 6), "blocks.1.hook_resid_pre")
    result = look(model, sae, "ab", feature=2)
    assert result.data["write"] is result.data["read"] is None
    (told,) = [n.message for n in result.warnings if n.code == "not_unembedded"]
    assert "feature 2 are not read as tokens" in told
    assert "32 numbers to 16 before it is unembedded" in told


# --- refusals


def test_what_cannot_be_looked_at_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="--feature 2: the autoencoder has 2 features"):
        look(bag(), bag_sae(), "A B", feature=2)
    with pytest.raises(BadInputError, match="--position “here” is no position"):
        look(bag(), bag_sae(), "A B", feature=1, position="here")
    with pytest.raises(BadInputError, match="--position"):
        look(bag(), bag_sae(), "A B", feature=1, position="9")


def test_runs_of_a_feature_share_passes_where_the_model_stands_it(tmp_path):
    model = named("toy")
    sae = save_sae(tmp_path / "sae", drawn(model.info.d_model, 32), "blocks.1.hook_resid_pre")
    texts = ("1 2 3 4 5", "Monday Tuesday", "9 8 7 6 5")
    alone = replace(model, reads_together=False)
    for ablate in ("delete", "zero"):
        one, other = (
            look(m, sae, *texts, feature=9, ablate=ablate, position="-1") for m in (model, alone)
        )
        for name in ("activation", "ablated_text", "direction_ablated", "alone", "top_activation"):
            for left, right in zip(one.data[name], other.data[name], strict=True):
                np.testing.assert_allclose(left, right, atol=1e-4, err_msg=name)
        assert other.timing.forward_passes > one.timing.forward_passes
