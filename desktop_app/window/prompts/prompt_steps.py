"""Steps that can be undone in the prompt table: what it held before and after each."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from desktop_app.support.guard import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtGui import QUndoStack

    from desktop_app.window.prompts.prompt_rows import TypedRow


@dataclass(frozen=True)
class TableState:
    """What the prompt table holds at a moment, and which cell is the current one.

    Rows do not change: what two states have in common takes no room twice.
    """

    rows: tuple[TypedRow, ...]
    bos: str
    chat: bool
    place: tuple[int, int] = (0, 0)

    def holds_the_same(self, other: TableState) -> bool:
        """Return whether the table would be the same, wherever one stands in it."""
        return replace(self, place=other.place) == other


class TableStep(QUndoCommand):
    """Shows the table as it was before, or as it was after."""

    def __init__(
        self, words: str, states: tuple[TableState, TableState], show: Callable[[TableState], None]
    ) -> None:
        super().__init__(words)
        self._before, self._after = states
        self._show = show
        self._is_done = True  # what is pushed has happened already

    @override
    def undo(self) -> None:
        self._show(self._before)

    @override
    def redo(self) -> None:
        if self._is_done:
            self._is_done = False
            return
        self._show(self._after)


class TableSteps:
    """Makes steps of what is done to the table, and one step of what is typed into a cell."""

    def __init__(
        self,
        stack: QUndoStack,
        read: Callable[[], TableState],
        show: Callable[[TableState], None],
    ) -> None:
        self.stack = stack
        self._read = read
        self._show = show
        self._typing: tuple[str, TableState] | None = None

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Make one step of what is done within; of nothing there is none."""
        self.settle()
        before = self._read()
        yield
        self.add(words, before)

    def add(self, words: str, before: TableState) -> None:
        """Make a step of all that has happened since the table was in another state."""
        after = self._read()
        if not after.holds_the_same(before):
            self.stack.push(TableStep(words, (before, after), self._show))

    def begin_typing(self, words: str) -> None:
        """Let what is typed from now on be one step, until it is settled."""
        if self._typing is None:
            self._typing = words, self._read()

    def settle(self) -> None:
        """Make a step of what was typed."""
        if self._typing is not None:
            (words, before), self._typing = self._typing, None
            self.add(words, before)

    def give_up_typing(self) -> None:
        """Let the cell be again what it was before something was typed into it."""
        if self._typing is not None:
            (_, before), self._typing = self._typing, None
            self._show(before)
