"""What is marked on the board beside its edges: roles of heads, pins, a published circuit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.grammar import written_part
from desktop_app.contract.registry import hook
from desktop_app.contract.result import same_model
from desktop_app.pictures.graph import Marks
from desktop_app.pictures.published import caution, of_model, overlap
from desktop_app.pictures.roles import BORROWED, role_title
from desktop_app.support.errors import MISFITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import ModelInfo, Result
    from desktop_app.pictures.graph import BoardPicture
    from desktop_app.pictures.graph_nodes import NodeTable
    from desktop_app.pictures.published import Published

_MOST_PINS = 500


class Marker:
    """Gathers the marks of nodes from whoever knows them."""

    def __init__(self) -> None:
        self._model: ModelInfo | None = None
        self._lent: Sequence[tuple[str, Result]] = ()
        self._roles: dict[Part, str] = {}
        self._pins: dict[Part, None] = {}
        self._published: tuple[Published, ...] = ()

    def take_model(self, model: ModelInfo) -> None:
        """Take the model whose edges are drawn."""
        if self._model is None or not same_model(self._model, model):
            self._model = model
            self._published = of_model(model)
            self._find_roles()

    def take_roles(self, lent: Sequence[tuple[str, Result]]) -> bool:
        """Take results that know what heads do, the newest first; return whether roles changed."""
        self._lent, before = tuple(lent), self._roles
        self._find_roles()
        return self._roles != before

    def _find_roles(self) -> None:
        found: dict[Part, str] = {}
        for _title, result in self._lent:
            tell = hook(result.analysis, "picture", BORROWED)
            if tell is None or self._model is None or not same_model(result.model, self._model):
                continue
            try:
                told: Mapping[str, Sequence[Part]] = tell(result)
            except MISFITS:
                continue
            for role, heads in told.items():
                for layer, head in heads:
                    found.setdefault((layer, head), role_title(role))
        self._roles = found

    # Pins.

    def pin(self, parts: Iterable[Part]) -> None:
        """Put parts on the board."""
        self._pins |= dict.fromkeys(parts)
        self._pins = dict.fromkeys(list(self._pins)[-_MOST_PINS:])

    def unpin(self, part: Part | None) -> None:
        """Take a part off the board again."""
        if part is not None:
            self._pins.pop(part, None)

    def parts(self) -> list[str]:
        """Return what is pinned, as settings write it."""
        return [written_part(part) for part in self._pins]

    def pinned(self, table: NodeTable) -> list[int]:
        """Return the nodes that are pinned, as far as the model has them."""
        found = (table.number_of(part) for part in self._pins)
        return [number for number in found if number is not None]

    # What is laid over.

    def offers(self) -> list[tuple[str, str, str]]:
        """Return the published circuits of models of this shape: key, title, source."""
        model = self._model
        return [
            (one.key, one.label, "\n".join(filter(None, (one.source(), caution(one, model)))))
            for one in self._published
            if model is not None
        ]

    def marks(self, table: NodeTable, laid_over: str) -> Marks:
        """Return what is marked on the nodes of a graph."""
        roles = {table.number_of(part): role for part, role in self._roles.items()}
        shown = self._find(laid_over)
        parts = {} if shown is None else {part: shown.role_of(part) for part in shown.parts}
        published = {table.number_of(part): role or "in it" for part, role in parts.items()}
        pins = {*self.pinned(table), *(n for n in published if n is not None)}
        return Marks(
            {number: role for number, role in roles.items() if number is not None},
            {number: role for number, role in published.items() if number is not None},
            frozenset(pins),
        )

    def words(self, counted: str, drawn: BoardPicture, laid_over: str) -> str:
        """Return how much is drawn, and what a published circuit has in common with it."""
        shown = self._find(laid_over)
        if shown is None:
            return counted
        ends = {*drawn.start.tolist(), *drawn.end.tolist()}
        parts = {drawn.nodes[place].part for place in ends if drawn.nodes[place].kept is not False}
        mine = [part for part in parts if part is not None]
        return f"{counted} · {overlap(mine, shown, mlps=False).sentence()}"

    def _find(self, key: str) -> Published | None:
        return next((one for one in self._published if one.key == key), None)
