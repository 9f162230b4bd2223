"""What the script of a comparison prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compare.spec import HARM_RISES, TOP
from desktop_app.session.export_scripts import (
    changed_norms,
    dtype_code,
    gives_lists,
    source_of,
    turned_names,
)

if TYPE_CHECKING:
    from desktop_app.analyses.compare.spec import CompareParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: CompareParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    other = dict(result.data["with_model"])
    source = source_of(str(other["name"]), str(other["source"]))
    turned = turned_names(other.get("turned_hooks"))
    return {
        "compare": source,
        "copies": "eps_error" in result.data,
        "loads_other": True,
        "compare_gguf": source.lower().endswith(".gguf"),
        "same_files": bool(result.data["same_files"]),
        "other_dtype": dtype_code(str(other["dtype"])),
        "other_processed": other["weights"] == "processed",
        "misread": bool(result.provenance.get("adapter") or other.get("adapter")),
        "other_gives_lists": gives_lists(other.get("architecture")),
        "other_layernorm": str(other.get("layernorm", "keep")),
        "other_norms": changed_norms(str(other.get("layernorm", "keep")), other.get("norms")),
        "other_turned": [name for name in turned if name != "hook_z"],
        "other_splits_z": "hook_z" in turned,
        "left_out": [int(i) for i in other.get("left_out", ())],
        "comparable": not _is_missing(result),
        "stepped": "eps_error" in result.data,
        "step_norms": _step_norms(result),
        "most": TOP,
        "harm": -1 if params.metric in HARM_RISES else 1,
    }


def _step_norms(result: Result) -> list[list[Any]]:
    """Return the norms that were taken away step by step."""
    given = result.data.get("step_norms")
    return changed_norms("identity", given) if "eps_error" in result.data else []


def _is_missing(result: Result) -> bool:
    """Return whether the streams could not be compared."""
    return bool(np.isnan(np.asarray(result.data["resid_relative_error"], dtype=float)).all())
