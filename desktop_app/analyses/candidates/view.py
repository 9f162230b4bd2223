"""The view of candidate words: a table of all, and beneath it the chosen one in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QPushButton, QWidget

from desktop_app.analyses.candidates import picture as data_of
from desktop_app.analyses.candidates.picture import OWN
from desktop_app.analyses.candidates.spec import CandidatesParams
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.words import part_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from desktop_app.analyses.candidates.picture import Shown
    from desktop_app.contract.result import Result

_LEAST_ROWS = 3
_HINT = "Choose a candidate to see the prompt with it."
_OF_PROMPT = (
    "Attention shows the prompt as it is: use “{}” as corrupt twin and run Clean − corrupt there "
    "for the difference."
)


class InPlace(QFrame):
    """The prompt with a word in its place, coloured by the head's attention from the last token."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel("", "heading")
        self._told = ElidedLabel("", "small")
        self.strip = token_strip(name)
        self.strip.set_most_lines(3)
        column_in(self, row_of((self.title, 2), (self._told, 3)), self.strip, spacing=4)

    def show_word(self, shown: Shown, head: str, most: float, read: int) -> None:
        """Show a word; `most` is the end of the colours, `read` where a prediction is read."""
        self.title.set_full_text(shown.title)
        self.strip.set_tokens(cells(shown.tokens))
        self.strip.set_read_position(read if shown.fits else None)
        self._told.set_full_text("" if shown.values is None else f"{head} from the last token")
        self.strip.set_values(
            shown.values, limits=(0.0, most), diverging=False, value_name=f"{head} from the last"
        )
        self.strip.set_selected(shown.span[0])


