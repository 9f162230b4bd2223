"""A place of any picture, split by a double click: the right prompt, layer and position."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.spec import Intent
from desktop_app.pictures.facts import Place
from desktop_app.pictures.matrix import Axis, Matrix
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.matrix.heatmap import Heatmap
from tests.finding import find
from tests.samples.attributed import listed, parts, sources
from tests.samples.drawn import rank_result
from tests.window.fakes import N_HEADS, N_LAYERS, FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT = Qt.MouseButton.LeftButton
ROWS = (
    PromptRow(text="1 2 3 ", answer=("4",), wrong=("3",)),
    PromptRow(text="2 3 4 ", answer=("5",), wrong=("4",)),
)


class Splitting(FakeService):
    """Splits as well, by source and over neurons where that is asked for."""

    def __init__(self):
        super().__init__()
        self.asked_for = []

    def perform(self, request, report):
        if getattr(request, "analysis", "") == "attribute":
            self.asked_for.append(request.params)
        return super().perform(request, report)

    def _attribute(self, records):
        params, count = self.asked_for[-1], len(records)
        data = parts(count, N_LAYERS, N_HEADS)
        read = [range(len(r.tokens))[params.position] for r in records]
        data["read_position"] = np.array(read)
        data |= {"source": sources(data["head"], records)} if params.by_source else {}
        return {**data, **(listed(params.neurons, count) if params.neurons else {})}


class Map(AnalysisView):
    """A map of layers by positions that asks what writes a place, as a lens does."""

    @override
    def build_content(self, content):
        self.cells = Heatmap()
        column_in(content, self.cells)
        self.cells.cell_activated.connect(self._on_cell_activated)

    @override
    def draw_result(self, result):
        rows = Axis("Layer", [str(layer) for layer in range(N_LAYERS + 1)])
        columns = Axis("Position", [str(place) for place in range(6)])
        self.cells.show_maps(Matrix(np.zeros((N_LAYERS + 1, 6)), rows, columns))

    def _on_cell_activated(self, layer, position):
        place = {"prompt": self.selection.prompt, "layer": layer, "position": position}
        self.intent_raised.emit(Intent("attribution", place))


@pytest.fixture
def opened(qtbot, open_window):
    service = Splitting()
    window = open_window(service)
    window.prompts.set_prompts(ROWS)
    settle(qtbot, window)
    return window, service


@pytest.fixture
def stub(qtbot, opened):
    window, _service = opened
    view = Map(ANALYSES["rank"], window.selection)
    view.resize(600, 500)
    window.views.built.emit(view)
    view.show_result(rank_result())
    view.show()
    qtbot.waitExposed(view)
    yield view
    view.close()
    view.deleteLater()


def test_a_double_click_splits_what_is_read_there(qtbot, opened, stub):
    window, service = opened
    window.selection.select_prompt(1)
    canvas = stub.cells.canvas
    QTest.mouseDClick(canvas, LEFT, pos=canvas.cell_center(2, 3).toPoint())
    assert window.views.current == "attribute"
    settle(qtbot, window)
    (params,) = service.asked_for
    assert (params.layer, params.position) == (2, 3)
    assert params.prompts == ROWS
    view = window.views["attribute"]
    out = view.read_out()
    assert (window.selection.prompt, window.selection.position) == (1, 3)
    assert out["offered"]["scope"] == "prompt"
    assert out["offered"]["prompt"] == 1
    told = "Read after “␠”, position 3, as the lens reads it before block 2"
    assert out["what"].startswith(told)
    assert out["base"].startswith("Logit difference “5” − “4”: ")
    assert np.isnan(out["maps"][0].values[2:]).all()


def test_the_row_behind_the_last_block_is_the_models_own_number(qtbot, opened, stub):
    window, service = opened
    canvas = stub.cells.canvas
    QTest.mouseDClick(canvas, LEFT, pos=canvas.cell_center(N_LAYERS, 5).toPoint())
    settle(qtbot, window)
    assert service.asked_for[-1].layer == N_LAYERS
    out = window.views["attribute"].read_out()
    assert "lens" not in out["what"]
    assert out["what"].startswith("Read after “␠”, position 5 (the last token) ·")
    assert np.isfinite(out["maps"][0].values).all()


def test_what_is_computed_on_demand_is_kept_in_the_history(qtbot, opened):
    window, _service = opened
    window.views.open("attribute")
    view = window.views["attribute"]
    view.request_run()
    settle(qtbot, window)
    window.selection.select_head(1, 2)
    before = len(window.session.rows())
    QTest.mouseClick(find(view, QPushButton, "Split by source"), LEFT)
    settle(qtbot, window)
    assert len(window.session.rows()) == before + 1
    assert view.read_out()["sources"]["said"].startswith("They sum to")
    assert view.read_out()["chips"] == []
    view.take_choices({"look": "neurons"})
    QApplication.processEvents()
    QTest.mouseClick(find(view, QPushButton, "List 50 neurons"), LEFT)
    settle(qtbot, window)
    assert len(view.read_out()["neurons"]["rows"]) == 50
    assert view.read_out()["sources"]["texts"]  # what was split before stays
    newest = max(window.session.rows(), key=lambda row: row.id)
    kept = window.session.result(newest.id)
    assert "source" in kept.data
    assert "neuron" in kept.data


def test_an_ablation_in_the_history_is_told_beside_the_direct_part(qtbot, opened):
    window, _service = opened
    window.runs.run("ablate")
    window.views.open("attribute")
    window.views["attribute"].request_run()
    settle(qtbot, window)
    window.selection.select_head(3, 2)
    told = window.views["attribute"].read_out()["details"]["sentence"]
    assert told.endswith("Removing it: −4.000 in all (zero ablation), 0.000 directly.")


def test_the_inspector_tells_the_direct_contribution(qtbot, opened):
    window, _service = opened
    window.views.open("attribute")
    window.views["attribute"].request_run()
    settle(qtbot, window)
    window.selection.select_head(1, 2)
    place = Place(0, 1, 2)
    facts = {fact.name: fact for fact in window.inspector.known.of_head(place)}
    name = "Direct contribution (logit difference, mean of 2)"
    assert facts[name].value.startswith("+3.750")
    assert "slice of W_O" in facts[name].explained.formula
