"""Circuits' results by hand: a model of 4 layers of 3 heads whose parts are worth what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from desktop_app.contract.kept import all_parts, parse_kept, written_kept
from desktop_app.contract.result import PARTIAL, Notice
from tests.samples import drawn

LAYERS, HEADS = 4, 3
# What each head adds to the metric, on both prompts; all others add nothing.
WORTH = {(0, 1): 1.0, (1, 0): 0.5, (2, 2): 2.0, (3, 1): 0.4, (3, 2): -0.1}
SHARES = (1.0, 0.5)
EMPTY = 0.2


def model(**changes: Any):
    return drawn.model(n_layers=LAYERS, n_heads=HEADS, **changes)


def metric(parts) -> np.ndarray:
    """Return the metric of a set, per prompt."""
    return np.array([EMPTY + share * sum(WORTH.get(p, 0.0) for p in parts) for share in SHARES])


def whole(*, mlps: bool = False):
    return all_parts(LAYERS, HEADS, mlps=mlps)


def scored(keep="all", *, minus=False, controls=(), mlps=False) -> dict[str, Any]:
    """Return the fields of a circuit."""
    kept = dict.fromkeys(whole(mlps=mlps)) if keep == "all" else parse_kept(keep)
    full, empty, score = metric(whole()), metric(()), metric(kept)
    data: dict[str, Any] = {
        "kept": written_kept(kept),
        "full": full,
        "empty": empty,
        "score": score,
        "percent": 100 * score / full,
        "faithfulness": (score - empty) / (full - empty),
        "percent_of_means": 100 * float(score.mean() / full.mean()),
        "read_position": np.array([7, 5]),
        "answer_rank": np.array([0, 0]),
        "task_done": np.array([True, True]),
        "reference_size": 5,
        "groups": [],
        "total": len(whole(mlps=mlps)),
    }
    if minus:
        rows = np.array([metric([p for p in kept if p != part]) for part in kept])
        data["minus_score"] = rows
        data["minus"] = rows.mean(1)
        data["minus_percent"] = 100 * rows.mean(1) / full.mean()
    if controls:
        data["control_percent"] = np.array(controls)
    return data


def result(keep="all", *, minus=False, controls=(), data=None, **changes: Any):
    """Return a circuit's result."""
    params = {"keep": keep, "replace": "mean", "metric": "logit_diff", "controls": 20}
    params |= {"reference": tuple("abcde")} | changes.pop("params", {})
    fields = scored(keep, minus=minus, controls=controls, mlps=bool(params.get("mlps")))
    fields |= data or {}
    return drawn.result_of("circuit", fields, params=params, **{"model": model(), **changes})


def trail(threshold: float, stop: int | None = None) -> dict[str, Any]:
    """Return the fields of a pruning of all heads, stopped after so many steps."""
    full = float(metric(whole()).mean())
    kept, rows = list(whole()), []
    percent, number, backward = 100.0, 0, True
    while True:
        number, before = number + 1, len(kept)
        order = sorted(kept, key=lambda p: (-p[0], p[1])) if backward else sorted(kept)
        for part in order:
            if stop is not None and len(rows) >= stop:
                return fields_of(rows, kept)
            rest = [p for p in kept if p != part]
            after = 100 * float(metric(rest).mean()) / full
            goes = 100 - after < threshold
            name = f"{part[0]}.{part[1]}"
            rows.append([number, name, percent, after, "dropped" if goes else "kept"])
            if goes:
                kept, percent = rest, after
        if len(kept) == before:
            return fields_of(rows, kept)
        backward = not backward


def fields_of(rows, kept) -> dict[str, Any]:
    """Return a trail and what is left as a result has them."""
    data = scored(",".join(written_kept(dict.fromkeys(sorted(kept)))))
    return data | {
        "trail": rows,
        "trail_pass": np.array([row[0] for row in rows]),
        "trail_part": tuple(row[1] for row in rows),
        "trail_before": np.array([row[2] for row in rows]),
        "trail_after": np.array([row[3] for row in rows]),
        "trail_kept": np.array([row[4] == "kept" for row in rows]),
    }


def pruned(threshold=20.0, stop=None, **changes: Any):
    """Return the result of a pruning."""
    data = trail(threshold, stop)
    if stop is not None:
        changes["warnings"] = (Notice(PARTIAL, "Stopped in pass 1 of the pruning."),)
    params = {"prune": threshold, **changes.pop("params", {})}
    return result(data=data, params=params, **changes)


def withheld():
    """Return a circuit of a task that the model does not do."""
    full = np.array([-0.5, -0.2])
    data = {
        "full": full,
        "score": full / 2,
        "percent": np.full(2, math.nan),
        "percent_of_means": math.nan,
        "task_done": np.array([False, False]),
        "answer_rank": np.array([4, 7]),
    }
    return result("2.2", data=data)


def texts(*words: str) -> dict[str, Any]:
    """Return a continuation as results have it."""
    ids = [drawn.VOCABULARY[word] for word in words]
    return {"ids": ids, "pieces": list(words), "texts": list(words), "logprobs": [-0.1] * len(ids)}
