"""Estimates that appear before the exact values: when they are worth it, and how well they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.params import Metric
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

# A rank jumps, and a divergence from the untouched run is flat where it begins.
_NO_SLOPE = frozenset({"rank"})
_FLAT_AT_BASE = frozenset({"rank", "kl"})


def wants_preview(
    model: LoadedModel, metric: Metric, report: Reporter, *, from_base: bool = False
) -> bool:
    """Return whether an exact run should begin with an estimate.

    Args:
        model: One that is read from the disk is not read once more for an estimate.
        metric: It must have a slope.
        report: Somebody must be watching.
        from_base: Whether the gradient is taken at the very run that `kl` compares with.
    """
    flat = _FLAT_AT_BASE if from_base else _NO_SLOPE
    return report.previews and metric not in flat and model.spec.offload == "none"


def refuse_flat(metric: Metric, *, from_base: bool = False) -> None:
    """Refuse an estimate by a gradient that does not exist or is 0 everywhere."""
    if metric in (_FLAT_AT_BASE if from_base else _NO_SLOPE):
        raise BadInputError(
            f"{metric} has no gradient to estimate by: choose --metric logit_diff for --preview."
        )


def rank_agreement(estimate: np.ndarray, exact: np.ndarray) -> float:
    """Return Spearman's rank correlation over the cells known in both; NaN below three."""
    known = np.isfinite(estimate) & np.isfinite(exact)
    if known.sum() < 3:
        return float("nan")
    one, two = _ranks(estimate[known]), _ranks(exact[known])
    spread = one.std() * two.std()
    covariance = float(np.mean((one - one.mean()) * (two - two.mean())))
    return covariance / float(spread) if spread > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 0; equal values share the mean of theirs."""
    _unique, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count + 1) / 2.0)[place]
