from __future__ import annotations

import math

import numpy as np

from desktop_app.session.export_table import table_of, to_tsv
from tests.samples import stored


def test_ablation_has_one_row_per_head_with_all_its_numbers():
    result = stored.ablate_result(layers=(1, 2))
    headings, rows = table_of(result)
    assert headings[:2] == ["layer", "head"]
    assert "effect_mean" in headings
    assert [row[:2] for row in rows] == [[str(n), str(h)] for n in (1, 2) for h in range(4)]
    column = headings.index("effect_mean")
    expected = result.data["effect_mean"].reshape(-1)
    np.testing.assert_array_equal([float(r[column]) for r in rows], expected)


def test_ranking_and_tokens_are_those_of_the_prompt():
    headings, rows = table_of(stored.rank_result(), 1)
    assert headings == ["rank", "id", "piece", "text", "logit", "prob"]
    assert [r[:2] for r in rows] == [["0", "3"]]
    headings, rows = table_of(stored.tokens_result(), 0)
    assert headings == ["position", "ids", "pieces", "texts", "special"]
    assert rows[2] == ["2", "9", "Ġ2", " 2", "false"]


def test_attention_is_the_chosen_head_with_its_tokens():
    pattern = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    result = stored.attention_result((pattern, pattern))
    headings, rows = table_of(result, 0, (1, 2))
    assert headings == ["query \\ key", "0 <s>", "1 1", "2 ġ2", "3 ġ"]
    assert [row[0] for row in rows] == headings[1:]
    assert [float(v) for v in rows[3][1:]] == pattern[1, 2, 3].tolist()
    assert table_of(result, 1)[0][1:] == ["0", "1", "2", "3"]  # of a prompt with other tokens


def test_other_analyses_take_the_largest_group_without_prompts():
    data = {"map": np.array([[1.0, math.nan]]), "one": 3}
    headings, rows = table_of(stored.result_of("telepathy", data))
    assert (headings, rows) == (["field", "value"], [["one", "3"]])


def test_texts_cannot_break_rows_or_columns():
    text = to_tsv((["a", "b"], [["x\ty", "1\r\n2"], ["\ud800", ""]]))
    assert text == "a\tb\nx⇥y\t1␍↵2\n\\ud800\t\n"
