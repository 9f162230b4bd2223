"""A model without its norms, or with processed weights, is a model like any other for every one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, file_of, part_of
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import exports
from desktop_app.session.export_scripts import to_script
from desktop_app.support.paths import resource
from tests.analyses.features.folders import drawn, save_sae
from tests.engine.zoo import save_tiny
from tests.session.alone import run_alone

ROWS = (PromptRow(text="ab cd f", corrupt="ab zd f", answer="g", wrong="h"),)
TEXT = "a text of some words, and of more words than that\n" * 4
SAES = TemporaryDirectory(prefix="saes-")
# What an analysis cannot do without; all else is as usual.
NEEDED = {
    "probe": {
        "prompts": tuple(
            PromptRow(text=f"ab {c}d f", label="ab"[n % 2]) for n, c in enumerate("cegikmoq")
        ),
        "shuffles": 2,
    },
    "edges": {"steps": 1, "best": 20, "method": "exact"},
    "circuit": {"keep": "0.1,1.0,m1", "mlps": True, "replace": "zero", "minus": True},
    "hand_patch": {"moves": ("clean:resid_post:1.3>1.3",)},
    "repeat": {"batch": 2, "seq_len": 6},
    "detect": {"batch": 2, "seq_len": 6},
    "features": {
        "sae": save_sae(Path(SAES.name), drawn(32, 24), "blocks.1.hook_resid_pre"),
        "feature": 3,
    },
    "candidates": {"replace": "cd", "with": ("ef", "c"), "head": "1.0"},
    "corpus": {"text": str(resource("help", "start.md")), "window": 24, "tokens": 150},
    "train_sae": {
        "text": str(resource("help", "start.md")),
        "tokens": 200,
        "window": 12,
        "features": 24,
        "steps": 4,
        "batch": 16,
    },
    "steer": {"scale": 1.5, "layer": 1, "position": "all", "max_new_tokens": 3, "say": "ef"},
}
FORMS = [
    ("gpt2", "constant", "raw"),
    ("gpt2", "eps", "raw"),
    ("llama", "identity", "raw"),
    ("gpt2", "keep", "processed"),
]
NAMES = [f"{a}-{k}-{w}" for a, k, w in FORMS]
# It writes files, and is held where it stands.
ELSEWHERE = frozenset({"fit_lens"})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("variants"), {}
    for name, (architecture, layernorm, weights) in zip(NAMES, FORMS, strict=True):
        place = folder / architecture
        if not place.exists():
            save_tiny(architecture, place)
        spec = ModelSpec(str(place), device="cpu", layernorm=layernorm, weights=weights)
        found[name] = load(spec, SilentReporter())
    return found


def made(model, name):
    """Return a result with usual settings, of prompts or of none as the analysis has it."""
    kind = ANALYSES[name].params
    params = kind.model_validate({"prompts": ROWS, **NEEDED.get(name, {})})
    if not params.reads_prompts():
        params = kind(**NEEDED.get(name, {}))
    return part_of(name, "run").run(model, params, SilentReporter())


@pytest.fixture(scope="module")
def results(models):
    return {
        (form, name): made(model, name)
        for form, model in models.items()
        for name in ANALYSES
        if name not in ELSEWHERE
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", NAMES)
def test_every_analysis_runs_and_says_on_what(results, form):
    _architecture, layernorm, weights = FORMS[NAMES.index(form)]
    for name in sorted(set(ANALYSES) - ELSEWHERE):
        result = results[form, name]
        assert (result.model.layernorm, result.model.weights) == (layernorm, weights)
        assert result.provenance["layernorm"] == layernorm
        codes = {notice.code for notice in result.warnings}
        assert ("layernorm_removed" in codes) is (layernorm != "keep"), name
        assert "not_finite" not in codes, name


@pytest.fixture(scope="module")
def numbers(results, tmp_path_factory):
    """Return a folder with the .npz of each script, all run by one bare interpreter."""
    folder, calls = tmp_path_factory.mktemp("scripts"), []
    for (form, name), result in results.items():
        if file_of(name, "script.py.jinja") is None:
            continue
        script = folder / f"{form}-{name}.py"
        script.write_text(to_script(result, script.name), "utf-8")
        calls.append((str(script), [result.model.source, str(script.with_suffix(".npz"))]))
    run_alone(folder, calls)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", NAMES)
def test_every_script_gives_the_numbers_of_its_result(results, numbers, tmp_path, form):
    for name in sorted(set(ANALYSES) - ELSEWHERE):
        if file_of(name, "script.py.jinja") is None:
            continue
        exports.export(results[form, name], tmp_path / f"{name}.npz")
        with (
            np.load(tmp_path / f"{name}.npz") as own,
            np.load(numbers / f"{form}-{name}.npz") as found,
        ):
            names = [n for n in own.files if own[n].dtype.kind in "fi" and n in found.files]
            assert names, name
            for field in names:
                np.testing.assert_allclose(
                    found[field], own[field], rtol=1e-4, atol=1e-4, err_msg=f"{name} {field}"
                )
