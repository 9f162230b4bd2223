"""What computations share: preparing prompts, gate, means, estimates, finishing a Result.

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
