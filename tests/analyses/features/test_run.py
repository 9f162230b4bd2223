"""Features of prompts: what each token lists, what is explained, and what it costs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from desktop_app.analyses.features import on_prompts, write_top
from desktop_app.analyses.features import run as features
from desktop_app.analyses.features.card import card_of
from desktop_app.analyses.features.on_prompts import tokens_of
from desktop_app.analyses.features.spec import ANALYSIS, FeaturesParams
from desktop_app.cli_options import TerminalReporter
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.result import PARTIAL
from desktop_app.methods.autoencoders import open_autoencoder
from desktop_app.support.autoencoder_files import read_autoencoder
from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.features.folders import drawn, identity, save_sae
from tests.models import named, tiny

HOOK = "blocks.1.hook_resid_pre"
TEXTS = ("1 2 3 4 5", "Monday Tuesday", "9 8 7 6 5", "a b c d")


def look(model, sae, *texts, report=None, **settings):
    rows = tuple(PromptRow(text=text) for text in texts)
    params = FeaturesParams(prompts=rows, sae=sae, **settings)
    return features.run(model, params, report or SilentReporter())


@pytest.fixture
def sae(tmp_path):
    return save_sae(tmp_path / "sae", drawn(named("toy").info.d_model, 96), HOOK)


def plain(model, tensors, ids, hook=HOOK):
    """Return x, f and x̂ of one prompt by numpy, and both losses by plain TransformerLens."""
    kept = []

    def exchange(x, hook):
        f = ((x - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]).relu()
        return f @ tensors["W_dec"] + tensors["b_dec"]

    def loss(hooks):
        with torch.no_grad():
            logits = model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0]
        return float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])))

    losses = loss([(hook, lambda x, hook: kept.append(x[0].clone()))]), loss([(hook, exchange)])
    x = kept[0].double().numpy()
    w = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    f = np.maximum((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 0)
    return x, f, f @ w["W_dec"] + w["b_dec"], losses


def test_every_number_is_that_of_a_plain_loop_over_prompts(sae):
    model = named("toy")
    result = look(model, sae, *TEXTS, top=7, feature=11)
    data, tensors = result.data, drawn(model.info.d_model, 96)
    for n, prompt in enumerate(result.prompts):
        x, f, back, losses = plain(model, tensors, list(prompt.tokens.ids))
        np.testing.assert_allclose(data["activation"][n], f[:, 11], atol=1e-4)
        best = np.argsort(-f, axis=-1, kind="stable")[:, :7]
        values = np.take_along_axis(f, best, -1)
        np.testing.assert_array_equal(data["top"][n], np.where(values > 0, best, -1))
        np.testing.assert_allclose(data["top_activation"][n], values, atol=1e-4)
        np.testing.assert_array_equal(data["l0_token"][n], (f > 0).sum(-1))
        missed = np.square(x - back).sum(-1)
        sizes = np.linalg.norm(x, axis=-1)
        np.testing.assert_allclose(data["error_token"][n], np.sqrt(missed) / sizes, rtol=1e-4)
        whole = np.square(x - x.mean(0)).sum()
        assert data["variance_explained"][n] == pytest.approx(1 - missed.sum() / whole, abs=1e-5)
        assert data["mse"][n] == pytest.approx(missed.sum() / x.size, rel=1e-4)
        assert data["l0"][n] == pytest.approx((f > 0).sum() / len(f))
        assert data["loss"][n] == pytest.approx(losses[0], abs=1e-4)
        assert data["loss_spliced"][n] == pytest.approx(losses[1], abs=1e-4)
        assert data["loss_change"][n] == pytest.approx(losses[1] - losses[0], abs=2e-4)
    assert data["loss_change_mean"] == pytest.approx(data["loss_change"].mean())
    assert data["loss_change_sem"] == pytest.approx(data["loss_change"].std(ddof=1) / 2)
    assert model.hooks_left() == 0


def test_orthonormal_rows_give_back_exactly_what_was_put_in(tmp_path):
    """x = 3 d₁ + 2 d₅ + b_dec is features 1 and 5 of 3 and 2, without an error."""
    model, rows = tiny("gpt2"), torch.zeros(8, 32)
    rows[torch.arange(8), torch.arange(8).flip(0) * 3] = torch.tensor([1.0, -1.0]).repeat(4)
    shift = (torch.arange(32) % 5 - 2) / 4  # no rounding in any of it
    tensors = {"W_enc": rows.T, "W_dec": rows, "b_enc": torch.zeros(8), "b_dec": shift}
    autoencoder = open_autoencoder(model, save_sae(tmp_path / "t", tensors, HOOK))
    x = torch.stack([3 * rows[1] + 2 * rows[5] + shift, shift, rows[2] + shift])
    found = tokens_of(autoencoder, x, x, (3, 5))
    assert found["top"].tolist() == [[1, 5, -1], [-1, -1, -1], [2, -1, -1]]
    assert found["top_activation"].tolist() == [[3, 2, 0], [0, 0, 0], [1, 0, 0]]
    assert found["l0_token"].tolist() == [2, 0, 1]
    assert found["activation"].tolist() == [2, 0, 0]
    assert found["error_token"].tolist() == [0, 0, 0]
    assert (found["variance_explained"], found["mse"], found["l0"]) == (1, 0, 1)


def test_what_gives_back_what_it_is_given_costs_nothing(tmp_path):
    model = named("toy")
    sae = save_sae(tmp_path / "same", identity(model.info.d_model), HOOK)
    data = look(model, sae, *TEXTS).data
    np.testing.assert_allclose(data["loss_change"], 0, atol=1e-5)
    np.testing.assert_allclose(data["variance_explained"], 1, atol=1e-6)
    np.testing.assert_allclose(data["mse"], 0, atol=1e-8)
    assert all(float(row.max()) < 1e-6 for row in data["error_token"])


def test_what_explains_less_than_the_mean_is_told(tmp_path):
    model, width = named("toy"), named("toy").info.d_model
    nothing = {**identity(width), "b_dec": torch.full((width,), 9.0)}
    sae = save_sae(tmp_path / "bad", nothing, HOOK, apply_b_dec_to_input=False)
    result = look(model, sae, *TEXTS)
    assert (result.data["variance_explained"] < 0).all()
    (told,) = [n.message for n in result.warnings if n.code == "badly_explained"]
    assert "prompts 1, 2, 3, 4 than" in told
    assert "poorly_explained" not in {n.code for n in result.warnings}


@pytest.mark.parametrize(("part", "is_poor"), [(0.4, True), (0.95, False)])
def test_what_is_explained_by_less_than_half_is_told(part, is_poor, tmp_path):
    """With a part of each number given back, more is lost than with nearly all of it."""
    model, width = named("toy"), named("toy").info.d_model
    less = identity(width)
    less["W_dec"] = less["W_dec"] * part
    sae = save_sae(tmp_path / "less", less, HOOK)
    result = look(model, sae, *TEXTS)
    told = [n.message for n in result.warnings if n.code == "poorly_explained"]
    assert bool(told) == is_poor


def test_tokens_are_encoded_piece_by_piece_where_features_are_many(sae, monkeypatch):
    model = named("toy")
    whole = look(model, sae, *TEXTS, feature=3).data
    monkeypatch.setattr(on_prompts, "_MOST_BYTES", 3 * 4 * 6 * 96)
    parts = look(model, sae, *TEXTS, feature=3).data
    for name in ("top", "top_activation", "l0_token", "error_token", "activation"):
        for left, right in zip(whole[name], parts[name], strict=True):
            np.testing.assert_allclose(left, right, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(whole["variance_explained"], parts["variance_explained"])


def test_a_single_token_has_no_next_one_and_nothing_to_explain(sae):
    result = look(named("toy"), sae, "1", bos="no", feature=0)
    data = result.data
    assert len(data["top"][0]) == 1
    for name in ("variance_explained", "loss", "loss_spliced", "loss_change"):
        assert np.isnan(data[name][0]), name
    assert data["direction_ablated"][0].shape == (0,)
    assert np.isnan(data["ablated_text"][0]).all()
    assert data["from_embedding"]["verdict"] is None
    assert "not_finite" not in {n.code for n in result.warnings}


def test_of_few_active_features_the_list_says_where_it_ends(tmp_path):
    model = named("toy")
    tensors = {**drawn(model.info.d_model, 6), "b_enc": torch.full((6,), -1e6)}
    data = look(model, save_sae(tmp_path / "off", tensors, HOOK), "1 2", top=9, feature=1).data
    np.testing.assert_array_equal(data["top"][0], np.full((3, 6), -1))
    np.testing.assert_array_equal(data["top_activation"][0], np.zeros((3, 6)))
    assert data["peak"].tolist() == [-1]


def test_the_card_is_what_the_folder_says(sae):
    card = look(named("toy"), sae, "1 2").data["card"]
    told = ("name", "architecture", "hook", "layer", "site", "writes", "d_in", "d_sae", "d_out")
    width = named("toy").info.d_model
    assert [card[name] for name in told] == [
        "sae", "standard", HOOK, 1, "resid_pre", "", width, 96, width,
    ]  # fmt: skip
    json.dumps(card)


def test_the_card_holds_all_that_changes_a_number(tmp_path):
    """A script is written from it: what it lacks, a script computes otherwise."""
    given = drawn(named("toy").info.d_model, 8)
    said = {
        "normalize_activations": "expected_average_only_in",
        "norm_scaling_factor": 0.5,
        "apply_b_dec_to_input": False,
        "finetuning_scaling_factor": True,
        "use_error_term": True,
    }
    card = card_of(read_autoencoder(save_sae(tmp_path / "sae", given, HOOK, **said)))
    assert (card["factor"], card["b_dec_first"], card["finetuned"]) == (0.5, False, True)
    assert card["facts"]["error_term"] == "True"


def test_the_name_of_a_folder_that_is_named_by_dots(tmp_path, monkeypatch):
    save_sae(tmp_path / "mine", drawn(8, 8), HOOK)
    monkeypatch.chdir(tmp_path / "mine")
    for given in (".", "./", "../mine"):
        assert card_of(read_autoencoder(given))["name"] == "mine"


@pytest.mark.parametrize("error_term", [True, False])
def test_the_loss_is_measured_without_the_error_whatever_a_folder_asks(error_term, tmp_path):
    """As SAELens computes a folder that it reads: it heeds no such setting in one."""
    given = drawn(named("toy").info.d_model, 8)
    sae = save_sae(tmp_path / "sae", given, HOOK, use_error_term=error_term)
    assert abs(look(named("toy"), sae, "1 2 3").data["loss_change"][0]) > 1e-3


def test_every_field_is_known_and_of_one_prompt_each(sae):
    result = look(named("toy"), sae, *TEXTS, feature=4)
    known = {spec.name for spec in ANALYSIS.fields}
    known |= {f"{name}_{twin}" for name in on_prompts.AVERAGED for twin in ("mean", "sem")}
    assert set(result.data) <= known
    for name, prompts in result.data.items():
        spec = ANALYSIS.field(name)
        if spec.axes[:1] == ("prompt",):
            assert len(prompts) == len(TEXTS), name
    lengths = [len(p.tokens) for p in result.prompts]
    for name in (*on_prompts.LISTED, "activation", "ablated_text", "alone"):
        assert [len(row) for row in result.data[name]] == lengths, name
    assert [len(row) for row in result.data["direction_ablated"]] == [n - 1 for n in lengths]


class Stops(Reporter):
    """Cancels at a step of its own."""

    def __init__(self, step, *, keeps=True):
        self.keeps_partial, self._left = keeps, step

    def step(self, fraction, note=""):
        assert 0 <= fraction <= 1
        self._left -= 1
        if self._left == 0:
            raise Cancelled


def test_what_was_read_before_a_stop_stays_the_first_prompts_alone(sae):
    model = named("toy")
    whole, steps = look(model, sae, *TEXTS, feature=4).data, 0
    kept = set()
    while True:
        steps += 1
        try:
            result = look(model, sae, *TEXTS, feature=4, report=Stops(steps))
        except Cancelled:
            continue
        codes = {n.code: n.message for n in result.warnings}
        if PARTIAL not in codes:
            break
        count = len(result.prompts)
        kept.add(count)
        before = "the tokens that each feature" if count == 4 else f"prompt {count + 1} of 4"
        assert f"before {before}" in codes[PARTIAL]
        assert len(result.data["loss"]) == len(result.data["top"]) == count
        np.testing.assert_array_equal(result.data["loss"], whole["loss"][:count])
        assert "write_top" not in result.data
    # Prompts of one length share a pass, and the third goes with the first.
    assert kept == {1, 3, 4}
    with pytest.raises(Cancelled):
        look(model, sae, *TEXTS, feature=4, report=Stops(steps - 3, keeps=False))
    assert model.hooks_left() == 0


def test_what_would_keep_too_much_is_refused(sae):
    model = named("toy")
    model.keep(1_000, must_fit=False)
    try:
        with pytest.raises(BadInputError, match="are stored: choose a shorter --top"):
            look(model, sae, *TEXTS)
    finally:
        model.keep(None, must_fit=False)


def test_there_must_be_a_prompt_and_an_autoencoder(sae, tmp_path):
    with pytest.raises(BadInputError, match="There is no prompt"):
        look(named("toy"), sae)
    with pytest.raises(BadInputError, match="--sae"):
        look(named("toy"), str(tmp_path / "nowhere"), "1 2")


def test_on_the_command_line_activations_are_said_to_be_stored(capsys):
    reporter = TerminalReporter(ANALYSIS.name, ANALYSIS.stored)
    reporter.stores(64_000_000, 2_000_000_000)
    TerminalReporter("other").stores(64_000_000, 2_000_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "features: activations take about 64.0 MB",
        "other: patterns take about 64.0 MB",
    ]


def test_of_a_text_that_is_refused_nothing_is_said_to_be_stored(sae, tmp_path, capsys):
    reporter = TerminalReporter(ANALYSIS.name, ANALYSIS.stored)
    text = str(tmp_path / "nowhere.txt")
    with pytest.raises(BadInputError, match="--corpus"):
        look(named("toy"), sae, "1 2", corpus=text, tokens=100_000, report=reporter)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("trained", "bos", "said"), [(True, "no", "yes"), (False, "auto", "no")])
def test_texts_that_begin_otherwise_than_those_it_was_trained_on_are_said(
    trained, bos, said, tmp_path
):
    model = named("toy")
    sae = save_sae(tmp_path / "sae", drawn(model.info.d_model, 8), HOOK)
    path = tmp_path / "sae" / "cfg.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "prepend_bos": trained}))
    (told,) = [
        n.message
        for n in look(model, sae, "1 2 3", bos=bos).warnings
        if n.code == "sae_bos_differs"
    ]
    assert f"--bos {said}" in told
    other = look(model, sae, "1 2 3", bos="auto" if trained else "no")
    assert "sae_bos_differs" not in {n.code for n in other.warnings}


def test_without_a_text_all_features_have_the_tokens_that_they_write(sae):
    model = named("toy")
    result = look(model, sae, "1 2", top=3)
    own = {n: look(model, sae, "1 2", top=3, feature=n).data["write"]["top"] for n in (0, 95)}
    assert result.data["write_top"].shape == (96, 3)
    for feature, rows in own.items():
        assert result.data["write_top"][feature].tolist() == [row["id"] for row in rows]
    held = sorted(set(result.data["write_top"].flat))
    assert result.data["token_ids"].tolist() == held
    words = zip(result.data["token_pieces"], result.data["token_texts"], strict=True)
    assert list(words) == [model.tokenizer.describe(int(i)) for i in held]
    assert "density" not in result.data


def test_lists_of_all_features_that_are_too_much_work_are_left_out_and_said(sae, monkeypatch):
    monkeypatch.setattr(write_top, "MOST_PRODUCTS", 1e3)
    result = look(named("toy"), sae, "1 2")
    assert "write_top" not in result.data
    (told,) = [n.message for n in result.warnings if n.code == "write_top_left_out"]
    assert "96 features by" in told
    assert "--corpus" in told


@pytest.mark.parametrize("position", ["99", "-99", "end"])
def test_a_place_that_no_feature_is_read_at_plays_no_part(sae, position):
    model = named("toy")
    assert "peak" not in look(model, sae, "1 2", position=position).data
    with pytest.raises(BadInputError, match="position"):
        look(model, sae, "1 2", position=position, feature=0)


class Heard(Reporter):
    """Hears what a run takes and keeps, and ends it."""

    def stores(self, wanted_bytes, limit_bytes):
        self.kept = wanted_bytes

    def needs(self, memory_bytes):
        self.memory = memory_bytes
        raise Cancelled


def heard(model, sae, *texts, **settings):
    report = Heard()
    with pytest.raises(Cancelled):
        look(model, sae, *texts, report=report, **settings)
    return report


def test_what_all_features_keep_is_told_and_counts_towards_what_may_be(sae, tmp_path):
    model = named("toy")
    text = tmp_path / "text.txt"
    text.write_text("1 2 3 4 5 6 7 8 9 " * 20, "utf-8")
    settings = {"corpus": str(text), "tokens": 100, "window": 10}
    few, many = (heard(model, sae, top=top, **settings).kept for top in (1, 81))
    assert many - few == 4 * 80 * 96
    wide = save_sae(tmp_path / "wide", drawn(model.info.d_model, 9_600), HOOK)
    assert heard(model, wide, top=1, **settings).kept - few >= 9_504 * (4 + 32)
    model.keep(9_600 * 36 - 1, must_fit=False)
    try:
        with pytest.raises(BadInputError, match="are stored: choose a shorter --top"):
            look(model, wide, top=1, **settings)
        assert look(model, sae, top=1, **settings).data["windows"]
    finally:
        model.keep(None, must_fit=False)


def test_memory_is_told_of_all_prompts_of_a_pass_and_of_a_text(sae, tmp_path):
    model = named("toy")
    wide = save_sae(tmp_path / "wide", drawn(model.info.d_model, 9_600), HOOK)
    texts = ["1 2 3 4 5"] * 40
    one, several = (heard(model, wide, *rows).memory for rows in (texts[:1], texts))
    tokens = len(look(model, sae, texts[0]).prompts[0].tokens)
    together = min(40, on_prompts.prompts_per_pass(model, 40, tokens, 9_600))
    assert several > 3 * 4 * tokens * 9_600 * together
    assert several > one
    text = tmp_path / "any.txt"
    text.write_text("1 2 3 4 5\n" * 100)
    short, long = (
        heard(model, sae, "1", corpus=str(text), tokens=n).memory for n in (100, 5_000_000)
    )
    assert long - short > 300_000_000
