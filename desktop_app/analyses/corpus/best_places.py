"""The places of largest weight: of each pass its best rows, of which few beat what is kept."""

from __future__ import annotations

import numpy as np
import torch

from desktop_app.analyses.corpus.spec import PLACES
from desktop_app.analyses.corpus.sums import alike, alike_on_device


class BestRows:
    """The rows of one layer in one pass that may hold one of the best places.

    Of the ten rows with the largest weights, earlier ones before later ones: no place of another
    row comes before the best ten of these.

    Attributes:
        at: Which row of the pass, window by window, `[H, some]`.
        most: Its largest weight off position 0 and off the query, `[H, some]`.
        rows: The row itself, `[H, some, key]`.
    """

    def __init__(self, x: torch.Tensor, most: torch.Tensor) -> None:
        windows, heads, length = most.shape
        flat = most.transpose(0, 1).reshape(heads, windows * length)
        cells = flat.shape[1]
        order = alike_on_device(flat).long() * cells - torch.arange(cells, device=x.device)
        self.at = order.topk(min(PLACES, cells)).indices
        self.most = flat.gather(1, self.at)
        head = torch.arange(heads, device=x.device)[:, None]
        self.rows = x[self.at // length, head, self.at % length].float()

    def come_home(self) -> None:
        """Leave the device."""
        self.at, self.most, self.rows = self.at.cpu(), self.most.cpu(), self.rows.cpu()


class BestPlaces:
    """The places of largest weight off position 0 and off the query so far, of every head.

    Attributes:
        places: (window, q, k, weight), `[L, H, place, 4]`, the largest first; of weights that are
            alike the earlier window, query and key first. NaN where there are fewer.
        rows: The attention rows of these queries, `[L, H, place, key]`.
    """

    def __init__(self, layers: int, heads: int, length: int) -> None:
        self.places = np.full((layers, heads, PLACES, 4), np.nan)
        self.rows = np.full((layers, heads, PLACES, length), np.nan, dtype=np.float32)
        self._least = np.zeros((layers, heads), dtype=np.int64)

    def add(self, first: int, found: list[BestRows]) -> None:
        """Take in what a pass has found in each layer, which must have left the device.

        Args:
            first: The number of its first window.
            found: By layer.
        """
        for layer, best in enumerate(found):
            order = alike(best.most.numpy())
            better = np.flatnonzero((order > self._least[layer, :, None]).any(-1))
            at, rows = best.at.numpy(), best.rows.numpy()
            for head in better.tolist():
                self._merge(layer, head, (first, at[head]), rows[head])

    def _merge(self, layer: int, head: int, at: tuple[int, np.ndarray], rows: np.ndarray) -> None:
        """Take in the rows `[some, key]` of a head."""
        length = rows.shape[-1]
        order = np.argsort(at[1])
        rows, window, query = rows[order], at[0] + at[1][order] // length, at[1][order] % length
        weights = rows.copy()
        weights[:, 0] = 0
        weights[np.arange(len(rows)), query] = 0
        number, key = np.nonzero(alike(weights) > self._least[layer, head])
        new = np.stack(
            [window[number], query[number], key, weights[number, key].astype(float)], axis=-1
        )
        places, own = self.places[layer, head], self.rows[layer, head]
        there = int(np.isfinite(places[:, 0]).sum())
        every = np.concatenate([places[:there], new])
        chosen = np.argsort(-alike(every[:, 3]), kind="stable")[:PLACES]
        source = np.concatenate([np.arange(there), there + number])[chosen]
        own[: len(chosen)] = np.concatenate([own[:there], rows])[source]
        places[: len(chosen)] = every[chosen]
        if len(chosen) == PLACES:
            self._least[layer, head] = alike(every[chosen[-1:], 3])[0]
