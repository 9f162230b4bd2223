"""Quantised folders: read to the numbers that they stand for, or refused by their method's name."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import catalogue
from desktop_app.engine.checkpoints import quantised
from desktop_app.support.errors import ModelLoadError
from tests.engine.folders import add_weights, change_weights, folder_of, load, set_config
from tests.engine.zoo import tiny_tokenizer

IDS = torch.tensor([[1, 20, 30, 40]])
FP8 = {"quant_method": "fp8", "weight_block_size": [16, 16], "activation_scheme": "dynamic"}


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


def integers_in_a_pickle(tmp):
    folder = folder_of(tmp)
    weights = to_int8(load_file(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    return folder


def integers_alone(tmp):
    """No scale beside them: the model would take the integers for the weights."""
    return change_weights(
        folder_of(tmp), lambda w: {k: v.to(torch.int8) if "mlp" in k else v for k, v in w.items()}
    )


def wider_integers(dtype):
    def make(tmp):
        def change(weights):
            return {k: v.to(dtype) if "up_proj" in k else v for k, v in weights.items()}

        return change_weights(folder_of(tmp), change)

    return make


def wider_integers_in_a_pickle(tmp):
    folder = wider_integers(torch.int16)(tmp)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def eight_bits(block=16, lost=" ", **settings):
    """Eight-bit floats with their settings, `lost` being what no name of a tensor ends with."""

    def make(tmp):
        def change(weights):
            made, _exact = to_fp8(weights, block)
            return {k: v for k, v in made.items() if not k.endswith(lost)}

        folder = change_weights(folder_of(tmp), change)
        return set_config(folder, quantization_config=FP8 | settings)

    return make


def eight_bits_in_odd_blocks(tmp):
    """48 rows in blocks of 20, which transformers would read as blocks of 16."""
    return eight_bits(weight_block_size=[20, 16])(tmp)


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
        (integers_in_a_pickle, "quantised weights \\(I8.*no quantization_config"),
        (integers_alone, "quantised weights \\(I8.*no quantization_config"),
        (wider_integers(torch.int16), "quantised weights \\(I16, .*up_proj.weight"),
        (wider_integers(torch.int64), "quantised weights \\(I64, .*up_proj.weight"),
        (wider_integers(torch.bool), "quantised weights \\(BOOL, .*up_proj.weight"),
        (wider_integers_in_a_pickle, "quantised weights \\(I16, .*up_proj.weight"),
        (eight_bits(lost="weight_scale_inv"), "no scale by which .*proj.weight” could be read"),
        (eight_bits(lost="1.mlp.up_proj.weight_scale_inv"), "no scale by which .*1.mlp.up_proj"),
        (eight_bits_in_odd_blocks, "ends within a block"),
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


@pytest.mark.parametrize("offload", ["none", "disk", "auto"])
def test_eight_bit_floats_with_their_settings_are_multiplied_out(tmp_path, offload):
    """The logits are those of a plain model whose weights are the products."""
    exact_folder = folder_of(tmp_path / "exact")
    folder = folder_of(tmp_path / "fp8")
    made, exact = to_fp8(load_file(folder / "model.safetensors"))
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(exact, exact_folder / "model.safetensors", metadata={"format": "pt"})
    set_config(folder, quantization_config=FP8)
    model = load(folder, offload=offload)
    plain = AutoModelForCausalLM.from_pretrained(exact_folder, attn_implementation="eager")
    with torch.no_grad():
        expected = plain(IDS).logits
    torch.testing.assert_close(model.run(IDS), expected, atol=1e-5, rtol=0)
    assert model.parity.ok
    assert model.info.dtype == "float32"


@pytest.mark.parametrize("offload", ["none", "disk"])
@pytest.mark.parametrize(
    ("stored", "dtype", "tolerance"),
    [(torch.bfloat16, "float32", 1e-5), (torch.float32, "bfloat16", 0.1)],
)
def test_what_lies_beside_them_is_brought_to_the_numbers_asked_for(
    tmp_path, stored, dtype, tolerance, offload
):
    """As published: norms and embeddings in half precision, whatever is asked for."""
    exact_folder, folder = folder_of(tmp_path / "exact"), folder_of(tmp_path / "fp8")
    weights = load_file(folder / "model.safetensors")
    made, exact = to_fp8({k: v.to(stored).float() for k, v in weights.items()})
    made = {k: v.to(stored) if k in weights and k not in projections(weights) else v
            for k, v in made.items()}  # fmt: skip
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(exact, exact_folder / "model.safetensors", metadata={"format": "pt"})
    set_config(folder, quantization_config=FP8)
    model = load(folder, dtype=dtype, offload=offload)
    plain = AutoModelForCausalLM.from_pretrained(exact_folder, attn_implementation="eager")
    with torch.no_grad():
        expected = plain(IDS).logits
    torch.testing.assert_close(model.run(IDS).float(), expected, atol=tolerance, rtol=0)
    assert model.parity.ok


@pytest.mark.parametrize("name", sorted(quantised.EXACT))
def test_no_machine_computes_with_rounded_activations(name):
    """Where there is a GPU, transformers would else keep them quantised and round what goes in."""
    options = quantised.loader_options({"quantization_config": {"quant_method": name}})
    assert options["quantization_config"].dequantize is True


GPT_OSS = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "max_position_embeddings": 64,
    "sliding_window": 8,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
# The sixteen values that four bits stand for.
FOUR_BITS = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
FOUR_BITS = torch.cat([FOUR_BITS, -FOUR_BITS])


def to_mxfp4(weight):
    """Return experts `[E, in, out]` in blocks of 32 four-bit numbers, and what those stand for."""
    tiles = weight.transpose(1, 2).unflatten(2, (-1, 32))
    exponent = tiles.abs().amax(-1).clamp(min=1e-9).log2().floor() - 2
    chosen = (tiles / 2 ** exponent[..., None])[..., None].sub(FOUR_BITS).abs().argmin(-1)
    blocks = (chosen[..., 0::2] | (chosen[..., 1::2] << 4)).to(torch.uint8)
    exact = (FOUR_BITS[chosen] * 2 ** exponent[..., None]).flatten(2).transpose(1, 2)
    return blocks, (exponent + 127).to(torch.uint8), exact.contiguous()


def test_four_bit_experts_with_their_settings_are_multiplied_out(tmp_path):
    """As gpt-oss is published: experts in MXFP4, everything else in halves."""
    torch.manual_seed(0)
    config = AutoConfig.for_model("gpt_oss", **GPT_OSS)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    stored = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
                stored[name] = parameter.detach().clone()
                continue
            stored[f"{name}_blocks"], stored[f"{name}_scales"], exact = to_mxfp4(parameter)
            parameter.copy_(exact)
        expected = model(IDS).logits
    tiny_tokenizer().save_pretrained(tmp_path)
    config.architectures = ["GptOssForCausalLM"]
    config.save_pretrained(tmp_path)
    save_file(stored, tmp_path / "model.safetensors", metadata={"format": "pt"})
    set_config(tmp_path, quantization_config={"quant_method": "mxfp4"})
    loaded = load(tmp_path)
    torch.testing.assert_close(loaded.run(IDS), expected, atol=1e-5, rtol=0)
    assert loaded.parity.ok
    told = catalogue.locate(ModelSpec(str(tmp_path))).parameters
    assert told == pytest.approx(loaded.info.parameters, rel=0.1)  # the scales are a few more
