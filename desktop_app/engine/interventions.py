"""Interventions as data: where the model is changed, and to what; and what writes them.

They are applied to an activation in a few indexed writes, every row's own change to its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.engine.model import Site

HEAD_SITES: frozenset[str] = frozenset({"head_z", "head_q", "head_k", "head_v"})


@dataclass(frozen=True)
class Zero:
    """The activation becomes 0."""


@dataclass(frozen=True)
class Scale:
    """The activation is multiplied."""

    factor: float


@dataclass(frozen=True)
class Replace:
    """The activation becomes another, such as a mean over a reference.

    Attributes:
        values: `[position, ...]` of the edit's positions, or anything that broadcasts to it.
    """

    values: torch.Tensor


@dataclass(frozen=True)
class FromRun:
    """The activation becomes that of an untouched prompt of the same sweep: nothing is stored.

    Attributes:
        prompt: The row of the sweep's prompts that it is read from.
        positions: Where it is read, one for each position that is written; None: at the same ones.
    """

    prompt: int
    positions: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Add:
    """A vector is added, shaped as for `Replace`."""

    values: torch.Tensor


@dataclass(frozen=True, eq=False)
class ProjectOut:
    """What the activation has along some directions is taken away.

    Attributes:
        basis: Orthonormal directions `[k, width]`; of a head site the heads follow one another.
    """

    basis: torch.Tensor


@dataclass(frozen=True, eq=False)
class FromTable:
    """The activation becomes an entry of a table that many edits share.

    Attributes:
        table: `[entry, position, ...]`, of all positions; for head sites those of the heads follow,
            `[entry, position, head, width]`, and the edit's own is taken.
        entry: Which one.
    """

    table: torch.Tensor
    entry: int


Value = Zero | Scale | Replace | FromRun | FromTable | Add | ProjectOut


@dataclass(frozen=True)
class Edit:
    """One change in one place.

    Attributes:
        layer: The block.
        site: The place in the block.
        value: What the activation becomes.
        head: The head for head sites (a key-value head for `head_k` and `head_v`) and for the
            pattern; None for all of them.
        positions: Positions changed, from 0 (rows of the pattern: queries); None for all of them.
    """

    layer: int
    site: Site
    value: Value
    head: int | None = None
    positions: tuple[int, ...] | None = None

    @property
    def first_position(self) -> int:
        """The first position that it touches or reads: nothing before it is needed anew."""
        if self.positions is None:
            return 0
        read = self.value.positions if isinstance(self.value, FromRun) else None
        return min(*self.positions, *(read or self.positions))

    @property
    def reads_elsewhere(self) -> bool:
        """Whether it reads a position other than the one it writes."""
        return isinstance(self.value, FromRun) and self.value.positions not in {
            None,
            self.positions,
        }


@dataclass(frozen=True)
class Variant:
    """A run of its own: one prompt with edits; a sweep is a list of them.

    Attributes:
        edits: What is changed. Where several meet in one place: zero, then scale, then
            replacements, then additions, then projections.
        prompt: The row of the sweep's prompts that is run.
    """

    edits: tuple[Edit, ...]
    prompt: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether every activation is replaced by itself."""
        return all(edit.value == FromRun(self.prompt) for edit in self.edits)

    @cached_property
    def layer(self) -> int:
        """The first layer that it touches: below, it equals the untouched run."""
        return min(edit.layer for edit in self.edits)

    @cached_property
    def first_position(self) -> int:
        """The first position that it touches or reads: nothing before it is needed anew."""
        return min(edit.first_position for edit in self.edits)


# The order of writes where several meet.
_KINDS = (Zero, Scale, Replace, FromRun, FromTable, Add, ProjectOut)

Members = list[tuple[int, Edit]]
"""Row of the batch, and the edit that belongs to it."""


