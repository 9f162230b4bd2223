"""What was done to a run, in words: what, where, at which steps. No Qt."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, get_args

from desktop_app.contract.steering import SteerSite
from desktop_app.pictures.words import (
    MINUS,
    choice_label,
    clipped,
    dotted_name,
    plural,
    without_flags,
)
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.steering import Intervention

_NAMED = 3  # more interventions are counted
_FROM_FILE = frozenset({"add", "set", "project_out"})
_TEXT = 60
_SHORT = 24


UNREAD = "what was done is not known: the result’s settings do not fit this version"
"""Said of a result whose settings cannot be read."""


def done_words(params: SteerParams | None, done: Sequence[Mapping[str, Any]] = ()) -> str:
    """Say what is done, where and when: `zero at layer 5 …`; empty where nothing is.

    Where settings do not fit, or not each other, it says that.

    Args:
        params: The settings.
        done: What a result says was done, which knows the places that vectors' files name.
    """
    if params is None:
        return UNREAD
    try:
        acts = params.interventions()
    except BadInputError as error:
        return without_flags(str(error))
    if len(acts) > _NAMED:
        return f"{plural(len(acts), 'intervention')}"
    return "; ".join(intervention_words(act) for act in placed(acts, done))


def intervention_words(act: Intervention) -> str:
    """Say one intervention in words."""
    # Heads say themselves where they are.
    where = "" if act.op == "ablate_heads" else f" at {where_words(act)}"
    return f"{what_words(act)}{where}, {positions_words(act.position)}, {when_words(act.when)}"


def what_words(act: Intervention) -> str:
    """Say what an intervention does."""
    times = "" if act.coef == 1 else f"{_plain_number(act.coef)} × "
    names = {
        "zero": "zero",
        "scale": f"× {_plain_number(act.factor)}",
        "add": f"add {times}{file_words(act.file)}",
        "set": f"set to {times}{file_words(act.file)}",
        "project_out": f"project out {file_words(act.file)}",
        "difference": f"add {times}({_pair(act.to_texts, act.from_texts)})",
        "ablate_heads": f"ablate {dotted_name(act.heads)}",
    }
    return names[act.op]


def swept_words(act: Intervention) -> str:
    """Say what a sweep varies: an intervention without its strength."""
    return "scale" if act.op == "scale" else what_words(act.model_copy(update={"coef": 1.0}))


def placed(
    acts: Sequence[Intervention], done: Sequence[Mapping[str, Any]]
) -> tuple[Intervention, ...]:
    """Return interventions at the layers and sites where a result says that they acted."""
    # Heads have a row for each of their layers; all else has one.
    rows = iter([row for row in done if row.get("op") != "ablate_heads"])
    found = []
    for act in acts:
        row = {} if act.op == "ablate_heads" else next(rows, {})
        layer, site = row.get("layer"), row.get("site")
        known = act.layer is None and type(layer) is int and site in get_args(SteerSite)
        there = known and row.get("op") == act.op
        found.append(act.model_copy(update={"layer": layer, "site": site}) if there else act)
    return tuple(found)


def site_is_files(act: Intervention) -> bool:
    """Return whether the site is the one that the vector's file names, as no other was chosen."""
    usual = type(act).model_fields["site"].default
    return act.op in _FROM_FILE and act.layer is None and act.site == usual


def where_words(act: Intervention) -> str:
    """Say at which layer and site an intervention acts."""
    if site_is_files(act):
        return "the layer and site of its vector"
    layer = "the vector’s layer" if act.layer is None else f"layer {_plain_number(act.layer)}"
    return f"{layer}, {choice_label(act.site)}"


def positions_words(position: str) -> str:
    """Say at which positions an intervention acts."""
    if position == "all":
        return "all positions"
    if position in {"last", "-1"}:
        return "last position"
    many = "," in position
    return f"position{'s' if many else ''} {position}".replace(",", ", ").replace("-", MINUS)


def when_words(when: str) -> str:
    """Say at which steps an intervention acts."""
    if when == "prompt":
        return "on the prompt pass"
    if when == "every":
        return "at every step"
    several = any(sign in when for sign in ",:")
    return f"at step{'s' if several else ''} {_steps(when)}"


def _steps(when: str) -> str:
    said = []
    for piece in when.split(","):
        first, colon, last = piece.partition(":")
        if not colon:
            said.append(first)
        elif not last:
            said.append(f"{first} and later")
        else:
            end = int(last) - 1
            said.append(first if end == int(first) else f"{first} to {end}")
    return ", ".join(said)


def _plain_number(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def file_words(file: str) -> str:
    """Return what a vector's file is called: its own name, or which feature of which folder."""
    folder, colon, row = file.rpartition(":")
    if colon and row.isdecimal() and folder:
        return f"feature {row} of {_name(folder)}"
    return _name(file)


def _name(path: str) -> str:
    """Return the last part of a path, of whatever system a session comes from."""
    return clipped(path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path, _TEXT)


def _pair(end: Sequence[str], start: Sequence[str]) -> str:
    """Return the first text of two sets, so cut that what tells them apart is seen."""
    alike = ""
    if end and start:
        pairs = zip(end[0], start[0], strict=False)
        alike = "".join(one for one, _other in takewhile(lambda pair: pair[0] == pair[1], pairs))
    since = alike.rfind(" ") + 1 if len(alike) > _SHORT // 2 else 0
    return f"{_some(end, since)} {MINUS} {_some(start, since)}"


def _some(texts: Sequence[str], since: int) -> str:
    """Return the first of some texts from a place on, and how many there are."""
    if not texts:
        return "“”"
    first = f"“{'…' if since else ''}{clipped(texts[0][since:], _SHORT)}”"
    return first if len(texts) == 1 else f"{first} and {len(texts) - 1} more"
