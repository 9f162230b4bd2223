"""Attention patterns: where each head looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.grammar import HeadsText, RangeText, resolve_heads, resolve_range
from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import ModelInfo


class AttentionParams(Params):
    """Settings of `attention`."""

    layers: RangeText = setting(
        ":",
        "Layers",
        "Which layers are kept: all layers, or some, such as 0 to 11.",
        advanced=True,
        spelling="layers",
    )
    heads: HeadsText = setting(
        "",
        "Heads",
        "Only these heads, such as L5H3,L16H0; empty keeps all of the layers chosen.",
        advanced=True,
        spelling="heads",
    )
    no_first: bool = setting(
        False,
        "Without first position",
        "Drop the first position's column, where many heads rest; renormalise rows.",
    )
    value_weighted: bool = setting(
        False,
        "Value-weighted",
        "Weigh each source by the norm of v·W_O, rescaled to a largest entry of 1.",
    )
    scores: bool = setting(
        False, "Scores", "Also give the scores before the softmax.", advanced=True
    )
    difference: bool = setting(
        False, "Clean − corrupt", "Also give the difference to the corrupt twin's pattern."
    )
    mean: bool = setting(
        False,
        "Mean over prompts",
        "Also give the mean pattern, where all prompts share one token length.",
        advanced=True,
    )


def bytes_of(params: AttentionParams, lengths: Sequence[int], heads: int) -> int:
    """Return the bytes that the arrays of prompts of these token counts take."""
    squares = sum(length**2 for length in lengths)
    arrays = 1 + params.scores + 2 * params.difference
    cells = squares * arrays + (lengths[0] ** 2 if params.mean and lengths else 0)
    return 4 * cells * heads


def stored_bytes(params: Params, model: ModelInfo, lengths: Sequence[int]) -> int:
    """Return the bytes that a result of these settings keeps; 0 where they name no such heads."""
    if not isinstance(params, AttentionParams):
        return 0
    try:
        layers = len(resolve_range(params.layers, model.n_layers))
        chosen = resolve_heads(params.heads, model.n_layers, model.n_heads)
    except BadInputError:
        return 0
    count = layers * model.n_heads
    if chosen:
        count = len({layer for layer, _ in chosen}) * len({head for _, head in chosen})
    return bytes_of(params, lengths, count)


_PATTERN = ("prompt", "layer", "head", "query", "key")

ANALYSIS = Analysis(
    name="attention",
    title="Attention",
    summary="Where each head looks: rows are queries, columns are keys.",
    params=AttentionParams,
    group="read",
    serves=frozenset({"open_attention", "head_facts"}),
    example=2,
    stores=stored_bytes,
    fields=(
        FieldSpec(
            "pattern", _PATTERN, "Attention weights; each row sums to 1, or to 1 − sink", telling=1
        ),
        FieldSpec(
            "sink", _PATTERN[:-1], "What each row gives to the attention sink, which is no token"
        ),
        FieldSpec(
            "value_norm",
            ("prompt", "layer", "head", "key"),
            "The norm of v·W_O by which each source is weighted",
            telling=-1,
        ),
        FieldSpec("scores", _PATTERN, "Scores before the softmax; 0 above the diagonal"),
        FieldSpec("difference", _PATTERN, "Pattern of the clean minus that of the corrupt prompt"),
        FieldSpec("corrupt_pattern", _PATTERN, "Pattern on the corrupt prompt"),
        FieldSpec("mean", _PATTERN[1:], "Mean pattern over prompts"),
        FieldSpec("thumbnail", ("prompt", "layer", "head", "row", "column"), "Small pictures"),
        FieldSpec(
            "entropy",
            ("layer", "head", "prompt"),
            "Entropy of the row (renormalised where there are sinks), mean over queries",
            "nats",
        ),
        FieldSpec("layers", ("layer",), "The model's numbers of the layers kept", labels="layer"),
        FieldSpec(
            "head_indices", ("head",), "The model's numbers of the heads kept", labels="head"
        ),
        FieldSpec(
            "kv_head", ("head",), "The key-value head that each query head reads", telling=-1
        ),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
