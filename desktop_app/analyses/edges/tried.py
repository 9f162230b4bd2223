"""Circuits that were scored by hand: which text stands for which edges, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.edges.known import is_try, known_of
from desktop_app.contract.circuits import resolve_circuit, written_edges
from desktop_app.contract.result import same_model
from desktop_app.pictures.effects import compared
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.analyses.edges.known import Known
    from desktop_app.contract.result import Result

_MOST = 300
_SAME = ("metric", "replace", "reference", "bos", "chat")


def text_of(inside: np.ndarray, known: Known) -> str:
    """Return a circuit as the setting writes it: none and all of the edges by their number."""
    count = int(inside.sum())
    if count in {0, len(known)}:
        return str(count)
    return written_edges(known.table.graph, np.flatnonzero(inside))


def read_edges(text: str, known: Known) -> np.ndarray | None:
    """Return the edges that a text names, as a mask; None where it names a size, or is wrong."""
    try:
        chosen = resolve_circuit(text, known.table.graph)
    except BadInputError:
        return None
    inside = np.zeros(len(known), dtype=bool)
    if chosen.edges is not None:
        inside[chosen.edges] = True
        return inside
    if chosen.count in {0, len(known)}:
        inside[: chosen.count] = True
        return inside
    return None


def given_edges(result: Result, known: Known) -> np.ndarray | None:
    """Return the circuit of a result as it was given: also with edges that lead nowhere."""
    if is_try(result):
        found = read_edges(str(result.params.get("circuit", "")), known)
        if found is not None:
            return found
    return known.kept


def measures_same(one: Result, other: Result) -> bool:
    """Return whether two results speak of the same edges, prompts and metric."""
    if not same_model(one.model, other.model):
        return False
    if any(one.params.get(name) != other.params.get(name) for name in _SAME):
        return False
    texts = [
        [(p.text, p.corrupt_text, compared(p)) for p in result.prompts] for result in (one, other)
    ]
    return texts[0] == texts[1]


class Tries:
    """What was scored, by circuit; the newest of each.

    Attributes:
        asked: The circuit that was asked for last and has not come yet; empty: none.
    """

    def __init__(self) -> None:
        self.asked = ""
        self._sent: set[str] = set()
        self._found: dict[bytes, Result] = {}

    def add(self, result: Result) -> None:
        """Take note of a result that has scored a circuit."""
        known = known_of(result.data)
        given = None if known is None else given_edges(result, known)
        if known is None or given is None or result.data.get("circuit_score") is None:
            return
        key = _key(given)
        before = self._found.pop(key, None)
        if before is not None and not measures_same(before, result):
            before = None
        lost = before is not None and _tested(before) and not _tested(result)
        self._found[key] = before if lost and before is not None else result
        while len(self._found) > _MOST:
            self._found.pop(next(iter(self._found)))

    def of(self, inside: np.ndarray | None, known: Known) -> Result | None:
        """Return what came of a circuit; None where it was not scored."""
        if inside is None or len(inside) != len(known):
            return None
        return self._found.get(_key(inside))

    def keep(self, like: Result) -> None:
        """Forget what was scored on other prompts, another metric or another model."""
        self._found = {k: r for k, r in self._found.items() if measures_same(r, like)}

    def ask(self, text: str) -> None:
        """Take note that a circuit is being scored."""
        self.asked = text
        self._sent.add(text)

    def settle(self) -> None:
        """Wait for nothing more: what is on the board is known, or the run was stopped."""
        self.asked = ""

    def is_late(self, result: Result) -> bool:
        """Return whether a result is the answer to a circuit that is no longer wanted.

        One that was not asked for here comes from the history, and is wanted.
        """
        text = str(result.params.get("circuit", ""))
        if text not in self._sent:
            return False
        if text == self.asked:  # those that were asked before it were cancelled
            self.asked = ""
            self._sent.clear()
            return False
        self._sent.discard(text)
        return True

    def clear(self) -> None:
        """Forget all."""
        self.asked = ""
        self._sent.clear()
        self._found.clear()


def _key(inside: np.ndarray) -> bytes:
    return np.packbits(inside).tobytes()


def _tested(result: Result) -> bool:
    found = result.data.get("control_faithfulness")
    return found is not None and len(found) > 0
