"""What the script of features prints of them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app.contract.grammar import resolve_index
from desktop_app.support.autoencoder_files import folder_of
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.features.spec import FeaturesParams
    from desktop_app.contract.result import Result

_HOOK = re.compile(r"blocks\.\d{1,5}\.[a-z0-9_.]{1,60}\Z")
# As a loaded model has them; the others are the same.
_NAMES = {"hook_resid_pre": "hook_in", "hook_resid_post": "hook_out"}
_ARCHITECTURES = frozenset({"standard", "gated", "jumprelu", "topk"})
_SCALINGS = frozenset({"none", "constant_norm_rescale", "layer_norm"})
_Z = "attn.hook_z"


def facts(result: Result, params: FeaturesParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings.

    Raises:
        BadInputError: The result is of a text alone, of which a script computes nothing.
    """
    if not result.prompts:
        raise BadInputError(
            "Scripts compute features of prompts, and this result is of a text alone: run it with "
            "prompts, or export it as .npz."
        )
    card: Mapping[str, Any] = result.data["card"]
    reads = _hook(str(card["hook"]))
    writes = _hook(str(card["writes"])) if card["writes"] else reads
    chosen = params.feature >= 0
    lead = _lead(result) if chosen else None
    return {
        "says": "What a sparse autoencoder's features read and write, on prompts.",
        "folder": _folder(params.sae),
        "reads": reads,
        "writes": writes,
        "transcoder": writes != reads,
        "architecture": _one_of(card["architecture"], _ARCHITECTURES),
        "scaling": _one_of(card["scaling"], _SCALINGS),
        "factor": float(card["factor"]),
        "k": int(card["k"]),
        "head": int(card["head"]),
        "rescaled": bool(card["rescaled"]),
        "skip": bool(card["skip"]),
        "b_dec_first": bool(card["b_dec_first"]),
        "finetuned": bool(card["finetuned"]),
        "listed": min(params.top, int(card["d_sae"])),
        "top": params.top,
        "chosen": chosen,
        "lead": lead,
        "places": [_place(params, len(p.tokens)) for p in result.prompts],
        "lists": chosen and bool(result.data.get("write")),
        "all_lists": not params.corpus and "write_top" in result.data,
        "written_z": writes.endswith(_Z),
        "write_layer": int(writes.split(".")[1]),
        "read_z": reads.endswith(_Z),
        "read_layer": int(reads.split(".")[1]),
        "loads_tensors": True,
        # Stopped or not: the script reads the prompts that the result has, and no text.
        "stopped": False,
    }


def _hook(name: str) -> str:
    """Return a hook as a loaded model names it.

    Raises:
        ValueError: It is the name of none.
    """
    if not _HOOK.match(name):
        raise ValueError("a hook has no name")
    block, layer, rest = name.split(".", 2)
    return f"{block}.{layer}.{_NAMES.get(rest, rest)}"


def _one_of(name: object, known: frozenset[str]) -> str:
    if name not in known:
        raise ValueError(f"an autoencoder is of no known kind ({str(name)[:20]})")
    return str(name)


def _folder(given: str) -> str:
    """Return where one is, as it was named: below the home it is found in another home too."""
    folder = folder_of(given)
    return given if folder == Path(os.path.expanduser(given)) else str(folder)


def _lead(result: Result) -> int | None:
    """Return the token that stood before each one by itself."""
    token = int(result.data["from_embedding"]["lead_id"])
    return token if token >= 0 else None


def _place(params: FeaturesParams, length: int) -> int | None:
    """Return where the feature is read in a prompt; None: at its peak."""
    if params.position == "peak":
        return None
    return resolve_index(int(params.position), length, "--position")
