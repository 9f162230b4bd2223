"""What SmolLM2 can and cannot do of the default families: they ship so that it does them."""

from __future__ import annotations

import pytest

from desktop_app.contract.registry import find, hook, serving
from desktop_app.contract.report import SilentReporter
from desktop_app.pictures.gate import judge
from desktop_app.text.made.families import find_family
from desktop_app.text.made.making import make
from tests.models import named

pytestmark = [pytest.mark.pack, pytest.mark.model]


@pytest.fixture
def pack(smollm2_folder):
    return named("smollm2")


def judged(model, name, **form):
    made = make(name, find_family(name).form(**form), model.tokenizer.with_bos("auto"))
    ranking = find(serving("next_tokens")[0])
    rank = hook(ranking.name, "run", "run")
    return made, judge(rank(model, ranking.params(prompts=made.prompts), SilentReporter()))


@pytest.mark.parametrize(
    ("name", "done", "of"),
    [
        ("numbers", 5, 5),
        ("words", 7, 8),
        ("months", 8, 8),
        ("days", 4, 4),
        ("letters", 7, 8),
        ("ioi", 7, 8),
        ("greater-than", 4, 4),
        ("repeats", 3, 4),
    ],
)
def test_it_does_what_the_default_forms_ask(pack, name, done, of):
    made, gate = judged(pack, name, count=of, references=4)
    assert made.dropped == ()
    assert len(gate.done) == of
    assert gate.count >= done - 1  # another build of torch may settle a near tie otherwise
    assert gate.count > of / 2


def test_it_does_no_intervals_and_no_fibonacci_and_the_gate_says_so(pack):
    made, gate = judged(pack, "intervals")
    assert "2 4 6 " in {row.text for row in made.prompts}
    assert gate.sentence == (
        "smollm2 does 0 of 4 of these. This model cannot do this: nothing to ablate."
    )
    made, gate = judged(pack, "fibonacci")
    assert [row.text for row in made.prompts] == ["0 1 1 2 3 ", "1 1 2 3 5 "]
    assert gate.count == 0
    assert gate.why[1] == "the answer has rank 1: “7” is likelier"
