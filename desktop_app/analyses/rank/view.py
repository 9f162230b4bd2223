"""The ranking view: what comes next, where the answers stand, how surprising the prompt is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget
from typing_extensions import override

from desktop_app.analyses.rank.answer_panel import AnswerPanel
from desktop_app.analyses.rank.picture import (
    heading,
    predictions,
    read_sentence,
    surprise,
    surprise_sentence,
    surprise_texts,
    surprises,
)
from desktop_app.analyses.rank.spec import ANALYSIS
from desktop_app.views.base import AnalysisView
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel, scrolled
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QFrame

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection

# Surprise beyond this many nats (a probability below 0.00005) takes the last colour.
_MAX_SURPRISE = 10.0
# From this size on, in pixels, the prompt stands under the answers, token by token.
_LARGE = (1100, 720)


class RankView(AnalysisView):
    """Next tokens at the left, answers token by token at the right, the prompt itself below."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(ANALYSIS, selection, parent)

    def empty_words(self) -> tuple[str, str]:
        """Return title and sentence of the empty view."""
        return (
            "What does the model predict?",
            "Run the ranking to see the next tokens by probability, and where each answer stands.",
        )

    def build_content(self, content: QWidget) -> None:
        """Build the picture inside `content`."""
        self._tips: list[str] = []
        self._heading_label = ElidedLabel("", "heading")
        self._read_label = ElidedLabel("", "small")
        self._chooser = PromptChooser(self.selection)
        self._list = RankingList("Most likely next tokens")
        self._list.set_fitting(28, 104)
        self._answers = AnswerPanel(self.selection)
        parts = ((self._build_list(), 3, 600), (self._build_answers(), 2, 420))
        self._strip_frame = self._build_strip()
        columns = gap_splitter(Qt.Orientation.Horizontal, *parts)
        self._column = column_in(content, (columns, 1), self._strip_frame)
        content.installEventFilter(self)
        self.selection.position_changed.connect(self._on_position_changed)

    def _build_list(self) -> QWidget:
        frame, column = panel()
        column.addWidget(self._chooser)
        column.addWidget(self._heading_label)
        column.addWidget(self._read_label)
        column.addWidget(self._list, 1)
        return frame

    def _build_answers(self) -> QWidget:
        right = QWidget()
        area = scrolled(self._answers)
        area.setMinimumWidth(300)
        self._right = column_in(right, (area, 1))
        return right

    def _build_strip(self) -> QFrame:
        frame, column = panel()
        self._strip = token_strip("Prompt, coloured by surprise")
        self._strip_label = label("", "small")
        self._token_label = ElidedLabel("", "small")
        top = QHBoxLayout()
        top.addWidget(label("How surprising each prompt token is", "heading"))
        top.addWidget(self._token_label, 1)
        top.addWidget(self._strip_label)
        self._surprises = RankingList("Surprise of each prompt token")
        self._surprises.set_fitting(24, 72)
        self._surprises.setVisible(False)
        column.addLayout(top)
        column.addWidget(self._strip)
        column.addWidget(self._surprises, 1)
        self._surprises.row_selected.connect(self.selection.select_position)
        self._surprises.row_hovered.connect(self._on_token_hovered)
        self._strip.token_clicked.connect(self.selection.select_position)
        self._strip.token_hovered.connect(self._on_token_hovered)
        return frame

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Share the room anew when there is more or less of it."""
        if watched is self._content and event.type() == QEvent.Type.Resize:
            room = self._content.size()
            self._use_room(large=room.width() >= _LARGE[0] and room.height() >= _LARGE[1])
        return super().eventFilter(watched, event)

    def _use_room(self, *, large: bool) -> None:
        """Put the prompt token by token under the answers in a large window, else on one line."""
        if large == self._surprises.isVisibleTo(self._strip_frame):
            return
        self._surprises.setVisible(large)
        if large:
            self._right.addWidget(self._strip_frame, 2)
        else:
            self._column.addWidget(self._strip_frame)
        self._strip_frame.show()

    def draw_result(self, result: Result) -> None:
        """Draw a result that has been taken over."""
        self._chooser.set_result(result)
        self.draw_prompt(result)

    def draw_prompt(self, result: Result) -> None:
        """Draw what changes with the selected prompt."""
        prompt = self.selection.prompt
        record = result.prompts[prompt]
        self._heading_label.set_full_text(heading(result, prompt))
        self._read_label.set_full_text(read_sentence(result, prompt))
        self._list.set_ranking(predictions(result, prompt))
        self._answers.show_prompt(result, prompt)
        self._strip.set_tokens(cells(record.tokens))
        self._strip.set_read_position(int(result.data["read_position"][prompt]))
        self._strip.set_values(
            surprise(result, prompt),
            limits=(0.0, _MAX_SURPRISE),
            diverging=False,
            value_name="surprise, nats",
        )
        self._strip_label.setText(surprise_sentence(result, prompt))
        self._tips = surprise_texts(result, prompt)
        self._surprises.set_ranking(surprises(result, prompt))
        self._on_position_changed(self.selection.position)

    def _on_token_hovered(self, position: int | None) -> None:
        here = position is not None and position >= 0
        shown = position if here else self.selection.position
        known = shown is not None and 0 <= shown < len(self._tips)
        self._token_label.set_full_text(self._tips[shown] if known and shown is not None else "")

    def _on_position_changed(self, position: object) -> None:
        chosen = position if isinstance(position, int) else -1
        known = chosen if 0 <= chosen < len(self._tips) else None
        self._strip.set_selected(known)
        self._surprises.select_key(known)
        self._on_token_hovered(-1)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "heading": self._heading_label.full_text(),
            "read": self._read_label.full_text(),
            "predictions": self._list.texts(),
            "prompt_tokens": len(self._tips),
            "token": self._token_label.full_text(),
            "token_by_token": self._surprises.isVisible(),
            **self._answers.read(),
        }


VIEW = RankView
