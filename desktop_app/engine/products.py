"""Matrix products at the machine's own rate.

torch's float32 products on x86 come from MKL, which on AMD processors leaves their AVX-512 units
idle; oneDNN, which torch carries too, uses them: 2.2 × the rate on a Zen 5. Where that is so, the
linear layers of a large pass are sent there. The values differ in their last bits, as they do
between any two batch sizes.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable

# Every new row count costs oneDNN about a millisecond of code generation, and a sweep has another
# one at each layer: rows go in blocks of this many, the last one padded to a multiple of the step.
_BLOCK, _STEP = 512, 64
_FEWEST_ROWS = 64
_WORTH_IT = 1.25
_TRIAL = (512, 1024)  # rows, and both widths of the weights


class FastProducts(TorchFunctionMode):
    """Within it, large float32 linear layers on the CPU take the faster of the two libraries."""

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
