"""All edges stay far ahead of the plain loop, near the machine's rate, and within their memory."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from tests.benchmarks.edges import measure, told
from tests.engine.zoo import tiny_tokenizer
from tests.models import named

SIXTEEN = PromptRow(text="ab cd ef gh ij k", corrupt="zy cd ef gh ij k", answer="g", wrong="h")
# Of 1.6 million, what takes about half a minute.
DRAWN = 131_072


@pytest.mark.benchmark
@pytest.mark.pack
def test_all_edges_of_the_pack(smollm2_folder, capsys):
    found = measure(named("smollm2"))
    with capsys.disabled():
        print(f"\n{told(found)}")
    held, budget = found.memory
    assert held <= 1.1 * budget
    assert found.agreement["eap"] == pytest.approx((0.979, 0.66), abs=0.02)
    assert found.agreement["eap-ig"] == pytest.approx((0.795, 0.63), abs=0.02)
    # The budgets are 35 and 60 %; half of them does not fail on a busy machine.
    assert found.ratio > 17
    assert found.share > 0.3


@pytest.mark.benchmark
@pytest.mark.gpu
def test_edges_of_a_random_model_of_seven_billion(tmp_path, capsys):
    if not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device that torch can use")
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=4096,
        intermediate_size=11_008,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=32,
        max_position_embeddings=64,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        LlamaForCausalLM(config).save_pretrained(tmp_path / "seven")
    finally:
        torch.set_default_dtype(torch.float32)
    tiny_tokenizer().save_pretrained(tmp_path / "seven")
    model = load(
        ModelSpec(str(tmp_path / "seven"), device="cuda", dtype="bfloat16"), SilentReporter()
    )
    found = measure(model, SIXTEEN, some=DRAWN, looped=0)
    with capsys.disabled():
        print(f"\n{told(found)}")
    held, budget = found.memory
    assert held <= 1.1 * budget
    assert found.share > 0.3
