"""Quantised checkpoints: read back to the numbers that they stand for, or refused by name.

Two kinds are exact, since transformers multiplies them out while it reads them: FP8 with scales by
block, and MXFP4. The others need libraries of their own, or compute with rounded activations.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from desktop_app.engine.weight_files import describe_names
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from desktop_app.engine.stored import Stored

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
# Integers and eight-bit floats; 32-bit integers hold packed weights under names of their own.
_PARTS = re.compile(
    r"\.(qweight|qzeros|g_idx|weight_packed|SCB|weight_scale(_inv)?|scales|absmax)$"
)
_PACKED = re.compile(r"^(I8|U8|F8_|F6_|F4)")
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
            if isinstance(found, dict) and found:
                return _method(found, key)
    return None


def refuse_inexact(
    name: str, config: Mapping[str, Any], tensors: Mapping[str, Stored], folder: Path
) -> None:
    """Refuse weights that could not be read to the numbers that they stand for.

    Raises:
        ModelLoadError: The sentence names the method.
    """
    method = quantisation(config)
    if method in EXACT:
        return
    if method is None:
        packed = [n for n, stored in tensors.items() if _is_packed(n, stored)]
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
    if _PARTS.search(name):
        return True
    return bool(_PACKED.match(stored.dtype)) and not _TABLES.search(name)


def loader_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes transformers multiply quantised weights out while it reads them."""
    found = quantisation(config)
    if found is None or found[0] not in EXACT:
        return {}
    import transformers

    return {"quantization_config": getattr(transformers, EXACT[found[0]])(dequantize=True)}


def _method(settings: Mapping[str, Any], key: str) -> str:
    if settings.get("load_in_4bit") is True or settings.get("load_in_8bit") is True:
        return "bitsandbytes"
    method = settings.get("quant_method")
    if not isinstance(method, str) or not method:
        return "compressed-tensors" if key == "compression_config" else "of an unnamed kind"
    return method
