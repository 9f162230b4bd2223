"""What a continuation says, as a result keeps it: token by token, with what it was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.steering import RunName
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
    from desktop_app.methods.generating import Grown


def strips(study: Study, name: RunName) -> tuple[dict[str, Any], ...]:
    """Return a continuation of every prompt, as far as it is there.

    Each has `ids` (of new tokens only), `pieces`, `texts`, `logprobs` (where each token was said),
    `plain_logprobs` (the same token behind the same new ones and the prompt, by the plain model;
    not a number where that is not known yet), `top` (at each step the likeliest tokens: id, text,
    log-probability), `text` (all new tokens decoded together), `loss` (the mean of the negative
    `plain_logprobs`) and `ended` (whether it stopped at an end-of-text token). What was said
    behind an instruction also has that `prompt` and its `prompt_ids`; what was given a beginning
    has `given`, the steps at which that is another token than the run would have said.
    """
    return tuple(_strip(study, name, prompt, one) for prompt, one in enumerate(study.grown[name]))


def _strip(study: Study, name: RunName, prompt: int, one: Grown) -> dict[str, Any]:
    tokenizer = study.model.tokenizer
    ids = list(one.ids)
    count = len(ids)
    described = [tokenizer.describe(token) for token in ids]
    known = study.plain_logprobs.get((name, prompt), one.logprobs if name == "plain" else [])
    plain = [*known[:count], *[float("nan")] * (count - len(known))]
    before = study.said[prompt].ids if name == "said" else study.texts[prompt]
    found: dict[str, Any] = {
        "ids": ids,
        "pieces": [piece for piece, _text in described],
        "texts": [text for _piece, text in described],
        "logprobs": list(one.logprobs),
        "plain_logprobs": plain,
        "top": [
            [[token, tokenizer.describe(token)[1], logprob] for token, logprob in step]
            for step in one.top
        ],
        "text": continued(tokenizer, before, ids),
        "loss": loss(plain),
        "ended": one.ended,
    }
    if name == "said":
        found |= {"prompt": study.said[prompt].text, "prompt_ids": list(before)}
    if (name, prompt) in study.begin:
        found["given"] = [step for step in one.given if step < count]
    return found


def loss(logprobs: Sequence[float]) -> float:
    """Return the mean loss of tokens in nats; not a number without any, or with one unknown."""
    return -float(np.mean(logprobs)) if logprobs else float("nan")


def continued(tokenizer: TextTokenizer, before: Sequence[int], ids: Sequence[int]) -> str:
    """Return what new tokens add to a text: some tokenizers swallow a leading space otherwise."""
    if not ids:
        return ""
    start = tokenizer.decode(before)
    whole = tokenizer.decode([*before, *ids])
    return whole[len(start) :] if whole.startswith(start) else tokenizer.decode(ids)
