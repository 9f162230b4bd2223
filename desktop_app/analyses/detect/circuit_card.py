"""The circuit card: a previous-token head and the induction head that reads it, with proof."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.detect.card_words import (
    ALL_INDUCTION,
    ALL_PREVIOUS,
    BOTH,
    INDUCTION,
    PREVIOUS,
    card_summary,
)
from desktop_app.analyses.detect.picture import THRESHOLD
from desktop_app.contract.grammar import resolve_pair
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.interventions import Edit, Replace, Variant
from desktop_app.methods.composition import composition_scores, random_baseline
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, run_grid
from desktop_app.methods.sequences import Lead, repeated_sequences
from desktop_app.methods.watching import capture
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.analyses.detect.spec import DetectParams
    from desktop_app.engine.model import LoadedModel

Head = tuple[int, int]

_SEQUENCES = 8
_REFERENCES = 16
_CONTROLS = 20
# Of more induction heads none is ablated alone.
_MOST_ALONE = 32
# Reference sequences come from a seed of their own.
_REFERENCE_SEED = 1_000_003
# How the work divides: composition, then ablation.
_COMPOSITION_SHARE = 0.4


Ablation = tuple[str, tuple[Head, ...]]
"""A title, and the heads that are ablated together."""


def make_card(
    model: LoadedModel,
    params: DetectParams,
    lead: Lead,
    scores: Mapping[str, Any],
    report: Reporter,
) -> dict[str, Any]:
    """Find the pair that makes the induction circuit, or take the one named, and prove it.

    The pair found has the greatest product of previous-token score, induction score and
    K-composition. Heads are ablated by their mean over other sequences, per position, on all
    positions; the loss is that of the second half's tokens.

    Returns:
        The fields `card`, `card_previous_pattern`, `card_induction_pattern`, and `summary` longer.
    """
    if model.info.n_layers < 2:
        raise BadInputError(
            f"{model.info.name} has a single layer, and an induction circuit needs two: leave "
            "--card out."
        )
    share = ShareReporter(report, 0.0, _COMPOSITION_SHARE)
    composition, info = composition_scores(model, ("Q", "K", "V"), share), model.info
    pair = _find(scores, composition[1])
    if params.card != "auto":
        pair = resolve_pair(params.card, info.n_layers, info.n_heads, "--card")
    ids, references = (
        repeated_sequences(model, n, params.seq_len, seed, lead, rare=params.rare_tokens)
        for n, seed in (
            (min(params.batch, _SEQUENCES), params.seed),
            (_REFERENCES, params.seed + _REFERENCE_SEED),
        )
    )
    share = ShareReporter(report, _COMPOSITION_SHARE, 1 - _COMPOSITION_SHARE)
    proof = _ablate(model, ids, references, _plan(model, pair, scores, params.seed), share)
    card = {
        "previous": _head_row(pair[0], scores),
        "induction": _head_row(pair[1], scores),
        "composition": _joined(model, pair, composition, params.seed),
        **proof,
    }
    patterns = _patterns(model, ids[:1], pair)
    return {
        "card": card,
        "card_previous_pattern": patterns[0],
        "card_induction_pattern": patterns[1],
        "summary": (*scores["summary"], *card_summary(card)),
    }


def _find(scores: Mapping[str, Any], key_composition: np.ndarray) -> tuple[Head, Head]:
    """Return the pair of greatest product; `key_composition [L1, H1, L2, H2]` is 0 out of order."""
    previous, induction = np.asarray(scores["previous_token"]), np.asarray(scores["induction"])
    product = previous[:, :, None, None] * key_composition * induction
    early, first, late, second = np.unravel_index(int(product.argmax()), product.shape)
    return (int(early), int(first)), (int(late), int(second))


def _head_row(head: Head, scores: Mapping[str, Any]) -> dict[str, Any]:
    names = ("previous_token", "induction", "duplicate_token")
    return {
        "layer": head[0],
        "head": head[1],
        **{name: float(np.asarray(scores[name])[head]) for name in names},
    }


def _joined(
    model: LoadedModel, pair: tuple[Head, Head], composition: np.ndarray, seed: int
) -> dict[str, Any]:
    """Return the pair's composition of each kind beside chance and beside other earlier heads."""
    (early, first), (late, second) = pair
    means, spreads = random_baseline(model, ("Q", "K", "V"), seed)
    own = composition[1, :late, :, late, second]
    row: dict[str, Any] = {
        "earlier_heads": int(own.size),
        "rank_K": int((own > own[early, first]).sum()),
    }
    for number, kind in enumerate("QKV"):
        row[kind] = float(composition[number, early, first, late, second])
        row[f"baseline_{kind}"] = means[number]
        row[f"baseline_spread_{kind}"] = spreads[number]
    return row


