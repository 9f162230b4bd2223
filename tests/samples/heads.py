"""A result of the head detectors, as it is drawn."""

from __future__ import annotations

import numpy as np

from desktop_app.contract.result import PromptRecord, TokenList
from tests.samples import drawn

CARD = {
    "previous": {"layer": 4, "head": 0, "previous_token": 0.8, "induction": 0.0},
    "induction": {"layer": 5, "head": 3, "previous_token": 0.1, "induction": 0.9},
    "composition": {"K": 0.16, "baseline_K": 0.09, "rank_K": 0, "earlier_heads": 4},
    "loss": 0.5,
    "sequences": 8,
    "ablation": [
        {"title": "previous-token head", "heads": [[4, 0]], "rise": 2.0, "sem": 0.1},
        {"title": "both", "heads": [[4, 0], [5, 3]], "rise": 3.0, "sem": None},
    ],
    "controls": [
        {"title": "random heads", "heads": [[4, 1]], "rise": 0.1, "sem": None},
        {"title": "random heads", "heads": [[4, 2]], "rise": 0.3, "sem": None},
    ],
}


def sequence():
    """Return BOS + r + r with r of three tokens."""
    texts = ("<s>", "a", "b", "c", "a", "b", "c")
    return PromptRecord("".join(texts), TokenList((0, 5, 6, 7, 5, 6, 7), texts, texts), 6)


def detect_result(*, kept=True, card=False, **changes):
    """Layers 4 and 5 of four heads; L5H3 induces, L4H0 looks back, L4H1 counts on."""
    names = ("induction", "duplicate_token", "previous_token", "first_token", "current_token")
    data = {name: np.full((2, 4), 0.05) for name in (*names, "successor")}
    data["induction"][1, 3] = 0.9
    data["previous_token"][0, 0] = 0.8
    data["successor"][0, 1] = 0.5
    by_family = np.zeros((2, 4, 2))
    by_family[0, 1] = (0.75, 0.25)
    pattern = np.tile(np.eye(7, dtype=np.float32), (2, 4, 1, 1))
    pattern[1, 3, 4:] = np.eye(7)[2:5]
    data |= {
        "successor_by_family": by_family,
        "families": ("days", "number_words"),
        "family_pairs": (6, 11),
        "layers": np.array([4, 5]),
        "lead": {"id": 0, "piece": "<s>"},
        "summary": ("Induction: L5H3 0.90; one head reaches 0.4.",),
    }
    if kept:
        data["pattern"] = pattern
    if card:
        data["card"] = CARD
        data["card_previous_pattern"] = pattern[0, 0]
        data["card_induction_pattern"] = pattern[1, 3]
    return drawn.result_of("detect", data, prompts=(sequence(),), **changes)
