"""Interventions resolved against a model: layers, vectors and means; and what each step changes.

Where several meet at one position of one place they act in this order: zero, scale, set (the last
one given; heads that become their mean belong here), add, project out. Vectors that are added there
are summed first, each with all its coefficients, so that what cancels out is no change at all; what
is projected out there goes together, as one subspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.directions import check_kept, keep, vector_of
from desktop_app.analyses.steer.head_means import HeadMeans, head_notices
from desktop_app.analyses.steer.meeting import values_of
from desktop_app.contract.grammar import resolve_heads, resolve_index, resolve_range
from desktop_app.contract.result import Notice
from desktop_app.contract.steering import require_positions, touched
from desktop_app.engine.interventions import (
    Edit,
    Replace,
    Value,
)
from desktop_app.engine.sites import require_acting
from desktop_app.methods.substitutes import Reference, make_means
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import torch

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import Intervention, Op
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.substitutes import MeanValues
    from desktop_app.methods.vectors import Vector

STRONG: frozenset[Op] = frozenset({"add", "difference", "set", "scale"})
"""What has a strength: these a sweep and a slider vary."""

_UNPLACED: frozenset[Op] = frozenset({"zero", "scale", "difference"})  # nothing else says where
_Made = tuple[tuple[Value, int | None], ...]


@dataclass(frozen=True, eq=False)
class Acting:
    """An intervention of a loaded model.

    Attributes:
        told: As the settings say it.
        layer: The block.
        site: The place in the block.
        strength: The coefficient of its vector, or the factor of `scale`.
        vector: Float32 `[width]` on the CPU, times nothing; None where it has none. At `head_z` the
            heads follow one another.
        shape: What the vector's axes are at its site; empty: the one that it has.
        heads: The heads that become their mean.
        means: What they become.
        made: The vector as it was made or read.
        number: Which intervention of the settings it is, the settings' own counted first.
    """

    told: Intervention
    layer: int
    site: Site
    strength: float = 1.0
    vector: torch.Tensor | None = None
    shape: tuple[int, ...] = ()
    heads: tuple[int, ...] = ()
    means: HeadMeans | None = None
    made: Vector | None = None
    number: int = 0

    @property
    def op(self) -> Op:
        """What is done."""
        return self.told.op

    @property
    def when(self) -> str:
        """At which steps."""
        return self.told.when

    @property
    def position(self) -> str:
        """Where."""
        return self.told.position

    def times(self, strength: float) -> Acting:
        """Return it with another strength; what has none stays as it is."""
        return replace(self, strength=strength) if self.op in STRONG else self

    def at(self, layer: int, vector: torch.Tensor | None = None) -> Acting:
        """Return it at another layer, with the vector made there where one is given."""
        return replace(self, layer=layer, vector=self.vector if vector is None else vector)


class Acts:
    """Interventions that act together, each step's changes as data.

    Args:
        items: The interventions.

    Attributes:
        items: The same.
    """

    def __init__(self, items: Iterable[Acting] = ()) -> None:
        self.items = tuple(items)
        self._made: dict[tuple[int, ...], _Made] = {}

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.items)

    @property
    def layers(self) -> frozenset[int]:
        """The layers that are changed: those that a `decoding` must keep open."""
        return frozenset(one.layer for one in self.items)

    @property
    def places(self) -> tuple[tuple[int, Site], ...]:
        """Layers and sites in the order given, once each."""
        return tuple(dict.fromkeys((one.layer, one.site) for one in self.items))

    @property
    def when(self) -> tuple[tuple[str, str], ...]:
        """Position and when of each that changes anything, as `timeline` takes them.

        A strength of 0, a factor of 1 and vectors that cancel one another change nothing.
        """
        return tuple(
            (one.position, one.when)
            for one in self.items
            if one.means is not None or self._values(self._beside(one))
        )

    def _beside(self, one: Acting) -> tuple[int, ...]:
        """Return which act wherever one does, it among them."""
        where = one.layer, one.site, one.position, one.when
        return tuple(
            i
            for i, other in enumerate(self.items)
            if (other.layer, other.site, other.position, other.when) == where
        )

    def varied(self, change: Callable[[Acting], Acting], which: Sequence[int] = (0,)) -> Acts:
        """Return these with some of them changed: `acts.varied(lambda one: one.times(2))`."""
        return Acts(change(one) if i in which else one for i, one in enumerate(self.items))

    def edits(self, step: int, held: range, prompt: int = 0) -> tuple[Edit, ...]:
        """Return what is changed at a step of one prompt.

        Args:
            step: Its number.
            held: The absolute positions that its pass holds.
            prompt: Of which prompt: means may be its own.
        """
        found = [set(touched(one.position, one.when, step, held).here) for one in self.items]
        return self._edits(found, prompt)

    def edits_of(
        self, held: Sequence[range], prompt: int = 0, end: int | None = None
    ) -> tuple[Edit, ...]:
        """Return what all steps together change, at the very positions that they touch.

        Args:
            held: The absolute positions that each step's pass holds.
            prompt: Of which prompt.
            end: Behind how many positions the text is cut off; None: nowhere.
        """
        found = [
            {
                p
                for step, passes in enumerate(held)
                for p in touched(one.position, one.when, step, passes).here
                if end is None or p < end
            }
            for one in self.items
        ]
        return self._edits(found, prompt)

    def _edits(self, found: Sequence[set[int]], prompt: int) -> tuple[Edit, ...]:
        edits: list[Edit] = []
        for layer, site in self.places:
            there = [
                i for i, one in enumerate(self.items) if (one.layer, one.site) == (layer, site)
            ]
            alike: dict[tuple[int, ...], list[int]] = {}
            for p in sorted(set().union(*(found[i] for i in there))):
                alike.setdefault(tuple(i for i in there if p in found[i]), []).append(p)
            for which, positions in alike.items():
                at = tuple(positions)
                for value, head in self._values(which):
                    edits.append(Edit(layer, site, value, head, at))
                edits += self._heads(which, at, prompt)
        return tuple(edits)

    def _values(self, which: tuple[int, ...]) -> _Made:
        """Return what meets at some position of one place, as at most one value of each kind."""
        if which not in self._made:
            self._made[which] = tuple(values_of([self.items[i] for i in which]))
        return self._made[which]

    def _heads(self, which: tuple[int, ...], at: tuple[int, ...], prompt: int) -> list[Edit]:
        edits: dict[int, Edit] = {}
        for one in (self.items[i] for i in which):
            if one.means is None:
                continue
            values = one.means.at(one.layer, prompt, at)
            for head in one.heads:
                value = Replace(values[:, head])
                edits[head] = Edit(one.layer, one.site, value, head, at)
        return list(edits.values())


def planned(rows: Sequence[tuple[Acts, int]]) -> Callable[[int, int, range], Sequence[Edit]]:
    """Return what `Changes.planned` asks: of each row its interventions, and its prompt."""

    def at_step(row: int, step: int, held: range) -> Sequence[Edit]:
        acts, prompt = rows[row]
        return acts.edits(step, held, prompt)

    return at_step


def planned_at_once(
    rows: Sequence[tuple[Acts, int]], held: Sequence[range], end: int | None = None
) -> Callable[[int, int, range], Sequence[Edit]]:
    """Return what `Changes.planned` asks of one pass in which all is done that steps have done.

    Args:
        rows: Of each row its interventions, and its prompt.
        held: The absolute positions that each step's pass holds.
        end: Behind how many positions the texts are cut off; None: nowhere.
    """

    def at_once(row: int, _step: int, _held: range) -> Sequence[Edit]:
        acts, prompt = rows[row]
        return acts.edits_of(held, prompt, end)

    return at_once


@dataclass(frozen=True)
class Resolved:
    """Interventions against a model.

    Attributes:
        acts: The interventions.
        notices: What must be said of them.
    """

    acts: Acts
    notices: tuple[Notice, ...] = ()


def resolve(
    model: LoadedModel, params: SteerParams, prepared: Prepared, report: Reporter
) -> Resolved:
    """Return the settings' interventions with their layers, vectors and means.

    Args:
        model: The model.
        params: The settings.
        prepared: The prompts.
        report: Told while texts and reference prompts are read.

    Raises:
        BadInputError: A layer, site, position or vector does not fit the model; it names it.
    """
    given = params.interventions()
    check_kept(params, given)
    notices: list[Notice] = []
    means = _head_means(model, params, prepared, report) if _heads_of(model, given) else None
    if means is not None:
        notices += head_notices(params, means)
    lengths = [len(e) for e in prepared.encodings]
    items: list[Acting] = []
    for number, one in enumerate(given):
        for length in set(lengths):
            require_positions(one.position, one.when, length, params.max_new_tokens)
        if one.op == "ablate_heads":
            found = _ablating(model, one, HeadMeans(means, lengths) if means else None)
        else:
            found = [acting(model, params, one, report=report)]
        items += [replace(act, number=number) for act in found]
    notices += _placed(model, params, items)
    keep(model, params, ((one.op, one.made) for one in items))
    told = (notice for one in items if one.made is not None for notice in one.made.notices)
    notices += dict.fromkeys(told)
    return Resolved(Acts(items), tuple(notices))


def _placed(model: LoadedModel, params: SteerParams, items: Sequence[Acting]) -> list[Notice]:
    """Say at which layer of a sweep the texts are steered, where settings name no other."""
    free = [one for one in items if one.told.layer is None and one.op in _UNPLACED]
    if not (free and params.sweep_layers):
        return []
    message = (
        f"--layer is not given: the texts are steered at layer {_middle(model, params)}, the "
        "middle of --sweep-layers."
    )
    return [Notice("layer_of_sweep", message)]


def acting(
    model: LoadedModel,
    params: SteerParams,
    one: Intervention,
    layer: int | None = None,
    report: Reporter | None = None,
) -> Acting:
    """Return one intervention against a model; at another layer with the vector made there.

    Args:
        model: The model.
        params: The settings.
        one: The intervention; not one of heads.
        layer: Instead of its own, as a sweep asks.
        report: Told while texts are read.

    Raises:
        BadInputError: It does not fit the model.
    """
    where = one.layer if layer is None else layer
    if where is not None:
        where = resolve_index(where, model.info.n_layers, "--layer")
        require_acting(model, [where], one.site)
    made = vector_of(model, params, one, where, report)
    if where is None and made is None:
        if params.sweep_layers:
            return acting(model, params, one, _middle(model, params), report)
        raise BadInputError(
            f"--layer is not given: say at which of the {model.info.n_layers} layers of "
            f"{model.info.name} the intervention acts."
        )
    strength = one.factor if one.op == "scale" else one.coef
    if made is None:
        return Acting(one, where or 0, one.site, strength)
    require_acting(model, [made.layer], made.site)
    return Acting(one, made.layer, made.site, strength, made.values, made.shape, made=made)


def _middle(model: LoadedModel, params: SteerParams) -> int:
    """Return the layer at which texts are steered where settings name those of a sweep alone."""
    layers = resolve_range(params.sweep_layers, model.info.n_layers, "--sweep-layers")
    return layers[len(layers) // 2]


def _heads_of(model: LoadedModel, given: Sequence[Intervention]) -> dict[int, list[int]]:
    """Return the heads that any intervention replaces, by layer."""
    found: dict[int, list[int]] = {}
    for one in given:
        if one.op == "ablate_heads":
            pairs = resolve_heads(
                one.heads, model.info.n_layers, model.info.n_heads, "--ablate-heads"
            )
            for layer, head in pairs:
                found.setdefault(layer, []).append(head)
    return found


def _ablating(model: LoadedModel, one: Intervention, means: HeadMeans | None) -> Iterable[Acting]:
    """Return one intervention of heads, layer by layer."""
    for layer, heads in _heads_of(model, [one]).items():
        yield Acting(one, layer, "head_z", heads=tuple(heads), means=means)


def _head_means(
    model: LoadedModel, params: SteerParams, prepared: Prepared, report: Reporter
) -> MeanValues:
    """Return the means that heads become, read from the reference."""
    layers = tuple(_heads_of(model, params.interventions()))
    require_acting(model, layers, "head_z", "ablate heads of another model")
    means = make_means(model, params, prepared, Reference(params.reference))
    means.read((("head_z", layers),), report)
    return means
