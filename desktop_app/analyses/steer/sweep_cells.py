"""What a sweep varies: the interventions of a cell, made for its layer and its coefficient."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.acting import STRONG, Acts, acting
from desktop_app.analyses.steer.strength import multiplies
from desktop_app.contract.grammar import resolve_range
from desktop_app.contract.report import SilentReporter
from desktop_app.engine.sites import require_acting
from desktop_app.methods.text_means import difference_of_means, sets_of
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.acting import Acting
    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice

VECTORS = STRONG - {"scale"}


@dataclass
class Swept:
    """The cells of a sweep.

    Attributes:
        layers: What its rows are; without --sweep-layers one row, at the interventions' own
            layers, named after the first one's.
        coefs: What its columns are.
        moved: Layer by layer the interventions that are varied, as they are made there.
        fixed: Those that stay.
        multiplies: Whether a coefficient multiplies each vector's own, rather than replace it.
        notices: What must be said.
    """

    layers: tuple[int, ...]
    coefs: tuple[float, ...]
    moved: tuple[tuple[Acting, ...], ...]
    fixed: tuple[Acting, ...] = ()
    multiplies: bool = False
    notices: list[Notice] = field(default_factory=list)

    def acts(self, row: int, column: int) -> Acts:
        """Return the interventions of a cell."""
        moved = self.moved[row]
        which = _strong([one.op for one in moved])
        coef = self.coefs[column]
        given = [
            one.times(coef * one.strength if self.multiplies else coef) if one.op in which else one
            for one in moved
        ]
        return Acts((*given, *self.fixed))


def axes_of(study: Study) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the layers and coefficients that settings ask for; what is varied must fit them.

    Raises:
        BadInputError: There is nothing to vary, or a layer or a vector does not fit; it names it.
    """
    moved, _fixed = _parted(study)
    _require_variable(study, moved)
    params, model = study.params, study.model
    coefs = tuple(params.sweep_coefs or (_own_coef(study, moved),))
    if not params.sweep_layers:
        return (moved[0].layer,), coefs  # each stays at its own
    layers = tuple(resolve_range(params.sweep_layers, model.info.n_layers, "--sweep-layers"))
    for one in moved:
        require_acting(model, layers, one.site)
        if one.op != "difference":
            _at_layers(study, one, layers, SilentReporter())
    return layers, coefs


def swept_of(study: Study, report: Reporter) -> Swept:
    """Return the cells that settings ask for.

    Args:
        study: Its interventions.
        report: Told while texts are read.

    Raises:
        BadInputError: There is nothing to vary, or a layer or a vector does not fit; it names it.
    """
    layers, coefs = axes_of(study)
    moved, fixed = _parted(study)
    if not study.params.sweep_layers:
        return Swept(layers, coefs, (moved,), fixed, multiplies(study.params))
    made = [_at_layers(study, one, layers, report) for one in moved]
    rows = tuple(tuple(at[layer] for at in made) for layer in layers)
    told = dict.fromkeys(n for row in rows for one in row for n in _told_of(one))
    already = {n for one in moved for n in _told_of(one)}
    notices = [n for n in told if n not in already]
    return Swept(layers, coefs, rows, fixed, multiplies(study.params), notices)


def _parted(study: Study) -> tuple[tuple[Acting, ...], tuple[Acting, ...]]:
    """Return what is varied (the settings' own, or the first of the others), and what stays."""
    items, params = study.acts.items, study.params
    if not items:
        raise BadInputError(
            "--sweep-layers and --sweep-coefs have nothing to vary: give an intervention, such as "
            "--from and --to, or --add."
        )
    # By their numbers: one of the others may say the very same.
    own = len(params.interventions()) - len(params.also) or 1
    parts = [one for one in items if one.number < own], [one for one in items if one.number >= own]
    return tuple(parts[0]), tuple(parts[1])


def _strong(ops: Sequence[str]) -> frozenset[str]:
    """Return which interventions a coefficient is of: vectors, without any the scale."""
    vectors = frozenset(op for op in ops if op in VECTORS)
    return vectors or frozenset(op for op in ops if op == "scale")


def _require_variable(study: Study, moved: Sequence[Acting]) -> None:
    params = study.params
    heads = [one for one in moved if one.op == "ablate_heads"]
    if heads:
        raise BadInputError(
            "--sweep-layers and --sweep-coefs cannot vary --ablate-heads, whose heads name their "
            "layers and have no coefficient: give another intervention, or put the heads under "
            "--also."
        )
    if params.sweep_coefs and not _strong([one.op for one in moved]):
        what = ", ".join(sorted({one.op.replace("_", " ") for one in moved}))
        raise BadInputError(
            f"--sweep-coefs has nothing to multiply: {what} has no coefficient; leave it out, or "
            "give a vector or --scale."
        )


def _own_coef(study: Study, moved: Sequence[Acting]) -> float:
    """Return the one coefficient of settings; 1 where vectors have one each, or none has any."""
    if multiplies(study.params):
        return 1.0
    which = _strong([one.op for one in moved])
    found = {one.strength for one in moved if one.op in which}
    return found.pop() if len(found) == 1 else 1.0


def _at_layers(
    study: Study, one: Acting, layers: Sequence[int], report: Reporter
) -> dict[int, Acting]:
    """Return an intervention at each layer; a difference of means is made there, all at once."""
    model, params = study.model, study.params
    if one.op == "difference":
        sets = sets_of(one.told, params.vector_at)
        found = difference_of_means(model, params, sets, layers, report)
        return {n: replace(one, layer=n, vector=v.values, shape=v.shape) for n, v in found.items()}
    if one.vector is None:
        return {layer: one.at(layer) for layer in layers}
    told = one.told.model_copy(update={"site": one.site})  # which the file may have named
    return {
        layer: one if layer == one.layer else acting(model, params, told, layer, report)
        for layer in layers
    }


def _told_of(one: Acting) -> tuple[Notice, ...]:
    made = getattr(one, "made", None)
    return () if made is None else made.notices
