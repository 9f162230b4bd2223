from __future__ import annotations

import json
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSpinBox,
    QToolButton,
)

from desktop_app.contract.circuits import CircuitText
from desktop_app.contract.params import Params, setting
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.forms.params_form import ParamsForm
from tests.finding import find


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: tuple[str, ...] = Field(default=(), json_schema_extra={"hidden": True})
    component: Literal["head", "attn", "mlp"] = Field("head", title="Remove", description="What.")
    metric: Literal["logit_diff", "logit", "logprob", "prob", "rank"] = "logit_diff"
    top: int = Field(10, ge=1, le=50)
    share: float = Field(0.5, gt=0)
    preview: bool = False
    layers: str = Field(":", pattern=r"^[\d:]*$")
    limit: int | None = None
    heads: tuple[int, ...] = Field((), json_schema_extra={"advanced": True})
    reference: tuple[str, ...] = Field((), json_schema_extra={"advanced": True})

    @model_validator(mode="after")
    def _agree(self):
        if self.preview and self.component == "mlp":
            raise ValueError("There is no preview of MLPs; switch it off.")
        return self


@pytest.fixture
def form(shown):
    return shown(ParamsForm(Settings), 900, 300)


def test_each_kind_of_field_has_its_control(form):
    kinds = {
        "component": SegmentedControl,
        "metric": QComboBox,
        "top": QSpinBox,
        "share": QDoubleSpinBox,
        "preview": Toggle,
        "layers": QLineEdit,
        "limit": QLineEdit,
        "heads": QLineEdit,
    }
    assert all(isinstance(form.editor(name).control, kind) for name, kind in kinds.items())
    assert form.value() == Settings()


def test_titles_and_help_reach_screen_readers(form):
    control = form.editor("component").control
    assert control.accessibleName() == "Remove"
    assert control.accessibleDescription() == "What."
    assert form.editor("top").control.accessibleName() == "Top"


def test_hidden_fields_are_not_shown_and_kept(form):
    with pytest.raises(KeyError):
        form.editor("prompts")
    model = Settings(
        prompts=("a", "b"),
        component="mlp",
        metric="rank",
        top=3,
        share=2.5,
        limit=7,
        heads=(1, 2),
        reference=(" x", "y "),
        layers="3:9",
    )
    form.set_value(model)
    assert form.value() == model


def test_bounds_come_from_the_model(form):
    spin = form.editor("top").control
    assert isinstance(spin, QSpinBox)
    assert (spin.minimum(), spin.maximum()) == (1, 50)


def test_a_number_that_no_control_holds_is_shown_as_far_as_it_goes(form):
    form.set_value(Settings.model_construct(top=2**70))
    assert form.editor("top").control.value() == 50


def test_typing_changes_and_enter_submits(form, qtbot):
    line = form.editor("layers").control
    assert isinstance(line, QLineEdit)
    line.clear()
    with qtbot.waitSignal(form.changed):
        qtbot.keyClicks(line, "2:4")
    assert form.value().layers == "2:4"
    with qtbot.waitSignal(form.submitted):
        qtbot.keyClick(line, Qt.Key.Key_Return)


def test_setting_a_value_is_silent(form, qtbot):
    with qtbot.assertNotEmitted(form.changed):
        form.set_value(Settings(component="attn", top=4, preview=True, metric="prob"))


def test_switch_and_segments_change_by_click_and_key(form, qtbot):
    with qtbot.waitSignal(form.changed):
        qtbot.mouseClick(form.editor("preview").control, Qt.MouseButton.LeftButton)
    assert form.value().preview is True
    attention = find(form.editor("component").control, QPushButton, "attention")
    with qtbot.waitSignal(form.changed):
        attention.click()
    assert form.value().component == "attn"
    with qtbot.waitSignal(form.changed):
        qtbot.keyClick(attention, Qt.Key.Key_Left)
    assert form.value().component == "head"


