"""Progress goes with the work: it never goes back, and no part of it stands still or jumps."""

from __future__ import annotations

import numpy as np
import pytest
from typing_extensions import override

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from tests.engine.zoo import save_tiny
from tests.models import tiny

ROWS = tuple(
    PromptRow(text=text, corrupt=text[::-1], answer="g", wrong="h")
    for text in ("ab cd f", "ab cd e", "a long one of many tokens")
)


class Progress(Reporter):
    """Somebody watches, so that estimates go first; keeps the fractions, and what they speak of."""

    previews = True

    def __init__(self):
        self.said = []

    @override
    def step(self, fraction, note=""):
        self.said.append((fraction, note))

    def fractions(self, word=""):
        return [fraction for fraction, note in self.said if word in note]


def swept(model, rows=ROWS):
    progress = Progress()
    ablate.run(model, AblateParams(prompts=rows), progress)
    return progress


def test_reference_estimate_and_exact_values_follow_each_other():
    progress = swept(tiny("llama"))
    fractions = progress.fractions()
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    assert progress.fractions("Reference")[-1] < progress.fractions("Gradients")[0]
    assert progress.fractions("Gradients")[-1] < progress.fractions("layer 1 of")[0]
    assert progress.fractions("Gradients")[1] > progress.fractions("Gradients")[0]


def test_prompts_count_by_their_tokens():
    progress = swept(tiny("llama"))
    begins = progress.fractions("layer 1 of")
    first, second = begins[0], begins[1]
    tokens = [len("ab cd f") + 1, len("ab cd e") + 1, len("a long one of many tokens") + 1]
    assert (second - first) / (1 - first) == pytest.approx(
        (tokens[0] + tokens[1]) / sum(tokens), abs=0.02
    )


def test_the_noise_floor_has_its_own_share(tmp_path):
    folder = str(save_tiny("llama", tmp_path / "llama"))
    model = load(ModelSpec(folder, device="cpu", dtype="bfloat16"), SilentReporter())
    progress = Progress()
    patch.run(model, PatchParams(prompts=ROWS[:1]), progress)
    fractions = progress.fractions()
    assert fractions == sorted(fractions)
    assert max(fractions[:-1]) < 1.0
    assert np.diff(fractions).max() < 0.4
    assert len([f for f in fractions if 0.9 < f < 0.999]) > 1
