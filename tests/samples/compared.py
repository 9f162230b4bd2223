"""Comparisons of two models made by hand: three layers, prompts of eight and six tokens."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.samples.drawn import PROMPTS, model, result_of

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

ERRORS = np.array([0.0, 2e-6, 3e-3, 1e-2])
TOLERANCE = {"dtype": "float32", "logit": 1e-4, "logprob": 1e-4, "stream": 1e-5}


def compare_result(
    *, verdict: str = "apart", heads: bool = False, steps: bool = False, **changes: Any
) -> Result:
    """Return a comparison; KL is largest at position 3 of the second prompt."""
    prompts = changes.pop("prompts", PROMPTS)
    sizes = [len(prompt.tokens) for prompt in prompts]
    params = {
        "with": "",
        "with_dtype": "bfloat16",
        "with_layernorm": "keep",
        "metric": "logit_diff",
    }
    data: dict[str, Any] = {**numbers(verdict), **places(verdict, sizes)}
    data |= streams(verdict)
    data |= {"tolerance": TOLERANCE, "verdict": verdict, "same_files": True}
    data["with_model"] = {**asdict(model(dtype="bfloat16")), "norms": [], "left_out": []}
    data |= ranked() if heads else {}
    data |= stepped() if steps else {}
    data |= changes.pop("data", {})
    return result_of("compare", data, **{"params": params, "prompts": prompts, **changes})


def numbers(verdict: str) -> dict[str, float]:
    """Return the numbers that stand alone."""
    logit, logprob, share = {
        "identical": (0.0, 0.0, 1.0),
        "equal": (5e-5, 4e-5, 1.0),
        "shifted": (2.5, 4e-5, 1.0),
        "apart": (0.75, 0.5, 13 / 14),
    }[verdict]
    return {
        "max_logit_difference": logit,
        "mean_logit_difference": logit / 4,
        "max_logprob_difference": logprob,
        "top1_agreement": share,
    }


def places(verdict: str, sizes: list[int]) -> dict[str, Any]:
    """Return what is told of every position, ragged."""
    known = numbers(verdict)
    kl = [np.zeros(size) for size in sizes]
    same = [np.ones(size, dtype=bool) for size in sizes]
    shift = [np.full(size, 2.0 if verdict == "shifted" else 0.0) for size in sizes]
    if verdict == "apart":
        kl[-1][3], same[-1][3] = 0.125, False
    spread = 1e-5 if verdict in {"equal", "shifted"} else known["max_logit_difference"]
    return {
        "kl": tuple(kl),
        "kl_of_prompt": np.array([values.mean() for values in kl]),
        "top1_same": tuple(same),
        "logit_difference": tuple(np.full(n, known["max_logit_difference"]) for n in sizes),
        "logprob_difference": tuple(np.full(n, known["max_logprob_difference"]) for n in sizes),
        "logit_shift": tuple(shift),
        "logit_shift_spread": tuple(np.full(n, spread) for n in sizes),
        "resid_error": tuple(np.outer(ERRORS, np.ones(n)) for n in sizes),
    }


def streams(verdict: str) -> dict[str, Any]:
    """Return how far the streams are apart: from layer 2 on, where they are."""
    errors = ERRORS if verdict == "apart" else np.zeros(4)
    return {
        "resid_relative_error": errors,
        "resid_cosine": 1 - errors**2 / 2,
        "first_apart": 2 if verdict == "apart" else math.nan,
    }


def ranked() -> dict[str, Any]:
    """Return effects of 3 × 4 heads; L1H2 harms most in both, L0H0 in the second alone."""
    one = np.arange(12.0).reshape(3, 4) / 4
    one[1, 2] = -5.0
    two = one.copy()
    two[0, 0] = -3.0
    return {
        "base": np.array([4.0, 4.5]),
        "with_base": np.array([4.0, 4.5]),
        "head_effect": np.stack([one, one], axis=-1),
        "head_effect_mean": one,
        "with_head_effect": np.stack([two, two], axis=-1),
        "with_head_effect_mean": two,
        "head_spearman": 0.875,
        "head_overlap": 9,
        "read_position": np.array([7, 5]),
    }


def stepped(*, inert: bool = False) -> dict[str, Any]:
    """Return three steps and a curve of three eps."""
    words = ("eps 1e12 in every norm", "weights of the other norms", "weights of the blocks' norms")
    rows = [
        {
            "step": f"undone: {told}" if inert else told,
            "norms": 7,
            "moved": 2.0 + number,
            "moved_from_own": 2.5,
            "from_plain": 1e-6 if number == 2 else 1.0,
            "top1_agreement": 0.25,
            "destroyed": True,
        }
        for number, told in enumerate(words)
    ]
    found: dict[str, Any] = {"steps": tuple(rows), "inert": inert}
    if not inert:
        found |= {"eps": np.array([1e4, 1e8, 1e12]), "eps_error": np.array([1e-3, 1e-5, 1e-6])}
        found["eps_unscaled"] = np.array([1.5, 1.6, 1.7])
    return found


def overflowed() -> Result:
    """Return what float16 gives of a stream that is too large for it, from layer 1 on."""
    errors = np.array([2.9e-4, math.inf, math.nan, math.nan])
    lengths = [len(prompt.tokens) for prompt in PROMPTS]
    lost = ("kl", "logit_difference", "logprob_difference", "logit_shift", "logit_shift_spread")
    effects = ranked()
    nothing = np.full((3, 4), math.nan)
    data = {
        "resid_relative_error": errors,
        "resid_cosine": np.array([1 - 4e-8, math.nan, math.nan, math.nan]),
        "first_apart": 1,
        "resid_error": tuple(np.outer(errors, np.ones(n)) for n in lengths),
        "max_logit_difference": math.nan,
        "mean_logit_difference": math.nan,
        "max_logprob_difference": math.nan,
        **{name: tuple(np.full(n, math.nan) for n in lengths) for name in lost},
        "with_head_effect": np.stack([nothing, nothing], axis=-1),
        "with_head_effect_mean": nothing,
        "head_spearman": math.nan,
        "head_overlap": 0,
        "tolerance": {**TOLERANCE, "dtype": "float16", "stream": 8 / 2**10},
    }
    curve = {"eps_error": np.array([1e-3, math.inf, math.nan])}
    return compare_result(data={**effects, **stepped(), **data, **curve})
