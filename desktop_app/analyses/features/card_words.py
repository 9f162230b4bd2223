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
_SCALED = "What is done to an activation before"
_SPLICED = (
    "Where the change of loss is measured, x̂ alone stands in the place of x; where a direction is "
    "taken out, what x̂ lacks of x is added again"
)
_ERROR_TERM = f"""Whether its folder says that what x̂ lacks of x is added again (use_error_term).
{_SPLICED}.
With it the loss would not change at all: SAELens neither saves this nor heeds it in a folder"""
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
    told = {*_FACTS, "error_term"}
    minor = [f"{_title(key)}: {_text(facts[key])}" for key in facts if key not in told]
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
    yield "Activation", activation, "\n".join(filter(None, [meaning, *_formula(card), _SPLICED]))
    yield from _input(card)
    if "error_term" in facts:
        asked = _text(facts["error_term"])
        yield "Error term", "yes, and left out here" if asked == "yes" else asked, _ERROR_TERM
    yield from _further(facts)


def _formula(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield what else its folder says of how activations and x̂ are made."""
    first = "is" if card.get("b_dec_first") else "is not"
    yield f"The decoder's bias {first} taken from the input before it is encoded"
    if card.get("rescaled"):
        yield "Features are chosen by activation times the norm of their decoder row"
    if card.get("finetuned"):
        yield "A finetuning has left a factor for each activation, given before it is decoded"
    if card.get("skip"):
        yield "A linear map of the input is added to what it gives"


def _input(card: Mapping[str, Any]) -> Iterator[Line]:
    """Yield how inputs are scaled, where they are."""
    scaling, factor = _SCALINGS.get(str(card.get("scaling"))), card.get("factor")
    undone = "" if card.get("writes") else ", and undone after"
    if scaling:
        yield "Input", f"scaled {scaling}", _SCALED + undone
    elif isinstance(factor, (int, float)) and factor != 1:
        yield "Input", f"scaled by {_text(float(factor))}", _SCALED + undone


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
