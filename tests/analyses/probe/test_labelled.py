"""How prompts are split and labels shuffled, and which labels are refused."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.probe.labelled import labelled, notices, shuffled
from desktop_app.contract.params import PromptRow
from desktop_app.support.errors import BadInputError


def rows(*labels):
    return [PromptRow(text=f"prompt {n}", label=label) for n, label in enumerate(labels)]


def test_labels_are_numbered_as_they_first_occur():
    found = labelled(rows("z", "a", "z", "a", "b", "b"), 0.3, 0)
    assert found.names == ("z", "a", "b")
    assert found.of.tolist() == [0, 1, 0, 1, 2, 2]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.99])
def test_of_each_label_the_same_share_is_held_out_and_never_none_or_all(share):
    found = labelled(rows(*"a" * 20, *"b" * 10, *"c" * 2), share, 0)
    for number, count in enumerate((20, 10, 2)):
        out = int(found.held_out[found.of == number].sum())
        assert out == min(max(1, int(share * count + 0.5)), count - 1)


def test_the_seed_alone_decides():
    some = rows(*"ab" * 20)
    one, same, other = (labelled(some, 0.3, seed).held_out for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(
        shuffled(labelled(some, 0.3, 3), 4, 3), shuffled(labelled(some, 0.3, 3), 4, 3)
    )


def test_shuffled_labels_stay_on_their_side_and_differ():
    found = labelled(rows(*"aaab" * 10), 0.4, 0)
    given = shuffled(found, 6, 0)
    for row in given:
        for some in (found.held_out, ~found.held_out):
            assert sorted(row[some]) == sorted(found.of[some])
    assert len({tuple(row) for row in given.tolist()}) == 6


def test_the_majority_is_the_commonest_label_of_the_fit():
    found = labelled(rows(*"aaab" * 10), 0.3, 0)
    assert found.majority == pytest.approx(9 / 12)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (("", "", ""), "No prompt has a label: give --prompts, a file"),
        (("a", "", "b", "", "a"), r"Prompt 2 \(and 1 more\) has no label"),
        (("a", "b", "", "a"), "Prompt 3 has no label"),
        (("a", "a", "a"), "All prompts have the label “a”"),
        (("a", "a", "b"), "Label “b” has a single prompt"),
        (("a", "a", "b", "c"), "Label “b”, “c” have a single prompt"),
        (tuple(map(str, range(101))) * 2, "101 labels and a probe takes 100 at most"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused_by_name(labels, says):
    with pytest.raises(BadInputError, match=says):
        labelled(rows(*labels), 0.3, 0)


def test_few_prompts_and_repeated_ones_are_said():
    few = labelled(rows(*"a" * 10, *"b" * 9), 0.3, 0)
    ids = [(n,) for n in range(19)]
    (notice,) = notices(few, ids)
    assert notice.code == "few_labels"
    assert "“b” 9" in notice.message
    assert "“a”" not in notice.message
    enough = labelled(rows(*"a" * 10, *"b" * 10), 0.3, 0)
    assert notices(enough, [*ids, (19,)]) == []
    (repeat,) = notices(enough, [(n % 10,) for n in range(20)])
    assert repeat.code == "prompts_repeat"
    assert "very tokens" in repeat.message
