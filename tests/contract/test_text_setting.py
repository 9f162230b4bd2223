from __future__ import annotations

import pytest

from desktop_app.contract.registry import ANALYSES

READERS = [
    name
    for name, analysis in ANALYSES.items()
    if "Lensbench's own corpus" in str(analysis.params.own_fields().get("text", ""))
]


def test_there_are_readers_of_the_corpus_that_comes_along():
    assert set(READERS) >= {"corpus", "train_sae"}


@pytest.mark.parametrize("name", READERS)
def test_own_is_the_corpus_that_comes_along_and_a_path_stays(name):
    params = ANALYSES[name].params
    assert params(text="own") == params()
    assert params().text == ""
    assert "own" in params.model_fields["text"].description
    assert params(text="./own").text == "./own"
    assert params(text="owner").text == "owner"
    with pytest.raises(ValueError, match="4096"):
        params(text="x" * 4_097)
