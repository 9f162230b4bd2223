"""Convert a GGUF file to a Hugging Face folder with safetensors, and prove the two equal.

Run as `python -m desktop_app.engine.packs.pack_convert FILE.gguf FOLDER`; the last line of the
output says what went wrong when the exit code is not 0.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from desktop_app.engine.tokenizers.described import DIFFERS, PROBES
from desktop_app.engine.tokenizers.gguf_tokenizer import gguf_tokenizer
from desktop_app.engine.tokenizers.tokenizer_files import folder_tokenizer

_PROBES = ("1 2 3 4", " 5", "12 345", "Ünïcode 世界 🙂\n\ttab", "  two  spaces ", *PROBES)


def convert_gguf(gguf: Path, target: Path) -> None:
    """Write config.json, model.safetensors (float32) and the tokenizer into a new folder.

    Then loads the folder and compares it with the GGUF: logits bit for bit, and the token ids of a
    few texts.

    Args:
        gguf: The file; its weights are dequantised.
        target: The folder to make.

    Raises:
        ValueError: The converted model is not equal to the GGUF.
    """
    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
    tokenizer, differs = gguf_tokenizer(gguf)
    target.mkdir(parents=True)
    save_file(_untied(model.state_dict()), target / "model.safetensors", {"format": "pt"})
    # The weights are no longer quantised; the config would make transformers look for a quantiser.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.save_pretrained(target)
    model.generation_config.save_pretrained(target)
    for local in ("is_local", "local_files_only", "name_or_path", "vocab_file"):
        tokenizer.init_kwargs.pop(local, None)
    if differs:  # it must be said of the copy too
        tokenizer.init_kwargs[DIFFERS] = differs
    tokenizer.save_pretrained(target)
    copy = AutoModelForCausalLM.from_pretrained(target, local_files_only=True)
    copied_tokenizer = folder_tokenizer(target).raw
    for probe in _PROBES:
        ids = tokenizer(probe)["input_ids"]
        if ids != copied_tokenizer(probe)["input_ids"]:
            raise ValueError(f"the converted tokenizer splits {probe!r} otherwise.")
        if not ids:  # a vocabulary may lack every character of a probe
            continue
        with torch.no_grad():
            batch = torch.tensor([ids])
            if not torch.equal(model(batch).logits, copy(batch).logits):
                raise ValueError(f"the converted model gives other logits on {probe!r}.")


def _untied(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out weights that share the memory of an earlier one (a tied unembedding)."""
    kept: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in weights.items():
        kept.setdefault(tensor.data_ptr(), (name, tensor.contiguous()))
    return dict(kept.values())


def main(arguments: list[str]) -> int:
    """Convert `FILE.gguf` to `FOLDER`; return the exit code."""
    try:
        convert_gguf(Path(arguments[0]), Path(arguments[1]))
    except Exception as error:  # noqa: BLE001 - every failure becomes one line for the parent
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
