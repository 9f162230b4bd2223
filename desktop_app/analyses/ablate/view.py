"""The ablation view: every part's effect as a picture, the most harmful ones as a list."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from desktop_app.analyses.ablate.header import AblateHeader
from desktop_app.analyses.ablate.part_list import PartList
from desktop_app.analyses.ablate.picture import (
    QUANTITIES,
    component,
    find_part,
    labels,
    part_map,
    partial_grid,
    partial_limits,
    partial_parts,
    parts,
)
from desktop_app.analyses.ablate.side import PartSide
from desktop_app.analyses.ablate.spec import ANALYSIS
from desktop_app.analyses.ablate.words import cell_tip, drop_sentence
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import gap_splitter, panel
from desktop_app.views.prompt_chooser import PromptChooser
from desktop_app.widgets.basics.flow_layout import FlowLayout
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.matrix.heatmap import Heatmap

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from desktop_app.contract.result import Notice, Result
    from desktop_app.widgets.basics.selection import Selection

# Longer lists help nobody; every part stays reachable in the picture.
_LISTED = 200


class AblateView(AnalysisView):
    """Heatmap (or bars per layer) at the left, ranking and details at the right."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(ANALYSIS, selection, parent)

    def empty_words(self) -> tuple[str, str]:
        """Return title and sentence of the empty view."""
        return (
            "Which heads matter?",
            "Run the sweep to remove each part in turn, all others intact, and see what is lost.",
        )

    def build_content(self, content: QWidget) -> None:
        """Build the picture inside `content`."""
        self._partial = False
        self._header = AblateHeader()
        self._quantity = SegmentedControl(list(QUANTITIES))
        self._scope = SegmentedControl([("mean", "Mean"), ("prompt", "This prompt")])
        self._badge = self._header.badge
        self._estimate_came = False
        self._chooser = PromptChooser(self.selection)
        self._map = Heatmap()
        self._bars = PartList()
        self._bars.setAccessibleName("Effect per layer")
        self._bars.set_fitting(17, 40)
        self._side = PartSide()
        self._list, self._details = self._side.list, self._side.details
        split = gap_splitter(Qt.Orientation.Horizontal)
        split.addWidget(self._build_picture())
        split.addWidget(self._side)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([660, 400])
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._header)
        column.addWidget(split, 1)
        self._connect_content()

    def _build_picture(self) -> QWidget:
        frame, column = panel()
        choices = QWidget()
        row = FlowLayout(choices, 8)
        row.addWidget(self._quantity)
        row.addWidget(self._scope)
        self._pictures = QStackedWidget()
        self._pictures.addWidget(self._map)
        self._pictures.addWidget(self._bars)
        column.addWidget(choices)
        column.addWidget(self._chooser)
        column.addWidget(self._pictures, 1)
        return frame

    def _connect_content(self) -> None:
        self._quantity.changed.connect(self._on_choice_changed)
        self._scope.changed.connect(self._on_choice_changed)
        self._map.cell_hovered.connect(self._on_cell_hovered)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._map.cell_activated.connect(self._on_cell_activated)
        self._list.row_clicked.connect(self._on_list_clicked)
        self._list.row_activated.connect(self._on_list_activated)
        self._bars.row_clicked.connect(self._on_bars_clicked)
        self._details.attention_clicked.connect(self._on_attention_clicked)
        self._details.prompt_clicked.connect(self.selection.select_prompt)
        self.selection.head_changed.connect(self._on_head_changed)

    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        """Return all notices but the gate's, which has a banner of its own."""
        return tuple(n for n in result.warnings if n.code != "task_not_done")

    # Drawing.

    def draw_result(self, result: Result) -> None:
        """Draw a result that has been taken over."""
        self._partial = False
        self._chooser.set_result(result)
        several = len(result.prompts) > 1
        self._scope.setVisible(several)
        if not several:
            self._scope.set_value("mean")
        self._header.show_result(result)
        self._badge.show_data(result.data)
        self._side.drop.setText(drop_sentence(result))
        self.draw_prompt(result)
        # What a new list says stands at its top; only the user's own choice scrolls it.
        self._list.show_top()

    def draw_prompt(self, result: Result) -> None:
        """Draw what changes with the selected prompt."""
        if self._partial:
            return
        prompt = self._scope_prompt()
        self._chooser.setVisible(prompt is not None)
        listed = parts(result, prompt, _LISTED)
        self._list.set_parts(listed, prompt=self.selection.prompt)
        heads = component(result) == "head"
        self._quantity.setVisible(heads)
        self._pictures.setCurrentWidget(self._map if heads else self._bars)
        if heads:
            self._draw_map(result, prompt)
        else:
            ordered = sorted(parts(result, prompt), key=_by_layer)
            self._bars.set_parts(ordered, prompt=self.selection.prompt)
        self._side.title.setText(
            "Most harmful first" if prompt is None else f"Most harmful on prompt {prompt + 1}"
        )
        self._on_head_changed(None)

    def _draw_map(self, result: Result, prompt: int | None) -> None:
        quantity = self._quantity.value()
        shown = part_map(result, quantity, prompt)
        self._map.show_values(
            shown.values,
            row_labels=list(shown.row_labels),
            col_labels=list(shown.col_labels),
            value_name=shown.name,
            diverging=shown.diverging,
            limits=shown.limits,
            value_format=shown.value_format,
            cell_tip=bind(_tip, result, prompt),
        )

    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the fields known so far; return whether there was something to draw."""
        values = partial_grid(data)
        if values is None:
            return False
        self._begin_partial()
        self._show_badge(data)
        settings = self._settings.form.try_value()
        kind = str(getattr(settings, "component", "head")) if values.shape[1] == 1 else "head"
        found = partial_parts(data, kind)
        self._list.set_parts(found[:_LISTED])
        heads = kind == "head"
        self._pictures.setCurrentWidget(self._map if heads else self._bars)
        if heads:
            self._draw_partial_map(values, data)
        else:
            self._bars.set_parts(sorted(found, key=_by_layer))
        return True

    def _begin_partial(self) -> None:
        if self._partial:
            return
        self._partial = True
        self._estimate_came = False
        self._header.show_sweeping()
        self._side.drop.setText("")
        self._chooser.setVisible(False)
        self._details.show_nothing()
        self._side.title.setText("Most harmful so far")

    def _show_badge(self, data: Mapping[str, Any]) -> None:
        """Mark an estimate, until exact values stand in all of its cells."""
        estimated = bool(data.get("estimated"))
        self._estimate_came = self._estimate_came or estimated
        self._badge.show_data(data, filling=self._estimate_came and not estimated)

    def _draw_partial_map(self, values: np.ndarray, data: Mapping[str, Any]) -> None:
        rows, columns = labels(data, "head", values.shape[1])
        self._map.show_values(
            values,
            row_labels=list(rows),
            col_labels=list(columns),
            value_name="effect so far",
            diverging=True,
            limits=partial_limits(values),
        )

    def picture_widget(self) -> QWidget:
        """Return what an export draws: the map, or the bars."""
        return self._map if self._pictures.currentIndex() == 0 else self._bars

    # Answering.

    def _scope_prompt(self) -> int | None:
        return self.selection.prompt if self._scope.value() == "prompt" else None

    def _on_choice_changed(self, *_value: object) -> None:
        if self._result is not None:
            self.draw_prompt(self._result)

    def _place(self) -> tuple[int, int] | None:
        if self._result is None or self._partial:
            return None
        return find_part(self._result, self.selection.layer, self.selection.head)

    def _on_head_changed(self, _head: object) -> None:
        if self._result is None or self._partial:
            return
        place = self._place()
        row, column = place if place is not None else (None, None)
        self._map.set_selected(row, column)
        self._list.select_place(place)
        self._bars.select_place(place)
        self._show_details(place)

    def _show_details(self, place: tuple[int, int] | None) -> None:
        if place is None and self.selection.layer is None and self._list.row_count():
            first = self._list.part(0)
            place = first.row, first.column
        if place is None or self._result is None:
            self._details.show_nothing()
        else:
            self._details.show_part(self._result, place, self.selection.prompt)

    def _on_cell_hovered(self, row: int, column: int) -> None:
        if self._result is None or self._partial:
            return
        if row < 0:
            self._show_details(self._place())
        else:
            prompt = self.selection.prompt
            self._details.show_part(self._result, (row, column), prompt, passing=True)

    def _on_cell_clicked(self, row: int, column: int) -> None:
        if self._result is None or self._partial:
            return
        head = column if component(self._result) == "head" else None
        self.selection.select_head(int(self._result.data["layers"][row]), head)

    def _on_cell_activated(self, row: int, column: int) -> None:
        if self._result is not None and not self._partial:
            self.open_attention(int(self._result.data["layers"][row]), column)

    def _on_list_clicked(self, row: int) -> None:
        part = self._list.part(row)
        self.selection.select_head(part.layer, part.head)

    def _on_list_activated(self, row: int) -> None:
        part = self._list.part(row)
        if part.head is not None:
            self.open_attention(part.layer, part.head)

    def _on_bars_clicked(self, row: int) -> None:
        part = self._bars.part(row)
        self.selection.select_head(part.layer, part.head)

    def _on_attention_clicked(self) -> None:
        place = self._details.place()
        if place is not None and self._result is not None:
            self.open_attention(int(self._result.data["layers"][place[0]]), place[1])


def _by_layer(part: Any) -> int:
    return int(part.layer)


def _tip(result: Result, prompt: int | None, row: int, column: int) -> str:
    return cell_tip(result, row, column, prompt)


VIEW = AblateView
