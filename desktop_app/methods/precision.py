"""What must be said of a model beside its numbers: parity, processed weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.contract.result import Notice

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel


def parity_notice(model: LoadedModel) -> tuple[Notice, ...]:
    """Return the warning that names the measurements which missed the tolerance, if any did."""
    parity = model.parity
    if parity.ok:
        return ()
    told = " and ".join(f"{words} {_size(value)}" for words, value in parity.failed())
    message = (
        f"{model.info.name} {told} in log-probability (tolerance {parity.tolerance:.2g}): treat "
        "its numbers with care."
    )
    return (Notice("parity", message),)


def _size(value: float) -> str:
    return "by an amount that is no number" if math.isnan(value) else f"by {value:.2g}"


def processed_biases(model: LoadedModel) -> list[Notice]:
    """Return the warning that heads replaced by zero lose less than with raw weights, if they do.

    Processing moves the biases of values, and of the norm before them, into the bias of the
    attention's output: they are no longer part of any head's z.
    """
    if not model.folded_biases:
        return []
    message = (
        f"The weights of {model.info.name} are processed: the biases of its values or norms are "
        "part of no head any more, so heads replaced by zero cannot be compared with --weights raw."
    )
    return [Notice("weights_processed", message)]
