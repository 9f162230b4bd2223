"""A result of attribution as numbers: what each part adds, per prompt and over prompts. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, number, part_name, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.matrix import Cell

Kind = Literal["embed", "attn", "mlp", "bias"]
# Shares of less than this, or of a negative number, only look like numbers.
_LEAST_WHOLE = 1e-3
_LONGEST = 40


@dataclass(frozen=True)
class Bar:
    """One part of the sum, as it is drawn over the layers.

    Attributes:
        kind: What it is.
        layer: Of which layer; None for what belongs to none.
    """

    kind: Kind
    layer: int | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        if self.layer is None:
            return "embeddings" if self.kind == "embed" else "final bias"
        return part_name(self.layer, None, "mlp" if self.kind == "mlp" else "attn")


@dataclass(frozen=True)
class Split:
    """What each part adds to the number that is split; arrays end in prompts.

    Attributes:
        base: The model's own number, `[N]`.
        embed: `[N]`.
        head: `[L, H, N]`; NaN from the layer on before which the stream is read.
        attn_bias: `[L, N]`.
        mlp: `[L, N]`.
        bias: `[N]`.
        error: The sum of all − the model's own number, `[N]`.
        cumulative: `[2L + 1, N]`.
    """

    base: np.ndarray
    embed: np.ndarray
    head: np.ndarray
    attn_bias: np.ndarray
    mlp: np.ndarray
    bias: np.ndarray
    error: np.ndarray
    cumulative: np.ndarray

    @classmethod
    def of(cls, result: Result) -> Split:
        """Read it off a result."""
        return cls.of_data(result.data, result.params)

    @classmethod
    def of_data(cls, data: Mapping[str, Any], params: Mapping[str, Any]) -> Split:
        """Read it off the fields of a result, or of a run that goes on.

        Raises:
            KeyError: A field is missing.
            ValueError: Fields do not fit one another.
        """
        head = np.asarray(data["head"], dtype=float)
        layers, _heads, count = head.shape
        shapes = {
            "base": (count,),
            "embed": (count,),
            "attn_bias": (layers, count),
            "mlp": (layers, count),
            "bias": (count,),
            "sum_error": (count,),
            "cumulative": (2 * layers + 1, count),
        }
        found = {name: np.asarray(data[name], dtype=float) for name in shapes}
        for name, shape in shapes.items():
            if found[name].shape != shape:
                raise ValueError(f"{name} has the shape {found[name].shape}, not {shape}.")
        end = read_layer(params, layers)
        after = np.arange(layers) >= (layers if end is None else end)
        later = np.arange(2 * layers + 1) > 2 * (layers if end is None else end)
        return cls(
            found["base"],
            found["embed"],
            np.where(after[:, None, None], np.nan, head),
            np.where(after[:, None], np.nan, found["attn_bias"]),
            np.where(after[:, None], np.nan, found["mlp"]),
            found["bias"],
            found["sum_error"],
            np.where(later[:, None], np.nan, found["cumulative"]),
        )

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return int(self.head.shape[0])

    @property
    def heads(self) -> int:
        """How many heads a layer has."""
        return int(self.head.shape[1])

    @property
    def count(self) -> int:
        """Over how many prompts it is."""
        return int(self.head.shape[2])

    @cached_property
    def attn(self) -> np.ndarray:
        """What each attention adds: its heads and its biases, `[L, N]`."""
        found: np.ndarray = self.head.sum(1) + self.attn_bias
        return found

    @cached_property
    def bars(self) -> tuple[Bar, ...]:
        """Return the parts in the order in which they are written."""
        blocks = (Bar(kind, layer) for layer in range(self.layers) for kind in _IN_A_BLOCK)
        return Bar("embed"), *blocks, Bar("bias")

    @cached_property
    def bar_values(self) -> np.ndarray:
        """What the bars are, `[bars, N]`."""
        blocks = np.stack([self.attn, self.mlp], axis=1).reshape(2 * self.layers, self.count)
        return np.concatenate([self.embed[None], blocks, self.bias[None]])

    def of_cell(self, cell: Cell) -> np.ndarray:
        """Return what a head adds, or the MLP behind the heads of its row, `[N]`."""
        layer, column = cell
        found: np.ndarray = self.mlp[layer] if column == self.heads else self.head[layer, column]
        return found


_IN_A_BLOCK: tuple[Kind, Kind] = ("attn", "mlp")


def over(values: np.ndarray, prompt: int | None) -> np.ndarray:
    """Return what `[…, N]` are on a prompt, or their mean over those that are known."""
    found: np.ndarray = values[..., prompt] if prompt is not None else mean(values)
    return found


def mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis, of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(-1)
    total = np.where(known, values, 0.0).sum(-1)
    found = np.full(np.shape(total), np.nan)
    np.divide(total, count, out=found, where=count > 0)
    return found


def sem(values: np.ndarray) -> np.ndarray:
    """Return the standard error of the mean over the last axis; NaN for a single prompt."""
    known = np.isfinite(values)
    count = known.sum(-1)
    apart = np.where(known, (values - mean(values)[..., None]) ** 2, 0.0).sum(-1)
    several = np.sqrt(count * np.maximum(count - 1, 1))
    found = np.full(np.shape(apart), np.nan)
    np.divide(np.sqrt(apart), several, out=found, where=count > 1)
    return found


def share(value: float, whole: float) -> float:
    """Return a part of the whole in percent; NaN where that would only look like a number."""
    return 100 * value / whole if whole > _LEAST_WHOLE else np.nan


def small_number(value: float) -> str:
    """Write a number of which small ones matter: `2e−06`."""
    return written("{:.0e}", value) if abs(value) < 1e-3 else number(value)


def read_layer(params: Mapping[str, Any], layers: int) -> int | None:
    """Return before which block the stream is read; None: at the end, as the model does.

    Negative ones count from the end, which is layer `layers`.
    """
    given = params.get("layer")
    if given is None:
        return None
    found = int(given) + (layers + 1 if int(given) < 0 else 0)
    return found if 0 <= found < layers else None


def find_part(result: Result, place: Place) -> Cell | None:
    """Return the cell of a head, or of a layer's MLP; None where the result has none such."""
    layer, head = place.layer, place.head
    layers, heads = np.shape(result.data["head"])[:2]
    if layer is None or not 0 <= layer < layers:
        return None
    if head is None:
        return layer, int(heads)
    return (layer, head) if 0 <= head < heads else None


