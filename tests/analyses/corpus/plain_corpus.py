"""Heads over text by loops over TransformerLens' own cache, a number at a time."""

from __future__ import annotations

import math

import numpy as np
import torch

TEXT = "the a cat dog sat ran on under mat log Monday Tuesday one two 1 2 3 4 5 6 7 8 9 , ."


def some_text(words, seed=0):
    """Return a text of words drawn at random, which repeats itself now and then."""
    return " ".join(np.random.default_rng(seed).choice(TEXT.split(), words))


def cut(model, text, window, bos="auto"):
    """Return the windows of a text: all of its tokens, cut; and what each begins with."""
    plain = model.tokenizer.encode(text, "no").ids
    whole = model.tokenizer.encode("a", bos).ids
    lead = whole[: len(whole) - len(model.tokenizer.encode("a", "no").ids)]
    size = window - len(lead)
    return [[*lead, *plain[n : n + size]] for n in range(0, len(plain) - size + 1, size)]


def patterns(model, ids):
    """Return the pattern `[L, H, S, S]` of one window, float64."""
    with torch.no_grad():
        _logits, cache = model.bridge.run_with_cache(
            torch.tensor([ids]), names_filter=lambda name: name.endswith("hook_pattern")
        )
    layers = range(model.info.n_layers)
    found = [cache[f"blocks.{n}.attn.hook_pattern"][0].double() for n in layers]
    return torch.stack(found).numpy()


def query_numbers(row, q, ids):
    """Return what one row of a pattern gives to each measure; None where it does not count."""
    earlier = [j for j in range(q) if ids[j] == ids[q]]
    weights = [float(row[k]) for k in range(q + 1)]
    whole = sum(weights)
    return {
        "previous": weights[q - 1],
        "first": weights[0],
        "current": weights[q],
        "duplicate": sum(weights[j] for j in earlier) if earlier else None,
        "induction": sum(weights[j + 1] for j in earlier) if earlier else None,
        "entropy": -sum(w / whole * math.log(w / whole) for w in weights if w > 0),
        "distance": sum(w * (q - k) for k, w in enumerate(weights)),
        "largest": max(weights),
    }


def measures(windows, every, some=None):
    """Return the means of all measures by name, and how many queries counted.

    The means are `[L, H]`, NaN where a head is none of `some`.
    """
    shape = every[0].shape[:2]
    found, counts = {}, {}
    for layer, head in some or np.ndindex(shape):
        values = {}
        for ids, pattern in zip(windows, every, strict=True):
            for q in range(1, len(ids)):
                for name, value in query_numbers(pattern[layer, head, q], q, ids).items():
                    values.setdefault(name, [])
                    values[name] += [] if value is None else [value]
        for name, numbers in values.items():
            table = found.setdefault(name, np.full(shape, np.nan))
            counts[name] = len(numbers)
            table[layer, head] = sum(numbers) / len(numbers) if numbers else np.nan
    return found, counts


def all_places(every, layer, head):
    """Return every (weight, window, q, k) off position 0 and off q, the largest first."""
    found = []
    for window, pattern in enumerate(every):
        x = pattern[layer, head]
        for q in range(2, len(x)):
            found += [(float(x[q, k]), window, q, k) for k in range(1, q)]
    return sorted(found, key=lambda place: (-place[0], *place[1:]))


def largest_weights(every, layer, head):
    """Return the largest such weight of each query from the third on, by (window, q)."""
    return {
        (window, q): float(pattern[layer, head, q, 1:q].max())
        for window, pattern in enumerate(every)
        for q in range(2, pattern.shape[-1])
    }


def attended(windows, every, layer, head):
    """Return what each token is given over all its places but position 0."""
    sums = {}
    for ids, pattern in zip(windows, every, strict=True):
        for k in range(1, len(ids)):
            given = float(pattern[layer, head, :, k].sum())
            sums[ids[k]] = sums.get(ids[k], 0.0) + given
    return sums
