"""Hand-made results over as many prompts as one likes: half of the cells do something, half not."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.samples import drawn
from tests.samples.attributed import attribute_result, parts
from tests.samples.patching import finish, patch_data

TEXTS = ("1 2 3 4 ", "2 3 4 5 ", "1 3 4 5 ", "1 2 4 5 ", "2 3 5 6 ", "1 2 3 6 ")


def prompts(count, corrupt=None):
    """Return so many prompts of one length."""
    return tuple(drawn.prompt(TEXTS[i % len(TEXTS)], corrupt) for i in range(count))


def effects(*shape, count, seed=5):
    """Return values `[…, N]`: every second cell lies far below 0 on each prompt, others around."""
    noise = np.random.default_rng(seed).normal(0, 1, (*shape, count))
    cells = np.arange(int(np.prod(shape))).reshape(shape)[..., None]
    return np.where(cells % 2 == 1, -3 - np.abs(noise), noise / 4)


@cache
def ablated(count, layers=3, heads=4):
    """Return the effects of heads; of L5, H1 and H3 do much."""
    effect = effects(layers, heads, count=count)
    base = np.full(count, 8.0)
    data = {
        "base": base,
        "base_mean": 8.0,
        "base_sem": 0.0,
        "layers": np.arange(4, 4 + layers),
        "read_position": np.full(count, 7),
        "answer_rank": np.zeros(count),
        "task_done": np.ones(count, bool),
    }
    arrays = {"effect": effect, "ablated": base + effect, "percent": 100 * (base + effect) / base}
    for name, values in arrays.items():
        sem = values.std(-1, ddof=1) / np.sqrt(count) if count > 1 else values[..., 0] * np.nan
        data |= {name: values, f"{name}_mean": values.mean(-1), f"{name}_sem": sem}
    return drawn.ablate_result(data=data, prompts=prompts(count))


@cache
def patched(count, ragged=False):
    """Return shares of 3 layers at 8 positions, both ways."""
    told = prompts(count, "1 2 6 4 ")
    restored = [*np.moveaxis(-effects(3, 8, count=count) / 4, -1, 0)]
    broken = [*np.moveaxis(-effects(3, 8, count=count, seed=6) / 4, -1, 0)]
    data = patch_data(restored, broken, [4.0] * count, [-4.0] * count, ragged=ragged)
    return finish(data, told, {})


@cache
def attributed(count):
    """Return what 2 layers of 4 heads add."""
    data = parts(count, 2, 4)
    data["head"] = -effects(2, 4, count=count)
    data["mlp"] = -effects(2, count=count, seed=8)
    return attribute_result(prompts=prompts(count), shape=(2, 4), data=data)
