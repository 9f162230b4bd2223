"""Shortcuts of a pass, and which of them an architecture stands: each is tried out once before.

A change at position p reaches no position before it: runs that differ only from p on compute the
positions from p on, and read the keys and values of what comes before from the untouched run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache
from typing_extensions import override

from desktop_app.engine.model import (
    READ_HOOK,
    Hooks,
    LoadedModel,
    Site,
    mlp_input_hook,
    site_hook,
)
from desktop_app.engine.remembered import Finding, recall
from desktop_app.support.errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

KeysValues = dict[int, tuple[Tensor, Tensor]]
"""Per layer: keys and values `[prompt, kv_head, position, d_head]`, positions embedded."""
# In the last layer these see the read position alone, where it is trimmed to that.
TRIMMED_SITES: tuple[Site, ...] = ("attn_out", "mlp_out")
_TOKENS = 6
_TOLERANCE = {"float32": 1e-3}  # of log-probabilities; a failure is off by whole units
_HALF_TOLERANCE = 0.25
FAILURES = (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError)
# Of the largest logit: what is less than this is rounding that differs between rows.
_NOTICED = {"float32": 1e-5}
_HALF_NOTICED = 0.02
_FEW = 4  # tokens, where all layers are tried at once


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
        grows: Rows may join between two layers, and what enters the first is all that a row's text
            decides. BLOOM's attention, say, keeps the row count that it began with, and Gemma 4's
            layers read the token ids once more.
        resumes: A pass may begin in the middle of a prompt, on keys and values kept before.
        trims: In the last layer one position may go on alone once attention has mixed them.
    """

    grows: bool
    resumes: bool
    trims: bool


def abilities(model: LoadedModel) -> Abilities:
    """Return what this model's architecture stands, from a few small passes the first time."""
    trial = Trial(model)
    grows = recall(model, "grows", trial.grows)
    return Abilities(
        grows,
        grows and recall(model, "resumes", trial.resumes),
        recall(model, "trims", trial.trims),
    )


def acts(model: LoadedModel, site: Site) -> bool:
    """Return whether what is written into a site changes the model's output; tried once.

    On OPT, GPT-J and GPT-Neo, say, the bridge only shows the pattern: the model goes on with its
    own.
    """
    return recall(model, acting(site), lambda: Trial(model).acts(site))


def acting(site: Site) -> str:
    """Return the name under which is remembered whether a site acts."""
    return f"acts at {site}"


