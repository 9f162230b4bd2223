"""Every edge of the model: what it does, estimated and exact, and circuits of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from desktop_app.contract.circuits import CircuitText
from desktop_app.contract.params import Metric, Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, noise_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_LIST = 10_000_000
FRACTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class EdgesParams(Params):
    """Settings of `edges`."""

    metric: Metric = setting(
        "logit_diff", "Metric", "The number that is watched, read at the last token of each prompt."
    )
    replace: Literal["corrupt", "mean", "zero"] = setting(
        "corrupt",
        "Replace by",
        "What a sender puts out elsewhere: on the corrupt twin, on average over the reference "
        "prompts, or nothing.",
        words={"": "{} replacement"},
        named={"": "{}"},
    )
    method: Literal["auto", "exact", "eap", "eap-ig", "none"] = setting(
        "auto",
        "Method",
        "The gradient estimate (EAP, or EAP-IG over several steps), exact runs, or both: estimates "
        "at once, then exact values as far as the time goes; none scores a given circuit only.",
        named={"": "{}"},
    )
    best: int = setting(
        0, "Best", "Exact runs for so many of the best-estimated edges; 0 for all.", ge=0
    )
    budget: float = setting(
        10.0, "Minutes", "How many minutes auto may take for exact runs.", ge=0, le=100_000
    )
    steps: int = setting(
        5, "Steps", "How many runs between corrupt and clean EAP-IG averages.", ge=1, le=1_000
    )
    resamples: int = setting(
        100, "Resamples", "Bootstrap resamples of the prompts.", ge=0, le=10_000
    )
    controls: int = setting(20, "Controls", "Random circuits of as many edges.", ge=0, le=1_000)
    circuit: CircuitText = setting(
        "",
        "Circuit",
        "A circuit to take and score: so many edges (200), a fraction of them (0.02), a list of "
        "edges such as embed>m0, 5.3>6.1.q, 6.1>logits, or a file: of a list, a result, or MIB's.",
        cli="circuit_file",
        max_length=MAX_LIST,
        placeholder="none; 200, 0.02 or edges",
    )
    nodes: bool = setting(False, "Nodes", "Whole nodes instead of single edges.")
    reference: tuple[str, ...] = setting(
        (),
        "Reference prompts",
        "Prompts over which the mean is taken; the given prompts where none are named.",
        cli="prompt_file",
    )
    seed: int = setting(0, "Seed", "Of resamples and random circuits.", ge=0)


def _question(params: Mapping[str, Any], prompts: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """Return what a measurement and the circuits that are tried on it have in common."""
    named = ("metric", "replace", "reference", "bos", "chat")
    told = ("text", "corrupt_text")
    asked = [[*map(p.get, told), _texts(p, "answers"), _texts(p, "wrongs")] for p in prompts]
    return (asked, *map(params.get, named))


def _texts(prompt: Mapping[str, Any], name: str) -> list[str]:
    return [str(answer.get("text")) for answer in prompt.get(name) or ()]


_EDGE, _NODE = ("edge",), ("node",)

ANALYSIS = Analysis(
    name="edges",
    title="Edges",
    summary="Exchange what one part tells another, edge by edge, and draw the circuit.",
    params=EdgesParams,
    group="part",
    serves=frozenset({"pin_parts", "test_circuit", "head_facts"}),
    question=_question,
    needs_answers=True,
    compares_answers=True,
    fields=(
        FieldSpec("sender", _EDGE, "The node that an edge leaves", telling=-1),
        FieldSpec("receiver", _EDGE, "The node that it enters", telling=-1),
        FieldSpec("input", _EDGE, "Which input of it: q, k, v, in", telling=-1),
        FieldSpec("base", ("prompt",), "The metric untouched", "metric"),
        FieldSpec("other", ("prompt",), "The metric with every edge exchanged", "metric"),
        FieldSpec("effect", (*_EDGE, "prompt"), "changed − base, exact", "metric", True, telling=2),
        FieldSpec(
            "estimate", (*_EDGE, "prompt"), "The gradient estimate of it", "metric", True, telling=1
        ),
        FieldSpec(
            "estimate_eap",
            (*_EDGE, "prompt"),
            "The estimate by EAP, where both were made",
            "metric",
            True,
        ),
        FieldSpec(
            "agreement",
            (),
            "Spearman correlation of mean estimate and mean effect, over what both have",
            "",
            True,
        ),
        FieldSpec(
            "overlap",
            (),
            "Share of the top 100 that both have; withheld where no more than those are known",
            "",
            True,
        ),
        FieldSpec("agreement_eap", (), "The same of EAP", "", True),
        FieldSpec("overlap_eap", (), "The same of EAP", "", True),
        FieldSpec("kept", _EDGE, "Whether the circuit holds the edge", telling=-1),
        FieldSpec("circuit_score", ("prompt",), "The metric of the circuit", "metric"),
        FieldSpec("faithfulness", ("prompt",), "(circuit − other) / (base − other)", "", True),
        FieldSpec(
            "circuit_faithfulness", (), "The same of the mean metric, as the curve has it", "", True
        ),
        FieldSpec("fractions", ("step",), "The shares of edges of the curve", telling=-1),
        FieldSpec("curve", ("step",), "Faithfulness of circuits by size", "", True),
        FieldSpec("curve_edges", ("step",), "How many edges each holds after pruning", telling=-1),
        FieldSpec("cpr", (), "Area under the curve", "", True),
        FieldSpec("cmd", (), "Area between the curve and 1", "", True),
        FieldSpec(
            "rankings", ("ranking",), "By what the circuits of `curves` are ranked", telling=-1
        ),
        FieldSpec("curves", ("ranking", "step"), "The curve by each ranking", "", True),
        FieldSpec("cprs", ("ranking",), "cpr by each ranking", "", True),
        FieldSpec("cmds", ("ranking",), "cmd by each ranking", "", True),
        FieldSpec("node", _NODE, "The nodes that can be exchanged as a whole", telling=-1),
        FieldSpec(
            "node_effect",
            (*_NODE, "prompt"),
            "changed − base with the whole node exchanged",
            "metric",
            True,
        ),
        FieldSpec("node_kept", _NODE, "Whether the circuit holds the node", telling=-1),
        FieldSpec("node_curve", ("step",), "Faithfulness of circuits of nodes by size", "", True),
        FieldSpec("inclusion", _EDGE, "Share of resamples whose circuit holds the edge", "", True),
        FieldSpec(
            "jaccard",
            ("quantile",),
            "Jaccard index of resamples' circuits with the whole sample's: mean, 5 %, 95 %",
            "",
            True,
        ),
        FieldSpec(
            "control_faithfulness", ("control",), "Faithfulness of random circuits", "", True
        ),
        FieldSpec("control_edges", ("control",), "How many edges each of them holds", telling=-1),
        FieldSpec(
            "layers",
            (),
            "Of the model: how many layers, heads, key-value heads; which are parallel",
        ),
        FieldSpec("read_position", ("prompt",), "Where the metric was read", telling=-1),
        FieldSpec("answer_rank", ("prompt",), "Rank of the answer untouched, 0 = top", "", True),
        FieldSpec("task_done", ("prompt",), "Whether the model does the task at all"),
        noise_spec(),
        FieldSpec("estimated", (), "Whether no exact effect is known"),
        FieldSpec("computed", (), "How many edges are exact"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