def cell_name(cell: Cell, heads: int) -> str:
    """Return what a cell is called: `L5H3`, or `L5 MLP` behind the heads."""
    layer, column = cell
    return part_name(layer, None, "mlp") if column == heads else part_name(layer, column)


def target(result: Result, prompt: int | None = None) -> str:
    """Say which number is split: `logit difference “5” − “4”`, `logit of “5”`."""
    token = str(result.params.get("token") or "")
    if token:
        return f"logit of “{clipped(display_text(token), _LONGEST)}”"
    shown = result.prompts if prompt is None else result.prompts[prompt : prompt + 1]
    pairs = {
        (_texts(record.answers), _texts(record.wrongs)): bool(record.wrongs) for record in shown
    }
    if len(pairs) == 1:
        ((right, wrong),) = pairs
        if right and wrong:
            return f"logit difference {right} − {wrong}"
        return f"logit of {right}" if right else "logit"
    if all(pairs.values()):
        return "logit difference, answer − wrong"
    return "logit of the answer" if not any(pairs.values()) else "logit of the answer, less wrong"


def target_kind(result: Result, prompt: int | None = None) -> str:
    """Say the same in two words: `logit difference` or `logit`."""
    return "logit difference" if "difference" in target(result, prompt) else "logit"


def _texts(answers: Any) -> str:
    return clipped(" | ".join(f"“{display_text(a.text)}”" for a in answers), 2 * _LONGEST)
