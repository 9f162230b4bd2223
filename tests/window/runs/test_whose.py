"""Whose number this is: model, settings and prompts of what is shown, in every wrong order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QLabel

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.requests import ModelSpec
from desktop_app.pictures.origin import Difference, model_difference, settings_difference
from desktop_app.widgets.basics.chip import ChipRow
from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import find
from tests.samples import drawn
from tests.samples.heads import detect_result
from tests.window.fakes import N_LAYERS, FakeService, settle

gui = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
FILLED = {"tokens", "rank", "attention", "ablate"}


def chips(window, name):
    return window.views[name].read_out()["chips"]


def chip_of(view):
    """Return the one chip under a view's heading."""
    (chip,) = find(view, ChipRow).chips()
    return chip


def choose(view, setting, value):
    """Choose another value in the form, as a click does."""
    editor = find(view, ParamsForm).editor(setting)
    editor.set_value(value)
    editor.changed.emit()


def said(window):
    QApplication.processEvents()  # a label is shown by the next turn of the loop
    return " ".join(
        label.text() for label in window.inspector.findChildren(QLabel) if not label.isHidden()
    )


def load(qtbot, window, name):
    window.conductor.load(ModelSpec(name))
    settle(qtbot, window)


def test_files_and_numbers_make_a_model_not_its_name():
    one = drawn.model(name="toy")
    assert model_difference(one, None) == ""
    assert model_difference(one, dataclasses.replace(one, name="a copy", device="cuda:0")) == ""
    assert model_difference(one, drawn.model(name="b", fingerprint="x")) == "another model, toy"
    assert model_difference(one, drawn.model(name="toy", fingerprint="x")) == "other files of toy"
    later = dataclasses.replace(one, fingerprint=f"{one.fingerprint}-2")
    assert model_difference(one, later) == "the pack's earlier tokenizer"
    assert model_difference(later, one) == "other files of toy"
    half = dataclasses.replace(one, dtype="bfloat16")
    assert model_difference(half, one) == "toy in bfloat16"
    folded = dataclasses.replace(one, weights="processed")
    assert model_difference(folded, one) == "the processed weights of toy"


def test_settings_that_differ_are_named_with_both_values():
    kind = ANALYSES["ablate"].params
    made = kind(mode="zero").model_dump(mode="json")
    assert settings_difference(kind, made, kind(mode="zero"), {}) == ()
    assert settings_difference(kind, {}, kind(), {}) == ()  # an older one lacks newer settings
    told = settings_difference(kind, made, kind(mode="mean", layers="0:1"), {"bos": "yes"})
    assert told == (
        "Replace by: zero, now mean",
        "Layers: all layers, now layer 0",
        "BOS: auto, now yes",
    )
    (strange,) = settings_difference(kind, {"mode": "x" * 300_000}, kind(), {})
    assert len(strange) < 200


def test_a_difference_in_words():
    both = Difference("another model, toy", ("a",), prompts=True)
    assert both.codes() == ("other_model", "other_settings", "other_prompts")
    assert both.words() == "with another model, toy and with other settings and for other prompts"
    assert Difference().codes() == ()


