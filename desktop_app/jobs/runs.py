"""Which function computes which analysis; each is imported, and torch with it, when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from desktop_app.contract.registry import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.params import Params
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel


def run(model: LoadedModel, name: str, params: Params, report: Reporter) -> Result:
    """Run an analysis by name: its module `run` has `run(model, params, report)`."""
    analysis = find(name)
    function: Callable[[Any, Params, Reporter], Result] = import_module(
        f"desktop_app.analyses.{analysis.name}.run"
    ).run
    return function(model, params, report)
