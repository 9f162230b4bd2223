"""What was tried by hand: everything in order, and the way there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.hand_patch.picture import same_pair

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_MOST = 200


class HandHistory:
    """Keeps the results of one pair of prompts; another pair begins anew.

    Undoing goes back to what was on screen before; trying something then forgets the way forth, as
    in every editor, but what was tried stays listed.
    """

    def __init__(self) -> None:
        self.tried: list[Result] = []
        self._way: list[Result] = []
        self._here = -1

    def add(self, result: Result) -> None:
        """Take a result that has come on screen."""
        if self.tried and not same_pair(self.tried[-1], result):
            self.clear()
        if not any(known is result for known in self.tried):
            self.tried = [*self.tried, result][-_MOST:]
        if self.current() is not result:
            self._way = [*self._way[: self._here + 1], result][-_MOST:]
            self._here = len(self._way) - 1

    def current(self) -> Result | None:
        """Return the result on screen, or None."""
        return self._way[self._here] if self._here >= 0 else None

    def can_undo(self) -> bool:
        """Return whether there is something before this."""
        return self._here > 0

    def can_redo(self) -> bool:
        """Return whether something was undone."""
        return self._here < len(self._way) - 1

    def undo(self) -> Result | None:
        """Go one step back and return what was there, or None."""
        if not self.can_undo():
            return None
        self._here -= 1
        return self.current()

    def redo(self) -> Result | None:
        """Go one step forth again and return what was there, or None."""
        if not self.can_redo():
            return None
        self._here += 1
        return self.current()

    def clear(self) -> None:
        """Forget everything."""
        self.tried, self._way, self._here = [], [], -1
