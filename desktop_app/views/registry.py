"""Which view draws which analysis, in the order of the tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.support.errors import BadInputError
from desktop_app.views.ablate import AblateView
from desktop_app.views.attention import AttentionView
from desktop_app.views.compose import ComposeView
from desktop_app.views.detect import DetectView
from desktop_app.views.hand_patch import HandPatchView
from desktop_app.views.patch import PatchView
from desktop_app.views.rank import RankView
from desktop_app.views.repeat import RepeatView
from desktop_app.views.tokens import TokensView

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.selection import Selection

    ViewClass = Callable[[Selection, QWidget | None], AnalysisView]

VIEWS: dict[str, ViewClass] = {
    "tokens": TokensView,
    "rank": RankView,
    "ablate": AblateView,
    "attention": AttentionView,
    "patch": PatchView,
    "hand_patch": HandPatchView,
    "detect": DetectView,
    "repeat": RepeatView,
    "compose": ComposeView,
}


def create_view(name: str, selection: Selection, parent: QWidget | None = None) -> AnalysisView:
    """Return a new view of the analysis of that name."""
    view = VIEWS.get(name)
    if view is None:
        raise BadInputError(f"There is no view “{name}”: choose one of {', '.join(VIEWS)}.")
    return view(selection, parent)