@dataclass(frozen=True)
class Place:
    """Which of a prompt's positions an activation holds in a pass.

    Attributes:
        start: The first position that is computed.
        length: The prompt's token count.
        only: Row by row the single position that is kept here; None where all from `start` are.
    """

    start: int
    length: int
    only: torch.Tensor | None = None

    def positions(self, edit: Edit) -> torch.Tensor:
        """Return the prompt positions that an edit touches in this pass."""
        if edit.positions is None:
            return torch.arange(self.start, self.length)
        return torch.tensor(edit.positions, dtype=torch.long)

    def local(self, positions: torch.Tensor, row: int) -> torch.Tensor:
        """Return the places of prompt positions in the activation, −1 where it lacks them."""
        if self.only is None:
            return positions - self.start
        return torch.where(positions == self.only[row], 0, -1)


def make_editor(members: Members, place: Place) -> Callable[..., torch.Tensor] | None:
    """Return a hook that applies edits of one site and layer, each to its own row; None: no work.

    It writes into the activation itself: where TransformerLens names the input of a norm
    (`resid_mid`), what flows past the norm must change too. Rows of untouched prompts come first in
    the batch and are never written.
    """
    site = members[0][1].site
    groups: dict[tuple[type, bool], Members] = {}
    for row, edit in members:
        groups.setdefault((type(edit.value), edit.head is None), []).append((row, edit))
    writers = [
        writer
        for kind in _KINDS
        for no_head in (True, False)
        if (group := groups.get((kind, no_head))) and (writer := _writer(group, place))
    ]
    if not writers:
        return None

    def edit_rows(x: torch.Tensor, hook: object) -> torch.Tensor:
        if site in HEAD_SITES and x.ndim != 4:
            raise BadInputError(f"This model shows no single heads at {site}: choose attn_out.")
        by_row = x
        if x.ndim == 2:  # OPT joins rows and positions to one axis
            by_row = x.view(-1, place.length - place.start, x.shape[-1])
        for write in writers:
            write(by_row)
        return x

    return edit_rows


def _writer(members: Members, place: Place) -> Callable[[torch.Tensor], None] | None:
    """Return what writes edits of one kind of value; None where they touch nothing kept here."""
    if isinstance(members[0][1].value, FromTable):
        return _table_writer(members, place)
    rows, at, heads, picks = [], [], [], []
    for row, edit in members:
        local = place.local(place.positions(edit), row)
        pick = (local >= 0).nonzero()[:, 0]
        picks.append(pick)
        at.append(local[pick])
        rows.append(torch.full_like(pick, row))
        heads.append(torch.full_like(pick, -1 if edit.head is None else edit.head))
    if not any(len(pick) for pick in picks):
        return None
    site, head = members[0][1].site, torch.cat(heads)
    index = _index(site, torch.cat(rows), torch.cat(at), head)
    if not isinstance(members[0][1].value, FromRun):
        return partial(_write, index=index, members=members, picks=picks)
    prompts, sources = [], []
    for (_row, edit), pick in zip(members, picks, strict=True):
        value = edit.value
        if isinstance(value, FromRun):
            given = value.positions
            positions = place.positions(edit) if given is None else torch.tensor(given)
            sources.append(place.local(positions[pick], value.prompt))
            prompts.append(torch.full_like(pick, value.prompt))
    source = torch.cat(sources)
    if bool((source < 0).any()):
        raise ValueError("a position that is read from is not computed in this pass")
    there = _index(site, torch.cat(prompts), source, head)
    return partial(_copy, index=index, there=there)


