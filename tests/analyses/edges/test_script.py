"""The script of edges, run where Lensbench cannot be imported: the numbers of the result."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.analyses.edges.run import run
from desktop_app.analyses.edges.script import MOST
from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.session import export_scripts
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import resource
from tests.models import named, tiny
from tests.session.alone import require_clean, run_alone

ROWS = (
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4"),
    PromptRow(text="3 4 5 6", corrupt="9 2 7 3", answer=" 7", wrong=" 6| 1"),
)
TINY = PromptRow(text="ab cd f", corrupt="ab zd f", answer="g", wrong="h")
RUNS = {
    "exact": (None, ROWS, {"steps": 2}),
    "eap": (None, ROWS[:1], {"method": "eap", "metric": "logprob"}),
    "mean": (None, ROWS, {"replace": "mean", "method": "exact", "best": 8, "steps": 1}),
    "zero": (None, ROWS[:1], {"replace": "zero", "metric": "kl", "steps": 2}),
    "biases": ("gpt2", (TINY,), {"replace": "zero", "method": "exact"}),
    "rank": (None, ROWS[:1], {"metric": "rank"}),
    "behind": ("olmo2", (TINY,), {"steps": 2}),
    "beside": ("phi", (TINY,), {"steps": 2, "metric": "loss"}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with each script's numbers, and the results, all run by one interpreter."""
    folder, results, calls = tmp_path_factory.mktemp("edges"), {}, []
    for key, (name, rows, settings) in RUNS.items():
        model = named("toy") if name is None else tiny(name)
        params = EdgesParams(prompts=rows, **settings)
        results[key] = run(model, params, SilentReporter())
        script = folder / f"{key}.py"
        script.write_text(export_scripts.to_script(results[key], script.name), "utf-8")
        source = str(resource("toy")) if name is None else model.info.source
        calls.append((str(script), [source, str(folder / f"{key}.npz")]))
    assert "splits it differently" not in run_alone(folder, calls)
    return folder, results


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("key", RUNS)
def test_script_gives_the_numbers_of_the_largest_edges(made, key):
    folder, results = made
    own = results[key].data
    require_clean(folder / f"{key}.py")
    with np.load(folder / f"{key}.npz") as found:
        edges = found["edge"]
        assert len(edges) == min(MOST, int(own["computed"]) or MOST)
        for name in ("sender", "receiver", "input"):
            assert list(found[name]) == list(np.array(own[name])[edges])
        np.testing.assert_allclose(found["base"], own["base"], atol=1e-4)
        for name in ("effect", "estimate"):
            is_known = name in own and np.isfinite(own[name]).any()
            assert (f"largest_{name}" in found.files) is bool(is_known)
            if is_known:
                np.testing.assert_allclose(found[f"largest_{name}"], own[name][edges], atol=1e-4)


def test_a_circuit_that_was_only_scored_has_no_script():
    params = EdgesParams(prompts=ROWS[:1], method="none", circuit="embed>m0, m0>logits")
    result = run(named("toy"), params, SilentReporter())
    with pytest.raises(BadInputError, match="only scored has no effects for a script to repeat"):
        export_scripts.to_script(result)


@pytest.mark.parametrize("layers", [{"layers": 10**9}, {"heads": 1, "kv_heads": 1}])
def test_a_result_that_claims_another_model_has_no_script(layers):
    params = EdgesParams(prompts=ROWS[:1], method="eap")
    result = run(named("toy"), params, SilentReporter())
    told = {**result.data["layers"], **layers}
    foreign = dataclasses.replace(result, data={**result.data, "layers": told})
    with pytest.raises(BadInputError, match="not those of its model"):
        export_scripts.to_script(foreign)
