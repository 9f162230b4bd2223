"""What must be said of two models beside their numbers, each warning with whose it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compare.second import of_second as with_its_options
from desktop_app.analyses.compare.steps import OWN
from desktop_app.contract.result import Notice
from desktop_app.methods.finish import not_finite
from desktop_app.methods.precision import parity_notice, processed_biases
from desktop_app.methods.predictions import check_gate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.compare.apart import Apart
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.grid import Readings
    from desktop_app.methods.prepare import Prepared

_PLACES = ("first", "second")
_EFFECTS = ("head_effect", "with_head_effect")
_SEARCHED_PROMPTS = 8


def named(model: LoadedModel, place: str) -> str:
    """Return a model by its part in the comparison: `The second model, smollm2 as bfloat16`."""
    return f"The {place} model, {model.info.label} as {model.info.dtype}"


def of_second(model: LoadedModel, other: LoadedModel) -> list[Notice]:
    """Return what every result of the second model would say; what the first says is said once."""
    own = {notice.message for notice in (*parity_notice(model), *model.notices)}
    told = [n for n in (*parity_notice(other), *other.notices) if n.message not in own]
    return [_labelled(n, named(other, "second")) for n in told]


def ranking_notices(
    model: LoadedModel, prepared: Prepared, found: Readings, place: str
) -> list[Notice]:
    """Return what must be said of the effects of one model's heads."""
    gate = check_gate(prepared.records, found.logits[0], "its heads carry another task")
    notices = [*gate.notices, *processed_biases(model)]
    return [_labelled(n, named(model, place)) for n in notices]


def _labelled(notice: Notice, whose: str) -> Notice:
    message = notice.message
    if whose.startswith("The second"):
        message = with_its_options(message)
    return replace(notice, message=f"{whose}: {message}")


def other_shape(model: LoadedModel, other: LoadedModel) -> Notice:
    """Return the warning that the streams have no common measure."""
    one, two = (f"{m.info.n_layers} layers of width {m.info.d_model}" for m in (model, other))
    return Notice(
        "streams_not_comparable",
        f"{model.info.label} has {one} and {other.info.label} {two}: their streams cannot be "
        "compared layer by layer; logits are.",
    )


def not_finite_notices(
    models: tuple[LoadedModel, LoadedModel],
    found: Sequence[Apart],
    texts: Sequence[Sequence[int]],
    data: Mapping[str, Any],
) -> list[Notice]:
    """Return a warning for each model whose own numbers are not finite, with its first bad layer.

    Args:
        models: The first and the second; one and the same is spoken of once.
        found: How far they part, and whose numbers are finite, prompt by prompt.
        texts: The prompts' token ids.
        data: The fields, the effects of heads among them where they were ranked.
    """
    notices = []
    for side, model in enumerate(models[:1] if models[0] is models[1] else models):
        bad = [n for n, apart in enumerate(found) if not apart.finite[side]]
        whose = f"{named(model, _PLACES[side])},"
        if not bad and _EFFECTS[side] in data:  # only with a head replaced by zero
            finite = np.isfinite(data[_EFFECTS[side]]).all((0, 1))
            bad = np.flatnonzero(~finite).tolist()
            whose = f"{whose} with heads replaced by zero,"
        if bad:
            notice = not_finite(whose, model, [texts[n] for n in bad[:_SEARCHED_PROMPTS]])
            message = with_its_options(notice.message) if side else notice.message
            notices.append(replace(notice, message=message))
    return notices


def empty_stream_notices(
    model: LoadedModel, other: LoadedModel, found: Sequence[Apart]
) -> list[Notice]:
    """Return the warning that a stream of one model is 0 where that of the other is not.

    The angle between both has no value there, nor has the distance as a share of the first where
    that is the one; means over all positions have none at that layer either.
    """
    places = [(n, *place) for n, apart in enumerate(found) for place in apart.nothing]
    if not places:
        return []
    prompt, layer, position = min(places, key=lambda place: place[1:])
    is_first = not np.isfinite(found[prompt].error[layer, position])
    one, two = (named(model, "first"), named(other, "second"))
    whose, others = (one, two) if is_first else (two, one)
    what = "neither error nor cosine has a value" if is_first else "the cosine has no value"
    where = f"before layer {layer}" if layer < model.info.n_layers else "behind the last layer"
    more = f", and at {len(places) - 1:,} further places" if len(places) > 1 else ""
    message = (
        f"{whose}, has a stream of 0 at position {position} of prompt {prompt + 1}, first {where}"
        f"{more}, and {others[:1].lower()}{others[1:]}, has not: there {what}, and so it is for "
        "the mean of that layer. Leave that token out, or look into the model's embeddings."
    )
    return [Notice("not_finite", message, None, prompt)]


def steps_notices(second: Mapping[str, Any], bad: Mapping[str, Any] | None) -> list[Notice]:
    """Return the warning that the second model gives no numbers while its norms are taken away.

    Args:
        second: The field `with_model`.
        bad: At which `step` first and in which `layer`; None where all is finite.
    """
    if bad is None:
        return []
    layer = bad["layer"]
    place = "in no layer's output" if layer is None else f"first in layer {layer}"
    what, why = f"with “{bad['step']}”", "this is what the model is without its norms"
    if bad["step"] == OWN:
        what, why = "with its norms as they are", "look into its files, which may hold them"
        if second["dtype"] != "float32":
            why = "choose --with-dtype float32"
    message = (
        f"The second model, {second['name']} as {second['dtype']}, holds numbers that are not "
        f"finite {what} (--norm-steps), {place}: {why}."
    )
    return [Notice("not_finite", message)]
