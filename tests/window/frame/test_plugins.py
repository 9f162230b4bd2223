"""Analyses that other packages bring, or that only a session knows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.contract import registry
from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import RunAnalysis
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.session.store import Session
from desktop_app.views.frame import Heading
from desktop_app.widgets.basics.icons import icon, icon_of
from desktop_app.window.exports.pictures import save_picture
from desktop_app.window.frame.help_pages import spec_page
from tests.finding import find
from tests.models import named
from tests.plugins import declare, on_path, write_package
from tests.samples import drawn
from tests.window.exports.test_pictures import ids, marked
from tests.window.fakes import FakeService
from tests.window.test_window import run

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


class RealWeather(FakeService):
    """Runs the installed sample on the toy model, and fakes everything else."""

    def perform(self, request, report):
        if isinstance(request, RunAnalysis) and request.analysis == "weather":
            self.asked.append(request)
            self.wait(request.analysis, report)
            return registry.hook("weather", "run", "run")(named("toy"), request.params, report)
        return super().perform(request, report)


FIELDS = (FieldSpec("score", ("layer", "head"), "How far it reaches", "bits"),)


def far_result():
    kept = drawn.ablate_result().data["effect_mean"]
    result = drawn.result_of("far_sight", {"score": kept})
    return dataclasses.replace(result, fields=FIELDS)


def test_an_analysis_without_a_help_page_has_one_made_of_its_spec():
    told = Analysis("far_sight", "Far sight", "Sees far.", Params, FIELDS)
    page = spec_page(told)
    assert page.startswith("# Far sight\n\nSees far.")
    assert "| score | layer × head | bits | How far it reaches |" in page
    assert "## Settings" not in page
    ablation = spec_page(registry.ANALYSES["ablate"])
    for field in registry.ANALYSES["ablate"].params.own_fields().values():
        assert field.title in ablation


def test_an_analysis_without_an_icon_has_a_general_one(qapp):
    assert icon_of("ablate") == "ablate"
    assert not icon(icon_of("far_sight")).isNull()


def test_what_cannot_be_loaded_is_told_once_and_the_window_opens(open_window, service, monkeypatch):
    sentence = "The analysis “far” of elsewhere cannot be loaded: ImportError: nothing there."
    monkeypatch.setattr(registry.ANALYSES, "problems", (sentence,))
    window = open_window(service, wait=False)
    window.start()
    assert window.banner.text() == sentence
    assert window.views.current in registry.ANALYSES


def test_a_result_of_an_analysis_that_is_not_installed_opens_and_goes_with_its_session(window):
    window.showing.show(far_result())
    window.views.open("far_sight")
    parts = [n for n, a in registry.ANALYSES.items() if a.group == "part"]
    names = window.rail.names()
    assert names[names.index(parts[-1]) + 1] == "far_sight"  # at the end of its group
    view = window.views.shown()
    assert view.current_result.analysis == "far_sight"
    button = find(view, Heading).run_button
    assert not button.isEnabled()
    assert "not installed" in button.toolTip()
    window.session.start_new()
    assert "far_sight" not in window.rail.names()
    assert window.views.current in registry.ANALYSES


@pytest.mark.model
def test_an_installed_package_has_what_a_built_in_analysis_has(
    installed_plugin, open_window, qtbot, tmp_path
):
    service = RealWeather()
    window = open_window(service)
    title = registry.ANALYSES[installed_plugin].title
    # A place in the rail, in its group; an entry of the menu, which is what the search lists.
    names = window.rail.names()
    assert names[names.index("attention") + 1] == installed_plugin
    action = window.actions_by_name[f"tab_{installed_plugin}"]
    assert action.text() == title
    action.trigger()
    view = window.views.shown()
    assert window.views.current == installed_plugin
    # Its form.
    assert view.params().site == "resid_post"
    # A run with progress, a picture and a row of the history.
    run(qtbot, window, installed_plugin)
    qtbot.waitUntil(lambda: bool(ids(window, installed_plugin)))
    shown = view.read_out()
    assert shown["state"] == "result"
    assert shown["drawn"]
    assert "norm" in view.fields()
    target = tmp_path / "picture.png"
    save_picture(view.picture_widget(), target, scale=1.0, title=title)
    assert target.stat().st_size > 1_000
    # Stop is heard, and the picture there was comes back.
    service.slow.add(installed_plugin)
    window.actions_by_name["run"].trigger()
    qtbot.waitUntil(lambda: view.is_busy() and window.conductor.is_busy())
    window.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not window.conductor.is_busy())
    assert view.read_out()["state"] == "result"
    service.slow.clear()
    # Another run, compared with the first.
    view.set_params(type(view.params())(site="resid_pre"))
    run(qtbot, window, installed_plugin)
    qtbot.waitUntil(lambda: len(ids(window, installed_plugin)) == 2)
    marked(window, *ids(window, installed_plugin))
    window.actions_by_name["compare"].trigger()
    assert window.comparisons.dialog.view.pair().difference.any()
    window.comparisons.close()


def test_the_history_opens_its_results_where_the_package_is_gone(
    window, plugin_place, qtbot, tmp_path
):
    path = tmp_path / "kept.lens"
    with on_path(plugin_place):
        params = registry.ANALYSES["weather"].params(prompts=(PromptRow(text="1 2 3 4 "),))
        made = registry.hook("weather", "run", "run")(named("toy"), params, SilentReporter())
        with Session.create(path) as session:
            session.add(made)
    assert "weather" not in registry.ANALYSES
    window.files.open_any(path)
    qtbot.waitUntil(lambda: bool(ids(window, "weather")))
    window.results.asked.emit("show", ids(window, "weather")[0])
    qtbot.waitUntil(lambda: window.views.current == "weather")
    assert window.views.shown().read_out()["state"] == "result"


FRAGILE_SPEC = """
from desktop_app.contract.params import Params
from desktop_app.contract.spec import Analysis, FieldSpec
ANALYSIS = Analysis(
    name="fragile", title="Fragile", summary="Breaks.", params=Params,
    fields=(FieldSpec("score", ("layer", "head"), "A number"),),
)
"""
FRAGILE_VIEW = """
from PySide6.QtWidgets import QVBoxLayout, QWidget
from desktop_app.views.base import AnalysisView

class Canvas(QWidget):
    def paintEvent(self, event):
        [].pop()
    def sizeHint(self):
        return {}["size"]

class View(AnalysisView):
    def build_content(self, content):
        self.canvas = Canvas()
        QVBoxLayout(content).addWidget(self.canvas)
    def draw_result(self, result):
        self.canvas.update()
    def resizeEvent(self, event):
        1 // 0

VIEW = View
"""


def test_errors_in_the_widgets_of_another_package_are_told(
    open_window, service, tmp_path, monkeypatch
):
    told = []
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: told.append(kind))
    write_package(tmp_path / "site", "fragile", FRAGILE_SPEC, view=FRAGILE_VIEW)
    declare(tmp_path / "site", "lensbench-fragile", {"fragile": "fragile"})
    with on_path(tmp_path / "site"):
        window = open_window(service)
        window.views.open("fragile")
        window.showing.show(drawn.result_of("fragile", {"score": np.ones((2, 2))}))
        window.views.shown().canvas.grab()
        assert {IndexError, KeyError, ZeroDivisionError} <= set(told)
        assert len(told) == 3