def test_a_bad_value_is_said_beside_its_field_and_mended(form, qtbot):
    line = form.editor("layers").control
    line.clear()
    qtbot.keyClicks(line, "x")
    assert form.try_value() is None
    assert "match pattern" in form.error("layers")
    assert line.property("invalid") is True
    with pytest.raises(ValidationError):
        form.value()
    line.clear()
    qtbot.keyClicks(line, "1:2")
    assert form.error("layers") == ""
    assert form.try_value() == Settings(layers="1:2")


def test_a_bad_advanced_value_unfolds(form):
    assert not form.editor("heads").control.isVisible()
    form.editor("heads").control.setText("1, x")
    assert form.try_value() is None
    assert form.editor("heads").control.isVisible()
    assert form.error("heads")
    form.set_folded(True)
    assert not form.editor("heads").control.isVisible()


def test_what_concerns_several_fields_is_said_beneath(form):
    form.set_value(Settings(preview=True))
    form.editor("component").set_value("mlp")
    assert form.try_value() is None
    assert find(form, QLabel, "There is no preview of MLPs; switch it off.").isVisible()


def test_lists_and_nothing(form, qtbot):
    form.editor("heads").control.setText(" 1, 5 ,9")
    lines = form.editor("reference").control
    qtbot.keyClicks(lines, " a ")
    qtbot.keyClick(lines, Qt.Key.Key_Return)
    qtbot.keyClicks(lines, "b | c")
    form.editor("limit").control.setText("12")
    value = form.value()
    assert (value.heads, value.reference, value.limit) == ((1, 5, 9), (" a ", "b | c"), 12)
    form.editor("limit").control.setText("")
    assert form.value().limit is None


