"""What the script of a steering prints of it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from desktop_app.analyses.steer.strength import multiplies
from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.steering import Op, acts_at, parse_begin

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import Result
    from desktop_app.contract.steering import Begin

_HOOKS = {
    "resid_pre": "hook_in",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_out",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "head_z": "attn.hook_z",
}
# In the order in which the random control counts them.
SITES = tuple(_HOOKS.values())
_WITH_VECTORS = frozenset({"add", "difference", "set", "project_out"})
_LINE = 80


def facts(result: Result, params: SteerParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    done: Sequence[Mapping[str, Any]] = result.data.get("acts", ())
    acts = [_act(one, result, params.max_new_tokens) for one in done]
    begins = [parse_begin(text) for text in params.begin]
    ops = {act["op"] for act in acts}
    differences = _texts(params, acts)
    return {
        "acts": acts,
        **_sweep(result, params, acts),
        "chat": params.chat,
        "ops": ops,
        "sites": list(SITES),
        "recorded": _recorded(result, acts, differences),
        "differences": differences,
        "vectors": bool(ops & _WITH_VECTORS),
        "means": "ablate_heads" in ops,
        "groups": _groups(result, params) if "ablate_heads" in ops else [],
        "controls": params.control == "yes" and bool(acts),
        "metric": str(result.data["metric"]),
        "said": [_said(one) for one in result.data.get("said", ())],
        "begins": {(one.run, one.prompt): _tokens(one) for one in begins},
    }


def _act(one: Mapping[str, Any], result: Result, steps: int) -> dict[str, Any]:
    """Return what was done once, as the script writes it; what a file says is checked."""
    op, when, position = str(one["op"]), str(one["when"]), str(one["position"])
    if op not in get_args(Op):
        raise ValueError("an intervention does what none does")
    found: dict[str, Any] = {
        "op": op,
        "layer": resolve_index(int(one["layer"]), int(result.model.n_layers), "--layer"),
        "hook": _HOOKS[str(one["site"])],
        "positions": _positions(position),
        "steps": None if when == "every" else [s for s in range(steps) if acts_at(when, s)],
        "strength": float(one["strength"]),
    }
    return found | {"heads": [int(h) for h in one["heads"]]} if one["heads"] else found


def _tokens(begin: Begin) -> list[int]:
    """Return the tokens that a continuation began with, which a result has in a text's place."""
    if begin.text:
        raise ValueError("a continuation begins with a text whose tokens the result does not say")
    return list(begin.ids)


def _positions(text: str) -> list[int] | None:
    if text == "all":
        return None
    return [-1] if text == "last" else [int(p) for p in text.split(",")]


def _recorded(
    result: Result, acts: Sequence[Mapping[str, Any]], differences: Collection[int]
) -> dict[int, list[str]]:
    """Return the vectors that cannot be made anew, as text, by the intervention's number."""
    found = {}
    for number, act in enumerate(acts):
        if act["op"] in _WITH_VECTORS and number not in differences:
            row = np.asarray(result.data["vector"][number], dtype="<f4")
            data = base64.b64encode(row[np.isfinite(row)].tobytes()).decode()
            found[number] = [data[i : i + _LINE] for i in range(0, len(data), _LINE)]
    return found


def _texts(params: SteerParams, acts: Sequence[Mapping[str, Any]]) -> dict[int, list[list[str]]]:
    """Return the two sets of texts of each difference, by the number of the intervention."""
    given = [one for one in params.interventions() if one.op == "difference"]
    numbers = [number for number, act in enumerate(acts) if act["op"] == "difference"]
    return {
        number: [list(one.from_texts), list(one.to_texts)]
        for number, one in zip(numbers, given, strict=True)
    }


def _sweep(
    result: Result, params: SteerParams, acts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what a sweep varies: the settings' own interventions, or the first of the others."""
    if "sweep_layer" not in result.data:
        return {"sweep_layers": [], "sweep_coefs": []}
    layers = [int(n) for n in np.asarray(result.data["sweep_layer"])]
    own = len(params.interventions()) - len(params.also)
    varied = list(range(own or 1))
    names = {acts[n]["op"] for n in varied}
    wanted = names & _WITH_VECTORS - {"project_out"} or names & {"scale"}
    multiplied = [n for n in varied if acts[n]["op"] in wanted]
    return {
        "sweep_layers": [resolve_index(n, int(result.model.n_layers), "--layer") for n in layers],
        "sweep_coefs": [float(c) for c in np.asarray(result.data["sweep_coef"])],
        "moved": varied if params.sweep_layers else [],
        "multiplied": multiplied,
        "alike": not multiplies(params),
    }


def _groups(result: Result, params: SteerParams) -> list[str]:
    """Return the template group of each prompt, where means are taken within groups."""
    groups = [row.group for row in params.prompts]
    if params.reference or not any(groups) or len(groups) != len(result.prompts):
        return []
    return groups


def _said(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": str(one["prompt"]), "ids": [int(i) for i in one["prompt_ids"]]}
