"""A loaded model: the hooked bridge, its tokenizer, and the names of the places in it.

Its matrix products run at the machine's own rate. torch's float32 products on x86 come from MKL,
which on AMD processors leaves their AVX-512 units idle; oneDNN, which torch carries too, uses them:
2.2 × the rate on a Zen 5. Where that is so, the linear layers of a large pass are sent there. The
values differ in their last bits, as they do between any two batch sizes.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.requests import ModelSpec, Parity
    from desktop_app.contract.result import ModelInfo, Notice
    from desktop_app.engine.norm_effects import Removed
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer

Site = Literal[
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out",
    "head_z", "head_q", "head_k", "head_v", "scores", "pattern",
]  # fmt: skip

_SITE_HOOKS: dict[str, str] = {
    "resid_pre": "hook_in",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_out",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "head_z": "attn.hook_z",
    "head_q": "attn.hook_q",
    "head_k": "attn.hook_k",
    "head_v": "attn.hook_v",
    "scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern",
}
READ_HOOK = "unembed.hook_in"

HookFn = Callable[..., torch.Tensor | None]
Hooks = Sequence[tuple[str, HookFn]]
# Every new row count costs oneDNN about a millisecond of code generation, and a sweep has another
# one at each layer: rows go in blocks of this many, the last one padded to a multiple of the step.
# Where nothing need be padded they go at once, up to so many: the blocks need not be put together.
_BLOCK, _STEP, _WHOLE = 512, 64, 4096
_FEWEST_ROWS = 64
_WORTH_IT = 1.25
_TRIAL = (512, 1024)  # rows, and both widths of the weights


class FastProducts(TorchFunctionMode):
    """Within it, large float32 linear layers on the CPU take the faster of the two libraries."""

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Send the products to `fast_linear` where it can do them."""
        if func is F.linear and not kwargs and _is_large(args[0], args[1]):
            return fast_linear(*args)
        # GPT-2's layers keep their weights the other way round.
        if func is torch.addmm and not kwargs and len(args) == 3 and _is_large(*args[1:]):
            bias, x, weight = args
            if bias.ndim == 1:
                return fast_linear(x, weight.t(), bias)
        return func(*args, **(kwargs or {}))


def fast_linear(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Return x Wᵀ + b by oneDNN, float32 on the CPU, without gradients.

    Args:
        x: `[..., d_in]`.
        weight: `[d_out, d_in]`, in either memory order.
        bias: `[d_out]`.
    """
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        # A part of a larger matrix, such as GPT-2's queries: oneDNN takes a hundred times as long.
        weight = weight.contiguous()
    if len(rows) <= _WHOLE and len(rows) % _STEP == 0:
        return _one_dnn(rows, weight, bias).view(*x.shape[:-1], len(weight))
    found = rows.new_empty(len(rows), len(weight))
    for begin in range(0, len(rows), _BLOCK):
        block = rows[begin : begin + _BLOCK]
        there = len(block)
        missing = -there % _STEP
        if missing:
            block = F.pad(block, (0, 0, 0, missing))
        found[begin : begin + there] = _one_dnn(block, weight, bias)[:there]
    return found.view(*x.shape[:-1], len(weight))


def _is_large(x: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        x.dtype is torch.float32
        and weight.dtype is torch.float32
        and x.device.type == "cpu"
        and weight.device.type == "cpu"
        and x.numel() >= _FEWEST_ROWS * x.shape[-1]
        and not torch.is_grad_enabled()
        and one_dnn_is_faster()
    )


@functools.cache
def one_dnn_is_faster() -> bool:
    """Return whether oneDNN is there and clearly faster; tried once, in some milliseconds."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    rows, width = _TRIAL
    with torch.no_grad():
        x, weight = torch.ones(rows, width), torch.ones(width, width)
        try:
            _one_dnn(x, weight, None)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError):
            return False  # an operator that torch keeps for itself may go with any release
        pairs = [(_seconds(F.linear, x, weight), _seconds(fast_linear, x, weight)) for _ in "12345"]
    usual, fast = (min(times) for times in zip(*pairs, strict=True))
    return bool(usual > _WORTH_IT * fast)


