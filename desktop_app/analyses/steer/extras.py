"""What a run of steering may be asked beside its texts: each part adds fields of its own.

A part is a function of the finished study and a reporter; it returns its fields and its warnings.
It is called where its settings ask for it, in this order. Where it is cancelled it may return what
it has with the warning `partial`, if the reporter keeps that; else it lets `Cancelled` pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.steer.equivalence import found_by
from desktop_app.analyses.steer.scan import scanned

if TYPE_CHECKING:
    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice

Found = tuple[Mapping[str, Any], "Sequence[Notice]"]
Extra = tuple[Callable[["SteerParams"], bool], float, Callable[["Study", "Reporter"], Found]]
"""Whether it is asked for, what share of the work it is beside the texts (1 is as much as all of
them), and what makes it."""

EXTRAS: tuple[Extra, ...] = (
    (lambda params: params.scan, 4.0, scanned),
    (lambda params: params.preset == "equivalence", 4.0, found_by),
)
