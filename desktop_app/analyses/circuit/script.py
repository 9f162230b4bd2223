"""What the script of a circuit prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.kept import parse_kept, resolve_kept, resolve_places, written_kept

if TYPE_CHECKING:
    from desktop_app.analyses.circuit.spec import CircuitParams
    from desktop_app.contract.kept import Kept
    from desktop_app.contract.result import Result

# Below this a base is too near zero for a percentage; metrics without one never have percentages.
_FLOORS = {"logit_diff": 0.01, "logit": 0.01, "loss": 1e-6, "prob": 1e-6}
_MOST_SETS = 2_000


def facts(result: Result, params: CircuitParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    layers, heads = int(result.model.n_layers), int(result.model.n_heads)
    kept = resolve_kept(params.keep, layers, heads, mlps=params.mlps)
    for number, prompt in enumerate(result.prompts):
        for part, positions in kept.items():
            resolve_places(part, positions, len(prompt.tokens), number)
    groups = [row.group for row in params.prompts]
    if len(groups) != len(result.prompts):
        groups = [""] * len(result.prompts)
    references = list(params.reference_groups) if params.reference else groups
    if params.means == "as-published" or not any(groups) or not any(references):
        groups, references = [""] * len(groups), []
    published = params.means == "as-published" and params.mlps and params.replace == "mean"
    return {
        "n_layers": layers,
        "n_heads": heads,
        "start": _named(kept) if params.keep not in {"all", "none"} else None,
        "prompt_groups": groups if references else [],
        "their_groups": references if params.reference else [],
        "published": published,
        "restricted": any(positions is not None for positions in kept.values()),
        "control_sets": _sets(result, "control_sets"),
        "complete_sets": _sets(result, "complete_sets"),
        "minimality_sets": _sets(result, "minimality_sets"),
        "chat": params.chat,
        "floor": _FLOORS.get(params.metric),
        "resume": "",
    }


def _sets(result: Result, name: str) -> list[dict[str, Any]]:
    """Return random sets of the result, read as the settings write them."""
    found = result.data.get(name, ())
    texts = [str(text) for text in np.asarray(found).tolist()[:_MOST_SETS]]
    return [_named(parse_kept(text)) for text in texts]


def _named(kept: Kept) -> dict[str, Any]:
    names = (name.partition("@")[0] for name in written_kept(kept))
    places = (None if at is None else list(at) for at in kept.values())
    return dict(zip(names, places, strict=True))
