"""Heads that a result does not keep: computed when they are looked at, of the right model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.result import Notice
from desktop_app.views.frame import SettingsFold
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.window.runs import storing
from desktop_app.window.runs.storing import StorageDialog, storage_words
from tests.finding import find, in_sight, press
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

TOO_LARGE = Notice("patterns_not_stored", "These patterns take 17 GB and at most 2 GB are stored.")


class Bounded(FakeService):
    """Keeps no patterns of whole models; single heads it does, and says of which model."""

    def _run(self, request):
        result = super()._run(request)
        if request.analysis != "attention":
            return result
        data = dict(result.data)
        if not request.params.heads:
            del data["pattern"]
            return replace(result, data=data, warnings=(TOO_LARGE,))
        layer, head = map(int, request.params.heads.split("."))
        size = len(result.prompts[0].tokens)
        data["pattern"] = (np.tril(np.full((1, 1, size, size), layer + head / 10)),)
        data |= {"layers": np.array([layer]), "head_indices": np.array([head])}
        return replace(result, data=data)


def looked_at(service):
    return [r.params.heads for r in service.asked if getattr(r, "analysis", "") == "attention"]


@pytest.fixture
def bounded(qtbot, open_window):
    service = Bounded()
    window = open_window(service)
    window.views.open("attention")
    qtbot.waitUntil(lambda: window.views["attention"].read_out()["pattern"] is not None)
    return window, window.views["attention"], service


def test_the_head_that_is_shown_is_computed_and_nothing_is_kept_of_it(qtbot, bounded):
    window, view, service = bounded
    results = len(window.session.rows())
    window.selection.select_head(4, 0)
    assert "Computing L4H0" in view.read_out()["instead"]
    assert view.read_out()["pattern"] is None
    window.selection.select_head(2, 1)
    qtbot.waitUntil(lambda: view.read_out()["pattern"] is not None)
    assert view.read_out()["instead"] == ""
    assert view.read_out()["head"].startswith("L2H1")
    assert view.read_out()["pattern"][-1, 0] == pytest.approx(2.1)
    assert looked_at(service)[-1] == "2.1"
    assert len(window.session.rows()) == results


def test_a_head_looked_at_before_is_not_computed_again(qtbot, bounded):
    window, view, service = bounded
    for layer, head in ((2, 1), (1, 0), (2, 1)):
        window.selection.select_head(layer, head)
        qtbot.waitUntil(lambda: view.read_out()["pattern"] is not None)
        assert view.read_out()["pattern"][-1, 0] == pytest.approx(layer + head / 10)
    assert looked_at(service)[-2:] == ["2.1", "1.0"]


def test_two_heads_that_are_not_kept_are_computed_one_after_the_other(qtbot, bounded):
    window, view, _service = bounded
    window.selection.select_head(2, 1)
    qtbot.waitUntil(lambda: view.read_out()["pattern"] is not None)
    grid = find(view, HeadGrid)
    keys = Qt.KeyboardModifier.ControlModifier
    at = grid.head_center(1, 0)
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, keys, pos=at)
    assert "Computing" in view.read_out()["second"]["instead"]
    qtbot.waitUntil(lambda: view.read_out()["second"]["pattern"] is not None)
    assert view.read_out()["second"]["head"].startswith("L1H0")
    assert view.read_out()["second"]["pattern"][-1, 0] == pytest.approx(1.0)
    assert view.read_out()["pattern"][-1, 0] == pytest.approx(2.1)
    before = grid.viewport().grab().toImage()
    press(view, "Without first")
    assert grid.viewport().grab().toImage() != before


def test_the_scale_and_the_picture_are_remembered(qtbot, open_window, tmp_path):
    folder = tmp_path / "config"
    window = open_window(FakeService())
    window.views.open("attention")
    view = window.views["attention"]
    qtbot.waitUntil(lambda: view.read_out()["pattern"] is not None)
    for name in ("Log", "Text"):
        (found,) = in_sight(view, QPushButton, name)
        qtbot.mouseClick(found, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    window.close()
    again = open_window(FakeService(), folder=folder)
    again.views.open("attention")
    view = again.views["attention"]
    assert view.read_out()["mode"] == "text"
    assert again.settings.choices["attention"] == {"mode": "text", "scale": "log"}


def test_another_model_is_never_asked(qtbot, bounded, monkeypatch):
    window, view, service = bounded
    other = replace(window.conductor.model, info=replace(service.info, fingerprint="other"))
    monkeypatch.setattr(window.conductor, "model", other)
    count = len(looked_at(service))
    window.selection.select_head(2, 1)
    settle(qtbot, window)
    assert len(looked_at(service)) == count
    assert view.read_out()["pattern"] is None
    assert f"open {service.info.name}" in view.read_out()["instead"]


def test_an_answer_of_a_model_that_came_meanwhile_is_dropped(qtbot, bounded):
    window, view, service = bounded
    service.info = replace(service.info, fingerprint="other")
    with qtbot.waitSignal(window.conductor.look_arrived):
        window.selection.select_head(2, 1)
    assert view.read_out()["pattern"] is None
    assert "Another model was opened" in view.read_out()["instead"]


def test_what_fails_is_said_in_its_place(qtbot, bounded, monkeypatch):
    window, view, service = bounded
    monkeypatch.setattr(service, "_run", lambda request: 1 / 0)
    with qtbot.waitSignal(window.conductor.look_failed):
        window.selection.select_head(2, 1)
    assert "ZeroDivisionError" in view.read_out()["instead"]


def test_an_export_draws_the_small_pictures_where_no_head_is_there(bounded, monkeypatch):
    window, view, _service = bounded
    monkeypatch.setattr(window.conductor, "look", lambda name, params: None)
    window.selection.select_head(2, 1)
    assert isinstance(view.picture_widget(), HeadGrid)


def test_the_form_says_what_a_run_would_keep(qtbot, bounded, monkeypatch):
    window, view, _service = bounded
    sentence = find(view, SettingsFold).sentence
    assert "of patterns" in sentence.full_text()
    monkeypatch.setattr(storing, "ask_stored", lambda parent, now: 1)
    window.memory.change(stored_mb=2_000)
    with qtbot.waitSignal(window.conductor.live_arrived):
        window.prompts.set_prompts([PromptRow(text="x" * 300)])
        window.runs.retokenize()
    window.storage.choose()
    assert window.settings.stored_mb == 1
    assert window.conductor.stored_bytes == 1_000_000
    assert "heads are computed when looked at" in sentence.full_text()
    view.set_params(AttentionParams(heads="1.0"))
    assert "heads are computed" not in sentence.full_text()


def test_words_of_the_form():
    assert storage_words(0, 10) == ""
    assert storage_words(3_000_000, 2_000_000_000) == "keeps 3 MB of patterns"
    assert "17 GB of at most 2.00 GB" in storage_words(17_100_000_000, 2_000_000_000)


def test_the_question_explains_itself(qtbot):
    dialog = StorageDialog(2_000)
    qtbot.addWidget(dialog)
    assert dialog.box.value() == 2_000
    assert dialog.box.text().endswith(" MB")
