"""Applies interventions to an activation: every row's own change, in a few indexed writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.interventions import HEAD_SITES, Add, Edit, FromRun, Replace, Scale, Zero
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KINDS = (Zero, Scale, Replace, FromRun, Add)  # the order of writes where several meet

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


def _index(site: str, rows: torch.Tensor, at: torch.Tensor, heads: torch.Tensor) -> tuple[Any, ...]:
    """Return the advanced index of entries `[entry, ...]`; head −1 stands for all heads."""
    head = slice(None) if int(heads[0]) < 0 else heads
    if site == "pattern":
        return (rows, head, at)
    return (rows, at) if isinstance(head, slice) else (rows, at, head)


def _copy(x: torch.Tensor, *, index: tuple[Any, ...], there: tuple[Any, ...]) -> None:
    x[index] = x[there]


def _write(
    x: torch.Tensor,
    *,
    index: tuple[Any, ...],
    members: Members,
    picks: Sequence[torch.Tensor],
) -> None:
    value = members[0][1].value
    if isinstance(value, Zero):
        x[index] = 0
        return
    now = x[index]
    if isinstance(value, Scale):
        factors = [
            torch.full((len(pick),), edit.value.factor)
            for (_row, edit), pick in zip(members, picks, strict=True)
            if isinstance(edit.value, Scale)
        ]
        factor = torch.cat(factors).to(now)
        x[index] = now * factor.view(-1, *(1 for _ in now.shape[1:]))
        return
    new = torch.cat(
        [_spread(edit, pick, now) for (_row, edit), pick in zip(members, picks, strict=True)]
    )
    x[index] = now + new if isinstance(value, Add) else new


def _spread(edit: Edit, pick: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return an edit's given values for the positions that are kept, `[entry, ...]`."""
    value = edit.value
    if not isinstance(value, (Replace, Add)):
        raise TypeError(f"{type(value).__name__} carries no values")
    given = value.values.to(like)
    if given.ndim == like.ndim and len(given) > 1:
        return given[pick.to(given.device)]
    return given.expand(len(pick), *like.shape[1:])
