"""The choices of a form as a newcomer reads them; the field's own terms stay in the tooltips."""

from __future__ import annotations

_LABELS = {
    "resid_pre": "stream before block",
    "resid_mid": "stream after attention",
    "resid_post": "stream after block",
    "attn_out": "attention output",
    "mlp_out": "MLP output",
    "head_z": "head output (z)",
    "head_q": "head queries (q)",
    "head_k": "head keys (k)",
    "head_v": "head values (v)",
    "pattern": "attention pattern",
    "attn": "attention",
    "mlp": "MLP",
    "layer0": "after layer 0",
    "mlp0": "through MLP 0",
    "logit_diff": "logit difference",
    "logit": "logit of the answer",
    "logprob": "log-probability",
    "prob": "probability",
    "rank": "rank of the answer",
    "kl": "KL divergence",
    "denoise": "clean → corrupt",
    "noise": "corrupt → clean",
    "position": "one at a time",
}


def choice_label(value: object) -> str:
    """Return a choice as it is shown: `resid_pre` as `stream before block`."""
    if value is None:
        return "none"
    return _LABELS.get(str(value), str(value).replace("_", " "))


def choice_term(value: object) -> str:
    """Return the field's own term for a choice that is shown in other words, or an empty text."""
    return str(value) if str(value) in _LABELS else ""
