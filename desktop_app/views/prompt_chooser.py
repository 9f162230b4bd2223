"""Choosing a prompt of the result, linked with the shared selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from desktop_app.pictures.words import prompt_title
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection


class PromptChooser(QWidget):
    """A list of the result's prompts with arrows on both sides; hidden for a single prompt."""

    def __init__(
        self, selection: Selection, parent: QWidget | None = None, *, compact: bool = False
    ) -> None:
        super().__init__(parent)
        self._selection = selection
        self._previous = self._arrow("chevron-left", "Previous prompt")
        self._next = self._arrow("chevron-right", "Next prompt")
        self.box = QComboBox()
        self.box.setAccessibleName("Prompt")
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(8 if compact else 14)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.setMaximumWidth(340)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        name = label("Prompt")
        name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        name.setVisible(not compact)
        row.addWidget(name)
        row.addWidget(self._previous)
        row.addWidget(self.box, 8)
        row.addWidget(self._next)
        if not compact:
            row.addStretch(1)
        self.box.activated.connect(self._selection.select_prompt)
        self._previous.clicked.connect(self._on_previous)
        self._next.clicked.connect(self._on_next)
        self._selection.prompt_changed.connect(self._on_prompt_changed)

    def set_result(self, result: Result) -> None:
        """List the prompts of a result."""
        titles = [prompt_title(p, i) for i, p in enumerate(result.prompts)]
        if titles != [self.box.itemText(i) for i in range(self.box.count())]:
            self.box.clear()
            self.box.addItems(titles)
        self.setVisible(len(titles) > 1)
        self._on_prompt_changed(self._selection.prompt)

    def value(self) -> int:
        """Return the number of the prompt that is shown."""
        return self.box.currentIndex()

    def _arrow(self, name: str, text: str) -> QToolButton:
        button = QToolButton()
        bind_icon(button, name)
        button.setToolTip(text)
        button.setAccessibleName(text)
        return button

    def _on_prompt_changed(self, prompt: int) -> None:
        if prompt < self.box.count():
            self.box.setCurrentIndex(prompt)
        self._previous.setEnabled(prompt > 0)
        self._next.setEnabled(prompt < self.box.count() - 1)

    def _on_previous(self) -> None:
        self._selection.select_prompt(self._selection.prompt - 1)

    def _on_next(self) -> None:
        self._selection.select_prompt(self._selection.prompt + 1)
