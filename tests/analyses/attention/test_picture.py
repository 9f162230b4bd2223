from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.attention import picture as data
from desktop_app.analyses.attention.weights import Taste, without_first
from tests.samples import drawn

PATTERN = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.2, 0.3]], np.float32)


def test_only_what_the_result_holds_is_present():
    held = {key for key, *_words in data.ARRAYS} & drawn.attention_result().data.keys()
    assert held == {"pattern"}
    wanted = {key: needs for key, _name, needs, _tip in data.ARRAYS}
    assert wanted["difference"] == "difference"


def test_heads_are_found_by_the_models_numbers():
    result = drawn.attention_result()
    assert data.indices(result, 5, 2) == (1, 2)
    assert data.indices(result, 0, 2) is None
    assert data.indices(result, None, None) is None


def test_header_names_the_shared_head():
    assert data.header(drawn.attention_result(), 5, 3) == "L5H3 reads key-value head 1"
    own = drawn.attention_result(model=drawn.model(n_kv_heads=4))
    assert data.header(own, 5, 3) == "L5H3"
    assert "not in this result" in data.header(own, 0, 0)


def test_without_first_renormalises():
    rest = without_first(PATTERN)
    assert np.isnan(rest[:, 0]).all()
    assert np.isnan(rest[0]).all()
    np.testing.assert_allclose(rest[2, 1:], [0.4, 0.6], atol=1e-6)
    assert PATTERN[2, 0] == 0.5  # the original is left as it was


def test_a_head_is_copied_out_of_its_file(tmp_path):
    path = tmp_path / "pattern.npy"
    np.save(path, drawn.causal(6, 2, 4))
    stored = np.load(path, mmap_mode="r")
    result = drawn.attention_result(data={"pattern": (stored, stored)})
    one = data.head_slice(result, "pattern", 0, (1, 2))
    assert type(one) is np.ndarray
    np.testing.assert_array_equal(one, stored[1, 2])


def test_only_the_head_asked_for_is_read():
    class Stored:
        def __init__(self):
            self.asked = []

        def __getitem__(self, key):
            self.asked.append(key)
            return PATTERN

        def __array__(self, *_args, **_kwargs):
            raise AssertionError("the whole array was read")

    stored = Stored()
    result = drawn.attention_result(data={"pattern": (stored, stored)})
    data.picture(result, "pattern", 0, (1, 2))
    assert stored.asked == [(1, 2)]


def test_the_first_position_is_dropped_only_once():
    result = drawn.attention_result(params={"no_first": True})
    kept = data.picture(result, "pattern", 0, (0, 0), Taste(no_first=True))
    np.testing.assert_array_equal(kept.values, result.data["pattern"][0][0, 0])


def test_limits_of_the_pictures():
    difference = np.zeros((2, 4, 3, 3), np.float32)
    difference[0, 0, 2, 1] = -0.4
    scores = np.full((2, 4, 3, 3), -5.0, np.float32)
    scores[..., 2, 0] = 3.0
    scores[..., 0, 2] = 99.0  # above the diagonal counts for nothing
    scores[0, 0, 2, 1] = np.finfo(np.float32).min  # nor does what a layer of few tokens masks
    result = drawn.attention_result(data={"difference": (difference,) * 2, "scores": (scores,) * 2})
    shown = data.picture(result, "difference", 0, (0, 0))
    assert shown.limits == pytest.approx((-0.4, 0.4))
    assert shown.diverging
    assert data.picture(result, "scores", 0, (0, 0)).limits == (-5.0, 3.0)
    assert data.picture(result, "pattern", 0, (0, 0)).limits == (0.0, 1.0)


def test_where_a_position_looks_and_who_looks_at_it():
    np.testing.assert_allclose(data.looks_at(PATTERN, 1), [0.5, 0.5, np.nan])
    np.testing.assert_allclose(data.looked_at_by(PATTERN, 1), [np.nan, 0.5, 0.2], atol=1e-6)
    texts = ("1", " ", "2")
    assert data.strongest(data.looks_at(PATTERN, 2), texts, 2) == "“1” (0) 0.50, “2” (2) 0.30"


def test_the_first_head_shown_is_focused():
    assert data.default_head(drawn.attention_result()) == (5, 2)


def test_a_head_that_rests_on_the_start_is_passed_over():
    result = drawn.attention_result()
    small = result.data["thumbnail"][0].copy()
    small[1, 2] = 0
    small[1, 2, :, 0] = 1  # the most focused head looks at the first position alone
    other = drawn.attention_result(
        data={"thumbnail": (small, small), "entropy": result.data["entropy"]}
    )
    assert data.default_head(other) != (5, 2)


def test_entropy_against_evenly_spread():
    said = data.entropy_sentence(drawn.attention_result(), 4, 0, 1)
    even = np.log([1, 2, 3, 4, 5, 6]).mean()
    assert said == f"entropy 1.00 of {even:.2f} nats"


def test_thumbnails_are_bytes():
    small = data.thumbnails(drawn.attention_result(), 0)
    assert small.dtype == np.uint8
    assert small[1, 2, 3, 3] == 255
    assert small[1, 2, 3, 2] == 0


def test_the_grid_counts_heads():
    assert data.grid_sentence(drawn.attention_result()) == (
        "8 heads in 2 layers, 2 to a key-value head"
    )


def test_small_pictures_of_patterns_that_are_not_kept_are_said_to_be_about_right():
    held = dict(drawn.attention_result().data)
    whole = drawn.attention_result()
    del held["pattern"]
    bare = drawn.result_of("attention", held)
    taste = Taste(no_first=True)
    for result, said in ((whole, " · without first"), (bare, " · about, without first")):
        assert data.taste_words(result, 0, taste) == said
        small = data.thumbnails(result, 0, taste)
        assert (small[..., 0] == 0).all()
        assert small.max() > 200
    assert data.taste_words(whole, 0, Taste()) == ""
