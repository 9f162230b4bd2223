from __future__ import annotations

import pytest

from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.methods.heads import head_effects, without_heads
from desktop_app.methods.prepare import prepare
from tests.models import plain_loop, tiny


def test_effects_equal_the_plain_loop():
    model = tiny("llama")
    rows = (PromptRow(text="the cat", answer="x"), PromptRow(text="abc", answer="1"))
    prepared = prepare(model, Params(prompts=rows))
    found = head_effects(without_heads(model, prepared, "logit", SilentReporter()))
    assert found.shape == (3, 4, 2)
    for n, record in enumerate(prepared.records):
        ids, answer = list(record.tokens.ids), record.answers[0].token_id
        base = float(model.run(model.ids([ids]))[0, -1, answer])
        for layer in range(3):
            for head in range(4):
                without = float(plain_loop(model, ids, layer, head, 0.0)[answer])
                assert found[layer, head, n] == pytest.approx(without - base, abs=2e-5)
