"""Loading a model in another form: chosen by keyboard too, remembered, and never unsaid."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_app.contract.requests import LoadModel
from desktop_app.window.models.form import LAYERNORM, WEIGHTS, ModelForm
from desktop_app.window.settings import Settings, load_settings

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def dialog(qtbot, window):
    opened = window.models.open_dialog()
    qtbot.waitUntil(lambda: bool(opened.table.texts() and opened.sentence.text()))
    yield opened
    opened.close()


def choose(box, value):
    """Choose by keyboard: the box has the focus, arrows go down."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.findData(value)):
        QTest.keyClick(box, Qt.Key.Key_Down)


def specs(service):
    return [asked.spec for asked in service.asked if isinstance(asked, LoadModel)]


@pytest.mark.parametrize("layernorm", ["eps", "identity", "constant"])
def test_a_variant_is_chosen_by_keyboard_shown_and_remembered(
    qtbot, window, dialog, service, layernorm
):
    dialog.name.setText("toy")
    choose(dialog.form.layernorm, layernorm)
    assert dialog.spec().layernorm == layernorm
    with qtbot.waitSignal(window.conductor.model_ready):
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert specs(service)[-1].layernorm == layernorm
    button = window.top_bar.model_button
    assert f"toy without LayerNorm ({layernorm})" in button.text()
    assert "logits moved by up to 3.1" in button.toolTip()
    assert f"without LayerNorm ({layernorm})" in button.accessibleName()
    # Loaded by its name it keeps the form, also the next time; no other model loses its norms.
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load("toy")
    assert specs(service)[-1].layernorm == layernorm
    window.memory.keep()
    assert window.settings.layernorm == layernorm
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load("smollm2")
    assert specs(service)[-1].layernorm == "keep"
    # So does the next start, which loads it as it is kept.
    assert window.memory.settings.layernorm == "keep"
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load("smollm2")
    assert specs(service)[-1].layernorm == "keep"


def test_norms_asked_of_a_model_that_fails_are_taken_from_no_other(qtbot, window, dialog, service):
    service.fail_models.add("broken")
    dialog.name.setText("broken")
    choose(dialog.form.layernorm, "eps")
    with qtbot.waitSignal(window.conductor.model_failed):
        dialog.load_button.click()
    assert specs(service)[-1].layernorm == "eps"
    assert window.memory.settings.model == "smollm2"
    assert window.memory.settings.layernorm == "keep"
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load("smollm2")
    assert specs(service)[-1].layernorm == "keep"


def test_another_model_is_not_taken_its_norms_from_unasked(window, dialog):
    dialog.name.setText("toy")
    choose(dialog.form.layernorm, "eps")
    dialog.name.setText("smollm2")
    assert dialog.spec().layernorm == "keep"
    assert dialog.form.caption.isHidden()


def test_processed_weights_are_chosen_and_shown(qtbot, window, dialog, service):
    dialog.name.setText("toy")
    choose(dialog.form.weights, "processed")
    with qtbot.waitSignal(window.conductor.model_ready):
        dialog.load_button.click()
    assert specs(service)[-1].weights == "processed"
    assert "processed weights" in window.top_bar.model_button.text()
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load("toy")
    assert specs(service)[-1].weights == "processed"


def test_the_usual_form_says_nothing(window, dialog):
    assert dialog.spec().weights == "raw"
    assert dialog.spec().layernorm == "keep"
    assert dialog.form.caption.isHidden()
    text = window.top_bar.model_button.text()
    assert "LayerNorm" not in text
    assert "weights" not in text


def test_each_choice_is_told_in_a_sentence(qtbot):
    form = ModelForm(Settings())
    qtbot.addWidget(form)
    for box, choices in ((form.weights, WEIGHTS), (form.layernorm, LAYERNORM)):
        assert box.accessibleName()
        for index, (value, (words, told)) in enumerate(choices.items()):
            box.setCurrentIndex(index)
            assert (box.currentData(), box.currentText()) == (value, words)
            for tip in (box.itemData(index, Qt.ItemDataRole.ToolTipRole), box.toolTip()):
                assert tip.split() == told.split()
                assert max(map(len, tip.splitlines())) <= 80
            assert box.accessibleDescription() == told
            assert told.endswith(".")
            assert form.caption.isHidden() is (index == 0)
            assert (told in form.caption.text()) is (index > 0)
        box.setCurrentIndex(0)


def test_the_form_is_reached_by_tab(qtbot, window, dialog):
    dialog.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is dialog)
    dialog.dtype.setFocus()
    seen = []
    for _ in range(4):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    assert dialog.form.weights in seen
    assert seen.index(dialog.form.layernorm) == seen.index(dialog.form.weights) + 1


@pytest.mark.parametrize("written", ['"everything"', "3", "null"])
def test_settings_that_are_none_are_the_usual_ones(tmp_path, written):
    (tmp_path / "settings.json").write_text(f'{{"layernorm": {written}, "weights": "raw"}}')
    assert load_settings(tmp_path).layernorm == "keep"
