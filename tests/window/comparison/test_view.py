from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop_app.window.comparison import scatter as compare_scatter
from desktop_app.window.comparison.scatter import Scatter
from desktop_app.window.comparison.view import ComparisonView, _name, _words
from tests.session import samples

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
    left = samples.ablate_result()
    right = replace(left, params={**left.params, "top": 11, "reference": ("a ", "c")})
    view.show_pair(left, right, ("one", "two\nlines"))
    assert texts(view._changes) == [
        ("reference", "a␠ | b", "a␠ | c"),
        ("top", "10", "11"),
    ]
    assert view._sentence.full_text() == "2 settings differ."
    assert "\n" not in view._heading.text()


def test_map_and_scatter_show_the_chosen_field(view):
    left = samples.ablate_result()
    right = changed(left, effect_mean=left.data["effect_mean"] + 0.5)
    view.show_pair(left, right, ("one", "two"))
    assert view._field.currentText() == "effect mean"
    np.testing.assert_allclose(view._map.values(), 0.5)
    assert view._scatter.shown_count() == (8, 8)
    assert "largest difference 0.5000" in view._facts.text()
    view._shown.set_value("right")
    view._on_shown_changed("right")
    np.testing.assert_allclose(view._map.values(), right.data["effect_mean"])


def test_axes_that_do_not_fit_are_chosen(view, qtbot):
    left = samples.ablate_result()
    effect = left.data["effect"].copy()
    effect[..., 1] += 2
    view.show_pair(left, changed(left, effect=effect), ("one", "two"))
    view._field.setCurrentIndex(view._field.findText("effect"))
    view._on_field_chosen(0)
    (chooser,) = view._choosers
    assert (chooser.accessibleName(), chooser.currentIndex()) == ("Prompt", 1)  # they part there
    np.testing.assert_allclose(view._map.values(), 2)
    chooser.setCurrentIndex(0)
    view._on_place_chosen(0)
    np.testing.assert_allclose(view._map.values(), 0)


def test_cell_and_dot_are_linked(view, qtbot):
    left = samples.ablate_result()
    right = changed(left, effect_mean=-left.data["effect_mean"])
    view.show_pair(left, right, ("one", "two"))
    view.show()
    qtbot.waitExposed(view)
    place = view._scatter.dot_center(1, 2).toPoint()
    QTest.mouseClick(
        view._scatter, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(place)
    )
    assert view._map.selected() == (1, 2)
    view._on_cell_clicked(0, 3)
    assert view._scatter._selected == (0, 3)
    assert "Layer 1 · Head 3" in view._scatter.tip_of(3)


def test_results_without_numbers_say_so(view):
    left = samples.tokens_result()
    data = {k: v for k, v in left.data.items() if k != "lengths"}
    left = replace(left, data=data)
    view.show_pair(left, left, ("one", "two"))
    assert view._stack.currentIndex() == 1
    assert view.pair() is None
    assert view._sentence.full_text().startswith("Both were made with the same")


@pytest.mark.parametrize("name", samples.ALL)
def test_every_analysis_compares_with_itself(view, name):
    result = samples.ALL[name]()
    view.show_pair(result, result, ("one", "two"))
    for index in range(view._field.count()):
        view._field.setCurrentIndex(index)
        view._on_field_chosen(index)
        shown = view._map.values()
        assert not np.nan_to_num(shown).any()


def test_many_dots_are_thinned_but_the_farthest_stay(qtbot, monkeypatch):
    monkeypatch.setattr(compare_scatter, "MAX_DOTS", 100)
    scatter = Scatter()
    qtbot.addWidget(scatter)
    left = np.zeros((50, 40))
    right = left.copy()
    right[17, 23] = 5.0
    scatter.set_values(left, right)
    drawn, total = scatter.shown_count()
    assert total == 2000
    assert 50 <= drawn <= 100
    assert scatter.dot_center(17, 23) is not None


def test_missing_numbers_have_no_dot_and_nothing_at_all_is_drawn_too(qtbot):
    scatter = Scatter()
    qtbot.addWidget(scatter)
    scatter.resize(300, 300)
    left = np.array([[1.0, np.nan], [2.0, 3.0]])
    scatter.set_values(left, np.array([[1.0, 2.0], [np.nan, np.inf]]))
    assert scatter.shown_count() == (1, 1)
    scatter.grab()
    scatter.set_values(np.full((2, 2), np.nan), left)
    assert scatter.shown_count() == (0, 0)
    scatter.grab()
    scatter.set_values(np.full((1, 1), 3.0), np.full((1, 1), 3.0))
    assert scatter.dot_center(0, 0).x() == pytest.approx(scatter._area().center().x())


def test_values_are_written_plainly(view):
    assert _words("(not there)") == "not in this one"
    assert _words(["Thursday"]) == "Thursday"
    assert [_words(v) for v in ((), "", None, True, 0.5)] == ["–", "–", "–", "yes", "0.5"]
    assert _name("prompt 2.answers") == "prompt 2 · answers"


def test_long_titles_do_not_widen_the_comparison(view):
    left = samples.ablate_result()
    view.show_pair(left, left, ("15 · Ablation · The quick brown fox jumps over the" * 2, "two"))
    assert view.minimumSizeHint().width() < 1000
