"""Features of sparse autoencoders in the layout of SAELens, as far as a vector needs them.

A folder holds `cfg.json` and a `.safetensors` file with the decoder, `W_dec` `[feature, width]`.
What its settings say of model and place is taken from them; of the numbers, one row is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.support.autoencoder_settings import HOOK, SITES, read_settings, weights_file
from desktop_app.support.errors import BadInputError
from desktop_app.support.tensor_heads import read_tensors, row_of

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.support.tensor_heads import Entry

_DECODER = "W_dec"


def read_feature(folder: Path, row: int, told: str) -> tuple[Path, Entry, dict[str, str]]:
    """Return the file, the row of the decoder, and what is said of it.

    Raises:
        BadInputError: The folder holds no autoencoder, or it has no such feature.
    """
    path = weights_file(folder, told)
    head = read_tensors(path, told)
    if _DECODER not in head.stored:
        raise BadInputError(
            f"{told}: {path.name} holds no “{_DECODER}” [feature, width], as SAELens names the "
            "decoder; convert it."
        )
    entry = head.entry(_DECODER)
    if len(entry.shape) != 2 or not entry.shape[1]:
        raise BadInputError(
            f"{told}: “{_DECODER}” has the shape {list(entry.shape)}, and a decoder has "
            "[feature, width]; convert it."
        )
    if row >= entry.shape[0]:
        raise BadInputError(
            f"{told}: there is no feature {row:,}; the autoencoder has {entry.shape[0]:,}, counted "
            "from 0."
        )
    made = f"feature {row} of a sparse autoencoder (its row of the decoder)"
    return path, row_of(entry, row), {**_facts(folder, told), "made": made}


def _facts(folder: Path, told: str) -> dict[str, str]:
    """Return what the settings say of model and place: where a decoder writes."""
    settings = read_settings(folder, told)
    described = settings.described
    hook = described.text("hook_name_out") or described.text("hook_name")
    match = HOOK.match(hook)
    facts = {
        "model": described.text("model_name"),
        "fingerprint": described.text("fingerprint"),
        "layer": match["layer"] if match else "",
        "site": SITES.get(match["name"], hook) if match else hook,
        "scaled": settings.text("normalize_activations"),
    }
    return {name: value for name, value in facts.items() if value}
