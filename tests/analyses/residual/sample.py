"""A result of the residual stream whose numbers can be followed by eye."""

from __future__ import annotations

import numpy as np

from desktop_app.analyses.residual.run import part_names
from desktop_app.contract.result import Notice
from tests.samples import drawn

LAYERS = 4
NORM = np.array([1.0, 10.0, 20.0, 40.0, 120.0])
FIRST = np.array([1.0, 10.0, 1000.0, 2000.0, 100.0])


def fields(lengths=(8, 6), *, shares=True):
    """Two prompts; the second has twice the norm at all positions but the first."""
    tables, added = [], {"norm_attn": [], "norm_mlp": []}
    for number, length in enumerate(lengths):
        table = np.repeat(NORM[:, None] * (1 + number), length, axis=1)
        table[:, 0] = FIRST
        tables.append(table)
        added["norm_attn"].append(np.full((LAYERS, length), 2.0))
        added["norm_mlp"].append(np.full((LAYERS, length), 3.0))
    data = {name: tuple(found) for name, found in {"norm": tables, **added}.items()}
    if len(set(lengths)) == 1:
        data = {name: np.stack(found, axis=-1) for name, found in data.items()}
    share = np.zeros((LAYERS + 1, 1 + 2 * LAYERS))
    for row in range(LAYERS + 1):
        share[row, : 1 + 2 * row] = 1 / (1 + 2 * row)
    share[4, :3] = (0.5, 0.4, -0.2)
    share[4, 3:] = 0.3 / 6
    data |= {
        "growth": NORM[1:] / NORM[:-1],
        "growth_rate": 2.0,
        "cosine": np.array([0.1, 0.9, 0.95, 0.8]),
        "cosine_first": np.array([0.2, 0.3, 1.0, 0.5]),
        "read_position": np.array([n - 1 for n in lengths]),
    }
    if shares:
        data |= {"share": share, "share_first": share[:, ::1] * 1.0, "parts": part_names(LAYERS)}
        data["share_first"] = np.where(share > 0, share, 0)
    return data


def result(lengths=(8, 6), *, shares=True, **changes):
    """Return the result; without shares it says why."""
    why = Notice("shares_withheld", "The stream is not the sum: layer 1 does more to it.")
    values = {
        "model": drawn.model(n_layers=LAYERS, d_model=16),
        "warnings": () if shares else (why,),
        "params": {"measure": "all", "heads": False},
        **changes,
    }
    return drawn.result_of("residual", fields(lengths, shares=shares), **values)
