"""Steering's schedules are nnsight's: the prompt pass its plain invoke, every step its `iter[:]`.

nnsight lives in an environment of its own, since it would bring packages of its own into this one:

    python3.11 -m venv FOLDER
    FOLDER/bin/pip install nnsight==0.8.1 torch==2.13.0 transformers==5.23.0 accelerate
    LENSBENCH_TEST_NNSIGHT=FOLDER/bin/python python -m pytest -m nnsight

Without the variable these tests are skipped. Both sides add the very same vector.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop_app.analyses.steer.run import run
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support import vector_files
from tests.children import ask_child
from tests.engine.zoo import save_tiny
from tests.models import named, tiny

VARIABLE = "LENSBENCH_TEST_NNSIGHT"
CHILD = Path(__file__).with_name("nnsight_child.py")
PROMPT = "The weather today is"
STEPS = 6
NORM = 60.0
TINY = ("llama", "gpt2")
KNOWN = {
    "untouched": [216, 34, 32, 34, 34, 29],
    "invoke": [253, 216, 34, 32, 34, 34],
    "every": [253, 1194, 288, 8375, 30, 2],
}

pytestmark = [
    pytest.mark.nnsight,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get(VARIABLE),
        reason=f"{VARIABLE} names no Python of an environment with nnsight",
    ),
]


def random_vector(width, length):
    drawn = torch.randn(width, generator=torch.Generator().manual_seed(0))
    return (drawn / drawn.norm() * length).numpy()


def asked(jobs):
    """Return what nnsight says to each job, all in one process."""
    return ask_child(VARIABLE, CHILD, jobs)["answers"]


def ours(model, prompt, **settings):
    params = SteerParams(
        prompts=(PromptRow(text=prompt),), max_new_tokens=STEPS, control="no", **settings
    )
    return run(model, params, SilentReporter())


def compared(said, theirs):
    """Return the largest difference of log-probabilities; the tokens are the same."""
    assert said["ids"] == theirs["ids"]
    own = [[row[2] for row in step] for step in said["top"]]
    both = [(said["logprobs"], theirs["logprobs"])]
    both += list(zip(own, theirs["top"], strict=True))
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in both)


def cases(model, folder, file, layer):
    """Return our results by schedule, and the jobs that ask nnsight the same."""
    place = {"add": (str(file),), "layer": layer}
    found = {
        "untouched": ours(model, PROMPT),
        "invoke": ours(model, PROMPT, **place, when="prompt"),
        "every": ours(model, PROMPT, **place, when="every"),
    }
    ids = found["untouched"].prompts[0].tokens.ids
    found["first"] = ours(model, PROMPT, **place, when="0", position=str(len(ids) - 1))
    values = vector_files.read_values(vector_files.read_head(str(file)))
    base = {"folder": str(folder), "ids": ids, "layer": layer, "op": "add", "steps": STEPS}
    base |= {"vector": values.tolist(), "position": -1}
    jobs = [{**base, "schedule": name} for name in found]
    return {
        n: r.data["plain" if n == "untouched" else "steered"][0] for n, r in found.items()
    }, jobs


def saved(folder, model, layer, length):
    values = random_vector(model.info.d_model, length)
    place = layer, "resid_post"
    vector_files.write(folder / "random.safetensors", values, model.info, place, "random")
    return folder / "random.safetensors"


@pytest.mark.pack
def test_schedules_on_the_pack(smollm2_folder, tmp_path):
    model = named("smollm2")
    said, jobs = cases(model, smollm2_folder, saved(tmp_path, model, 10, NORM), 10)
    answers = dict(zip(said, asked(jobs), strict=True))
    for name, ids in KNOWN.items():
        assert said[name]["ids"] == answers[name]["ids"] == ids
    assert answers["first"] == answers["invoke"]
    differences = {name: compared(said[name], answers[name]) for name in said}
    assert max(differences.values()) < 1e-3
    assert said["every"]["ids"] != said["invoke"]["ids"]


@pytest.mark.pack
def test_zeroed_positions_on_the_pack(smollm2_folder):
    model = named("smollm2")
    found = [ours(model, PROMPT, zero=True, layer=29, position=str(p)) for p in range(4)]
    base = {"folder": str(smollm2_folder), "layer": 29, "op": "zero", "schedule": "invoke"}
    base |= {"ids": found[0].prompts[0].tokens.ids, "steps": STEPS}
    answers = asked([{**base, "position": p} for p in range(4)])
    for result, theirs in zip(found, answers, strict=True):
        assert compared(result.data["steered"][0], theirs) < 1e-3
    assert [one["ids"][:5] for one in answers] == 3 * [[216, 34, 32, 34, 34]] + [
        [0, 198, 198, 504, 216]
    ]


@pytest.mark.parametrize("architecture", TINY)
def test_schedules_of_tiny_models(architecture, tmp_path):
    model = tiny(architecture)
    folder = save_tiny(architecture, tmp_path / architecture)
    said, jobs = cases(model, folder, saved(tmp_path, model, 1, 4.0), 1)
    answers = dict(zip(said, asked(jobs), strict=True))
    differences = {name: compared(said[name], answers[name]) for name in said}
    assert max(differences.values()) < 1e-5
    assert said["every"]["ids"] != said["invoke"]["ids"] != said["untouched"]["ids"]
