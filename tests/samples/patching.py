"""Hand-made patching results whose numbers can be followed by eye."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.samples import drawn

PAIR = drawn.prompt("1 2 3 4 ", "1 2 6 4 ")
LONGER = drawn.prompt("1 2 3 4 5 ", "1 2 6 4 5 ")
OTHER = drawn.prompt("1 2 4 3 ", "1 2 4 5 ")


def shares(shape: tuple[int, ...], at: tuple[int, ...], value: float) -> np.ndarray:
    found = np.zeros(shape)
    found[at] = value
    return found


def patch_data(restored, broken, clean, corrupt, *, ragged=False) -> dict[str, Any]:
    """Return the fields for shares [..., N] (or lists of arrays) with consistent raw metrics."""
    clean, corrupt = np.array(clean, float), np.array(corrupt, float)
    data: dict[str, Any] = {
        "clean": clean,
        "corrupt": corrupt,
        "clean_sem": 0.5,
        "corrupt_sem": 0.25,
        "estimated": False,
    }
    fields: dict[str, Any] = {}
    if restored is not None:
        fields["restored"] = restored
    if broken is not None:
        fields["broken"] = broken
    if len(fields) == 2:
        fields["asymmetry"] = [b - r for r, b in zip(restored, broken, strict=True)]
    for name, values in fields.items():
        _add(data, name, values, ragged)
    span = clean - corrupt
    if restored is not None:
        raw = [c + r * s for r, c, s in zip(restored, corrupt, span, strict=True)]
        _add(data, "patched_denoise", raw, ragged)
    if broken is not None:
        raw = [c - b * s for b, c, s in zip(broken, clean, span, strict=True)]
        _add(data, "patched_noise", raw, ragged)
    return data


def _add(data, name, values, ragged):
    if ragged:
        data[name] = tuple(values)
        return
    stacked = np.stack(values, axis=-1)
    data[name] = stacked
    data[f"{name}_mean"] = stacked.mean(-1)
    data[f"{name}_sem"] = stacked.std(-1)


def finish(fields, prompts, params, **changes: Any):
    several = {
        "layers": np.array([4, 5, 6]),
        "read_position": np.array([p.read_position for p in prompts]),
        "first_difference": np.array([4] * len(prompts)),
        "answer_rank": np.zeros(len(prompts)),
        "task_done": np.ones(len(prompts), bool),
    }
    more = changes.pop("data", {})
    params = {"site": "resid_pre", "by": "position", "metric": "logit_diff", **params}
    return drawn.result_of(
        "patch", {**several, **fields, **more}, prompts=prompts, params=params, **changes
    )


def patch_result(**changes: Any):
    """Two prompts: L5 · 4 restores 0 and 0.2 and breaks 1 (AND); L6 · 7 restores and breaks 0.9."""
    restored = [shares((3, 8), (1, 4), x) + shares((3, 8), (2, 7), 0.9) for x in (0.0, 0.2)]
    broken = [shares((3, 8), (1, 4), 1.0) + shares((3, 8), (2, 7), 0.9) for _ in range(2)]
    data = patch_data(restored, broken, (4.0, 2.0), (-4.0, -2.0))
    data["first_difference"] = np.array([4, 6])
    return finish(data, (PAIR, OTHER), {}, **changes)


def one_way_result(direction="denoise"):
    found = [shares((3, 8), (1, 4), 0.5)]
    both = (found, None) if direction == "denoise" else (None, found)
    data = patch_data(*both, (4.0,), (0.0,))
    return finish(data, (PAIR,), {"direction": direction})


def ragged_result():
    restored = [shares((3, 8), (1, 4), 0.5), shares((3, 10), (2, 9), 0.7)]
    broken = [shares((3, 8), (1, 4), 0.1), shares((3, 10), (2, 9), 0.6)]
    data = patch_data(restored, broken, (4.0, 2.0), (0.0, 0.0), ragged=True)
    for name in ("clean_sem", "corrupt_sem"):
        del data[name]
    return finish(data, (PAIR, LONGER), {})


def heads_result():
    """Heads by position: L5H3 restores 0.8 at 4 and −0.1 at 6; L4H0 breaks 0.5 at 6."""
    restored = shares((3, 4, 8), (1, 3, 4), 0.8) + shares((3, 4, 8), (1, 3, 6), -0.1)
    broken = shares((3, 4, 8), (0, 0, 6), 0.5)
    data = patch_data([restored], [broken], (4.0,), (0.0,))
    return finish(data, (PAIR,), {"site": "head_z"})


def key_value_result():
    restored = [shares((3, 2), (1, 1), 0.8)]
    data = patch_data(restored, restored, (4.0,), (0.0,))
    return finish(data, (PAIR,), {"site": "head_v", "by": "all"})


def layers_result():
    restored = [np.array([0.1, 0.2, 0.3])]
    data = patch_data(restored, restored, (4.0,), (0.0,))
    return finish(data, (PAIR,), {"site": "mlp_out", "by": "all"})


def hand_result(moves=(), run="corrupt", patched=None, pair=0, **changes: Any):
    """The metric is 4 clean and −1 corrupt."""
    clean, corrupt = 4.0, -1.0
    base = corrupt if run == "corrupt" else clean
    reach = np.zeros((3, 8), bool)
    if moves:
        reach[1, 4] = True
        reach[2, 4:] = True
    before = [drawn.row("4", 0.6), drawn.row("5", 0.1), drawn.row(" ", 0.05)]
    after = [drawn.row("5", 0.7), drawn.row("4", 0.2), drawn.row("x", 0.05)]
    data = {
        "clean": clean,
        "corrupt": corrupt,
        "base": base,
        "patched": base if patched is None else patched,
        "base_top": before,
        "top": after if moves else before,
        "reach": reach,
        "read_position": 7,
    }
    params = {"pair": pair, "run": run, "moves": list(moves), "metric": "logit_diff", "top": 10}
    prompts = changes.pop("prompts", (PAIR,))
    return drawn.result_of("hand_patch", data, params=params, prompts=prompts, **changes)
