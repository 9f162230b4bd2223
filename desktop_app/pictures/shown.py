"""What a picture is drawn from, also while its run is still under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import PromptRecord


class Shown(Protocol):
    """A result, or the part of one that is known so far."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The fields."""

    @property
    def prompts(self) -> tuple[PromptRecord, ...]:
        """The prompts, none while they run."""


@dataclass(frozen=True)
class SoFar:
    """The fields of a run that is still under way."""

    data: Mapping[str, Any]
    prompts: tuple[PromptRecord, ...] = ()
