"""Names of results: by the settings that made them, in the slice's own words."""

from __future__ import annotations

import dataclasses

import pytest

from desktop_app.pictures.naming import Made, Name, result_name
from desktop_app.session.store import Session
from tests.samples import drawn

ONE = (drawn.prompt("1 2 3 4 ", "1 2 6 4 "),)


def ablation(prompts=ONE, mode="zero", **params):
    given = {"component": "head", "mode": "auto", "metric": "logit_diff", **params}
    return drawn.result_of("ablate", {"mode": mode}, prompts=prompts, params=given)


@pytest.mark.parametrize(
    ("result", "name"),
    [
        (ablation(ONE * 5, "mean"), "Ablation · mean · 5 prompts"),
        (ablation(), "Ablation · zero · “1 2 3 4 ”"),
        (ablation(component="mlp"), "Ablation · MLPs · zero · “1 2 3 4 ”"),
        (ablation(metric="kl"), "Ablation · zero · KL divergence · “1 2 3 4 ”"),
        (drawn.result_of("patch", {}, prompts=ONE, params={"site": "head_z"}), "z by head"),
        (drawn.result_of("attention", {}, prompts=ONE, params={}), "Attention · “1 2 3 4 ”"),
        (drawn.result_of("strange", {}, prompts=ONE, params={"x": 1}), "strange · “1 2 3 4 ”"),
        (drawn.result_of("strange", {}, prompts=(), params={}), "strange"),
    ],
)  # fmt: skip
def test_a_name_says_what_made_it(result, name):
    told = result_name(result)
    assert told == name if "·" in name or name == "strange" else name in told


def test_a_long_prompt_shows_its_end():
    long = (dataclasses.replace(ONE[0], text="word " * 60 + "end "),)
    told = result_name(drawn.result_of("rank", {}, prompts=long, params={}))
    assert told.endswith("end ”")
    assert len(told) < 60


@pytest.mark.parametrize("value", [None, 5, ["a"], {"a": 1}, "x" * 5_000])
def test_settings_of_a_strangers_file_are_named_without_a_slip(value):
    for setting in ("component", "mode", "layers", "reference", "preview", "metric"):
        assert len(result_name(ablation(**{setting: value}))) < 400


def test_a_value_that_means_something_apart_is_written_in_its_word():
    one, other = (
        drawn.result_of("features", {}, prompts=ONE, params={"sae": "/a", "feature": feature})
        for feature in (-1, 3)
    )
    name = Name(one)
    assert name.tell_apart(Made.of(other))
    assert "feature none" in str(name)


def test_the_setting_in_which_two_differ_tells_them_apart():
    name = Name(ablation(ONE * 5, positions="last", layers="0:2", preview=True, metric="kl"))
    shown = str(name)
    other = Made.of(ablation(ONE * 5, positions="last", layers="0:2", preview=True, metric="kl"))
    assert not name.tell_apart(other)
    assert str(name) == shown
    assert name.tell_apart(Made.of(ablation(ONE * 5, positions="all", layers="0:2", metric="prob")))
    assert str(name) != shown


def test_the_model_tells_them_apart_where_no_setting_does(tmp_path):
    here = ablation()
    there = dataclasses.replace(here, model=dataclasses.replace(here.model, dtype="bfloat16"))
    with Session.create(tmp_path / "a.lens") as session:
        for result in (here, there, there):
            session.add(result)
        titles = [row.title for row in session.rows()]
    assert titles[0] == "Ablation · zero · “1 2 3 4 ”"
    assert titles[1] == "Ablation · zero · bfloat16 · “1 2 3 4 ”"
    assert titles[2] == "Ablation · zero · bfloat16 · “1 2 3 4 ” · run 2"


def test_no_two_read_alike_whatever_comes_in_between(tmp_path):
    with Session.create(tmp_path / "a.lens") as session:
        for turn in range(3):
            for layers in (":", "0:2", "1:3"):
                for prompts in (ONE, ONE * 2):
                    session.add(ablation(prompts, layers=layers))
            session.delete(turn + 1)  # what was deleted may come back
        for row in session.deleted_rows():
            session.restore(row.id)
        titles = [row.title for row in session.rows()]
    assert len(titles) == 18
    assert len(set(titles)) == 18


def test_a_given_title_is_kept_to_the_letter(tmp_path):
    with Session.create(tmp_path / "a.lens") as session:
        for _ in range(2):
            session.add(ablation(), "mine")
        assert [row.title for row in session.rows()] == ["mine", "mine"]