@dataclass(frozen=True)
class _Plan:
    """What is ablated.

    Attributes:
        wanted: The heads of the pair, alone and together, and all heads of their kinds.
        alone: Each induction head, where there are several.
        controls: Random pairs of heads that play no such part.
    """

    wanted: list[Ablation]
    alone: list[Ablation]
    controls: list[Ablation]

    def every(self) -> list[Ablation]:
        """Return all of them, in this order."""
        return [*self.wanted, *self.alone, *self.controls]


def _plan(
    model: LoadedModel, pair: tuple[Head, Head], scores: Mapping[str, Any], seed: int
) -> _Plan:
    """Return what is ablated, and what for control."""
    early, late = pair
    wanted: list[Ablation] = [(PREVIOUS, (early,)), (INDUCTION, (late,)), (BOTH, pair)]
    playing: dict[str, tuple[Head, ...]] = {}
    for name, title in (("previous_token", ALL_PREVIOUS), ("induction", ALL_INDUCTION)):
        found = np.argwhere(np.asarray(scores[name]) >= THRESHOLD[name])
        playing[name] = tuple((int(layer), int(head)) for layer, head in found)
        if len(playing[name]) > 1:
            wanted.append((title, playing[name]))
    several = playing["induction"] if 1 < len(playing["induction"]) <= _MOST_ALONE else ()
    taken = {*pair, *playing["previous_token"], *playing["induction"]}
    drawn = _draw(model, pair, taken, seed)
    return _Plan(
        wanted,
        [(INDUCTION, (head,)) for head in several],
        [("random heads", heads) for heads in drawn],
    )


def _draw(
    model: LoadedModel, pair: tuple[Head, Head], taken: set[Head], seed: int
) -> list[tuple[Head, ...]]:
    """Return random pairs of other heads, no pair twice.

    They are of the pair's own layers; where these have too few to draw from, as in small models,
    of any two layers.
    """
    every = range(model.info.n_heads)
    groups = [
        [(layer, head) for head in every if (layer, head) not in taken] for layer, _head in pair
    ]
    pool = sorted(product(*groups))
    if len(pool) < _CONTROLS:
        layers = range(model.info.n_layers)
        free = [(layer, head) for layer in layers for head in every if (layer, head) not in taken]
        pool = sorted({*pool, *combinations(free, 2)})
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(pool))[:_CONTROLS]
    return [pool[place] for place in sorted(chosen.tolist())]


def _ablate(
    model: LoadedModel,
    ids: torch.Tensor,
    references: torch.Tensor,
    plan: _Plan,
    report: Reporter,
) -> dict[str, Any]:
    """Return `loss` of the second half and its rise under each ablation, all in one sweep.

    With `noise` in half precision: how far the untouched loss goes apart over batch sizes.
    """
    every = plan.every()
    layers = sorted({layer for _title, heads in every for layer, _head in heads})
    kept = capture(model, references, layers, "head_z")
    means = {layer: values.float().mean(0) for layer, values in kept.items()}

    def cells(group: Group) -> Iterator[Cell]:
        for number, (_title, heads) in enumerate(every):
            edits = tuple(
                Edit(layer, "head_z", Replace(means[layer][:, head]), head) for layer, head in heads
            )
            for row, sequence in enumerate(group.prompts):
                yield Cell(sequence, (number,), Variant(edits, row))

    inputs = Inputs.of_sequences(ids, ids.shape[1] // 2 + 1)
    grid = Grid(inputs, lambda _length: (len(every),), cells, largest=len(ids))
    found = run_grid(model, grid, report)
    base = found.base[0].astype(np.float32)
    rises = (np.stack(found.cells, axis=-1).astype(np.float32) - base).astype(np.float64)
    rows = [
        {
            "title": title,
            "heads": [list(head) for head in heads],
            "rise": float(rise.mean()),
            "sem": float(rise.std(ddof=1) / len(rise) ** 0.5) if len(rise) > 1 else None,
        }
        for (title, heads), rise in zip(every, rises, strict=True)
    ]
    first, last = len(plan.wanted), len(every) - len(plan.controls)
    return {
        "loss": float(torch.from_numpy(base).mean()),
        "sequences": len(ids),
        "references": len(references),
        "ablation": rows[:first],
        "induction_alone": [row["rise"] for row in rows[first:last]],
        "controls": rows[last:],
        **({} if found.noise is None else {"noise": float(np.mean(found.noise))}),
    }


def _patterns(model: LoadedModel, ids: torch.Tensor, pair: tuple[Head, Head]) -> list[np.ndarray]:
    """Return the attention `[query, key]` of both heads on one sequence."""
    seen = capture(model, ids, sorted({layer for layer, _head in pair}), "pattern")
    return [torch.tril(seen[layer][0, head].float()).cpu().numpy() for layer, head in pair]
