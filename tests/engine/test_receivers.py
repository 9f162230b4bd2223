"""Inputs that read streams of their own, against plain hooks of the bridge, edge by edge."""

from __future__ import annotations

import pytest
import torch

from desktop_app.contract.report import Reporter
from desktop_app.engine import sites
from desktop_app.engine.interventions import Edit, FromTable, Variant
from desktop_app.engine.model import site_hook
from desktop_app.engine.receivers import (
    KIND_SITES,
    Inputs,
    is_parallel,
    make_inputs,
    require_inputs,
)
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import SweepPlan
from desktop_app.support.errors import BadInputError, Cancelled
from tests.methods.test_streams import MODULES
from tests.models import tiny

IDS = torch.tensor([[1, 5, 9, 17, 33, 65]])
ANSWER, WRONG, CHANGES, CHECKED = 40, 41, 5, 24
PARALLEL = {"gptj", "gpt_neox", "phi", "falcon", "cohere"}


def changed_alone(model, place, change):
    """Return the difference with one input reading another stream: two plain runs with hooks."""
    layer, kind, head = place
    made = {}
    site = site_hook(layer, KIND_SITES[kind])
    at = "resid_pre" if kind != "mlp" or is_parallel(model, layer) else "resid_mid"

    def put(x, hook):
        x = x.clone()
        if kind == "mlp":
            return made["x"]
        x[:, :, head] = made["x"][:, :, head]
        return x

    with torch.no_grad():
        hooks = [(site_hook(layer, at), lambda x, hook: x + change)]
        hooks.append((site, lambda x, hook: made.__setitem__("x", x.clone())))
        model.bridge.run_with_hooks(IDS, fwd_hooks=hooks)
        logits = model.bridge.run_with_hooks(IDS, fwd_hooks=[(site, put)])
    return float(logits[0, -1, ANSWER] - logits[0, -1, WRONG])


@pytest.mark.parametrize("architecture", MODULES)
def test_what_inputs_make_of_changed_streams_is_what_plain_hooks_make(architecture):
    model = tiny(architecture)
    require_inputs(model)
    layers, inputs = range(model.info.n_layers), Inputs.of(model)
    assert {layer for layer in layers if is_parallel(model, layer)} == (
        set(layers) if architecture in PARALLEL else set()
    )
    torch.manual_seed(0)
    changes = 0.5 * torch.randn(CHANGES, 6, model.info.d_model)
    everything = tuple(range(CHANGES))
    made = make_inputs(model, IDS, changes, dict.fromkeys(layers, (everything, everything)))
    places = [
        (layer, kind, head, number)
        for layer in layers
        for kind in KIND_SITES
        for head in range(inputs.count(kind))
        for number in everything
    ]
    variants = [
        Variant(
            (
                Edit(
                    layer,
                    KIND_SITES[kind],
                    FromTable(made[layer].by_kind[kind], number),
                    None if kind == "mlp" else head,
                ),
            )
        )
        for layer, kind, head, number in places
    ]
    plan = SweepPlan((5,), lambda logits, _prompt, _base: logits[:, ANSWER] - logits[:, WRONG])
    found = sweep(model, IDS, variants, plan)
    effects = (found.values - found.base[0]).abs()
    assert effects.max() > 0.01
    for i in torch.randperm(len(places))[:CHECKED].tolist():
        *place, number = places[i]
        expected = changed_alone(model, place, changes[number])
        assert float(found.values[i]) == pytest.approx(expected, abs=1e-5)


def test_some_positions_of_a_table_are_put_in_alone():
    """Those before keep their own; a pass may then begin where the change does."""
    model = tiny("llama")
    table = torch.randn(3, 6, model.info.n_heads, model.info.d_head)
    plan = SweepPlan((5,), lambda logits, _prompt, _base: logits[:, ANSWER] - logits[:, WRONG])
    at = (3, 4, 5)
    edit = Edit(1, "head_q", FromTable(table, 2), 1, at)
    found = sweep(
        model, IDS, [Variant((edit,)), Variant((Edit(0, "head_q", edit.value, 1),))], plan
    )

    def put(x, hook):
        x = x.clone()
        x[0, 3:, 1] = table[2, 3:, 1]
        return x

    with torch.no_grad():
        logits = model.bridge.run_with_hooks(IDS, fwd_hooks=[(site_hook(1, "head_q"), put)])
    expected = float(logits[0, -1, ANSWER] - logits[0, -1, WRONG])
    assert float(found.values[0]) == pytest.approx(expected, abs=1e-6)


def test_inputs_are_made_of_what_is_wanted_alone_and_can_be_stopped():
    model = tiny("llama")
    changes = torch.randn(4, 6, model.info.d_model)
    made = make_inputs(model, IDS, changes, {1: ((2,), (0, 3))})
    whole = make_inputs(model, IDS, changes, {1: (range(4), range(4))})
    assert set(made) == {1}
    torch.testing.assert_close(made[1].by_kind["q"][0], whole[1].by_kind["q"][2])
    torch.testing.assert_close(made[1].by_kind["mlp"][1], whole[1].by_kind["mlp"][3])

    class Stops(Reporter):
        def step(self, fraction, note):
            raise Cancelled

    with pytest.raises(Cancelled):
        make_inputs(model, IDS, changes, {1: ((2,), (0, 3))}, Stops())
    assert model.hooks_left() == 0


@pytest.mark.parametrize("site", ["head_k", "mlp_out"])
def test_a_place_that_is_only_shown_is_refused_with_what_helps(site, monkeypatch):
    """Edges have no `--site` to choose another place by."""
    monkeypatch.setattr(sites, "acts", lambda _model, asked: asked != site)
    with pytest.raises(BadInputError, match=f"only shows {site}.*: choose another model") as found:
        require_inputs(tiny("llama"))
    assert "--site" not in str(found.value)
