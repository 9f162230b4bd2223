"""GPT-2 small on the indirect objects of TransformerLens' demos, where it is in the local cache."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.edge_effects import exact_effects
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.prepare import prepare
from desktop_app.support.hub_cache import is_cached

NAMES = [n for n in ("gpt2", "openai-community/gpt2") if is_cached(n)]
pytestmark = pytest.mark.skipif(not NAMES, reason="GPT-2 is not in the local Hub cache")
TEMPLATES = {
    "When John and Mary went to the shops,{} gave the bag to": (" Mary", " John"),
    "When Tom and James went to the park,{} gave the ball to": (" Tom", " James"),
    "When Dan and Sid went to the shops,{} gave an apple to": (" Dan", " Sid"),
    "After Martin and Amy went to the park,{} gave a drink to": (" Martin", " Amy"),
}


def rows():
    """Return the eight prompts, each with the one of the other name as its twin."""
    found = []
    for template, (one, two) in TEMPLATES.items():
        for answer, wrong in ((one, two), (two, one)):
            text, twin = template.format(wrong), template.format(answer)
            found.append(PromptRow(text=text, corrupt=twin, answer=(answer,), wrong=(wrong,)))
    return tuple(found)


def test_the_indirect_objects_and_their_name_movers():
    model = load(ModelSpec(NAMES[0], device="cpu"), SilentReporter())
    params = EdgesParams(prompts=rows(), bos="yes")
    asked = ("logit_diff", "corrupt", ())
    sides = Sides(model, params, prepare(model, params), asked, SilentReporter())
    read = [sides.read_off(n) for n in range(len(sides))]
    assert np.mean([each.base for each in read]) == pytest.approx(3.5519, abs=5e-3)
    assert np.mean([each.empty for each in read]) == pytest.approx(-3.5519, abs=5e-3)
    graph = sides.graph
    found = np.full((len(graph), len(sides)), np.nan)
    into_logits = np.arange(graph.first_edges[-2], len(graph))
    exact_effects(sides, into_logits, found, SilentReporter())
    effects = found[into_logits].mean(-1)
    heads = [n for n, name in enumerate(graph.sender_names) if "." in name]
    leading = sorted(heads, key=lambda n: effects[n])[:3]
    assert {graph.sender_names[n] for n in leading} == {"9.9", "9.6", "10.0"}
