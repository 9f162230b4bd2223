"""Results of steering, made by hand."""

from __future__ import annotations

import math

from desktop_app.contract.steering import timeline
from tests.samples.drawn import PROMPTS, result_of

NAN = math.nan


def strip(ids, texts, logprobs, plain=None, **more):
    """Return what one run says after one prompt."""
    plain = logprobs if plain is None else plain
    loss = -sum(plain) / len(plain) if plain else NAN
    top = [
        [[i, t, p], *([90 + k, f" other{k}", p - 1 - k] for k in range(4))]
        for i, t, p in zip(ids, texts, logprobs, strict=True)
    ]
    found = {
        "ids": list(ids),
        "pieces": [t.replace(" ", "Ġ") for t in texts],
        "texts": list(texts),
        "logprobs": list(logprobs),
        "plain_logprobs": list(plain),
        "top": top,
        "text": "".join(texts),
        "loss": loss,
        "ended": False,
    }
    return found | more


PLAIN = strip([10, 11, 12, 13], [" very", " good", ",", " and"], [-0.5, -0.1, -1.2, -2.4])
SECOND = strip([20, 21, 22, 23], [" we", " are", " here", "."], [-1.5, -0.3, -0.2, -0.9])
STEERED = strip(
    [10, 14, 15, 16],
    [" very", " cold", " and", " wet"],
    [-0.6, -0.9, -0.2, -3.0],
    [-0.5, -6.5, -1.0, -12.0],
)
CONTROL = strip([10, 11, 12, 17], [" very", " good", ",", " so"], [-0.5, -0.2, -1.1, -1.9])
SAID = strip(
    [18, 19, 12, 13],
    [" cold", " today", ",", " and"],
    [-0.2, -0.7, -1.0, -2.2],
    prompt="Say that it is cold.\n1 2 3 4 ",
    prompt_ids=[1, 2, 3],
)


def plain_result(**changes):
    """Return plain generation after two prompts."""
    data = {"plain": (PLAIN, SECOND)}
    return result_of("steer", data, params={"max_new_tokens": 4, **changes})


def steer_result(**changes):
    """Return plain, steered, control and said after two prompts, zeroing at the first's end."""
    steps, lengths = 4, [len(p.tokens) for p in PROMPTS]
    acts = [("-1", "prompt")]
    shapes = tuple([[1, n if step == 0 else 1, 8] for step in range(steps)] for n in lengths)
    data = {
        "plain": (PLAIN, SECOND),
        "steered": (STEERED, SECOND),
        "control": (CONTROL, SECOND),
        "said": (SAID, SECOND | {"prompt": "x", "prompt_ids": [1]}),
        "differs": (True, False),
        "shapes": shapes,
        "timeline": tuple(timeline(acts, n, steps, cached=True) for n in lengths),
        "recompute": tuple({"same_tokens": True, "max_logit_difference": 2e-6} for _ in lengths),
    }
    params = {"max_new_tokens": 4, "layer": 1, "from": ["hot"], "to": ["cold"], "coef": [4.0]}
    return result_of("steer", data, params={**params, "say": "Say that it is cold.", **changes})
