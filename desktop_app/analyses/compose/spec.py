"""Composition: how much of what one head writes another head reads, told from weights alone."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from desktop_app.contract.grammar import HeadPairText, HeadText
from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec

KINDS: tuple[str, ...] = ("Q", "K", "V")
DIRECTIONS: tuple[str, ...] = ("best key for each query", "best query for each key")
OV_DIRECTIONS: tuple[str, ...] = ("best output for each source", "best source for each output")


class ComposeParams(Params):
    """Settings of `compose`."""

    kind: Literal["all", "Q", "K", "V"] = setting(
        "all",
        "Composition",
        "Which input of the later head the earlier one is measured against: queries, "
        "keys, values, or all three.",
        words={"all": "Q-, K- and V-composition", "": "{}-composition"},
    )
    fold: bool = setting(
        False,
        "Fold norms",
        "Take the reading head's norm weights into its matrices (and centre them "
        "where the norm subtracts a mean).",
    )
    full_circuit: HeadPairText = setting(
        "",
        "Full circuit",
        "A pair such as L4H11,L5H5: over the vocabulary, does a query token find the key "
        "behind which it stood?",
        cli="pair",
        spelling="heads",
        metavar="PREV IND",
        named={"": ""},
    )
    ov: HeadText = setting(
        "",
        "Copying circuit",
        "A head such as L5H5: over the vocabulary, does it write the token it reads?",
        spelling="heads",
        named={"": ""},
    )
    embedding: Literal["raw", "layer0"] = setting(
        "raw",
        "Embedding",
        "What tokens are to the circuits: the raw embedding, or the stream after "
        "layer 0 behind a BOS under the reader's own norm.",
        words={"raw": "raw embedding", "": "embedding {}"},
    )
    tokens: int = setting(
        0,
        "Tokens",
        "How many tokens the circuits compare, drawn at random; 0 takes the whole "
        "vocabulary. Accuracies with different numbers of tokens do not compare.",
        ge=0,
        words={"0": "the whole vocabulary"},
        counted="token",
        zero="all",
    )
    seed: int = setting(
        0, "Seed", "Of the drawn tokens and of the random baseline.", ge=0, advanced=True
    )

    first_token: str = setting(
        "",
        "First token",
        "The token that sequences begin with, such as <|endoftext|>; empty takes the "
        "one that began documents in the model's training.",
        advanced=True,
    )

    @override
    def reads_prompts(self) -> bool:
        """Return False: only weights are read."""
        return False


_SCORE = ("kind", "early_layer", "early_head", "late_layer", "late_head")

ANALYSIS = Analysis(
    name="compose",
    title="Composition",
    summary="Which earlier head a later head reads from, told from the weights alone.",
    params=ComposeParams,
    group="does",
    fields=(
        FieldSpec(
            "score",
            _SCORE,
            "‖W_A W_B‖ / (‖W_A‖ ‖W_B‖); 0 unless the first layer is the lower",
            telling=1,
        ),
        FieldSpec("kinds", ("kind",), "Which compositions were measured", labels="kind"),
        FieldSpec("baseline", ("kind",), "Mean score of random matrices of the same shapes"),
        FieldSpec("baseline_spread", ("kind",), "Standard deviation over random pairs"),
        FieldSpec("top1", ("direction",), "Share where the token itself is the best"),
        FieldSpec("top5", ("direction",), "Share where the token itself is among the best five"),
        FieldSpec("n", (), "How many tokens were compared with one another"),
        FieldSpec("directions", ("direction",), "What the two shares mean"),
        FieldSpec("lead", (), "The token that stands before each token in layer 0"),
        FieldSpec("block", ("query", "key"), "A part of the circuit for a few tokens"),
        FieldSpec("block_tokens", ("query",), "The tokens of that part"),
        FieldSpec("ov_top1", ("direction",), "The same for the copying circuit"),
        FieldSpec("ov_top5", ("direction",), "The same for the copying circuit"),
        FieldSpec("ov_n", (), "How many tokens were compared with one another"),
        FieldSpec("ov_directions", ("direction",), "What the two shares mean"),
        FieldSpec("ov_block", ("source", "output"), "A part of the copying circuit"),
        FieldSpec("ov_block_tokens", ("source",), "The tokens of that part"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
