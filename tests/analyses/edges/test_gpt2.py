"""GPT-2 small on indirect objects: known numbers, where its weights are in the local Hub cache."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.edges.run import run
from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import find, hook, serving
from desktop_app.contract.report import SilentReporter
from desktop_app.support.hub_cache import is_cached
from desktop_app.text.made.families import find_family
from desktop_app.text.made.making import make
from tests.models import named

NAMES = ("openai-community/gpt2", "gpt2")
FOUND = next((name for name in NAMES if is_cached(name)), "")

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(not FOUND, reason="GPT-2 is not in the local Hub cache"),
]

# TransformerLens' demos: each format with either of its two names as the one who gives.
FORMATS = {
    "When John and Mary went to the shops,{} gave the bag to": (" Mary", " John"),
    "When Tom and James went to the park,{} gave the ball to": (" Tom", " James"),
    "When Dan and Sid went to the shops,{} gave an apple to": (" Dan", " Sid"),
    "After Martin and Amy went to the park,{} gave a drink to": (" Martin", " Amy"),
}


def rows():
    for form, names in FORMATS.items():
        for answer, wrong in (names, names[::-1]):
            text, corrupt = form.format(wrong), form.format(answer)
            yield PromptRow(text=text, corrupt=corrupt, answer=answer, wrong=wrong)


def test_the_demos_example():
    params = EdgesParams(
        prompts=tuple(rows()), bos="yes", method="none", circuit="none", controls=0
    )
    data = run(named(FOUND), params, SilentReporter()).data
    assert data["base_mean"] == pytest.approx(3.5519, abs=1e-3)
    assert data["other_mean"] == pytest.approx(-3.5519, abs=1e-3)


def test_its_name_movers_lead():
    direct = find(serving("attribution")[0])
    params = direct.params(prompts=tuple(rows()), bos="yes")
    head = hook(direct.name, "run", "run")(named(FOUND), params, SilentReporter()).data["head"]
    means = np.asarray(head).mean(-1)
    best = np.argsort(-means, axis=None)[:3]
    found = {tuple(int(n) for n in np.unravel_index(place, means.shape)) for place in best}
    assert found == {(9, 9), (9, 6), (10, 0)}


def test_eap_ig_comes_near_what_is_published_of_mib():
    """MIB's task has other prompts; its CMD of EAP-IG (inputs) is 0.03, of random circuits 0.75."""
    model = named(FOUND)
    made = make("ioi", find_family("ioi").form(count=10), model.tokenizer.with_bos("yes"))
    params = EdgesParams(prompts=made.prompts, bos="yes", method="eap-ig")
    data = run(model, params, SilentReporter()).data
    assert len(data["effect"]) == 32_491
    assert data["cmd"] < 0.15
    assert data["cpr"] > 0.8
