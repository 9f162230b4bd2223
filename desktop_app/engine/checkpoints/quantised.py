"""Quantised checkpoints: read back to the numbers that they stand for, or refused by name.

Two kinds are exact, since transformers multiplies them out while it reads them: FP8 with scales by
block, and MXFP4. The others need libraries of their own, or compute with rounded activations.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from desktop_app.engine.checkpoints.weight_files import describe_names
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from desktop_app.engine.checkpoints.stored import Stored

EXACT = {"fp8": "FineGrainedFP8Config", "mxfp4": "Mxfp4Config"}
_TITLES = {
    "awq": "AWQ",
    "gptq": "GPTQ",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "fbgemm_fp8": "FBGEMM FP8",
    "fp8": "FP8",
    "mxfp4": "MXFP4",
    "nvfp4": "NVFP4",
    "modelopt": "ModelOpt",
    "torchao": "TorchAO",
    "quanto": "Quanto",
    "hqq": "HQQ",
    "eetq": "EETQ",
    "aqlm": "AQLM",
    "auto-round": "AutoRound",
    "bitnet": "BitNet",
}
# Settings that quantisers leave in a file of their own.
_FILES = {
    "quantize_config.json": "gptq",
    "quant_config.json": "awq",
    "hf_quant_config.json": "modelopt",
}
# Numbers of a byte or less, and under the name of a weight no other integers and no complex ones;
# 32-bit integers hold packed weights under names of their own.
_PARTS = re.compile(
    r"\.(qweight|qzeros|g_idx|weight_packed|SCB|weight_scale(_inv)?|scales|absmax)$"
)
_PACKED = re.compile(r"^(I8|U8|F8_|F6_|F4)")
_NO_WEIGHT = re.compile(r"^(I|U|BOOL|C)\d*$")
_SCALE = re.compile(r"(_scale_inv|_scales|\.scale|\.qscale_weight|(activation|input)_scale)$")
_TABLES = re.compile(
    r"(^|\.)(attn|attention|self_attn)\.(masked_)?bias$|(^|\.)(causal|attention)_mask$|position_ids$"
    r"|token_type_ids$|num_batches_tracked$|_extra_state$|relative_position_index$"
)


def quantisation(config: Mapping[str, Any]) -> str | None:
    """Return the method that config.json says the weights are quantised by, or None."""
    for settings in (config, config.get("text_config")):
        if not isinstance(settings, dict):
            continue
        for key in ("quantization_config", "compression_config"):
            found = settings.get(key)
            if found is not None:
                return _method(found if isinstance(found, dict) else {}, key)
    return None


def refuse_inexact(
    name: str, config: Mapping[str, Any], tensors: Mapping[str, Stored], folder: Path
) -> None:
    """Refuse weights that could not be read to the numbers that they stand for.

    Raises:
        ModelLoadError: The sentence names the method.
    """
    method = quantisation(config)
    packed = [n for n, stored in tensors.items() if _is_packed(n, stored)]
    if method in EXACT:
        _refuse_unscaled(name, config, tensors, packed)
        return
    if method is None:
        packed.sort(key=lambda n: not _PACKED.match(tensors[n].dtype))  # weights before scales
        if not packed:
            return
        method = next((m for f, m in _FILES.items() if (folder / f).is_file()), None)
        if method is None:
            raise ModelLoadError(
                f"“{name}” cannot be loaded: its files hold quantised weights "
                f"({tensors[packed[0]].dtype}, {describe_names(packed)}) and config.json has no "
                "quantization_config that says how to read them; fetch the model again, or the "
                "one that it was made from."
            )
    title = _TITLES.get(method, method[:40])
    raise ModelLoadError(
        f"“{name}” cannot be loaded: its weights are quantised ({title}), which cannot be read "
        "exactly; choose the model that it was made from, or a .gguf of it."
    )


def _is_packed(name: str, stored: Stored) -> bool:
    if _PARTS.search(name) or (name.endswith(".weight") and _NO_WEIGHT.match(stored.dtype)):
        return True
    return bool(_PACKED.match(stored.dtype)) and not _TABLES.search(name)


def _refuse_unscaled(
    name: str, config: Mapping[str, Any], tensors: Mapping[str, Stored], packed: Sequence[str]
) -> None:
    """Refuse quantised weights without a scale, or in blocks that end beyond their edge.

    Those transformers would take as they are, and these as if the blocks were smaller.
    """
    said = config.get("quantization_config")
    block = said.get("weight_block_size") if isinstance(said, dict) else None
    for weight in packed:
        if _SCALE.search(weight) or _PARTS.search(weight):
            continue
        scale = _scale_of(weight, tensors)
        if scale is None:
            why = (
                f"its files hold no scale by which the quantised “{weight[:80]}” could be read; "
                "fetch the model again"
            )
        elif not _divides(scale.shape, tensors[weight].shape, block):
            why = (
                f"the quantised “{weight[:80]}” ends within a block, so that it cannot be read "
                "exactly; choose the model that it was made from, or a .gguf of it"
            )
        else:
            continue
        raise ModelLoadError(f"“{name}” cannot be loaded: {why}.")


def _scale_of(weight: str, tensors: Mapping[str, Stored]) -> Stored | None:
    stem = weight.removesuffix(".weight")
    names = (
        f"{weight}_scale_inv", f"{stem}.scale", f"{stem}.qscale_weight",
        f"{weight.removesuffix('_blocks')}_scales",
    )  # fmt: skip
    return next((tensors[n] for n in names if n in tensors), None)


def _divides(scales: Sequence[int], sizes: Sequence[int], block: Any) -> bool:
    """Return whether scales lie a block apart along both axes; one alone is for the whole."""
    if len(scales) != len(sizes) or not (isinstance(block, list) and len(block) == 2):
        return True  # a scale for the whole, or four-bit numbers in blocks of their own
    return all(
        count == 1 or (count > 0 and size % count == 0 and not _ends_within(size, count, edge))
        for count, size, edge in zip(scales[-2:], sizes[-2:], block, strict=True)
    )


def _ends_within(size: int, count: int, edge: Any) -> bool:
    return isinstance(edge, int) and edge > 0 and size % edge > 0 and count == -(-size // edge)


def loader_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes transformers multiply quantised weights out while it reads them."""
    method = quantisation(config)
    if method not in EXACT:
        return {}
    import transformers

    return {"quantization_config": getattr(transformers, EXACT[method])(dequantize=True)}


def bring_to(dtype: torch.dtype, model: Any) -> None:
    """Bring what the files hold beside quantised weights to the numbers asked for.

    transformers multiplies the quantised ones out to them and leaves the others as they are stored;
    layers on the disk are brought to what stands in their place.
    """
    lists = ("_keep_in_fp32_modules", "_keep_in_fp32_modules_strict")
    kept = [part for key in lists for part in getattr(model, key, None) or ()]
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and not any(part in name for part in kept):
            parameter.data = parameter.data.to(dtype)


def _method(settings: Mapping[str, Any], key: str) -> str:
    if settings.get("load_in_4bit") is True or settings.get("load_in_8bit") is True:
        return "bitsandbytes"
    method = settings.get("quant_method")
    if not isinstance(method, str) or not method:
        return "compressed-tensors" if key == "compression_config" else "of an unnamed kind"
    return method
