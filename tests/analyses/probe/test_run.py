"""Probes of real models: against plain Hugging Face's streams, by position, refused, stopped."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from desktop_app.analyses.probe.labelled import labelled
from desktop_app.analyses.probe.run import run
from desktop_app.analyses.probe.spec import ANALYSIS, ProbeParams, stored_bytes
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.engine.model import Storage
from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.probe import plain
from tests.models import named, tiny

pytestmark = pytest.mark.model

SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
UNEVEN = tuple(
    PromptRow(text=f"{a}{b}{'x' * (n % 3)}{c}", label="vowel" if c in "aeo" else "other")
    for a in "bd"
    for b in "fgh"
    for n, c in enumerate("aeokmn")
)
EVEN = tuple(
    PromptRow(text=f"{a}{b}{c}", label={"a": "x", "k": "y", "m": "z"}[b])
    for a in "bdfghjln"
    for b in "akm"
    for c in "pq"
)


class Stops(SilentReporter):
    """Keeps what there is when it is told to stop at a step whose words begin so."""

    keeps_partial = True

    def __init__(self, words, after=0):
        self.words, self.left, self.parts = words, after, []

    def step(self, fraction, note=""):
        assert 0 <= fraction <= 1
        if note.startswith(self.words):
            self.left -= 1
            if self.left < 0:
                raise Cancelled

    def partial(self, data):
        self.parts.append(dict(data))


def probe(model, rows=UNEVEN, report=None, **settings):
    return run(model, ProbeParams(prompts=rows, **settings), report or SilentReporter())


@cache
def hugging_face(folder):
    found = AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32
    )
    return found.eval()


def plain_rows(model, prompts):
    """Return the streams `[N][L + 1, S, d]` of plain Hugging Face, one prompt at a time.

    What leaves the last block is taken there: the last hidden state has been through the norm.
    """
    hf, kept, found = hugging_face(model.spec.model), [], []
    name = {"gpt2": "transformer.ln_f", "llama": "model.norm", "gemma2": "model.norm"}
    norm = hf.get_submodule(name[hf.config.model_type])
    handle = norm.register_forward_pre_hook(lambda _module, given: kept.append(given[0].clone()))
    with torch.no_grad():
        for prompt in prompts:
            kept.clear()
            out = hf(input_ids=torch.tensor([prompt.tokens.ids]), output_hidden_states=True)
            streams = [*out.hidden_states[:-1], kept[0]]
            found.append(torch.cat(streams).double().numpy())
    handle.remove()
    return found


def assert_is_plain(data, x, labels, cell, l2=1.0):
    """Hold one cell to a plain fit on activations `[N, d]` that Hugging Face gave."""
    fitted, classes = ~labels.held_out, len(labels.names)
    own, scale = plain.standardised(x, fitted)
    weights = plain.newton(own[fitted], labels.of[fitted], classes, l2)
    said = plain.said(own, weights)
    np.testing.assert_array_equal(data["predicted"][cell], said)
    right = said == labels.of
    assert data["accuracy"][cell] == pytest.approx(right[labels.held_out].mean())
    assert data["accuracy_train"][cell] == pytest.approx(right[fitted].mean())
    known = np.zeros((classes, classes), dtype=int)
    np.add.at(known, (labels.of[labels.held_out], said[labels.held_out]), 1)
    np.testing.assert_array_equal(data["confusion"][cell], known)
    if np.isfinite(data["direction"][cell]).all():
        way = plain.direction(weights, scale)
        np.testing.assert_allclose(data["direction"][cell], way, atol=2e-4)
        along = x @ way
        gap = along[labels.of == 1].mean() - along[labels.of == 0].mean()
        assert data["gap"][cell] == pytest.approx(gap, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_every_row_is_a_plain_fit_on_plain_streams(architecture):
    model = tiny(architecture)
    found = probe(model, l2=0.5, seed=1)
    labels = labelled(UNEVEN, 0.3, 1)
    data, layers, width = found.data, model.info.n_layers, model.info.d_model
    assert data["accuracy"].shape == (layers + 1,)
    assert data["direction"].shape == (layers + 1, width)
    assert data["confusion"].shape == (layers + 1, 2, 2)
    assert data["labels"] == ("vowel", "other")
    assert data["majority"] == pytest.approx(0.5)
    np.testing.assert_array_equal(data["held_out"], labels.held_out)
    streams = plain_rows(model, found.prompts)
    for row in range(layers + 1):
        x = np.stack([stream[row, -1] for stream in streams])
        assert_is_plain(data, x, labels, row, 0.5)
    sizes = np.linalg.norm(data["direction"], axis=-1)
    np.testing.assert_allclose(sizes[np.isfinite(sizes)], 1, atol=1e-12)
    assert data["confusion"].sum((1, 2)).tolist() == [int(labels.held_out.sum())] * (layers + 1)


def test_several_labels_are_multinomial_and_positions_have_an_axis_behind_the_layer():
    model = tiny("gpt2")
    found = probe(model, EVEN, position="all", shuffles=2)
    labels = labelled(EVEN, 0.3, 0)
    data, length = found.data, len(found.prompts[0].tokens)
    shape = (model.info.n_layers + 1, length)
    assert data["accuracy"].shape == data["accuracy_control"].shape == shape
    assert data["direction"].shape == (*shape, model.info.d_model)
    assert data["confusion"].shape == (*shape, 3, 3)
    assert data["accuracy_control_each"].shape == (*shape, 2)
    assert data["predicted"].shape == (*shape, len(EVEN))
    assert "read_position" not in data
    streams = plain_rows(model, found.prompts)
    for row, position in ((0, length - 2), (1, length - 1), (2, length - 2), (0, 0)):
        x = np.stack([stream[row, position] for stream in streams])
        assert_is_plain(data, x, labels, (row, position))
    # Where the label stands in no token yet there is nothing to read.
    assert data["accuracy"][0, length - 2] == 1
    axes = {spec.name: spec.axes for spec in found.fields}
    assert axes["direction"] == ("layer", "position", "dimension")
    alone = probe(model, EVEN, position=str(length - 2)).data
    np.testing.assert_array_equal(alone["accuracy"], data["accuracy"][:, length - 2])
    np.testing.assert_allclose(
        alone["direction"], data["direction"][:, length - 2], atol=1e-4, equal_nan=True
    )


def test_the_control_is_a_fit_to_shuffled_labels():
    found = probe(tiny("gpt2"), EVEN, shuffles=20).data
    np.testing.assert_allclose(found["accuracy_control"], found["accuracy_control_each"].mean(-1))
    assert 0.1 < found["accuracy_control"].mean() < 0.6
    same = probe(tiny("gpt2"), EVEN, shuffles=20).data
    np.testing.assert_array_equal(same["accuracy_control_each"], found["accuracy_control_each"])
    other = probe(tiny("gpt2"), EVEN, shuffles=20, seed=5).data
    assert (other["accuracy_control_each"] != found["accuracy_control_each"]).any()


@pytest.mark.parametrize("site", SITES)
def test_every_site_has_a_row_more_than_layers_and_begins_with_what_enters_block_0(site):
    model = tiny("llama")
    data = probe(model, site=site).data
    post = probe(model).data
    assert data["accuracy"].shape == (model.info.n_layers + 1,)
    np.testing.assert_allclose(data["direction"][0], post["direction"][0], atol=1e-9)
    if site in {"resid_pre", "resid_post"}:
        np.testing.assert_array_equal(data["direction"], post["direction"])
        return
    with torch.no_grad():
        caches = [
            model.bridge.run_with_cache(torch.tensor([prompt.tokens.ids]))[1]
            for prompt in probe(model).prompts
        ]
    labels = labelled(UNEVEN, 0.3, 0)
    for layer in range(model.info.n_layers):
        name = f"blocks.{layer}.hook_{site}"
        x = np.stack([cache_[name][0, -1].double().numpy() for cache_ in caches])
        assert_is_plain(data, x, labels, layer + 1)


def test_prompts_that_begin_alike_have_nothing_to_tell_them_apart():
    """What rounds otherwise in another batch is no label."""
    data = probe(tiny("gpt2"), tuple(r.model_copy(update={"text": "ab" + r.text}) for r in UNEVEN),
                 position="0").data  # fmt: skip
    assert np.isnan(data["direction"]).all()
    np.testing.assert_array_equal(data["accuracy"], data["majority"])
    assert np.isnan(data["gap"]).all()


def test_memory_for_a_few_rows_at_a_time_changes_no_number():
    from dataclasses import replace

    model = tiny("llama")
    whole = probe(model, EVEN, position="all").data
    row = len(EVEN) * len(probe(model, EVEN).prompts[0].tokens) * model.info.d_model * 4
    small = replace(model, budget_bytes=2 * 2 * row)
    found = probe(small, EVEN, position="all")
    for name in ("accuracy", "accuracy_control", "predicted", "confusion"):
        np.testing.assert_array_equal(found.data[name], whole[name])
    np.testing.assert_allclose(
        found.data["direction"], whole["direction"], atol=1e-4, equal_nan=True
    )
    with pytest.raises(BadInputError, match="choose one --position"):
        probe(replace(model, budget_bytes=row), EVEN, position="all")


def test_one_direction_is_saved_for_steering(tmp_path):
    model, file = tiny("gpt2"), tmp_path / "way.safetensors"
    found = probe(model, layer=2, out_vector=str(file))
    with safe_open(str(file), "np") as stored:
        facts, names = stored.metadata(), list(stored.keys())
        vector = stored.get_tensor("vector")
    assert names == ["vector"]
    np.testing.assert_array_equal(vector, found.data["direction"][2].astype(np.float32))
    told = {name: facts[name] for name in ("format", "fingerprint", "layer", "site")}
    assert told == {
        "format": "lensbench-vector-1",
        "fingerprint": model.info.fingerprint,
        "layer": "1",
        "site": "resid_post",
    }
    assert "“vowel” to “other”" in facts["made"]
    assert found.data["saved"]["row"] == 2
    best = probe(model, out_vector=str(file)).data
    at = best["saved"]["row"]
    known = np.where(np.isfinite(best["direction"]).all(-1), best["accuracy"], np.nan)
    assert best["accuracy"][at] == np.nanmax(known)


def test_where_nothing_differs_nothing_is_saved_and_that_is_said(tmp_path):
    rows = tuple(r.model_copy(update={"text": "ab" + r.text}) for r in UNEVEN)
    file = tmp_path / "way.safetensors"
    found = probe(tiny("gpt2"), rows, position="0", out_vector=str(file))
    assert not file.exists()
    assert unsaved(found).startswith("No row has a direction, so that nothing was written")
    found = probe(tiny("gpt2"), rows, position="0", layer=1, out_vector=str(file))
    assert unsaved(found).startswith("Row 1 has no direction, so that nothing was written")


def test_a_run_that_is_stopped_saves_a_row_that_was_asked_for_and_no_best_so_far(
    tmp_path, monkeypatch
):
    from desktop_app.analyses.probe import found as cells

    file = tmp_path / "way.safetensors"
    probe(tiny("gpt2"), layer=2, out_vector=str(file))
    older = file.read_bytes()
    monkeypatch.setattr(cells, "FIT_BYTES", 1)

    def stopped(**settings):
        return probe(
            tiny("gpt2"), report=Stops("probe of row", 2), out_vector=str(file), **settings
        )

    told = unsaved(stopped())
    assert told.startswith("The run was stopped after 2 of ")
    assert "the most accurate is not known" in told
    assert unsaved(stopped(layer=2)).startswith("The run was stopped before row 2 was fitted")
    assert file.read_bytes() == older
    kept = stopped(layer=1)
    assert kept.data["saved"]["row"] == 1
    with safe_open(str(file), "np") as opened:
        vector = opened.get_tensor("vector")
    np.testing.assert_array_equal(vector, kept.data["direction"][1].astype(np.float32))


def unsaved(found):
    return next(n.message for n in found.warnings if n.code == "vector_not_saved")


@pytest.mark.parametrize(
    ("settings", "rows", "says"),
    [
        ({"position": "all"}, UNEVEN, "--position all needs prompts of one token length: prompt 1"),
        ({"position": "99"}, UNEVEN, "--position 99 does not exist"),
        ({"position": "-99"}, UNEVEN, "--position -99 does not exist"),
        ({"layer": 99}, UNEVEN, "--layer 99 does not exist: there are"),
        ({"out_vector": "a.bin"}, UNEVEN, r"must end in \.safetensors"),
        ({}, (), "No prompt has a label"),
        ({}, (PromptRow(text="a"),), "No prompt has a label"),
    ],
)
def test_what_cannot_be_probed_is_refused_by_name(settings, rows, says):
    with pytest.raises(BadInputError, match=says):
        probe(tiny("gpt2"), rows, **settings)


def test_a_site_that_a_model_does_not_show_is_refused():
    with pytest.raises(BadInputError, match="cannot be measured at resid_mid"):
        probe(tiny("gpt_neox"), site="resid_mid")


def test_a_result_beyond_the_bound_is_refused_with_the_step():
    from dataclasses import replace

    with pytest.raises(BadInputError, match="choose one --position"):
        probe(replace(tiny("gpt2"), storage=Storage(1000)), EVEN, position="all")
    params, info = ProbeParams(prompts=EVEN, position="all"), tiny("gpt2").info
    data = probe(tiny("gpt2"), EVEN, position="all").data
    held = sum(v.nbytes for v in data.values() if isinstance(v, np.ndarray))
    lengths = [len(p.tokens) for p in probe(tiny("gpt2"), EVEN).prompts]
    assert held <= stored_bytes(params, info, lengths) + 8 * 4 * len(EVEN)


def test_what_was_fitted_stays_where_a_run_is_stopped(monkeypatch):
    from desktop_app.analyses.probe import found as cells

    monkeypatch.setattr(cells, "FIT_BYTES", 1)
    report = Stops("probe of row", 2)
    found = probe(tiny("gpt2"), report=report)
    data = found.data
    assert "Stopped before" in found.partial
    known = np.isfinite(data["accuracy"])
    assert known.tolist() == [True, True] + [False] * (len(known) - 2)
    assert data["confusion"][2:].sum() == 0
    assert (data["predicted"][2:] == -1).all()
    assert "not_finite" not in {notice.code for notice in found.warnings}
    assert len(report.parts) == 2
    whole = probe(tiny("gpt2")).data
    np.testing.assert_array_equal(data["accuracy"][:2], whole["accuracy"][:2])
    with pytest.raises(Cancelled):
        probe(tiny("gpt2"), report=Stops("layer"))


def test_without_a_penalty_parted_labels_have_no_minimum_and_that_is_said():
    codes = {notice.code for notice in probe(tiny("gpt2"), l2=0).warnings}
    assert "no_minimum" in codes
    assert "no_minimum" not in {notice.code for notice in probe(tiny("gpt2")).warnings}


def test_numbers_that_are_none_are_said_with_their_layer(tmp_path):
    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.loading import load
    from tests.engine.zoo import save_tiny

    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu"), SilentReporter())
    with torch.no_grad():
        model.bridge.original_model.model.layers[1].mlp.down_proj.weight.fill_(float("inf"))
    found = probe(model)
    assert np.isfinite(found.data["accuracy"][:2]).all()
    assert np.isnan(found.data["accuracy"][2:]).all()
    notice = next(n for n in found.warnings if n.code == "not_finite")
    assert "first in layer 1" in notice.message


def test_labels_and_result_stand_in_the_object_of_the_contract():
    found = probe(named("toy"), EVEN)
    told = found.to_json()
    assert told["params"]["prompts"][0]["label"] == "x"
    assert told["provenance"]["seed"] == 0
    assert told["timing"]["forward_passes"] >= 1
    for name in ("accuracy", "accuracy_control", "majority", "direction", "confusion"):
        assert name in told["result"]
        assert ANALYSIS.field(name) is not None


def test_prompts_one_by_one_give_the_numbers_of_all_together(monkeypatch):
    from desktop_app.methods import streams

    together = probe(tiny("llama"))
    monkeypatch.setattr(streams, "texts_per_pass", lambda *_limits: 1)
    alone = probe(tiny("llama"))
    assert alone.timing.forward_passes == len(UNEVEN) > together.timing.forward_passes
    for name in ("accuracy", "accuracy_control_each", "predicted", "confusion"):
        np.testing.assert_array_equal(alone.data[name], together.data[name])
    np.testing.assert_allclose(
        alone.data["direction"], together.data["direction"], atol=1e-4, equal_nan=True
    )


ANIMALS = "dog cat horse cow sheep goat lion tiger bear wolf fox rabbit mouse frog eagle"
TOOLS = (
    "hammer saw drill wrench chisel shovel rake pliers screwdriver axe ladder broom knife scissors "
    "brush"
)
ENDS = (
    "was in the garden",
    "could be seen from here",
    "was next to the old house",
    "belonged to my uncle",
)


@pytest.mark.pack
@pytest.mark.usefixtures("smollm2_folder")
def test_the_pack_tells_animals_from_tools_at_a_word_that_says_neither():
    pairs = zip(ANIMALS.split(), TOOLS.split(), strict=True)
    rows = tuple(
        PromptRow(text=f"The {word} {ENDS[n % 4]}", label=label)
        for n, pair in enumerate(pairs)
        for word, label in zip(pair, ("animal", "tool"), strict=True)
    )
    data = probe(named("smollm2"), rows).data
    assert data["majority"] == 0.5
    # What enters block 0 is the last word, which both labels share.
    assert data["accuracy"][0] <= 0.5
    assert (data["accuracy"][14:22] == 1).all()
    assert data["accuracy_control"].max() < 0.6
    assert data["accuracy_control_each"].max() < 1
    assert (data["accuracy_train"][5:] == 1).all()
