"""A model's own modules put back where no hook is needed, so that a pass costs what it must.

TransformerLens puts a module of its own around each of the model's, with places for hooks. A pass
of one token spends a third of its time in them. For as long as tokens are generated, all that no
hook asks for is taken out of the way; that this changes no logit is tried for each loaded model,
and where it does (weights that only TransformerLens has processed, norms that were replaced around
the modules), everything stays in its place.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.shortcuts import FAILURES
from desktop_app.support.errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from desktop_app.engine.model import LoadedModel

    Swap = tuple[torch.nn.Module, str, torch.nn.Module, torch.nn.Module]

_HARMLESS, _OPEN = "_lensbench_bare", "_lensbench_open"


@dataclass(frozen=True)
class _Open:
    """What is out of the way just now.

    Attributes:
        layers: Those whose hooks are in their place.
        swaps: Parent, name, TransformerLens' module and the model's own, outermost first.
    """

    layers: frozenset[int]
    swaps: tuple[Swap, ...]

    def bare(self) -> None:
        for parent, name, _wrapped, own in self.swaps:
            parent._modules[name] = own  # noqa: SLF001 - setattr would look at every hook anew

    def wrapped(self) -> None:
        for parent, name, wrapped, _own in self.swaps:
            parent._modules[name] = wrapped  # noqa: SLF001


@contextmanager
def bare(model: LoadedModel, layers: Collection[int]) -> Iterator[None]:
    """Take TransformerLens' modules out of the way, except in these layers, until left.

    Within another one, this one alone holds until it is left.

    Args:
        model: The model; only the thread that owns it may run it meanwhile.
        layers: The layers whose hooks are used.
    """
    outer: _Open | None = getattr(model.bridge, _OPEN, None)
    if outer is not None:
        outer.wrapped()
    try:
        swaps = tuple(_swaps(model, layers)) if is_harmless(model) else ()
        now = _Open(frozenset(layers), swaps)
        object.__setattr__(model.bridge, _OPEN, now)
        try:
            now.bare()
            yield
        finally:
            now.wrapped()
            object.__setattr__(model.bridge, _OPEN, outer)
    finally:
        if outer is not None:
            outer.bare()


def require_open(model: LoadedModel, hooks: Iterable[str]) -> None:
    """Require that hooks are in their place: one in a layer that is bare would never be called.

    Raises:
        ValueError: One is not.
    """
    now: _Open | None = getattr(model.bridge, _OPEN, None)
    if now is None or not now.swaps:
        return
    for name in hooks:
        first, _dot, rest = name.partition(".")
        layer = rest.partition(".")[0]
        if first != "blocks" or not layer.isdigit() or int(layer) not in now.layers:
            raise ValueError(f"the hook {name} is out of the way: name its layer in `decoding`")


def is_harmless(model: LoadedModel) -> bool:
    """Return whether the model says the same without TransformerLens' modules; tried once."""
    known: bool | None = getattr(model.bridge, _HARMLESS, None)
    if known is None:
        known = _tried(model)
        object.__setattr__(model.bridge, _HARMLESS, known)
    return known


def _tried(model: LoadedModel) -> bool:
    if model.info.weights != "raw" or model.spec.offload != "none":
        return False
    every = _Open(frozenset(), tuple(_swaps(model, ())))
    count = min(model.info.n_ctx, 8)
    ids = (torch.arange(count) * 7 + 3)[None] % model.info.d_vocab
    expected = model.run(ids).float()
    try:
        every.bare()
        found = model.run(ids).float()
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        return False
    finally:
        every.wrapped()
    difference = (found.log_softmax(-1) - expected.log_softmax(-1)).abs().max()
    return bool(difference <= model.parity.tolerance)


def _swaps(model: LoadedModel, layers: Collection[int]) -> Iterator[Swap]:
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
