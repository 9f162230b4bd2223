"""Converting a GGUF: a tiny Llama written here, and the real pack where it is installed."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from desktop_app.engine.packs import pack, pack_steps
from desktop_app.engine.packs.pack_convert import convert_gguf
from tests.engine.gguf_files import write_gguf


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory):
    """A random float32 Llama with a tied unembedding and a byte-level tokenizer."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.mark.model
def test_converted_model_equals_its_gguf(tiny_gguf, tmp_path):
    target = tmp_path / "made"
    convert_gguf(tiny_gguf, target)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in target.iterdir()
    }
    ids = torch.tensor([[1, 4, 11, 12, 9]])
    source = AutoModelForCausalLM.from_pretrained(tiny_gguf.parent, gguf_file=tiny_gguf.name)
    copy = AutoModelForCausalLM.from_pretrained(target)
    with torch.no_grad():
        assert torch.equal(source(ids).logits, copy(ids).logits)
    assert copy.dtype == torch.float32
    assert AutoTokenizer.from_pretrained(target)("1 2")["input_ids"][-2:] == [4, 12]


@pytest.mark.model
@pytest.mark.slow
def test_conversion_in_its_own_process_and_its_failure_in_words(tiny_gguf, tmp_path):
    seen = []
    steps = pack_steps.Steps("Tiny", tmp_path, 0, lambda *row: seen.append(row), pack_steps.never)
    pack_steps.convert(steps, tiny_gguf, tmp_path / "made")
    assert (tmp_path / "made" / "model.safetensors").is_file()
    assert 0.6 <= seen[0][0] < seen[-1][0] < 1
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_gguf.read_bytes()[:200])
    with pytest.raises(pack.PackError, match="Tiny cannot be converted: "):
        pack_steps.convert(steps, broken, tmp_path / "none")


@pytest.mark.pack
@pytest.mark.model
def test_real_pack_predicts_the_worked_example(smollm2_folder):
    model = AutoModelForCausalLM.from_pretrained(smollm2_folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder, local_files_only=True)
    with torch.no_grad():
        logits = {
            text: model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0, -1]
            for text in ("1 2 3 4", "1 2 3 4 ")
        }
    space, five = (rows.softmax(-1).max(-1) for rows in logits.values())
    assert (space.indices.item(), five.indices.item()) == (216, 37)
    assert space.values.item() == pytest.approx(0.448, abs=5e-4)
    assert five.values.item() == pytest.approx(0.919, abs=5e-4)
    last = logits["1 2 3 4 "]
    assert (last[37] - last[36]).item() == pytest.approx(5.889, abs=5e-4)


@pytest.mark.benchmark
@pytest.mark.pack
@pytest.mark.model
def test_real_pack_loads_fast(smollm2_folder):
    start = time.perf_counter()
    AutoModelForCausalLM.from_pretrained(smollm2_folder, local_files_only=True)
    # The GGUF takes 12 to 18 s; a slow machine may need more than the usual 0.2 s.
    assert time.perf_counter() - start < 3


@pytest.mark.pack
def test_real_pack_is_whole_and_tokenizes_as_documented(smollm2_folder):
    pack.verify_pack("smollm2")
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder, local_files_only=True)
    assert tokenizer("1 2 3 4")["input_ids"] == [33, 216, 34, 216, 35, 216, 36]
    assert tokenizer(" 5")["input_ids"] == [216, 37]
    text = "Ünïcode 世界 🙂\n\ttab  two"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_converter_is_a_command():
    command = [
        sys.executable,
        "-m",
        "desktop_app.engine.packs.pack_convert",
        "missing.gguf",
        "nowhere",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "missing.gguf" in done.stderr
