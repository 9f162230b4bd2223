"""A real result of every analysis, made once by the toy model with small settings; read-only."""

from __future__ import annotations

from functools import cache

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, part_of
from desktop_app.contract.report import SilentReporter
from desktop_app.support.paths import resource
from tests.models import named

PROMPTS = (
    PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",)),
    PromptRow(text="2 3 4 5 ", corrupt="8 1 6 2 ", answer=("6",), wrong=("5",)),
)
LABELLED = tuple(
    PromptRow(text=f"{n} {n + 1} {n + 2} {n % 3 + 3}", label="divides" if n % 3 else "not")
    for n in range(1, 9)
)
TABLES = {"probe": LABELLED}
SETTINGS = {
    "patch": {"site": "head_z"},
    "detect": {"batch": 2, "seq_len": 8, "card": "auto", "keep_patterns": True},
    "repeat": {"batch": 2, "seq_len": 8, "effect_batch": 1},
    "features": {
        "prompts": PROMPTS,
        "sae": "toy",
        "feature": 157,
        "corpus": str(resource("help", "start.md")),
        "window": 24,
        "tokens": 460,
    },
    "fit_lens": {
        "text": str(resource("help", "start.md")),
        "windows": 2,
        "max_seq_len": 24,
        "dim_batch": 64,
    },
    "corpus": {"text": str(resource("help", "start.md")), "window": 24, "tokens": 150},
    "train_sae": {
        "text": str(resource("help", "start.md")),
        "tokens": 400,
        "window": 24,
        "features": 40,
        "steps": 12,
        "batch": 32,
        "layer": 1,
    },
    "compose": {"full_circuit": "0.1,1.0", "ov": "1.0"},
    "circuit": {"prune": 20, "mlps": True, "minus": True, "controls": 5, "generate": 3},
    "edges": {"circuit": "0.1", "resamples": 10, "controls": 4},
    "candidates": {"replace": "3", "with_": ("9", "8", "Monday Tuesday"), "head": "1.0"},
    "steer": {
        "from": ("7 9", "6 1"),
        "to": ("1 2", "4 5"),
        "layer": 1,
        "coef": (2.0,),
        "position": "all",
        "when": "every",
        "say": "Count.",
        "max_new_tokens": 3,
        "sweep_layers": "0:2",
        "sweep_coefs": (-1.0, 2.0),
        "scan": True,
    },
}


@cache
def real_result(name):
    """Return what the toy model gives under that name."""
    params = ANALYSES[name].params(**SETTINGS.get(name, {}))
    if params.reads_prompts():
        params = params.model_copy(update={"prompts": TABLES.get(name, PROMPTS)})
    return part_of(name, "run").run(named("toy"), params, SilentReporter())
