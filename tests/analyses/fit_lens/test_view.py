"""The view of a lens fit: the text is asked for first, and the lens is read by at a click."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QScrollArea, QToolButton
from safetensors.torch import load_file, save_file

from desktop_app.analyses.fit_lens import run as fit_lens
from desktop_app.analyses.fit_lens.spec import FitLensParams
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import hook
from desktop_app.contract.report import SilentReporter
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.store import Session
from desktop_app.support import lens_files
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.views.frame import SettingsFold
from desktop_app.widgets.forms.params_form import ParamsForm
from tests.finding import find
from tests.models import named
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

TEXT = "Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three, and the cat sat. " * 20


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """Return a function that fits a lens of the toy on a small text, in a home of its own."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")

    def fit(**settings):
        given = {"windows": 2, "max_seq_len": 14, "skip_first_positions": 4, **settings}
        params = FitLensParams(text=str(path), **given)
        return fit_lens.run(named("toy"), params, SilentReporter())

    return fit


def button(view, text):
    return next(b for b in view.findChildren(QPushButton) if b.text() == text)


def line_of(view, name):
    return next(w for w in view.findChildren(QLineEdit) if w.placeholderText() == name)


def test_the_text_is_asked_for_before_anything_runs(make_view, heard, tmp_path, monkeypatch, qtbot):
    view = make_view("fit_lens")
    runs, told = heard(view.run_requested), heard(view.message_requested)
    assert view.read_out()["form"]
    QTest.mouseClick(button(view, "Run"), Qt.MouseButton.LeftButton)
    assert runs == []
    assert "Text first" in told[0][0]
    chosen = str(tmp_path / "a text.txt")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_given, **_more: (chosen, ""))
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_given, **_more: (chosen + ".safetensors", "")
    )
    choose = [b for b in view.findChildren(QToolButton) if "Choose the" in b.toolTip()]
    assert [b.toolTip() for b in choose] == ["Choose the text…", "Choose the lens file…"]
    for one in choose:
        QTest.mouseClick(one, Qt.MouseButton.LeftButton)
    QTest.mouseClick(button(view, "Run"), Qt.MouseButton.LeftButton)
    (params,) = runs[0]
    assert params.text == chosen
    assert params.out_lens == chosen + ".safetensors"
    line = line_of(view, "a .txt file")
    line.selectAll()
    QTest.keyClicks(line, "other.txt")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert view.params().text == "other.txt"


def test_the_form_is_whole_where_it_is_open_from_the_start(make_view, qtbot):
    view = make_view("fit_lens", 652, 576)
    turn_the_loop()
    area = find(find(view, SettingsFold), QScrollArea)
    form = find(area, ParamsForm)
    assert form.height() <= area.viewport().height()
    assert form.height() >= form.heightForWidth(form.width())


def test_what_it_was_fitted_on_stands_above_the_curve(make_view, fitted):
    view = make_view("fit_lens")
    view.show_result(fitted())
    read = view.read_out()
    assert "2 windows of text.txt · agreement at least 0." in read["told"]
    assert read["field"]
    assert set(view.fields()) >= {"agreement", "size", "from identity"}
    view.show_result(fitted(windows=1))
    assert "one window cannot tell" in view.read_out()["told"]


def test_a_click_reads_by_it(make_view, fitted, heard):
    result = fitted()
    view = make_view("fit_lens")
    intents, told = heard(view.intent_raised), heard(view.message_requested)
    view.show_result(result)
    QTest.mouseClick(button(view, "Read by this lens"), Qt.MouseButton.LeftButton)
    intent = intents[0][0]
    assert intent.name == "lens_with"
    lens = make_view("lens")
    runs = heard(lens.run_requested)
    lens.answer(intent)
    (params,) = runs[0]
    assert params.kind == "jacobian"
    found = hook("lens", "run", "run")(
        named("toy"),
        params.model_copy(update={"prompts": (PromptRow(text="1 2 3"),)}),
        SilentReporter(),
    )
    assert found.data["fitted"]["corpus"] == "text.txt"
    hook("fit_lens", "picture", "place_of")(result).unlink()
    QTest.mouseClick(button(view, "Read by this lens"), Qt.MouseButton.LeftButton)
    assert len(intents) == 1
    assert "Fit it again" in told[-1][0]


def test_the_lens_finds_the_newest_by_itself(make_view, fitted, heard):
    fitted()
    lens = make_view("lens")
    runs, told = heard(lens.run_requested), heard(lens.message_requested)
    row = (PromptRow(text="1 2 3", answer=" 4"),)
    plain = hook("lens", "run", "run")(named("toy"), LensParams(prompts=row), SilentReporter())
    lens.set_params(LensParams(kind="tuned"))
    lens.request_run()
    assert runs == []
    lens.show_result(plain)
    lens.set_params(LensParams(kind="tuned"))
    lens.request_run()
    assert runs == []
    lens.set_params(LensParams(kind="jacobian"))
    lens.request_run()
    (params,) = runs[0]
    assert params.lens_file.endswith(".safetensors")
    assert "text.txt" in told[-1][0]


def test_the_lens_passes_by_those_of_the_model_in_another_state(make_view, fitted, heard):
    own = fitted().data["file"]
    lenses = lens_files.folder()
    tensors = load_file(lenses / own)
    facts = dict(lens_files.read_head(lenses / own).facts)
    others = (
        {"layernorm": "constant", "created": "2990-01-01"},
        {"weights": "processed", "created": "2999-01-01"},
    )
    for number, other in enumerate(others):
        save_file(tensors, lenses / f"{number}.safetensors", {**facts, **other})
    named_so = [head.path.name for head in lens_files.fitted(facts["fingerprint"], "jacobian")]
    assert named_so == ["1.safetensors", "0.safetensors", own]
    lens, model = make_view("lens"), named("toy")
    runs = heard(lens.run_requested)
    row = (PromptRow(text="1 2 3", answer=" 4"),)
    plain = hook("lens", "run", "run")(model, LensParams(prompts=row), SilentReporter())
    expected = {"keep": own, "constant": "0.safetensors"}
    for state, file in expected.items():
        lens.show_result(replace(plain, model=replace(plain.model, layernorm=state)))
        lens.set_params(LensParams(kind="jacobian"))
        lens.request_run()
        (params,) = runs[-1]
        assert Path(params.lens_file).name == file
    lens.show_result(replace(plain, model=replace(plain.model, layernorm="identity")))
    lens.set_params(LensParams(kind="jacobian"))
    lens.request_run()
    assert len(runs) == len(expected)  # there is none: it is asked for


def test_a_terminal_and_a_session_tell_of_it(fitted, tmp_path, make_view):
    result = fitted()
    text = as_text(result)
    assert "2 windows (28 tokens) of text.txt" in text
    assert result.data["file"] in text
    with Session.create(tmp_path / "s.lens") as session:
        number = session.add(result)
    with Session.open(tmp_path / "s.lens") as session:
        again = session.load(number)
        assert "2 windows" in session.rows()[0].title
    np.testing.assert_allclose(again.data["size"], result.data["size"])
    make_view("fit_lens").show_result(again)
    view = make_view("fit_lens")
    view.show_result(replace(again, data={"layers": [0]}))
    assert view.read_out()["state"] == "failure"
