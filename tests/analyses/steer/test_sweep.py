"""Sweeps: every cell is what plain Hugging Face says with the vector of that layer, times it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from desktop_app.analyses.steer.control import direction
from desktop_app.analyses.steer.run import run
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.report import EstimatingReporter
from desktop_app.methods.vectors import Vector, save_vector
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.steer.asked import Stops, add, plain, steer
from tests.analyses.steer.plain import Hook
from tests.models import named, tiny
from tests.samples import stored

PROMPTS = ("abc def", "the sea")
LEAD = {"from": ["bad day", "no"], "to": ["good day", "yes"]}
STEPS = 4


def ids_of(model, texts):
    return [list(model.tokenizer.encode(text).ids) for text in texts]


def loss_of(hf, ids, new):
    logits = hf.logits([*ids, *new], []).log_softmax(-1)
    return -float(np.mean([logits[len(ids) - 1 + i, token] for i, token in enumerate(new)]))


def difference(model, hf, layer):
    means = [
        torch.stack([hf.seen(ids, layer, "resid_post")[-1] for ids in ids_of(model, texts)]).mean(0)
        for texts in (LEAD["to"], LEAD["from"])
    ]
    return means[0] - means[1]


def kl(base, changed):
    base, changed = base.double().log_softmax(-1), changed.double().log_softmax(-1)
    return float((base.exp() * (base - changed)).sum())


def test_a_cell_that_changes_nothing_is_the_plain_text_bit_for_bit():
    model = tiny("llama")
    rows = [{"text": text, "answer": "abc", "wrong": "def"} for text in (*PROMPTS, "abc", "no sea")]
    # Padded together the same prompts' numbers are rounded otherwise than each length alone.
    shared = {"padding": "left", "max_new_tokens": 2, "metric": "logit_diff", **LEAD}
    found = steer(model, rows, layer=1, sweep_layers=":", sweep_coefs=(0.0, 1.0), **shared).data
    for layer in range(len(found["sweep_layer"])):
        assert found["sweep_metric_each"][layer, 0].tolist() == found["base"].tolist()
        assert found["sweep_loss_each"][layer, 0].tolist() == found["plain_loss"].tolist()
        assert found["sweep_texts"][layer][0] == [one["text"] for one in found["plain"]]
    assert not np.array_equal(found["sweep_metric_each"][1, 1], found["base"])


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_every_cell_is_what_hooks_on_plain_hugging_face_say(architecture):
    model = tiny(architecture)
    hf, coefs = plain(model.spec.model), (-3.0, 0.0, 6.0)
    found = steer(
        model,
        PROMPTS,
        layer=0,
        sweep_layers=":",
        sweep_coefs=coefs,
        max_new_tokens=STEPS,
        ignore_eos=True,
        **LEAD,
    ).data
    assert found["sweep_metric"].shape == found["sweep_loss"].shape == (model.info.n_layers, 3)
    assert found["sweep_layer"].tolist() == list(range(model.info.n_layers))
    assert tuple(found["sweep_coef"]) == coefs
    for prompt, ids in enumerate(ids_of(model, PROMPTS)):
        said, base = hf.generate(ids, [], STEPS)
        for layer in range(model.info.n_layers):
            vector = difference(model, hf, layer)
            for column, coef in enumerate(coefs):
                hook = Hook(layer, "resid_post", add(coef * vector))
                new, logits = hf.generate(ids, [hook], STEPS)
                cell = layer, column, prompt
                assert found["sweep_metric_each"][cell] == pytest.approx(
                    kl(base[0], logits[0]), abs=1e-4
                )
                assert found["sweep_loss_each"][cell] == pytest.approx(
                    loss_of(hf, ids, new), abs=1e-4
                )
                whole = model.tokenizer.decode([*ids, *new])
                assert whole.endswith(found["sweep_texts"][layer][column][prompt])
                if coef == 0:
                    assert new == said
                    assert found["sweep_metric_each"][cell] == 0
    each = found["sweep_metric_each"]
    assert np.array_equal(found["sweep_metric"], each.mean(-1))
    assert np.array_equal(found["sweep_loss"], found["sweep_loss_each"].mean(-1))


def test_control_cells_have_random_vectors_of_equal_norm():
    model = tiny("llama")
    hf = plain(model.spec.model)
    found = steer(
        model,
        PROMPTS[:1],
        layer=0,
        sweep_layers="1:3",
        sweep_coefs=(2.0, 5.0),
        max_new_tokens=STEPS,
        ignore_eos=True,
        seed=3,
        **LEAD,
    ).data
    (ids,) = ids_of(model, PROMPTS[:1])
    _said, base = hf.generate(ids, [], STEPS)
    for row, layer in enumerate((1, 2)):
        vector = difference(model, hf, layer)
        drawn = direction(layer, "resid_post", (len(vector),), 3)
        assert float(drawn.norm()) == pytest.approx(1)
        for column, coef in enumerate((2.0, 5.0)):
            change = add(coef * vector.norm() * drawn)
            new, logits = hf.generate(ids, [Hook(layer, "resid_post", change)], STEPS)
            told = (
                found["sweep_control_metric"][row, column],
                found["sweep_control_loss"][row, column],
            )
            expected = kl(base[0], logits[0]), loss_of(hf, ids, new)
            assert told == pytest.approx(expected, abs=1e-4)


def test_without_a_control_there_are_no_control_cells():
    found = steer(
        tiny("llama"),
        PROMPTS[:1],
        layer=1,
        sweep_coefs=(1.0,),
        control="no",
        max_new_tokens=2,
        **LEAD,
    ).data
    assert "sweep_control_metric" not in found
    assert found["sweep_layer"].tolist() == [1]


@pytest.mark.parametrize(
    "settings",
    [
        {"scale": 0.5, "sweep_coefs": (0.0, 1.0, 4.0)},
        {"zero": True},
        {"scale": 2.0, "coef": (3.0,), "sweep_coefs": (-2.0, 2.0), **LEAD},
        {"sweep_coefs": (2.0, 4.0), "position": "0,2", "site": "mlp_out", **LEAD},
        {"sweep_coefs": (4.0,), "when": "every", "temperature": 1.0, "seed": 7, **LEAD},
        {"sweep_coefs": (4.0,), "when": "every", "cache": "no", **LEAD},
    ],
)
def test_a_cell_is_what_its_layer_and_coefficient_give_alone(settings):
    model = tiny("llama")
    shared = {"max_new_tokens": STEPS, "ignore_eos": True, **settings}
    found = steer(model, PROMPTS, layer=0, sweep_layers="0:2", **shared).data
    coefs = shared.pop("sweep_coefs", (1.0,))
    assert tuple(found["sweep_coef"]) == coefs
    for layer in range(2):
        for column, coef in enumerate(coefs):
            own = (
                {"coef": (coef,)}
                if "to" in settings
                else {"scale": coef}
                if "scale" in settings
                else {}
            )
            alone = steer(model, PROMPTS, layer=layer, **{**shared, **own}).data
            # What changes nothing is no steering at all.
            texts = [one["text"] for one in alone.get("steered", alone["plain"])]
            assert found["sweep_texts"][layer][column] == texts
            cell = layer, column
            assert found["sweep_metric_each"][cell] == pytest.approx(alone["changed"], abs=1e-5)
            assert found["sweep_loss_each"][cell] == pytest.approx(alone["steered_loss"], abs=1e-5)
            told = found["sweep_control_metric"][cell]
            assert told == pytest.approx(alone["control_metric_mean"], abs=1e-5)
            told = found["sweep_control_loss"][cell]
            assert told == pytest.approx(alone["control_loss_mean"], abs=1e-5)


def test_vectors_with_coefficients_of_their_own_are_multiplied(tmp_path):
    model = tiny("llama")
    files = vectors(model, tmp_path, 1)
    shared = {"max_new_tokens": 3, "add": files, "layer": 1}
    found = steer(model, PROMPTS[:1], coef=(2.0, -1.0), sweep_coefs=(0.0, 3.0), **shared).data
    alone = steer(model, PROMPTS[:1], coef=(6.0, -3.0), **shared).data
    assert found["sweep_metric"][0] == pytest.approx([0.0, alone["changed"][0]], abs=1e-5)


def test_what_is_done_besides_stays_where_it_is():
    model = tiny("llama")
    also = ({"op": "zero", "layer": 2, "position": "0"},)
    shared = {"max_new_tokens": 3, "also": also, **LEAD}
    found = steer(
        model, PROMPTS[:1], layer=0, sweep_layers="0:2", sweep_coefs=(3.0,), **shared
    ).data
    alone = steer(model, PROMPTS[:1], layer=1, coef=(3.0,), **shared).data
    assert found["sweep_metric"][1, 0] == pytest.approx(alone["changed"][0], abs=1e-5)


def test_what_is_done_besides_stays_even_where_it_is_the_very_same(tmp_path):
    model = tiny("llama")
    (file, _other) = vectors(model, tmp_path, 1)
    copy = {"op": "add", "file": file, "layer": 1}
    shared = {"max_new_tokens": 2, "add": [file], "layer": 1}
    found = steer(model, PROMPTS[:1], also=(copy,), sweep_coefs=(0.0, 2.0), **shared).data
    for cell, coef in zip(found["sweep_metric"][0], (1.0, 3.0), strict=True):
        alone = steer(model, PROMPTS[:1], coef=(coef,), **shared).data
        assert cell == pytest.approx(alone["changed"][0], abs=1e-5)


def test_an_answer_is_watched_where_there_is_one():
    rows = [{"text": "1 2 3 4 ", "answer": ["5"], "wrong": ["4"]}]
    shared = {"max_new_tokens": 2, **LEAD}
    found = steer(named("toy"), rows, layer=0, sweep_layers=":", sweep_coefs=(4.0,), **shared).data
    alone = steer(named("toy"), rows, layer=2, coef=(4.0,), **shared).data
    assert found["metric"] == "logit_diff"
    assert found["sweep_metric"][2, 0] == pytest.approx(alone["changed"][0], abs=1e-4)


def vectors(model, folder, layer):
    generator = torch.Generator().manual_seed(5)
    files = []
    for number in range(2):
        values = torch.randn(model.info.d_model, generator=generator)
        path = folder / f"{number}.safetensors"
        vector = Vector(values, layer, "resid_post", (model.info.d_model,), "drawn")
        save_vector(path, model, vector)
        files.append(str(path))
    return files


def test_a_files_vector_goes_to_another_layer_only_where_it_may(tmp_path):
    model = tiny("llama")
    file = vectors(model, tmp_path, 1)[0]
    shared = {"add": [file], "sweep_layers": ":", "sweep_coefs": (1.0,), "max_new_tokens": 2}
    with pytest.raises(BadInputError, match="layer"):
        steer(model, PROMPTS[:1], **shared)
    found = steer(model, PROMPTS[:1], elsewhere=True, **shared).data
    assert np.isfinite(found["sweep_metric"]).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sweep_layers": "0:2"}, "nothing to vary"),
        ({"sweep_coefs": (1.0,), "layer": 0, "zero": True}, "nothing to multiply: zero"),
        ({"sweep_layers": "0:2", "ablate_heads": "0.1"}, "name their layers"),
        ({"sweep_layers": "0:9", "layer": 0, "zero": True}, "--sweep-layers"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_said(settings, told):
    class Heard(Stops):
        def step(self, fraction, note=""):
            assert "Token" not in note

    with pytest.raises(BadInputError, match=told):
        steer(tiny("llama"), PROMPTS, Heard("nothing"), **settings)


def test_a_sweep_of_more_than_is_kept_is_refused(monkeypatch):
    monkeypatch.setattr("desktop_app.analyses.steer.sweep.MOST_CONTINUATIONS", 5)
    with pytest.raises(BadInputError, match="6 continuations"):
        steer(tiny("llama"), PROMPTS, layer=0, zero=True, sweep_layers=":")


def test_batches_change_no_cell():
    model = tiny("llama")
    shared = {"layer": 0, "sweep_layers": ":", "sweep_coefs": (2.0,), "max_new_tokens": 2, **LEAD}
    one = steer(model, PROMPTS, **shared).data
    other = steer(replace(model, budget_bytes=1), PROMPTS, **shared).data
    assert one["sweep_texts"] == other["sweep_texts"]
    for name in ("sweep_metric", "sweep_loss", "sweep_control_metric", "sweep_control_loss"):
        assert one[name] == pytest.approx(other[name], abs=1e-5)


def test_cells_come_as_they_are_made_beside_the_texts_and_stay_where_it_is_stopped():
    model = replace(tiny("llama"), budget_bytes=1)  # a cell at a time
    stops = Stops("Sweep: layer 1")
    found = steer(
        model,
        PROMPTS,
        stops,
        layer=0,
        sweep_layers=":",
        sweep_coefs=(2.0,),
        max_new_tokens=2,
        **LEAD,
    )
    known = np.isfinite(found.data["sweep_metric"])[:, 0]
    assert known.tolist() == [True, False, False]
    assert [n.message for n in found.warnings if n.code == "partial"] == [
        "The sweep was stopped at 1 of 3 cells. Run again for the rest."
    ]
    assert found.data["steered"][0]["ids"]
    assert any("sweep_metric" in one and "plain" in one for one in stops.told)
    stops = Stops("Sweep")
    stops.keeps_partial = False
    with pytest.raises(Cancelled):
        steer(model, PROMPTS, stops, layer=0, sweep_layers=":", max_new_tokens=2, **LEAD)


def test_what_was_stopped_opens_from_a_session_again(tmp_path):
    model = replace(tiny("llama"), budget_bytes=1)
    cells = {"layer": 0, "sweep_layers": ":", "sweep_coefs": (2.0,), "max_new_tokens": 2}
    given = {**cells, **LEAD, "scan": True, "preset": "equivalence"}
    for about in ("Sweep: layer 1", "Scan"):
        found = steer(model, PROMPTS, Stops(about), **given)
        path = tmp_path / f"{about[:4]}.lens"
        with Session.create(path) as session:
            session.add(found)
        with Session.open(path) as session:
            stored.assert_same_result(found, session.load(1))


def test_cells_that_overflow_are_told_by_their_number():
    found = steer(
        tiny("llama"), PROMPTS, layer=1, sweep_coefs=(1.0, 3e38), max_new_tokens=2, **LEAD
    )
    messages = [n.message for n in found.warnings if n.code == "not_finite"]
    assert messages == [
        "1 cell of the sweep has logits that are no finite numbers, first in layer 1 (steered at "
        "layer 1, times 3e+38); use smaller coefficients."
    ]
    names = ("sweep_metric", "sweep_loss", "sweep_control_metric", "sweep_control_loss")
    whole = np.isfinite(sum(found.data[name][0] for name in names))
    assert whole.tolist() == [True, False]


def test_what_a_sweep_needs_is_said_before_anything_is():
    model = tiny("llama")
    shared = {"layer": 0, "max_new_tokens": 3, **LEAD}

    def needed(**more):
        rows = [{"text": text} for text in PROMPTS]
        params = SteerParams.model_validate({"prompts": rows, **shared, **more})
        report = EstimatingReporter()
        return report.listen(lambda: run(model, params, report))

    cells = {"sweep_layers": ":", "sweep_coefs": tuple(range(50))}
    alone, swept = needed(), needed(**cells)
    assert alone is not None
    assert swept > alone
