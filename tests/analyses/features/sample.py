"""Results of features whose numbers can be followed by eye."""

from __future__ import annotations

import numpy as np

from desktop_app.contract.result import PromptRecord, TokenList
from tests.samples import drawn

TEXTS = ("<s>", " the", " cat", " sat", " on", " a", " mat", ".", " Of", " dog")
FEATURES, WINDOWS, WINDOW = 6, 4, 8
CHOSEN = 2
IDS = np.array(
    [
        [0, 1, 2, 3, 4, 1, 6, 7],
        [0, 5, 9, 3, 4, 5, 6, 7],
        [0, 8, 1, 2, 7, 8, 1, 9],
        [0, 1, 9, 7, 1, 2, 3, 7],
    ],
    dtype=np.int32,
)
# Feature: (window, position, activation); 5 is never active.
ACTIVE = {
    0: ((0, 1, 1.0), (0, 5, 2.0), (2, 2, 3.0), (3, 1, 1.5), (3, 4, 0.5)),
    1: ((0, 2, 8.0), (2, 3, 4.0), (3, 5, 6.0)),
    2: ((0, 6, 10.0), (1, 6, 9.0), (1, 2, 0.4), (2, 7, 0.6), (3, 6, 5.0), (3, 2, 0.9)),
    3: ((2, 1, 12.0), (2, 5, 11.0)),
    4: ((0, 7, 0.25),),
}
CARD = {
    "name": "small",
    "architecture": "topk",
    "model": "toy",
    "hook": "blocks.1.hook_resid_post",
    "layer": 1,
    "site": "resid_post",
    "writes": "",
    "d_in": 8,
    "d_sae": FEATURES,
    "d_out": 8,
    "k": 2,
    "head": -1,
    "b_dec_first": True,
    "scaling": "none",
    "factor": 1.0,
    "rescaled": False,
    "skip": False,
    "finetuned": False,
    "facts": {"data": "a text of cats", "context": "8", "fingerprint": "00ff"},
}


def prompt(*ids):
    """Return a prompt of these tokens."""
    texts = tuple(TEXTS[i] for i in ids)
    return PromptRecord(
        text="".join(texts[1:]),
        tokens=TokenList(tuple(ids), tuple(t.replace(" ", "Ġ") for t in texts), texts),
        read_position=len(ids) - 1,
    )


PROMPTS = (prompt(0, 1, 2, 3, 4, 5, 6), prompt(0, 8, 1, 9, 7))


def row(token, value):
    """Return one row of a list of tokens."""
    return {"id": token, "piece": TEXTS[token].replace(" ", "Ġ"), "text": TEXTS[token],
            "value": value}  # fmt: skip


def per_token():
    """Return the fields of the prompts."""
    top = (
        np.array([[3, 4], [0, -1], [1, 2], [2, 0], [0, 1], [0, 2], [2, 1]]),
        np.array([[3, 4], [3, -1], [0, -1], [2, 1], [-1, -1]]),
    )
    values = (
        np.array([[40.0, 7], [1, 0], [8, 1], [2, 1], [1, 0.5], [2, 0.5], [10, 1]]),
        np.array([[40.0, 7], [12, 0], [3, 0], [0.6, 0.5], [0, 0]]),
    )
    return {
        "top": top,
        "top_activation": values,
        "l0_token": tuple((t >= 0).sum(-1) for t in top),
        "error_token": (np.linspace(0.7, 0.1, 7), np.linspace(0.7, 0.3, 5)),
        "variance_explained": np.array([0.83, -0.2]),
        "l0": np.array([13 / 7, 6 / 5]),
        "mse": np.array([0.1, 0.5]),
        "loss": np.array([3.21, 4.0]),
        "loss_spliced": np.array([3.45, 5.5]),
        "loss_change": np.array([0.24, 1.5]),
    }


