"""A view whose result does not stand on the prompt table, built when it is first drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout

from desktop_app.pictures.words import provenance_sentence
from desktop_app.views.base import AnalysisView

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result


class LabView(AnalysisView):
    """Leaves the selected prompt alone, and costs the start of the window next to nothing."""

    def build_content(self, content: QWidget) -> None:
        """Keep the room; the picture is built when there is something to draw."""
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._built = False

    def ensure_built(self) -> None:
        """Build the picture unless that was done."""
        if not self._built:
            self._built = True
            self.build_picture(self._column)

    def build_picture(self, column: QVBoxLayout) -> None:
        """Build the picture in this column."""
        raise NotImplementedError

    def draw_lab(self, result: Result, *, is_new: bool) -> None:
        """Draw a result; `is_new` unless it is drawn again."""
        raise NotImplementedError

    def show_result(self, result: Result) -> None:
        """Show a finished result; its sequences are none of the prompt table's."""
        self._result, self._failure = result, None
        self._banner.dismiss()
        self._set_busy(busy=False)
        self._show_content(shown=True)
        self._show_notices(self.notices_as_chips(result))
        self._small_print.set_full_text(provenance_sentence(result))
        self.ensure_built()
        self.draw_lab(result, is_new=True)

    def draw_result(self, result: Result) -> None:
        """Draw a result again, over what a run that came to nothing had drawn."""
        self.ensure_built()
        self.draw_lab(result, is_new=False)

    def draw_prompt(self, _result: Result) -> None:
        """Do nothing: no picture of these follows the selected prompt."""
