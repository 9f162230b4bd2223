"""The table over all prompts of a ranking: what stands in it, and how it is used."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.rank import over_prompts
from desktop_app.analyses.rank.picture import lines
from desktop_app.session.export_table import write_tidy
from desktop_app.session.store import Session
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

NAME = "Prompts and their answers"
RANKS = (0, 0, 3, 0, 1200)


def entry(text, rank, prob):
    return {"text": text, "rows": [drawn.row(text[0], prob, rank=rank)], "logprob_total": -1.0}


def many(ranks=RANKS, **changes):
    """Return a ranking of as many prompts, whose answers have these ranks; None: no answer."""
    count = len(ranks)
    probs = [0.9 - 0.8 * n / count for n in range(count)]
    answers = tuple(
        [] if rank is None else [entry("5", rank, prob)]
        for rank, prob in zip(ranks, probs, strict=True)
    )
    prompts = [drawn.prompt(f"{n % 4 + 1} 2 3 4 ") for n in range(count)]
    for n, rank in enumerate(ranks):
        if rank is None:
            prompts[n] = replace(prompts[n], answers=(), wrongs=())
    diffs = np.array([math.nan if rank is None else 2.0 - n for n, rank in enumerate(ranks)])
    data = {
        "top": ([drawn.row("1", 0.7), drawn.row("5", 0.2)],) * count,
        "answers": answers,
        "wrong": tuple([] if rank is None else [entry("4", 1, 0.1)] for rank in ranks),
        "logit_diff": diffs,
        "prompt_logprob": (np.full(7, -0.5),) * count,
        "prompt_rank": (np.arange(7),) * count,
        "read_position": np.full(count, 7),
    }
    return drawn.rank_result(prompts=tuple(prompts), data=data, **changes)


def shown(make_view, result, *size):
    view = make_view("rank", *size)
    view.show_result(result)
    return view, find(view, RankingList, NAME)


def click(qtbot, listed, place, column=1):
    where = listed.visualRect(listed.model().index(place, column)).center()
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=where)


def click_heading(qtbot, listed, key):
    heads = listed.horizontalHeader()
    column = [c.key for c in listed.ranking.columns].index(key)
    where = QPoint(heads.sectionViewportPosition(column) + 8, heads.height() // 2)
    qtbot.mouseClick(heads.viewport(), Qt.MouseButton.LeftButton, pos=where)


def test_a_row_per_prompt_and_the_share_above(make_view):
    view, _listed = shown(make_view, many())
    assert view.read_out()["share"] == "3 of 5 prompts have their answer on top"
    rows = view.read_out()["prompts"]
    assert rows[0] == ("1", "1␠2␠3␠4␠", "5", "0 (top)", "0.900", "+2.000", "1")
    assert rows[4][3:6] == ("1,200", "0.260", "−2.000")


def test_a_click_selects_the_prompt_everywhere_and_shows_its_ranking(make_view, selection, qtbot):
    view, listed = shown(make_view, many())
    click(qtbot, listed, 2)
    assert selection.prompt == 2
    assert view.read_out()["logit_diff"] == "0.000"
    assert view.read_out()["heading"].startswith("Predicting the token after")
    assert listed.selected_key() == 2


def test_what_is_selected_elsewhere_is_marked(make_view, selection):
    _view, listed = shown(make_view, many())
    assert listed.selected_key() == 0
    selection.select_prompt(3)
    assert listed.selected_key() == 3


def test_headings_sort_and_a_click_then_finds_its_prompt(make_view, selection, qtbot):
    view, listed = shown(make_view, many())
    click_heading(qtbot, listed, "rank")
    assert [row[3] for row in view.read_out()["prompts"]] == [
        "0 (top)", "0 (top)", "0 (top)", "3", "1,200",
    ]  # fmt: skip
    click_heading(qtbot, listed, "rank")
    assert [row[0] for row in view.read_out()["prompts"]][:2] == ["5", "3"]
    click(qtbot, listed, 0)
    assert selection.prompt == 4
    click_heading(qtbot, listed, "difference")
    assert view.read_out()["prompts"][0][5] == "−2.000"


def test_sorting_stays_when_another_prompt_is_chosen(make_view, selection, qtbot):
    view, listed = shown(make_view, many())
    click_heading(qtbot, listed, "difference")
    before = view.read_out()["prompts"]
    selection.select_prompt(1)
    assert view.read_out()["prompts"] == before
    assert listed.selected_key() == 1


def test_the_keyboard_goes_through_the_prompts(make_view, selection, qtbot):
    _view, listed = shown(make_view, many())
    listed.setFocus()
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    assert selection.prompt == 1
    qtbot.keyClick(listed, Qt.Key.Key_End)
    assert selection.prompt == 4
    qtbot.keyClick(listed, Qt.Key.Key_Home)
    assert selection.prompt == 0
    said = listed.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("1. place 1, prompt 1␠2␠3␠4␠, 5, rank 0 (top), probability 0.900")


def test_one_prompt_has_no_table(make_view):
    view, listed = shown(make_view, many((0,)))
    assert not listed.isVisible()
    assert view.read_out()["prompts"] == []
    view.show_result(many())
    assert listed.isVisible()
    view.show_result(many((0,)))
    assert not listed.isVisible()


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        ((0, 0), "2 of 2 prompts have their answer on top"),
        ((0, 1, None), "1 of 2 prompts with an answer have it on top · 1 has none"),
        ((3, None, None), "0 of 1 prompt with an answer has it on top · 2 have none"),
        ((None, None), "2 prompts: give answers to see where they stand"),
    ],
)
def test_the_share_counts_prompts_with_an_answer(ranks, said):
    assert over_prompts.share_sentence(many(ranks)) == said
    assert said in list(lines(many(ranks)))


def test_of_one_prompt_a_terminal_is_told_no_share():
    assert not any("on top" in line for line in lines(many((0,))))


def test_what_is_not_there_stays_empty_and_goes_last(make_view, qtbot):
    view, listed = shown(make_view, many((1, None, 0)))
    assert view.read_out()["prompts"][1][2:6] == ("", "", "", "")
    for _way in ("up", "down"):
        click_heading(qtbot, listed, "rank")
        assert view.read_out()["prompts"][-1][0] == "2"


def test_of_several_answers_the_likeliest_counts():
    result = many((2, 0))
    two = [entry("5", 2, 0.1), entry("6", 0, 0.5)]
    result = replace(result, data={**result.data, "answers": (two, result.data["answers"][1])})
    table = over_prompts.table(result)
    assert [table.text(0, column) for column in (2, 3, 4)] == ["6 +1", "0 (top)", "0.500"]
    assert "answer “5”: rank 2, probability 0.100000" in table.rows[0].tooltip
    assert over_prompts.share_sentence(result).startswith("2 of 2")


def test_a_prediction_that_is_no_number_is_not_on_top():
    result = many((0, 0))
    bad = [{"text": "5", "rows": [drawn.row("5", 0.5, rank=0) | {"prob": math.nan}]}]
    result = replace(result, data={**result.data, "answers": (bad, result.data["answers"][1])})
    assert over_prompts.table(result).text(0, 3) == ""
    assert over_prompts.share_sentence(result).startswith("1 of 1 prompt with an answer has it")


def test_a_long_beginning_that_all_share_is_left_out():
    result = many((0, 0))
    texts = [f"Examples first, many of them, and then the question {n}" for n in "ab"]
    prompts = tuple(replace(p, text=t) for p, t in zip(result.prompts, texts, strict=True))
    table = over_prompts.table(replace(result, prompts=prompts))
    assert table.values("prompt") == ["…uestion␠a", "…uestion␠b"]
    assert "Examples␠first" in table.rows[0].tooltip


def test_a_thousand_prompts_are_rows_and_no_widgets(make_view, selection, qtbot):
    view, listed = shown(make_view, many(tuple(n % 7 for n in range(5))))
    few = len(view.findChildren(QWidget))
    view.show_result(many(tuple(n % 7 for n in range(1000))))
    assert len(view.findChildren(QWidget)) <= few
    assert len(view.read_out()["prompts"]) == 1000
    assert view.read_out()["share"] == "143 of 1,000 prompts have their answer on top"
    listed.setFocus()
    qtbot.keyClick(listed, Qt.Key.Key_End)
    assert selection.prompt == 999


@pytest.mark.parametrize(("width", "beside"), [(900, False), (1700, True)])
def test_it_stands_above_or_beside_the_ranking(make_view, qtbot, width, beside):
    view, listed = shown(make_view, many(), width, 900)
    tops = find(view, RankingList, "Most likely next tokens")

    def place(widget):
        return widget.mapTo(view, QPoint(0, 0))

    qtbot.waitUntil(lambda: place(listed).x() + listed.width() <= place(tops).x() or not beside)
    qtbot.waitUntil(lambda: place(listed).y() + listed.height() <= place(tops).y() or beside)
    assert listed.viewport().height() >= 3 * 28


@pytest.mark.parametrize("width", [420, 700])
def test_a_narrow_table_keeps_rank_probability_and_difference(make_view, width):
    _view, listed = shown(make_view, many(), width, 600)
    assert {"prompt", "rank", "difference"} <= set(listed.shown_columns())
    assert listed.columnWidth(1) >= 60


def test_the_noise_floor_of_half_precision_is_said(make_view):
    result = many(model=drawn.model(dtype="bfloat16"))
    view, _listed = shown(make_view, replace(result, data={**result.data, "noise": 0.125}))
    assert view.read_out()["noise"].startswith("Noise floor 0.125: bfloat16 rounds differently")
    view.show_result(many())
    assert view.read_out()["noise"] == ""


def test_a_session_and_a_table_file_hold_the_same(make_view, tmp_path):
    result = many()
    view, listed = shown(make_view, result)
    before = view.read_out()
    path = tmp_path / "a.lens"
    with Session.create(path) as session:
        number = session.add(result)
    with Session.open(path) as session:
        view.show_result(session.load(number))
        after = view.read_out()
    assert after["prompts"] == before["prompts"]
    assert after["share"] == before["share"]
    text = io.StringIO()
    write_tidy(result, text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    told = [row["value"] for row in rows if row["field"] == "answers.rows.rank"]
    assert told == [str(rank) for rank in RANKS]
    assert listed.copy_table().splitlines()[3].split("\t")[3] == "3"
