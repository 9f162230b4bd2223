"""A cell dragged in the lens, run by patching by hand: it restores what the lens says it should."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.hand_patch import run as by_hand
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.grids import as_move
from desktop_app.analyses.lens.reading import reading_of
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from tests.models import named

ROW = PromptRow(text="1 2 3 4", corrupt="1 2 6 4", answer=(" 5",), wrong=(" 4",))


@pytest.fixture(scope="module")
def toy():
    return named("toy")


@pytest.fixture(scope="module")
def clean(toy):
    return reading_of(lens.run(toy, LensParams(prompts=(ROW,)), SilentReporter()), 0)


def patched(model, move):
    params = HandPatchParams(prompts=(ROW,), run="corrupt", moves=(str(move),))
    return by_hand.run(model, params, SilentReporter()).data


def changed(model, move):
    params = LensParams(prompts=(ROW,), run="corrupt", moves=(str(move),))
    return reading_of(lens.run(model, params, SilentReporter()), 0)


def test_the_end_put_in_at_the_read_position_gives_the_clean_prediction(toy, clean):
    end, read = clean.layers, clean.read
    data = patched(toy, as_move("clean", (end, read), (end, read), end))
    said = clean.score("", "logit_diff")[end, read]
    assert data["patched"] == pytest.approx(said, abs=1e-4)
    assert data["patched"] == pytest.approx(data["clean"], abs=1e-4)
    assert data["top"][0]["id"] == clean.top("")[end, read, 0]
    assert data["corrupt"] == pytest.approx(
        clean.score("corrupt_", "logit_diff")[end, read], abs=1e-4
    )


def test_the_embeddings_put_in_where_the_texts_part_give_the_whole_clean_run(toy, clean):
    record = clean.record
    pairs = zip(record.tokens.ids, record.corrupt_tokens.ids, strict=True)
    (place,) = [position for position, (one, other) in enumerate(pairs) if one != other]
    move = as_move("clean", (0, place), (0, place), clean.layers)
    assert move.site == "resid_pre"
    assert patched(toy, move)["patched"] == pytest.approx(patched(toy, move)["clean"], abs=1e-4)
    found = changed(toy, move)
    for name in ("answer_rank", "answer_logprob", "logit_diff"):
        assert found.score("changed_", name) == pytest.approx(clean.score("", name), abs=1e-4)


def test_in_each_row_the_dragged_cell_then_reads_as_the_other_run_does(toy, clean):
    for row in range(clean.layers + 1):
        for position in (2, clean.read):
            move = as_move("clean", (row, position), (row, position), clean.layers)
            found = changed(toy, move)
            for name in ("answer_logprob", "logit_diff"):
                there, said = found.score("changed_", name), clean.score("", name)
                assert there[row, position] == pytest.approx(said[row, position], abs=1e-4)
                # Earlier rows, and what stands before in the text, are as the corrupt run has them.
                own = clean.score("corrupt_", name)
                np.testing.assert_allclose(there[:row], own[:row], atol=1e-4)
                np.testing.assert_allclose(there[:, :position], own[:, :position], atol=1e-4)


def test_by_hand_and_the_lens_end_in_one_number(toy, clean):
    for row in (1, clean.layers - 1):
        move = as_move("clean", (row, 4), (row, 4), clean.layers)
        end = changed(toy, move).score("changed_", "logit_diff")[clean.layers, clean.read]
        assert patched(toy, move)["patched"] == pytest.approx(end, abs=1e-4)


def test_the_wrong_answer_has_a_rank_of_its_own(toy, clean):
    """Swapping answer and wrong swaps their ranks."""
    turned = ROW.model_copy(update={"answer": ROW.wrong, "wrong": ROW.answer})
    other = reading_of(lens.run(toy, LensParams(prompts=(turned,)), SilentReporter()), 0)
    for which in ("", "corrupt_"):
        np.testing.assert_array_equal(other.wrong_rank(which), clean.score(which, "answer_rank"))
        np.testing.assert_array_equal(clean.wrong_rank(which), other.score(which, "answer_rank"))
        logprob = other.score(which, "answer_logprob")
        np.testing.assert_allclose(clean.wrong_logprob(which), logprob, atol=1e-4)
