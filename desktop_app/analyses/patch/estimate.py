"""The gradient estimate of patching: every cell from one run forward and back each way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.patch.task import refuse_equal
from desktop_app.engine.gradients import Linear, gradients
from desktop_app.engine.metrics import score

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from desktop_app.analyses.patch.task import Found, Task
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel


def estimate_cells(model: LoadedModel, task: Task, found: Found, report: Reporter) -> None:
    """Fill in what each cell comes to if the metric were linear in the activation.

    `patched ≈ untouched + (inserted − own) · gradient`, summed over what the cell holds; the own
    activation and the gradient are those of the run that is patched.
    """
    site, layers = task.params.site, task.layers
    whole = task.params.metric == "loss"
    for index, record in enumerate(task.prepared.records):
        report.step(index / len(task.prepared.records), "Gradients")
        metric = _metric(task, index)
        read = None if whole else record.read_position
        base: list[torch.Tensor] = []

        def clean_metric(
            logits: torch.Tensor,
            metric: Callable[..., torch.Tensor] = metric,
            base: list[torch.Tensor] = base,
            at: int = record.read_position,
        ) -> torch.Tensor:
            base.append((logits[0] if logits.ndim == 2 else logits[0, at]).detach())
            return metric(logits, base[0])

        clean, of_clean = gradients(model, record.tokens.ids, (layers, site), clean_metric, read)
        corrupt, of_corrupt = gradients(
            model,
            task.twins[index],
            (layers, site),
            lambda logits, metric=metric, base=base: metric(logits, base[0]),  # type: ignore[misc]
            read,
        )
        refuse_equal(clean, corrupt, index)
        found.clean[index], found.corrupt[index] = clean, corrupt
        found.logits[index] = base[0].float().cpu()
        for direction, cells in found.cells.items():
            own, other, untouched = (
                (of_corrupt, of_clean, corrupt)
                if direction == "denoise"
                else (of_clean, of_corrupt, clean)
            )
            for i, layer in enumerate(layers):
                change = _change(own, other, layer, task)
                cells[index][i] = untouched + change.cpu().numpy()


def _metric(task: Task, index: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    target = task.targets[index]

    def metric(logits: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        return score(task.params.metric, logits, target, base)

    return metric


def _change(own: Linear, other: Linear, layer: int, task: Task) -> torch.Tensor:
    """Return a layer's linear changes `[head, position]`, an axis left out of length 1."""
    activation, gradient = own[layer]
    product = (other[layer][0] - activation) * gradient
    if task.params.site == "pattern":
        cells = product.sum(-1)  # [head, query]
    elif product.ndim == 3:
        cells = product.sum(-1).T  # [position, head, d_head]
    else:
        cells = product.sum(-1)[None]
    return cells.sum(1, keepdim=True) if task.params.by == "all" else cells
