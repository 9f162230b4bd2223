"""What a result, or the first fields of a run, knows of each edge, as arrays over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.graph import Drawn
from desktop_app.pictures.graph_nodes import NodeTable, graph_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result


@dataclass(frozen=True)
class Known:
    """Fields of a result over the edges of its model.

    Attributes:
        table: The nodes, and which of them each edge joins.
        data: The fields.
    """

    table: NodeTable
    data: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.table.graph)

    @cached_property
    def has_effects(self) -> bool:
        """Whether anything is known of single edges: not of a run that scored a circuit alone."""
        return bool(np.isfinite(self.mean_of("effect")).any() or self.has_estimates)

    @cached_property
    def has_estimates(self) -> bool:
        """Whether there are gradient estimates."""
        return bool(self.estimated.any())

    @cached_property
    def estimated(self) -> np.ndarray:
        """Which edges have an estimate, bool `[edge]`."""
        return np.asarray(np.isfinite(self.mean_of("estimate")))

    @cached_property
    def exact(self) -> np.ndarray:
        """Which edges' effects are exact, bool `[edge]`."""
        return np.asarray(np.isfinite(self.mean_of("effect")))

    def mean_of(self, name: str) -> np.ndarray:
        """Return a field's mean over prompts `[edge]`; NaN where it is not known."""
        if name not in self._means:
            self._means[name] = self._mean(name)
        return self._means[name]

    def of(self, name: str, prompt: int | None) -> np.ndarray:
        """Return a field `[edge]` of one prompt, or its mean over all."""
        if prompt is None:
            return self.mean_of(name)
        found = self._all(name)
        if found is None or prompt >= found.shape[1]:
            return np.full(len(self), np.nan)
        return np.asarray(found[:, prompt])

    def values(self, prompt: int | None = None) -> np.ndarray:
        """Return effects `[edge]`: exact ones where they are known, else estimates."""
        return self._told(prompt)[0]

    def exact_of(self, prompt: int | None = None) -> np.ndarray:
        """Return which effects are exact, bool `[edge]`, of one prompt or of the mean."""
        return self._told(prompt)[1]

    def _told(self, prompt: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return effects and which are exact; kept, of the prompt that was asked for last."""
        if prompt not in self._values:
            self._values.clear()
            effect = self.of("effect", prompt)
            exact = np.isfinite(effect)
            values = np.where(exact, effect, self.of("estimate", prompt))
            self._values[prompt] = values, exact
        return self._values[prompt]

    @cached_property
    def kept(self) -> np.ndarray | None:
        """Which edges the circuit holds, bool `[edge]`; None where none was asked for."""
        found = self.data.get("kept")
        if found is None:
            return None
        found = np.asarray(found)
        if found.shape != (len(self),):
            raise ValueError(f"kept has the shape {found.shape}")
        return found.astype(bool)

    @cached_property
    def inclusion(self) -> np.ndarray | None:
        """In what share of the resamples' circuits each edge is; None where there are none."""
        found = self.data.get("inclusion")
        if found is None or np.shape(found) != (len(self),):
            return None
        shares = np.asarray(found, dtype=float)
        return shares if np.isfinite(shares).any() else None

    def drawn(self, prompt: int | None, inside: np.ndarray | None) -> Drawn:
        """Return what the board draws from, with the circuit that is shown now."""
        return Drawn(self.values(prompt), self.exact_of(prompt), inside, self.inclusion)

    @cached_property
    def _values(self) -> dict[int | None, tuple[np.ndarray, np.ndarray]]:
        return {}

    @cached_property
    def _means(self) -> dict[str, np.ndarray]:
        return {}

    def _all(self, name: str) -> np.ndarray | None:
        """Return a field `[edge, prompt]`; None where it is not there."""
        found = self.data.get(name)
        if found is None:
            return None
        values = np.asarray(found, dtype=np.float64)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2 or len(values) != len(self):
            raise ValueError(f"{name} has the shape {values.shape}")
        return values

    def _mean(self, name: str) -> np.ndarray:
        twin = self.data.get(f"{name}_mean")
        if twin is not None and np.shape(twin) == (len(self),):
            return np.asarray(twin, dtype=np.float64)
        values = self._all(name)
        if values is None:
            return np.full(len(self), np.nan)
        finite = np.isfinite(values)
        count = finite.sum(axis=1)
        with np.errstate(invalid="ignore"):
            total = np.where(finite, values, 0.0).sum(axis=1)
            return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def known_of(data: Mapping[str, Any]) -> Known | None:
    """Return what these fields know; None where they do not yet say of what model's shape.

    Raises:
        ValueError: Their arrays do not fit that shape.
    """
    graph = graph_of(data.get("layers"))
    return None if graph is None else Known(NodeTable(graph), data)


def is_try(result: Result) -> bool:
    """Return whether a result scored a given circuit and measured no edges."""
    return str(result.params.get("method")) == "none"
