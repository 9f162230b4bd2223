"""Which token comes next: the likeliest, or one that is drawn, the same for the same seed.

Temperature, then the k likeliest, then the likeliest that together have a probability, as Hugging
Face does it. What is drawn depends on the seed, the prompt and the step alone: runs of one prompt
that are compared draw with the same number, so that they differ by what was done to them, and no
batch changes a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

_STRIDE = 1_000_003  # one generator per prompt: a prime beyond the most prompts


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes:
        temperature: 0 takes the likeliest; logits are divided by it.
        top_k: So many likeliest alone; 0: all.
        top_p: The likeliest that together have this probability.
        seed: Of what is drawn.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0


class Draws:
    """The uniform numbers with which each prompt's tokens are drawn, step by step."""

    def __init__(self, sampling: Sampling, steps: int) -> None:
        self._sampling = sampling
        self._steps = steps
        self._by_prompt: dict[int, torch.Tensor] = {}

    def at(self, prompts: Sequence[int], step: int) -> torch.Tensor:
        """Return the numbers in 0..1 of some prompts at a step, float64."""
        return torch.stack([self._of(prompt)[step] for prompt in prompts])

    def _of(self, prompt: int) -> torch.Tensor:
        if prompt not in self._by_prompt:
            seed = (self._sampling.seed * _STRIDE + prompt) % 2**63
            generator = torch.Generator().manual_seed(seed)
            numbers = torch.rand(self._steps, generator=generator, dtype=torch.float64)
            self._by_prompt[prompt] = numbers
        return self._by_prompt[prompt]


def choose(logits: torch.Tensor, sampling: Sampling, uniform: torch.Tensor | None) -> torch.Tensor:
    """Return each row's next token `[rows]`.

    Args:
        logits: `[rows, d_vocab]`, float32.
        sampling: How.
        uniform: Each row's number in 0..1; not needed where the likeliest is taken.
    """
    if not sampling.temperature or uniform is None:
        return logits.argmax(-1)
    scores = logits.cpu().double()  # not every accelerator has such numbers
    # The largest becomes 0, which no temperature, however low, makes infinite.
    scores = (scores - scores.amax(-1, keepdim=True)) / sampling.temperature
    weights = kept(scores, sampling).softmax(-1).cumsum(-1)
    whole = weights[:, -1:]
    # The first token whose share of the whole reaches beyond the number: one of no weight never.
    reached = (uniform[:, None] * whole).minimum(whole.nextafter(torch.zeros_like(whole)))
    return torch.searchsorted(weights, reached, right=True)[:, 0].to(logits.device)


def kept(scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Return scores with −∞ where a token is not among those that are drawn from."""
    if 0 < sampling.top_k < scores.shape[-1]:
        least = scores.topk(sampling.top_k).values[:, -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    if sampling.top_p < 1:
        ordered, order = scores.sort(descending=False)
        unlikely = ordered.softmax(-1).cumsum(-1) <= 1 - sampling.top_p
        unlikely[:, -1] = False
        scores = scores.masked_fill(unlikely.scatter(-1, order, unlikely), -torch.inf)
    return scores
