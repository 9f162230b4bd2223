"""Shortcuts of a pass, and which of them an architecture stands: each is tried out once before.

A change at position p reaches no position before it: runs that differ only from p on compute the
positions from p on, and read the keys and values of what comes before from the untouched run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache
from typing_extensions import override

from desktop_app.engine.model import Hooks, LoadedModel, Site, mlp_input_hook, site_hook

if TYPE_CHECKING:
    from collections.abc import Callable

KeysValues = dict[int, tuple[Tensor, Tensor]]
"""Per layer: keys and values `[prompt, kv_head, position, d_head]`, positions embedded."""
# In the last layer these see the read position alone, where it is trimmed to that.
TRIMMED_SITES: tuple[Site, ...] = ("attn_out", "mlp_out")
_TOKENS = 6
_TOLERANCE = {"float32": 1e-3}  # of log-probabilities; a failure is off by whole units
_HALF_TOLERANCE = 0.25

_known: dict[tuple[str, str, str], Abilities] = {}


class RecordingCache(DynamicCache):
    """Stays empty and notes the keys and values of the first rows: those of untouched prompts."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.found: KeysValues = {}
        self._rows = rows

    @override
    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Note a layer's keys and values, and pass them on as they are."""
        rows = slice(self._rows)
        self.found[layer_idx] = (key_states[rows].clone(), value_states[rows].clone())
        return key_states, value_states


class PrefixCache(DynamicCache):
    """Puts the first keys and values of each row's own prompt before those computed.

    Args:
        found: What a recording cache noted.
        start: How many positions come from it.
        prompts: Which prompt each row runs; a layer with fewer rows takes the first of them.
    """

    def __init__(self, found: KeysValues, start: int, prompts: Tensor) -> None:
        super().__init__()
        self._found, self._start, self._prompts = found, start, prompts
        for layer, (keys, values) in sorted(found.items()):
            # The library asks a cache for its length and builds masks and positions after it.
            super().update(keys[:1, :, :start], values[:1, :, :start], layer)

    @override
    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values from position 0 on; nothing is kept."""
        prompts = self._prompts[: len(key_states)]
        keys, values = self._found[layer_idx]
        before = slice(self._start)
        return (
            torch.cat([_rows(keys[:, :, before], prompts), key_states], dim=-2),
            torch.cat([_rows(values[:, :, before], prompts), value_states], dim=-2),
        )


def _rows(known: Tensor, prompts: Tensor) -> Tensor:
    if len(known) == 1:
        return known.expand(len(prompts), *known.shape[1:])
    return known[prompts.to(known.device)]


@dataclass(frozen=True)
class Abilities:
    """What was tried out.

    Attributes:
        grows: Rows may join between two layers; BLOOM's attention, say, keeps the row count that
            it began with.
        resumes: A pass may begin in the middle of a prompt, on keys and values kept before.
        trims: In the last layer one position may go on alone once attention has mixed them.
    """

    grows: bool
    resumes: bool
    trims: bool


def abilities(model: LoadedModel) -> Abilities:
    """Return what this model's architecture stands, from five small passes the first time."""
    architecture = type(model.bridge.original_model).__name__
    key = (architecture, model.info.dtype, model.info.fingerprint)  # settings matter too: alibi
    if key not in _known:
        passes = model.forward_passes
        try:
            _known[key] = _try_out(model)
        finally:
            model.forward_passes = passes
    return _known[key]


def _try_out(model: LoadedModel) -> Abilities:
    length = min(_TOKENS, model.info.n_ctx)
    ids = model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(length)]])
    stream: list[Tensor] = []
    enter = site_hook(0, "resid_pre")
    whole = model.run(ids, [(enter, lambda x, hook: stream.append(x.clone()))])
    tolerance = _TOLERANCE.get(model.info.dtype, _HALF_TOLERANCE)

    def agrees(run: Callable[[], Tensor]) -> bool:
        try:
            found = run()
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError):
            return False
        expected = whole[:, -1].float().log_softmax(-1)
        difference = (found[:, -1].float().log_softmax(-1) - expected).abs().max()
        return bool(difference <= tolerance)

    def grown() -> Tensor:
        last = site_hook(model.info.n_layers - 1, "resid_pre")
        return model.run(ids, [(last, lambda x, hook: torch.cat([x, x]))])

    def resumed() -> Tensor:
        record = RecordingCache(1)
        model.run(ids, cache=record)
        half = length // 2
        rows = stream[0][:, half:].repeat(2, 1, 1)
        prefix = PrefixCache(record.found, half, torch.zeros(2, dtype=torch.long))
        return model.run(ids[:, half:], [(enter, lambda _x, hook: rows)], cache=prefix)

    def keep_last(x: Tensor, hook: object) -> Tensor:
        if x.ndim < 3:  # OPT joins rows and positions to one axis
            raise ValueError("there is no axis of positions")
        return x[:, -1:]

    def trimmed() -> Tensor:
        return model.run(ids.repeat(2, 1), trim_hooks(model, keep_last))

    grows = agrees(grown)
    return Abilities(grows, grows and length > 1 and agrees(resumed), agrees(trimmed))


def acts(model: LoadedModel, site: Site) -> bool:
    """Return whether what is written into a site changes the model's output.

    On OPT, GPT-J and GPT-Neo, say, the bridge only shows the pattern: the model goes on with its
    own.
    """
    ids = model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(min(_TOKENS, 4))]])
    passes = model.forward_passes
    layer = model.info.n_layers - 1

    def destroy(x: Tensor, hook: object) -> Tensor:
        x[:] = 0
        return x

    try:
        untouched = model.run(ids[:, : model.info.n_ctx])
        changed = model.run(ids[:, : model.info.n_ctx], [(site_hook(layer, site), destroy)])
    finally:
        model.forward_passes = passes
    return not torch.equal(untouched, changed)


def trim_hooks(model: LoadedModel, keep: Callable[..., Tensor]) -> Hooks:
    """Return the hooks that leave the last layer one position each: after z, and before the MLP.

    What is added back to the whole stream then has length 1 and is added everywhere, which is right
    at the position that is kept, and only that one is read.
    """
    last = model.info.n_layers - 1
    return [(site_hook(last, "head_z"), keep), (mlp_input_hook(last), keep)]
