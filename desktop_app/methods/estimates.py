"""Gradient estimates: what a change would do to a metric if the metric were linear.

They appear before the exact values where somebody watches, or stand alone. One run forward and one
back of each prompt serve all changes: `effect ≈ (new − old) · gradient`, summed over what a change
writes, with the very `new` values of the exact run.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from desktop_app.engine.interventions import Add, FromRun, Replace, Scale
from desktop_app.engine.metrics import score
from desktop_app.engine.model import READ_HOOK, LoadedModel, Site, site_hook
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.params import Metric
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.interventions import Edit, Variant
    from desktop_app.engine.metrics import Target
    from desktop_app.engine.model import HookFn, LoadedModel, Site

EstimateMode = Literal["no", "first", "only"]

# A rank jumps, and a divergence from the untouched run is flat where it begins.
_NO_SLOPE = frozenset({"rank"})
_FLAT_AT_BASE = frozenset({"rank", "kl"})
Linear = dict[tuple[int, str], tuple[torch.Tensor, torch.Tensor]]
"""Per layer and site: an activation and the metric's gradient by it, `[position, ...]`."""


def gradients(
    model: LoadedModel,
    ids: Sequence[int],
    places: Sequence[tuple[int, Site]],
    metric: Callable[[torch.Tensor], torch.Tensor],
    read: int | None,
) -> tuple[float, Linear]:
    """Return the metric of one prompt and, per place, an activation with the metric's gradient.

    All in float32, the pattern as `[head, query, key]`. The metric is given logits, `[1, V]` at the
    read position, or `[1, S, V]` of all positions where that is None.
    """
    tokens = model.ids([list(ids)])
    stream = model.seen(tokens, site_hook(0, "resid_pre")).detach().requires_grad_()
    seen: dict[tuple[int, str], torch.Tensor] = {}

    def keep(x: torch.Tensor, hook: object, place: tuple[int, Site]) -> torch.Tensor:
        seen[place] = x if x.requires_grad else x.requires_grad_()
        return seen[place]

    hooks: list[tuple[str, HookFn]] = [(site_hook(0, "resid_pre"), lambda _x, hook: stream)]
    hooks += [(site_hook(*place), partial(keep, place=place)) for place in places]
    if read is not None:
        hooks.append((READ_HOOK, lambda x, hook: x[:, read : read + 1]))
    logits = model.run(tokens, hooks, gradients=True)
    value = metric(logits if read is None else logits[:, 0])
    # A run without an edit asks for no place at all.
    found = torch.autograd.grad(value.sum(), [seen[p] for p in places]) if places else ()
    linear: Linear = {
        place: (seen[place].detach()[0].float(), grad[0].float())
        for place, grad in zip(places, found, strict=True)
    }
    return float(value.detach().sum()), linear


def estimate_mode(
    model: LoadedModel, asked: tuple[bool, Metric], report: Reporter, *, from_base: bool = False
) -> EstimateMode:
    """Return whether an estimate is all that is wanted, or goes before the exact values.

    Args:
        model: One that is read from the disk is not read once more for an estimate.
        asked: Whether the estimate alone is wanted, and the metric, which must have a slope.
        report: Where exact values are wanted somebody must be watching.
        from_base: Whether the gradient is taken at the very run that `kl` compares with.

    Raises:
        BadInputError: By a gradient that does not exist or is 0 everywhere nothing is estimated.
    """
    alone, metric = asked
    is_flat = metric in (_FLAT_AT_BASE if from_base else _NO_SLOPE)
    if alone and is_flat:
        raise BadInputError(
            f"{metric} has no gradient to estimate by: choose --metric logit_diff for --preview."
        )
    if alone:
        return "only"
    worth_it = report.previews and not is_flat and model.spec.offload == "none"
    return "first" if worth_it else "no"


class Estimator:
    """The linear model of a prompt and its twin: their metrics, and the change by any edits."""

    def __init__(
        self,
        model: LoadedModel,
        rows: Sequence[Sequence[int]],
        places: Sequence[tuple[int, Site]],
        reading: tuple[Metric, Target, int, int],
    ) -> None:
        """Run every row forward and back.

        Args:
            model: The model.
            rows: Token ids of the prompt and, where it runs along, of its twin.
            places: Where edits may be.
            reading: The metric, what it compares, the read position, the first token of a loss.
        """
        name, target, read, loss_from = reading
        whole = name == "loss"
        if whole:
            target = replace(target, ids=target.ids[loss_from - 1 :])
        seen: list[torch.Tensor] = []

        def metric(logits: torch.Tensor) -> torch.Tensor:
            seen.append((logits[0, read] if whole else logits[0]).detach())
            read_of = logits[:, loss_from - 1 :] if whole else logits
            return score(name, read_of, target, seen[0])

        at = None if whole else read
        found = [gradients(model, ids, places, metric, at) for ids in rows]
        self.base = [base for base, _linear in found]
        self.logits = [logits.float().cpu() for logits in seen]
        self._rows = [linear for _base, linear in found]
        self._tables: dict[tuple[int, int, int, str], tuple[np.ndarray, np.ndarray]] = {}

    def change(self, run: Variant) -> float:
        """Return what the edits of a run change of the metric of its row."""
        return sum(self._change(run.prompt, edit) for edit in run.edits)

    def _change(self, row: int, edit: Edit) -> float:
        value, at = edit.value, edit.positions
        if isinstance(value, FromRun) and not value.positions and (at is None or len(at) == 1):
            whole, by_position = self._exchange(row, value.prompt, edit)
            line = whole if at is None else by_position[at[0]]
            return float((line if edit.head is None else line[edit.head]).sum())
        own, gradient = (_part(x, edit) for x in self._rows[row][edit.layer, edit.site])
        return float(((self._new(edit, own) - own) * gradient).sum())

    def _new(self, edit: Edit, own: torch.Tensor) -> torch.Tensor:
        """Return what an activation becomes, shaped like it."""
        value = edit.value
        if isinstance(value, FromRun):
            source = replace(edit, positions=value.positions or edit.positions)
            return _part(self._rows[value.prompt][edit.layer, edit.site][0], source)
        if isinstance(value, Replace):
            return value.values.to(own).expand_as(own)
        if isinstance(value, Add):
            return own + value.values.to(own)
        return own * value.factor if isinstance(value, Scale) else torch.zeros_like(own)

    def _exchange(self, row: int, other: int, edit: Edit) -> tuple[np.ndarray, np.ndarray]:
        """Return what exchanging a row's activation for another's changes, head by head.

        All positions at once `[head]`, and each alone `[position, head]`; a stream has no heads.
        They serve the many cells of a layer, each of which is one of them.
        """
        key = row, other, edit.layer, edit.site
        if key not in self._tables:
            own, gradient = self._rows[row][edit.layer, edit.site]
            new = self._rows[other][edit.layer, edit.site][0]
            changes = ((new - own) * gradient).sum(-1)
            if edit.site == "pattern":  # [head, query, key]
                changes = changes.T
            self._tables[key] = changes.sum(0).cpu().numpy(), changes.cpu().numpy()
        return self._tables[key]


def _part(whole: torch.Tensor, edit: Edit) -> torch.Tensor:
    """Return what an edit touches of a row's activation or gradient `[position, ...]`."""
    if edit.head is not None:
        whole = whole[edit.head] if edit.site == "pattern" else whole[:, edit.head]
    elif edit.site == "pattern":
        whole = whole.transpose(0, 1)
    return whole if edit.positions is None else whole[list(edit.positions)]


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
