from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.patch import picture as words
from desktop_app.analyses.patch.cells import (
    PatchPart,
    cells,
    find_place,
    part_at,
    parts,
    prompt_rows,
    query_head,
    ranking,
    token_pairs,
)
from desktop_app.analyses.patch.picture import partial_picture, picture
from tests.samples import patching


def part(restored, broken):
    return PatchPart(0, 0, 0, None, 0, "L0", restored, broken)


def test_both_directions_share_one_scale_symmetric_about_0():
    shown = picture(patching.patch_result(), "share", None)
    assert [m.title for m in shown] == ["Enough (denoising)", "Needed (noising)"]
    assert shown[0].values[1, 4] == pytest.approx(0.1)
    assert shown[1].values[1, 4] == 1.0
    assert shown[0].limits == (-1.0, 1.0)


def test_a_prompt_of_its_own():
    shown = picture(patching.patch_result(), "share", 1)
    assert shown[0].values[1, 4] == pytest.approx(0.2)


def test_asymmetry_is_one_map_on_its_own_scale():
    shown = picture(patching.patch_result(), "asymmetry", 0)
    assert len(shown) == 1
    assert shown[0].values[1, 4] == 1.0
    assert shown[0].values[2, 7] == 0.0


def test_raw_metrics_centre_between_the_two_runs():
    shown = picture(patching.patch_result(), "raw", 0)
    assert shown[0].values[1, 4] == -4.0
    assert shown[1].values[1, 4] == -4.0
    assert shown[1].values[0, 0] == 4.0
    assert shown[0].limits == (-4.0, 4.0)
    assert shown[0].name == "logit difference"


@pytest.mark.parametrize(
    ("way", "word"), [("denoise", "Enough (denoising)"), ("noise", "Needed (noising)")]
)
def test_one_direction_is_one_map(way, word):
    for quantity in ("share", "raw", "asymmetry"):
        shown = picture(patching.one_way_result(way), quantity, None)
        assert [m.title for m in shown] == [word]


def test_columns_hold_both_tokens_and_what_is_exactly_0_is_dimmed():
    shown = picture(patching.patch_result(), "share", 0)[0].columns
    assert (shown.pairs[4].clean, shown.pairs[4].corrupt) == ("3", "6")
    assert [i for i, pair in enumerate(shown.pairs) if pair.differs] == [4]
    assert (shown.dimmed, shown.read) == (4, 7)
    assert shown.labels[4] == "4: 3 / 6"
    assert picture(patching.patch_result(), "share", 1)[0].columns.dimmed == 6


def test_over_several_prompts_only_shared_tokens_are_named():
    pairs = token_pairs(patching.patch_result(), None)
    assert pairs[0].clean == "1"
    assert pairs[4].clean == "#4"  # 3 and 4
    assert [i for i, pair in enumerate(pairs) if pair.differs] == [4, 6]
    assert picture(patching.patch_result(), "share", None)[0].columns.dimmed == 4


def test_ragged_prompts_are_shown_one_by_one():
    result = patching.ragged_result()
    assert picture(result, "share", 1)[0].values.shape == (3, 10)
    assert parts(result, 1, None, "either")[0].name == "L6 · 9: ␠"
    with pytest.raises(KeyError):
        picture(result, "share", None)


def test_heads_by_position_show_one_position_or_the_strongest():
    result = patching.heads_result()
    one = picture(result, "share", 0, 6)
    assert one[0].values[1, 3] == pytest.approx(-0.1)
    assert one[1].values[0, 0] == 0.5
    best = picture(result, "share", 0, None)
    assert best[0].values[1, 3] == pytest.approx(0.8)
    assert best[1].values[0, 0] == 0.5
    raw = picture(result, "raw", 0, None)
    assert raw[0].values[1, 3] == pytest.approx(3.2)
    assert part_at(result, (1, 3), 0, None).name == "L5H3 · 4"
    assert part_at(result, (1, 3), 0, 6).restored == pytest.approx(-0.1)
    assert parts(result, None, None, "either")[0].name == "L5H3 · 4"
    beyond = picture(result, "share", 0, 99)
    np.testing.assert_array_equal(beyond[0].values, best[0].values)


def test_a_site_without_heads_at_all_positions_is_one_column():
    shown = picture(patching.layers_result(), "share", None)
    assert shown[0].values.shape == (3, 1)
    assert list(shown[0].columns.labels) == ["all positions"]
    assert parts(patching.layers_result(), None, None, "either")[0].name == "L6"


def test_key_value_heads_stand_for_their_query_heads():
    result = patching.key_value_result()
    assert picture(result, "share", None)[0].columns.name == "Key-value head"
    assert part_at(result, (1, 1), None, None).name == "L5 KV1"
    # Four query heads, two key-value heads.
    assert find_place(result, 5, 3, None, None) == (1, 1)
    assert query_head(result, 1, None) == 2
    assert query_head(result, 1, 3) == 3
    assert query_head(result, 0, 3) == 0


def test_the_ranking_follows_what_is_asked():
    result = patching.patch_result()
    either = parts(result, None, None, "either")
    assert [p.name for p in either[:2]] == ["L5 · 4", "L6 · 7: ␠"]
    assert parts(result, None, None, "restored")[0].name == "L6 · 7: ␠"
    assert parts(result, None, None, "asymmetry")[0].name == "L5 · 4"
    assert len(parts(result, None, None, "either", 5)) == 5


def test_a_missing_direction_is_not_ranked_by():
    listed = parts(patching.one_way_result("noise"), None, None, "either")
    assert listed[0].broken == 0.5
    assert math.isnan(listed[0].restored)


