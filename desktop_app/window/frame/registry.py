"""Which view draws which analysis, in the order of the tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.ablate.view import AblateView
from desktop_app.analyses.attention.view import AttentionView
from desktop_app.analyses.compose.view import ComposeView
from desktop_app.analyses.detect.view import DetectView
from desktop_app.analyses.hand_patch.view import HandPatchView
from desktop_app.analyses.patch.view import PatchView
from desktop_app.analyses.rank.view import RankView
from desktop_app.analyses.repeat.view import RepeatView
from desktop_app.analyses.tokens.view import TokensView
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.basics.selection import Selection

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
