"""Residual stream: its size per layer and position, its growth, and what it is made of."""

from __future__ import annotations

from typing import Literal

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec


class ResidualParams(Params):
    """Settings of `residual`."""

    measure: Literal["all", "norms"] = setting(
        "all",
        "Measure",
        "Norms, growth and cosine alone, or as well how much embeddings, each attention and each "
        "MLP make of every later stream, which takes longer.",
        words={"all": "norms and shares", "norms": "norms alone"},
        named={"all": "", "norms": "norms alone"},
    )
    heads: bool = setting(
        False,
        "Head sizes",
        "‖W_OV‖ of every head as well, read from the weights alone.",
        advanced=True,
    )


_GRID = ("layer", "position", "prompt")

ANALYSIS = Analysis(
    name="residual",
    title="Residual stream",
    summary="How large the stream is, how it grows, and what it is made of.",
    params=ResidualParams,
    group="compare",
    noun="the residual stream",
    fields=(
        FieldSpec(
            "norm",
            _GRID,
            "‖stream‖ before each block, and after the last, before the final norm",
            telling=2,
        ),
        FieldSpec(
            "growth",
            ("layer",),
            "Geometric mean of ‖stream‖ after the layer ÷ before it, positions ≥ 1 of all prompts",
            "×",
            True,
        ),
        FieldSpec(
            "growth_rate",
            (),
            "Geometric mean of the growth of all layers but the first and the last",
            "×",
            True,
        ),
        FieldSpec("norm_attn", _GRID, "‖what the attention adds‖"),
        FieldSpec("norm_mlp", _GRID, "‖what the MLP adds‖"),
        FieldSpec(
            "cosine",
            ("layer",),
            "Cosine of the streams after and before the layer, mean over positions ≥ 1",
            "",
            True,
        ),
        FieldSpec("cosine_first", ("layer",), "The same at position 0, mean over prompts"),
        FieldSpec(
            "share",
            ("layer", "part"),
            "(part · stream) / ‖stream‖², mean over positions ≥ 1 of all prompts; sums to 1",
            "",
            True,
            telling=1,
        ),
        FieldSpec("share_first", ("layer", "part"), "The same at position 0, mean over prompts"),
        FieldSpec(
            "parts",
            ("part",),
            "What the parts are: embeddings, then each layer's attention and MLP",
            labels="part",
        ),
        FieldSpec(
            "ov_norm",
            ("layer", "head"),
            "‖W_V W_O‖ of each head, Frobenius norm, of the weights as loaded",
        ),
        FieldSpec("read_position", ("prompt",), "Where predictions are read", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