def _one_dnn(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # noqa: SLF001 - the one door to it
    return found


def _seconds(product: Callable[..., object], *operands: torch.Tensor) -> float:
    started = time.perf_counter()
    product(*operands)
    return time.perf_counter() - started


def site_hook(layer: int, site: Site) -> str:
    """Return the TransformerLens hook name of a place in the model."""
    return f"blocks.{layer}.{_SITE_HOOKS[site]}"


class _SeenError(Exception):
    """Raised by the hook that has seen what was asked for: the rest of the pass is not needed."""


def input_width(project: Any) -> int | None:
    """Return how many numbers a linear module reads, or None where it does not say."""
    module = getattr(project, "original_component", None) or project
    for name in ("in_features", "nx"):
        width = getattr(module, name, None)
        if isinstance(width, int):
            return width
    return None


def mlp_input_hook(layer: int) -> str:
    """Return the TransformerLens hook name of what a block's MLP is given."""
    return f"blocks.{layer}.mlp.hook_in"


@dataclass(frozen=True)
class Storage:
    """How much of large patterns a result may keep.

    Attributes:
        limit_bytes: Beyond it, small pictures and entropies alone.
        must_fit: Whether it is refused then.
    """

    limit_bytes: int = 2_000_000_000
    must_fit: bool = False


@dataclass
class LoadedModel:
    """A model on its device, used only by the thread that loaded it.

    Attributes:
        bridge: TransformerLens' TransformerBridge around the Hugging Face model.
        tokenizer: Its tokenizer, never changed by TransformerLens.
        device: Where token ids must go.
        forward_passes: Passes begun since the model was loaded, also those that end early and
            those by which hooks are tried out.
        budget_bytes: Memory that the rows of a sweep may take; None: a share of what is free.
        notices: What every result of this model must say.
        unfit: Places (layer, site) whose hooks cannot be used, and why.
        turned: Places whose hooks were given the axes that are meant, which scripts must repeat.
        widest_head: The widest of queries, keys, values and z of a head; 0: as the configuration
            says.
        unmixed: Layers whose z is not what the pattern takes of the values.
        folded_biases: Whether processing the weights moved biases of values or norms elsewhere.
        reads_together: Whether texts of one length may share a pass: tried at each loading, on
            these very weights, since an architecture could well let tokens compete for its experts.
        storage: How much of large patterns a result may keep.
        removed: What was done to its norms; None where they are kept.
    """

    bridge: Any
    tokenizer: TextTokenizer
    info: ModelInfo
    spec: ModelSpec
    parity: Parity
    device: torch.device
    memory_bytes: int
    forward_passes: int = 0
    budget_bytes: int | None = None
    notices: tuple[Notice, ...] = ()
    unfit: Mapping[tuple[int, Site], str] = field(default_factory=dict)
    turned: tuple[Site, ...] = ()
    widest_head: int = 0
    unmixed: frozenset[int] = frozenset()
    folded_biases: bool = False
    reads_together: bool = True
    storage: Storage = field(default_factory=Storage)
    removed: Removed | None = None

    @property
    def adapter(self) -> str:
        """What is read by an adapter of this program, since TransformerLens' misreads it; or ''."""
        own = getattr(self.bridge, "adapter", None)
        return type(own).__name__ if getattr(own, "is_grouped", False) else ""

    def keep(self, limit_bytes: int | None, *, must_fit: bool) -> None:
        """Say how much the next results may keep; None: as usual."""
        self.storage = Storage(must_fit=must_fit)
        if limit_bytes is not None:
            self.storage = Storage(limit_bytes, must_fit)

    def run(
        self,
        ids: torch.Tensor,
        hooks: Hooks = (),
        cache: Any = None,
        *,
        gradients: bool = False,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return the logits `[batch, position, d_vocab]` of one pass with hooks.

        Args:
            ids: Token ids `[batch, position]`.
            hooks: Names and functions, called in this order where a name occurs twice.
            cache: A transformers cache of keys and values that the pass reads and tells.
            gradients: Whether what the hooks see can be differentiated.
            kwargs: Passed on to TransformerLens.
        """
        self.forward_passes += 1
        kwargs |= {"use_cache": False} if cache is None else {"past_key_values": cache}
        with torch.set_grad_enabled(gradients), FastProducts():
            found = self.bridge.run_with_hooks(ids.to(self.device), fwd_hooks=list(hooks), **kwargs)
        logits: torch.Tensor = found[0] if isinstance(found, tuple) else found
        return logits

    def seen(self, ids: torch.Tensor, name: str, hooks: Hooks = ()) -> torch.Tensor:
        """Return a copy of what one hook sees of token ids `[batch, position]`; a pass ends there.

        Args:
            ids: Token ids.
            name: Where it is seen.
            hooks: Others that come before.
        """
        kept: list[torch.Tensor] = []

        def keep(x: torch.Tensor, hook: object) -> None:
            kept.append(x.clone())
            raise _SeenError

        with suppress(_SeenError):
            self.run(ids, [*hooks, (name, keep)])
        return kept[0]

    def ids(self, token_ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return token ids as a tensor `[batch, position]` on the model's device.

        Raises:
            BadInputError: One of them is beyond the embedding.
        """
        rows = torch.tensor(token_ids, dtype=torch.long)
        most = int(rows.max()) if rows.numel() else -1
        if most >= self.info.d_vocab:
            raise BadInputError(
                f"A text holds token {most}, and {self.info.name} knows only ids below "
                f"{self.info.d_vocab}: the tokenizer does not belong to this model."
            )
        return rows.to(self.device)

    def has_hook(self, name: str) -> bool:
        """Return whether the architecture offers a hook of that name."""
        return name in self.bridge.hook_dict

    def hooks_left(self) -> int:
        """Return how many hook functions are attached: 0 between runs."""
        points = {id(point): point for point in self.bridge.hook_dict.values()}
        return sum(len(point.fwd_hooks) + len(point.bwd_hooks) for point in points.values())

    def kv_head(self, head: int) -> int:
        """Return the key-value head that a query head reads."""
        return head // (self.info.n_heads // self.info.n_kv_heads)

    def output_weights(self, layer: int) -> torch.Tensor:
        """Return a layer's `W_O`, float32 `[head, d_head, d_model]`, whatever its layout.

        Read off the output projection by feeding it the identity and taking its bias away again,
        so that Linear, Conv1D and offloaded weights all come out the same way round.
        """
        project, heads = self.bridge.blocks[layer].attn.o, self.info.n_heads
        width = input_width(project) or heads * self.info.d_head
        dtype = next(iter(self.bridge.original_model.parameters())).dtype
        unit = torch.eye(width, dtype=dtype, device=self.device)
        with torch.no_grad():
            out = project(unit[None])[0] - project(torch.zeros_like(unit[None, :1]))[0]
        weights: torch.Tensor = out.float().view(heads, width // heads, -1)
        return weights
