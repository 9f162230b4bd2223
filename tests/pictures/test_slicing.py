from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.contract.spec import FieldSpec
from desktop_app.pictures.slicing import (
    Source,
    field_of,
    largest,
    matched,
    matrix,
    sides,
    source,
    token_labels,
)
from desktop_app.session.store import Session
from tests.samples import stored


def shown(values, axes, **data):
    return Source({"f": values, **data}, {"f": FieldSpec("f", axes, "")})


def test_an_array_on_disk_is_read_one_matrix_at_a_time(tmp_path, monkeypatch):
    left = stored.attention_result()
    with Session.create(tmp_path / "s.lens") as session:
        loaded = source(session.load(session.add(left)))
        monkeypatch.setattr(type(loaded.data["pattern"][0]), "__array__", None)
        field = field_of(loaded, "pattern")
        assert [axis.name for axis in field.choosers()] == ["prompt", "layer", "head"]
        assert largest(loaded, field) == {}
        read = matrix(loaded, field, {"prompt": 0, "layer": 1, "head": 2})
        np.testing.assert_array_equal(read, left.data["pattern"][0][1, 2])


@pytest.mark.parametrize(
    ("axes", "drawn"),
    [
        (("layer", "head", "prompt"), ("layer", "head")),
        (("head", "layer"), ("layer", "head")),
        (("layer", "head", "position"), ("layer", "head")),
        (("kind", "early_layer", "early_head", "late_layer"), ("early_layer", "early_head")),
        (("prompt", "step"), ("step", "")),
        (("row", "other", "column"), ("row", "column")),
        (("prompt",), ("prompt", "")),
    ],
)
def test_axes_that_belong_together_are_drawn_together(axes, drawn):
    sizes = tuple(range(2, 2 + len(axes)))
    values = np.arange(np.prod(sizes), dtype=float).reshape(sizes)
    here = shown(values, axes)
    field = field_of(here, "f")
    read = matrix(here, field, {axis.name: 1 for axis in field.choosers()})
    rows, columns = sides(field, read.shape)
    assert (rows.name, columns.name) == drawn
    assert read.shape == (len(rows.labels), len(columns.labels))


def test_places_are_called_as_the_result_says():
    specs = {"f": FieldSpec("f", ("layer", "kind", "position"), "")}
    specs["layers"] = FieldSpec("layers", ("layer",), "", labels="layer")
    specs["kinds"] = FieldSpec("kinds", ("kind",), "", labels="kind")
    data = {"f": np.zeros((2, 2, 3)), "layers": np.array([4, 9]), "kinds": ("K", "Q")}
    here = Source({**data, "positions": np.array([7, 8, 9])}, specs)
    labels = {axis.name: axis.labels for axis in field_of(here, "f").axes}
    assert labels == {"layer": ("4", "9"), "kind": ("K", "Q"), "position": ("7", "8", "9")}
    longer = Source({**here.data, "positions": np.arange(5)}, specs)  # of another axis
    assert field_of(longer, "f").axes[2].labels == ("0", "1", "2")


@pytest.mark.parametrize(
    "value",
    [
        "text",
        3,
        None,
        (),
        [],
        (np.zeros(2), "x"),
        (np.zeros(2), np.zeros((2, 2))),
        np.array(["a"]),
        np.array([{}]),
        np.float64(1),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        (np.zeros((0, 2)),),
    ],
)
def test_what_holds_no_numbers_is_no_field_of_numbers(value):
    assert field_of(shown(value, ("layer", "head")), "f") is None


def test_ragged_arrays_may_lack_what_others_have():
    here = shown((np.ones((2, 4)), np.ones((2, 2))), ("prompt", "layer", "position"))
    here = replace(here, prompts=stored.attention_result().prompts)
    field = field_of(here, "f")
    assert [len(axis.labels) for axis in field.axes] == [2, 2, 4]
    assert matrix(here, field, {"prompt": 1}).shape == (2, 2)


def test_the_largest_value_is_where_to_begin():
    values = np.zeros((3, 2, 2))
    values[2, 1, 0] = -4.0
    values[0] = np.nan
    here = shown(values, ("step", "layer", "head"))
    assert largest(here, field_of(here, "f")) == {"step": 2}


def test_fields_of_other_axes_are_not_laid_over_each_other():
    one = field_of(shown(np.zeros((2, 3)), ("layer", "head")), "f")
    for axes, sizes in ((("layer", "position"), (2, 3)), (("layer",), (2,))):
        assert matched(one, field_of(shown(np.zeros(sizes), axes), "f")) is None


def test_positions_are_called_by_tokens_where_the_prompt_has_them():
    here = shown(np.zeros((2, 9)), ("layer", "position"))
    axis = field_of(here, "f").axes[1]
    prompts = stored.attention_result().prompts
    assert token_labels(prompts, axis, 0) == list(axis.labels)  # more than it has
    assert token_labels(prompts, axis, -1) == list(axis.labels)
    assert token_labels(prompts, axis.cut(3), 0) != list(axis.labels[:3])
