"""Hand-made lens results whose numbers can be followed by eye: 3 blocks, so 4 rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.samples import drawn, patching

if TYPE_CHECKING:
    from desktop_app.contract.result import PromptRecord

IDS = {"5": 37, "4": 36, "x": 99, "␠": 216}
TOKENS = (36, 37, 99, 216)
TEXTS = ("4", "5", "x", " ")
RISES = (12.0, 3.0, 0.0, 0.0)
"""The rank of the answer at the read position, from the embeddings to the end: on top from 2 on."""


def top_of(length: int, ranks=RISES) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and probabilities [4, S, 3]: `x` in early rows, the answer where it is on top."""
    ids = np.full((4, length, 3), -1, dtype=np.int32)
    probs = np.full((4, length, 3), np.nan, dtype=np.float32)
    for row, rank in enumerate(ranks):
        for position in range(length):
            first = 37 if rank == 0 and position == length - 1 else 99
            rest = [token for token in TOKENS if token != first][:2]
            ids[row, position] = (first, *rest)
            probs[row, position] = (0.2 + 0.1 * row, 0.15, 0.1)
    return ids, probs


def scores_of(length: int, ranks=RISES, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Return the scores [4, S]."""
    rank = np.full((4, length), 20.0)
    rank[:, -1] = ranks
    logprob = -np.log1p(rank) - 0.1
    diff = np.arange(4.0)[:, None] - 1 + shift + 0.01 * np.arange(length)
    scores = {"answer_rank": rank, "answer_logprob": logprob, "logit_diff": diff}
    return {**scores, "wrong_rank": np.ones((4, length))}


def run_fields(prefix: str, prompts, ranks=RISES, shift: float = 0.0, lacking=()) -> dict[str, Any]:
    """Return the fields of one run, those of prompts of several lengths one by one.

    The prompts of the numbers `lacking` have no such run: no top token, and no score.
    """
    lengths = [len(prompt.tokens) for prompt in prompts]
    tops = [top_of(length, ranks) for length in lengths]
    scores = [scores_of(n, ranks, shift + place) for place, n in enumerate(lengths)]
    for number in lacking:
        tops[number] = tuple(grid[:, :0] for grid in tops[number])
        scores[number] = {name: grid * np.nan for name, grid in scores[number].items()}
    found: dict[str, Any] = {
        f"{prefix}top": tuple(ids for ids, _probs in tops),
        f"{prefix}top_prob": tuple(probs for _ids, probs in tops),
    }
    for name in ("answer_rank", "answer_logprob", "logit_diff", "wrong_rank"):
        each = [one[name] for one in scores]
        if len(set(lengths)) > 1:
            found[f"{prefix}{name}"] = tuple(each)
            continue
        stacked = np.stack(each, axis=-1)
        found[f"{prefix}{name}"] = stacked
        found[f"{prefix}{name}_mean"] = np.nanmean(stacked, -1)
        found[f"{prefix}{name}_sem"] = np.full(stacked.shape[:-1], 0.25)
    return found


def lens_result(
    *, prompts: tuple[PromptRecord, ...] = (patching.PAIR,), changed: bool = False, **changes: Any
):
    """Return a lens of prompts with their twins; the answer is on top from layer 2 on."""
    data = run_fields("", prompts)
    twins = [prompt.corrupt_tokens for prompt in prompts]
    lacking = [number for number, twin in enumerate(twins) if twin is None]
    if len(lacking) < len(prompts):
        data |= run_fields("corrupt_", prompts, (30.0, 25.0, 9.0, 4.0), -3.0, lacking)
    if changed:
        data |= run_fields("changed_", prompts, (12.0, 8.0, 5.0, 2.0), -1.0)
    data |= {
        "token_ids": np.array(TOKENS),
        "token_texts": TEXTS,
        "token_pieces": ("4", "5", "x", "Ġ"),
        "read_position": np.array([prompt.read_position for prompt in prompts]),
        "end_difference": np.zeros(len(prompts)),
    }
    params = {"kind": "logit", "top": 3, "without": "", "mode": "zero", "run": "corrupt"}
    params |= {"moves": (), **changes.pop("params", {})}
    return drawn.result_of(
        "lens", {**data, **changes.pop("data", {})}, params=params, prompts=prompts, **changes
    )


def alone_result(**changes: Any):
    """Return the lens of a prompt without a twin."""
    return lens_result(prompts=(drawn.prompt("1 2 3 4 "),), **changes)


def ragged_result(**changes: Any):
    """Return the lens of prompts of 8 and 10 tokens."""
    return lens_result(prompts=(patching.PAIR, patching.LONGER), **changes)


def mixed_result(**changes: Any):
    """Return the lens of a pair, and of a prompt of its length without a twin."""
    return lens_result(prompts=(patching.PAIR, drawn.prompt("1 2 4 3 ")), **changes)


def changed_result(**changes: Any):
    """Return the lens of a pair, and of its clean run without L1H2."""
    params = {"without": "1.2", **changes.pop("params", {})}
    return lens_result(changed=True, params=params, **changes)


def moved_result(**changes: Any):
    """Return the lens of a pair, and of its corrupt run with one activation put in."""
    params = {"moves": ("clean:resid_post:1.4>1.4",), **changes.pop("params", {})}
    return lens_result(changed=True, params=params, **changes)
