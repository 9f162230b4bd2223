"""What is remembered of which prompts the model does."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import LoadModel, ModelSpec
from desktop_app.window.runs import tasks_known
from desktop_app.window.runs.tasks_known import Shared, TaskBook, gate_of, task_of
from tests.window.fakes import FakeService

ROWS = [PromptRow(text="1 2 ", answer=("3",)), PromptRow(text="2 3 ", answer=("4",))]


@pytest.fixture
def shared():
    ready = FakeService().perform(LoadModel(ModelSpec("toy")), SilentReporter())
    return Shared(ready.info)


def test_a_verdict_hangs_on_model_tokens_text_and_answers(shared):
    book = TaskBook()
    assert book.learn(shared, ROWS, (True, None))
    assert not book.learn(shared, ROWS, (True, None))
    assert book.verdicts(shared, ROWS) == (True, None)
    labelled = ROWS[0].model_copy(update={"label": "a", "group": "b", "corrupt": "9 9 "})
    assert book.verdicts(shared, [labelled]) == (True,)
    for other in (
        replace(shared, bos="yes"),
        replace(shared, chat=True),
        Shared(replace(shared.model, fingerprint="another")),
        Shared(replace(shared.model, layernorm="eps")),
    ):
        assert book.verdicts(other, ROWS) == (None, None)
    changed = [ROWS[0].model_copy(update={"wrong": ("2",)}), PromptRow(text="1 2", answer=("3",))]
    assert book.verdicts(shared, changed) == (None, None)
    assert book.learn(shared, ROWS, (False, None))
    assert book.verdicts(shared, ROWS)[0] is False


def test_the_oldest_are_let_go(shared, monkeypatch):
    monkeypatch.setattr(tasks_known, "MOST_KNOWN", 2)
    book = TaskBook()
    third = PromptRow(text="3 4 ", answer=("5",))
    book.learn(shared, [*ROWS, third], (True, False, True))
    assert book.verdicts(shared, [*ROWS, third]) == (None, False, True)


def test_a_gate_of_its_own_counts_where_there_is_an_answer():
    rows = [*ROWS, PromptRow(text="x")]
    found = SimpleNamespace(data={"task_done": [True, False, True]}, partial="")
    assert gate_of(found, rows) == (True, False, None)
    assert gate_of(SimpleNamespace(data={}, partial=""), rows) == ()
    assert gate_of(SimpleNamespace(data=found.data, partial="2 of 3"), rows) == ()


@pytest.mark.parametrize(
    ("ranks", "difference", "done"),
    [([0], 1.0, True), ([3, 0], 1.0, True), ([1], 1.0, False), ([0], -0.1, False), ([], 1.0, None)],
)
def test_a_ranking_says_it_by_the_gate_of_causal_analyses(ranks, difference, done):
    entries = [{"rows": [{"rank": rank}]} for rank in ranks]
    record = SimpleNamespace(answers=entries, wrongs=("w",))
    data = {"answers": [entries], "logit_diff": [difference]}
    assert task_of(SimpleNamespace(prompts=[record], data=data)) == (done,)
