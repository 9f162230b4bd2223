"""What a job of the window is for."""

from __future__ import annotations

from dataclasses import dataclass

# Jobs that come and go while one types; the job bar does not speak of them.
_SILENT = frozenset({"live", "list", "estimate"})


@dataclass(frozen=True)
class Task:
    """What a job is for.

    Attributes:
        kind: run, live, load, list, estimate or fetch.
        name: The analysis, or the model.
        places: The table row of each prompt.
        is_worked: Whether it belongs to the worked example of a first start.
    """

    kind: str
    name: str
    request: object
    places: tuple[int, ...] = ()
    is_worked: bool = False

    @property
    def slot(self) -> tuple[str, str]:
        """Tasks of one slot replace each other: the newer cancels the older."""
        return self.kind, self.name if self.kind == "run" else ""

    @property
    def is_silent(self) -> bool:
        """Whether the job bar does not speak of it."""
        return self.kind in _SILENT
