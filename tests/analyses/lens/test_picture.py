from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.analyses.lens import grids, words
from desktop_app.analyses.lens import picture as data
from desktop_app.analyses.lens.explain import WHATS, explain
from desktop_app.analyses.lens.reading import reading_of
from desktop_app.contract.moves import Move
from desktop_app.contract.result import TokenList
from desktop_app.pictures.facts import Place
from desktop_app.pictures.moves import AskedMoves
from desktop_app.pictures.naming import result_name
from desktop_app.session.export_table import table_of
from tests.samples import drawn, lensed, patching

END = "“5” is on top from layer 2 (after block 1) to the end, at position 7: ␠"


@pytest.fixture
def reading():
    return reading_of(lensed.lens_result(), 0)


def test_rows_are_named_by_the_streams_that_they_read():
    assert [words.row_words(row, 3) for row in (0, 1, 3)] == [
        "layer 0, the embeddings",
        "layer 1, after block 0",
        "layer 3, the end",
    ]
    assert grids.row_axis(3).labels == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("ranks", "row"),
    [
        ((3, 2, 0, 0), 2),
        ((0, 0, 0, 0), 0),
        ((0, 2, 0, 0), 2),
        ((3, 2, 1, 0), 3),
        ((0, 0, 0, 1), None),
        ((np.nan, 1, 0, 0), 2),
        ((np.nan,) * 4, None),
    ],
)
def test_the_answer_rises_where_it_stays_on_top_to_the_end(ranks, row):
    assert words.rises_at(np.array(ranks, float)) == row


def test_the_heading_says_the_layer_that_the_table_shows(reading):
    assert words.headline(reading, "", 7) == END
    table = data.layers_table(reading, "", 7)
    on_top = [row.key for row in table.rows if row.values[3] == 0]
    assert on_top == [2, 3]
    assert table.text(2, 1) == "5"
    assert [row.emphasis for row in table.rows] == ["", "", "good", "good"]


def test_the_heading_says_how_near_an_answer_comes_that_never_wins(reading):
    told = words.headline(reading, "corrupt_", 7)
    assert told == (
        "“5” is not on top at the end (rank 4); its best rank is 4, layer 3, the end, "
        "at position 7: ␠, corrupt run"
    )
    early = lensed.lens_result(data=lensed.run_fields("", (patching.PAIR,), (0.0, 3.0, 0.0, 0.0)))
    assert "and for a while from layer 0" in words.headline(reading_of(early, 0), "", 7)
    late = lensed.lens_result(data=lensed.run_fields("", (patching.PAIR,), (9.0, 3.0, 1.0, 0.0)))
    assert "at the end alone, layer 3" in words.headline(reading_of(late, 0), "", 7)


def test_the_heading_keeps_a_token_that_holds_a_comma():
    texts = ("3", ",", " 4", ", ")
    record = replace(patching.PAIR, tokens=TokenList((35, 1, 36, 2), texts, texts), read_position=3)
    record = replace(record, corrupt_text=None, corrupt_tokens=None)
    reading = reading_of(lensed.lens_result(prompts=(record,)), 0)
    assert words.headline(reading, "", 1).endswith("at position 1: ,")
    assert words.headline(reading, "", 3).endswith("at position 3: ,␠")


def test_without_an_answer_it_says_what_the_end_says():
    record = drawn.PromptRecord("1 2 ", drawn.tokens("1", " ", "2", " "), 3)
    reading = reading_of(lensed.lens_result(prompts=(record,), data=_no_scores(4)), 0)
    assert words.headline(reading, "", 3).startswith("The end says “5” at position 3: ␠")
    assert set(grids.offered(reading)) == {"answer_rank", "answer_logprob", "logit_diff"}
    assert data.token_facts(reading.result, Place(0, None, None, 3)) == []
    reading.result.data["top"][0][-1] = -1
    assert words.headline(reading, "", 3) == "What the end says is no number at position 3: ␠"


def _no_scores(length):
    nothing = np.full((4, length, 1), np.nan)
    return dict.fromkeys(("answer_rank", "answer_logprob", "logit_diff"), nothing)