def test_wheel_changes_nothing_without_the_focus(form, qapp):
    before = form.value()
    for name in ("metric", "top"):
        control = form.editor(name).control
        control.clearFocus()
        turn = QWheelEvent(
            QPointF(5, 5),
            control.mapToGlobal(QPointF(5, 5)),
            QPoint(),
            QPoint(0, -240),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        qapp.sendEvent(control, turn)
    assert form.value() == before


def test_narrow_forms_wrap(form):
    assert form.heightForWidth(320) > form.heightForWidth(1600)


def test_a_model_with_required_fields_can_be_shown(qtbot):
    class Needs(BaseModel):
        name: str
        kind: Literal["a", "b"]

    form = ParamsForm(Needs)
    qtbot.addWidget(form)
    form.editor("name").control.setText("x")
    assert form.value() == Needs(name="x", kind="a")


class Quick(BaseModel):
    count: int = Field(default=0, ge=0, json_schema_extra={"zero": "all"})
    site: Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"] = "resid_pre"


class OrNone(BaseModel):
    feature: int = Field(default=-1, ge=-1, json_schema_extra={"spelled": {"-1": "none"}})


def test_the_least_value_may_be_a_word(qtbot):
    form = ParamsForm(OrNone)
    qtbot.addWidget(form)
    assert form.value().feature == -1
    assert form.editor("feature").control.text() == "none"


def test_a_nought_may_be_a_word(qtbot):
    form = ParamsForm(Quick)
    qtbot.addWidget(form)
    assert form.value().count == 0
    assert form.editor("count").control.text() == "all"


def test_choices_are_words_with_the_terms_in_tooltips(qtbot):
    form = ParamsForm(Quick)
    qtbot.addWidget(form)
    combo = form.editor("site").control
    assert combo.currentText() == "residual stream before the block"
    assert combo.itemData(0, Qt.ItemDataRole.ToolTipRole) == "resid_pre"
    assert form.value().site == "resid_pre"


LONG = (
    "Which of the many things is exchanged: " + "the one before, the one between, " * 8 + "or all."
)


class Wordy(BaseModel):
    site: Literal["a", "b"] = Field("a", title="Site", description=LONG)
    many: int = Field(1, description="Few words.", json_schema_extra={"advanced": True})


@pytest.mark.parametrize("width", [900, 640, 420])
def test_help_is_cut_between_words_and_moves_nothing(shown, qtbot, width):
    form = shown(ParamsForm(Wordy), width, 300)
    height = form.heightForWidth(width)
    control = form.editor("site").control
    control.setFocus()
    qtbot.waitUntil(lambda: any("Which of" in label.text() for label in form.findChildren(QLabel)))
    (told,) = [label for label in form.findChildren(QLabel) if "Which of" in label.text()]
    said = told.text()
    assert said == LONG or (said.endswith(" …") and LONG.startswith(said[:-2] + " "))
    assert said == LONG or LONG in told.toolTip()
    assert told.fontMetrics().horizontalAdvance(said) <= told.width()
    assert form.heightForWidth(width) == height


def test_a_narrow_form_has_several_lines_for_its_help_and_moves_nothing(shown, qtbot):
    said = "all, or a list; -1 is the prompt's last token at step 0, and the new token later."

    class Narrow(BaseModel):
        site: Literal["a", "b"] = Field("a", title="Site", description=said)

    form = shown(ParamsForm(Narrow, help_lines=3), 300, 300)
    height = form.heightForWidth(300)
    form.editor("site").control.setFocus()
    qtbot.waitUntil(lambda: any(label.text() == said for label in form.findChildren(QLabel)))
    (told,) = [label for label in form.findChildren(QLabel) if label.text() == said]
    assert told.heightForWidth(told.width()) <= told.height()
    assert form.heightForWidth(300) == height


def told(form):
    """Return the help in sight."""
    texts = {field.description for field in type(form.value()).model_fields.values()}
    return [label.text() for label in form.findChildren(QLabel) if label.text() in texts]


class Helped(BaseModel):
    site: Literal["a", "b"] = Field("a", description="Two buttons.")
    many: int = Field(1, description="A number.")
    words: str = Field("", description="A line.")


@pytest.mark.parametrize("name", ["site", "many", "words"])
def test_help_follows_the_focus_wherever_the_pointer_is(shown, qtbot, name):
    form = shown(ParamsForm(Helped), 700, 200)
    form.window().activateWindow()
    qtbot.waitUntil(form.isActiveWindow)
    boxes = {field: form.editor(field).parentWidget() for field in Helped.model_fields}
    for box in boxes.values():  # where the screen's own pointer lies is nothing to the test
        QApplication.sendEvent(box, QEvent(QEvent.Type.Leave))
    help_of = {field: info.description for field, info in Helped.model_fields.items()}
    for before in Helped.model_fields:
        form.editor(before).control.setFocus()
        assert told(form) == [help_of[before]]
    form.editor(name).control.setFocus()
    for other, box in boxes.items():
        QApplication.sendEvent(box, QEnterEvent(QPointF(), QPointF(), QPointF()))
        assert told(form) == [help_of[other]]
        QApplication.sendEvent(box, QEvent(QEvent.Type.Leave))
        assert told(form) == [help_of[name]]


class Named(BaseModel):
    words: tuple[str, ...] = Field((), json_schema_extra={"between": "|", "placeholder": "a|b"})
    text: str = Field("", title="Text", json_schema_extra={"cli": "path"})


def test_several_texts_stand_on_one_line_to_the_letter(shown, qtbot):
    form = shown(ParamsForm(Named), 700, 200)
    line = form.editor("words").control
    assert line.placeholderText() == "a|b"
    qtbot.keyClicks(line, " arg|self||x ")
    assert form.value().words == (" arg", "self", "x ")
    with qtbot.waitSignal(form.submitted):
        qtbot.keyClick(line, Qt.Key.Key_Return)
    form.set_value(Named(words=("one", " two")))
    assert line.text() == "one| two"


def test_a_file_is_typed_or_chosen(shown, qtbot, monkeypatch):
    form = shown(ParamsForm(Named), 700, 200)
    line = form.editor("text").control
    (button,) = form.editor("text").findChildren(QToolButton)
    assert line.accessibleName() == "Text"
    qtbot.keyClicks(line, "words.txt")
    assert form.value().text == "words.txt"
    chosen = ["/some/other.txt", ""]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (chosen.pop(0), ""))
    with qtbot.waitSignal(form.changed):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert form.value().text == "/some/other.txt"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)  # cancelled
    assert form.value().text == "/some/other.txt"
    assert button.accessibleName()


