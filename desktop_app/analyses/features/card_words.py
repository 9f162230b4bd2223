"""What is always in sight of an autoencoder: model, hook, sizes, activation, data. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.pictures.words import clipped, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.analyses.features.found import Found

Line = tuple[str, str, str]
"""A title, a value, and what it means."""
_TITLE, _VALUE, _DIGITS, _MINOR = 32, 56, 15, 12
_UNSAID = "not said"
_PLAIN = {"True": "yes", "False": "no"}
_KINDS = {
    "standard": ("ReLU", "A feature is active where its encoder output is above 0"),
    "gated": ("gated", "One encoder output says whether a feature is active, another how much"),
    "jumprelu": ("JumpReLU", "A feature is active above a threshold of its own"),
    "topk": ("top k", "Of each token the largest encoder outputs are kept"),
}
_SCALINGS = {
    "constant_norm_rescale": "to the length √width",
    "layer_norm": "mean 0, variance 1",
}
# What a folder may say besides, in its own keys: shown under plainer names.
_FACTS = {
    "data": ("Data", "The text that it was trained on"),
    "l1": ("L1", "Weight of the sparsity penalty in its training"),
    "context": ("Context", "Tokens of the windows that it was trained on"),
    "bos": ("BOS", "Whether those windows began with a BOS"),
    "tokens": ("Tokens", "How many tokens it was trained on"),
}
# What else it says is under the pointer: of which run it is, and how well that went.


def card_facts(found: Found) -> list[Line]:
    """Return the card of an autoencoder; of a run that has not read it yet, none."""
    card = found.card
    return list(_lines(card)) if card else []


def _lines(card: Mapping[str, Any]) -> Iterator[Line]:
    given = card.get("facts")
    facts: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    kind = "Transcoder" if card.get("writes") else "Autoencoder"
    minor = [f"{_title(key)}: {_text(facts[key])}" for key in facts if key not in _FACTS]
    yield kind, _text(card.get("name")), "\n".join(["The name of its folder", *minor[:_MINOR]])
    yield "Model", _text(card.get("model")), "The model on whose activations it was trained"
    yield "Reads" if card.get("writes") else "Hook", _hook(card), "As TransformerLens names it"
    if card.get("writes"):
        yield "Writes", _text(card["writes"]), "The hook whose activation its output stands for"
    yield "Features", _sizes(card), "How many features, of how wide an activation"
    activation, meaning = _KINDS.get(str(card.get("architecture")), ("", ""))
    activation = activation or _text(card.get("architecture"))
    if card.get("k"):
        activation = f"{activation} = {int(card['k']):,}"
    yield "Activation", activation, meaning
    scaling = _SCALINGS.get(str(card.get("scaling")))
    if scaling:
        yield "Input", f"scaled {scaling}", "What is done to an activation before, and undone after"
    yield from _further(facts)


def _further(facts: dict[str, Any]) -> Iterator[Line]:
    """Yield what the folder says besides; of the text, also that it does not say it."""
    for key, (title, meaning) in _FACTS.items():
        if key in facts or key == "data":
            yield title, _text(facts.get(key)), meaning


def _title(key: str) -> str:
    return clipped(str(key).replace("_", " ").capitalize(), _TITLE)


def _hook(card: Mapping[str, Any]) -> str:
    head = card.get("head", -1)
    which = f", head {int(head)}" if isinstance(head, int) and head >= 0 else ""
    return f"{_text(card.get('hook'))}{which}"


def _sizes(card: Mapping[str, Any]) -> str:
    features, width, out = (int(card.get(name) or 0) for name in ("d_sae", "d_in", "d_out"))
    told = f"{features:,} of width {width:,}"
    return told if out in {0, width} else f"{told} → {out:,}"


def _text(value: object) -> str:
    """Return a value in words on one line; what a folder does not say is said to be so."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return written("{:.4g}", value)
    told = " ".join(str("" if value is None else value).split())
    if told.isdecimal() and len(told) < _DIGITS:
        told = f"{int(told):,}"
    return clipped(_PLAIN.get(told, told), _VALUE) or _UNSAID