def test_a_cell_tells_its_tokens_and_where_the_answer_stands(reading):
    told = words.cell_words(reading, "", 2, 7)
    assert told.splitlines() == [
        "Clean run · layer 2, after block 1",
        "Position 7: ␠, where the prediction is read",
        "0   5   0.400",
        "1   4   0.150",
        "2   x   0.100",
        "answer “5”: rank 0, log-probability −0.10, logit difference +1.07",
    ]


def test_a_cells_ranking_marks_answer_and_wrong(reading):
    rows = data.cell_ranking(reading, "", 3, 7)
    assert rows.values("token") == ["5", "4", "x"]
    assert rows.values("mark") == ["answer", "wrong", ""]
    assert rows.values("prob") == pytest.approx([0.5, 0.15, 0.1])
    beside = reading_of(lensed.changed_result(), 0)
    other = data.cell_ranking(beside, "", 3, 7, data.beside(beside, ""))
    assert "in the clean run without L1H2: 0.1" in other.rows[0].tooltip


def test_what_is_not_read_has_neither_text_nor_ranking():
    result = lensed.lens_result()
    result.data["top"][0][0] = -1
    reading = reading_of(result, 0)
    assert reading.texts("")[0] == [""] * 8
    assert data.cell_ranking(reading, "", 0, 7).rows == ()
    assert "nothing is read here" in words.cell_words(reading, "", 0, 7)


# Rows and sites.


@pytest.mark.parametrize(
    ("source", "target", "move"),
    [
        ((2, 4), (2, 4), "clean:resid_post:1.4>1.4"),
        ((3, 7), (1, 6), "clean:resid_post:2.7>0.6"),
        ((0, 4), (0, 4), "clean:resid_pre:0.4>0.4"),
        ((0, 4), (2, 4), "clean:resid_pre:0.4>2.4"),
        ((2, 4), (0, 4), "clean:resid_pre:2.4>0.4"),
        ((0, 4), (3, 4), None),
        ((3, 4), (0, 4), None),
    ],
)
def test_rows_are_put_in_at_the_site_that_both_have(source, target, move):
    found = grids.as_move("clean", source, target, 3)
    assert (None if found is None else str(found)) == move


def test_moves_are_drawn_where_they_show_first():
    assert grids.in_rows(Move("clean", "resid_post", (1, 4), (1, 4))).target == (2, 4)
    assert grids.in_rows(Move("clean", "resid_pre", (1, 4), (1, 4))).target == (1, 4)
    assert grids.in_rows(Move("clean", "mlp_out", (0, 4), (2, 4))).target == (3, 4)
    board = grids.board_of(reading_of(lensed.moved_result(), 0), "changed")
    assert board.run == "corrupt"
    assert np.argwhere(board.reach).tolist() == [[2, 4], [3, 4], [3, 5], [3, 6], [3, 7]]


def test_texts_for_another_board_are_those_of_its_site():
    result = lensed.lens_result()
    asked = AskedMoves(drawn.model(), patching.PAIR, "prob", "resid_post", "corrupt")
    after = data.stream_texts(result, asked)
    before = data.stream_texts(
        result, AskedMoves(drawn.model(), patching.PAIR, "", "resid_pre", "")
    )
    assert [row[7] for row in after.texts["clean"]] == ["x", "5", "5"]
    assert [row[7] for row in before.texts["clean"]] == ["x", "x", "5"]
    assert set(after.texts) == {"clean", "corrupt"}
    assert "after each block" in after.words
    for other in (
        AskedMoves(drawn.model(), patching.PAIR, "", "mlp_out", ""),
        AskedMoves(drawn.model(), patching.OTHER, "", "resid_post", ""),
        AskedMoves(drawn.model(name="toy", fingerprint="1"), patching.PAIR, "", "resid_post", ""),
        AskedMoves(drawn.model(weights="processed"), patching.PAIR, "", "resid_post", ""),
    ):
        assert data.stream_texts(result, other) is None


# Colours.


