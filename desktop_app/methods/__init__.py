"""What computations share, and what an analysis of another package builds on.

- `prepare`: `prepare(model, params)` reads the prompt table; `twins_of`; `equal_length_groups`.
- `finish`: `Clock`, `with_twins` (mean and standard error over prompts), `finish(...)` the Result.
- `watching`: `watch(model, ids, hooks)` runs for what hooks see; `in_batches` as memory allows;
  `capture` keeps a site's activations; `mean_activations` over reference prompts.
- `grid`: `run_grid` sweeps changed runs of many prompts: `Inputs`, `Cell`, `Grid`, `Readings`.
- `estimates`: gradient estimates before the exact values, and how well they agree.
- `predictions`: next tokens as rows; `check_gate`: does the model do the task at all?
- `sequences`: random tokens twice over. `composition`: which heads read which.

May import `engine`, `text`, `contract` and `support`; torch lives here, Qt does not. What a package
outside needs for an analysis of its own can be had from here by name.
"""

from __future__ import annotations

from desktop_app.engine.model import LoadedModel, site_hook
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.prepare import Prepared, equal_length_groups, prepare

__all__ = [
    "Clock",
    "LoadedModel",
    "Prepared",
    "equal_length_groups",
    "finish",
    "no_hooks_left",
    "prepare",
    "site_hook",
    "with_twins",
]
