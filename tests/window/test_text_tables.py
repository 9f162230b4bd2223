"""Results as text, for machines without a screen."""

from __future__ import annotations

import pytest

from desktop_app.window.text_tables import result_text, table
from tests.views import samples


def test_columns_of_numbers_stand_on_the_right():
    assert table(("id", "text"), [("7", "a"), ("216", "bb")]) == (
        " id  text\n---  ----\n  7  a\n216  bb"
    )


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (samples.tokens_result(), ["␠", "216", "<- read", "! Prompts have 8 and 6 tokens."]),
        (samples.rank_result(), ["0.700", "+2.000", "Ranking of “1␠2␠3␠4␠”"]),
        (samples.ablate_result(), ["L5H3", "−2.000", "Ablation (zero)"]),
        (samples.attention_result(), ["L5H2", "0.00", "at 7 (1.000)"]),
    ],
)
def test_each_analysis_has_its_table(result, words):
    text = result_text(result)
    for word in words:
        assert word in text
