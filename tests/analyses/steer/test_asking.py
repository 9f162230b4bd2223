"""What is asked and cannot be done is refused by its name, or said: never silently left undone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import save_file

from desktop_app.analyses.steer.asking import notices, refuse
from desktop_app.analyses.steer.spec import ANALYSIS, SteerParams
from desktop_app.methods.vectors import Vector, save_vector
from desktop_app.support import vector_files
from desktop_app.support.errors import BadInputError
from tests.analyses.steer.asked import steer
from tests.models import named

LEAD = {"from": ["bad"], "to": ["good"]}
TEXT = "1 2 3 4"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"zero": True, "coef": (7,)}, "--coef 7 has no vector to multiply"),
        ({"scale": 2.0, "coef": (7,)}, "--coef 7 has no vector to multiply"),
        ({"coef": (7,)}, "--coef 7 has no vector to multiply"),
        (
            {"coef": (7,), "also": ({"op": "add", "file": "v.safetensors"},)},
            'what is under --also has a "coef" of its own',
        ),
        ({"also": ({"op": "ablate_heads"},)}, "names no heads"),
        ({"begin": ("plain:0:5", "plain:0:6")}, "the plain continuation of prompt 0 twice"),
        ({"begin": ("plain:0:5",), "scan": True}, "--begin cannot be given with --scan"),
        ({"begin": ("plain:0:5",), "preset": "equivalence"}, "cannot be given with --preset"),
        (
            {"begin": ("plain:0:5",), "sweep_layers": ":", "sweep_coefs": (1.0,)},
            "--sweep-layers and --sweep-coefs",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(settings, says):
    with pytest.raises(BadInputError, match=says):
        refuse(SteerParams.model_validate({"layer": 1, **settings}))


def test_a_run_asks_before_it_does_anything():
    with pytest.raises(BadInputError, match="--coef 7 has no vector"):
        steer(named("toy"), [TEXT], layer=1, zero=True, coef=(7,))


@pytest.mark.parametrize(
    "settings",
    [
        {"coef": (7,), **LEAD},
        {"coef": (1, 2), "add": ("v.safetensors",), "set_to": "w.safetensors"},
        {"begin": ("plain:0:5", "plain:1:5", "steered:0:5"), "zero": True},
        {"scan": True, "zero": True},
    ],
)
def test_what_can_be_meant_is_not_refused(settings):
    refuse(SteerParams.model_validate({"layer": 1, **settings}))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"op": "zero", "coef": 3, "file": "no", "heads": "0.1"}, "no coef, file, heads"),
        ({"op": "scale", "coef": 3}, r"no coef \(it takes factor\)"),
        ({"op": "difference", "file": "v", **LEAD}, "no file"),
        ({"op": "add", "file": "v", "from_texts": ["a"]}, "no from_texts"),
    ],
)
def test_a_further_intervention_with_what_it_does_not_take_is_refused(told, says):
    with pytest.raises(ValidationError, match=says):
        SteerParams.model_validate({"layer": 1, "also": (json.dumps(told),)})


def test_a_further_intervention_as_a_result_has_it_may_be_given_again():
    """All its fields stand there, most of them saying nothing."""
    also = (json.dumps({"op": "zero"}), json.dumps({"op": "ablate_heads", "heads": "0.1"}))
    params = SteerParams.model_validate({"layer": 1, "also": also})
    stored = params.model_dump(mode="json")["also"]
    again = SteerParams.model_validate({"also": tuple(json.dumps(one) for one in stored)})
    assert again.also == params.also


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"layer": 1, "when": "every"}, "place_unused", "--layer and --when had nothing"),
        ({"site": "mlp_out"}, "place_unused", "the text is generated plainly"),
        ({"position": "0"}, "place_unused", "--position had nothing"),
        (
            {"layer": 1, "site": "mlp_out", "ablate_heads": "0.1"},
            "place_unused",
            "--layer and --site had nothing to act on: heads name their layers",
        ),
        ({"top_k": 5, "top_p": 0.5}, "setting_unused", "--top-k and --top-p had nothing"),
        ({"vector_at": "mean"}, "setting_unused", "--vector-at had nothing"),
        ({"reference": ("a",)}, "setting_unused", "--reference had nothing"),
        ({"elsewhere": True}, "setting_unused", "--elsewhere had nothing"),
    ],
)
def test_a_setting_without_anything_to_act_on_is_said(settings, code, says):
    (notice,) = notices(SteerParams.model_validate(settings))
    assert notice.code == code
    assert says in notice.message
    told = {name: value for name, value in settings.items() if name != "reference"}
    if told:
        assert notice in steer(named("toy"), [TEXT], max_new_tokens=1, **told).warnings


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"layer": 1, "when": "every", "zero": True},
        {"layer": 1, "preset": "equivalence"},
        {"layer": 1, "read_direction": "v.safetensors", "elsewhere": True},
        {"layer": 1, "also": ({"op": "ablate_heads", "heads": "0.1"}, {"op": "zero"})},
        {"top_k": 5, "temperature": 1.0},
        {"vector_at": "mean", **LEAD},
        {"reference": ("a",), "ablate_heads": "0.1"},
        {"elsewhere": True, "add": ("v.safetensors",)},
    ],
)
def test_a_setting_that_does_something_is_not(settings):
    assert notices(SteerParams.model_validate(settings)) == []


def test_the_settings_of_presets_say_nothing_that_is_not_done():
    for preset in ANALYSIS.presets:
        refuse(preset.params)
        assert notices(preset.params) == []


def written(model, path, layer, **facts):
    generator = torch.Generator().manual_seed(layer)
    width = model.info.d_model
    values = torch.randn(width, generator=generator)
    save_vector(path, model, Vector(values, layer, "resid_post", (width,), "drawn"))
    if facts:
        head = vector_files.read_head(str(path))
        save_file({"vector": values.numpy()}, path, {**head.facts, **facts})
    return str(path)


def test_a_direction_is_read_elsewhere_where_that_is_allowed(tmp_path):
    model = named("toy")
    file = written(model, tmp_path / "v.safetensors", 1, weights="processed")
    shared = {"max_new_tokens": 2, "read_direction": file}
    with pytest.raises(BadInputError, match="--elsewhere"):
        steer(model, [TEXT], **shared)
    found = steer(model, [TEXT], elsewhere=True, **shared)
    assert len(found.data["plain"][0]["reading"]) == 2
    assert found.data["read_at"]["layer"] == 1


def test_coefficients_alone_leave_every_vector_at_its_own_layer(tmp_path):
    model = named("toy")
    files = [written(model, tmp_path / f"{n}.safetensors", n) for n in range(2)]
    shared = {"add": files, "max_new_tokens": 2, "control": "no"}
    found = steer(model, [TEXT], sweep_coefs=(0.0, 1.0, 3.0), **shared).data
    assert [act["layer"] for act in found["acts"]] == [0, 1]
    assert found["sweep_layer"].tolist() == [0]
    alone = [
        steer(model, [TEXT], coef=(coef,), **shared).data["changed"][0] for coef in (0.0, 1.0, 3.0)
    ]
    np.testing.assert_allclose(found["sweep_metric"][0], alone, atol=1e-5)
