"""A selected layer at a selected token, and a head's contribution: whose numbers they are."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QLabel

from desktop_app.analyses.rank import picture as ranking
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.pictures.facts import Fact, Place
from desktop_app.pictures.origin import Difference
from desktop_app.window.inspector.known import Known
from tests.finding import find
from tests.models import named
from tests.patience import turn_the_loop
from tests.window.fakes import settle
from tests.window.filled import beside

ROW = PromptRow(text="1 2 3 4", answer=(" 5",), wrong=(" 4",))
OTHER = PromptRow(text="2 3 4 5", answer=(" 6",), wrong=(" 5",))


@cache
def of_toy(name):
    return hook(name, "run", "run")(
        named("toy"), ANALYSES[name].params(prompts=(ROW, OTHER)), SilentReporter()
    )


def knowing(*names, source=None):
    known = Known(source) if source else Known()
    for name in names:
        known.add(of_toy(name))
    known.model, known.table = named("toy").info, (ROW, OTHER)
    return known


def told(facts):
    return {fact.name: fact.value for fact in facts}


def top_of(inspector, text):
    """Return how far down the label of a text stands."""
    shown = find(inspector, QLabel, text)
    assert shown.isVisible()
    return shown.mapTo(inspector, QPoint()).y()


# What the slices say, through the registry.


def test_the_selected_cells_lens_is_that_of_the_result():
    result, known = of_toy("lens"), knowing("lens")
    place = Place(prompt=1, layer=1, position=3)
    facts = told(known.of_cell(place))
    assert facts == told(hook("lens", "picture", "cell_facts")(result, place))
    assert facts
    assert all(fact.explained is not None for fact in known.of_cell(place) if fact.what)
    other = told(known.of_cell(dataclasses.replace(place, prompt=0)))
    assert other != facts


def test_the_selected_heads_direct_contribution_is_that_of_the_result():
    result, known = of_toy("attribute"), knowing("attribute")
    head = result.array("head")  # [L, H, N]
    facts = told(known.of_head(Place(prompt=0, layer=1, head=2)))
    (name,) = [name for name in facts if name.startswith("Direct contribution")]
    assert facts[name].startswith(f"{head[1, 2].mean():+.3f}"[:5].replace("-", "−"))


@pytest.mark.parametrize("name", ["lens", "attribute"])
def test_neither_is_told_of_another_model(name):
    known = knowing(name)
    known.model = dataclasses.replace(named("toy").info, fingerprint="other", name="other")
    lines = ask(known, name)
    assert len(lines) == 1
    assert lines[0].name.startswith(f"{ANALYSES[name].title}: made with another model")
    assert lines[0].value == ""


@pytest.mark.parametrize("change", [{"weights": "processed"}, {"dtype": "bfloat16"}])
def test_a_variant_is_another_model(change):
    for name in ("lens", "attribute"):
        known = knowing(name)
        known.model = dataclasses.replace(named("toy").info, **change)
        assert [fact.value for fact in ask(known, name)] == [""]


@pytest.mark.parametrize("name", ["lens", "attribute"])
def test_neither_is_told_of_other_settings(name):
    known = knowing(name, source=lambda _name: Difference(settings=("BOS: auto, now yes",)))
    assert [fact.value for fact in ask(known, name)] == [""]


def test_neither_is_told_of_other_prompts():
    for name in ("lens", "attribute"):
        known = knowing(name)
        known.table = (PromptRow(text="9 9 9", answer=(" 1",), wrong=(" 2",)),)
        assert [fact.value for fact in ask(known, name)] == [""]


def test_a_moved_prompt_keeps_its_own_numbers():
    known = knowing("lens")
    before = told(known.of_cell(Place(prompt=0, layer=1, position=3)))
    known.table = (OTHER, ROW)
    assert told(known.of_cell(Place(prompt=1, layer=1, position=3))) == before


def test_a_prompt_that_is_cut_otherwise_is_told_nothing_of():
    known = knowing("lens")
    place = Place(prompt=0, layer=1, position=2)
    known.tokens = of_toy("rank")
    assert known.of_cell(place)
    first, *rest = of_toy("rank").prompts
    ids = dataclasses.replace(first.tokens, ids=(7, *first.tokens.ids[1:]))
    prompts = (dataclasses.replace(first, tokens=ids), *rest)
    known.tokens = dataclasses.replace(of_toy("rank"), prompts=prompts)
    assert known.of_cell(place) == []


def test_half_a_cell_and_one_outside_say_nothing():
    known = knowing("lens")
    for place in (Place(layer=1), Place(position=1), Place(), Place(layer=99, position=1)):
        assert known.of_cell(place) == []
    assert known.of_cell(Place(layer=1, position=99)) == []
    known.forget()
    assert known.of_cell(Place(layer=1, position=1)) == []


def ask(known, name):
    """Return what is said of the part that an analysis knows."""
    if name == "lens":
        return known.of_cell(Place(layer=1, position=3))
    return [f for f in known.of_head(Place(layer=1, head=2)) if "Attribution" in f.name or f.value]


# In the window, by any analysis that has the hook.


@pytest.fixture
def telling(monkeypatch):
    """Let the ranking's picture tell facts of cells, as any slice may."""

    def cell_facts(result, place):
        told = f"{place.layer}.{place.position} of {result.prompts[place.prompt].text}"
        return [Fact("Cell", told, "A cell")]

    monkeypatch.setattr(ranking, "cell_facts", cell_facts, raising=False)


