"""Features of sparse autoencoders in the layout of SAELens, as far as a vector needs them.

A folder holds `cfg.json` and a `.safetensors` file with the decoder, `W_dec` `[feature, width]`.
What its settings say of model and place is taken from them; of the numbers, one row is read.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular
from desktop_app.support.tensor_heads import MOST_TEXT, read_tensors, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from desktop_app.support.tensor_heads import Entry

SITES: Mapping[str, str] = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "attn.hook_z": "head_z",
}
"""Sites by the names that TransformerLens, and so SAELens, has for them in a block."""
_ENDING, _DECODER, _SETTINGS, _USUAL = (
    ".safetensors",
    "W_dec",
    "cfg.json",
    "sae_weights.safetensors",
)
_HOOK = re.compile(r"blocks\.(?P<layer>\d{1,5})\.(?P<name>[\w.]{1,60})\Z")
_MOST_SETTINGS_BYTES = 1_000_000


def read_feature(folder: Path, row: int, told: str) -> tuple[Path, Entry, dict[str, str]]:
    """Return the file, the row of the decoder, and what is said of it.

    Raises:
        BadInputError: The folder holds no autoencoder, or it has no such feature.
    """
    path = _weights(folder, told)
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
    return path, row_of(entry, row), {**_facts(folder / _SETTINGS, told), "made": made}


def _weights(folder: Path, told: str) -> Path:
    """Return the file that holds the decoder: the usual one, or the only one."""
    path = folder / _USUAL
    try:
        if path.is_file():
            return path
        others = sorted(one for one in folder.iterdir() if one.suffix.lower() == _ENDING)
    except OSError as error:
        raise BadInputError(f"{told}: the folder cannot be read ({error.strerror}).") from error
    if len(others) != 1:
        raise BadInputError(
            f"{told}: the folder holds no {_USUAL}, as SAELens writes it; name a folder with a "
            "sparse autoencoder."
        )
    return others[0]


def _facts(path: Path, told: str) -> dict[str, str]:
    """Return what the settings say of model and place."""
    said = _settings(path, told)
    nested = said.get("metadata")
    said = {**said, **(nested if isinstance(nested, dict) else {})}

    def first(*names: str) -> str:
        found = (said.get(name) for name in names)
        return next((str(v)[:MOST_TEXT] for v in found if isinstance(v, (str, int))), "")

    hook = first("hook_name", "hook_point")
    match = _HOOK.match(hook)
    facts = {
        "model": first("model_name"),
        "fingerprint": first("fingerprint"),
        "layer": match["layer"] if match else "",
        "site": SITES.get(match["name"], hook) if match else hook,
        "scaled": first("normalize_activations"),
    }
    return {name: value for name, value in facts.items() if value}


def _settings(path: Path, told: str) -> dict[str, Any]:
    try:
        with open_regular(path) as opened:
            stored = opened.read(_MOST_SETTINGS_BYTES + 1)
        given = json.loads(stored) if len(stored) <= _MOST_SETTINGS_BYTES else None
    except FileNotFoundError:
        raise BadInputError(
            f"{told}: the folder holds no {_SETTINGS}, as SAELens writes it; name a folder with a "
            "sparse autoencoder."
        ) from None
    except OSError as error:
        raise BadInputError(f"{told}: {path.name} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise BadInputError(f"{told}: {path.name} is damaged: fetch it again.")
    return given
