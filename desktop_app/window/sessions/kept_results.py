"""Results that could not be written to the session yet, as lines of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.session.store import SessionRow, default_title, now

if TYPE_CHECKING:
    from desktop_app.contract.result import Result


class KeptResults:
    """Results in memory, under numbers below 0 so that they are never taken for written ones."""

    def __init__(self) -> None:
        self._results: dict[int, Result] = {}
        self._rows: dict[int, SessionRow] = {}
        self._hidden: set[int] = set()
        self._last = 0

    def add(self, result: Result) -> int:
        """Keep a result and return its number."""
        self._last -= 1
        created = result.provenance.get("created")
        self._results[self._last] = result
        self._rows[self._last] = SessionRow(
            self._last,
            result.analysis,
            default_title(result),
            created if isinstance(created, str) else now(),
            result.model.name,
        )
        return self._last

    def get(self, number: int) -> Result | None:
        """Return the result of that number."""
        return self._results.get(number)

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the lines of the history, oldest first."""
        return tuple(row for number, row in self._rows.items() if number not in self._hidden)

    def hide(self, number: int) -> None:
        """Take a result out of the history; `show` brings it back."""
        self._hidden.add(number)

    def show(self, number: int) -> None:
        """Bring a hidden result back."""
        self._hidden.discard(number)

    def visible(self) -> tuple[Result, ...]:
        """Return what is in the history, oldest first."""
        return tuple(r for number, r in self._results.items() if number not in self._hidden)

    def take_all(self) -> tuple[Result, ...]:
        """Return what is in the history, and keep nothing of it."""
        taken = self.visible()
        self.clear()
        return taken

    def clear(self) -> None:
        """Keep nothing."""
        self._results.clear()
        self._rows.clear()
        self._hidden.clear()