class TestModel:
    pytestmark = gui

    def test_every_picture_of_another_model_says_so(self, qtbot, window):
        assert all(chips(window, name) == [] for name in FILLED)
        load(qtbot, window, "toy")
        for name in FILLED:
            assert chips(window, name) == ["other_model"]
            assert chip_of(window.views[name]).text() == "Made with another model, smollm2"
        find(window.views["rank"], ChipRow).fix_clicked.emit("other_model")
        settle(qtbot, window)
        assert window.views["rank"].current_result.model.name == "toy"
        assert chips(window, "rank") == []
        assert chips(window, "ablate") == ["other_model"]
        load(qtbot, window, "smollm2")
        assert chips(window, "rank") == ["other_model"]
        assert chips(window, "ablate") == []

    def test_the_inspector_tells_no_other_models_numbers(self, qtbot, window):
        window.showing.show(detect_result(model=dataclasses.replace(window.conductor.model.info)))
        window.selection.select_head(5, 3)
        assert "0.900" in said(window)
        assert "Effect of removal" in said(window)
        load(qtbot, window, "toy")
        told = said(window)
        assert "0.900" not in told
        assert "Effect of removal" not in told
        assert window.inspector.pattern.isHidden()
        assert "Heads: made with another model, smollm2. Run again." in told
        # Nor does it where the table is empty.
        window.prompts.set_prompts([])
        settle(qtbot, window)
        told = said(window)
        assert "Effect of removal" not in told
        assert "0.900" not in told
        load(qtbot, window, "smollm2")
        assert "0.900" in said(window)  # it needs no prompts
        assert "Effect of removal" not in said(window)

    def test_letters_typed_into_a_form_refresh_the_rest_once(self, qtbot, window):
        view, heard = window.views["ablate"], []
        window.showing.source_changed.connect(lambda: heard.append(1))
        line = find(view, ParamsForm).editor("positions").control
        line.selectAll()
        qtbot.keyClicks(line, "n")  # no longer what made the result
        once = len(heard)
        qtbot.keyClicks(line, "owhere")  # nor is any of this
        assert (once, len(heard)) == (1, 1)
        assert chips(window, "ablate") == ["other_settings"]
        choose(view, "positions", "all")
        assert (len(heard), chips(window, "ablate")) == (2, [])

    def test_a_head_that_the_model_lacks_is_let_go(self, qtbot, open_window):
        service = FakeService()
        service.shapes["shallow"] = (2, 4)
        window = open_window(service)
        window.selection.select_head(5, 3)
        load(qtbot, window, "shallow")
        assert (window.selection.layer, window.selection.head) == (None, None)
        window.selection.select_head(1, 3)
        load(qtbot, window, "smollm2")
        assert (window.selection.layer, window.selection.head) == (1, 3)
        # An old picture may still be looked into: that the model lacks the head is said.
        load(qtbot, window, "shallow")
        window.selection.select_head(5, 3)
        assert "shallow has no such part." in said(window)

    def test_another_models_best_head_is_not_selected(self, qtbot, window):
        window.selection.select_head(None, None)
        window.showing.show(drawn.ablate_result(model=drawn.model(name="strange")))
        assert window.selection.layer is None

    def test_a_model_that_comes_in_the_middle_of_a_run(self, qtbot, open_window):
        service = FakeService()
        window = open_window(service)
        service.slow.add("ablate")
        window.runs.run("ablate")
        qtbot.waitUntil(lambda: window.views["ablate"].read_out()["drawn"])
        window.conductor.load(ModelSpec("toy"))
        service.slow.clear()
        settle(qtbot, window)
        assert window.conductor.model.info.name == "toy"
        assert window.views["ablate"].current_result.model.name == "smollm2"
        assert chips(window, "ablate") == ["other_model"]

    def test_tokens_of_another_model_are_taken_away_at_once(self, qtbot, window):
        window.selection.select_position(2)
        assert "Id" in said(window)
        shown = []
        window.prompts.live.tokens_shown.connect(shown.append)
        load(qtbot, window, "toy")
        assert shown[0] is None
        assert shown[-1].model.name == "toy"

    def test_without_a_model_it_is_said_whose_numbers_these_are(self, qtbot, open_window):
        window = open_window(FakeService(), wait=False)
        window.showing.show(drawn.ablate_result(params={}))
        rows = [PromptRow(text=p.text, corrupt=p.corrupt_text, answer=("5",), wrong=("4",))
                for p in drawn.PROMPTS]  # fmt: skip
        window.prompts.set_prompts(rows)
        window.prompts.flush()
        window.selection.select_head(5, 3)
        assert "Of smollm2, as kept in the session: no model is open." in said(window)
        assert "Effect of removal" in said(window)
        window.showing.show(detect_result(model=drawn.model(name="toy", fingerprint="x")))
        assert "Of toy," in said(window)
        assert "Ablation: made with another model, smollm2. Run again." in said(window)
        assert "Effect of removal" not in said(window)