class CandidatesView(AnalysisView):
    """The own word and its candidates, one a row; below, the own prompt and the chosen one."""

    EMPTY = (
        "What may stand in a word's place?",
        "Name a word of the prompt, and candidates with a bar between, and run: which have as many "
        "tokens, what they change, and who looks at them.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._row = OWN
        self._heading_label = ElidedLabel("", "heading")
        self._place = ElidedLabel("", "small")
        self._table = RankingList("Candidate words", sortable=True)
        self._table.set_fitting(28, 36)
        self._table.setMinimumHeight(self._table.full_height(_LEAST_ROWS))
        self._table.set_empty_text("No words in this result.")
        self._own, self._chosen = InPlace("The prompt's own word"), InPlace("The prompt with it")
        self._hint = label(_HINT, "muted", wrap=True)
        self._twin = QPushButton("Use as corrupt twin")
        set_role(self._twin, "primary")
        bind_icon(self._twin, "check", "accent_text")
        self._attention = QPushButton("Open attention")
        bind_icon(self._attention, "eye")
        self._head = QPushButton()
        self._head.setVisible(False)
        top = row_of((self._heading_label, 1), self._head)
        shown = panel(top, self._place, (self._table, 1))
        buttons = row_of(self._twin, self._attention, (self._hint, 1), None)
        below = panel(buttons, self._own, self._chosen)
        column_in(content, (shown, 1), below)
        self._connect_content()

    def _connect_content(self) -> None:
        self._table.row_selected.connect(self._on_row_selected)
        self._table.row_activated.connect(self._on_row_activated)
        self._twin.clicked.connect(self._on_twin_clicked)
        self._attention.clicked.connect(self._on_attention_clicked)
        self._head.clicked.connect(self._on_head_clicked)
        self._own.strip.token_clicked.connect(self.selection.select_position)
        self._chosen.strip.token_clicked.connect(self.selection.select_position)
        self.selection.head_changed.connect(self._on_head_changed)
        self.selection.prompt_changed.connect(self._on_prompt_selected)
        self._on_prompt_selected(self.selection.prompt)  # chosen before this view was built

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        self._row = min(1, len(result.data["words"]) - 1)
        self.draw_result(result)

    @override
    def draw_result(self, result: Result) -> None:
        self._heading_label.set_full_text(data_of.heading(result))
        self._place.set_full_text(data_of.place_sentence(result))
        self._table.set_ranking(data_of.table_of_words(result))
        self._row = min(self._row, len(result.data["words"]) - 1)
        self._show_row(result)
        self._on_head_changed()

    @override
    def draw_prompt(self, result: Result) -> None:
        """Keep the prompt on screen; the next run takes the selected one."""

    def _show_row(self, result: Result) -> None:
        head, most = data_of.head_name(result), data_of.most_attention(result)
        read = int(result.data["read_position"])
        self._own.show_word(data_of.shown_of(result, OWN), head, most, read)
        is_other = self._row != OWN
        self._chosen.setVisible(is_other)
        self._hint.setVisible(not is_other)
        self._twin.setVisible(is_other)
        self._attention.setVisible(bool(head and serving("open_attention")))
        if is_other:
            self._chosen.show_word(data_of.shown_of(result, self._row), head, most, read)
            known = data_of.text_with(result, self._row) is not None
            fits = bool(result.data["fits"][self._row])
            self._twin.setEnabled(known)
            tip = "Put this prompt into the table's corrupt column, beside the one it is made from"
            if not fits:
                tip += "; its length is another, so that patching will refuse it"
            self._twin.setToolTip(plain_tip(tip))
        if self._table.selected_key() != self._row:
            self._table.select_key(self._row)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "heading": self._heading_label.full_text(),
            "place": self._place.full_text(),
            "words": self._table.texts(),
            "columns": self._table.shown_columns(),
            "chosen": self._row,
            "own": self._own.title.full_text(),
            "in_place": "" if self._chosen.isHidden() else self._chosen.title.full_text(),
            "offers": [
                button.text()
                for button in (self._twin, self._attention, self._head)
                if not button.isHidden()
            ],
        }

    # Answering.

    @Slot(object)
    def _on_row_selected(self, row: object) -> None:
        result = self._result
        if result is None or not isinstance(row, int):
            return
        self._row = row
        self._show_row(result)
        first, stop = (int(place) for place in result.data["span"][row])
        if data_of.pair_of(result) == self.selection.prompt and result.data["fits"][row]:
            self.selection.select_position(first)
            self.selection.select_pair(int(result.data["read_position"]), stop - 1)
        head = data_of.head_of(result)
        if head is not None:
            self.selection.select_head(*head)

    @Slot(object)
    def _on_row_activated(self, row: object) -> None:
        self._on_row_selected(row)
        self._on_attention_clicked()

    @Slot()
    def _on_attention_clicked(self) -> None:
        result, head = self._result, None if self._result is None else data_of.head_of(self._result)
        if result is None or head is None:
            self.message_requested.emit("Choose a head in the settings to see where it looks.")
            return
        if not serving("open_attention"):
            return
        self.selection.select_prompt(data_of.pair_of(result))
        self.open_attention(*head)
        if self._row != OWN:
            word = data_of.table_of_words(result).text(self._row, 0)
            self.message_requested.emit(_OF_PROMPT.format(word))

    @Slot()
    def _on_twin_clicked(self) -> None:
        result = self._result
        text = None if result is None else data_of.text_with(result, self._row)
        if result is None or text is None:
            return
        told = {
            "use": "corrupt",
            "text": text,
            "prompt": data_of.given_text(result),
            "number": data_of.pair_of(result),
        }
        self.intent_raised.emit(Intent("use_token", told))

    @Slot()
    def _on_head_clicked(self) -> None:
        layer, head = self.selection.layer, self.selection.head
        if layer is not None and head is not None:
            self.run_with(head=data_of.setting_of_head(layer, head))

    @Slot(object)
    def _on_head_changed(self, _head: object = None) -> None:
        """Offer to read the head that is selected elsewhere."""
        layer, head = self.selection.layer, self.selection.head
        known = self._result is not None and layer is not None and head is not None
        other = known and (layer, head) != data_of.head_of(self._result)  # type: ignore[arg-type]
        self._head.setVisible(bool(other))
        if known and layer is not None:
            name = part_name(layer, head)
            self._head.setText(f"Read {name}")
            self._head.setToolTip(plain_tip(f"Run again with the selected head, {name}"))

    def _on_prompt_selected(self, prompt: int) -> None:
        """Let the next run work on the selected prompt."""
        params = self.try_params()
        if isinstance(params, CandidatesParams) and params.pair != prompt:
            self.set_params(params.model_copy(update={"pair": prompt}))


VIEW = CandidatesView
