"""Linear probes: how well a label can be read off an activation, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.contract.steering import MAX_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import ModelInfo

MAX_LABELS = 100
MAX_SHUFFLES = 200
ProbeSite = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]


def _check_position(text: str) -> str:
    text = text.strip()
    if text == "last":
        return "-1"
    if text != "all":
        try:
            return str(int(text))
        except ValueError:
            raise ValueError(f"“{text[:40]}” is no position: write -1, 3 or all") from None
    return text


PositionText = Annotated[str, AfterValidator(_check_position)]


class ProbeParams(Params):
    """Settings of `probe`."""

    site: ProbeSite = setting(
        "resid_post",
        "Site",
        "The activation that is read.",
        words={"": "{}"},
        named={"resid_post": "", "": "{}"},
    )
    position: PositionText = setting(
        "-1",
        "Position",
        "Where each prompt is read, negative from its end; all: at every position, for prompts of "
        "one token length.",
        max_length=20,
        words={"-1": "last token", "all": "every position"},
        named={"-1": "", "all": "every position"},
    )
    split: float = setting(
        0.3,
        "Held out",
        "Which share of the prompts of each label is kept from the fit, to measure on.",
        gt=0,
        lt=1,
        words={"": "{} held out"},
        named={"0.3": ""},
    )
    l2: float = setting(
        1.0,
        "L2",
        "Strength of the penalty: half of it, times the sum of the squared weights, is added to "
        "the summed loss.",
        ge=0,
        le=1e9,
        advanced=True,
        allow_inf_nan=False,
    )
    seed: int = setting(0, "Seed", "Of the split and of the shuffled labels.", ge=0, advanced=True)
    shuffles: int = setting(
        10,
        "Shuffles",
        "How often labels are shuffled for the control, which is the mean over them.",
        ge=1,
        le=MAX_SHUFFLES,
        counted="shuffle",
        advanced=True,
    )
    layer: int | None = setting(
        None,
        "Vector's row",
        "Which row's direction is saved, as results count them: 0 what enters block 0, l + 1 block "
        "l; empty: the most accurate one.",
        placeholder="the most accurate",
        words={"None": "", "": "row {}"},
        advanced=True,
    )
    out_vector: str = setting(
        "",
        "Save direction",
        "A .safetensors file for that direction.",
        placeholder="not saved",
        cli="new_path",
        max_length=MAX_PATH,
        words={"": ""},
        named={"": ""},
        advanced=True,
    )


def cell_counts(params: Mapping[str, Any], layers: int, length: int) -> tuple[int, int]:
    """Return how many rows and positions are probed."""
    return layers + 1, length if params.get("position") == "all" else 1


_FLOAT = 8


def stored_bytes(params: Params, model: ModelInfo, lengths: Sequence[int]) -> int:
    """Return the bytes that a result of these settings keeps at most."""
    if not isinstance(params, ProbeParams):
        return 0
    longest = max(lengths, default=1)
    rows, positions = cell_counts(params.model_dump(), model.n_layers, longest)
    classes = len({row.label for row in params.prompts})
    each = model.d_model + len(lengths) + classes**2 + params.shuffles + _SCALARS
    return rows * positions * each * _FLOAT


_SCALARS = 4
_CELLS = ("layer", "position")
_PROMPT = ("prompt",)
_ROWS = "row 0: what enters block 0, row l + 1: block l"

ANALYSIS = Analysis(
    name="probe",
    title="Probe",
    summary="Read a label off the activations by a line, layer by layer, against shuffled labels.",
    params=ProbeParams,
    group="change",
    noun="probe",
    stores=stored_bytes,
    stored="directions",
    absent=lambda params: (
        frozenset() if params.get("position") == "all" else frozenset({"position"})
    ),
    fields=(
        FieldSpec("accuracy", _CELLS, f"Held-out accuracy; {_ROWS}", telling=2),
        FieldSpec(
            "accuracy_control",
            _CELLS,
            "The same with shuffled labels, their mean",
            telling=1,
        ),
        FieldSpec(
            "accuracy_control_each",
            (*_CELLS, "shuffle"),
            "The same, for each shuffle",
            telling=-1,
        ),
        FieldSpec(
            "accuracy_train", _CELLS, "Accuracy on the prompts that it was fitted on", telling=-1
        ),
        FieldSpec("majority", (), "Held-out accuracy of always naming the commonest label"),
        FieldSpec(
            "direction",
            (*_CELLS, "dimension"),
            "Unit direction of the stream from the first label to the second",
            nullable=True,
            telling=-1,
        ),
        FieldSpec(
            "gap",
            _CELLS,
            "Along it, the mean of the second label's prompts minus that of the first's",
            nullable=True,
        ),
        FieldSpec(
            "confusion",
            (*_CELLS, "label", "said"),
            "Held-out prompts by their label and what the probe says",
            telling=-1,
        ),
        FieldSpec("labels", ("label",), "The labels, as they first occur", labels="label"),
        FieldSpec("label_of", _PROMPT, "The number of each prompt's label", telling=-1),
        FieldSpec("held_out", _PROMPT, "Whether the prompt was held out", telling=-1),
        FieldSpec(
            "predicted",
            (*_CELLS, "prompt"),
            "The number of the label that the probe says",
            telling=-1,
        ),
        FieldSpec("read_position", _PROMPT, "Where the prompt was read", telling=-1),
        FieldSpec("saved", (), "Which direction was saved, and where"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
