"""Tiny runs of every analysis there is, on the toy model; what is new is covered by itself."""

from __future__ import annotations

from functools import cache

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import SilentReporter
from desktop_app.session.store import Session
from desktop_app.support.paths import resource

PROMPTS = (
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4"),
    PromptRow(text="2 3 4 5", corrupt="9 6 1 7", answer=" 6", wrong=" 5"),
)
LABELLED = tuple(
    PromptRow(text=f"{n} {n + 1} {n + 2} {n % 2 + 3}", label="even" if n % 2 else "odd")
    for n in range(1, 7)
)
# What cannot run without being told what to do, or would do little.
OWN = {
    "edges": {"steps": 2, "circuit": "10", "resamples": 5, "controls": 2},
    "circuit": {
        "keep": "0.1,1.0,2.2@-1",
        "minus": True,
        "controls": 3,
        "completeness": 2,
        "minimality": True,
        "generate": 2,
    },
    "candidates": {"replace": "3", "with": ("7", "9"), "head": "1.0"},
    "probe": {"prompts": LABELLED, "shuffles": 2},
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
    "features": {
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
}
SMALL = {"batch": 2, "seq_len": 6, "seeds": 1}


def params_of(name):
    """Return small settings for an analysis."""
    kind = ANALYSES[name].params
    small = {field: value for field, value in SMALL.items() if field in kind.model_fields}
    return kind.model_validate({"prompts": PROMPTS, **small, **OWN.get(name, {})})


@cache
def result_of(name):
    """Return the result of one analysis."""
    from tests.models import named

    return hook(name, "run", "run")(named("toy"), params_of(name), SilentReporter())


def write_session(path, names=tuple(ANALYSES)):
    """Write a session with one result of each analysis."""
    with Session.create(path) as session:
        for name in names:
            session.add(result_of(name))
        session.set_prompts(PROMPTS, {"bos": "auto", "chat": False})
    return path