def test_numbers_per_prompt_are_the_runs_own():
    result = patching.patch_result()
    first, second = prompt_rows(result, part_at(result, (1, 4), None, None)).rows
    assert first.values[1:3] == ("−4.00 → −4.00", 0.0)
    assert second.values[3:] == ("2.00 → −2.00", 1.0)


def test_a_direction_that_was_not_run_has_no_columns():
    result = patching.one_way_result("noise")
    found = prompt_rows(result, part_at(result, (1, 4), None, None))
    assert [column.key for column in found.columns] == ["prompt", "into clean", "broken"]
    listed = ranking(parts(result, None, None, "either"), ("broken",))
    assert [column.key for column in listed.columns] == ["part", "broken bar", "broken"]


def test_prompts_too_short_for_a_position_are_left_out():
    result = patching.ragged_result()
    found = prompt_rows(result, part_at(result, (2, 9), 1, None))
    assert [row.key for row in found.rows] == [1]


def test_bars_begin_at_the_left_unless_something_is_negative():
    listed = parts(patching.patch_result(), None, None, "either", 3)
    found = ranking(listed, ("restored", "broken"))
    assert found.limits(1) == found.limits(3) == (0.0, 1.0)
    assert found.rows[0].key == (1, 4)
    assert found.rows[0].tooltip == "L5 · 4: restored 0.100, broken 1.000"
    listed = parts(patching.heads_result(), 0, 6, "either")
    assert ranking(listed, ("restored",)).limits(1) == (-0.25, 0.5)


def test_selection_by_the_models_numbers():
    result = patching.patch_result()
    assert find_place(result, 5, None, 4, None) == (1, 4)
    assert find_place(result, 5, 2, None, None) is None
    assert find_place(result, 0, None, 4, None) is None
    assert find_place(result, 5, None, 99, None) is None


def test_cells_of_a_vector_are_a_column():
    assert cells(patching.layers_result().data, "restored", 0).shape == (3, 1)


@pytest.mark.parametrize(
    ("restored", "broken", "said"),
    [
        (0.0, 1.0, "AND-like"),
        (1.0, 0.0, "OR-like"),
        (0.9, 0.95, "Enough and needed"),
        (0.0, 0.1, "Neither"),
        (0.5, 0.6, ""),
        (math.nan, 0.9, "Needed."),
        (0.1, math.nan, "Not enough."),
        (math.nan, math.nan, ""),
    ],
)
def test_the_verdict_names_the_circuit(restored, broken, said):
    found = words.verdict(part(restored, broken))
    assert said in found
    assert bool(found) == bool(said)


def test_sentences_give_metric_and_direction():
    result = patching.patch_result()
    assert words.ends_sentence(result, 0) == "Logit difference: clean 4.000, corrupt −4.000"
    assert words.ends_sentence(result, None) == (
        "Logit difference: clean 3.000 ± 0.500, corrupt −3.000 ± 0.250 over 2 prompts"
    )
    told = words.part_sentence(result, part_at(result, (1, 4), 1, None), 1)
    assert "−2.00 → −1.20, 0.20 restored" in told
    assert "2.00 → −2.00, 1.00 broken" in told
    said = words.exchange_sentence(result.params, ("restored", "broken"))
    assert "per position" in said
    assert "enough (denoising)?" in said
    assert "needed (noising)?" in said
    assert "needed (noising)?" not in words.exchange_sentence(result.params, ("restored",))


def test_the_tip_gives_four_digits():
    tip = words.cell_tip(patching.patch_result(), 1, None, 1, 4)
    assert tip.splitlines() == [
        "L5 · 4: 4",
        "restored +0.2000",
        "broken +1.0000",
        "asymmetry +0.8000",
    ]


def test_the_gate_names_the_prompt_that_fails():
    data = {"task_done": np.array([True, False]), "answer_rank": np.array([0.0, 3.0])}
    said = words.gate_sentence(patching.patch_result(data=data))
    assert "prompt 2 (answer rank 3)" in said
    assert words.gate_sentence(patching.patch_result()) == ""


def test_a_partial_knows_no_tokens():
    restored = np.full((3, 8), np.nan)
    restored[0] = 0.5
    data = {"restored_mean": restored, "restored": restored[..., None], "layers": np.arange(3)}
    shown = partial_picture(data, {"site": "resid_pre", "by": "position"}, 0)
    assert list(shown[0].columns.labels) == [str(i) for i in range(8)]
    assert shown[0].limits == (-0.5, 0.5)
    assert partial_picture({"layers": np.arange(3)}, {}, 0) is None


def test_a_partial_shows_the_quantity_that_is_chosen():
    data = {"layers": np.arange(3)}
    for name, value in (("restored", 0.2), ("broken", 0.5), ("asymmetry", 0.3)):
        data |= {name: np.full((3, 4, 1), value), f"{name}_mean": np.full((3, 4), value)}
    for name, value in (("patched_denoise", 1.0), ("patched_noise", 3.0)):
        data |= {name: np.full((3, 4, 1), value), f"{name}_mean": np.full((3, 4), value)}
    (one,) = partial_picture(data, {}, 0, "asymmetry")
    assert one.values[0, 0] == 0.3
    raw = partial_picture(data, {}, 0, "raw")
    assert raw[0].limits == (1.0, 3.0)
    assert len(raw) == 2


def test_a_partial_of_several_lengths_shows_one_prompt():
    data = {"restored": (np.zeros((3, 4)), np.ones((3, 6))), "layers": np.arange(3)}
    assert partial_picture(data, {}, 7)[0].values.shape == (3, 6)
