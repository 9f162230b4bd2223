from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.residual import charts, picture, sizes
from desktop_app.analyses.residual.explain import WHATS, explain
from desktop_app.pictures.facts import Place
from desktop_app.pictures.shown import SoFar
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.export_table import table_of as table_of_result
from tests.analyses.residual.sample import FIRST, LAYERS, NORM, fields, result
from tests.samples import drawn


def line_of(curves, name):
    return next(line for line in curves.lines if line.name == name)


def test_the_stream_is_the_geometric_mean_over_all_later_positions():
    shown = charts.norm_curves(result(), (0, None), with_first=True)
    stream = line_of(shown, "stream")
    # 7 positions of the norm itself and 5 of twice that.
    np.testing.assert_allclose(stream.values, NORM * 2 ** (5 / 12))
    np.testing.assert_allclose(stream.low, NORM)
    np.testing.assert_allclose(stream.high, 2 * NORM)
    np.testing.assert_allclose(line_of(shown, "position 0").values, FIRST)
    assert line_of(shown, "attention adds").values[:4].tolist() == pytest.approx([2.0] * 4)
    assert np.isnan(line_of(shown, "MLP adds").values[4])
    assert shown.up.log
    assert "before the final norm" in shown.across.name
    assert shown.across.label(4) == "end"


def test_the_fit_goes_from_block_1_to_the_last():
    fit = line_of(charts.norm_curves(result(), (0, None), with_first=False), "2.000 × per layer")
    stream = sizes.later(result(), "norm")
    assert np.isnan(fit.values[[0, 4]]).all()
    np.testing.assert_allclose(fit.values[1:4], stream[1] * np.array([1, 2, 4]))
    assert fit.dashed


def test_position_0_and_a_chosen_position_have_lines_of_their_own_or_none():
    without = charts.norm_curves(result(), (0, None), with_first=False)
    assert "position 0" not in [line.name for line in without.lines]
    chosen = charts.norm_curves(result(), (1, 3), with_first=True)
    np.testing.assert_allclose(line_of(chosen, "position 3 “␠”").values, 2 * NORM)
    first = charts.norm_curves(result(), (1, 0), with_first=True)
    assert len(first.lines) == 5


def test_a_single_prompt_has_no_band():
    shown = charts.norm_curves(result((8,)), (0, None), with_first=True)
    assert line_of(shown, "stream").low is None


def test_a_place_is_told_in_words():
    told = charts.norm_curves(result(), (0, None), with_first=True).text(2).splitlines()
    assert told[0] == "Residual stream before block 2"
    assert told[1].startswith("stream 26.70 (prompts 20.00 … 40.00)")
    assert "position 0 1,000" in told
    end = charts.norm_curves(result(), (0, None), with_first=True).text(4)
    assert end.startswith("Residual stream after block 3, the last")
    assert "adds" not in end


def test_growth_stands_beside_its_rate_and_cosine_beside_1():
    growth = charts.growth_curve(result())
    assert growth.lines[0].values.tolist() == [10, 2, 2, 3]
    assert "rate 2.000 ×" in [mark.text for mark in growth.marks]
    assert growth.text(3) == "Block 3: 3.000 ×"
    cosine = charts.cosine_curve(result(), with_first=True)
    assert [line.name for line in cosine.lines] == ["positions ≥ 1", "position 0"]
    assert len(charts.cosine_curve(result(), with_first=False).lines) == 1
    assert "0.900" in cosine.text(1)


def test_shares_are_laid_on_one_another_and_what_is_negative_below_0():
    stack = charts.share_stack(result(), "kind", of_first=False)
    assert [key.name for key in stack.entries()] == ["Embeddings", "Attention", "MLPs"]
    tops = {line.name: line.high for line in stack.lines if line.high[4] > 0}
    assert tops["Embeddings"][4] == pytest.approx(0.5)
    assert tops["Attention"][4] == pytest.approx(0.5 + 0.4 + 0.15)
    below = [line for line in stack.lines if line.high[4] < 0]
    assert [line.name for line in below] == ["MLPs"]
    assert below[0].high[4] == pytest.approx(-0.05)
    assert "MLPs −5.0 %" in stack.text(4)