class TestSettings:
    pytestmark = gui

    def test_a_picture_says_that_its_settings_are_others_until_they_are_set_back(
        self, qtbot, window
    ):
        view = window.views["ablate"]
        old = view.params()
        choose(view, "mode", "mean")
        assert chips(window, "ablate") == ["other_settings"]
        chip = chip_of(view)
        assert "Replace by: auto, now mean" in chip.toolTip()
        window.selection.select_head(3, 2)
        assert "Ablation: made with other settings. Run again." in said(window)
        assert chips(window, "rank") == []
        view.set_params(old)
        assert chips(window, "ablate") == []
        assert "Effect of removal" in said(window)

    def test_bos_and_chat_count_for_what_reads_prompts(self, qtbot, window):
        window.showing.show(detect_result(model=window.conductor.model.info))
        window.prompts.bos.set_value("yes")
        window.prompts.bos.changed.emit("yes")
        settle(qtbot, window)
        assert {name for name in FILLED if chips(window, name) == ["other_settings"]} == FILLED
        assert chips(window, "detect") == []

    def test_settings_changed_while_it_runs_are_not_those_of_the_picture(self, qtbot, open_window):
        service = FakeService()
        window = open_window(service)
        service.slow.add("ablate")
        view = window.views["ablate"]
        window.runs.run("ablate")
        qtbot.waitUntil(lambda: view.running_params() is not None)
        assert chips(window, "ablate") == []
        choose(view, "component", "mlp")
        assert chips(window, "ablate") == ["other_settings"]
        assert view.settings_of_run()["component"] == "head"
        service.slow.clear()
        settle(qtbot, window)
        assert view.current_result.params["component"] == "head"
        assert chips(window, "ablate") == ["other_settings"]

    def test_a_result_of_the_history_brings_its_settings(self, qtbot, window):
        number = next(r.id for r in window.session.rows() if r.analysis == "ablate")
        window.views["ablate"].run_with(mode="mean")
        settle(qtbot, window)
        assert chips(window, "ablate") == []
        window.results.asked.emit("show", number)
        assert chips(window, "ablate") == []
        assert window.views["ablate"].params().mode == "auto"

    def test_the_worked_example_brings_its_settings(self, qtbot, window):
        window.views["ablate"].run_with(mode="mean")
        settle(qtbot, window)
        window.runs.load_example()
        settle(qtbot, window)
        assert all(chips(window, name) == [] for name in FILLED)


class TestPrompts:
    pytestmark = gui

    @pytest.mark.parametrize("name", sorted(FILLED))
    def test_a_prompt_that_the_result_lacks_leaves_the_picture_alone(self, qtbot, window, name):
        rows = [TypedRow(f"{i} 2 3 4 ", "7 9 6 1 ", "5", "4") for i in (1, 5, 6)]
        window.prompts.table.prompts.set_rows(rows)
        settle(qtbot, window)
        window.views.open(name)
        window.prompts.table.select_row(2)
        view = window.views[name]
        assert len(view.current_result.prompts) == 1
        before = view.read_out()
        window.selection.select_position(3)
        window.selection.select_head(2, 1)
        window.selection.select_pair(3, 1)
        window.prompts.live.strip.token_clicked.emit(1)
        window.conductor.model = None
        window.runs.run(name)  # without a model it is refused, and the picture is drawn again
        assert "No model is open" in view.read_out()["failure"]
        assert view.current_result is not None
        view.set_params(view.params())
        for other in (1, 0, 2):
            window.prompts.table.select_row(other)
            window.selection.select_position(other)
        assert view.read_out()["drawn"]
        assert view.read_out()["chips"] == before["chips"]

    def test_a_prompt_deleted_while_its_result_is_shown(self, qtbot, window):
        rows = [TypedRow(f"{i} 2 3 4 ", "7 9 6 1 ", "5", "4") for i in (1, 5, 6)]
        window.prompts.table.prompts.set_rows(rows)
        settle(qtbot, window)
        for name in FILLED:
            window.runs.run(name)
        settle(qtbot, window)
        window.prompts.table.select_row(2)
        window.selection.select_head(3, 2)
        window.prompts.table.remove_rows()
        window.prompts.table.remove_rows()
        settle(qtbot, window)
        assert len(window.prompts.rows()) == 1
        assert {name for name in FILLED if "other_prompts" in chips(window, name)} == FILLED
        assert "… on this prompt" in said(window)  # of the one that is left
        window.prompts.set_prompts([])
        settle(qtbot, window)
        assert "Effect of removal" not in said(window)

    def test_a_position_that_the_prompt_lacks_is_let_go(self, qtbot, window):
        window.selection.select_position(7)
        window.selection.select_pair(7, 2)
        window.prompts.table.prompts.set_rows([TypedRow("1 2 ", "7 9 ", "5", "4")])
        settle(qtbot, window)
        assert window.selection.position is None
        assert window.selection.pair is None


