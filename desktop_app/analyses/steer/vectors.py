"""Vectors that lie on the disk as an editor offers them, and those of a result as a file. No Qt."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from desktop_app.analyses.steer import acts as data_of
from desktop_app.contract.steering import SteerSite
from desktop_app.pictures.set_words import difference_words
from desktop_app.pictures.words import clipped, without_flags
from desktop_app.support import paths, vector_files
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import ModelInfo, Result
    from desktop_app.contract.steering import Intervention

_LONG = 90
_SAME = ("op", "file", "from_texts", "to_texts", "layer", "site")


@dataclass(frozen=True)
class Known:
    """A vector that was kept.

    Attributes:
        file: Where it lies, as settings write it.
        title: What it is called in a menu.
        tip: More of it.
        place: Layer and site where it was made, as far as it says so.
    """

    file: str
    title: str
    tip: str
    place: dict[str, Any] = field(default_factory=dict)


def kept(model: ModelInfo | None) -> tuple[Known, ...]:
    """Return the vectors of a model that are kept, the newest first."""
    if model is None:
        return ()
    return tuple(map(_known, vector_files.kept(model.fingerprint)))


def _known(head: vector_files.VectorHead) -> Known:
    place: dict[str, Any] = {}
    if head.layer is not None:
        place["layer"] = head.layer
    if head.site in get_args(SteerSite):
        place["site"] = head.site
    where = "" if head.layer is None else f"L{head.layer} · "
    made = head.fact("made") or "not said how"
    return Known(
        str(head.path),
        clipped(f"{where}{head.path.stem} · {made}", _LONG),
        f"{made}\n{head.site}, made {head.fact('created')}",
        place,
    )


def misfit(act: Intervention, model: ModelInfo | None, *, elsewhere: bool) -> str:
    """Say why the vector of an intervention cannot be taken; empty where it can, or has none."""
    if not act.file:
        return ""
    try:
        head = vector_files.read_head(act.file, "vector")
    except (BadInputError, OSError, ValueError) as error:
        return _in_window(str(error))
    if model is None:
        return ""
    if head.width != model.d_model:
        return (
            f"The vector has {head.width:,} numbers, and an activation of {model.label} has "
            f"{model.d_model:,}: choose one that was made for this model."
        )
    place = None if act.layer is None else (act.layer % model.n_layers, act.site)
    wrong = vector_files.misfit(head, model, place, elsewhere=elsewhere)
    return _in_window(wrong or _broken(head))


def _broken(head: vector_files.VectorHead) -> str:
    """Say what is wrong with the numbers of a vector."""
    try:
        vector_files.read_values(head)
    except (BadInputError, OSError, ValueError) as error:
        return str(error)
    return ""


_SAYINGS = (
    (r"give --layer (\d+), or --elsewhere", r"choose Layer \1, or Vector elsewhere"),
    (r"give --site (\w+), or --elsewhere", "choose it as Site, or Vector elsewhere"),
    (r"give --elsewhere", "choose Vector elsewhere"),
)


def _in_window(message: str) -> str:
    """Return a message with the window's ways in the place of the command line's options."""
    for option, way in _SAYINGS:
        message = re.sub(option, way, message)
    message = without_flags(message)
    return message[:1].upper() + message[1:]


def vector_of(
    result: Result | None, made: SteerParams | None, act: Intervention
) -> np.ndarray | None:
    """Return the vector that a result took for an intervention; None where it holds none like it.

    Args:
        result: The result.
        made: Its settings.
        act: The intervention; its coefficient and its steps do not matter.
    """
    if result is None or made is None or (values := result.data.get("vector")) is None:
        return None
    # Heads have a row for each of their layers, and no vector; all else has one row each.
    done = enumerate(result.data.get("acts") or ())
    places = [place for place, row in done if row.get("op") != "ablate_heads"]
    others = [one for one in data_of.acts_of(made) if one.op != "ablate_heads"]
    for place, one in zip(places, others, strict=False):
        if place < len(values) and all(getattr(one, n) == getattr(act, n) for n in _SAME):
            if values[place] is None:
                return None
            found = np.asarray(values[place], dtype=np.float64)
            return found if found.ndim == 1 and np.isfinite(found).all() else None
    return None


def proposed(model: ModelInfo, act: Intervention) -> Path:
    """Return under which name a vector is saved where nothing else is said; its folder is made."""
    name = "".join(c if c.isalnum() else "-" for c in model.name)[:40]
    layer = 0 if act.layer is None else act.layer % model.n_layers
    stem = f"{name}-L{layer}-{act.site.replace('_', '-')}"
    folder, number = vector_files.folder(), 1
    with suppress(OSError):  # saving says what is wrong
        paths.ensure(folder)
    while (path := folder / f"{stem}-{number}{vector_files.ENDING}").exists():
        number += 1
    return path


def save(
    path: str, values: np.ndarray, model: ModelInfo, act: Intervention, made: SteerParams
) -> Path:
    """Write the vector of a difference of means, as settings had it made; return where it lies.

    Raises:
        BadInputError: It cannot be written there.
    """
    target = vector_files.check_target(path, "Save vector")
    layer = 0 if act.layer is None else act.layer % model.n_layers
    how = difference_words(act.to_texts, act.from_texts, made.vector_at)
    vector_files.write(target, values, model, (layer, act.site), how)
    return target
