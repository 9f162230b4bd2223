"""Texts that grow token by token: passes on kept keys and values, or whole ones, under changes.

A pass is one *step*: step 0 reads the prompt, each later one the token before it, on the keys and
values that the steps before have left (or, without them, the whole text so far once more). What a
step's hooks see is therefore the prompt at step 0, and a single new position from then on; a change
made at an earlier step lives on in the keys and values that it led to.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache

from desktop_app.engine.bare import bare, is_harmless
from desktop_app.engine.interventions import Place, make_editor
from desktop_app.engine.model import site_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from desktop_app.engine.interventions import Edit, Members
    from desktop_app.engine.model import HookFn, LoadedModel


@contextmanager
def decoding(model: LoadedModel, layers: Collection[int]) -> Iterator[None]:
    """Within it texts grow at the model's own speed; all its decoders change these layers alone."""
    with torch.no_grad(), bare(model, layers):
        yield


class Decoder:
    """Some texts of one length, one step at a time.

    Runs that are compared must be of the same shape and within one `decoding`: their unchanged
    values are then equal bit for bit.

    Args:
        model: The model.
        ids: Their tokens so far `[rows, S]`.
        planned: The changes of a pass, from its step and the positions that it holds.
        cached: Whether keys and values are kept between steps.
        wrap: Put around the hook of a place: layer, site and hook to hook.

    Attributes:
        ids: The tokens so far `[rows, position]`.
        step: The number of the next step.
        shapes: Step by step the shape of what the first changed place's hook saw.
    """

    def __init__(
        self,
        model: LoadedModel,
        ids: torch.Tensor,
        planned: Callable[[int, range], Sequence[tuple[int, Edit]]] | None = None,
        *,
        cached: bool = True,
        wrap: Callable[[int, str, HookFn], HookFn] | None = None,
    ) -> None:
        self.ids = ids.to(model.device)
        self.step = 0
        self._model = model
        self._planned = planned
        self._wrap = wrap
        self._cache = DynamicCache() if cached else None

    @property
    def held(self) -> range:
        """The positions that the next pass holds."""
        length = self.ids.shape[1]
        return range(length - 1 if self._cache is not None and self.step else 0, length)

    def advance(self) -> torch.Tensor:
        """Make the next step and return its next-token logits `[rows, d_vocab]`, float32."""
        held = self.held
        members = list(self._planned(self.step, held)) if self._planned else []
        hooks = list(_hooks(members, held, self._wrap))
        logits = forward(self._model, self.ids[:, held.start :], hooks, self._cache)
        self.step += 1
        return logits[:, -1].float()

    def take(self, tokens: torch.Tensor) -> None:
        """Put each row's next token `[rows]` behind it."""
        self.ids = torch.cat([self.ids, tokens.to(self.ids)[:, None]], dim=1)


def forward(
    model: LoadedModel,
    ids: torch.Tensor,
    hooks: Sequence[tuple[str, HookFn]] = (),
    cache: Any = None,
) -> torch.Tensor:
    """Return the logits of a pass `[rows, position, d_vocab]`, at least of the last position.

    Within `decoding` it goes past TransformerLens, whose modules are out of the way.
    """
    if not is_harmless(model):
        return model.run(ids, hooks, cache=cache)
    model.forward_passes += 1
    original = model.bridge.original_model
    kwargs: dict[str, Any] = {"use_cache": cache is not None}
    if cache is not None:
        kwargs["past_key_values"] = cache
    if _keeps_logits(original):
        kwargs["logits_to_keep"] = 1
    points = [(model.bridge.hook_dict[name], hook) for name, hook in hooks]
    try:
        for point, hook in points:
            point.add_hook(hook)
        logits: torch.Tensor = original(ids.to(model.device), **kwargs).logits
    finally:
        for point, _hook in points:
            point.remove_hooks("fwd")
    return logits


def _keeps_logits(original: Any) -> bool:
    return "logits_to_keep" in inspect.signature(original.forward).parameters


def _hooks(
    members: Members, held: range, wrap: Callable[[int, str, HookFn], HookFn] | None
) -> Iterator[tuple[str, HookFn]]:
    places: dict[tuple[int, Any], Members] = {}
    for row, edit in members:
        places.setdefault((edit.layer, edit.site), []).append((row, edit))
    for (layer, site), theirs in places.items():
        editor = make_editor(theirs, Place(held.start, held.stop))
        if editor is not None:
            hook = editor if wrap is None else wrap(layer, site, editor)
            yield site_hook(layer, site), hook