class TestStopped:
    pytestmark = gui

    @pytest.fixture
    def part(self, qtbot, open_window):
        """Return a window in which a sweep was cancelled at half."""
        service = FakeService()
        window = open_window(service)
        service.slow.add("ablate")
        service.keeps = True
        window.views.open("ablate")
        window.runs.run("ablate")
        qtbot.waitUntil(lambda: window.views["ablate"].running_params() is not None)
        window.actions_by_name["stop"].trigger()
        settle(qtbot, window)
        window.service = service
        return window

    def test_what_it_had_is_shown_kept_and_marked(self, part):
        view = part.views["ablate"]
        assert not view.is_busy()
        assert view.current_result.partial
        assert chips(part, "ablate") == ["partial"]
        chip = chip_of(view)
        assert "12 of 24" in chip.toolTip()
        assert part.job_bar.title() == "Ablation stopped"
        row = part.session.rows()[-1]
        assert row.title.startswith("Ablation (partial) · ")
        assert part.session.result(row.id).partial

    def test_its_picture_says_how_much_there_is(self, part):
        read = part.views["ablate"].read_out()
        (shown,) = read["maps"]
        assert np.isnan(shown.values[N_LAYERS // 2 :]).all()
        assert "12 of 24 parts" in shown.name
        assert "12 of 24 parts" in read["base"]
        assert read["title"] == "Most harmful of 12 of 24 parts"
        assert len(read["keys"]) == 12
        part.selection.select_head(N_LAYERS - 1, 0)
        assert part.views["ablate"].read_out()["details"]["sentence"].startswith("Not computed")
        assert "not computed" in said(part)

    def test_first_fields_do_not_bear_the_words_of_the_result_before(self, qtbot, part):
        view, before = part.views["ablate"], part.views["ablate"].read_out()["small_print"]
        service = part.service
        service.keeps = False
        part.runs.run("ablate")
        qtbot.waitUntil(lambda: view.running_params() is not None)
        assert chips(part, "ablate") == []
        assert view.read_out()["small_print"] == "The first values of the run that goes on"
        part.actions_by_name["stop"].trigger()
        settle(qtbot, part)
        assert chips(part, "ablate") == ["partial"]
        assert view.read_out()["small_print"] == before

    def test_a_run_that_a_newer_one_replaces_leaves_nothing(self, qtbot, open_window):
        service = FakeService()
        window = open_window(service)
        before = len(window.session.rows())
        service.slow.add("ablate")
        service.keeps = True
        window.runs.run("ablate")
        qtbot.waitUntil(lambda: window.views["ablate"].running_params() is not None)
        window.runs.run("ablate")
        service.slow.clear()
        settle(qtbot, window)
        assert len(window.session.rows()) == before + 1
        assert not window.views["ablate"].current_result.partial
