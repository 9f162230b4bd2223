"""Models that unembed another width than their stream's, as the OPT of 350 million does."""

from __future__ import annotations

import numpy as np
import pytest
from transformers import OPTConfig, OPTForCausalLM

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import tiny_tokenizer

ROW = PromptRow(text="ab cd", answer="g", wrong="h")


def projected(folder):
    config = OPTConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, ffn_dim=48,
        word_embed_proj_dim=16, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
        pad_token_id=0,
    )  # fmt: skip
    OPTForCausalLM(config).eval().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


def test_its_stream_is_measured_and_no_reading_of_it_is_tried(tmp_path):
    model = projected(tmp_path / "opt")

    def run(name):
        return hook(name, "run", "run")(
            model, ANALYSES[name].params(prompts=(ROW,)), SilentReporter()
        )

    found = run("residual").data
    assert found["norm"].shape[0] == 4
    np.testing.assert_allclose(found["share"].sum(-1), 1, atol=1e-4)
    for name in ("lens", "attribute"):
        with pytest.raises(BadInputError, match="32 numbers to 16"):
            run(name)
