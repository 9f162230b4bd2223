"""Ablation sweep: which single part's removal hurts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from desktop_app.contract.grammar import PositionsText, RangeText
from desktop_app.contract.params import Metric, Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, noise_spec

if TYPE_CHECKING:
    from collections.abc import Mapping


class AblateParams(Params):
    """Settings of `ablate`."""

    component: Literal["head", "attn", "mlp"] = setting(
        "head",
        "Remove",
        "What is removed, one at a time: attention heads, whole attention outputs or "
        "MLP outputs. Everything else is kept.",
        words={"head": "heads", "attn": "attention outputs", "mlp": "MLPs"},
        named={"head": "", "attn": "attention outputs", "mlp": "MLPs"},
    )
    mode: Literal["auto", "zero", "mean", "resample"] = setting(
        "auto",
        "Replace by",
        "Zero, the mean over the reference prompts, or the value on the corrupt twin; "
        "auto takes the mean where there are two reference prompts or more.",
        words={"auto": "auto replacement", "": "{}"},
        named={"": "{}"},
    )
    metric: Metric = setting(
        "logit_diff", "Metric", "The number that is watched, read at the last token of each prompt."
    )
    positions: PositionsText = setting(
        "all",
        "At positions",
        "Where the part is removed: all, last, or a list such as 0,3,-1.",
        advanced=True,
    )
    layers: RangeText = setting(
        ":",
        "Layers",
        "Which layers are swept: all layers, or some, such as 0 to 11.",
        advanced=True,
        spelling="layers",
    )
    preview: bool = setting(
        False,
        "Estimate only",
        "The gradient estimate of every effect from one run forward and back, marked "
        "as an estimate, instead of exact values.",
        advanced=True,
    )
    reference: tuple[str, ...] = setting(
        (),
        "Reference prompts",
        "Prompts over which the mean is taken; the given prompts where none are named.",
        advanced=True,
        cli="prompt_file",
    )


def _absent(params: Mapping[str, Any]) -> frozenset[str]:
    return frozenset() if params.get("component") == "head" else frozenset({"head"})


_PER_PART = ("layer", "head", "prompt")

ANALYSIS = Analysis(
    name="ablate",
    title="Ablation",
    summary="Remove each part in turn, all others intact, and see what the metric loses.",
    params=AblateParams,
    group="part",
    serves=frozenset({"head_facts", "head_effect"}),
    example=3,
    needs_answers=True,
    compares_answers=True,
    absent=_absent,
    fields=(
        FieldSpec("base", ("prompt",), "The metric untouched", "metric"),
        FieldSpec("ablated", _PER_PART, "The metric without the part", "metric"),
        FieldSpec(
            "effect", _PER_PART, "ablated − base; negative: removing it hurts", "metric", telling=1
        ),
        FieldSpec("percent", _PER_PART, "100 · ablated / base", "%", True),
        FieldSpec("layers", ("layer",), "The model's numbers of the swept layers", labels="layer"),
        FieldSpec("read_position", ("prompt",), "Where the metric was read", telling=-1),
        FieldSpec("answer_rank", ("prompt",), "Rank of the answer untouched, 0 = top", "", True),
        FieldSpec("task_done", ("prompt",), "Whether the model does the task at all"),
        noise_spec(),
        FieldSpec("mode", (), "The replacement that was used"),
        FieldSpec("kept", (), "What stays intact in every run"),
        FieldSpec("estimated", (), "Whether effects are gradient estimates"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
        FieldSpec(
            "preview_agreement",
            (),
            "Rank correlation of the estimate with the exact effects",
            "",
            True,
        ),
    ),
)
