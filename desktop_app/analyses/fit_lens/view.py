"""The view of a lens fit: how far each matrix is from the logit lens, and the way to read by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.fit_lens import picture as data_of
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.support.guard import override
from desktop_app.views.default import DefaultView
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.theme import set_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result

_GONE = "The lens is not where it was written: “{}”. Fit it again."


class FitLensView(DefaultView):
    """A curve over layers; above it what the lens was fitted on, and a button that reads by it."""

    EMPTY = (
        "What do the layers that follow do to a stream?",
        "Name a text and run: the lens that is fitted on it reads a stream as the rest of the "
        "model would carry it on, on average.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._told = ElidedLabel("", "heading")
        self._read = QPushButton("Read by this lens")
        self._read.setToolTip("Run the lens with this file on the prompts of the table")
        self._read.setEnabled(bool(serving("lens_with")))
        set_role(self._read, "primary")
        bind_icon(self._read, "run", "accent_text")
        self._read.clicked.connect(self._on_read)
        inner = QWidget()
        super().build_content(inner)
        column_in(content, row_of((self._told, 1), self._read), (inner, 1))

    @override
    def draw_result(self, result: Result) -> None:
        self._told.set_full_text(data_of.sentence(result))
        super().draw_result(result)

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        return False

    @override
    def read_picture(self) -> dict[str, Any]:
        return {"told": self._told.full_text(), **super().read_picture()}

    def _on_read(self) -> None:
        result = self.current_result
        if result is None:
            return
        file = data_of.place_of(result)
        if not file.is_file():
            self.message_requested.emit(_GONE.format(file.name))
            return
        told = {"kind": str(result.params.get("kind")), "file": str(file)}
        self.intent_raised.emit(Intent("lens_with", told))


VIEW = FitLensView
