"""Results as text, for terminals."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.pictures.text_tables import as_text, most_harmful, show_space
from tests.samples import drawn


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (drawn.tokens_result(), ["␠(216)", "8 tokens, read at 7"]),
        (drawn.rank_result(), ["p 0.700", "logit difference 2.000", "“1 2 3 4 ”"]),
        (drawn.ablate_result(), ["L5H3", "effect    −2.000", "kept in every run"]),
        (drawn.attention_result(), ["L5H0", "where each head looks most"]),
    ],
)
def test_each_analysis_has_its_table(result, words):
    text = as_text(result)
    for word in words:
        assert word in text


def test_what_cannot_be_seen_is_drawn():
    assert show_space(" a\n\t") == "␠a↵⇥"
    assert show_space("") == "∅"


def test_the_most_harmful_come_first_and_missing_ones_never():
    effect = np.array([[0.5, -2.0], [np.nan, -1.0]])
    assert most_harmful(effect, 2) == [(0, 1), (1, 1)]
    assert most_harmful(effect, 9, harm=1) == [(0, 0), (1, 1), (0, 1)]
