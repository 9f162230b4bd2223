"""Choosing a model: needs are shown before loading, errors inline, the old model stays."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QTimer

from desktop_app.contract.requests import LoadModel
from desktop_app.window.settings import Settings
from tests.finding import find
from tests.window.fakes import FakeService

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def dialog(qtbot, window):
    opened = window.models.open_dialog()
    qtbot.waitUntil(lambda: bool(opened.table.texts() and opened.sentence.text()))
    pause = find(opened, QTimer)
    qtbot.waitUntil(lambda: not pause.isActive() and not window.runner.is_busy())
    yield opened
    opened.close()


def cells(table):
    model = table.view.model() if hasattr(table, "view") else table.model()
    return [
        [str(model.index(r, c).data()) for c in range(model.columnCount())]
        for r in range(model.rowCount())
    ]


def test_needs_are_shown_before_loading(dialog):
    text = str(cells(dialog.needs))
    assert "✓ fits" in text
    assert "0.14 GB short" in text  # float32 on the small GPU
    assert dialog.device.findData("cuda") >= 0


def test_loading_another_model(qtbot, window, dialog, service):
    dialog.name.setText("toy")
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    dialog.dtype.setCurrentIndex(dialog.dtype.findData("bfloat16"))
    with qtbot.waitSignal(window.conductor.model_ready):
        dialog.load_button.click()
    spec = [r for r in service.asked if isinstance(r, LoadModel)][-1].spec
    assert (spec.model, spec.device, spec.dtype, spec.offline) == ("toy", "cpu", "bfloat16", True)
    assert not dialog.isVisible()
    assert "toy" in window.top_bar.model_button.text()


def test_a_failed_load_is_told_inline_and_the_old_model_stays(qtbot, window, dialog, service):
    service.fail_models.add("broken")
    dialog.name.setText("broken")
    with qtbot.waitSignal(window.conductor.model_failed):
        dialog.load_button.click()
    assert dialog.isVisible()
    assert not dialog.banner.isHidden()
    assert "smollm2" in window.top_bar.model_button.text()
    window.runs.run("rank")
    with qtbot.waitSignal(window.conductor.result_arrived):
        pass


def test_a_load_that_failed_behind_its_back_leaves_the_dialog_at_rest(
    qtbot, window, dialog, service
):
    dialog.close()
    service.fail_models.add("broken")
    with qtbot.waitSignal(window.conductor.model_failed):
        window.models.load("broken")
    window.models.open_dialog()
    assert dialog.close_button.text() == "Close"
    assert dialog.load_button.isEnabled()
    assert dialog.progress.isHidden()


def test_a_problem_speaks_of_what_the_dialog_shows(dialog):
    dialog.show_problem("“x” cannot be loaded: choose --dtype float32 or --layernorm identity.")
    assert "choose precision float32 or LayerNorm identity" in dialog.banner.text()


def test_loading_can_be_cancelled(qtbot, window, dialog, service):
    service.slow.add("load")
    dialog.name.setText("toy")
    dialog.load_button.click()
    qtbot.waitSignal(window.conductor.job_moved).wait()
    assert dialog.close_button.text() == "Cancel"
    assert not dialog.load_button.isEnabled()
    with qtbot.waitSignal(window.conductor.model_stopped):
        dialog.close_button.click()
    assert dialog.close_button.text() == "Close"
    assert "smollm2" in window.top_bar.model_button.text()


def test_a_pack_that_is_not_there_can_be_fetched(qtbot, open_window):
    service = FakeService(installed=("toy",))
    window = open_window(service)
    dialog = window.models.open_dialog()
    qtbot.waitUntil(lambda: "smollm2" in str(cells(dialog.table)))
    dialog.name.setText("smollm2")
    assert dialog.load_button.text() == "Fetch and load"
    with qtbot.waitSignal(window.conductor.model_ready):
        dialog.load_button.click()
    assert window.conductor.model.spec.model == "smollm2"


def test_the_network_is_off_unless_it_is_switched_on(dialog):
    assert dialog.spec().offline
    dialog.online.setChecked(True)
    assert not dialog.spec().offline
    assert Settings().offline
