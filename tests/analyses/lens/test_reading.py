"""A table in which only some prompts have a twin, or a changed run: all of it is told and drawn."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.lens import picture
from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.reading import reading_of
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.pictures.facts import Place
from desktop_app.session.exports import export
from desktop_app.session.store import Session
from tests.models import named
from tests.samples import lensed

ROWS = (
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4"),
    PromptRow(text="2 3 4 5", answer=" 6", wrong=" 5"),
    PromptRow(text="3 4 5 6", corrupt="9 2", answer=" 7", wrong=" 6"),
)
TWINS = ("", "corrupt_")
# Settings, and which runs are read of each prompt.
CASES = {
    "untouched": ({}, (TWINS, ("",), ("",))),
    "of one prompt": (
        {"moves": ("clean:resid_post:1.1>1.1",)},
        ((*TWINS, "changed_"), ("",), ("",)),
    ),
    "of all prompts": (
        {"without": "0.1"},
        ((*TWINS, "changed_"), ("", "changed_"), ("", "changed_")),
    ),
}


def run(rows=ROWS, **settings):
    return lens.run(named("toy"), LensParams(prompts=rows, **settings), SilentReporter())


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Return a real run of the mixed table, and which runs each of its prompts has."""
    settings, expected = CASES[request.param]
    return run(**settings), expected


def test_each_prompt_has_the_runs_that_were_read_of_it(case):
    result, expected = case
    assert tuple(reading_of(result, n).runs() for n in range(3)) == expected
    codes = [notice.code for notice in result.warnings]
    assert codes.count("lengths_differ") == 1
    assert ("moves_not_fitting" in codes) == bool(result.params["moves"])


def test_a_terminal_tells_every_prompt(case):
    result, expected = case
    told = list(picture.lines(result))
    assert [line for line in told if line.startswith("prompt ")] == [
        f"prompt {n + 1}: “{row.text}”, logit lens, position 4: ␠{row.text[-1]}, "
        "where the prediction is read"
        for n, row in enumerate(ROWS)
    ]
    changed = sum("changed_" in runs for runs in expected)
    assert sum(line.startswith("  Changed: ") for line in told) == changed
    layers = result.model.n_layers + 1
    assert sum(line.startswith("  layer ") for line in told) == layers * (3 + changed)


def test_the_table_has_the_runs_of_its_prompt(case):
    result, expected = case
    names = {"": "clean", "corrupt_": "corrupt", "changed_": "changed"}
    for number, runs in enumerate(expected):
        _headings, rows = picture.table(result, number, None)
        assert {row[0] for row in rows} == {names[which] for which in runs}


def test_the_inspector_hears_of_every_prompt(case):
    result, _expected = case
    for number in range(3):
        place = Place(number, 1, None, 4)
        assert "top token" in picture.cell_facts(result, place)[0].name
        top = int(reading_of(result, number).top("")[2, 4, 0])
        assert reading_of(result, number).label(top) in picture.cell_facts(result, place)[0].value


@pytest.mark.gui
@pytest.mark.qt_log_ignore("This plugin does not support")
def test_every_prompt_is_drawn_also_from_a_session(case, make_view, selection, tmp_path):
    result, expected = case
    with Session.create(tmp_path / "s.lens") as session:
        again = session.load(session.add(result))
    view = make_view("lens")
    for shown in (result, again):
        view.show_result(shown)
        for number in (1, 2, 0):
            selection.select_prompt(number)
            out = view.read_out()
            assert out["state"] == "result"
            assert not out["failure"]
            runs = expected[number]
            assert (out["shown"] != "") == ("changed_" in runs)
            assert len(out["titles"]) == min(2, len(runs))
            assert f"{ROWS[number].answer[0].strip()}”" in out["headline"]


def test_it_goes_into_files(case, tmp_path):
    result, _expected = case
    export(result, tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as arrays:
        assert arrays["corrupt_top_1"].shape[1] == 0
    for name in ("r.csv", "r.json"):
        export(result, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


def test_the_sample_has_the_form_of_a_real_run():
    real, sample = run(ROWS[:2]), lensed.mixed_result()
    for name in ("top", "top_prob"):
        for prefix in TWINS:
            each = zip(real.data[prefix + name], sample.data[prefix + name], strict=True)
            assert all((one.size == 0) == (other.size == 0) for one, other in each)
    for name in ("answer_rank", "logit_diff", "corrupt_wrong_rank", "corrupt_answer_logprob"):
        known = [np.isfinite(one.array(name)).any((0, 1)).tolist() for one in (real, sample)]
        assert known[0] == known[1], name
