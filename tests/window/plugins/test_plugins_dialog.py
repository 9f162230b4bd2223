"""The plug-ins' dialog: what there is, a switch for each, and what a switch changes at once."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, BUILT_IN, hook
from desktop_app.contract.report import SilentReporter
from desktop_app.session.store import Session
from desktop_app.support import plugin_state, plugin_wheels, plugins
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.support.plugin_state import plugins_dir
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.frame import dialogs
from desktop_app.window.plugins import plugins_dialog
from tests.finding import find, in_sight, press
from tests.models import named
from tests.wheels import files_of, own_plugins, sample_wheel, spec_of, unpacked, write_wheel
from tests.window.exports.test_pictures import ids
from tests.window.frame.test_plugins import RealWeather
from tests.window.test_window import run

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
WEATHER = "Switch lensbench-weather 0.1.0 on"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    with own_plugins():
        yield tmp_path / "home"


@pytest.fixture
def asked(monkeypatch):
    """Answer each question with the last word of the list, and note it."""
    told = [True]

    def ask(_parent, text, _more, verb):
        told.insert(0, f"{verb}: {text}")
        return told[-1]

    monkeypatch.setattr(dialogs, "ask_plugin", ask)
    return told


def shown(dialog):
    return {row["name"]: row for row in dialog.read_out()["plugins"]}


def wait_done(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog.read_out()["is_working"])


def test_without_any_the_next_step_is_offered(window):
    dialog = window.plugins.open_dialog()
    assert dialog.read_out()["plugins"] == []
    find(dialog, QPushButton, "Add a plug-in…")
    assert in_sight(dialog, QPushButton, "Add…") == []
    assert not plugins_dir().exists()


def test_one_is_added_off_and_is_in_the_rail_as_soon_as_it_is_on(window, answers, qtbot, tmp_path):
    dialog = window.plugins.open_dialog()
    press(dialog, "Look again")
    answers["open"] = sample_wheel(tmp_path)
    press(dialog, "Add a plug-in…")
    wait_done(qtbot, dialog)
    assert dialog.read_out()["banner"] == (
        "lensbench-weather 0.1.0 is added, and off until you switch it on."
    )
    assert not shown(dialog)["lensbench-weather"]["on"]
    assert "weather" not in window.rail.names()
    find(dialog, QCheckBox, WEATHER).click()
    assert dialog.read_out()["banner"] == "lensbench-weather is on. In the rail now: Weather."
    row = shown(dialog)["lensbench-weather"]
    assert (row["on"], row["state"]) == (True, "In the rail")
    assert "Analyses: Weather" in row["lines"]
    assert "weather" in window.rail.names()
    assert "tab_weather" in window.actions_by_name
    place = window.rail.names().index("weather") + 1
    keys = window.actions_by_name["tab_weather"].shortcut().toString()
    assert keys == f"Ctrl+{place}"
    assert any(found.text == "Weather" for found in window.search.find("weather"))
    assert any("Help" in found.kind for found in window.search.find("stream is strongest"))
    window.actions_by_name["tab_weather"].trigger()
    assert window.views.current == "weather"
    assert window.views.shown().analysis.title == "Weather"


def test_off_it_stays_until_the_next_start_and_the_dialog_says_so(window, tmp_path):
    plugin_wheels.add(sample_wheel(tmp_path))
    dialog = window.plugins.open_dialog()
    find(dialog, QCheckBox, WEATHER).click()
    find(dialog, QCheckBox, WEATHER).click()
    assert "leaves with the next start" in dialog.read_out()["banner"]
    row = shown(dialog)["lensbench-weather"]
    assert (row["on"], row["state"]) == (False, "Leaves with the next start")
    assert "weather" in window.rail.names()
    ANALYSES.forget()
    assert tuple(ANALYSES) == BUILT_IN


def test_a_second_one_leaves_a_view_of_the_first_alone(window):
    for name in ("one", "two"):
        files = files_of(name, offers={name: name}, modules={f"{name}/spec.py": spec_of(name)})
        unpacked(files)
    dialog = window.plugins.open_dialog()
    find(dialog, QCheckBox, "Switch one 1.0 on").click()
    window.views.open("one")
    view = window.views.shown()
    find(dialog, QCheckBox, "Switch one 1.0 on").click()
    find(dialog, QCheckBox, "Switch two 1.0 on").click()
    assert window.views.shown() is view
    assert {"one", "two"} <= set(window.rail.names())


@pytest.mark.model
def test_what_only_a_session_knew_gives_way_to_it(open_window, qtbot, tmp_path):
    plugin_wheels.add(sample_wheel(tmp_path))
    plugins.switch("lensbench-weather", on=True)
    params = ANALYSES["weather"].params(prompts=(PromptRow(text="1 2 3 4 "),))
    made = hook("weather", "run", "run")(named("toy"), params, SilentReporter())
    with Session.create(tmp_path / "kept.lens") as session:
        session.add(made)
    plugins.switch("lensbench-weather", on=False)
    ANALYSES.forget()
    window = open_window(RealWeather())
    window.files.open_any(tmp_path / "kept.lens")
    qtbot.waitUntil(lambda: bool(ids(window, "weather")))
    window.results.asked.emit("show", ids(window, "weather")[0])
    qtbot.waitUntil(lambda: window.views.current == "weather")
    stand_in = window.views.shown()
    dialog = window.plugins.open_dialog()
    find(dialog, QCheckBox, WEATHER).click()
    view = window.views.shown()
    assert view is not stand_in
    assert "How strong the residual stream" in view.analysis.summary
    assert window.rail.names().count("weather") == 1
    window.results.asked.emit("show", ids(window, "weather")[0])
    qtbot.waitUntil(lambda: window.views.shown().read_out()["state"] == "result")
    run(qtbot, window, "weather")
    qtbot.waitUntil(lambda: len(ids(window, "weather")) == 2)


def test_one_that_cannot_be_used_is_told_of_and_cannot_be_switched(window):
    unpacked(files_of("elsewhere", offers={"x": "x"}, modules={}, tag="cp27-cp27m-atari"))
    needs = ("Requires-Dist: no-such-library>=2", "Summary: <b>Bold</b> & plain")
    unpacked(files_of(headers=needs, modules={"zeal/spec.py": "import no_such_library"}))
    dialog = window.plugins.open_dialog()
    rows = shown(dialog)
    assert not rows["elsewhere"]["can_be_switched"]
    assert "It is made for cp27-cp27m-atari" in rows["elsewhere"]["lines"][-1]
    assert rows["its-plugin"]["lines"][0] == "<b>Bold</b> & plain"
    assert "It lacks no-such-library >=2: it may not work." in rows["its-plugin"]["lines"]
    find(dialog, QCheckBox, "Switch its-plugin 1.0 on").click()
    assert "not all of it can be used" in dialog.read_out()["banner"]
    assert any("No module named" in line for line in shown(dialog)["its-plugin"]["lines"])
    assert "zeal" not in window.rail.names()


def test_it_is_replaced_and_removed_only_after_asking(window, answers, asked, qtbot, tmp_path):
    plugin_wheels.add(write_wheel(tmp_path))
    plugins.switch("its-plugin", on=True)
    dialog = window.plugins.open_dialog()
    find(dialog, QCheckBox, "Switch its-plugin 1.0 on").click()
    find(dialog, QCheckBox, "Switch its-plugin 1.0 on").click()
    answers["open"] = write_wheel(tmp_path, files_of(version="2.0"))
    asked[-1] = False
    press(dialog, "Add…")
    wait_done(qtbot, dialog)
    assert asked[0] == (
        "Replace: “its-plugin” 1.0 is there already. Let version 2.0 take its place?"
    )
    assert plugins.find("its-plugin").version == "1.0"
    asked[-1] = True
    press(dialog, "Add…")
    qtbot.waitUntil(lambda: "its-plugin 2.0" in dialog.read_out()["banner"])
    assert shown(dialog)["its-plugin"]["state"] == "Renewed with the next start"
    asked[-1] = False
    press(dialog, "Remove its-plugin 2.0")
    assert asked[0] == "Remove: Remove “its-plugin”?"
    assert "its-plugin" in shown(dialog)
    asked[-1] = True
    press(dialog, "Remove its-plugin 2.0")
    wait_done(qtbot, dialog)
    assert "is removed. What it has loaded leaves" in dialog.read_out()["banner"]
    assert shown(dialog) == {}
    assert not plugin_state.switched_on()


def test_what_is_refused_is_said_in_the_dialog(window, answers, qtbot, tmp_path):
    dialog = window.plugins.open_dialog()
    spoilt = tmp_path / "its_plugin-1.0-py3-none-any.whl"
    spoilt.write_bytes(b"no archive")
    answers["open"] = spoilt
    press(dialog, "Add a plug-in…")
    wait_done(qtbot, dialog)
    assert "cannot be added, as it is no archive" in dialog.read_out()["banner"]
    answers["open"] = None
    press(dialog, "Add a plug-in…")
    assert shown(dialog) == {}


def test_what_is_gone_meanwhile_is_said(window, asked):
    folder = unpacked(files_of())
    dialog = window.plugins.open_dialog()
    folder.rename(plugins_dir().parent / "elsewhere")
    find(dialog, QCheckBox, "Switch its-plugin 1.0 on").click()
    assert "There is no plug-in “its-plugin”" in dialog.read_out()["banner"]
    assert shown(dialog) == {}


def test_the_keyboard_alone_switches_and_stays_where_it_was(window, qtbot, tmp_path):
    plugin_wheels.add(sample_wheel(tmp_path))
    dialog = window.plugins.open_dialog()
    qtbot.waitUntil(dialog.isActiveWindow)
    assert QApplication.focusWidget() is find(dialog, QCheckBox, WEATHER)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert shown(dialog)["lensbench-weather"]["on"]
    assert QApplication.focusWidget() is find(dialog, QCheckBox, WEATHER)
    walked = []
    for _ in range(6):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        walked.append(
            QApplication.focusWidget().accessibleName() or QApplication.focusWidget().text()
        )
    assert walked[0] in {"Dismiss this notice", "Remove lensbench-weather 0.1.0"}
    assert {"Remove lensbench-weather 0.1.0", "Open folder", "Look again", "Add…"} <= set(walked)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_it_is_found_in_the_menu_and_at_a_start_with_a_problem(open_window, service):
    plugin_state.keep({"gone"})
    window = open_window(service)
    assert window.banner.text().startswith("The plug-in “gone” cannot be used. It is switched on")
    press(window.banner, "Plug-ins…")
    dialog = window.plugins.dialog
    assert dialog.isVisible()
    find(dialog, QCheckBox, "Switch gone on").click()
    assert shown(dialog) == {}
    assert window.actions_by_name["plugins"].text() == "Plug-ins…"


def test_the_folder_is_opened(window, monkeypatch):
    opened = []
    services = type("Services", (), {"openUrl": lambda url: opened.append(url.toLocalFile())})
    monkeypatch.setattr(plugins_dialog, "QDesktopServices", services)
    press(window.plugins.open_dialog(), "Open folder")
    assert opened == [plugins_dir().as_posix()]
    assert plugins_dir().is_dir()


def test_both_themes_draw_it(window, qapp, tmp_path):
    plugin_wheels.add(sample_wheel(tmp_path))
    dialog = window.plugins.open_dialog()
    pictures = []
    for theme in ("light", "dark"):
        apply_theme(qapp, theme)
        pictures.append(dialog.grab().toImage().pixelColor(4, 4).lightness())
    assert pictures[0] > 200
    assert pictures[1] < 60
