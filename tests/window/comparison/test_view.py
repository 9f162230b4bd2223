from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.window.comparison.view import ComparisonView, _name, _words
from tests.samples import stored

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def changed(result, **data):
    return replace(result, data={**result.data, **data})


@pytest.fixture
def view(qtbot):
    made = ComparisonView()
    qtbot.addWidget(made)
    made.resize(1100, 760)
    return made


def texts(table):
    model = table.model()
    return [
        tuple(model.index(r, c).data() for c in range(model.columnCount()))
        for r in range(model.rowCount())
    ]


def test_settings_that_differ_stand_in_the_table(view):
    left = stored.ablate_result()
    right = replace(left, params={**left.params, "top": 11, "reference": ("a ", "c")})
    view.show_pair(left, right, ("one", "two\nlines"))
    assert texts(view._changes) == [
        ("reference", "a␠ | b", "a␠ | c"),
        ("top", "10", "11"),
    ]
    assert view._sentence.full_text() == "2 settings differ."
    assert "\n" not in view._heading.text()


def test_map_and_scatter_show_the_chosen_field(view):
    left = stored.ablate_result()
    right = changed(left, effect_mean=left.data["effect_mean"] + 0.5)
    view.show_pair(left, right, ("one", "two"))
    assert view._field.currentText() == "effect mean"
    np.testing.assert_allclose(view._map.values(), 0.5)
    assert len(view._scatter.picture().x) == 8
    assert view._facts.text().startswith("8 cells · ")
    assert "largest difference 0.5000" in view._facts.text()
    view._shown.set_value("right")
    view._shown.changed.emit("right")
    np.testing.assert_allclose(view._map.values(), right.data["effect_mean"])


def test_axes_that_do_not_fit_are_chosen(view, qtbot):
    left = stored.ablate_result()
    effect = left.data["effect"].copy()
    effect[..., 1] += 2
    view.show_pair(left, changed(left, effect=effect), ("one", "two"))
    view._field.setCurrentIndex(view._field.findText("effect"))
    view._show_field()
    assert list(view._choosers.places()) == ["prompt"]
    chooser = view._choosers.box("prompt")
    assert (chooser.accessibleName(), chooser.currentIndex()) == ("Prompt", 1)  # they part there
    np.testing.assert_allclose(view._map.values(), 2)
    chooser.setCurrentIndex(0)
    chooser.activated.emit(0)
    np.testing.assert_allclose(view._map.values(), 0)


def test_cell_and_dot_are_linked(view, qtbot):
    left = stored.ablate_result()
    right = changed(left, effect_mean=-left.data["effect_mean"])
    view.show_pair(left, right, ("one", "two"))
    view.show()
    qtbot.waitExposed(view)
    index = view._dots.index(1, 2)
    view._scatter.point_clicked.emit(index)
    assert view._map.selected() == (1, 2)
    view._on_cell_clicked(0, 3)
    assert view._scatter.selected() == view._dots.index(0, 3)
    assert "Layer 1 · Head 3" in view._scatter.picture().text(3)
    assert "difference" in view._scatter.picture().text(3)


def test_results_without_numbers_say_so(view):
    left = stored.tokens_result()
    data = {k: v for k, v in left.data.items() if k != "lengths"}
    left = replace(left, data=data)
    view.show_pair(left, left, ("one", "two"))
    assert view._stack.currentIndex() == 1
    assert view.pair() is None
    assert view._sentence.full_text().startswith("Both were made with the same")


@pytest.mark.parametrize("name", stored.ALL)
def test_every_analysis_compares_with_itself(view, name):
    result = stored.ALL[name]()
    view.show_pair(result, result, ("one", "two"))
    for index in range(view._field.count()):
        view._field.setCurrentIndex(index)
        view._show_field()
        shown = view._map.values()
        assert not np.nan_to_num(shown).any()


def test_values_are_written_plainly(view):
    assert _words("(not there)") == "not in this one"
    assert _words(["Thursday"]) == "Thursday"
    assert [_words(v) for v in ((), "", None, True, 0.5)] == ["–", "–", "–", "yes", "0.5"]
    assert _name("prompt 2.answers") == "prompt 2 · answers"


def test_long_titles_do_not_widen_the_comparison(view):
    left = stored.ablate_result()
    view.show_pair(left, left, ("15 · Ablation · The quick brown fox jumps over the" * 2, "two"))
    assert view.minimumSizeHint().width() < 1000
