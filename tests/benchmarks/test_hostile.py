"""A few cases of each kind of `tests.benchmarks.hostile`, the same in every run."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.hostile import KINDS, measure, prepare
from tests.hostile.parent import Child, Outcome, Patience, watch
from tests.patience import CHILD_S

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX"),
]
FEW = {"kills": 6, "writers": 1, "sessions": 5, "window": 6, "models": 6}
SEED = 1_000
# Tests measure no time: a step that never ends is what these catch.
PATIENCE = Patience(start_s=CHILD_S, step_s=CHILD_S, hang_s=CHILD_S, batch=100)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("hostile"), "once")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing_is_lost_and_nothing_is_hurt(prepared, kind):
    found = measure(kind, prepared, count=FEW[kind], seed=SEED, patience=PATIENCE)
    assert found.failures == []
    assert found.tried == FEW[kind]
    assert found.is_clean


def test_what_fails_is_counted_and_named(tmp_path, monkeypatch):
    """The harness itself: a child that lies, one that dies, one that says nothing more."""
    hear = Child.hear

    def hear_until_silence(child, limit_s):
        word = hear(child, limit_s)
        if word is not None and word.get("step") == "silence":
            hear(child, 0.0)  # its time is over
        return word

    monkeypatch.setattr(Child, "hear", hear_until_silence)
    found = watch(Outcome("x"), "tests.hostile.false_child", tmp_path, range(5), PATIENCE)
    assert (found.tried, found.lost, found.wrong, found.crashes, found.hangs) == (5, 1, 1, 1, 1)
    assert [line.split(":")[1].split(" (")[0] for line in found.failures] == [
        " case 0", " case 1", " case 2", " case 3",
    ]  # fmt: skip
    assert not found.is_clean
    assert found.row().startswith("| x | 5 |")
