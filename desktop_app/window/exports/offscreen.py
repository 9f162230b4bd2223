"""A result's picture without a window: the view is made, filled and drawn, and goes again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QEventLoop, QLoggingCategory, Qt, QTimer
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES
from desktop_app.support.errors import BadInputError
from desktop_app.views.making import create_view, stand_in_for
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.exports.pictures import save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.contract.result import Result
    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.basics.theme import ThemeChoice

# A picture for a page: wide enough for forty layers' labels, and no side list is cut.
_SIZE = (1280, 900)
_SETTLE_MS = 150


def draw_result(
    result: Result, path: Path, *, scale: float = 2.0, theme: ThemeChoice = "light"
) -> None:
    """Write the picture of a result as the ending of `path` says; needs no screen and no model.

    Raises:
        BadInputError: The analysis has no picture, or the file cannot be written.
    """
    analysis = ANALYSES.get(result.analysis) or stand_in_for(result)
    if not analysis.fields:
        raise BadInputError(
            f"Results of “{result.analysis}” have no picture: export them as .npz or .json."
        )
    app = _application(theme)
    view = create_view(analysis, Selection())
    view.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    view.resize(*_SIZE)
    title = f"{analysis.title}: {_prompt(result)}"
    try:
        _show(view, result)
        _let_draw(app)
        save_picture(view.picture_widget(), path, scale=scale, title=title)
    finally:
        view.close()
        view.deleteLater()
        # Now, while nothing else runs: what is left is not to be found by a thread later.
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _show(view: AnalysisView, result: Result) -> None:
    try:
        view.show_result(result)
        view.show()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(
            f"This result is incomplete and cannot be drawn ({type(error).__name__}: {error}): "
            "export it as .json to see what there is."
        ) from error


def _prompt(result: Result) -> str:
    return result.prompts[0].text[:80] if result.prompts else result.model.name


def _application(theme: ThemeChoice) -> QApplication:
    """Return the application; made without a screen where there is none yet."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # That platform says of every window that it cannot pass on its smallest size.
    QLoggingCategory.setFilterRules("default.warning=false")
    app = QApplication(["lensbench"])
    apply_theme(app, theme)
    return app


def _let_draw(app: QApplication) -> None:
    """Give the view time to lay itself out."""
    loop = QEventLoop()
    QTimer.singleShot(_SETTLE_MS, loop.quit)
    loop.exec()
    app.sendPostedEvents()
