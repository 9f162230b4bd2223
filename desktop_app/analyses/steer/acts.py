"""Interventions as they are edited: settings taken apart and put together, each in words. No Qt.

The first is what the settings themselves say, and so what a sweep and the strength vary; the
others are their `also`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from desktop_app.analyses.steer.words import file_words, positions_words, when_words
from desktop_app.contract.grammar import HeadsText, PositionsText
from desktop_app.contract.params import Frozen, setting
from desktop_app.contract.steering import (
    MAX_PATH,
    MAX_STRENGTH,
    Intervention,
    Op,
    SteerSite,
    WhenText,
)
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.words import MINUS, SITES, dotted_name, plural, written
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import ModelInfo

OPS: dict[Op, str] = {
    "add": "Add a vector",
    "difference": "Difference of means",
    "scale": "Scale",
    "zero": "Zero",
    "set": "Set to a vector",
    "project_out": "Project out",
    "ablate_heads": "Ablate heads",
}
"""What can be done, as a menu offers it."""
OP_TIPS: dict[Op, str] = {
    "add": "A vector of a file, times its coefficient, is added to the activation",
    "difference": "The mean of one set of texts minus that of another, times its coefficient",
    "scale": "The activation is multiplied by a factor",
    "zero": "The activation becomes 0",
    "set": "The activation becomes a vector of a file, times its coefficient",
    "project_out": "The part of the activation along a vector of a file is removed",
    "ablate_heads": "The output of heads becomes its mean over the reference prompts",
}
_WITH_FILE = frozenset({"add", "set", "project_out"})
_EMPTY: dict[str, Any] = {
    "zero": False,
    "scale": None,
    "add": (),
    "project_out": "",
    "set_to": "",
    "from_texts": (),
    "to_texts": (),
    "coef": (1.0,),
    "ablate_heads": "",
    "also": (),
}


# The settings and what they do.


def acts_of(params: SteerParams) -> tuple[Intervention, ...]:
    """Return what settings do, their own first; what does not fit together is left out."""
    try:
        return params.interventions()
    except BadInputError:
        return params.also


def settings_of(acts: Sequence[Intervention], params: SteerParams) -> dict[str, Any]:
    """Return what changes in settings so that they do these, by the names of fields."""
    if not acts:
        return dict(_EMPTY)
    first, *rest = acts
    own = _own(first)
    if own is None:  # not whole yet: the settings themselves cannot say it
        return {**_EMPTY, "also": tuple(acts)}
    place = {name: getattr(first, name) for name in ("layer", "site", "position", "when")}
    if first.op == "ablate_heads":
        place["site"] = params.site  # heads are always replaced at their own output
    return {**_EMPTY, **place, **own, "also": tuple(rest)}


def _own(act: Intervention) -> dict[str, Any] | None:
    """Return an intervention as settings of its own; None where it is not whole."""
    if trouble(act):
        return None
    coef = {"coef": (act.coef,)}
    told: dict[str, dict[str, Any]] = {
        "zero": {"zero": True},
        "scale": {"scale": act.factor},
        "add": {"add": (act.file,), **coef},
        "difference": {"from_texts": act.from_texts, "to_texts": act.to_texts, **coef},
        "set": {"set_to": act.file, **coef},
        "project_out": {"project_out": act.file},
        "ablate_heads": {"ablate_heads": act.heads},
    }
    return told[act.op]


def new_act(op: Op, acts: Sequence[Intervention], model: ModelInfo | None) -> Intervention:
    """Return a new intervention, at the place and the steps of the last one."""
    if acts:
        last = acts[-1]
        place: dict[str, Any] = {name: getattr(last, name) for name in _WHERE}
    else:
        layers = 0 if model is None else model.n_layers
        place = {"layer": layers // 2 if layers else 0}
    if op == "ablate_heads" or place.get("site") == "head_z":
        place["site"] = "head_z" if op == "ablate_heads" else "resid_post"
    return Intervention(op=op, **place)


_WHERE = ("layer", "site", "position", "when")


def with_op(act: Intervention, op: Op) -> Intervention:
    """Return an intervention that does something else, at the same place."""
    site = "head_z" if op == "ablate_heads" else act.site
    if op != "ablate_heads" and act.op == "ablate_heads":
        site = "resid_post"
    return act.model_copy(update={"op": op, "site": site})


def trouble(act: Intervention, model: ModelInfo | None = None) -> str:
    """Say what an intervention lacks, or what the model does not have; empty where it is whole."""
    if act.op in _WITH_FILE and not act.file:
        return "Choose a vector: a file, or two sets of texts."
    if act.op == "difference":
        missing = [name for name, of in (("From", act.from_texts), ("To", act.to_texts)) if not of]
        if missing:
            return f"Give texts for {' and '.join(missing)}: at least one each."
    if act.op == "ablate_heads" and not act.heads:
        return "Name the heads: L5H3, L16H0."
    if act.layer is None and act.op not in {*_WITH_FILE, "ablate_heads"}:
        return "Name the layer."
    layers = 0 if model is None else model.n_layers
    if model is not None and act.layer is not None and not -layers <= act.layer < layers:
        return (
            f"Layer {act.layer} does not exist: {model.label} has {layers}, numbered 0 to "
            f"{layers - 1}."
        )
    return ""


# In words.


def sentence(act: Intervention) -> str:
    """Say what an intervention does, where and when."""
    return f"{_what(act)}, {positions_words(act.position)}, {when_words(act.when)}"


def summary(acts: Sequence[Intervention]) -> str:
    """Say in one line what is done; several in the order in which one place takes them."""
    if not acts:
        return "No intervention: the text is generated plainly."
    if len(acts) == 1:
        return f"{sentence(acts[0])}."
    said = "; ".join(f"({place}) {_lower(sentence(act))}" for place, act in enumerate(acts, 1))
    return f"{plural(len(acts), 'intervention')}: {said}."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _what(act: Intervention) -> str:
    where = where_words(act)
    coef = written("{:.6g}", act.coef)
    file = file_words(act.file) or "a vector yet to be chosen"
    if act.op == "difference":
        pair = f"mean of {plural(len(act.to_texts), 'text')} {MINUS} mean of "
        pair += plural(len(act.from_texts), "text")
        return f"Add {coef} × ({pair}) to {where}"
    heads = dotted_name(act.heads) or "heads yet to be named"
    said: dict[str, str] = {
        "zero": f"Zero {where}",
        "scale": f"Multiply {where} by {written('{:.6g}', act.factor)}",
        "add": f"Add {coef} × {file} to {where}",
        "set": f"Set {where} to {coef} × {file}",
        "project_out": f"Project {file} out of {where}",
        "ablate_heads": f"Replace the output of {heads} by its mean",
    }
    return said[act.op]


def where_words(act: Intervention) -> str:
    """Say where an intervention acts."""
    if act.layer is None:
        return "the layer and site of its vector"
    name = f"layer {act.layer}".replace("-", MINUS)
    return f"{name}’s {SITES[act.site]}".replace("’s residual stream", ", residual stream")


def acts_ranking(
    acts: Sequence[Intervention],
    model: ModelInfo | None = None,
    misfits: Sequence[str] = (),
) -> Ranking:
    """Return the interventions as a table; keys are their places.

    Args:
        acts: The interventions.
        model: The model, where one is known.
        misfits: Of each, why its vector cannot be taken; empty where it can.
    """
    columns = (
        Column("number", "number", "", muted=True),
        Column("what", "name", "What"),
        Column("where", "text", "Where", width="stretch", least=90),
        Column("position", "text", "Positions", priority=1),
        Column("when", "text", "Steps", priority=2),
        Column("state", "mark", ""),
    )
    rows = []
    for place, act in enumerate(acts):
        lacks = trouble(act, model)
        wrong = lacks or (misfits[place] if place < len(misfits) else "")
        values = (
            place + 1,
            _SHORT_OPS.get(act.op, OPS[act.op]),
            _short_where(act),
            positions_words(act.position),
            when_words(act.when).removeprefix("on the ").removeprefix("at "),
            _LACKS if lacks else _MISFIT if wrong else "",
        )
        tip = f"{sentence(act)}.\n{wrong}".strip()
        rows.append(Row(place, values, tip, emphasis="bad" if wrong else ""))
    return Ranking(columns, tuple(rows))


_LACKS, _MISFIT = "to do", "misfit"
_SHORT_OPS = {"add": "Add vector", "difference": "Difference", "set": "Set to vector"}
_SHORT = {
    "resid_pre": "stream before",
    "resid_mid": "stream mid-block",
    "resid_post": "stream after",
    "attn_out": "attention output",
    "mlp_out": "MLP output",
    "head_z": "heads",
}


def _short_where(act: Intervention) -> str:
    if act.op == "ablate_heads":
        return dotted_name(act.heads)
    layer = "its vector’s" if act.layer is None else f"L{act.layer}".replace("-", MINUS)
    return f"{layer} · {_SHORT[act.site]}"


# The form of one.


def _layer() -> Any:
    words = "The block at which it acts; empty: where the vector's file says."
    return setting(None, "Layer", words)


def _site() -> Any:
    return setting("resid_post", "Site", "The place in the block at which it acts.")


def _position() -> Any:
    words = "all, or a list; -1 is the prompt's last token at step 0, and the new token later."
    return setting("-1", "Position", words)


def _when() -> Any:
    words = "prompt (step 0, which reads the prompt), every, or steps such as 0,2 or 1:."
    return setting("prompt", "When", words)


def _file() -> Any:
    words = (
        "A .safetensors file that holds one vector, or FOLDER:12 for a feature of a sparse "
        "autoencoder."
    )
    return setting("", "Vector", words, cli="path", max_length=MAX_PATH)


def _coef() -> Any:
    words = "What the vector is multiplied by."
    return setting(1.0, "Coefficient", words, ge=-MAX_STRENGTH, le=MAX_STRENGTH)


class ZeroForm(Frozen):
    """An activation that becomes 0."""

    layer: int | None = _layer()
    site: SteerSite = _site()
    position: PositionsText = _position()
    when: WhenText = _when()


class ScaleForm(Frozen):
    """An activation multiplied."""

    factor: float = setting(
        1.0,
        "Factor",
        "What the activation is multiplied by.",
        ge=-MAX_STRENGTH,
        le=MAX_STRENGTH,
    )
    layer: int | None = _layer()
    site: SteerSite = _site()
    position: PositionsText = _position()
    when: WhenText = _when()


class VectorForm(Frozen):
    """A vector added or set."""

    file: str = _file()
    coef: float = _coef()
    layer: int | None = _layer()
    site: SteerSite = _site()
    position: PositionsText = _position()
    when: WhenText = _when()


class ProjectForm(Frozen):
    """A direction removed."""

    file: str = _file()
    layer: int | None = _layer()
    site: SteerSite = _site()
    position: PositionsText = _position()
    when: WhenText = _when()


class DifferenceForm(Frozen):
    """A difference of means."""

    from_texts: tuple[str, ...] = setting(
        (), "From", "Texts whose mean activation is subtracted, one a line."
    )
    to_texts: tuple[str, ...] = setting(
        (), "To", "Texts towards whose mean activation it leads, one a line."
    )
    coef: float = _coef()
    layer: int | None = _layer()
    site: SteerSite = _site()
    position: PositionsText = _position()
    when: WhenText = _when()


class HeadsForm(Frozen):
    """Heads replaced by their mean."""

    heads: HeadsText = setting(
        "", "Heads", "Heads whose output becomes its mean: L5H3, L16H0.", spelling="heads"
    )
    position: PositionsText = _position()
    when: WhenText = _when()


FORMS: Mapping[Op, type[Frozen]] = {
    "zero": ZeroForm,
    "scale": ScaleForm,
    "add": VectorForm,
    "set": VectorForm,
    "project_out": ProjectForm,
    "difference": DifferenceForm,
    "ablate_heads": HeadsForm,
}


def form_of(act: Intervention) -> Frozen:
    """Return an intervention as its form shows it."""
    kind = FORMS[act.op]
    return kind.model_validate({name: getattr(act, name) for name in kind.model_fields})


def act_of(op: Op, form: Frozen, before: Intervention) -> Intervention:
    """Return the intervention that a form describes; what it does not show stays."""
    told = {name: getattr(form, name) for name in type(form).model_fields}
    return Intervention.model_validate({**dict(before), **told, "op": op})


assert set(OPS) == set(get_args(Op)) == set(FORMS)  # noqa: S101 - a line left out is seen at once
