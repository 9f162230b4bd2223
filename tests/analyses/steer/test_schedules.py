"""When an intervention acts: on the prompt pass alone, or at every step; held to plain hooks.

`test_nnsight.py` holds the same to nnsight, where it is installed.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch

from desktop_app.analyses.steer.run import run
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support import vector_files
from tests.analyses.steer.plain import Hook, Plain
from tests.models import named, tiny

pytestmark = pytest.mark.model

PROMPT = "The weather today is"
STEPS = 6
KNOWN = {"prompt": [253, 216, 34, 32, 34, 34], "every": [253, 1194, 288, 8375, 30, 2]}


@cache
def plain(source):
    return Plain(source)


def drawn(width, length):
    vector = torch.randn(width, generator=torch.Generator().manual_seed(0))
    return vector / vector.norm() * length


def compared(model, folder, vector, layer, when):
    """Return our tokens; they and their log-probabilities are those of hooks under `generate`."""
    file = folder / "random.safetensors"
    vector_files.write(file, vector.numpy(), model.info, (layer, "resid_post"), "random")
    params = SteerParams(
        prompts=(PromptRow(text=PROMPT),),
        add=(str(file),),
        when=when,
        max_new_tokens=STEPS,
        control="no",
        ignore_eos=True,
    )
    result = run(model, params, SilentReporter())
    said = result.data["steered"][0]

    def change(x, step, _start):
        if when == "every" or step == 0:
            x[:, -1] += vector

    hook = Hook(layer, "resid_post", change)
    ids = list(result.prompts[0].tokens.ids)
    ids, logits = plain(model.info.source).generate(ids, [hook], STEPS)
    assert said["ids"] == ids
    expected = logits.log_softmax(-1).gather(-1, torch.tensor(ids)[:, None])[:, 0]
    difference = (torch.tensor(said["logprobs"]) - expected).abs().max()
    assert result.data["recompute"][0]["same_tokens"]
    return ids, float(difference)


@pytest.mark.pack
def test_the_two_schedules_on_the_pack(smollm2_folder, tmp_path):
    model = named("smollm2")
    for when, known in KNOWN.items():
        ids, difference = compared(model, tmp_path, drawn(model.info.d_model, 60.0), 10, when)
        assert ids == known
        assert difference < 1e-3


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox", "mistral"])
def test_the_two_schedules_of_tiny_models(architecture, tmp_path):
    model = tiny(architecture)
    found = {}
    for when in KNOWN:
        found[when], difference = compared(model, tmp_path, drawn(32, 4.0), 1, when)
        assert difference < 1e-5
    assert found["prompt"] != found["every"]
