"""A cell of a sweep steers like its settings: those of the button that leads there."""

from __future__ import annotations

import pytest
import torch

from desktop_app.analyses.steer.made import made_with
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.analyses.steer.sweep_picture import sweep_of
from desktop_app.analyses.steer.swept_cell import cell_settings
from desktop_app.methods.vectors import Vector, save_vector
from tests.analyses.steer.asked import steer
from tests.models import tiny

SETS = {"from": ["bad day", "no"], "to": ["good day"]}
SHORT = {"max_new_tokens": 2, "control": "no", "ignore_eos": True}
PROMPT = "abc def"
ELSEWHERE = {"sweep_layers": "0:2", "sweep_coefs": (2.0, 5.0), "elsewhere": True}


def vector(model, path, site, layer=1):
    values = torch.randn(model.info.d_model, generator=torch.Generator().manual_seed(len(site)))
    save_vector(path, model, Vector(values, layer, site, (model.info.d_model,), "drawn"))
    return str(path)


@pytest.mark.parametrize(
    ("sites", "settings"),
    [
        ((), {"layer": 0, "sweep_layers": "0:2", "sweep_coefs": (2.0, 5.0), **SETS}),
        ((), {"layer": 0, "sweep_layers": "0:2", "zero": True, "site": "mlp_out"}),
        ((), {"sweep_layers": "0:2", "sweep_coefs": (0.5, 3.0), "scale": 2.0}),
        # Several coefficients are multiplied, also where they are equal.
        (("resid_post",) * 2, {"coef": (2.0, 2.0), "layer": 1, "sweep_coefs": (1.0, 3.0)}),
        (("resid_post",) * 2, {"coef": (2.0,), "layer": 1, "sweep_coefs": (1.0, 3.0)}),
        (("resid_post",) * 2, {"coef": (2.0, 2.0), **ELSEWHERE, "sweep_coefs": ()}),
        # The file says the site, and without layers to try also the layer.
        (("resid_pre",), {"sweep_coefs": (2.0, 5.0)}),
        (("resid_pre",), ELSEWHERE),
        (("resid_pre", "mlp_out"), {"coef": (2.0, 3.0), **ELSEWHERE}),
        (("resid_pre",), {"scale": 3.0, "layer": 1, "site": "resid_pre", "sweep_coefs": (2.0,)}),
        # Of further interventions alone the first one is varied.
        ((), {"also": ({"op": "difference", **SETS, "layer": 1}, {"op": "zero", "layer": 0})}),
        ((), {"also": ({"op": "difference", **SETS, "layer": 1},), **ELSEWHERE}),
        ((), {"also": ({"op": "scale", "factor": 3.0, "layer": 1},), "sweep_coefs": (0.5, 2.0)}),
    ],
)
def test_to_steer_like_a_cell_gives_the_numbers_of_the_cell(sites, settings, tmp_path):
    model = tiny("llama")
    files = [vector(model, tmp_path / f"{n}.safetensors", s) for n, s in enumerate(sites)]
    given = {**SHORT, **({"sweep_coefs": (4.0,)} if "also" in settings else {}), **settings}
    swept = steer(model, [PROMPT], add=files, **given)
    sweep = sweep_of(swept.data, swept.params, swept.prompts)
    for row in range(len(sweep.layers)):
        for column in range(len(sweep.coefs)):
            changes = made_with(swept.params)
            done = swept.data["acts"]
            changes |= cell_settings(swept.params, sweep, (row, column), done)
            params = SteerParams().model_copy(update=changes)
            alone = steer(model, [PROMPT], **params.model_dump(exclude={"prompts"}))
            assert "sweep_metric" not in alone.data
            cell = swept.data["sweep_metric"][row, column], swept.data["sweep_loss"][row, column]
            told = alone.data["changed"][0], alone.data["steered_loss"][0]
            assert told == pytest.approx(cell, abs=1e-5), (row, column)


def test_settings_that_do_not_fit_steer_like_no_cell():
    swept = steer(tiny("llama"), [PROMPT], layer=0, zero=True, sweep_layers="0:2", **SHORT)
    sweep = sweep_of(swept.data, swept.params, swept.prompts)
    assert "layer" not in cell_settings({"layer": "nowhere"}, sweep, (0, 0))