@pytest.mark.parametrize("layers", [1, 2, 3, 5, 12, 30])
@pytest.mark.parametrize("by", ["kind", "age"])
def test_every_part_is_in_just_one_group(layers, by):
    found = [part for _name, _tone, parts in charts.groups(layers, by) for part in parts]
    assert sorted(found) == list(range(2 * layers + 1))
    names = [name for name, _tone, _parts in charts.groups(layers, by)]
    assert len(set(names)) == len(names) <= 6


def test_ages_are_named_by_their_layers():
    names = [name for name, _tone, _parts in charts.groups(30, "age")]
    assert names == [
        "Embeddings", "Layers 0–5", "Layers 6–11", "Layers 12–17", "Layers 18–23", "Layers 24–29",
    ]  # fmt: skip


def test_the_map_is_of_one_prompt_in_colours_of_equal_ratios():
    shown = picture.norm_map(result(), "norm", 0, with_first=True)
    assert shown.values.shape == (LAYERS + 1, 8)
    assert list(shown.rows.labels) == ["0", "1", "2", "3", "end"]
    assert list(shown.columns.labels)[:2] == ["1", "␠"]
    shares = shown.stretch.share(np.array([1.0, 2000**0.5, 2000.0]))
    np.testing.assert_allclose(shares, [0, 0.5, 1], atol=1e-3)
    alone = picture.norm_map(result(), "norm", 0, with_first=False)
    assert alone.values.shape == (LAYERS + 1, 7)
    assert alone.limits == (0.0, 120.0)
    assert alone.tip_text(2, 0).startswith("20.00 before block 2 at position 1 “␠”")
    assert "attention adds 2.00 · MLP adds 3.00" in alone.tip_text(2, 0)
    assert "adds" not in alone.tip_text(4, 0)
    added = picture.norm_map(result(), "norm_mlp", 1, with_first=True)
    assert added.values.shape == (LAYERS, 6)
    assert added.tip_text(1, 2) == (
        "MLP of block 1 adds 3.00 at position 2 “3”\nto a stream of 20.00"
    )


def test_parts_that_come_later_have_no_cell():
    shown = picture.share_map(result(), of_first=False)
    assert np.isfinite(shown.values[0]).sum() == 1
    assert np.isnan(shown.values[1, 3:]).all()
    assert "comes later" in shown.tip_text(0, 4)
    assert shown.tip_text(4, 0) == "embed is 50.0 % of the residual stream after block 3, the last"


def test_the_table_beside_the_map_is_of_a_position_or_the_mean():
    texts = [row.values for row in picture.layer_table(result(), 0, 0).rows]
    assert [row[1] for row in texts] == FIRST.tolist()
    assert texts[1][2] == 100.0
    mean = picture.layer_table(result(), 1, None)
    assert [row.values[1] for row in mean.rows] == pytest.approx((2 * NORM).tolist())
    assert picture.table_title(result(), 0, None).startswith("Positions ≥ 1")
    assert picture.table_title(result(), 0, 2) == "Position 2 “2”"


def test_headlines_say_what_there_is():
    assert picture.headline(result()) == "The stream grows 2.000 × per layer, from layer 1 to 2"
    assert picture.first_sentence(result()) == "position 0: 2,000 before block 3, 37 × the others"
    assert picture.made_sentence(result()) == "Before the final norm · positions ≥ 1 of 2 prompts"
    unread = fields((8, 6))
    unread["norm"] = (unread["norm"][0], unread["norm"][1] * np.nan)
    assert picture.made_sentence(SoFar(unread)).endswith("positions ≥ 1 of 1 of 2 prompts")
    less = SoFar(fields((8, 6)) | {"growth_rate": 0.5})
    assert picture.headline(less).startswith("The stream shrinks to 0.500 × per layer")
    data = fields((8, 6)) | {"growth_rate": float("nan")}
    assert picture.headline(SoFar(data)) == "The stream grows 120.000 × in 4 layers"


def without_growth(norms):
    data = {"norm": norms, "growth": np.full(LAYERS, np.nan), "growth_rate": float("nan")}
    return picture.headline(SoFar(data))