def test_a_folder_is_chosen_as_one_or_asked_for_where_a_file_can_be_meant(
    shown, qtbot, monkeypatch
):
    class Places(Params):
        sae: str = setting("", "Autoencoder", "One.", cli="path", metavar="FOLDER")
        text: str = setting("", "Text", "Both.", cli="path", metavar="FILE|FOLDER")

    form = shown(ParamsForm(Places), 700, 200)
    monkeypatch.setattr(QMenu, "popup", lambda *_args: None)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: "/a/folder")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: ("/a/file.txt", ""))
    (button,) = form.editor("sae").findChildren(QToolButton)
    with qtbot.waitSignal(form.changed):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert form.value().sae == "/a/folder"
    (button,) = form.editor("text").findChildren(QToolButton)
    for place, words in (("/a/file.txt", "A file…"), ("/a/folder", "A folder…")):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        menu = form.editor("text").control.findChildren(QMenu)[-1]
        (action,) = [one for one in menu.actions() if one.text() == words]
        action.trigger()
        menu.close()
        assert form.value().text == place


def test_a_circuit_is_typed_or_taken_from_a_file(shown, qtbot, monkeypatch, tmp_path):
    class Named(Params):
        circuit: CircuitText = setting("", "Circuit", "Edges.", cli="circuit_file")

    form = shown(ParamsForm(Named), 700, 200)
    line = form.editor("circuit").control
    (button,) = form.editor("circuit").findChildren(QToolButton)
    assert (line.accessibleName(), button.accessibleName()) == (
        *("Circuit", "Take the circuit of a file…"),
    )
    qtbot.keyClicks(line, "200")
    assert form.value().circuit == "200"
    good, bad = tmp_path / "c.mib.json", tmp_path / "bad.json"
    names = ", ".join(f"{n}.0>logits" for n in range(9000))
    good.write_text(json.dumps({"edges": names.split(", ")}), encoding="utf-8")
    bad.write_text("{}", encoding="utf-8")
    chosen = [str(good), "", str(bad)]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (chosen.pop(0), ""))
    with qtbot.waitSignal(form.changed):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert form.value().circuit == names  # longer than a line of Qt holds by itself
    assert line.cursorPosition() == 0
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)  # cancelled
    assert (form.value().circuit, form.error("circuit")) == (names, "")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert form.error("circuit").startswith("“bad.json” holds no circuit")
    assert form.value().circuit == names
    qtbot.keyClicks(line, ",")
    assert form.error("circuit") == ""


def test_a_long_list_is_not_cut_by_its_line(qtbot):
    form = ParamsForm(Settings)
    qtbot.addWidget(form)
    form.set_value(Settings(layers="1" * 40_000))
    assert form.value().layers == "1" * 40_000


def test_a_field_may_name_its_choices_itself(qtbot):
    class Named(Params):
        kind: Literal["logit", "jacobian"] = setting(
            "logit", "Lens", "One.", labels={"logit": "Logit", "jacobian": "Jacobian"}
        )
        metric: Literal["logit", "prob"] = setting("logit", "Metric", "Two.")

    form = ParamsForm(Named)
    qtbot.addWidget(form)
    named = form.editor("kind").findChildren(QPushButton)
    assert [button.text() for button in named] == ["Logit", "Jacobian"]
    assert form.editor("metric").control.itemText(0) == "logit of the answer"
