"""Quantised folders: read to the numbers that they stand for, or refused by their method's name."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from desktop_app.support.errors import ModelLoadError
from tests.engine.folders import add_weights, change_weights, folder_of, load, set_config

IDS = torch.tensor([[1, 20, 30, 40]])


def projections(weights):
    return [name for name in weights if name.endswith("_proj.weight")]


def to_int8(weights):
    """Round every projection to integers with a scale per row."""
    made = dict(weights)
    for name in projections(weights):
        scale = weights[name].abs().amax(1, keepdim=True) / 127
        made[name] = (weights[name] / scale).round().to(torch.int8)
        made[f"{name}_scale"] = scale
    return made


def to_fp8(weights, block=16, scales="weight_scale_inv"):
    """Round every projection to eight-bit floats with a scale per block."""
    made, exact = dict(weights), dict(weights)
    for name in projections(weights):
        rows, columns = weights[name].shape
        tiles = weights[name].reshape(rows // block, block, columns // block, block)
        scale = tiles.abs().amax((1, 3), keepdim=True) / 448
        eight = (tiles / scale).to(torch.float8_e4m3fn)
        made[name] = eight.reshape(rows, columns)
        made[name.replace("weight", scales)] = scale[:, 0, :, 0]
        exact[name] = (eight.float() * scale).reshape(rows, columns)
    return made, exact


def integers_without_settings(tmp):
    return change_weights(folder_of(tmp), to_int8)


def eight_bits_without_settings(tmp):
    return change_weights(folder_of(tmp), lambda w: to_fp8(w)[0])


def integers_alone(tmp):
    """No scale beside them: the model would take the integers for the weights."""
    return change_weights(
        folder_of(tmp), lambda w: {k: v.to(torch.int8) if "mlp" in k else v for k, v in w.items()}
    )


def method(name, **more):
    def make(tmp):
        settings = {"quant_method": name, **more} if name else more
        return set_config(folder_of(tmp), quantization_config=settings)

    return make


def left_in_a_file(file):
    def make(tmp):
        folder = add_weights(
            folder_of(tmp),
            model__layers__0__mlp__up_proj__qweight=torch.ones(4, 4, dtype=torch.int32),
        )
        (folder / file).write_text("{}")
        return folder

    return make


def older_settings(tmp):
    return set_config(folder_of(tmp), compression_config={"format": "pack-quantized"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (integers_without_settings, "quantised weights \\(I8.*no quantization_config"),
        (eight_bits_without_settings, "quantised weights \\(F8_E4M3.*no quantization_config"),
        (integers_alone, "quantised weights \\(I8.*no quantization_config"),
        (method("awq", bits=4), "quantised \\(AWQ\\)"),
        (method("gptq", bits=4), "quantised \\(GPTQ\\)"),
        (method("bitsandbytes", load_in_4bit=True), "quantised \\(bitsandbytes\\)"),
        (method("", load_in_8bit=True), "quantised \\(bitsandbytes\\)"),
        (method("compressed-tensors"), "quantised \\(compressed-tensors\\)"),
        (method("fbgemm_fp8"), "quantised \\(FBGEMM FP8\\)"),
        (method("some_new_method"), "quantised \\(some_new_method\\)"),
        (older_settings, "quantised \\(compressed-tensors\\)"),
        (left_in_a_file("quantize_config.json"), "quantised \\(GPTQ\\)"),
        (left_in_a_file("quant_config.json"), "quantised \\(AWQ\\)"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_by_name(tmp_path, make, words):
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_eight_bit_floats_with_their_settings_are_multiplied_out(tmp_path):
    """The logits are those of a plain model whose weights are the products."""
    exact_folder = folder_of(tmp_path / "exact")
    folder = folder_of(tmp_path / "fp8")
    made, exact = to_fp8(load_file(folder / "model.safetensors"))
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(exact, exact_folder / "model.safetensors", metadata={"format": "pt"})
    settings = {
        "quant_method": "fp8",
        "weight_block_size": [16, 16],
        "activation_scheme": "dynamic",
    }
    set_config(folder, quantization_config=settings)
    model = load(folder)
    plain = AutoModelForCausalLM.from_pretrained(exact_folder, attn_implementation="eager")
    with torch.no_grad():
        expected = plain(IDS).logits
    torch.testing.assert_close(model.run(IDS), expected, atol=1e-5, rtol=0)
    assert model.parity.ok
    assert model.info.dtype == "float32"
