"""Direct logit attribution: a logit difference split over the parts that write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import ModelInfo

MAX_NEURONS = 1_000


class AttributeParams(Params):
    """Settings of `attribute`."""

    token: str = setting(
        "",
        "Token",
        "The token whose logit is split, to the letter; empty: answer minus wrong, or the answer.",
        placeholder="answer − wrong",
        max_length=1_000,
    )
    position: int = setting(
        -1,
        "Position",
        "Where the logit is read; negative counts from the end.",
        words={"-1": "read at the last position"},
    )
    layer: int | None = setting(
        None,
        "Layer",
        "Before which block the stream is read, as the lens reads it; empty: at the end.",
        advanced=True,
    )
    by_source: bool = setting(
        False,
        "By source",
        "Split each head's contribution over the positions that it comes from.",
        advanced=True,
    )
    neurons: int = setting(
        0,
        "Neurons",
        "How many MLP neurons of the largest contributions are listed; 0: none.",
        ge=0,
        le=MAX_NEURONS,
        advanced=True,
        words={"0": "", "": "{} neurons"},
    )


def bytes_of(lengths: Sequence[int], heads: int) -> int:
    """Return the bytes that the parts by source of prompts of these token counts take."""
    return 8 * heads * sum(lengths)


def stored_bytes(params: Params, model: ModelInfo, lengths: Sequence[int]) -> int:
    """Return the bytes that a result of these settings keeps, where that can be much."""
    if not isinstance(params, AttributeParams) or not params.by_source:
        return 0
    return bytes_of(lengths, model.n_layers * model.n_heads)


_PER_HEAD = ("layer", "head", "prompt")
_PER_LAYER = ("layer", "prompt")
_NEURONS = ("neuron", "prompt")


ANALYSIS = Analysis(
    name="attribute",
    title="Attribution",
    summary="Split a logit difference over the parts that write it, exactly.",
    params=AttributeParams,
    group="part",
    serves=frozenset({"attribution", "head_facts"}),
    compares_answers=True,
    stores=stored_bytes,
    fields=(
        FieldSpec("base", ("prompt",), "The model's own number", "logits"),
        FieldSpec("embed", ("prompt",), "What the embeddings add", "logits"),
        FieldSpec("head", _PER_HEAD, "What each head adds", "logits", telling=1),
        FieldSpec("attn_bias", _PER_LAYER, "What the biases of each attention add", "logits"),
        FieldSpec("mlp", _PER_LAYER, "What each MLP adds", "logits"),
        FieldSpec("bias", ("prompt",), "What final norm and unembedding add alone", "logits"),
        FieldSpec("sum_error", ("prompt",), "Sum of all parts − the model's own number", "logits"),
        FieldSpec(
            "cumulative",
            ("step", "prompt"),
            "The sum after the embeddings, and after each attention and MLP",
            "logits",
        ),
        FieldSpec(
            "source",
            ("layer", "head", "key", "prompt"),
            "What each head adds from each position; they sum to the head's",
            "logits",
            True,
        ),
        FieldSpec("neuron_layer", _NEURONS, "Layers of the listed neurons", telling=-1),
        FieldSpec("neuron", _NEURONS, "Their numbers in their MLPs", telling=-1),
        FieldSpec("neuron_value", _NEURONS, "What each neuron adds", "logits"),
        FieldSpec(
            "token_id",
            ("prompt",),
            "The token whose logit is split, where one is named",
            telling=-1,
        ),
        FieldSpec("read_position", ("prompt",), "Where the logit was read", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
