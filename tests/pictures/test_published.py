from __future__ import annotations

import copy
import json
import math

import pytest

from desktop_app.pictures.published import (
    Overlap,
    caution,
    load_published,
    misfit,
    of_model,
    overlap,
    published_roles,
    read_published,
)
from desktop_app.pictures.roles import Roles, role_table
from desktop_app.support.paths import resource
from tests.samples import drawn

GPT2 = drawn.model(name="gpt2", n_layers=12, n_heads=12, d_model=768, d_vocab=50257)


def named(key):
    (found,) = [one for one in load_published() if one.key == key]
    return found


def test_what_is_shipped():
    assert {one.key for one in load_published()} == {
        "gpt2-ioi",
        "gpt2-months",
        "gpt2-number-words",
        "gpt2-numerals",
        "llama2-numerals",
        "llama2-numerals-pruned",
    }
    for one in load_published():
        assert all((one.citation, one.where, one.task)), one.key
        assert len(set(one.heads)) == len(one.heads), one.key
        for heads in one.roles.values():
            assert set(heads) <= set(one.heads), one.key


def test_the_heads_that_all_three_sequence_circuits_share():
    keys = ("gpt2-numerals", "gpt2-number-words", "gpt2-months")
    shared = set.intersection(*(set(named(key).heads) for key in keys))
    assert shared == {(0, 1), (4, 4), (6, 1), (6, 6), (6, 10), (7, 11), (8, 8), (9, 1)}
    lacking = [sorted(set(range(12)) - {m for m, _ in named(key).mlps}) for key in keys]
    assert lacking == [[5], [], [5, 11]]


def test_indirect_objects_have_26_heads_in_seven_classes():
    ioi = named("gpt2-ioi")
    assert len(ioi.heads) == 26
    assert len(ioi.roles) == 7
    assert sorted(head for heads in ioi.roles.values() for head in heads) == sorted(ioi.heads)
    assert ioi.role_of((9, 9)) == "name mover"
    assert ioi.role_of((8, 10)) == "S-inhibition"
    assert ioi.role_of((1, 1)) == ""
    assert ioi.places["name_mover"] == "end"


def test_drops_of_single_heads():
    assert named("gpt2-numerals").drops[7, 11] == -47.12
    assert named("llama2-numerals").drops[5, 25] == -40.91
    assert min(named("llama2-numerals-pruned").drops.items(), key=lambda e: e[1])[0] == (20, 17)


def test_nodes_are_named_as_graphs_name_them():
    nodes = named("gpt2-months").nodes()
    assert nodes[:3] == ("0.1", "0.5", "m0")
    assert nodes[-2:] == ("10.7", "m10")


def test_only_a_model_of_the_same_shape_can_show_it():
    assert [one.model for one in of_model(GPT2)] == ["GPT-2 small"] * 4
    assert of_model(drawn.model()) == ()
    told = misfit(named("gpt2-ioi"), drawn.model())
    assert "12 layers of 12 heads" in told
    assert "3 of 4" in told
    opt = drawn.model(name="opt-125m", n_layers=12, n_heads=12, d_model=768, d_vocab=50272)
    assert "50,257 tokens" in misfit(named("gpt2-ioi"), opt)


def test_a_model_of_the_same_shape_is_not_said_to_be_the_same():
    ioi = named("gpt2-ioi")
    assert caution(ioi, GPT2) == ""
    folder = drawn.model(name="mine", n_layers=12, n_heads=12, d_model=768, d_vocab=50257)
    assert "only if its weights are" in caution(ioi, folder)
    without = drawn.model(
        name="gpt2", n_layers=12, n_heads=12, d_model=768, d_vocab=50257, layernorm="eps"
    )
    assert "without LayerNorm" in caution(ioi, without)
    assert caution(ioi, drawn.model()) == ""


def test_overlap_by_hand():
    numerals = named("gpt2-numerals")
    shown = [(9, 1), (7, 11), (4, 4), (0, 0), (1, None)]
    heads = overlap(shown, numerals, mlps=False)
    assert heads.both == ((4, 4), (7, 11), (9, 1))
    assert heads.only_shown == ((0, 0),)
    assert len(heads.only_published) == 11
    assert heads.precision == 3 / 4
    assert heads.recall == 3 / 14
    assert heads.jaccard == 3 / 15
    assert heads.chance(144) == pytest.approx(4 * 14 / 144)
    assert heads.sentence() == (
        "3 of 14 heads shared: precision 75.0 %, recall 21.4 %, Jaccard 0.20 "
        "(here 4, published 14)."
    )
    every = overlap(shown, numerals, mlps=True)
    assert every.both == (*((1, None),), *heads.both)
    assert every.recall == 4 / 25
    # One that leaves all MLPs alone says nothing of them.
    alone = overlap(shown, named("gpt2-ioi"), mlps=True).only_shown
    assert alone == ((0, 0), (4, 4), (7, 11), (9, 1))


def test_empty_circuits_have_no_shares():
    empty = Overlap((), (), (), "head")
    shares = (empty.precision, empty.recall, empty.jaccard, empty.chance(0))
    assert all(map(math.isnan, shares))
    assert "precision –, recall –" in empty.sentence()


def test_a_file_that_names_a_part_its_model_lacks_is_refused():
    given = json.loads(resource("circuits", "gpt2-ioi.json").read_text(encoding="utf-8"))
    wrong = copy.deepcopy(given)
    wrong["heads"].append("12.0")
    with pytest.raises(ValueError, match=r"no 12\.0"):
        read_published(wrong)


def test_roles_between_models():
    table = role_table(
        [*published_roles(), Roles("smollm2", {"successor": ((23, 3),), "induction": ()})]
    )
    assert [c.title for c in table.columns] == ["Role", "GPT-2 small", "Llama-2-7b-chat", "smollm2"]
    rows = {row.key: row.values for row in table.rows}
    assert rows["successor"] == ("successor", "L9H1", "L20H17", "L23H3")
    assert rows["induction"][1:] == ("L5H5, L5H8, L5H9, L6H9", "", "")
    assert next(row.key for row in table.rows) == "previous_token"
    assert "arXiv" in table.columns[1].tooltip
    assert role_table([Roles("nobody", {"copy": ()})]).rows == ()
