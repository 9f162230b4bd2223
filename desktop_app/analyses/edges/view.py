"""The edges' view: the circuit board with its list, curves by size, estimates against exact."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtGui import QKeyEvent, QKeySequence

from desktop_app.analyses.edges import picture as data_of
from desktop_app.analyses.edges.board_pane import BoardPane
from desktop_app.analyses.edges.drawing import chosen_edges, edges_of, legend_of, node_words
from desktop_app.analyses.edges.known import Known, known_of
from desktop_app.analyses.edges.marks import Marker
from desktop_app.analyses.edges.plots import AgreementPane, CurvesPane, NodesPane
from desktop_app.analyses.edges.side import EdgeSide
from desktop_app.analyses.edges.trial import MEASURING, Trial
from desktop_app.contract.grammar import parse_parts
from desktop_app.pictures.certain_lists import with_columns
from desktop_app.pictures.graph import draw_graph
from desktop_app.pictures.roles import BORROWED
from desktop_app.pictures.words import METRIC_NAMES, clipped, metric_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.certainty import why_not
from desktop_app.views.frame import ElidedLabel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.segmented import Pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Notice, Result
    from desktop_app.contract.spec import Intent
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.graph_nodes import Node
    from desktop_app.pictures.ranking import Ranking

# So many are listed at most: of the board, and of the selected node.
_LISTED, _OF_NODE = 1_000, 500
_TRY = {"method": "none", "nodes": False, "controls": 0, "resamples": 0}
_NOT_THERE = "“{}” is no node of this model: write L5H3, 5.3, m4, embed or logits."


class EdgesView(AnalysisView):
    """Board and list beside each other; curves, agreement and nodes on pages of their own.

    The effects drawn are those of the last measurement; circuits tried by hand are results of their
    own, which only score. The form stays that of the measurement.
    """

    picks = True
    borrows: ClassVar[tuple[str, ...]] = (BORROWED,)
    EMPTY = (
        "Who tells whom what?",
        "Give the prompts corrupt twins and run: estimates of every edge come at once, exact "
        "effects take their place.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._known: Known | None = None
        self._marker = Marker()
        self._expanded: dict[int, None] = {}
        self._called: dict[int, None] = {}
        self._edges = np.empty(0, dtype=np.int64)
        self._paged: Result | None = None
        self._filled: set[str] = set()
        self._gate = Banner()
        self._headline = ElidedLabel("", "heading")
        self._pane, self._side = BoardPane(self.selection), EdgeSide()
        self._trial = Trial(self._side.circuit, self)
        self.board = self._pane.board
        self._curves, self._agreement, self._nodes = CurvesPane(), AgreementPane(), NodesPane()
        split = Reflow((self._pane, 3, 620, 400), (self._side, 2, 380, 420))
        self.pages = Pages(
            ("board", "Board", split),
            ("curves", "By size", self._curves),
            ("agreement", "Estimate and exact", self._agreement),
            ("nodes", "Nodes", self._nodes),
        )
        column_in(content, self._gate, self._headline, (self.pages, 1), spacing=4)
        self._connect_content()

    def _connect_content(self) -> None:
        pane, side, board, trial = self._pane, self._side, self.board, self._trial
        self.pages.changed.connect(self._fill_page)
        pane.amount_changed.connect(self._redraw)
        pane.scope_changed.connect(self._redraw)
        pane.overlay_chosen.connect(self._redraw)
        pane.searched.connect(self._on_searched)
        board.node_chosen.connect(self._on_node_chosen)
        board.edge_chosen.connect(self._on_edge_chosen)
        board.node_activated.connect(self._on_node_activated)
        board.node_picked.connect(self._on_node_picked)
        board.toggled.connect(self._on_toggled)
        board.expand_asked.connect(self._on_expand)
        board.unpin_asked.connect(self._on_unpin)
        side.filter_changed.connect(self._list)
        side.certainty.changed.connect(self._list)
        side.toggled.connect(self._on_toggled)
        side.list.row_selected.connect(self._on_row_selected)
        side.list.row_activated.connect(self._on_row_activated)
        trial.changed.connect(self._redraw)
        trial.run_wanted.connect(self._on_run_wanted)
        trial.keep_wanted.connect(self.title_wanted)
        self._agreement.edge_chosen.connect(self._on_dot_chosen)
        self._nodes.node_chosen.connect(self._on_node_named)
        self.selection.head_changed.connect(self._on_selected)

    @override
    def event(self, event: QEvent) -> bool:
        """Take the key of the window's Undo while there is a step of the circuit to take back."""
        kinds = {QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress}
        pressed = event.type() in kinds and isinstance(event, QKeyEvent)
        if pressed and self._trial.can_undo() and event.matches(QKeySequence.StandardKey.Undo):  # type: ignore[attr-defined]
            if event.type() == QEvent.Type.KeyPress:
                self._trial.step_back()
            event.accept()
            return True
        return super().event(event)

    # Drawing.

    @override
    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        # The gate has a banner of its own.
        return tuple(n for n in result.warnings if n.code != "task_not_done")

    @override
    def draw_new(self, result: Result) -> None:
        known = known_of(result.data)
        if known is not None and self._trial.take(result, known):
            self._expanded, self._called = {}, {}
        self.draw_result(result)

    @override
    def draw_result(self, result: Result) -> None:
        self._trial.go_back()
        known = known_of(result.data)
        if known is None:
            raise ValueError("the result does not say of what shape its model is")
        source = self._trial.measured or result
        self._known = known if source is result else known_of(source.data)
        several = len(result.prompts) > 1
        self._pane.chooser.set_result(result)
        self._pane.show_prompts(several)
        self._marker.take_model(result.model)
        self._pane.show_overlays(self._marker.offers())
        self.draw_prompt(result)
        self._offer_pages(source)
        failed = next((n for n in result.warnings if n.code == "task_not_done"), None)
        if failed is None:
            self._gate.dismiss()
        else:
            self._gate.show_message(failed.message, "warn", dismissible=False)

    def _offer_pages(self, source: Result) -> None:
        """Offer the pages that a measurement has something for; the one in sight is filled."""
        known = self._known
        if known is None:
            return
        data = source.data
        there = {
            "curves": "fractions" in data,
            "agreement": known.has_estimates and bool(known.exact.any()),
            "nodes": data.get("node_effect") is not None,
        }
        for name, shown in there.items():
            self.pages.choice.set_option_enabled(name, shown, "" if shown else _LACKS[name])
            if not shown and self.pages.page() == name:
                self.pages.turn_to("board")
        if source is not self._paged:
            self._paged, self._filled = source, set()
        self._fill_page(self.pages.page())

    def _fill_page(self, name: str) -> None:
        """Draw a page when it comes into sight."""
        known = self._known
        if known is None or name in self._filled or self._is_partial:
            return
        self._filled.add(name)
        if name == "curves":
            self._curves.show_data(known.data)
        elif name == "agreement":
            measured = self._trial.measured
            method = "" if measured is None else str(measured.params.get("method"))
            self._agreement.show_known(known, "eap" if method == "eap" else "eap-ig", None)
        elif name == "nodes":
            self._nodes.show_ranking(data_of.node_list(known))

    @override
    def draw_prompt(self, result: Result) -> None:
        if self._is_partial or self._known is None:
            return
        self._pane.show_prompts(len(result.prompts) > 1)
        self._draw(self._known, result)
        node = self.board.chosen()[0]
        if node is None or self._known.table.node(node).part is not None:
            self._on_selected()  # what is no head, such as embed, stays chosen as it is

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        known = known_of(data)
        if known is None or not known.has_effects:
            return False
        if not self._is_partial:
            self._expanded, self._called = {}, {}
            self._trial.begin_anew()
            self.pages.turn_to("board")
        self._is_partial = True
        self._known = known
        self._pane.show_prompts(False)
        self._draw(known, None)
        return True

    def _draw(self, known: Known, result: Result | None) -> None:
        """Draw the board and its list."""
        prompt = self._prompt_shown(result)
        inside, pinned = self._trial.inside, self._marker.pinned(known.table)
        by_hand = ((*self._trial.touched(), *self._called), self._expanded, pinned)
        values, amount = known.values(prompt), self._pane.amount
        self._edges = chosen_edges(known, values, amount, inside, by_hand)
        marks = self._marker.marks(known.table, self._pane.overlay)
        drawn = draw_graph(known.table, known.drawn(prompt, inside), self._edges, marks)
        self.board.set_words(self._tell_edge, self._tell_node)
        self.board.show_picture(drawn, legend_of(drawn))
        self._pane.show_count(len(self._edges), len(known))
        self._pane.show_names([node.name for node in drawn.nodes])
        metric = self._metric_of(result)
        short = data_of.headline(known, metric, prompt, short=True)
        self._headline.set_full_text(data_of.headline(known, metric, prompt), short)
        self._list()
        self._trial.show(known, result, prompt)

    def _metric_of(self, result: Result | None) -> str:
        """Return the metric in words, also of a run of which only the first fields are there."""
        if result is not None:
            return metric_name(result)
        metric = str(self.settings_of_run().get("metric", ""))
        return METRIC_NAMES.get(metric, "metric")

    def _prompt_shown(self, result: Result | None) -> int | None:
        if result is None or self._pane.scope.value() != "prompt" or len(result.prompts) < 2:
            return None
        return self.prompt_of(result)

    def _list(self) -> None:
        """List the edges on the board, or all of the selected node."""
        known = self._known
        if known is None:
            return
        prompt, inside, edges = (
            self._prompt_shown(self._result),
            self._trial.inside,
            self._edges,
        )
        node, _edge = self.board.chosen()
        words = data_of.shown_words(len(self._edges), known)
        note = self._marker.words(words, self.board.picture(), self._pane.overlay)
        if self._side.filter.value() == "node":
            edges = edges[:0]
            if node is not None:
                edges = edges_of(known, known.values(prompt), node, _OF_NODE)
        if len(edges) > _LISTED:
            edges, note = edges[:_LISTED], f"{note}, the strongest {_LISTED:,} listed"
        outside = frozenset(() if inside is None else edges[~inside[edges]].tolist())
        ranking = data_of.edge_list(known, edges, prompt, inside)
        self._side.show_edges(self._with_evidence(ranking, edges, prompt), outside, note)
        self._side.list.select_key(self.board.chosen()[1])

    def _with_evidence(self, ranking: Ranking, edges: np.ndarray, prompt: int | None) -> Ranking:
        """Add interval and q of each edge over prompts, where a result is whole."""
        result = None if self._is_partial else self._trial.measured
        cells: tuple[Cells, ...] = ()
        if result is not None and prompt is None:
            cells = data_of.evidence(result, edges.tolist())
        why = "" if cells or result is None else why_not(result, prompt)
        self._side.certainty.offer(cells, why=why)
        return with_columns(ranking, cells, self._side.certainty.level())

    def _redraw(self, *_choice: object) -> None:
        if self._known is not None:
            self._pane.show_prompts(self._result is not None and len(self._result.prompts) > 1)
            self._draw(self._known, None if self._is_partial else self._result)

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: the board, or the plot of the page in sight."""
        shown: dict[str, QWidget] = {
            "curves": self._curves.plot,
            "agreement": self._agreement.plot,
            "nodes": self._nodes.list,
        }
        return shown.get(self.pages.page(), self.board)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "page": self.pages.page(),
            "headline": self._headline.full_text(),
            **self._pane.read(),
            **self._side.read(),
            "curves": self._curves.read(),
            "agreement": self._agreement.read(),
            "inside": None
            if self._trial.inside is None
            else np.flatnonzero(self._trial.inside).tolist(),
            "pinned": self._marker.parts(),
        }

    def _tell_edge(self, edge: int) -> str:
        if self._known is None:
            return ""
        told = data_of.edge_sentence(self._known, edge, self._prompt_shown(self._result))
        inside = self._trial.inside
        return told if inside is None or inside[edge] else f"{told} · outside the circuit"

    def _tell_node(self, node: Node) -> str:
        return "" if self._known is None else node_words(self._known, self.board.picture(), node)

    # What the window tells.

    @override
    def take_lent(self, lent: Sequence[tuple[str, Result]]) -> None:
        if self._marker.take_roles(lent):
            self._redraw()

    @override
    def learn_tries(self, tries: Sequence[Result]) -> None:
        self._trial.learn(tries)

    @override
    def set_params(self, params: Params) -> None:
        """Fill the form; what only scored a circuit leaves it as that of the measurement."""
        if getattr(params, "method", "") == _TRY["method"]:
            now = self.try_params() or self.analysis.params()
            names = (*_TRY, "circuit", "best", "budget", "steps")
            params = params.model_copy(update={name: getattr(now, name) for name in names})
        super().set_params(params)

    @override
    def settings_that_matter(
        self, differing: tuple[str, ...], made: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """Leave out what is another in every try: it scores a circuit, the form measures."""
        if made.get("method") != _TRY["method"]:
            return differing
        fields = self.analysis.params.model_fields
        own = {fields[name].title for name in (*_TRY, "circuit", "best", "budget", "steps")}
        return tuple(told for told in differing if told.partition(":")[0] not in own)

    @override
    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        self._trial.forget_asked()
        super().show_failure(message, code, fix)

    @override
    def show_busy(self, busy: bool, *, waiting: bool = False) -> None:
        if not busy:
            self._trial.forget_asked()
        super().show_busy(busy, waiting=waiting)

    @override
    def clear(self) -> None:
        super().clear()
        self._known = None
        self._trial.clear()
        self._expanded, self._called = {}, {}

    @override
    def answer(self, intent: Intent) -> None:
        if intent.name == "pin_parts":
            parts = parse_parts(str(intent.data.get("parts", "")))
            self._marker.pin(parts)
            self.pages.turn_to("board")
            self._redraw()
            if parts and self._known is not None:
                number = self._known.table.number_of(parts[-1])
                if number is not None:
                    self.board.choose(number)
                    self._list()
            elif parts:
                told = "They stand on the board once the edges are there: run it."
                self.message_requested.emit(told)
        elif intent.name == "test_circuit":
            self.pages.turn_to("board")
            self._trial.adopt(str(intent.data.get("edges", "")))
        else:
            super().answer(intent)

    # Trying circuits.

    def _on_toggled(self, edges: Sequence[int] | np.ndarray) -> None:
        known = self._known
        if known is None or not len(edges):
            return
        if self._measuring():
            self.message_requested.emit(MEASURING)
            return
        self._trial.toggle(np.asarray(edges, dtype=np.int64), self._edges)

    def _measuring(self) -> bool:
        """Return whether edges are measured, or are to be next: a try would take their place."""
        tries = self.settings_of_run().get("method") == _TRY["method"]
        return self._is_partial or (self.is_busy() and not tries)

    def _on_run_wanted(self, text: str, controls: int) -> None:
        """Score a circuit on what was measured; the form stays as it is."""
        if self._measuring():
            self._trial.forget_asked()
            self.message_requested.emit(MEASURING)
            return
        if self._cannot_run:
            self.message_requested.emit(self._cannot_run)
            return
        differing = self._difference
        if self._trial.measured is not None and (differing.model or differing.prompts):
            whose = "model is another" if differing.model else "prompts are others"
            self._trial.forget_asked()
            self.message_requested.emit(f"The {whose} now: run the edges again, then try circuits.")
            return
        changes = {**_TRY, "circuit": text, "controls": controls}
        self.run_requested.emit(self._settings_of_measurement().model_copy(update=changes))

    def _settings_of_measurement(self) -> Params:
        """Return the settings of what is drawn, so that a circuit is scored as it was measured."""
        measured, kind = self._trial.measured, self.analysis.params
        if measured is not None:
            stored = kind.stored_fields()
            with suppress(ValueError):
                return kind.model_validate(
                    {k: measured.params[k] for k in stored if k in measured.params}
                )
        return self.try_params() or kind()

    # Answering.

    def _on_node_chosen(self, number: int | None) -> None:
        if number is None or self._known is None:
            if self._side.filter.value() == "node":
                self._list()
            return
        part = self._known.table.node(number).part
        if part is not None:
            self.selection.select_head(*part)
        if self._side.filter.value() == "node":
            self._list()

    def _on_edge_chosen(self, edge: int | None) -> None:
        self._side.list.select_key(edge)
        self._side.show_toggle()

    def _on_row_selected(self, edge: int) -> None:
        self.board.choose(self.board.chosen()[0], edge)
        self._pane.tell(self._tell_edge(edge))

    def _on_dot_chosen(self, edge: int) -> None:
        """Choose an edge of the plot; one that is not on the board is put there."""
        if edge not in self._edges:
            self._called[edge] = None
            self._redraw()
        self._on_row_selected(edge)

    def _on_row_activated(self, edge: int) -> None:
        """Go to where an edge begins."""
        if self._known is not None:
            self.board.centre_on(int(self._known.table.graph.senders_of[edge]))
            self.board.choose(None, edge)

    def _on_node_activated(self, number: int) -> None:
        node = None if self._known is None else self._known.table.node(number)
        if node is not None and node.kind == "head" and node.head is not None:
            self.open_attention(node.layer, node.head)

    def _on_node_picked(self, number: int) -> None:
        part = None if self._known is None else self._known.table.node(number).part
        if part is not None:
            self.selection.toggle_picked([part])

    def _on_expand(self, number: int) -> None:
        self._expanded[number] = None
        self._redraw()
        self.board.choose(number)

    def _on_unpin(self, number: int) -> None:
        if self._known is not None:
            self._marker.unpin(self._known.table.node(number).part)
            self._redraw()

    def _on_node_named(self, key: str) -> None:
        self._on_searched(key)

    def _on_searched(self, text: str) -> None:
        """Bring a node into the middle; one that is not on the board is put there."""
        if self._known is None:
            return
        found = self._known.table.found(text)
        if not found:
            if text.strip():
                self._pane.tell(_NOT_THERE.format(clipped(text, 40)))
            return
        number = found[0]
        self.pages.turn_to("board")
        if not self.board.centre_on(number):
            self._expanded[number] = None
            self._redraw()
            self.board.centre_on(number)
        self._on_node_chosen(number)

    def _on_selected(self, _head: object = None) -> None:
        known, chosen = self._known, self.selection
        if known is None or chosen.layer is None:
            return
        number = known.table.number_of((chosen.layer, chosen.head))
        if (number is not None and self.board.chosen() == (None, None)) or (
            number is not None and self.board.chosen()[0] not in {None, number}
        ):
            self.board.choose(number)


_LACKS = {
    "curves": "Not in this result: no circuits by size were run",
    "agreement": "Not in this result: it needs estimates and exact effects",
    "nodes": "Not in this result: run it with Nodes in the settings",
}


VIEW = EdgesView
