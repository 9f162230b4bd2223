"""Analyses that other packages bring, or that only a session knows."""

from __future__ import annotations

import dataclasses

import pytest

from desktop_app.contract import registry
from desktop_app.contract.params import Params
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.widgets.basics.icons import icon, icon_of
from desktop_app.window.frame.panels import spec_page
from tests.views import samples

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
FIELDS = (FieldSpec("score", ("layer", "head"), "How far it reaches", "bits"),)


def far_result():
    kept = samples.ablate_result().data["effect_mean"]
    result = samples.result_of("far_sight", {"score": kept})
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
    pytest.importorskip("desktop_app.views.default")
    window.showing.show(far_result())
    window.views.open("far_sight")
    parts = [n for n, a in registry.ANALYSES.items() if a.group == "part"]
    names = window.rail.names()
    assert names[names.index(parts[-1]) + 1] == "far_sight"  # at the end of its group
    view = window.views.shown()
    assert view.current_result.analysis == "far_sight"
    assert not view._heading.run_button.isEnabled()
    assert "not installed" in view._heading.run_button.toolTip()
    window.session.start_new()
    assert "far_sight" not in window.rail.names()
    assert window.views.current in registry.ANALYSES
