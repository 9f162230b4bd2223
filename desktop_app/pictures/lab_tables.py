"""Results of the induction laboratory as plain text: heads, repeats, composition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

_TOP = 10


def detect_lines(result: Result) -> Iterator[str]:
    """Yield what was found, in sentences, and each family of a successor score."""
    data = result.data
    if result.params["on"] == "random":
        size = result.params["seq_len"]
        yield f"{result.params['batch']} sequences {data['lead']['piece']} + r + r, r of {size}"
    yield from data["summary"]
    for name, pairs in zip(data["families"], data["family_pairs"], strict=True):
        yield f"  {name:<16} {pairs:>3} pairs"


def repeat_lines(result: Result) -> Iterator[str]:
    """Yield both halves beside the author's numbers, and the strongest cells of the maps."""
    data = result.data
    size = result.params["seq_len"]
    yield f"{len(data['logprob'])} sequences {data['lead']['piece']} + r + r, r of {size} tokens"
    yield f"  {'':<20} {'first half':>11} {'second half':>12}   GPT-2 small (author)"
    for title, name in (("log-probability", "logprob"), ("accuracy", "accuracy")):
        first, second = f"{name}_first", f"{name}_second"
        yield (
            f"  {title:<20} {data[first]:>11.3f} {data[second]:>12.3f}"
            f"   {data['author'][first]:.3f}, {data['author'][second]:.3f}"
        )
    yield f"  blind guess {data['uniform']:.3f} nats; ceiling of the accuracy {data['ceiling']:.3f}"
    for name in ("mlp_effect", "attn_effect"):
        if name in data:
            yield f"{name}: rise of the second half's loss, {data['effect_sequences']} sequences"
            yield from _cells(np.asarray(data[name]), data)


def _cells(effect: np.ndarray, data: Any) -> Iterator[str]:
    for flat in np.argsort(-effect, axis=None)[:_TOP]:
        layer, column = np.unravel_index(flat, effect.shape)
        place = f"L{data['layers'][layer]} position {data['positions'][column]}"
        yield f"  {place:<18} from {data['sources'][column]:<4} {effect[layer, column]:+.4f}"


def compose_lines(result: Result) -> Iterator[str]:
    """Yield the strongest pairs of each kind beside chance, and the circuits' accuracies."""
    data = result.data
    score = np.asarray(data["score"])
    for number, kind in enumerate(data["kinds"]):
        yield (
            f"{kind}-composition, random {data['baseline'][number]:.4f} "
            f"± {data['baseline_spread'][number]:.4f}"
        )
        for flat in np.argsort(-score[number], axis=None)[:_TOP]:
            early, first, late, second = np.unravel_index(flat, score.shape[1:])
            value = score[number, early, first, late, second]
            yield f"  L{early}H{first} → L{late}H{second}  {value:.4f}"
    for prefix, title in (("", result.params["full_circuit"]), ("ov_", result.params["ov"])):
        if title and f"{prefix}top1" in data:
            yield f"{title}, {data[prefix + 'n']:,} tokens, embedding {result.params['embedding']}"
            rows = zip(
                data[f"{prefix}directions"],
                data[f"{prefix}top1"],
                data[f"{prefix}top5"],
                strict=True,
            )
            for direction, top1, top5 in rows:
                yield f"  {direction:<28} top-1 {top1:.4f}  top-5 {top5:.4f}"
