"""Does the hooked model say what plain Hugging Face says? Measured after every load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from desktop_app.contract.requests import Parity

if TYPE_CHECKING:
    from desktop_app.engine.tokenizing import TextTokenizer

_TEXT = "The quick brown fox jumps over 1 2 3 4"
_LENGTH = 10
_PADS = 4
# Largest difference of log-probabilities that counts as equal, per dtype.
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.25, torch.float16: 0.05}


def sample_ids(tokenizer: TextTokenizer, hf_model: Any) -> torch.Tensor:
    """Return a few token ids `[1, S]` that the model can take, with the padding where it can."""
    config = hf_model.config.get_text_config()
    ids = [i for i in tokenizer.encode(_TEXT).ids if i < config.vocab_size]
    context = getattr(config, "max_position_embeddings", None) or _LENGTH + _PADS
    length = max(1, min(_LENGTH, int(context) - _PADS))
    device = next(hf_model.parameters()).device
    if device.type == "meta":
        device = torch.device("cpu")
    return torch.tensor([ids[:length] or [0]], device=device)


def plain_logprobs(hf_model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return plain Hugging Face's log-probabilities `[S, V]`, float32, on the CPU."""
    with torch.no_grad():
        logits = hf_model(ids, use_cache=False).logits
    return _logprobs(logits)[0]


def measure(
    bridge: Any,
    ids: torch.Tensor,
    plain: torch.Tensor,
    tokenizer: TextTokenizer,
    dtype: torch.dtype,
) -> Parity:
    """Compare the bridge with plain Hugging Face, and its left padding with itself alone."""
    with torch.no_grad():
        alone = _logprobs(bridge(ids, use_cache=False))[0]
        padded = [_padded_difference(bridge, ids, alone, tokenizer, n) for n in (_PADS, 1)]
    difference = float((alone - plain).abs().max())
    tolerance = _TOLERANCE.get(dtype, 1e-4)
    known = [difference, *(p for p in padded if p is not None)]
    return Parity(
        max_logprob_difference=difference,
        left_padding_difference=padded[0],
        single_pad_difference=padded[1],
        tolerance=tolerance,
        ok=all(d < tolerance for d in known),
    )


def pad_id(tokenizer: TextTokenizer) -> int:
    """Return an id to pad with: the tokenizer's own, else its EOS, else 0; masked in any case."""
    raw = tokenizer.raw
    return int(next((i for i in (raw.pad_token_id, raw.eos_token_id) if i is not None), 0))


def _padded_difference(
    bridge: Any, ids: torch.Tensor, alone: torch.Tensor, tokenizer: TextTokenizer, pads: int
) -> float | None:
    """Return the difference that left padding makes; None where the model cannot take it."""
    pad = torch.full((1, pads), pad_id(tokenizer), device=ids.device)
    mask = torch.ones(1, pads + ids.shape[1], dtype=torch.long, device=ids.device)
    mask[:, :pads] = 0
    try:
        logits = bridge(torch.cat([pad, ids], dim=1), attention_mask=mask, use_cache=False)
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
        return None
    return float((_logprobs(logits)[0, pads:] - alone).abs().max())


def _logprobs(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(-1).cpu()
