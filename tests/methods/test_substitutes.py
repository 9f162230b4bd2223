"""What parts outside a circuit become: read in one run for all places, and held once."""

from __future__ import annotations

import torch

from desktop_app.contract.report import SilentReporter
from desktop_app.methods.grid import Group
from desktop_app.methods.substitutes import MeanValues, Substitutes, TwinValues
from tests.models import tiny

PLACES = (("head_z", (0, 1, 2)), ("mlp_out", (0, 2)))
IDS = ((5, 6, 7, 8), (9, 8, 7, 6), (6, 5, 9, 7))


def every_table(found, group, places=PLACES):
    return {(n, site): found.table(group, n, site) for site, layers in places for n in layers}


def means(model, places):
    found = MeanValues(model, ["", ""], {"": IDS}, [4, 4])
    found.read(places, SilentReporter())
    return found


def twins(model, places):
    return TwinValues(model, places)


def check_one_run(model, make, group):
    before = model.forward_passes
    tables = every_table(make(model, PLACES), group)
    assert model.forward_passes - before == 1
    for place in PLACES:
        alone = every_table(make(model, (place,)), group, (place,))
        for where, values in alone.items():
            torch.testing.assert_close(tables[where], values, rtol=0, atol=0)
    assert model.hooks_left() == 0


def test_means_of_all_places_are_read_in_one_run_of_the_reference():
    model = tiny("llama")
    check_one_run(model, means, Group((0, 1), model.ids(IDS[:2])))


def test_values_of_the_twins_are_read_in_one_run():
    model = tiny("opt")
    check_one_run(model, twins, Group((0, 1), model.ids((*IDS[:2], *IDS[1:]))))


def test_zeros_of_one_shape_are_one_table():
    model = tiny("llama")
    group = Group((0,), model.ids(IDS[:1]))
    tables = every_table(Substitutes(model), group)
    assert len({id(table) for table in tables.values()}) == len(PLACES)
    assert not any(table.any() for table in tables.values())
