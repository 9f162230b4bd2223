"""Heads that a result does not keep, computed when they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_HELD = 8


class HeldHeads:
    """Heads that were computed to be looked at, the last few of them; one is asked at a time."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int, int], Result] = {}
        self._asked: tuple[int, int, int] | None = None

    def known(self, prompt: int, layer: int, head: int) -> Result | None:
        """Return the small result that holds a head."""
        return self._held.get((prompt, layer, head))

    def ask(self, prompt: int, layer: int, head: int) -> bool:
        """Note which head is wanted; return whether it is not on its way already."""
        before, self._asked = self._asked, (prompt, layer, head)
        return before != self._asked

    def arrived(self, result: Result) -> bool:
        """Keep what was asked for; return whether it was."""
        if self._asked is None:
            return False
        self._held[self._asked] = result
        self._asked = None
        while len(self._held) > _HELD:
            del self._held[next(iter(self._held))]
        return True

    def failed(self) -> None:
        """Let it be asked for again."""
        self._asked = None