def _table_writer(members: Members, place: Place) -> Callable[[torch.Tensor], None] | None:
    """Return what writes entries of tables, all edits of one table and its positions at once."""
    groups: dict[tuple[int, tuple[int, ...] | None], list[tuple[int, int, int, torch.Tensor]]] = {}
    for row, edit in members:
        if isinstance(edit.value, FromTable):
            one = row, edit.value.entry, -1 if edit.head is None else edit.head, edit.value.table
            groups.setdefault((id(edit.value.table), edit.positions), []).append(one)
    writes = []
    for (_table, given), group in groups.items():
        numbers = torch.tensor([one[:3] for one in group])
        positions = torch.arange(place.start, place.length)
        if given is not None:
            positions = torch.tensor([p for p in given if p >= place.start], dtype=torch.long)
        if place.only is None:
            rows, entries, heads = numbers[:, :, None].expand(-1, -1, len(positions)).unbind(1)
            theirs = positions.expand(len(group), -1)
            local = theirs - place.start
        else:  # the one position that each row has kept, where it is among these
            theirs = place.only[numbers[:, 0]]
            kept = torch.isin(theirs, positions)
            (rows, entries, heads), theirs = numbers[kept].unbind(1), theirs[kept]
            local = torch.zeros_like(theirs)
        if len(rows):
            head = () if int(heads.flatten()[0]) < 0 else (heads,)
            writes.append((group[0][3], (rows, local, *head), (entries, theirs, *head)))
    if not writes:
        return None

    def write(x: torch.Tensor) -> None:
        for table, index, there in writes:
            x[index] = table[there].to(x)

    return write


def _index(site: str, rows: torch.Tensor, at: torch.Tensor, heads: torch.Tensor) -> tuple[Any, ...]:
    """Return the advanced index of entries `[entry, ...]`; head −1 stands for all heads."""
    head = slice(None) if int(heads[0]) < 0 else heads
    if site == "pattern":
        return (rows, head, at)
    return (rows, at) if isinstance(head, slice) else (rows, at, head)


def _copy(x: torch.Tensor, *, index: tuple[Any, ...], there: tuple[Any, ...]) -> None:
    x[index] = x[there]


def _write(
    x: torch.Tensor, *, index: tuple[Any, ...], members: Members, picks: Sequence[torch.Tensor]
) -> None:
    value = members[0][1].value
    if isinstance(value, Zero):
        x[index] = 0
        return
    now = x[index]
    if isinstance(value, Scale):
        factors = [
            # What float32 cannot hold is infinite, as a vector times it is.
            torch.full((len(pick),), edit.value.factor, dtype=torch.float64)
            for (_row, edit), pick in zip(members, picks, strict=True)
            if isinstance(edit.value, Scale)
        ]
        # As torch does it with a number: the factor is not rounded to a narrower type before.
        wide = torch.promote_types(now.dtype, torch.float32)
        factor = torch.cat(factors).to(now.device, wide)
        x[index] = (now.to(wide) * factor.view(-1, *(1 for _ in now.shape[1:]))).to(now)
        return
    if isinstance(value, ProjectOut):
        own = torch.split(now, [len(pick) for pick in picks])
        parts = zip(members, own, strict=True)
        x[index] = torch.cat([_without(edit, part) for (_row, edit), part in parts])
        return
    new = torch.cat(
        [_spread(edit, pick, now) for (_row, edit), pick in zip(members, picks, strict=True)]
    )
    x[index] = now + new if isinstance(value, Add) else new


def _without(edit: Edit, now: torch.Tensor) -> torch.Tensor:
    """Return activations `[entry, ...]` without what they have along an edit's directions."""
    if not isinstance(edit.value, ProjectOut):
        raise TypeError(f"{type(edit.value).__name__} carries no directions")
    basis = edit.value.basis.to(now.device, torch.float32)
    flat = now.reshape(len(now), -1).float()
    return (flat - flat @ basis.T @ basis).to(now).view_as(now)


def _spread(edit: Edit, pick: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return an edit's given values for the positions that are kept, `[entry, ...]`."""
    value = edit.value
    if not isinstance(value, (Replace, Add)):
        raise TypeError(f"{type(value).__name__} carries no values")
    given = value.values.to(like)
    if given.ndim == like.ndim and len(given) > 1:
        return given[pick.to(given.device)]
    return given.expand(len(pick), *like.shape[1:])
