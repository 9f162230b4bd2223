"""What must be said of the prompts and of the model beside the numbers of their stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.result import Notice
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.engine.model import LoadedModel

# So many prompts are named.
_NAMED = 5


def standing(
    model: LoadedModel, texts: Sequence[Sequence[int]], why: Mapping[str, str]
) -> list[Notice]:
    """Return what must be said of these prompts and this model."""
    found = [Notice(code, message) for code, message in why.items()]
    alone = [n for n, text in enumerate(texts) if len(text) == 1]
    if len(alone) == len(texts):
        message = (
            "Every prompt has a single token, and growth, cosine and shares are those of the "
            "positions from 1 on: they have no value. Give longer prompts."
        )
        found.append(Notice("one_position", message))
    elif alone:
        message = (
            f"A single token stands in prompt {_listed(alone)}: growth, cosine and shares are "
            "those of the positions from 1 on, and leave it out."
        )
        found.append(Notice("one_position", message))
    if model.info.n_layers < 3:
        message = (
            f"{model.info.name} has {plural(model.info.n_layers, 'layer')}, and the growth rate "
            "leaves the first and the last out: it has no value."
        )
        found.append(Notice("too_few_layers", message))
    if model.info.weights == "processed":
        message = (
            "Processed weights write a centred stream, from which the mean over its numbers is "
            "gone, where the model has LayerNorm: norms, cosines, shares and sizes of heads differ "
            "from those of the raw weights."
        )
        found.append(Notice("weights_processed", message))
    return found


def empty(model: LoadedModel, norms: Mapping[int, np.ndarray]) -> list[Notice]:
    """Return which prompts have a stream of norm 0: it has no logarithm, and no direction.

    Args:
        model: The model.
        norms: `[L + 1, S]` of each prompt that was read.
    """
    places = {n: np.argwhere(norm == 0) for n, norm in norms.items()}
    bad = [n for n, where in places.items() if len(where)]
    if not bad:
        return []
    layer, position = (int(i) for i in places[bad[0]][0])
    last = model.info.n_layers
    where = f"before block {layer}" if layer < last else f"after block {last - 1}, the last"
    others = f", and so has that of prompt {_listed(bad[1:])}" if bad[1:] else ""
    # Growth is of the positions from 1 on.
    grows = any((found[:, 1] > 0).any() for found in places.values())
    what = "growth there has no value, and cosine and shares" if grows else "cosine and shares"
    message = (
        f"The stream of prompt {bad[0] + 1} has norm 0 {where} at position {position}{others}: "
        f"{what} count it as 0. Leave that token out, or look into the model's embeddings."
    )
    return [Notice("stream_empty", message, None, bad[0])]


def _listed(prompts: Sequence[int]) -> str:
    """Name prompts by their numbers from 1 on, the first few of many."""
    return ", ".join(str(n + 1) for n in prompts[:_NAMED]) + (" …" if len(prompts) > _NAMED else "")
