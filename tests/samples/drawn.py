"""Hand-made results whose numbers can be followed by eye."""

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


def model(**changes: Any) -> ModelInfo:
    values: dict[str, Any] = {
        "name": "smollm2",
        "source": "catalogue",
        "fingerprint": "00ff",
        "n_layers": 3,
        "n_heads": 4,
        "n_kv_heads": 2,
        "d_model": 8,
        "d_head": 2,
        "d_vocab": 50,
        "n_ctx": 64,
        "parameters": 1234,
        "architecture": "LlamaForCausalLM",
        "device": "cpu",
        "dtype": "float32",
    }
    return ModelInfo(**{**values, **changes})


VOCABULARY = {" ": 216, "1": 33, "2": 34, "3": 35, "4": 36, "5": 37, "6": 38, "x": 99}


def tokens(*texts: str) -> TokenList:
    ids = tuple(VOCABULARY[t] for t in texts)
    return TokenList(ids, tuple(t.replace(" ", "Ġ") for t in texts), texts)


def answer(text: str) -> AnswerRecord:
    return AnswerRecord(text, tokens(*text))


def prompt(text: str, corrupt: str | None = None, right: str = "5", wrong: str = "4"):
    return PromptRecord(
        text=text,
        tokens=tokens(*text),
        read_position=len(text) - 1,
        corrupt_text=corrupt,
        corrupt_tokens=None if corrupt is None else tokens(*corrupt),
        answers=(answer(right),),
        wrongs=(answer(wrong),),
    )


PROMPTS = (
    prompt("1 2 3 4 ", "1 2 4 3 "),
    prompt("2 3 4 ", "4 3 2 4 ", right="5", wrong="4"),
)


def result_of(analysis: str, data: dict[str, Any], **changes: Any) -> Result:
    values: dict[str, Any] = {
        "params": {},
        "model": model(),
        "prompts": PROMPTS,
        "provenance": {"bos": "not added", "weights": "raw"},
        "timing": Timing(1.24, 3, 1000),
    }
    return Result(analysis=analysis, data=data, **{**values, **changes})


def tokens_result(**changes: Any) -> Result:
    prompts = changes.get("prompts", PROMPTS)
    data: dict[str, Any] = {
        "ids": tuple(p.tokens.ids for p in prompts),
        "pieces": tuple(p.tokens.pieces for p in prompts),
        "texts": tuple(p.tokens.texts for p in prompts),
        "offsets": tuple(tuple((i, i + 1) for i in range(len(p.tokens))) for p in prompts),
        "special": tuple((False,) * len(p.tokens) for p in prompts),
        "lengths": np.array([len(p.tokens) for p in prompts]),
    }
    data |= changes.pop("data", {})
    notices = (
        Notice("trailing_space", "Prompt 1 ends in a space.", {"index": 0, "prompt": "x"}, 0, (7,)),
        Notice("space_token", "Spaces are tokens of their own.", None, 0, (1, 3, 5, 7)),
        Notice("lengths_differ", "Prompts have 8 and 6 tokens."),
    )
    return result_of("tokens", data, **{"warnings": notices, **changes})


def compare_data() -> dict[str, Any]:
    """The first prompt split `1 2| 3| 4| ` by a second tokenizer; the second one alike."""
    first = {
        "ids": [1, 2, 3, 4],
        "pieces": ["1Ġ2", "Ġ3", "Ġ4", "Ġ"],
        "texts": ["1 2", " 3", " 4", " "],
        "offsets": [[0, 3], [3, 5], [5, 7], [7, 8]],
        "groups": [
            {"start": 0, "end": 3, "left": [0, 1, 2], "right": [0], "same": False},
            {"start": 3, "end": 5, "left": [3, 4], "right": [1], "same": False},
            {"start": 5, "end": 7, "left": [5, 6], "right": [2], "same": False},
            {"start": 7, "end": 8, "left": [7], "right": [3], "same": True},
        ],
    }
    same = {
        "ids": [1] * 6,
        "pieces": list("2Ġ3Ġ4Ġ"),
        "texts": list("2 3 4 "),
        "offsets": [[i, i + 1] for i in range(6)],
        "groups": [
            {"start": i, "end": i + 1, "left": [i], "right": [i], "same": True} for i in range(6)
        ],
    }
    return {"compare": {"model": "gpt2", "prompts": [first, same]}}


