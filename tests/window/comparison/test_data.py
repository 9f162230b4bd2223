from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.pictures.slicing import counted, token_labels
from desktop_app.session.store import Session
from desktop_app.window.comparison.data import (
    Pair,
    dots,
    fields,
    matrices,
    most_different,
    summary,
)
from tests.samples import stored


def changed(result, **data):
    return replace(result, data={**result.data, **data})


def field(left, right, name):
    return next(f for f in fields(left, right) if f.name == name)


def test_the_most_telling_field_stands_first_and_bookkeeping_is_left_out():
    result = stored.ablate_result()
    names = [f.name for f in fields(result, result)]
    assert names[0] == "effect_mean"
    assert not {"layers", "read_position", "task_done", "mode"} & set(names)


def test_difference_is_second_minus_first_layer_by_head():
    left = stored.ablate_result()
    right = changed(left, effect_mean=left.data["effect_mean"] * 3)
    pair = matrices(field(left, right, "effect_mean"), {})
    np.testing.assert_allclose(pair.difference, 2 * left.data["effect_mean"])
    assert (pair.rows.name, pair.rows.labels) == ("layer", ("1", "2"))
    assert (pair.columns.name, len(pair.columns.labels)) == ("head", 4)


def test_a_value_per_prompt_is_chosen_by_prompt():
    left = stored.ablate_result()
    right = changed(left, effect=left.data["effect"] + 1)
    own = field(left, right, "effect")
    assert [a.name for a in own.choosers()] == ["prompt"]
    pair = matrices(own, {"prompt": 1})
    np.testing.assert_array_equal(pair.left, left.data["effect"][:, :, 1])


def test_sweeps_of_other_layers_are_laid_over_each_other_where_they_meet():
    left, right = stored.ablate_result(layers=(0, 1)), stored.ablate_result(layers=(1, 2))
    pair = matrices(field(left, right, "effect_mean"), {})
    assert pair.rows.labels == ("1",)
    np.testing.assert_array_equal(pair.left[0], left.data["effect_mean"][1])
    np.testing.assert_array_equal(pair.right[0], right.data["effect_mean"][0])
    apart = stored.ablate_result(layers=(2, 3))
    assert "effect_mean" not in [f.name for f in fields(left, apart)]


def test_one_head_of_a_stored_pattern_is_read_and_no_more(tmp_path, monkeypatch):
    left = stored.attention_result()
    with Session.create(tmp_path / "s.lens") as session:
        loaded = session.load(session.add(left))
        kind = type(loaded.data["pattern"][0])
        monkeypatch.setattr(kind, "__array__", None)
        own = field(loaded, loaded, "pattern")
        assert [a.name for a in own.choosers()] == ["prompt", "layer", "head"]
        assert most_different(own) == {}
        pair = matrices(own, {"prompt": 0, "layer": 1, "head": 2})
        np.testing.assert_array_equal(pair.left, left.data["pattern"][0][1, 2])
        short = matrices(own, {"prompt": 1, "layer": 1, "head": 2})
        assert short.left.shape == (5, 5)
        assert len(short.rows.labels) == 5


def test_prompts_of_other_lengths_compare_in_their_common_part():
    pattern = np.zeros((2, 3, 4, 4), np.float32)
    left = stored.attention_result((pattern, pattern))
    longer = np.ones((2, 3, 6, 6), np.float32)
    right = stored.attention_result((longer, pattern))
    pair = matrices(field(left, right, "pattern"), {"prompt": 0, "layer": 0, "head": 0})
    assert pair.difference.shape == (4, 4)


def test_the_first_place_shown_is_where_they_part_the_most():
    pattern = np.zeros((2, 3, 4, 4), np.float32)
    other = pattern.copy()
    other[1, 2, 3, 0] = 0.5
    left = stored.attention_result((pattern, pattern))
    right = stored.attention_result((pattern, other))
    own = field(left, right, "pattern")
    assert most_different(own) == {"prompt": 1, "layer": 1, "head": 2}


def test_ragged_rows_of_numbers_are_one_column():
    result = stored.rank_result()
    own = field(result, result, "prompt_logprob")
    pair = matrices(own, {"prompt": 0})
    assert pair.left.shape == (3, 1)
    assert summary(pair)["largest"] == 0


def test_tokens_have_no_numbers_to_draw():
    assert [f.name for f in fields(stored.tokens_result(), stored.tokens_result())] == ["lengths"]


def test_summary_leaves_missing_numbers_out():
    left = stored.ablate_result()
    right = changed(left, percent=left.data["percent"] + 2)
    own = field(left, right, "percent")
    told = summary(matrices(own, {"prompt": 1}))
    assert told["largest"] == pytest.approx(2)
    assert told["mean"] == pytest.approx(2)
    assert told["correlation"] == pytest.approx(1)


def test_positions_are_called_by_their_tokens():
    pattern = np.zeros((2, 3, 4, 4), np.float32)
    result = stored.attention_result((pattern, pattern))
    own = field(result, result, "pattern")
    pair = matrices(own, {"prompt": 0, "layer": 0, "head": 0})
    assert token_labels(result.prompts, pair.rows, 0)[1] == "1"
    assert token_labels(result.prompts, pair.rows, 1) == ["0", "1", "2", "3"]


def pair_of(left, right):
    rows, columns = (counted("row", size) for size in left.shape)
    return Pair(left, right, rows, columns)


def test_many_dots_are_thinned_but_the_farthest_stay():
    left = np.zeros((250, 200))
    right = left.copy()
    right[17, 23] = 5.0
    shown = dots(pair_of(left, right), ("one", "two"), "{}, {}".format)
    assert shown.total == 50_000
    assert 15_000 <= len(shown.cells) <= 20_000
    assert shown.index(17, 23) is not None
    assert (shown.picture.across.name, shown.picture.up.name) == ("one", "two")


def test_cells_without_a_number_have_no_dot():
    left = np.array([[1.0, np.nan], [2.0, 3.0]])
    other = np.array([[1.5, 2.0], [np.nan, np.inf]])
    shown = dots(pair_of(left, other), ("one", "two"), "{}, {}".format)
    assert (shown.cells.tolist(), shown.total) == ([[0, 0]], 1)
    assert shown.picture.text(0) == "0, 0\n1.0000 → 1.5000   difference +0.5000"
    assert shown.index(1, 1) is None
    none = dots(pair_of(np.full((2, 2), np.nan), left), ("one", "two"), "{}, {}".format)
    assert (len(none.cells), none.total) == (0, 0)
