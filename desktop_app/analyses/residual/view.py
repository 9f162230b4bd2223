"""The residual stream's view: how it grows, where it is large, and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.residual import picture as data_of
from desktop_app.analyses.residual.pages import MapPage, NormsPage, SharesPage
from desktop_app.analyses.residual.sizes import layer_count, map_shape
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.shown import SoFar
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Pages, Toggle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result
    from desktop_app.pictures.shown import Shown


class ResidualView(AnalysisView):
    """Three pages: norms over layers, norms layer by position, shares."""

    EMPTY = (
        "How large is the stream, and what is it made of?",
        "Run it to see the residual stream grow from block to block, before the final norm.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._so_far: Shown | None = None
        self._row: int | None = None
        self._heading_label = ElidedLabel("", "heading")
        self._said = ElidedLabel("", "small")
        self._first = Toggle("Position 0")
        self._first.setAccessibleName("Position 0")
        self._first.setToolTip(
            "Show position 0 as well: it stands apart in many models, and takes the map's colours "
            "from the others"
        )
        self._first.setChecked(True)
        self._norms, self._map, self._shares = NormsPage(), MapPage(self.selection), SharesPage()
        self.pages = Pages(
            ("norms", "Norms", self._norms),
            ("map", "Map", self._map),
            ("shares", "Shares", self._shares),
        )
        self.pages.beside.addWidget(self._shares.by)
        self.pages.beside.addWidget(self._shares.where)
        self.pages.beside.addStretch(1)
        self.pages.beside.addWidget(self._first)
        column_in(content, self._heading_label, self._said, (self.pages, 1))
        self._connect_picture()
        self._show_controls()

    def _connect_picture(self) -> None:
        self.pages.changed.connect(self._on_page_changed)
        self._first.toggled.connect(self._on_first_toggled)
        self._map.kind.changed.connect(self._on_kind_changed)
        self._shares.by.changed.connect(self._on_kind_changed)
        self._shares.where.changed.connect(self._on_kind_changed)
        self._norms.row_clicked.connect(self._on_row_clicked)
        self._map.row_clicked.connect(self._on_row_clicked)
        self._shares.row_clicked.connect(self._on_row_clicked)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._map.cell_activated.connect(self._on_cell_activated)
        self.selection.head_changed.connect(self._on_head_changed)
        self.selection.position_changed.connect(self._on_position_changed)

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._so_far = None
        self._map.chooser.set_result(result)
        self._row = self._row_of(result)
        self._draw(result)

    @override
    def draw_prompt(self, result: Result) -> None:
        self._draw(result)

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw what is known of the prompts that have been read."""
        if not {"norm", "growth", "growth_rate", "cosine", "cosine_first"} <= data.keys():
            return False
        self._so_far = SoFar(data)
        self._draw(self._so_far)
        return True

    def _shown(self) -> Shown | None:
        return self._so_far if self._so_far is not None else self.current_result

    def _place(self, shown: Shown) -> tuple[int, int | None]:
        """Return the prompt that is shown, and the selected position where the prompt has it."""
        result, position = self.current_result, self.selection.position
        prompt = 0 if shown is not result or result is None else self.prompt_of(result)
        there = position is not None and position < map_shape(shown, prompt)[1]
        return prompt, position if there else None

    def _draw(self, shown: Shown) -> None:
        self._heading_label.set_full_text(data_of.headline(shown))
        told = (data_of.made_sentence(shown), data_of.first_sentence(shown))
        self._said.set_full_text(" · ".join(filter(None, told)))
        self._draw_page(shown)

    def _draw_page(self, shown: Shown) -> None:
        """Draw the page in sight; the others when they are turned to."""
        page, place, first = self.pages.page(), self._place(shown), self._first.isChecked()
        if page == "norms":
            self._norms.show_stream(shown, place, with_first=first)
        elif page == "map":
            self._map.show_map(shown, place, with_first=first)
        else:
            self._shares.show_shares(shown)
        self._show_controls()
        self._mark()

    def _show_controls(self) -> None:
        """Show what the page in sight heeds, and say what the switch means there."""
        page = self.pages.page()
        for control in (self._shares.by, self._shares.where):
            control.setVisible(page == "shares" and self._shares.has_shares())
        self._first.setVisible(page != "shares")

    def _page(self) -> NormsPage | MapPage | SharesPage:
        """Return the page in sight."""
        page = self.pages.page()
        return self._norms if page == "norms" else self._map if page == "map" else self._shares

    def _mark(self) -> None:
        shown = self._shown()
        if shown is None:
            return
        layers, (_prompt, position) = layer_count(shown), self._place(shown)
        page = self.pages.page()
        if page == "norms":
            self._norms.mark(self._row, layers)
        elif page == "map":
            self._map.mark(self._row, position)
        else:
            self._shares.mark(self._row)

    def _row_of(self, shown: Shown) -> int | None:
        """Return the place of the selected layer; the end stays chosen where no layer is."""
        layers, layer = layer_count(shown), self.selection.layer
        if layer is not None:
            return layer if layer < layers else None
        return self._row if self._row == layers else None

    @override
    def picture_widget(self) -> QWidget:
        return self._page()

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "page": self.pages.page(),
            "headline": self._heading_label.full_text(),
            "said": self._said.full_text(),
            "position_0": self._first.isChecked(),
            "row": self._row,
            **self._page().read(),
        }

    # Answering.

    def _redraw(self) -> None:
        shown = self._shown()
        if shown is not None:
            self._draw_page(shown)

    def _on_page_changed(self, _page: str) -> None:
        self._redraw()

    def _on_first_toggled(self, _checked: bool) -> None:
        self._redraw()

    def _on_kind_changed(self, _kind: object) -> None:
        self._redraw()

    def _on_row_clicked(self, row: int) -> None:
        """Select a layer; the end belongs to none, and is marked alone."""
        shown = self._shown()
        if shown is None:
            return
        self._row = row
        if row < layer_count(shown) and self.selection.layer != row:
            self.selection.select_head(row, None)
        self._mark()

    def _on_cell_clicked(self, row: int, position: int) -> None:
        self._on_row_clicked(row)
        self.selection.select_position(position)

    def _on_cell_activated(self, row: int, position: int) -> None:
        """Ask what contributes to the logits read from this very stream."""
        shown, result = self._shown(), self.current_result
        if result is None or shown is not result or not serving("attribution"):
            return
        end = row >= layer_count(result) or self._map.kind.value() != "norm"
        layer = None if end else row
        data = {"prompt": self.prompt_of(result), "layer": layer, "position": position}
        self.intent_raised.emit(Intent("attribution", data))

    def _on_head_changed(self, _head: object) -> None:
        shown = self._shown()
        if shown is not None:
            self._row = self._row_of(shown)
            self._mark()

    def _on_position_changed(self, _position: object) -> None:
        """Give the position its line, or its column, and its table."""
        self._redraw()


VIEW = ResidualView
