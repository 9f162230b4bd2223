"""Activation patching: which activation is enough, and which is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from desktop_app.contract.grammar import RangeText
from desktop_app.contract.params import Metric, Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, noise_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

PatchSite = Literal[
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out",
    "head_z", "head_q", "head_k", "head_v", "pattern",
]  # fmt: skip
HEADED: frozenset[str] = frozenset({"head_z", "head_q", "head_k", "head_v", "pattern"})
KEY_VALUE: frozenset[str] = frozenset({"head_k", "head_v"})


class PatchParams(Params):
    """Settings of `patch`."""

    direction: Literal["both", "denoise", "noise"] = setting(
        "both",
        "Direction",
        "Enough (denoising): run the corrupt prompt and insert the clean activation. Needed "
        "(noising): run the clean prompt and insert the corrupt one.",
        words={"both": "both ways", "": "{}"},
    )
    site: PatchSite = setting(
        "resid_pre",
        "Activation",
        "Which activation is exchanged: the residual stream before the block, between attention "
        "and MLP or after the block, an attention or MLP output, or a head's z, q, k, v or "
        "pattern.",
        words={"": "{}"},
        named={
            **{site: f"{site.removeprefix('head_')} by head" for site in sorted(HEADED)},
            "": "{}",
        },
    )
    by: Literal["position", "all"] = setting(
        "position",
        "Positions",
        "One position at a time, or all positions of the prompt at once.",
        words={"position": "one position at a time", "all": "all positions at once"},
    )
    metric: Metric = setting(
        "logit_diff", "Metric", "The number that is watched, read where the clean prompt ends."
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
        "Attribution patching: the gradient estimate of every cell from two runs "
        "each way, marked as an estimate, instead of exact values.",
        advanced=True,
    )


def _absent(params: Mapping[str, Any]) -> frozenset[str]:
    absent = set() if params.get("site") in HEADED else {"head"}
    return frozenset(absent | (set() if params.get("by") == "position" else {"position"}))


_CELL = ("layer", "head", "position", "prompt")

ANALYSIS = Analysis(
    name="patch",
    title="Patching",
    summary="Exchange one activation between the clean and the corrupt run, both ways.",
    params=PatchParams,
    group="part",
    serves=frozenset({"head_facts"}),
    needs_answers=True,
    compares_answers=True,
    absent=_absent,
    fields=(
        FieldSpec("clean", ("prompt",), "The metric of the clean run", "metric"),
        FieldSpec("corrupt", ("prompt",), "The metric of the corrupt run", "metric"),
        FieldSpec(
            "patched_denoise", _CELL, "The corrupt run's metric with the clean activation", "metric"
        ),
        FieldSpec(
            "patched_noise", _CELL, "The clean run's metric with the corrupt activation", "metric"
        ),
        FieldSpec(
            "restored",
            _CELL,
            "(patched_denoise − corrupt) / (clean − corrupt); 1: enough",
            telling=2,
        ),
        FieldSpec(
            "broken", _CELL, "(clean − patched_noise) / (clean − corrupt); 1: needed", telling=1
        ),
        FieldSpec(
            "asymmetry",
            _CELL,
            "broken − restored; towards +1 needed but not enough (AND), towards −1 enough but not "
            "needed (OR)",
            telling=3,
        ),
        FieldSpec("layers", ("layer",), "The model's numbers of the swept layers", labels="layer"),
        FieldSpec("read_position", ("prompt",), "Where the metric was read", telling=-1),
        FieldSpec("first_difference", ("prompt",), "First position where the two prompts part"),
        FieldSpec("answer_rank", ("prompt",), "Rank of the answer, clean, 0 = top", "", True),
        FieldSpec("task_done", ("prompt",), "Whether the model does the task at all"),
        noise_spec(),
        FieldSpec("estimated", (), "Whether the cells are gradient estimates"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
        FieldSpec(
            "preview_agreement",
            (),
            "Rank correlation of the estimate with the exact cells",
            "",
            True,
        ),
    ),
)
