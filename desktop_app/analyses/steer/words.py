"""What was done to a run, in words: what, where, at which steps. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.pictures.words import (
    MINUS,
    choice_label,
    clipped,
    dotted_name,
    plural,
    shorten,
    without_flags,
)
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.steering import Intervention

_NAMED = 3  # more interventions are counted
_TEXT = 60
_SHORT = 24


UNREAD = "what was done is not known: the result’s settings do not fit this version"
"""Said of a result whose settings cannot be read."""


def done_words(params: SteerParams | None) -> str:
    """Say what is done, where and when: `zero at layer 5 …`; empty where nothing is.

    Where settings do not fit, or not each other, it says that.
    """
    if params is None:
        return UNREAD
    try:
        acts = params.interventions()
    except BadInputError as error:
        return without_flags(str(error))
    if len(acts) > _NAMED:
        return f"{plural(len(acts), 'intervention')}"
    return "; ".join(intervention_words(act) for act in acts)


def intervention_words(act: Intervention) -> str:
    """Say one intervention in words."""
    return f"{what_words(act)} at {where_words(act)}, {when_words(act.when)}"


def what_words(act: Intervention) -> str:
    """Say what an intervention does."""
    times = "" if act.coef == 1 else f"{_plain_number(act.coef)} × "
    names = {
        "zero": "zero",
        "scale": f"× {_plain_number(act.factor)}",
        "add": f"add {times}{_file(act.file)}",
        "set": f"set to {times}{_file(act.file)}",
        "project_out": f"project out {_file(act.file)}",
        "difference": f"add {times}({_some(act.to_texts)} {MINUS} {_some(act.from_texts)})",
        "ablate_heads": f"ablate {dotted_name(act.heads)}",
    }
    return names[act.op]


def swept_words(act: Intervention) -> str:
    """Say what a sweep varies: an intervention without its strength."""
    return "scale" if act.op == "scale" else what_words(act.model_copy(update={"coef": 1.0}))


def where_words(act: Intervention) -> str:
    """Say where an intervention acts."""
    layer = "the vector’s layer" if act.layer is None else f"layer {_plain_number(act.layer)}"
    if act.op == "ablate_heads":
        return f"{_positions(act.position)}"
    return f"{layer}, {choice_label(act.site)}, {_positions(act.position)}"


def when_words(when: str) -> str:
    """Say at which steps an intervention acts."""
    named = {"prompt": "on the prompt pass", "every": "at every step"}
    return named.get(when, f"at steps {when}")


def _positions(text: str) -> str:
    if text == "all":
        return "all positions"
    shown = "−1" if text == "last" else text.replace("-", MINUS)
    return f"position{'s' if ',' in shown else ''} {shown}"


def _plain_number(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def _file(path: str) -> str:
    return clipped(path.replace("\\", "/").rpartition("/")[2], _TEXT)


def _some(texts: Sequence[str]) -> str:
    """Return the first of some texts, and how many there are."""
    if not texts:
        return "“”"
    first = f"“{shorten(texts[0], _SHORT)}”"
    return first if len(texts) == 1 else f"{first} and {len(texts) - 1} more"
