"""Hand-made steering results whose sweeps, scans and findings can be followed by eye."""

from __future__ import annotations

import numpy as np

from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.result import Result
from desktop_app.contract.steering import timeline
from tests.samples import drawn

PROMPTS = (drawn.prompt("1 2 3 4 "), drawn.prompt("2 3 4 5 "))
LAYERS, COEFS = (0, 1, 2), (-4.0, -1.0, 0.0, 1.0, 4.0)
BASE, PLAIN_LOSS = np.array([1.0, 2.0]), np.array([1.5, 2.5])
SETTINGS = {
    "layer": 1,
    "from": ["bad"],
    "to": ["good", "nice"],
    "sweep_layers": "0:3",
    "sweep_coefs": [-4, -1, 0, 1, 4],
}


def said(text, ids=(34, 36)):
    return {"ids": list(ids), "pieces": ["2", "4"], "texts": ["2", "4"], "text": text}


def effect(layer, coef):
    """Return what a cell of the sample adds to the metric."""
    return 0.0 if coef == 0 else (layer + 1) * coef / 4


def sweep_data(**changes):
    shape = (len(LAYERS), len(COEFS))
    change = np.array([[effect(layer, coef) for coef in COEFS] for layer in LAYERS])
    size = np.array([[abs(c) * (layer + 1) / 4 for c in COEFS] for layer in LAYERS])
    each = change[..., None] + BASE
    loss = size[..., None] + PLAIN_LOSS
    texts = [
        [[f"text {row} {column} {p}" for p in range(2)] for column in range(shape[1])]
        for row in range(shape[0])
    ]
    return {
        "plain": [said("2 4"), said("4 2")],
        "base": BASE,
        "plain_loss": PLAIN_LOSS,
        "sweep_metric": each.mean(-1),
        "sweep_loss": loss.mean(-1),
        "sweep_control_metric": change / 10 + BASE.mean(),
        "sweep_control_loss": size + PLAIN_LOSS.mean(),
        "sweep_metric_each": each,
        "sweep_loss_each": loss,
        "sweep_texts": texts,
        "sweep_layer": np.array(LAYERS),
        "sweep_coef": np.array(COEFS),
        **changes,
    }


def scan_data():
    length = len(PROMPTS[0].tokens)
    rows = timeline([("-1", "prompt")], length, 4, cached=True)
    return {
        "plain": [said("2 4"), said("4 2")],
        "scan": [[False] * (length - 1) + [True]] * 2,
        "scan_difference": [[0.0, 0.002] + [0.0] * (length - 3) + [3.5]] * 2,
        "scan_texts": [["2 4"] * (length - 1) + ["x x"]] * 2,
        "timeline": [rows, rows],
    }


FINDINGS = [
    {
        "name": "which_position",
        "holds": True,
        "numbers": {
            "layer": 2,
            "max_logit_difference": 3.2e-7,
            "rows": [
                {"position": "none", "ids": [216, 34, 32], "text": " 2022"},
                {"position": 3, "ids": [0, 198, 198], "text": "\n\n"},
            ],
        },
        "words": "Nobody reads earlier positions behind the last block: zeroing them changes none.",
    },
    {"name": "persistence", "holds": False, "numbers": {"same": 4}, "words": "It went."},
    {"name": "shapes", "holds": None, "numbers": {}, "words": "Generation ended at once."},
]


def result(data, **params):
    settings = {**SETTINGS, **params}
    settings = SteerParams.model_validate(settings).model_dump(mode="json", exclude={"prompts"})
    return Result(
        analysis="steer",
        params=settings,
        model=drawn.model(),
        prompts=PROMPTS,
        data=data,
        provenance={},
    )


def sweep_result(**changes):
    return result(sweep_data(**changes))


def scan_result():
    return result(scan_data(), scan=True, sweep_layers="", sweep_coefs=[])


def findings_result():
    data = {"findings": FINDINGS, "plain": [said("2 4"), said("4 2")]}
    return result(data, preset="equivalence", sweep_layers="", sweep_coefs=[])