def test_colours_are_of_what_was_chosen(reading):
    cells = grids.cells_of(reading, "untouched", "prob")
    assert set(cells) == {"clean", "corrupt"}
    assert cells["clean"].limits == (0.0, 1.0)
    assert cells["clean"].values[3, 7] == pytest.approx(0.5)
    ranks = grids.cells_of(reading, "untouched", "answer_rank")["clean"]
    assert ranks.stretch.share(np.array([0.0, 49.0])).tolist() == [1.0, 0.0]
    assert ranks.values[0, 7] == 12
    logs = grids.cells_of(reading, "untouched", "answer_logprob")
    assert logs["clean"].limits == logs["corrupt"].limits
    assert logs["clean"].limits[1] == 0
    diff = grids.cells_of(reading, "untouched", "logit_diff")["corrupt"]
    assert diff.diverging
    assert diff.limits[0] == -diff.limits[1]


def test_the_corner_marks_where_the_answer_is_on_top(reading):
    marked = grids.cells_of(reading, "untouched", "prob")["clean"].marked
    assert np.argwhere(marked).tolist() == [[2, 7], [3, 7]]


def test_a_run_without_heads_stands_beside_itself_untouched():
    reading = reading_of(lensed.changed_result(), 0)
    found = grids.sides(reading, "changed")
    assert [(found[run].which, found[run].run) for run in ("clean", "corrupt")] == [
        ("", "clean"),
        ("changed_", "clean"),
    ]
    assert found["corrupt"].title == "Clean run without L1H2"
    assert grids.sides(reading, "untouched")["corrupt"].which == "corrupt_"


def test_a_run_with_moves_stands_beside_the_run_that_they_come_from():
    found = grids.sides(reading_of(lensed.moved_result(), 0), "changed")
    assert [found[run].which for run in ("clean", "corrupt")] == ["", "changed_"]
    assert found["corrupt"].title == "Corrupt run with 1 activation put in"
    noised = lensed.moved_result(params={"run": "clean", "moves": ("corrupt:resid_post:1.4>1.4",)})
    found = grids.sides(reading_of(noised, 0), "changed")
    assert [found[run].which for run in ("clean", "corrupt")] == ["changed_", "corrupt_"]


def test_the_difference_is_changed_minus_untouched():
    reading = reading_of(lensed.changed_result(), 0)
    assert grids.change_of(reading, "logit_diff") == pytest.approx(np.full((4, 8), -1.0))
    ranks = grids.change_of(reading, "answer_rank")[:, 7]
    assert ranks == pytest.approx(np.log10([1, 4 / 9, 1 / 6, 1 / 3]))
    cells = grids.cells_of(reading, "difference", "logit_diff")["corrupt"]
    assert cells.diverging
    assert [row[7] for row in cells.texts] == ["", "", "x", "x"]  # the new top where it is another
    assert "changed: x" in cells.tip(2, 7)
    assert "untouched: 5" in cells.tip(2, 7)


def test_what_was_changed_is_said_in_full():
    both = lensed.changed_result(
        params={"without": "1.2,m2", "mode": "mean", "moves": ("clean:resid_mid:1.4>2.5",)}
    )
    assert words.changed_sentence(both) == (
        "Changed: the corrupt run without L1H2, L2 MLP (mean) and with clean residual stream "
        "between attention and MLP L1 · 4 → L2 · 5 put in"
    )
    assert words.changed_sentence(lensed.lens_result()) == ""


# Curves.


def test_curves_follow_answer_and_wrong(reading):
    drawn_ = data.curves(reading, "", 7, "answer_rank")
    assert [line.name for line in drawn_.lines] == ["“5”", "“4”"]
    assert drawn_.lines[0].values.tolist() == [12, 3, 0, 0]
    assert drawn_.lines[1].values.tolist() == [1, 1, 1, 1]
    assert np.isfinite(drawn_.points()[1]).all()  # 0 has a place
    assert drawn_.points()[1][2] == 0
    assert [mark.value for mark in drawn_.marks] == [2]
    logs = data.curves(reading, "", 7, "answer_logprob").lines
    apart = data.curves(reading, "", 7, "logit_diff").lines[0].values
    assert logs[0].values - logs[1].values == pytest.approx(apart)


def test_the_changed_run_is_drawn_beside_the_untouched_one():
    reading = reading_of(lensed.changed_result(), 0)
    names = [line.name for line in data.curves(reading, "", 7, "answer_rank").lines]
    assert names == ["“5”", "“4”", "“5”, changed"]
    names = [line.name for line in data.curves(reading, "changed_", 7, "logit_diff").lines]
    assert names == ["answer − wrong", "answer − wrong, untouched"]
    assert data.beside(reading, "corrupt_") is None


