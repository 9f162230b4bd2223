"""A result of heads over text as it is drawn: random patterns over a small text, told by loops."""

from __future__ import annotations

import numpy as np

from tests.samples import drawn

SENTENCE = "the cat sat on the mat and the dog sat on the cat then the cat ran to the mat"
TEXT = SENTENCE.split()
WORDS = ("<s>", *(f" {word}" for word in dict.fromkeys(TEXT)), "\n")
LENGTH = 12


def windows(count=3):
    """Return ids `[windows, LENGTH]`, each beginning with the BOS 0."""
    known = {word: id_ for id_, word in enumerate(WORDS)}
    stream = [known[f" {word}"] for word in TEXT] * count
    size = LENGTH - 1
    rows = [[0, *stream[start * size : (start + 1) * size]] for start in range(count)]
    return np.array(rows, dtype=np.int32)


def patterns(count=3, layers=3, heads=4):
    """Return attention `[windows, L, H, q, k]`; L1H3 looks one back, L2H0 behind its own token."""
    found = np.stack([drawn.causal(LENGTH, layers, heads, seed) for seed in range(count)])
    found = found.astype(np.float64)
    for window, ids in enumerate(windows(count)):
        for query in range(1, LENGTH):
            found[window, 1, 3, query] = 0.1 * np.eye(LENGTH)[0] + 0.9 * np.eye(LENGTH)[query - 1]
            earlier = [k for k in range(query) if ids[k] == ids[query]]
            if earlier:
                found[window, 2, 0, query] = np.eye(LENGTH)[earlier[-1] + 1]
    return found


def measured(attention, ids):
    """Return the measures of every head by plain loops, and over how many queries each is."""
    layers, heads = attention.shape[1:3]
    kinds = (
        "induction", "previous", "duplicate", "first", "current", "largest", "entropy", "distance",
    )  # fmt: skip
    sums, counts = {name: np.zeros((layers, heads)) for name in kinds}, dict.fromkeys(kinds, 0)

    def add(name, values):
        sums[name] += values
        counts[name] += 1

    for window, row in enumerate(ids):
        for query in range(1, len(row)):
            at = attention[window, :, :, query]
            add("previous", at[..., query - 1])
            add("first", at[..., 0])
            add("current", at[..., query])
            add("largest", at.max(-1))
            add("entropy", -(at * np.log(np.where(at > 0, at, 1.0))).sum(-1))
            add("distance", sum(at[..., k] * (query - k) for k in range(query + 1)))
            earlier = [k for k in range(query) if row[k] == row[query]]
            if earlier:
                add("duplicate", sum(at[..., k] for k in earlier))
                add("induction", sum(at[..., k + 1] for k in earlier))
    return {name: sums[name] / counts[name] for name in kinds}, counts


def listed(attention):
    """Return the ten places of largest weight off position 0 and the query, with their rows."""
    count, layers, heads = attention.shape[:3]
    top = np.full((layers, heads, 10, 4), np.nan)
    rows = np.zeros((layers, heads, 10, LENGTH), dtype=np.float32)
    for layer in range(layers):
        for head in range(heads):
            pairs = [
                (float(attention[w, layer, head, q, k]), w, q, k)
                for w in range(count)
                for q in range(2, LENGTH)
                for k in range(1, q)
            ]
            pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
            for at, (weight, w, q, k) in enumerate(pairs[:10]):
                top[layer, head, at] = (w, q, k, weight)
                rows[layer, head, at] = attention[w, layer, head, q]
    return top, rows


def corpus_data(layers=3, *, kept=True, tenths=True):
    """Return the fields of heads over three windows of two files, four heads a layer."""
    ids, attention = windows(), patterns(layers=layers)
    measures, counts = measured(attention, ids)
    top, rows = listed(attention)
    found = {
        **measures,
        # As of a longer text of the same kind: no habit is told of a few queries.
        "n": {name: 100 * count for name, count in counts.items()},
        "top": top,
        "ids": ids,
        "window_file": np.array([0, 0, 1]),
        "window_start": np.array([0, 40, 0]),
        "files": ("cat.txt", "more/mat.md"),
        "token_ids": np.arange(len(WORDS)),
        "token_texts": WORDS,
        "token_pieces": tuple(word.replace(" ", "Ġ").replace("\n", "Ċ") for word in WORDS),
        "lead": np.array([0]),
        "windows": 3,
        "tokens_read": 3 * (LENGTH - 1),
        "corpus": "a small text",
        "corpus_sha256": "00ff",
        "attended": np.tile(np.arange(1, 11), (layers, 4, 1)),
        "attended_weight": np.tile(np.linspace(0.4, 0.01, 10), (layers, 4, 1)),
    }
    if tenths:
        found["deciles"] = top[:, :, ::-1].copy()
        found["decile_edges"] = np.tile(np.linspace(0, 1, 11), (layers, 4, 1))
    if kept:
        found["top_row"] = rows
        if tenths:
            found["decile_row"] = rows[:, :, ::-1].copy()
    return found


def corpus_result(*, kept=True, tenths=True, data=None, **changes):
    """Three layers of four heads over three windows of two files."""
    found = corpus_data(kept=kept, tenths=tenths)
    params = {"text": "", "window": LENGTH, "tokens": 33, "seed": 7}
    values = {"params": params, "prompts": (), **changes}
    return drawn.result_of("corpus", {**found, **(data or {})}, **values)


def effects_result(values=None, **changes):
    """An ablation of the heads of the same model, two prompts: L2H0 hurts most."""
    effect = np.zeros((3, 4, 2))
    effect[2, 0] = (-3.0, -1.0)
    effect[1, 3] = (-0.1, 0.0)
    if values is not None:
        effect = values
    data = {
        "effect": effect,
        "effect_mean": effect.mean(-1),
        "layers": np.arange(3),
        "estimated": False,
    }
    return drawn.ablate_result(data=data, **changes)
