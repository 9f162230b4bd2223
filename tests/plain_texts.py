"""Plain Hugging Face that grows texts under forward hooks: what steering is held to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, DynamicCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Change = Callable[[int, range, torch.Tensor], None]
    """(step, positions that the pass holds, `[position, width]`), changed where it is."""


class PlainTexts:
    """A plain model that says texts of one prompt, block outputs changed on the way.

    Args:
        source: Its folder.
    """

    def __init__(self, source: str) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(source).eval()

    def blocks(self) -> Any:
        """Return the model's blocks."""
        base = self.model.base_model
        for name in ("layers", "h"):
            if hasattr(base, name):
                return getattr(base, name)
        raise ValueError(type(base).__name__)

    def grow(
        self,
        ids: Sequence[int],
        count: int,
        changes: Mapping[int, Change] | None = None,
        *,
        cached: bool = True,
    ) -> tuple[list[int], torch.Tensor]:
        """Return greedy new tokens and the logits `[step, V]` of each; `changes` by layer."""
        text, cache = list(ids), DynamicCache() if cached else None
        found = []
        for step in range(count):
            held = range(len(text) - 1 if cached and step else 0, len(text))
            with torch.no_grad(), self._changed(changes or {}, step, held):
                told = torch.tensor([text[held.start :]])
                logits = self.model(told, past_key_values=cache, use_cache=cached).logits[0, -1]
            found.append(logits.float())
            text.append(int(logits.argmax()))
        return text[len(ids) :], torch.stack(found)

    def read(
        self, ids: Sequence[int], layer: int, changes: Mapping[int, Change] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of a full pass `[position, V]`, and a block's output after changes."""
        seen = []
        with torch.no_grad(), self._changed(changes or {}, 0, range(len(ids))):
            handle = self.blocks()[layer].register_forward_hook(
                lambda _module, _args, out: seen.append(_stream(out)[0].clone())
            )
            logits = self.model(torch.tensor([list(ids)]), use_cache=False).logits[0]
            handle.remove()
        return logits.float(), seen[0]

    def loss(self, prompt: Sequence[int], new: Sequence[int]) -> float:
        """Return the mean of −log p of new tokens behind a prompt, nothing changed."""
        ids = [*prompt, *new]
        with torch.no_grad():
            logits = self.model(torch.tensor([ids]), use_cache=False).logits[0].float()
        told = logits.log_softmax(-1)[len(prompt) - 1 : -1]
        return float(-told.gather(-1, torch.tensor(list(new))[:, None]).mean())

    @contextmanager
    def _changed(self, changes: Mapping[int, Change], step: int, held: range) -> Iterator[None]:
        def hook(change: Change) -> Any:
            def edited(_module: Any, _args: Any, out: Any) -> Any:
                stream = _stream(out).clone()
                change(step, held, stream[0])
                return (stream, *out[1:]) if isinstance(out, tuple) else stream

            return edited

        blocks = self.blocks()
        handles = [blocks[layer].register_forward_hook(hook(c)) for layer, c in changes.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _stream(out: Any) -> torch.Tensor:
    return out[0] if isinstance(out, tuple) else out


def zeroed(position: int, *, steps: Sequence[int] | None = None) -> Change:
    """Return a change that zeroes an absolute position; negative ones count from the end."""

    def change(step: int, held: range, stream: torch.Tensor) -> None:
        p = position if position >= 0 else held.stop + position
        if (steps is None or step in steps) and p in held:
            stream[p - held.start] = 0

    return change