def padding_data() -> dict[str, Any]:
    names = (
        ("alone", 7, 0.0, True),
        ("right-padded, read at −1", 11, 14.2, False),
        ("right-padded, read at its own end", 7, 0.0, True),
        ("left-padded without a mask", 11, 2.2, False),
        ("left-padded with a mask", 11, 4e-5, True),
    )
    top = {"id": 37, "piece": "5", "text": "5", "prob": 0.919}
    cases = [
        {
            "case": name,
            "read_position": read,
            "top": top,
            "answer_logit": 25.9,
            "max_logit_difference": difference,
            "agrees": agrees,
        }
        for name, read, difference, agrees in names
    ]
    return {"padding_demo": (cases, cases)}


def row(text: str, prob: float, **extra: Any) -> dict[str, Any]:
    logprob = math.log(prob)
    base = {"id": VOCABULARY[text], "piece": text.replace(" ", "Ġ"), "text": text}
    return {**base, "logit": 26 + logprob, "logprob": logprob, "prob": prob, **extra}


def rank_result(**changes: Any) -> Result:
    top = [row("5", 0.7), row("4", 0.2), row(" ", 0.1)]
    two = [
        {"text": "5", "rows": [row("5", 0.7, rank=0)], "logprob_total": math.log(0.7)},
        {
            "text": "56",
            "rows": [row("5", 0.7, rank=0), row("6", 0.5, rank=1)],
            "logprob_total": math.log(0.35),
        },
    ]
    wrong = [{"text": "4", "rows": [row("4", 0.2, rank=1)], "logprob_total": math.log(0.2)}]
    data: dict[str, Any] = {
        "top": (top, top[:2]),
        "answers": (two, two[:1]),
        "wrong": (wrong, wrong),
        "logit_diff": np.array([2.0, 4.0]),
        "logit_diff_mean": 3.0,
        "logit_diff_sem": 1.0,
        "prompt_logprob": (np.full(7, -0.5), np.array([-1.0, -2.0, -3.0, -4.0, -5.0])),
        "prompt_rank": (np.arange(7), np.arange(5)),
        "read_position": np.array([7, 5]),
    }
    data |= changes.pop("data", {})
    return result_of("rank", data, **changes)


def ablate_result(*, component: str = "head", **changes: Any) -> Result:
    """Three layers of four heads and two prompts; L1H3 takes 3 of 4 and 1 of −2."""
    base = np.array([4.0, -2.0])
    effect = np.zeros((3, 4, 2))
    effect[1, 3] = (-3.0, -1.0)
    effect[0, 2] = (1.0, 0.5)
    percent = 100 * (base + effect) / base
    percent[:, :, 1] = np.nan
    arrays = {"effect": effect, "ablated": base + effect, "percent": percent}
    if component != "head":
        arrays = {name: values[:, 3] for name, values in arrays.items()}
    data: dict[str, Any] = {
        "base": base,
        "base_mean": 1.0,
        "base_sem": 3.0,
        "layers": np.array([4, 5, 6]),
        "read_position": np.array([7, 5]),
        "answer_rank": np.array([0.0, 3.0]),
        "task_done": np.array([True, False]),
        "mode": "zero",
        "kept": "every other head and every MLP",
    }
    for name, values in arrays.items():
        data[name] = values
        data[f"{name}_mean"] = np.nanmean(values, axis=-1)
        data[f"{name}_sem"] = np.abs(values[..., 0] - values[..., 1]) / 2
    data |= changes.pop("data", {})
    params = {"component": component, "metric": "logit_diff", "positions": "all"}
    return result_of("ablate", data, **{"params": params, **changes})


def causal(length: int, layers: int, heads: int, seed: int = 0) -> np.ndarray:
    """Return random patterns [L, H, S, S] whose rows sum to 1."""
    raw = np.random.default_rng(seed).random((layers, heads, length, length), dtype=np.float32)
    raw = np.tril(raw**4) + 1e-6 * np.eye(length, dtype=np.float32)
    return raw / raw.sum(axis=-1, keepdims=True)


def attention_result(**changes: Any) -> Result:
    """Layers 4, 5 and heads 0 to 3; two query heads share a key-value head."""
    patterns = tuple(causal(len(p.tokens), 2, 4, i) for i, p in enumerate(PROMPTS))
    for pattern in patterns:
        pattern[1, 2] = np.eye(pattern.shape[-1])  # L5H2 looks only at itself
    entropy = np.ones((2, 4, 2))
    entropy[1, 2] = 0.0
    data: dict[str, Any] = {
        "pattern": patterns,
        "thumbnail": patterns,
        "entropy": entropy,
        "layers": np.array([4, 5]),
        "head_indices": np.arange(4),
        "kv_head": np.array([0, 0, 1, 1]),
    }
    data |= changes.pop("data", {})
    return result_of("attention", data, **changes)