def closely():
    """Return the fields of the chosen feature."""
    nan = np.nan
    return {
        "activation": (np.array([0.0, 0, 1, 2, 0, 0.5, 10]), np.array([0.0, 0, 0, 0.6, 0])),
        "peak": np.array([6, 3]),
        "ablated_text": (
            np.array([nan, 0.5, -3, -8, -1, 0, nan]), np.array([nan, 0.25, 0.5, nan, nan]),
        ),
        "direction_ablated": (
            np.array([0.0, -0.01, 0.25, -0.5, 0, -4]), np.array([0.0, 0, 0, 0]),
        ),
        "alone": (np.array([0.0, 0, 0.5, 1, 0, 0.25, 0.5]), np.array([0.0, 0, 0, 0.6, 0])),
        "from_embedding": {
            "over": "prompts", "lead": "<s>", "tokens": 10, "active": 5, "largest": 10.0,
            "largest_alone": 1.0, "kept": 0.202, "r2": 0.1, "verdict": "partly",
            "linear_r2": None, "linear_tokens": 0, "linear_reason": "",
        },
        "write": {"top": [row(6, 3.5), row(9, 2.25)], "bottom": [row(8, -4.0), row(1, -0.5)]},
        "read": {"top": [row(2, 1.5), row(3, 1.25)], "bottom": [row(7, -1.0), row(4, -0.5)]},
    }  # fmt: skip


def entries():
    """Return the activations over the corpus, feature by feature."""
    start, place, value = [0], [], []
    for feature in range(FEATURES):
        rows = sorted(ACTIVE.get(feature, ()))
        place += [window * WINDOW + position for window, position, _ in rows]
        value += [activation for *_, activation in rows]
        start.append(len(place))
    return {
        "feature_start": np.array(start),
        "entry_place": np.array(place, dtype=np.int32),
        "entry_value": np.array(value, dtype=np.float32),
        "entries_of": "all",
    }


def example(window, position, activation):
    """Return one example as results keep it."""
    return {"window": window, "position": position, "activation": activation}


def over_text():
    """Return the fields over the corpus."""
    rows = [ACTIVE.get(n, ()) for n in range(FEATURES)]
    values = [np.array([v for *_, v in part]) for part in rows]
    tokens = WINDOWS * (WINDOW - 1)
    own = ACTIVE[CHOSEN]
    intervals = [[own[2], own[3], own[5]], [], [own[4]], [], [own[0], own[1]]]
    return {
        **entries(),
        "density": np.array([len(v) / tokens for v in values]),
        "largest": np.array([v.max(initial=0) for v in values], dtype=np.float32),
        "mean_active": np.array([v.mean() if v.size else np.nan for v in values]),
        "write_top": np.array([[1, 5], [2, 3], [6, 9], [8, 1], [7, 4], [0, 1]], dtype=np.int32),
        "examples": {
            "top": [example(*one) for one in sorted(own, key=lambda one: -one[2])[:3]],
            "intervals": [[example(*one) for one in part] for part in intervals],
        },
        "interval_edges": np.linspace(0, 10, 6),
        "interval_count": np.array([3, 0, 1, 0, 2]),
        "rule": "Top: the 3 tokens of largest activation. Intervals: 5 equal ones.",
        "ids": IDS,
        "window_file": np.array([0, 0, 1, 1]),
        "window_start": np.array([0, 24, 0, 30]),
        "files": ("cats.txt", "dogs.txt"),
        "windows": WINDOWS,
        "tokens_read": tokens,
        "corpus": "animals",
        "corpus_sha256": "ab",
    }


def words():
    """Return the texts of the ids."""
    return {
        "token_ids": np.arange(len(TEXTS)),
        "token_texts": TEXTS,
        "token_pieces": tuple(text.replace(" ", "Ġ") for text in TEXTS),
    }


def fields(*, feature=CHOSEN, corpus=True, prompts=True, lists=False):
    """Return the fields of a run with these parts; `lists`: what all features write."""
    found = {"card": CARD}
    if lists:
        found["write_top"] = over_text()["write_top"]
    if prompts:
        found |= per_token()
    if feature >= 0:
        found |= {k: v for k, v in closely().items() if prompts or k in {"write", "read"}}
    if corpus:
        found |= over_text()
        if feature < 0:
            for name in ("examples", "interval_edges", "interval_count", "rule"):
                del found[name]
    return found | words()


def result(*, feature=CHOSEN, corpus=True, prompts=True, lists=False, **changes):
    """Return a result of two prompts and a corpus of four windows."""
    params = {
        "sae": "/some/where/small", "feature": feature, "top": 2, "ablate": "delete",
        "position": "peak", "corpus": "animals" if corpus else "", "window": WINDOW,
        "tokens": 28, "intervals": 5, "examples": 3, "seed": 0,
    }  # fmt: skip
    values = {
        "model": drawn.model(n_layers=2, d_model=8),
        "params": params,
        "prompts": PROMPTS if prompts else (),
        **changes,
    }
    found = fields(feature=feature, corpus=corpus, prompts=prompts, lists=lists)
    return drawn.result_of("features", found, **values)
