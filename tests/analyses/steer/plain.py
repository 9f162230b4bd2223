"""Steering as a notebook does it: plain Hugging Face, hooks on its modules, its own `generate`.

Nothing of the program is imported. A hook is given what passes at a place, `[1, n, width]` (at
`head_z` `[1, n, heads · width]`), the step and the first position that the pass holds, and changes
it where it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCKS = ("model.layers", "transformer.h", "gpt_neox.layers", "model.decoder.layers")
_ATTENTION = ("self_attn", "attn", "attention", "self_attention")
_MLP = ("mlp", "block_sparse_moe", "feed_forward", "fc2")
_OUT = ("o_proj", "c_proj", "dense", "out_proj", "wo")
_MID = ("post_attention_layernorm", "ln_2")
SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "head_z")


@dataclass(frozen=True)
class Hook:
    """A change at one place of one layer."""

    layer: int
    site: str
    change: Callable[[torch.Tensor, int, int], None]


class Plain:
    """A plain model that generates under hooks.

    Args:
        source: Its folder.
    """

    def __init__(self, source: str) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(source, attn_implementation="eager")
        self.model.eval()
        self.blocks = next(found for path in _BLOCKS if (found := _at(self.model, path)))

    def generate(
        self,
        ids: list[int],
        hooks: list[Hook],
        steps: int,
        *,
        cached: bool = True,
        **options: Any,
    ) -> tuple[list[int], torch.Tensor]:
        """Return the new tokens of `generate`, and the logits `[step, V]` of which they came."""
        with torch.no_grad(), self._hooked(hooks, len(ids), cached=cached):
            found = self.model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=steps,
                min_new_tokens=steps,
                do_sample=False,
                use_cache=cached,
                output_logits=True,
                return_dict_in_generate=True,
                **{"eos_token_id": None, "pad_token_id": 0, **options},
            )
        return found.sequences[0, len(ids) :].tolist(), torch.cat(found.logits).float()

    def logits(self, ids: list[int], hooks: list[Hook]) -> torch.Tensor:
        """Return the logits `[position, V]` of one whole pass."""
        with torch.no_grad(), self._hooked(hooks, len(ids), cached=False):
            return self.model(torch.tensor([ids]), use_cache=False).logits[0].float()

    def seen(
        self, ids: list[int], layer: int, site: str, hooks: list[Hook] | None = None
    ) -> torch.Tensor:
        """Return what passes at a place `[n, width]`, behind changes."""
        kept: list[torch.Tensor] = []
        look = Hook(layer, site, lambda x, _step, _start: kept.append(x.clone()))
        self.logits(ids, [*(hooks or []), look])
        return kept[0][0]

    @contextmanager
    def _hooked(self, hooks: list[Hook], length: int, *, cached: bool) -> Iterator[None]:
        step = [-1]

        def count(*_args: object) -> None:
            step[0] += 1

        handles = [self.model.register_forward_pre_hook(count)]
        for one in hooks:

            def change(x: torch.Tensor, one: Hook = one) -> None:
                start = length + step[0] - 1 if cached and step[0] else 0
                one.change(x if x.ndim == 3 else x[None], step[0], start)

            handles.append(self._attach(one, change))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _attach(self, one: Hook, change: Callable[[torch.Tensor], None]) -> Any:
        block = self.blocks[one.layer]

        def before(_module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            change(args[0] if args else kwargs["hidden_states"])

        def after(_module: object, _args: object, output: Any) -> None:
            change(output[0] if isinstance(output, tuple) else output)

        # Where a norm stands behind each part, what the part adds to the stream leaves that norm.
        normed = hasattr(block, "post_feedforward_layernorm")
        if one.site == "resid_pre":
            return block.register_forward_pre_hook(before, with_kwargs=True)
        if one.site == "resid_mid":
            names = ("pre_feedforward_layernorm", *_MLP) if normed else _MID
            return _first(block, names).register_forward_pre_hook(before, with_kwargs=True)
        if one.site == "resid_post":
            return block.register_forward_hook(after)
        attention = _first(block, _ATTENTION)
        if one.site == "attn_out":
            part = block.post_attention_layernorm if normed else _before_the_sum(attention)
            return part.register_forward_hook(after)
        if one.site == "mlp_out":
            mlp = _before_the_sum(_first(block, _MLP))
            part = block.post_feedforward_layernorm if normed else mlp
            return part.register_forward_hook(after)
        inner = getattr(attention, "attention", attention)
        return _first(inner, _OUT).register_forward_pre_hook(before, with_kwargs=True)


def _before_the_sum(part: Any) -> Any:
    """Return what gives a part's output: BLOOM's parts add the stream to it themselves."""
    if not type(part).__name__.startswith("Bloom"):
        return part
    return _first(part, ("dense", "dense_4h_to_h"))


def _at(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name, None)
    return module


def _first(module: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if hasattr(module, name):
            return getattr(module, name)
    raise LookupError(f"no {' or '.join(names)} in {type(module).__name__}")
