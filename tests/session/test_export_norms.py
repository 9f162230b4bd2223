"""Scripts of results of a model without its norms, run where Lensbench cannot be imported."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.compose import run as compose
from desktop_app.analyses.detect import run as detect
from desktop_app.analyses.rank import run as rank
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import export_scripts, exports
from desktop_app.support.errors import BadInputError
from tests.engine.gguf_files import write_gguf
from tests.engine.zoo import save_tiny
from tests.session.alone import require_clean, run_alone

RANK = (rank.run, (PromptRow(text="ab cd f", answer="g", wrong="h"), PromptRow(text="x")), {})
WORDS = (rank.run, (PromptRow(text="the cat"),), {})
ABLATE = (ablate.run, (PromptRow(text="ab cd f", answer="g", wrong="h"),), {"mode": "zero"})
COMPOSE = (compose.run, (), {"fold": True, "ov": "1.0"})
DETECT = (detect.run, (), {"batch": 2, "seq_len": 5})
CASES = [
    *[("gpt2", kind, "raw", "rank", RANK) for kind in ("eps", "identity", "constant")],
    *[("llama", kind, "raw", "rank", RANK) for kind in ("eps", "identity", "constant")],
    *[("gpt2", kind, "processed", "rank", RANK) for kind in ("eps", "identity", "constant")],
    ("gpt2", "keep", "processed", "rank", RANK),
    ("gemma2", "eps", "raw", "rank", RANK),
    ("nemotron", "identity", "raw", "rank", RANK),
    ("olmo", "eps", "raw", "rank", RANK),
    ("opt", "constant", "raw", "rank", RANK),
    ("olmo2", "constant", "raw", "ablate", ABLATE),
    ("gpt2", "constant", "raw", "ablate", ABLATE),
    ("gpt2", "constant", "raw", "compose", COMPOSE),
    ("gpt2", "constant", "raw", "detect", DETECT),
    ("llama", "identity", "raw", "compose", COMPOSE),
    ("x.gguf", "eps", "raw", "rank", WORDS),
    ("x.gguf", "constant", "raw", "rank", WORDS),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return each result, with its model's folder."""
    folder, found = tmp_path_factory.mktemp("models"), []
    for architecture, layernorm, weights, name, (run, rows, settings) in CASES:
        place = folder / architecture
        if architecture.endswith(".gguf"):
            write_gguf(place)
        elif not place.exists():
            save_tiny(architecture, place)
        spec = ModelSpec(str(place), device="cpu", layernorm=layernorm, weights=weights)
        params = ANALYSES[name].params(prompts=rows, **settings)
        found.append(run(load(spec, SilentReporter()), params, SilentReporter()))
    return found


@pytest.fixture(scope="module")
def numbers(results, tmp_path_factory):
    """Return a folder with the .npz of each script, all run by one bare interpreter."""
    folder, calls = tmp_path_factory.mktemp("scripts"), []
    for number, result in enumerate(results):
        script = folder / f"{number}.py"
        script.write_text(export_scripts.to_script(result, script.name), "utf-8")
        calls.append((str(script), [result.model.source, str(folder / f"{number}.npz")]))
    run_alone(folder, calls)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(c[:4]) for c in CASES])
def test_the_script_of_a_variant_gives_its_numbers(results, numbers, tmp_path, number):
    exports.export(results[number], tmp_path / "own.npz")
    with np.load(tmp_path / "own.npz") as own, np.load(numbers / f"{number}.npz") as found:
        names = [n for n in own.files if own[n].dtype.kind in "fi" and n in found.files]
        assert names
        for name in names:
            np.testing.assert_allclose(
                found[name], own[name], rtol=1e-4, atol=1e-4, err_msg=name, equal_nan=True
            )
        told, whole = (json.loads(of["document"].item())["result"] for of in (found, own))
        for name in told.keys() & whole.keys() & {"top", "answers", "logit_diff"}:
            assert _numbers(told[name]) == pytest.approx(_numbers(whole[name]), abs=1e-3), name


def _numbers(value):
    if isinstance(value, dict):
        return _numbers(list(value.values()))
    if isinstance(value, list):
        return [n for item in value for n in _numbers(item)]
    return [value] if isinstance(value, (int, float)) else []


@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(c[:4]) for c in CASES])
def test_the_script_is_formatted_and_clean(results, tmp_path, number):
    script = tmp_path / "s.py"
    script.write_text(export_scripts.to_script(results[number]), "utf-8")
    require_clean(script)


def test_a_result_that_does_not_say_which_norms_has_no_script(results):
    known = {k: v for k, v in results[0].provenance.items() if k != "norms"}
    for provenance in (
        known,
        {**known, "norms": [{"name": "a b; import os", "centres": True, "offset": 0, "eps": 1}]},
        {**known, "norms": [{"name": "a"}]},
    ):
        with pytest.raises(BadInputError):
            export_scripts.to_script(replace(results[0], provenance=provenance))
