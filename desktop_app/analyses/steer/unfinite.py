"""Where a continuation stops having finite numbers: the first layer whose output has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.methods.finish import finite_hooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.generating import Run


def first_bad(model: LoadedModel, run: Run, said: Sequence[int], *, cached: bool) -> str:
    """Say in words in which layer the numbers of a continuation first are not finite.

    Args:
        model: The model.
        run: The continuation, of a single row.
        said: The tokens that came before it broke.
        cached: Whether keys and values are kept.
    """
    layer = _first_bad_layer(model, run, said, cached=cached)
    return "though every layer's output is finite" if layer is None else f"first in layer {layer}"


def finer(model: LoadedModel) -> str:
    """Return what may help beside another intervention; empty where nothing does."""
    return "" if model.info.dtype == "float32" else ", or load the model with --dtype float32"


def _first_bad_layer(
    model: LoadedModel, run: Run, said: Sequence[int], *, cached: bool
) -> int | None:
    bad = list[int]()
    hooks = finite_hooks(model, bad)
    changes = Changes(run.changes.planned, run.changes.wrap, lambda _pass: hooks)
    with decoding(model, range(model.info.n_layers)):
        decoder = Decoder(model, run.texts, changes, cached=cached)
        for token in [*said, 0]:
            decoder.advance()
            if bad:
                break
            decoder.take(torch.tensor([token]))
    return bad[0] if bad else None
