"""The vectors of interventions: of two sets of texts, or from files; and the one that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.report import SilentReporter
from desktop_app.methods.text_means import difference_of_means, sets_of
from desktop_app.methods.vectors import Where, open_vector, save_vector
from desktop_app.support.errors import BadInputError
from desktop_app.support.vector_files import check_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import Intervention, Op
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.vectors import Vector

_OPTIONS: Mapping[Op, str] = {"add": "--add", "set": "--set-to", "project_out": "--project-out"}
_USUAL_SITE = "resid_post"


def vector_of(
    model: LoadedModel,
    params: SteerParams,
    one: Intervention,
    layer: int | None,
    report: Reporter | None = None,
) -> Vector | None:
    """Return an intervention's vector at a layer; None where it has none.

    Args:
        model: The model.
        params: The settings.
        one: The intervention.
        layer: Where it acts; None: where the vector's file says.
        report: Told while texts are read.

    Raises:
        BadInputError: The vector does not fit the model or the place, or cannot be made.
    """
    if one.op == "difference":
        if layer is None:
            return None
        sets = sets_of(one, params.vector_at)
        made = difference_of_means(model, params, sets, [layer], report or SilentReporter())
        return made[layer]
    if one.op not in _OPTIONS:
        return None
    option = _OPTIONS[one.op]
    if not one.file:
        raise BadInputError(
            f'An intervention “{one.op}” has no "file": name the vector that it takes.'
        )
    # Without a layer the file says where; the site that settings have then is none of theirs.
    free = layer is None and one.site == _USUAL_SITE
    where = Where(layer, None if free else one.site, params.elsewhere)
    return open_vector(model, one.file, where, option)


def check_kept(params: SteerParams, given: Sequence[Intervention]) -> None:
    """Refuse to keep a vector where none is made or it cannot be written, before work is done.

    Raises:
        BadInputError: It says which.
    """
    if not params.out_vector:
        return
    if not any(one.op == "difference" for one in given):
        raise BadInputError(
            "--out-vector saves a difference of means, and there is none: give --from and --to."
        )
    check_target(params.out_vector)


def keep(model: LoadedModel, params: SteerParams, made: Iterable[tuple[Op, Vector | None]]) -> None:
    """Write the first difference of means among the interventions' vectors, where that is asked.

    Raises:
        BadInputError: It cannot be written.
    """
    if not params.out_vector:
        return
    found = (vector for op, vector in made if op == "difference" and vector is not None)
    vector = next(found, None)
    if vector is not None:
        save_vector(check_target(params.out_vector), model, vector)