def test_why_there_is_no_growth_rate_is_said_as_it_is():
    one, several, unread = np.ones((5, 1)), np.ones((5, 8)), np.full((5, 8), np.nan)
    lost = several.copy()
    lost[2:] = np.inf
    alone = "No growth rate: no prompt has a position beyond the first"
    assert without_growth((one, one)) == alone
    assert without_growth((one, unread)) == alone  # as far as is known
    other = "No growth rate: there are norms that are not finite, or 0"
    for norms in ((lost, lost), (one, lost), (0 * several, one), (unread, unread)):
        assert without_growth(norms) == other


@pytest.mark.parametrize(
    ("norms", "told"),
    [
        # Of the row that is told, not of another: 6.6 times before block 0, 1.9 at the end.
        ((0.66, 1, 2, 3, 5.0), ""),
        ((0.66, 1, 2, 3, 8.0), "position 0: 8.00 after block 3, the last, 3 × the others"),
        ((np.nan,) * 5, ""),
    ],
)
def test_position_0_is_said_to_stand_apart_where_it_is_largest(norms, told):
    table = np.repeat(np.array([[0.1], [1], [2], [2.5], [2.6]]), 8, axis=1)
    table[:, 0] = norms
    shown = SoFar({"norm": (table,), "growth": np.ones(LAYERS)})
    assert picture.first_sentence(shown) == told


def test_facts_are_of_the_selected_cell():
    facts = picture.cell_facts(result(), Place(prompt=0, layer=1, position=0))
    assert [(f.name, f.value) for f in facts] == [
        ("Stream", "10.00"),
        ("Growth", "100.000 ×"),
        ("Attention adds", "2.00"),
        ("MLP adds", "3.00"),
    ]
    assert "root mean square 2.500" in facts[0].tip
    for place in (Place(), Place(layer=1), Place(layer=9, position=0), Place(layer=1, position=99)):
        assert picture.cell_facts(result(), place) == []
    (end,) = picture.token_facts(result(), Place(prompt=0, position=0))
    assert (end.name, end.value) == ("Stream at the end", "100.0")
    assert "largest before block 3: 2,000" in end.tip


def changed(place, value):
    """Return the result with a norm of its first prompt, or a row of them, changed."""
    data = fields()
    data["norm"][0][place] = value
    return drawn.result_of("residual", data, model=result().model)


def test_a_prompt_that_was_not_read_has_no_fact_of_its_tokens():
    unread = changed(slice(None), np.nan)
    assert picture.token_facts(unread, Place(prompt=0, position=3)) == []
    assert len(picture.token_facts(unread, Place(prompt=1, position=3))) == 1


def test_a_stream_of_norm_0_has_no_growth_but_its_other_facts():
    facts = picture.cell_facts(changed((0, 3), 0.0), Place(prompt=0, layer=0, position=3))
    assert [(f.name, f.value) for f in facts][:2] == [("Stream", "0"), ("Growth", "–")]
    assert len(facts) == 4


@pytest.mark.parametrize("what", WHATS)
def test_numbers_are_taken_apart(what):
    told = explain(result(), what, Place(prompt=0, layer=1, position=2))
    assert told.working
    assert told.page == "residual"
    assert explain(result(), what, Place(prompt=0, layer=99, position=99)) is not None
    assert explain(result(shares=False), "share", Place()) is None


def test_the_working_gives_the_rate():
    assert explain(result(), "growth_rate", Place()).working == ("(53.39 / 13.35)^(1/2) = 2.000 ×")


def test_the_clipboard_and_the_terminal_have_a_row_per_place():
    heads, rows = table_of_result(result())
    assert heads[:3] == ["layer", "norm", "norm_position_0"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "end"]
    assert float(rows[2][2]) == pytest.approx(1000.0)
    told = as_text(result())
    assert "The stream grows 2.000 × per layer" in told
    assert "Largest shares at the end: embed 50.0 %" in told


def test_a_result_without_shares_says_why():
    assert picture.why_no_shares(result()) == ""
    assert "layer 1 does more" in picture.why_no_shares(result(shares=False))
    assert "Choose norms and shares" in picture.why_no_shares(result(shares=False, warnings=()))


@pytest.mark.parametrize(
    ("value", "text"),
    [(27539.2, "27,539"), (151.06, "151.1"), (3.0, "3.00"), (0.05, "0.0500"), (1e-5, "1.00e−05"),
     (0.0, "0"), (999.99999999, "1,000"), (float("nan"), "–")],
)  # fmt: skip
def test_sizes_are_short(value, text):
    assert sizes.size_text(value) == text
