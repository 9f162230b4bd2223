"""A model's own modules put back where no hook is needed, so that a pass costs what it must.

TransformerLens puts a module of its own around each of the model's, with places for hooks. A pass
of one token spends a third of its time in them. For as long as tokens are generated, all that no
hook asks for is taken out of the way; that this changes no logit is tried for each loaded model,
and where it does (weights that only TransformerLens has processed, norms that were replaced around
the modules), everything stays in its place.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.shortcuts import FAILURES
from desktop_app.support.errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from desktop_app.engine.model import LoadedModel

_KEY = "_lensbench_bare"
_TOLERANCE = {"bfloat16": 0.1, "float16": 0.02}
_FLOAT32_TOLERANCE = 1e-4
_OF_LARGEST = 1e-5


@contextmanager
def bare(model: LoadedModel, layers: Collection[int]) -> Iterator[None]:
    """Take TransformerLens' modules out of the way, except in these layers, until left.

    Args:
        model: The model; only the thread that owns it may run it meanwhile.
        layers: The layers whose hooks are used.
    """
    swaps = list(_swaps(model, layers)) if is_harmless(model) else []
    try:
        for parent, name, _wrapped, own in swaps:
            parent._modules[name] = own  # noqa: SLF001 - setattr would look at every hook anew
        yield
    finally:
        for parent, name, wrapped, _own in swaps:
            parent._modules[name] = wrapped  # noqa: SLF001


def is_harmless(model: LoadedModel) -> bool:
    """Return whether the model says the same without TransformerLens' modules; tried once."""
    known: bool | None = getattr(model.bridge, _KEY, None)
    if known is None:
        known = _tried(model)
        object.__setattr__(model.bridge, _KEY, known)
    return known


def _tried(model: LoadedModel) -> bool:
    if model.info.weights != "raw" or model.spec.offload != "none":
        return False
    swaps = list(_swaps(model, ()))
    count = min(model.info.n_ctx, 8)
    ids = (torch.arange(count) * 7 + 3)[None] % model.info.d_vocab
    expected = model.run(ids).float()
    try:
        for parent, name, _wrapped, own in swaps:
            parent._modules[name] = own  # noqa: SLF001
        found = model.run(ids).float()
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        return False
    finally:
        for parent, name, wrapped, _own in swaps:
            parent._modules[name] = wrapped  # noqa: SLF001
    difference = (found.log_softmax(-1) - expected.log_softmax(-1)).abs().max()
    least = max(_FLOAT32_TOLERANCE, _OF_LARGEST * float(expected.abs().max()))
    return bool(difference <= _TOLERANCE.get(model.info.dtype, least))


def _swaps(
    model: LoadedModel, layers: Collection[int]
) -> Iterator[tuple[torch.nn.Module, str, torch.nn.Module, torch.nn.Module]]:
    """Yield parent, name, TransformerLens' module and the model's own, outermost first."""
    kept = {id(model.bridge.blocks[layer]) for layer in layers}
    seen: set[int] = set()

    def walk(parent: Any) -> Iterator[tuple[Any, str, Any, Any]]:
        if id(parent) in seen:
            return
        seen.add(id(parent))
        for name, child in list(parent._modules.items()):  # noqa: SLF001
            if child is None or id(child) in kept:
                continue
            own = getattr(child, "_modules", {}).get("_original_component")
            if own is not None:
                yield parent, name, child, own
                yield from walk(own)
            else:
                yield from walk(child)

    yield from walk(model.bridge.original_model)
