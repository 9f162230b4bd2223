"""Results of attribution made by hand: two layers of three heads, parts that sum to the whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from desktop_app.analyses.attribute.split import mean, sem
from desktop_app.contract.result import Result, Timing
from tests.samples.drawn import PROMPTS, model, prompt, result_of

LAYERS, HEADS = 2, 3
PER_PROMPT = {"base", "embed", "head", "attn_bias", "mlp", "bias", "sum_error", "cumulative"}


def attribute_result(
    *, count: int = 2, by_source: bool = False, neurons: int = 0, **changes: Any
) -> Result:
    """Return a split of logit differences; L1H2 adds most, L0 MLP takes most away."""
    prompts = changes.pop("prompts", PROMPTS[:count])
    layers, heads = changes.pop("shape", (LAYERS, HEADS))
    params = {"token": "", "position": -1, "layer": None, "by_source": by_source}
    params = {**params, "neurons": neurons, **changes.pop("params", {})}
    data = {
        **parts(len(prompts), layers, heads),
        "read_position": np.array([p.read_position for p in prompts]),
    }
    data |= {"source": sources(data["head"], prompts)} if by_source else {}
    data |= listed(neurons, len(prompts)) if neurons else {}
    data |= changes.pop("data", {})
    for name in PER_PROMPT & data.keys():
        twins = mean(np.asarray(data[name])), sem(np.asarray(data[name]))
        data |= dict(zip((f"{name}_mean", f"{name}_sem"), twins, strict=True))
    made = changes.pop("model", model(n_layers=layers, n_heads=heads, n_kv_heads=heads))
    told = {"params": params, "prompts": prompts, "model": made, "timing": Timing(0.4, 1, 1000)}
    return result_of("attribute", data, **{**told, **changes})


def parts(count: int, layers: int = LAYERS, heads: int = HEADS) -> dict[str, Any]:
    """Return the fields of a whole split, of prompts that differ a little."""
    head, mlp = np.zeros((layers, heads, count)), np.zeros((layers, count))
    head[0, 1], head[1, 0], head[1, 2] = 0.25, -0.5, 3.0
    mlp[0], mlp[1] = -1.0, 0.5
    for number in range(count):
        head[:, :, number] *= 1 + number / 2
    embed, bias = np.full(count, 0.125), np.full(count, -0.0625)
    attn_bias = np.full((layers, count), 0.03125)
    steps = [embed]
    for layer in range(layers):
        steps += [head[layer].sum(0) + attn_bias[layer], mlp[layer]]
    cumulative = np.cumsum(np.stack(steps), axis=0)
    error = 2e-6 * (1 + np.arange(count))
    return {
        "base": cumulative[-1] + bias - error,
        "embed": embed,
        "head": head,
        "attn_bias": attn_bias,
        "mlp": mlp,
        "bias": bias,
        "sum_error": error,
        "cumulative": cumulative,
    }


def sources(head: np.ndarray, prompts: Any) -> tuple[np.ndarray, ...]:
    """Return per prompt `[L, H, S]`: three quarters from the first token, the rest from the end."""
    found = []
    for number, record in enumerate(prompts):
        one = np.zeros((*head.shape[:2], len(record.tokens)))
        one[:, :, 0] = 0.75 * head[:, :, number]
        one[:, :, record.read_position] += 0.25 * head[:, :, number]
        found.append(one)
    return tuple(found)


def listed(neurons: int, count: int) -> dict[str, Any]:
    """Return as many neurons, the largest first, by turns of either layer."""
    places = np.arange(neurons)[:, None] * np.ones((1, count), dtype=int)
    return {
        "neuron_layer": places % LAYERS,
        "neuron": 7 + places,
        "neuron_value": (-1.0) ** places / (2 + places),
    }


def even_prompts(count: int) -> tuple[Any, ...]:
    """Return prompts of one length."""
    return tuple(prompt("1 2 3 4 ", right="5", wrong="4") for _number in range(count))
