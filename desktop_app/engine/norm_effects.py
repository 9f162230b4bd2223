"""What taking the norms away did to a model: whether it did anything, was heard, and is survived.

An edit of norms goes wrong in silence: a bridge that computes its norms anew from its own settings
does not hear of it, and one whose eps is raised while its weights stay gives the same prediction
whatever it reads. So what came of it is measured on a text each time, and said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.contract.result import Notice
from desktop_app.engine import norms
from desktop_app.support.errors import ModelLoadError
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from desktop_app.contract.requests import ModelSpec, Parity
    from desktop_app.engine.norms import Change
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer

REMOVED = "layernorm_removed"
_MOST_TOKENS = 128
_CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
# Of the largest logit: what moves by less than this has not moved.
_UNMOVED = 1e-6
# A change that was heard leaves the bridge this much nearer to the changed model than to the other.
_HEARD, _HALF_HEARD = 0.01, 0.1
# From here on logits have moved as far as they reach.
_DESTROYED = 0.5
_ALL_ALIKE = 1e-3
# Of the eps: a variance above this is no longer nothing beside it.
_OUTGROWN = 1e-3
_HOW = {
    "eps": "eps 1e12, weights times 1e6",
    "identity": "each norm is x · w + b",
    "constant": "each norm divides by a constant",
}


@dataclass(frozen=True)
class Damage:
    """How far a changed model is from the one that it was made of, on one text.

    Attributes:
        moved: The largest difference of logits; NaN where they are no longer numbers.
        largest: The largest logit before.
        top1_agreement: At which share of the positions the likeliest token is the same.
        spread: How much the logits still differ between positions, as a share of what they did.
    """

    moved: float
    largest: float
    top1_agreement: float
    spread: float

    @property
    def finite(self) -> bool:
        """Whether the changed model still gives numbers."""
        return math.isfinite(self.moved)

    @property
    def destroyed(self) -> bool:
        """Whether nothing is left of the model.

        Its numbers overflow, or it predicts the same whatever it reads, or its logits have moved
        as far as they reach and most predictions with them.
        """
        if not self.finite or self.spread < _ALL_ALIKE:
            return True
        return self.moved >= _DESTROYED * self.largest and self.top1_agreement < _DESTROYED

    def words(self) -> str:
        """Return it as a sentence."""
        if not self.finite:
            return "Its numbers overflow: nothing that it gives is a prediction."
        said = (
            f"On a sample its logits moved by up to {_amount(self.moved)} (the largest was "
            f"{_amount(self.largest)}), and {100 * self.top1_agreement:.0f} % of its likeliest "
            "tokens stayed."
        )
        if self.spread < _ALL_ALIKE:
            return f"{said} It gives the same prediction whatever it reads: the model is destroyed."
        return f"{said} As a model of language it is destroyed." if self.destroyed else said


@dataclass(frozen=True)
class Removed:
    """A model's norms, taken away.

    Attributes:
        change: What was done.
        damage: What came of it on a few tokens.
        before: Their logits before, `[S, V]`.
        after: And behind it.
        notice: What every result must say.
    """

    change: Change
    damage: Damage
    before: Tensor
    after: Tensor
    notice: Notice


def take_away(
    hf_model: Any,
    spec: ModelSpec,
    name: str,
    tokenizer: TextTokenizer,
    logits: Callable[[], Tensor],
) -> Removed:
    """Put what the spec asks for in the place of a model's norms, and make sure that it did.

    Args:
        hf_model: The Hugging Face model.
        spec: What was asked for.
        name: What results call it.
        tokenizer: Its tokenizer.
        logits: Gives the model's logits on a few tokens, `[S, V]`.

    Raises:
        ModelLoadError: A norm is of no known kind, or nothing came of it.
    """
    before = logits()
    context = context_of(hf_model.config) or _MOST_TOKENS
    vocabulary = hf_model.config.get_text_config().vocab_size
    change = norms.change(hf_model, spec, sample_texts(tokenizer, vocabulary, context))
    with norms.variances(hf_model, change.norms) as read:
        after = logits()
    found = damage(before, after)
    require_moved(spec, change, found)
    notice = removed_notice(name, change, found, max(read, default=0.0))
    return Removed(change, found, before, after, notice)


def context_of(config: Any) -> int | None:
    """Return how many tokens a model reads by its Hugging Face settings; None where none says."""
    text = config.get_text_config()
    told = (getattr(text, name, None) for name in _CONTEXTS)
    return min((n for n in told if isinstance(n, int) and n > 0), default=None)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if 100 <= value < 1e9 else f"{value:.3g}"


def damage(before: Tensor, after: Tensor) -> Damage:
    """Compare logits `[S, V]` of one text."""
    before, after = before.float(), after.float()
    if not bool(torch.isfinite(after).all()):
        return Damage(float("nan"), float(before.abs().max()), 0.0, 0.0)
    spread = _spread(after) / max(_spread(before), 1e-30)
    same = (before.argmax(-1) == after.argmax(-1)).float().mean()
    moved = (before - after).abs().max()
    return Damage(float(moved), float(before.abs().max()), float(same), spread)


def _spread(logits: Tensor) -> float:
    """Return how much log-probabilities differ between positions; 1 where there is but one."""
    if len(logits) < 2:
        return 1.0
    return float(logits.log_softmax(-1).std(0).mean())


def sample_texts(tokenizer: TextTokenizer, vocabulary: int, context: int) -> list[Tensor]:
    """Return the bundled sample text as token ids `[1, S]`, a row for each of its paragraphs."""
    text = resource("text", "sample.txt").read_text(encoding="utf-8")
    found = []
    for paragraph in text.strip().split("\n\n"):
        ids = [i for i in tokenizer.encode(paragraph).ids if i < vocabulary]
        if ids:
            found.append(torch.tensor([ids[: max(1, min(_MOST_TOKENS, context))]]))
    return found or [torch.tensor([[0]])]


def require_moved(spec: ModelSpec, change: Change, found: Damage) -> None:
    """Refuse a change that changed nothing, where norms divided by what they read.

    Raises:
        ModelLoadError: It says which norms, and what to do.
    """
    if not found.finite:
        return
    if change.must_move and found.moved <= _UNMOVED * found.largest:
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded with --layernorm {spec.layernorm}: {_named(change)} "
            f"were changed and its logits moved by {found.moved:.1g} only, so the change does not "
            "reach them; choose --layernorm keep."
        )


def require_heard(spec: ModelSpec, removed: Removed, bridge: Tensor, parity: Parity) -> None:
    """Refuse a bridge that goes on with the norms of before.

    Args:
        spec: What was asked for.
        removed: What was done.
        bridge: The bridge's log-probabilities on the same tokens, `[S, V]`.
        parity: How far they are from the changed model's.

    Raises:
        ModelLoadError: It says which norms, by how much, and what to do.
    """
    off, allowed = parity.max_logprob_difference, parity.tolerance
    back = float((bridge - removed.before.log_softmax(-1)).abs().max())
    share = _HEARD if allowed < _HEARD else _HALF_HEARD
    if not removed.change.must_move:  # it is as near to the one as to the other
        share = 0.0
    elif spec.weights == "processed":  # which some architectures do not follow with norms either
        share = 1.0
    if not math.isfinite(off) or off <= max(allowed, share * back):
        return
    raise ModelLoadError(
        f"“{spec.model}” cannot be loaded with --layernorm {spec.layernorm}: TransformerLens does "
        f"not follow the change of {_named(removed.change)}. Its log-probabilities are off by "
        f"{off:.2g} from the changed model's and by {back:.2g} from the unchanged one's; choose "
        "another --layernorm, or keep."
    )


def removed_notice(name: str, change: Change, found: Damage, variance: float = 0.0) -> Notice:
    """Return what every result of a changed model must say.

    Args:
        name: What the model is called.
        change: What was done.
        found: What came of it.
        variance: The largest that any of its norms reads.
    """
    if not change.must_move:
        eps = max(norm.eps for norm in change.norms)
        rounded = f", up to rounding ({found.moved:.1g})" if found.moved > 0 else ""
        return Notice(
            REMOVED,
            f"The norms of {name} divide by nothing that they read (eps {eps:.0e}): it was trained "
            f"without them, and --layernorm {change.kind} leaves its logits as they are{rounded}.",
        )
    count = len(change.norms)
    message = (
        f"{name} runs without its LayerNorm, all {count} norms of its stream "
        f"({_HOW[change.kind]}): an ablation of the trained model, not an equivalent of it. "
        f"{found.words()}"
    )
    if change.kind == "eps" and not variance < _OUTGROWN * norms.EPS:
        message += (
            f" Its stream outgrows the eps (variance up to {variance:.0e}): there the norms divide "
            "again, so that identity gives other numbers."
        )
    return Notice(REMOVED, message)


def _named(change: Change) -> str:
    names = [norm.name for norm in change.norms if not norm.inert]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"its norms ({', '.join(names[:2])}{more})"
