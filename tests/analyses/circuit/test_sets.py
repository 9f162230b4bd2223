"""The set behind the map: how it is written, switched, opened; no Qt."""

from __future__ import annotations

import json

import pytest

from desktop_app.analyses.circuit.editing import Edits, KeepSet
from desktop_app.analyses.circuit.keeping import (
    Shape,
    dropped,
    kept_in,
    kept_of,
    places_in,
    read_file,
    read_text,
    toggled_place,
    written_keep,
)
from desktop_app.analyses.circuit.trail import own_settings, shape_so_far, trail_text
from desktop_app.contract.registry import ANALYSES
from desktop_app.support.errors import BadInputError
from tests.samples import circuits

SHAPE = Shape(4, 3)
WHOLE = KeepSet(kept_in("all", SHAPE), SHAPE)


def test_all_and_none_are_written_as_words():
    assert written_keep(kept_in("all", SHAPE), SHAPE) == "all"
    assert written_keep({}, SHAPE) == "none"
    assert written_keep(kept_in("0.1, L2H2@-1", SHAPE), SHAPE) == "0.1,2.2@-1"
    # All heads somewhere are not all heads.
    everywhere = dict.fromkeys(SHAPE.parts(), (0,))
    assert written_keep(everywhere, SHAPE).startswith("0.0@0,")
    with_mlps = Shape(4, 3, mlps=True)
    assert written_keep(kept_in("all", SHAPE), with_mlps) != "all"


@pytest.mark.parametrize("text", ["4.0", "0.3", "m4", "1.1.1", "@0", "0.1@x", "", "x" * 300_000])
def test_what_is_no_set_of_this_model_is_refused(text):
    with pytest.raises(ValueError, match=r".{10}"):
        kept_in(text, SHAPE)


def test_switching_is_its_own_inverse():
    without = WHOLE.switched([(0, 1), (2, 2)], keep=False)
    assert len(without.kept) == 10
    assert without.switched([(2, 2), (0, 1)], keep=True).text == "all"
    # A part that stays somewhere stays so when it is among many that are kept.
    some = KeepSet(kept_in("0.1@-1", SHAPE), SHAPE).switched([(0, 1), (0, 2)], keep=True)
    assert some.text == "0.1@-1,0.2"


def test_an_mlp_among_them_makes_all_mlps_parts():
    found = WHOLE.switched([(1, None)], keep=False)
    assert found.shape.mlps
    assert len(found.kept) == 15
    assert (1, None) not in found.kept
    assert found.settings()["mlps"] is True


def test_positions():
    assert places_in(None, 3) == {0, 1, 2}
    assert places_in((-1, 0, 7), 3) == {0, 2}
    assert toggled_place(None, 1, 3, [3, 3]) == (0, 2)
    assert toggled_place((0, 2), 1, 3, [3]) is None
    assert toggled_place((), 2, 3, [3, 5]) == (-1,)
    assert toggled_place((0, -1), 2, 3, [3, 5]) == (0,)
    assert WHOLE.placed((0, 1), ()).text.startswith("0.0,0.2,")
    assert KeepSet({}, SHAPE).placed((0, 1), (0, 2)).text == "0.1@0@2"


def test_steps_back_and_forth():
    edits, one, two = Edits(), WHOLE.switched([(0, 0)], keep=False), KeepSet({}, SHAPE)
    edits.ask(one, WHOLE)
    edits.ask(one, one)  # nothing new: no step
    edits.ask(two, one)
    assert edits.undo(two) is one
    assert edits.undo(one) is WHOLE
    assert edits.undo(WHOLE) is None
    assert edits.redo(WHOLE) is one
    edits.ask(WHOLE, one)  # another way: what was taken back is gone
    assert edits.redo(WHOLE) is None
    edits.forget()
    assert (edits.asked, edits.back) == (None, [])


def test_texts_that_are_pasted():
    assert read_text("0.1\n2.2, m3") == "0.1,2.2,m3"
    assert read_text(json.dumps({"kept": ["0.1"]})) == "0.1"
    assert read_text(json.dumps(["2.2@0"])) == "2.2@0"
    assert read_text('{"result": {"kept": []}}') == "none"
    for bad in ("{", "[1, 2]", '{"a": 1}', "[" * 10_000, "5"):
        with pytest.raises(ValueError, match=r".{5}"):
            read_text(bad)


def test_files_are_named_without_their_folder(tmp_path):
    gone = tmp_path / "gone.txt"
    with pytest.raises(BadInputError) as told:
        read_file(gone)
    assert "gone.txt" in str(told.value)
    assert str(tmp_path) not in str(told.value)


def test_what_a_pruning_dropped_and_left():
    data = circuits.trail(20.0)
    assert dropped(data)[:3] == ((3, 0), (3, 1), (3, 2))
    assert set(kept_of(data)) == {(0, 1), (2, 2)}
    assert not set(dropped(data)) & set(kept_of(data))


def test_the_shape_of_a_pruning_under_way():
    begun = shape_so_far(circuits.trail(20.0, 0), mlps=False, known=None)
    assert (begun.layers, begun.heads) == (4, 3)
    late = {"kept": ("0.1",), "trail_part": ()}
    assert shape_so_far(late, mlps=True, known=begun) == Shape(4, 3, mlps=True)
    assert shape_so_far({"kept": ()}, mlps=False, known=None) == Shape(1, 1)


def test_a_trail_as_a_setting():
    stopped = circuits.pruned(stop=5)
    rows = json.loads(trail_text(stopped))
    assert rows[0] == [1, "3.0", 100.0, 100.0, "dropped"]
    assert len(rows) == 5
    assert trail_text(circuits.result()) == ""
    kind = ANALYSES["circuit"].params
    assert own_settings(kind, stopped).prune == 20.0
    assert own_settings(kind, circuits.result(params={"metric": "rubbish"})) is None
