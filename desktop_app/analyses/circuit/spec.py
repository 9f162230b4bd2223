"""Knockout and pruning: what a set of kept parts can do without all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from desktop_app.contract.kept import KeepText
from desktop_app.contract.params import Metric, Params, PromptRow, setting
from desktop_app.contract.spec import Analysis, FieldSpec, Preset, noise_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_LIST = 200_000


class CircuitParams(Params):
    """Settings of `circuit`."""

    keep: KeepText = setting(
        "all",
        "Keep",
        "The parts that stay: all, none, or a list such as 5.3, m4, 6.1@-1, where @ names the "
        "positions at which a part stays (5.3@0@-1: at two).",
        words={"all": "all parts kept", "none": "nothing kept", "": "keep {}"},
        cli="keep_file",
        metavar="all|none|LIST|FILE",
        max_length=MAX_LIST,
    )
    mlps: bool = setting(
        False, "MLPs too", "Whether MLPs belong to the circuit; otherwise all of them stay."
    )
    replace: Literal["mean", "zero", "resample"] = setting(
        "mean",
        "Replace by",
        "What parts outside become: their mean over the reference prompts, position by position "
        "and group by group, zero, or their value on the corrupt twin.",
        words={"": "{} replacement"},
        named={"": "{}"},
    )
    controls: int = setting(
        20,
        "Controls",
        "How many random sets of as many heads of the same layers are scored beside the circuit.",
        words={"0": ""},
        ge=0,
        le=1_000,
    )
    metric: Metric = setting(
        "logit_diff", "Metric", "The number that is watched, read at the last token of each prompt."
    )
    minus: bool = setting(
        False,
        "Minus one",
        "Each kept part in turn is removed from the whole circuit, independently of order.",
    )
    prune: float | None = setting(
        None,
        "Prune at",
        "Parts are removed for good as long as less than so many per cent of the metric are lost: "
        "from the last layer to the first, back again, until nothing changes.",
        ge=0,
        le=100,
        placeholder="no pruning",
    )
    generate: int = setting(
        0,
        "Generate",
        "How many tokens are generated greedily without the parts outside the circuit.",
        words={"0": ""},
        ge=0,
        le=500,
    )
    reference: tuple[str, ...] = setting(
        (),
        "Reference prompts",
        "Prompts over which the mean is taken; the given prompts where none are named.",
        advanced=True,
        cli="row_file",
    )
    reference_groups: tuple[str, ...] = setting(
        (),
        "Their groups",
        "The template group of each reference prompt, in their order; where none is named, all "
        "groups of prompts share one mean.",
        hidden=True,
    )
    means: Literal["intact", "as-published"] = setting(
        "intact",
        "Means from",
        "The intact model, or as published: MLPs' means taken while heads are replaced already, "
        "all templates in one group.",
        words={"intact": "", "": "means as published"},
        advanced=True,
    )
    passes: Literal["both", "backward", "forward"] = setting(
        "both",
        "Passes",
        "Pruning goes from the last layer to the first, back again and so on, or makes one pass "
        "one way.",
        words={"both": "", "": "one {} pass"},
        advanced=True,
    )
    resume: str = setting(
        "",
        "Go on from",
        "The trail of an earlier pruning that was stopped, as its result has it.",
        words={"": "gone on"},
        hidden=True,
        cli="trail_file",
        metavar="FILE",
        max_length=MAX_LIST * 10,
    )
    completeness: int = setting(
        0,
        "Completeness",
        "In how many random sets of kept parts circuit and model are compared, both without them.",
        words={"0": ""},
        ge=0,
        le=1_000,
        advanced=True,
    )
    minimality: bool = setting(
        False,
        "Minimality",
        "For each kept part the largest change that it makes, alone or beside random removals.",
        advanced=True,
    )
    seed: int = setting(0, "Seed", "Of the random sets.", words={"0": ""}, ge=0, advanced=True)

    @model_validator(mode="before")
    @classmethod
    def _take_rows_apart(cls, given: Any) -> Any:
        """Read rows of a reference table as their texts and their groups."""
        rows = given.get("reference") if isinstance(given, dict) else None
        if not rows or not all(isinstance(row, PromptRow) for row in rows):
            return given
        groups = tuple(row.group for row in rows) if any(row.group for row in rows) else ()
        texts = {"reference": tuple(row.text for row in rows)}
        return {**given, **texts, "reference_groups": given.get("reference_groups") or groups}


def _question(params: Mapping[str, Any], prompts: Sequence[Mapping[str, Any]]) -> object:
    """Return what is kept from when parts come and go by hand; a pruning stands for itself."""
    if params.get("prune") is not None:
        return None
    asked = ("replace", "metric", "reference", "means", "bos", "chat")
    return [*(params.get(name) for name in asked), [prompt.get("text") for prompt in prompts]]


_PART = ("part",)
_STEP = ("step",)

ANALYSIS = Analysis(
    name="circuit",
    title="Circuit",
    summary="Keep a set of parts, replace all others, and see what is left of the metric.",
    params=CircuitParams,
    group="part",
    serves=frozenset({"keep_parts"}),
    needs_answers=True,
    compares_answers=True,
    question=_question,
    presets=(
        Preset(
            "prune_heads",
            "Prune heads at 20 %",
            CircuitParams(prune=20),
            "Drop heads for good as long as less than a fifth of the metric is lost",
            "circuit",
            topic="pruning",
        ),
        Preset(
            "prune_parts",
            "Prune heads and MLPs at 20 %",
            CircuitParams(prune=20, mlps=True),
            "The same with MLPs among the parts, as the published circuits were found",
            "circuit",
            topic="pruning",
        ),
        Preset(
            "minus_one",
            "Minus one of every head",
            CircuitParams(minus=True, controls=0),
            "Each head in turn removed from the whole model, by its mean",
            "circuit",
            topic="parts",
        ),
    ),
    fields=(
        FieldSpec("kept", _PART, "The parts of the circuit, as settings write them", telling=-1),
        FieldSpec("full", ("prompt",), "The metric of the untouched model", "metric"),
        FieldSpec("empty", ("prompt",), "The metric with every part replaced", "metric"),
        FieldSpec("score", ("prompt",), "The metric of the circuit", "metric", telling=1),
        FieldSpec("percent", ("prompt",), "100 · score / full", "%", True),
        FieldSpec(
            "percent_of_means", (), "100 · mean score / mean full, by which pruning goes", "%", True
        ),
        FieldSpec("faithfulness", ("prompt",), "(score − empty) / (full − empty)", "", True),
        FieldSpec("minus", _PART, "The mean metric of the circuit without that part", "metric"),
        FieldSpec(
            "minus_score",
            (*_PART, "prompt"),
            "The metric of the circuit without that part",
            "metric",
        ),
        FieldSpec("minus_percent", _PART, "100 · minus / mean full", "%", True),
        FieldSpec("trail_pass", _STEP, "The pass of a pruning step, from 1", telling=-1),
        FieldSpec("trail_part", _STEP, "The part that was tried", telling=-1),
        FieldSpec("trail_before", _STEP, "percent_of_means before", "%", telling=-1),
        FieldSpec("trail_after", _STEP, "percent_of_means without the part", "%", telling=-1),
        FieldSpec("trail_kept", _STEP, "Whether the part stayed", telling=-1),
        FieldSpec(
            "trail", (), "Pass, part, percent before and after, kept or dropped, step by step"
        ),
        FieldSpec(
            "control_score", ("control", "prompt"), "The metric of random circuits", "metric"
        ),
        FieldSpec(
            "control_percent", ("control",), "100 · mean score / mean full of them", "%", True
        ),
        FieldSpec("control_faithfulness", ("control",), "Mean faithfulness of them", "", True),
        FieldSpec("control_sets", ("control",), "The sets, as settings write them", telling=-1),
        FieldSpec(
            "complete_circuit",
            ("set", "prompt"),
            "The metric of the circuit without a set",
            "metric",
        ),
        FieldSpec(
            "complete_model", ("set", "prompt"), "The metric of the model without a set", "metric"
        ),
        FieldSpec("complete_sets", ("set",), "The sets, as settings write them", telling=-1),
        FieldSpec("minimality", _PART, "The largest change that the part makes", "metric"),
        FieldSpec("minimality_set", _PART, "The set beside which it makes it", telling=-1),
        FieldSpec("minimality_sets", ("tried",), "The sets that were tried", telling=-1),
        FieldSpec(
            "generated", ("prompt",), "What the circuit generates, token by token", telling=-1
        ),
        FieldSpec("generated_full", ("prompt",), "What the untouched model generates", telling=-1),
        FieldSpec("generation_rule", (), "What is put in at positions beyond the reference"),
        FieldSpec("read_position", ("prompt",), "Where the metric was read", telling=-1),
        FieldSpec("answer_rank", ("prompt",), "Rank of the answer untouched, 0 = top", "", True),
        FieldSpec("task_done", ("prompt",), "Whether the model does the task at all"),
        noise_spec(),
        FieldSpec("reference_size", (), "How many prompts the means run over"),
        FieldSpec("groups", (), "Template groups, with their prompts and reference prompts"),
        FieldSpec("total", (), "How many parts a circuit could hold", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