class Trial:
    """Small passes by which is tried what a model's hooks do."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._length = min(_TOKENS, model.info.n_ctx)
        self._enter = site_hook(0, "resid_pre")

    @cached_property
    def _ids(self) -> Tensor:
        model = self._model
        return model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(self._length)]])

    @cached_property
    def _whole(self) -> tuple[Tensor, Tensor]:
        """The untouched logits, and what enters the first block."""
        return self._run_whole(self._ids)

    def _run_whole(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        stream: list[Tensor] = []
        logits = self._model.run(ids, [(self._enter, lambda x, hook: stream.append(x.clone()))])
        return logits, stream[0]

    @cached_property
    def _mixes(self) -> bool:
        """Whether the first half of a text, and so attention, decides what comes after the second.

        Where weights make nothing of it, any shortcut past it seems to do.
        """
        half = self._length // 2
        if not half:
            return False
        other = self._ids.clone()
        other[:, :half] = (other[:, :half] + 1) % self._model.info.d_vocab
        logits, _stream = self._run_whole(other)
        apart = logits[:, -1].float().log_softmax(-1) - self._whole[0][:, -1].float().log_softmax(
            -1
        )
        return bool(apart.abs().max() > self._tolerance)

    @property
    def _tolerance(self) -> float:
        return _TOLERANCE.get(self._model.info.dtype, _HALF_TOLERANCE)

    def _agrees(self, run: Callable[[], Tensor], whole: Tensor | None = None) -> Finding | None:
        """Return whether a pass can be made and ends in the untouched predictions, or in `whole`'s.

        None where those are no numbers, so that nothing can be told. That it does is so for all
        weights of the configuration where these make something of their attention; that it does
        not may lie in these.
        """
        logits = self._whole[0] if whole is None else whole
        expected = logits[:, -1].float().log_softmax(-1)
        if not bool(torch.isfinite(expected).all()):
            return None
        try:
            found = run()
        except FAILURES as error:
            if is_out_of_memory(error):
                raise
            return Finding(holds=False, for_all=True)
        difference = (found[:, -1].float().log_softmax(-1) - expected).abs().max()
        holds = bool(difference <= self._tolerance)
        return Finding(holds, for_all=holds and self._mixes)

    def grows(self) -> Finding | None:
        """Return whether rows may join between two layers, those of another text too."""
        last = site_hook(self._model.info.n_layers - 1, "resid_pre")
        other, stream = self._run_whole((self._ids + 1) % self._model.info.d_vocab)
        both = torch.cat([self._whole[1], stream])
        join: Hooks = [
            (self._enter, lambda _x, hook: both.clone()),
            (last, lambda x, hook: torch.cat([x, x])),
        ]
        expected = torch.cat([self._whole[0], other]).repeat(2, 1, 1)
        return self._agrees(lambda: self._model.run(self._ids, join), expected)

    def resumes(self) -> Finding | None:
        """Return whether a pass may begin in the middle of a prompt."""
        if self._length < 2:
            return Finding(holds=False, for_all=True)
        return self._agrees(self._resumed)

    def _resumed(self) -> Tensor:
        record = RecordingCache(1)
        self._model.run(self._ids, cache=record)
        half = self._length // 2
        rows = self._whole[1][:, half:].repeat(2, 1, 1)
        prefix = PrefixCache(record.found, half, torch.zeros(2, dtype=torch.long))
        ids, enter = self._ids[:, half:], [(self._enter, lambda _x, hook: rows)]
        return self._model.run(ids, enter, cache=prefix)

    def trims(self) -> Finding | None:
        """Return whether one position may go on alone in the last layer."""

        def keep_last(x: Tensor, hook: object) -> Tensor:
            if x.ndim < 3:  # OPT joins rows and positions to one axis
                raise ValueError("there is no axis of positions")
            return x[:, -1:]

        hooks = trim_hooks(self._model, keep_last)
        return self._agrees(lambda: self._model.run(self._ids.repeat(2, 1), hooks))

    def acts(self, site: Site) -> Finding:
        """Return whether disturbing a site in any one layer changes what is predicted.

        Row 0 is untouched, and each further row has one layer's disturbed. A layer may well do
        nothing by its weights: it is one kind of hook in all of them.
        """
        layers = self._model.info.n_layers
        ids = self._ids[:, :_FEW].repeat(layers + 1, 1)

        def disturb(x: Tensor, hook: object, layer: int) -> Tensor:
            rows = x.view(len(ids), -1, x.shape[-1]) if x.ndim == 2 else x
            own = rows[layer + 1]
            ramp = torch.linspace(-1, 1, own.numel(), device=x.device).view(own.shape)
            rows[layer + 1] = (ramp * own.abs().max().clamp_min(1.0)).to(x.dtype)
            return x

        shown = [n for n in range(layers) if (n, site) not in self._model.unfit]
        hooks = [(site_hook(n, site), partial(disturb, layer=n)) for n in shown]
        keep = [(READ_HOOK, lambda x, hook: x[:, -1:])]
        logits = self._model.run(ids, [*hooks, *keep])[:, -1].float()
        change = (logits[1:] - logits[:1]).abs().max()
        least = _NOTICED.get(self._model.info.dtype, _HALF_NOTICED)
        holds = not bool(change <= least * logits[0].abs().max())
        # Of no numbers nothing is told, and that nothing changes may lie in these weights.
        return Finding(holds, for_all=holds and bool(torch.isfinite(change)))


def trim_hooks(model: LoadedModel, keep: Callable[..., Tensor]) -> Hooks:
    """Return the hooks that leave the last layer one position each: after z, and before the MLP.

    What is added back to the whole stream then has length 1 and is added everywhere, which is right
    at the position that is kept, and only that one is read.
    """
    last = model.info.n_layers - 1
    return [(site_hook(last, "head_z"), keep), (mlp_input_hook(last), keep)]
