"""Linear probes: how well a label can be read off an activation, layer by layer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.contract.steering import MAX_PATH

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

    site: ProbeSite = setting("resid_post", "Site", "The activation that is read.")
    position: PositionText = setting(
        "-1",
        "Position",
        "Where each prompt is read, negative from its end; all: at every position, for prompts of "
        "one token length.",
    )
    split: float = setting(
        0.3, "Held out", "Which share of the prompts of each label is held out.", gt=0, lt=1
    )
    l2: float = setting(
        1.0, "L2", "Strength of the penalty on the weights.", ge=0, le=1e9, advanced=True
    )
    seed: int = setting(0, "Seed", "Of the split and of the shuffled labels.", ge=0, advanced=True)
    layer: int | None = setting(
        None,
        "Vector's layer",
        "Which row's direction is saved, counted as the results count them; empty: the most "
        "accurate one.",
        placeholder="the most accurate",
        advanced=True,
    )
    out_vector: str = setting(
        "",
        "Save direction",
        "A .safetensors file for that direction.",
        cli="new_path",
        max_length=MAX_PATH,
        words={"": ""},
        named={"": ""},
        advanced=True,
    )


_PROMPT = ("prompt",)

ANALYSIS = Analysis(
    name="probe",
    title="Probe",
    summary="Read a label off the activations by a line, layer by layer, against shuffled labels.",
    params=ProbeParams,
    group="change",
    absent=lambda params: (
        frozenset() if params.get("position") == "all" else frozenset({"position"})
    ),
    fields=(
        FieldSpec("accuracy", ("layer", "position"), "Held-out accuracy", telling=1),
        FieldSpec("accuracy_control", ("layer", "position"), "The same with shuffled labels"),
        FieldSpec(
            "accuracy_train",
            ("layer", "position"),
            "Accuracy on the prompts it was fitted on",
            telling=-1,
        ),
        FieldSpec("majority", (), "Held-out accuracy of always naming the commonest label"),
        FieldSpec(
            "direction",
            ("layer", "position", "dimension"),
            "Unit direction from the first label to the second",
            telling=-1,
        ),
        FieldSpec(
            "confusion",
            ("layer", "position", "label", "said"),
            "Held-out prompts by their label and what the probe says",
            telling=-1,
        ),
        FieldSpec("labels", ("label",), "The labels", telling=-1),
        FieldSpec("held_out", _PROMPT, "Whether the prompt was held out", telling=-1),
        FieldSpec(
            "predicted",
            ("layer", "position", "prompt"),
            "The label that the probe says",
            telling=-1,
        ),
        FieldSpec("read_position", _PROMPT, "Where the prompt was read", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
