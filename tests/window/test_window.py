"""The window on a service that answers at once: what a user does, and what comes of it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QPushButton

from desktop_app.contract.params import PromptRow
from desktop_app.contract.requests import LoadModel, RunAnalysis
from desktop_app.session.store import Session
from desktop_app.widgets.basics.messages import Banner
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import in_sight, press, said
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def idle(qtbot, window):
    qtbot.waitUntil(lambda: not window.runner.is_busy())


def set_rows(qtbot, window, *rows):
    window.prompts.table.prompts.set_rows(rows)
    with qtbot.waitSignal(window.prompts.live.tokens_shown):
        window.prompts.flush()


def run(qtbot, window, tab):
    window.views.open(tab)
    window.actions_by_name["run"].trigger()
    idle(qtbot, window)


def strip_texts(window):
    return "".join(window.prompts.live.strip.texts())


def test_first_start_fills_every_tab_with_the_worked_example(window, service):
    assert service.analyses_run().count("tokens") >= 1
    for name in ("tokens", "rank", "attention", "ablate"):
        assert window.views[name].current_result is not None, name
    (row,) = window.prompts.rows()
    assert row == TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")
    loads = [r for r in service.asked if isinstance(r, LoadModel)]
    assert [r.spec.model for r in loads] == ["smollm2"]
    assert loads[0].spec.offline
    order = [n for n in service.analyses_run() if n != "tokens"]
    assert order == ["rank", "attention", "ablate"]
    assert "smollm2 · cpu · float32 · 0.54 GB" in window.top_bar.model_button.text()
    assert not window.top_bar.badge.isHidden()


def test_without_the_pack_the_toy_is_shown(open_window):
    window = open_window(FakeService(installed=("toy",)))
    (row,) = window.prompts.rows()
    assert row == TypedRow("1 2 3 4", "7 9 6 1", " 5", " 4")
    assert window.conductor.model.spec.model == "toy"


def test_all_torch_calls_are_on_one_thread(window, service):
    import threading

    assert len(service.threads) == 1
    assert threading.get_ident() not in service.threads


def test_typing_brings_the_strip_without_pressing_anything(qtbot, window):
    table = window.prompts.table
    table.select_row(0, 0)
    table.edit(table.currentIndex())
    editor = table.viewport().findChild(QPlainTextEdit)
    editor.selectAll()
    with qtbot.waitSignal(window.prompts.live.tokens_shown):
        qtbot.keyClicks(editor, "10 11 12 ")
    qtbot.waitUntil(lambda: strip_texts(window) == "10 11 12 ")
    assert table.prompts.rows()[0].prompt == "10 11 12 "
    assert editor.isVisible()  # the editor stays open while one types


def test_fast_typing_asks_seldom(qtbot, window, service):
    before = len(service.asked)
    for i in range(30):
        window.prompts.table.prompts.replace_row(0, TypedRow("x" * (i + 1)))
    qtbot.waitUntil(lambda: strip_texts(window) == "x" * 30)
    idle(qtbot, window)
    assert len(service.asked) - before <= 2


def test_run_with_progress_cancel_half_way_and_run_again(qtbot, open_window):
    service = FakeService()
    window = open_window(service)
    service.slow.add("ablate")
    window.views.open("ablate")
    old = window.views["ablate"].current_result
    window.actions_by_name["run"].trigger()
    qtbot.waitSignal(window.conductor.job_moved, check_params_cb=lambda e: e.fraction > 0.1).wait()
    assert window.views["ablate"].is_busy()
    assert window.actions_by_name["stop"].isEnabled()
    window.actions_by_name["stop"].trigger()
    idle(qtbot, window)  # left alone, it would go on for ever
    assert not window.views["ablate"].is_busy()
    assert window.views["ablate"].current_result is old
    assert not window.actions_by_name["stop"].isEnabled()
    service.slow.clear()
    run(qtbot, window, "ablate")
    assert window.views["ablate"].current_result is not old


def test_cancel_stops_a_run(qtbot, open_window):
    service = FakeService()
    window = open_window(service)
    service.slow.add("ablate")
    window.views.open("ablate")
    window.activateWindow()
    window.actions_by_name["run"].trigger()
    qtbot.waitUntil(window.conductor.is_busy)
    shortcuts = [s.toString() for s in window.actions_by_name["stop"].shortcuts()]
    assert shortcuts == ["Ctrl+."]
    window.job_bar.cancel_clicked.emit()
    idle(qtbot, window)
    assert not window.views["ablate"].is_busy()


def test_a_newer_run_replaces_an_older_one(qtbot, open_window):
    service = FakeService()
    window = open_window(service)
    service.slow.add("rank")
    window.views.open("rank")
    window.actions_by_name["run"].trigger()
    qtbot.waitUntil(lambda: service.analyses_run()[-1] == "rank")
    kept = []
    window.conductor.result_arrived.connect(lambda result, _task: kept.append(result))
    window.prompts.table.prompts.set_rows([TypedRow("newest ", "", "5", "4")])
    window.runs.run("rank")
    service.slow.clear()
    idle(qtbot, window)
    assert [result.prompts[0].text for result in kept] == ["newest "]
    assert window.views["rank"].current_result.prompts[0].text == "newest "
    assert not window.views["rank"].is_busy()


def test_a_refused_run_is_mended_in_one_click(qtbot, window):
    set_rows(qtbot, window, TypedRow("1 2 3 4", "7 9 6 1", " 5", " 4"))
    window.views.open("rank")
    window.actions_by_name["run"].trigger()
    qtbot.waitSignal(window.conductor.run_failed).wait()
    view = window.views["rank"]
    assert in_sight(view, Banner)
    with qtbot.waitSignal(window.conductor.result_arrived):
        press(view, "Fix the prompt")
    assert window.prompts.rows() == [TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")]
    assert view.current_result.prompts[0].text == "1 2 3 4 "
    assert not in_sight(view, Banner)


def test_a_fix_finds_its_row_after_rows_moved(qtbot, window):
    set_rows(qtbot, window, TypedRow("a b c", "", "x", "y"), TypedRow("1 2", "", " 5", " 4"))
    window.views.open("rank")
    window.actions_by_name["run"].trigger()
    qtbot.waitSignal(window.conductor.run_failed).wait()
    window.prompts.table.prompts.insert(0, [TypedRow("new row", "", "x", "y")])
    with qtbot.waitSignal(window.conductor.result_arrived):
        press(window.views["rank"], "Fix the prompt")
    assert [r.prompt for r in window.prompts.rows()] == ["new row", "a b c", "1 2 "]


def test_a_chip_under_the_table_mends_its_prompt(qtbot, window):
    set_rows(qtbot, window, TypedRow("1 2 3  ", "", "5", "4"))
    chips = window.prompts.live.chips
    assert not chips.isHidden()
    chips.fix_clicked.emit("trailing_space")
    qtbot.waitUntil(lambda: strip_texts(window) == "1 2 3 ")
    assert window.prompts.rows()[0].prompt == "1 2 3 "


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (TypedRow("", "", "", ""), "no prompt"),
        (TypedRow("", "x", "5", "4"), "prompt is empty"),
        (TypedRow("1 2", "", "5", "5"), "both answer and wrong"),
        (TypedRow("1 \ud83d", "", "5", "4"), "half a character"),
    ],
)
def test_bad_input_is_refused_in_words_and_the_window_lives(qtbot, window, service, row, words):
    before = service.analyses_run().count("rank")
    window.prompts.table.prompts.set_rows([row])
    run(qtbot, window, "rank")
    assert words in window.views["rank"].read_out()["failure"]
    assert service.analyses_run().count("rank") == before
    set_rows(qtbot, window, TypedRow("1 2 3 4 😀", "", "5", "4"))
    run(qtbot, window, "rank")
    assert window.views["rank"].current_result.prompts[0].text == "1 2 3 4 😀"


def test_a_bug_is_told_with_details_to_copy(qtbot, window, service, monkeypatch):
    def broken(request):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(service, "_run", broken)
    run(qtbot, window, "rank")
    assert not window.banner.isHidden()
    window.banner.action_clicked.emit("copy_report")
    assert "ZeroDivisionError: oops" in QApplication.clipboard().text()


def test_history_shows_a_result_in_its_tab_again(qtbot, window):
    first = window.views["rank"].current_result
    set_rows(qtbot, window, TypedRow("2 3 4 5 ", "", "6", "5"))
    run(qtbot, window, "rank")
    qtbot.waitUntil(lambda: len(window.results.listed()) == 5)
    rows = window.session.rows()
    number = next(r.id for r in rows if r.analysis == "rank")
    window.views.open("tokens")
    window.results.asked.emit("show", number)
    assert window.views.current == "rank"
    assert window.views["rank"].current_result.prompts[0].text == first.prompts[0].text


def test_double_click_on_a_head_opens_its_attention(window):
    window.views.open("ablate")
    window.views["ablate"].open_attention(3, 2)
    assert window.views.current == "attention"
    assert (window.selection.layer, window.selection.head) == (3, 2)
    assert "L3H2" in said(window.inspector)
    assert not window.inspector.pattern.isHidden()


def test_the_table_and_the_selection_follow_each_other(qtbot, window):
    set_rows(qtbot, window, TypedRow("aa"), TypedRow(), TypedRow("bb", "cc"))
    window.prompts.table.select_row(2)
    assert window.selection.prompt == 1  # the empty row does not count
    assert strip_texts(window) == "bb"
    window.selection.select_prompt(0)
    assert window.prompts.table.current_row() == 0


def test_closing_while_busy_waits_and_keeps_what_is_finished(qtbot, open_window):
    service = FakeService()
    window = open_window(service)
    service.slow.add("ablate")
    window.views.open("ablate")
    window.actions_by_name["run"].trigger()
    qtbot.waitSignal(window.conductor.job_moved).wait()
    with qtbot.waitSignal(window.closed):
        window.close()
    assert not window.isVisible()


def test_closing_can_be_called_off(qtbot, window, answers):
    run(qtbot, window, "rank")
    answers["close"] = "cancel"
    window.close()
    assert window.isVisible()
    answers["close"] = "discard"


def test_the_worked_example_alone_is_not_asked_about(qtbot, window, answers):
    answers["close"] = "cancel"
    with qtbot.waitSignal(window.closed):
        window.close()
    assert not window.isVisible()


def test_saving_and_opening_a_session(qtbot, window, answers, tmp_path):
    run(qtbot, window, "rank")
    window.inspector.notes.setPlainText("23.3 is the successor head")
    window.inspector.flush_notes()
    path = tmp_path / "mine.lens"
    answers["save"] = path
    with qtbot.waitSignal(window.session.saved):
        window.actions_by_name["save_session"].trigger()
    assert not window.session.has_unsaved
    assert "mine" in window.windowTitle()
    answers["open"] = path
    window.actions_by_name["new_session"].trigger()
    assert len(window.results.listed()) == 0
    assert window.views["rank"].current_result is None
    window.actions_by_name["open_session"].trigger()
    assert len(window.results.listed()) == 5
    assert window.views["rank"].current_result is not None
    assert window.inspector.notes.toPlainText() == "23.3 is the successor head"
    assert window.prompts.rows()[0].prompt == "1 2 3 4 "


def test_a_file_that_is_no_session_is_refused_in_words(qtbot, window, tmp_path):
    bad = tmp_path / "bad.lens"
    bad.write_bytes(b"not a session")
    window.files.open_any(bad)
    assert not window.banner.isHidden()
    assert len(window.results.listed()) >= 1


def drop(window, path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


def test_dropping_files(qtbot, window, tmp_path):
    table = tmp_path / "prompts.csv"
    table.write_text('prompt,corrupt,answer,wrong\n"a b ",c d ,x,y|z\n', encoding="utf-8")
    drop(window, table)
    assert window.prompts.rows() == [TypedRow("a b ", "c d ", "x", "y|z")]
    folder = tmp_path / "model"
    folder.mkdir()
    drop(window, folder)
    assert window.models.dialog.isVisible()
    assert window.models.dialog.name.text() == str(folder)
    window.models.dialog.close()
    idle(qtbot, window)
    (tmp_path / "x.txt").write_text("x")
    drop(window, tmp_path / "x.txt")
    assert not window.banner.isHidden()


def test_settings_are_remembered(qtbot, open_window, tmp_path, service):
    folder = tmp_path / "config"
    window = open_window(service)
    set_rows(qtbot, window, TypedRow("kept ", "", "5|five", "4"))
    window.views.open("attention")
    window.prompts.set_shared_settings("no", chat=False)
    window.actions_by_name["theme_dark"].trigger()
    idle(qtbot, window)
    window.close()
    again = open_window(FakeService(), folder=folder)
    assert again.prompts.rows() == [TypedRow("kept ", "", "5|five", "4")]
    assert again.views.current == "attention"
    assert again.prompts.shared_settings() == {"bos": "no", "chat": False}
    assert again.settings.theme == "dark"
    assert again.conductor.model.spec.model == "smollm2"
    assert again.views["ablate"].current_result is None  # the example is for the first start


def test_what_was_typed_just_before_closing_is_in_the_session(
    qtbot, open_window, tmp_path, service, caplog
):
    window = open_window(service)
    path = tmp_path / "typed.lens"
    window.session.save_as(path)
    window.session.wait()
    window.prompts.set_prompts([PromptRow(text="typed at the last moment")])
    with qtbot.waitSignal(window.closed):
        window.close()
    running = [timer for timer in window.findChildren(QTimer) if timer.isActive()]
    assert running == []  # one left running would fire on a closed file
    assert "after the session's file was closed" not in caplog.text
    with Session.open(path) as session:
        assert [row.text for row in session.prompts()[0]] == ["typed at the last moment"]


def test_a_model_that_is_gone_does_not_block_a_start(qtbot, open_window, tmp_path):
    first = open_window(FakeService())
    first.close()
    service = FakeService()
    service.fail_models.add("smollm2")
    window = open_window(service, wait=False)
    with qtbot.waitSignal(window.conductor.model_failed):
        window.start()
    assert not window.banner.isHidden()
    assert "Choose a model" in window.top_bar.model_button.text()
    run(qtbot, window, "rank")
    assert "No model is open" in window.views["rank"].read_out()["failure"]


def test_theme_switch(window):
    from desktop_app.widgets.basics.theme import theme_hub

    window.actions_by_name["theme_dark"].trigger()
    assert theme_hub().current.dark
    window.actions_by_name["theme_light"].trigger()
    assert not theme_hub().current.dark
    assert window.settings.theme == "light"


def test_shortcuts_are_unique_and_every_action_is_in_the_search(window):
    actions = [a for _, a in window.actions_by_name.all()]
    keys = [s.toString() for a in actions for s in a.shortcuts() if not s.isEmpty()]
    assert len(keys) == len(set(keys))
    for wanted in ("Ctrl+R", "F11", "Ctrl+.", "Ctrl+K", "Ctrl+O", "Ctrl+S", "Ctrl+1", "Ctrl+4"):
        assert wanted in keys
    assert "Ctrl+N" in keys
    assert "F1" in keys
    window.actions_by_name["search"].trigger()
    assert len(window.top_bar.search.matches()) == len(actions)
    window.top_bar.search.close_list()


def test_search_finds_and_runs_an_action(qtbot, window):
    search = window.top_bar.search
    window.views.open("tokens")
    window.actions_by_name["search"].trigger()
    search.setText("")
    qtbot.keyClicks(search, "abl")
    assert search.matches()[0] == "Ablation"
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert window.views.current == "ablate"
    assert not search.is_open()


def test_help_follows_the_tab(window):
    window.views.open("ablate")
    window.actions_by_name["help"].trigger()
    assert window.help.page() == "ablate"
    assert "ablated − base" in window.help.browser.toPlainText()
    assert not window.docks["help"].isHidden()


def test_every_control_has_a_name_for_screen_readers(window):
    from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QComboBox

    for kind in (QAbstractButton, QLineEdit, QAbstractItemView, QComboBox):
        for widget in window.findChildren(kind):
            if not widget.isVisible() or widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
                continue
            named = widget.accessibleName() or getattr(widget, "text", str)()
            assert named, f"{widget} {widget.objectName()} {widget.parent()}"


def test_pasting_where_nothing_was_ever_copied_says_so(window):
    QApplication.clipboard().clear()
    before = window.prompts.rows()
    window.actions_by_name["paste_prompts"].trigger()
    assert window.prompts.rows() == before
    assert window.job_bar.title() == "The clipboard holds no text."


def test_pasting_and_removing_rows(qtbot, window):
    table = window.prompts.table
    QApplication.clipboard().setText("a b \tc d \t5\t4\r\ne f \tg h \t6\t5")
    table.select_row(0)
    window.actions_by_name["paste_prompts"].trigger()
    assert [r.prompt for r in window.prompts.rows()] == ["1 2 3 4 ", "a b ", "e f "]
    assert window.prompts.rows()[1] == TypedRow("a b ", "c d ", "5", "4")
    window.actions_by_name["copy_prompt"].trigger()
    assert len(window.prompts.rows()) == 4
    for _ in range(6):
        window.actions_by_name["remove_prompt"].trigger()
    assert window.prompts.rows() == [TypedRow()]
    qtbot.waitUntil(lambda: window.prompts.live.result() is None)


def test_requests_are_frozen_copies_of_the_table(qtbot, window, service):
    run(qtbot, window, "rank")
    request = [r for r in service.asked if isinstance(r, RunAnalysis)][-1]
    window.prompts.table.prompts.replace_row(0, TypedRow("changed"))
    assert request.params.prompts[0].text == "1 2 3 4 "
    assert request.params.bos == "auto"
    idle(qtbot, window)


def test_every_menu_fits_a_small_screen(window):
    heights = {
        action.text(): action.menu().sizeHint().height()
        for action in window.menuBar().actions()
        if action.menu() is not None
    }
    assert max(heights.values()) < 640, heights


def test_a_click_on_run_leaves_the_keyboard_in_its_room(qtbot, window, service):
    view = window.views["ablate"]
    window.views.open("ablate")
    button = next(b for b in view.findChildren(QPushButton) if b.text() == "Run" and b.isVisible())
    button.setFocus()
    service.slow.add("ablate")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.isEnabled()
    assert view.isAncestorOf(QApplication.focusWidget())
    service.slow.clear()
    settle(qtbot, window)
    assert QApplication.focusWidget() is button


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1440, 900)])
def test_a_notice_of_the_window_leaves_the_line_beneath_the_picture_in_sight(
    qtbot, open_window, service, size
):
    window = open_window(service, size=size)
    window.views.open("rank")
    settle(qtbot, window)
    view = window.views["rank"]
    line = view.read_out()["small_print"]
    assert line
    window.hall.show_problem("Something went wrong. The log has the details.")
    settle(qtbot, window)
    (notice,) = [
        part for part in window.findChildren(Banner) if part.isVisible() and "log" in part.text()
    ]
    (foot,) = [part for part in in_sight(view, QLabel) if part.accessibleName() == line]
    top = foot.mapTo(window, foot.rect().topLeft()).y()
    assert notice.mapTo(window, notice.rect().bottomLeft()).y() < top
