"""What the compute thread answers where memory runs out beside the passes of a sweep."""

from __future__ import annotations

import pytest
import torch

from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import LoadModel, MakePrompts, ModelSpec, RunAnalysis
from desktop_app.engine.model import LoadedModel
from desktop_app.jobs.service import Service
from desktop_app.support.errors import MemoryExhaustedError
from desktop_app.text.made.forms import NumbersForm

ROW = PromptRow(text="1 2 3 4", answer=" 5", wrong=" 4")


@pytest.mark.model
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_memory_that_ends_outside_a_sweep_is_said_in_a_sentence(error, monkeypatch):
    service = Service()
    service.perform(LoadModel(ModelSpec("toy", device="cpu")), SilentReporter())

    def full(*_given):
        raise error

    monkeypatch.setattr(LoadedModel, "seen", full)
    with pytest.raises(MemoryExhaustedError, match="toy ran out of memory: shorten") as caught:
        service.perform(RunAnalysis("ablate", AblateParams(prompts=(ROW,))), SilentReporter())
    assert caught.value.exit_code == 4


@pytest.mark.model
def test_prompts_are_made_with_the_loaded_model_s_own_tokenizer():
    service, asked = Service(), MakePrompts("numbers", NumbersForm(count=1), "no")
    assert not service.perform(asked, SilentReporter()).measured
    service.perform(LoadModel(ModelSpec("toy", device="cpu")), SilentReporter())
    made = service.perform(asked, SilentReporter())
    assert made.measured
    assert made.lengths == (4,)  # without a BOS; every number takes its space along
    with_bos = MakePrompts("numbers", NumbersForm(count=1), "yes")
    assert service.perform(with_bos, SilentReporter()).lengths == (5,)
