"""Interventions resolved against a model: layers, vectors and means; and what each step changes.

Where several meet at one position of one place they act in this order: zero, scale, set (the last
one given; heads that become their mean belong here), add, project out. Vectors that are added there
are summed first, each with all its coefficients, so that what cancels out is no change at all; what
is projected out there goes together, as one subspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import prod
from typing import TYPE_CHECKING

import torch

from desktop_app.analyses.steer.directions import check_kept, keep, vector_of
from desktop_app.contract.grammar import resolve_heads, resolve_index, resolve_range
from desktop_app.contract.result import Notice
from desktop_app.contract.steering import require_positions, touched
from desktop_app.engine.interventions import (
    Add,
    Edit,
    ProjectOut,
    Replace,
    Scale,
    Value,
    Zero,
)
from desktop_app.engine.sites import require_acting
from desktop_app.methods.grid import Group
from desktop_app.methods.substitutes import Reference, make_means
from desktop_app.methods.watching import other_reference
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import Intervention, Op
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.substitutes import MeanValues
    from desktop_app.methods.vectors import Vector

VECTOR_OPS: frozenset[Op] = frozenset({"add", "difference", "set", "project_out"})
ADDED: frozenset[Op] = frozenset({"add", "difference"})
STRONG: frozenset[Op] = frozenset({"add", "difference", "set", "scale"})
"""What has a strength: these a sweep and a slider vary."""

_UNPLACED: frozenset[Op] = frozenset({"zero", "scale", "difference"})  # nothing else says where
# Directions that are this much shorter once others are taken out of them add nothing.
_DEPENDENT = 1e-5
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


class HeadMeans:
    """What heads become: their means over the reference, position by position.

    Positions beyond those of the reference take the mean over its positions.

    Args:
        means: The means, read already.
        lengths: The token count of each prompt.
    """

    def __init__(self, means: MeanValues, lengths: Sequence[int]) -> None:
        self._means, self._lengths = means, tuple(lengths)
        self._rows: dict[tuple[int, int], torch.Tensor] = {}

    def at(self, layer: int, prompt: int, positions: Iterable[int]) -> torch.Tensor:
        """Return z `[position, head, width]` at absolute positions of a prompt and what follows."""
        key = layer, prompt
        if key not in self._rows:
            length = self._lengths[prompt]
            group = Group((prompt,), torch.empty(1, length, dtype=torch.long))
            table = self._means.table(group, layer, "head_z")
            own = table[self._means.entry(group, 0)]
            self._rows[key] = torch.cat([own, own.mean(0, keepdim=True)])
        rows = self._rows[key]
        return rows[[min(p, len(rows) - 1) for p in positions]]


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
        """Position and when of each, as `timeline` and `forgets` take them."""
        return tuple((one.position, one.when) for one in self.items)

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

    def edits_of(self, held: Sequence[range], prompt: int = 0) -> tuple[Edit, ...]:
        """Return what all steps together change, at the very positions that they touch.

        Args:
            held: The absolute positions that each step's pass holds.
            prompt: Of which prompt.
        """
        found = [
            {
                p
                for step, passes in enumerate(held)
                for p in touched(one.position, one.when, step, passes).here
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
            self._made[which] = tuple(_values([self.items[i] for i in which]))
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


def _values(items: Sequence[Acting]) -> Iterable[tuple[Value, int | None]]:
    if any(one.op == "zero" for one in items):
        yield Zero(), None
    factor = prod(one.strength for one in items if one.op == "scale")
    if factor != 1:
        yield Scale(factor), None
    put = [one for one in items if one.op == "set"]
    if put:
        yield Replace(_shaped(put[-1], _vector(put[-1]) * put[-1].strength)), None
    total = summed(items)
    if total is not None:
        yield Add(_shaped(items[0], total)), None
    gone = [_vector(one) for one in items if one.op == "project_out"]
    basis = orthonormal(gone)
    if len(basis):
        yield ProjectOut(basis), None


def summed(items: Sequence[Acting]) -> torch.Tensor | None:
    """Return the sum of the vectors that are added, each times its coefficients; None for nothing.

    Coefficients of one vector (or of its opposite) are summed as they are written, in decimals: 0.1
    and 0.2 and −0.3 are nothing.
    """
    found: list[tuple[torch.Tensor, Decimal]] = []
    for one in items:
        if one.op not in ADDED:
            continue
        vector, coef = _vector(one), Decimal(repr(float(one.strength)))
        for place, (known, so_far) in enumerate(found):
            if torch.equal(known, vector):
                found[place] = known, so_far + coef
                break
            if torch.equal(known, -vector):
                found[place] = known, so_far - coef
                break
        else:
            found.append((vector, coef))
    parts = [vector * float(coef) for vector, coef in found if coef and bool(vector.any())]
    return torch.stack(parts).sum(0) if parts else None


def orthonormal(vectors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return an orthonormal basis `[k, width]`, float32, of what the vectors span."""
    basis: list[torch.Tensor] = []
    for vector in vectors:
        rest = vector.double()
        length = float(rest.norm())
        for _again in range(2):
            for one in basis:
                rest = rest - (rest @ one) * one
        if length and float(rest.norm()) > _DEPENDENT * length:
            basis.append(rest / rest.norm())
    return torch.stack(basis).float() if basis else torch.empty(0, 0)


def _vector(one: Acting) -> torch.Tensor:
    if one.vector is None:
        raise TypeError(f"{one.op} has no vector")
    return one.vector


def _shaped(one: Acting, vector: torch.Tensor) -> torch.Tensor:
    """Return a vector as an edit writes it: `[1, width]`, at `head_z` `[1, head, width]`."""
    return vector.view(1, *one.shape) if one.shape else vector[None]


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
        notices += _head_notices(params, means)
    lengths = [len(e) for e in prepared.encodings]
    items: list[Acting] = []
    for one in given:
        for length in set(lengths):
            require_positions(one.position, one.when, length, params.max_new_tokens)
        if one.op == "ablate_heads":
            items += _ablating(model, one, HeadMeans(means, lengths) if means else None)
            continue
        items.append(acting(model, params, one, report=report))
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


def _head_notices(params: SteerParams, means: MeanValues) -> list[Notice]:
    """Return what must be said of the means, in the words of these settings."""
    message = (
        "The reference is the prompt alone, so heads keep their own value at its positions and "
        f"later ones take the mean over them: {other_reference(params)}."
    )
    return [Notice(n.code, message) if n.code == "reference_is_self" else n for n in means.notices]
