"""Hand-made results of all analyses, with every kind of value that a session must keep."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from desktop_app.contract.result import (
    AnswerRecord,
    ModelInfo,
    Notice,
    PromptRecord,
    Result,
    Timing,
    TokenList,
)

MODEL = ModelInfo(
    name="toy ␠",
    source="catalogue",
    fingerprint="00ff",
    n_layers=3,
    n_heads=4,
    n_kv_heads=2,
    d_model=8,
    d_head=2,
    d_vocab=50,
    n_ctx=64,
    parameters=1234,
    architecture="GPT2LMHeadModel",
    device="cpu",
    dtype="float32",
)


def tokens_of(*pieces: str) -> TokenList:
    return TokenList(tuple(range(7, 7 + len(pieces))), pieces, tuple(p.lower() for p in pieces))


PROMPTS = (
    PromptRecord(
        text="1 2 ",
        tokens=tokens_of("<s>", "1", "Ġ2", "Ġ"),
        read_position=3,
        corrupt_text="2 1 ",
        corrupt_tokens=tokens_of("<s>", "2", "Ġ1", "Ġ"),
        answers=(AnswerRecord("3", tokens_of("3")),),
        wrongs=(AnswerRecord("|", tokens_of("|", "\x00")),),
    ),
    PromptRecord(text='é"\n\ud800,', tokens=tokens_of("Ã", "©"), read_position=-1),
)


def result_of(analysis: str, data: dict[str, Any], **changes: Any) -> Result:
    values: dict[str, Any] = {
        "params": {"layers": ":", "reference": ("a ", "b"), "top": 10, "chat": False, "x": None},
        "model": MODEL,
        "prompts": PROMPTS,
        "warnings": (
            Notice("space_token", "A space.", {"index": 0, "prompt": "1 2 "}, 0, (3,)),
            Notice("not_finite", "Layer 1.", None),
        ),
        "provenance": {"lensbench": "0.1.0", "seed": 0, "created": "2026-11-21T10:00:00+00:00"},
        "timing": Timing(1.25, 3, 4096),
        "version": "0.1.0",
    }
    return Result(analysis, data=data, **(values | changes))


def tokens_result() -> Result:
    compare = {
        "model": "other",
        "prompts": [{"ids": [1, 2], "groups": [{"start": 0, "left": [0, 1], "same": True}]}, {}],
    }
    padding = {"case": "alone", "top": {"id": 5, "prob": 0.1 + 0.2}, "answer_logit": None}
    return result_of(
        "tokens",
        {
            "ids": ((7, 8, 9, 10), (7, 8)),
            "pieces": (("<s>", "1", "Ġ2", "Ġ"), ("Ã", "\x00")),
            "texts": (("<s>", "1", " 2", " "), ("\ud800", "�")),
            "offsets": (((0, 0), (0, 1), (1, 3), (3, 4)), ((0, 1), (1, 2))),
            "special": ((True, False, False, False), (False, False)),
            "lengths": np.array([4, 2]),
            "compare": compare,
            "padding_demo": ([{**padding, "agrees": True}], [{**padding, "agrees": False}]),
        },
    )


def rank_result() -> Result:
    def row(token: int) -> dict[str, Any]:
        return {"id": token, "piece": "Ġ2", "text": " 2", "logit": token + 1 / 3, "prob": 0.1}

    answer = {"text": "3", "rows": [{**row(3), "rank": 0}], "logprob_total": -math.inf}
    return result_of(
        "rank",
        {
            "top": ([row(1), row(2)], [row(3)]),
            "answers": ([answer], []),
            "wrong": ([], []),
            "logit_diff": np.array([5.889, np.nan]),
            "logit_diff_mean": 5.889,
            "logit_diff_sem": math.nan,
            "prompt_logprob": (np.array([-1.5, -0.0, 1e-320]), np.array([-2.0])),
            "prompt_rank": (np.array([3, 0, 12]), np.array([1])),
            "read_position": np.array([3, 1]),
            "single": np.float32(0.1),
            "numbers": {3: "three", (1, 2): -math.inf, "$tuple": "not a tag"},
        },
    )


def ablate_result(layers: tuple[int, ...] = (1, 2)) -> Result:
    numbers = np.random.default_rng(0)
    shape = (len(layers), 4, 2)
    effect = numbers.standard_normal(shape)
    percent = 100 * effect
    percent[0, 1, 1] = np.nan
    return result_of(
        "ablate",
        {
            "base": np.array([2.0, -1.0]),
            "base_mean": 0.5,
            "base_sem": 1.5,
            "ablated": effect + 2,
            "effect": effect,
            "percent": percent,
            "effect_mean": effect.mean(-1),
            "effect_sem": effect.std(-1).astype(np.float32),
            "layers": np.array(layers),
            "read_position": np.array([3, 1]),
            "answer_rank": np.array([0.0, np.nan]),
            "task_done": np.array([True, False]),
            "mode": "mean",
            "kept": "Everything else, intact.",
        },
    )


def patterns(length: int, seed: int) -> np.ndarray:
    """Return float32 [2, 3, length, length]: lower triangular, rows that sum to about 1."""
    weights = np.random.default_rng(seed).random((2, 3, length, length), np.float32)
    weights = np.tril(weights)
    return weights / weights.sum(-1, keepdims=True)


def attention_result(pattern: tuple[Any, ...] | None = None) -> Result:
    pattern = pattern or (patterns(160, 1), patterns(5, 2))
    entropy = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    return result_of(
        "attention",
        {
            "pattern": pattern,
            "thumbnail": tuple(np.ones((2, 3, 4, 4), np.float32) for _ in pattern),
            "entropy": entropy[..., : len(pattern)],
            "layers": np.array([1, 2]),
            "head_indices": np.array([0, 2, 3]),
            "kv_head": np.array([0, 1, 1]),
        },
        prompts=PROMPTS[: len(pattern)],
    )


ALL = {
    "tokens": tokens_result,
    "rank": rank_result,
    "ablate": ablate_result,
    "attention": attention_result,
}


def assert_same(left: Any, right: Any, path: str = "") -> None:
    """Compare bit for bit: kinds, shapes, dtypes, NaN payloads, signs of zero."""
    if isinstance(left, np.ndarray):
        array = np.asarray(right)
        assert not array.flags.writeable, path
        assert (left.shape, left.dtype) == (array.shape, array.dtype), path
        assert left.tobytes() == array.tobytes(), path
        return
    assert type(left) is type(right), path
    if isinstance(left, dict):
        assert list(left) == list(right), path
        for key in left:
            assert_same(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), path
        for i, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_same(a, b, f"{path}.{i}")
    elif isinstance(left, float):
        assert repr(left) == repr(right), path
    else:
        assert left == right, path


def assert_same_result(left: Result, right: Result) -> None:
    assert_same(dict(left.data), dict(right.data))
    for name in ("analysis", "model", "prompts", "warnings", "timing", "schema", "version"):
        assert getattr(left, name) == getattr(right, name), name
    assert_same(left.params, right.params)
    assert_same(left.provenance, right.provenance)