def test_means_over_prompts_exist_where_lengths_agree():
    several = lensed.lens_result(prompts=(patching.PAIR, patching.OTHER))
    reading = reading_of(several, 1)
    assert data.has_means(reading, "")
    (line,) = data.curves(reading, "", 7, "logit_diff", mean=True).lines
    assert line.values == pytest.approx(several.data["logit_diff_mean"][:, 7])
    assert line.high - line.values == pytest.approx(np.full(4, 0.25))
    assert "mean of 2 prompts" in line.name
    (line,) = data.curves(reading, "", 7, "answer_rank", mean=True).lines
    assert line.low.min() == 0  # no rank is below 0
    assert not data.has_means(reading_of(lensed.ragged_result(), 0), "")
    assert not data.has_means(reading_of(lensed.lens_result(), 0), "")


def test_the_mean_names_the_prompts_that_have_a_number():
    reading = reading_of(lensed.mixed_result(), 0)
    for which, told in (("", "mean of 2 prompts"), ("corrupt_", "mean of 1 prompt")):
        (line,) = data.curves(reading, which, 7, "answer_rank", mean=True).lines
        assert line.name.endswith(told)


def test_prompts_of_several_lengths_are_read_each_by_itself():
    result = lensed.ragged_result()
    first, second = reading_of(result, 0), reading_of(result, 1)
    assert first.score("", "logit_diff").shape == (4, 8)
    assert second.score("", "logit_diff").shape == (4, 10)
    assert words.headline(second, "", 9).endswith("at position 9: ␠")


def test_a_result_that_does_not_fit_its_prompt_is_refused():
    result = lensed.lens_result(data={"top": (np.zeros((4, 7, 3), int),)})
    with pytest.raises(ValueError, match="shape"):
        reading_of(result, 0).top("")


# What others ask.


def test_the_inspector_hears_of_the_token_and_of_the_cell():
    result = lensed.lens_result()
    (fact,) = data.token_facts(result, Place(0, None, None, 7))
    assert (fact.name, fact.value) == ("“5” on top from", "layer 2 of 3")
    facts = {f.name: f.value for f in data.cell_facts(result, Place(0, 1, None, 7))}
    assert facts == {"Lens, clean run, row 2: top token": "5   0.400", "Rank of “5” there": "0"}
    for place in (Place(0, None, None, 7), Place(0, 1), Place(0, 9, None, 7), Place(3, 1, 0, 7)):
        assert data.cell_facts(result, place) == []
    assert data.cell_facts(result, Place(0, 1, None, 70)) == []


@pytest.mark.parametrize("what", WHATS)
def test_every_number_is_explained_with_its_values(what):
    told = explain(lensed.lens_result(), what, Place(0, 1, None, 7))
    assert "layer 2, after block 1, position 7" in told.working
    assert "final norm(stream)" in told.formula
    fitted = lensed.lens_result(params={"kind": "jacobian"})
    assert "Jacobian lens(stream)" in explain(fitted, what, Place(0, 1, None, 7)).formula


def test_a_result_is_called_by_its_lens_and_what_was_changed():
    assert "without L1H2" in result_name(lensed.changed_result())
    assert "Jacobian" in result_name(lensed.lens_result(params={"kind": "jacobian"}))
    assert data.named(lensed.lens_result()) == ""


def test_the_terminal_says_every_layer():
    told = list(data.lines(lensed.changed_result()))
    assert told[0].startswith("prompt 1: “1 2 3 4 ”, logit lens, position 7: ␠")
    assert f"  {END}" in told
    assert any("layer   2  “5”" in line and "rank       0" in line for line in told)
    assert "  Changed: the clean run without L1H2 (zero)" in told


def test_the_table_has_a_row_for_each_cell_of_each_run():
    headings, rows = table_of(lensed.changed_result())
    assert headings[:5] == ["run", "layer", "position", "token", "top"]
    assert len(rows) == 3 * 4 * 8
    assert {row[0] for row in rows} == {"clean", "corrupt", "changed"}