@pytest.mark.gui
@pytest.mark.qt_log_ignore("This plugin does not support")
class TestWindow:
    def test_a_cell_is_told_as_soon_as_both_are_selected(self, qtbot, window, telling):
        read = window.inspector.read_out
        window.selection.select_head(2, 1)
        window.selection.select_position(None)
        assert read()["cell"] == {"title": "", "facts": []}
        window.selection.select_position(1)
        text = window.views["rank"].current_result.prompts[0].text
        assert read()["cell"] == {
            "title": "Layer 2, token 1",
            "facts": [("Cell", f"2.1 of {text}")],
        }
        window.selection.select_head(3, None)
        assert read()["cell"]["title"] == "Layer 3, token 1"

    def test_another_model_takes_it_away_and_the_old_one_brings_it_back(
        self, qtbot, window, telling
    ):
        window.selection.select_head(2, 1)
        window.selection.select_position(1)
        (before,) = window.inspector.read_out()["cell"]["facts"]
        own = window.conductor.model.spec.model
        window.conductor.load(ModelSpec("toy" if own != "toy" else "smollm2"))
        settle(qtbot, window)
        window.selection.select_head(2, 1)
        window.selection.select_position(1)
        facts = window.inspector.read_out()["cell"]["facts"]
        assert facts
        for name, value in facts:
            assert value == ""
            assert "Run again" in name
        window.conductor.load(ModelSpec(own))
        settle(qtbot, window)
        window.selection.select_head(2, 1)
        window.selection.select_position(1)
        assert window.inspector.read_out()["cell"]["facts"] == [before]

    def test_other_prompts_take_it_away(self, qtbot, window, telling):
        window.selection.select_head(2, 1)
        window.selection.select_position(1)
        assert window.inspector.read_out()["cell"]["facts"][0][1]
        window.prompts.set_prompts([PromptRow(text="zz yy", answer=("a",), wrong=("b",))])
        settle(qtbot, window)
        window.selection.select_position(1)
        assert [v for _n, v in window.inspector.read_out()["cell"]["facts"] if v] == []

    def test_it_stands_between_head_and_token_and_is_reached_by_readers(self, window, telling):
        beside(window)
        window.selection.select_head(2, 1)
        window.selection.select_position(1)
        turn_the_loop()
        read = window.inspector.read_out()
        (told,) = [value for _name, value in read["cell"]["facts"]]
        titles = [read[part]["title"] for part in ("head", "cell", "token")]
        assert titles == ["L2H1", "Layer 2, token 1", "Token"]
        tops = [top_of(window.inspector, text) for text in (*titles[:2], told, titles[2])]
        assert tops == sorted(set(tops))
        for text in (titles[1], told):
            spoken = QAccessible.queryAccessibleInterface(find(window.inspector, QLabel, text))
            assert spoken.text(QAccessible.Text.Name) == text
