"""Hooks of a sweep's pass: rows that join, edits that fit what comes by, progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.engine.model import LoadedModel, site_hook

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn


class _EnterSeenError(Exception):
    """Raised by the hook that has seen the stream enter the first block."""


def entering_stream(model: LoadedModel, ids: torch.Tensor) -> torch.Tensor:
    """Return the stream `[N, S, d_model]` that enters the first block."""
    seen: list[torch.Tensor] = []

    def keep(x: torch.Tensor, hook: object) -> None:
        seen.append(x.clone())
        raise _EnterSeenError

    try:
        model.run(ids, [(site_hook(0, "resid_pre"), keep)])
    except _EnterSeenError:
        model.forward_passes -= 1
    return seen[0]


def by_length(whole: HookFn | None, alone: HookFn | None) -> HookFn:
    """Return a hook that edits all positions, or the read position where it has come alone.

    XGLM's MLP, which has no module of its own, is not always trimmed by the hook before it.
    """

    def edit(x: torch.Tensor, hook: object) -> torch.Tensor:
        editor = alone if x.shape[1] == 1 else whole
        found = x if editor is None else editor(x, hook)
        return x if found is None else found

    return edit


def joiner(prompts: torch.Tensor) -> HookFn:
    """Return a hook that appends copies of untouched rows."""

    def join(x: torch.Tensor, hook: object) -> torch.Tensor:
        return torch.cat([x, x[prompts.to(x.device)]])

    return join


def reporter(report: Reporter, fraction: float, note: str) -> HookFn:
    """Return a hook that reports a fraction; it may cancel."""

    def tell(_x: torch.Tensor, hook: object) -> None:
        report.step(fraction, note)

    return tell
