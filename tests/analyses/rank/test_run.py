"""Ranking against plain Hugging Face and known values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support.errors import BadInputError, FixableError
from tests.models import named, tiny

ROWS = (
    PromptRow(text="the cat sat", answer="xyz", wrong="q"),
    PromptRow(text="abc", answer="1|2", wrong="3"),
)


def run(model, rows=ROWS, **settings):
    return rank.run(model, RankParams(prompts=rows, **settings), SilentReporter())


def plain_logits(model, ids) -> torch.Tensor:
    plain = AutoModelForCausalLM.from_pretrained(model.info.source, attn_implementation="eager")
    with torch.no_grad():
        return plain(torch.tensor([ids])).logits[0].double()


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "opt", "mixtral"])
def test_top_and_answers_equal_plain_hugging_face(architecture):
    model = tiny(architecture)
    result = run(model, top=7)
    for n, record in enumerate(result.prompts):
        logits = plain_logits(model, record.tokens.ids)
        logprobs = logits[-1].log_softmax(-1)
        values, ids = logits[-1].topk(7)
        rows = result.data["top"][n]
        assert [r["id"] for r in rows] == ids.tolist()
        np.testing.assert_allclose([r["logit"] for r in rows], values, atol=1e-4)
        np.testing.assert_allclose([r["logprob"] for r in rows], logprobs[ids], atol=1e-4)
        own = logits[:-1].log_softmax(-1)[range(len(logits) - 1), list(record.tokens.ids[1:])]
        np.testing.assert_allclose(result.data["prompt_logprob"][n], own, atol=1e-4)
        right = logits[-1][[a.token_id for a in record.answers]].mean()
        wrong = logits[-1][[w.token_id for w in record.wrongs]].mean()
        assert result.data["logit_diff"][n] == pytest.approx(float(right - wrong), abs=1e-4)


def test_each_answer_token_is_teacher_forced():
    model = tiny("llama")
    result = run(model)
    entry = result.data["answers"][0][0]
    ids = [*result.prompts[0].tokens.ids, *result.prompts[0].answers[0].tokens.ids]
    logits = plain_logits(model, ids)
    start = len(result.prompts[0].tokens) - 1
    total = 0.0
    for j, row in enumerate(entry["rows"]):
        at = logits[start + j]
        total += float(at.log_softmax(-1)[row["id"]])
        assert row["rank"] == int((at > at[row["id"]]).sum())
        assert row["logprob"] == pytest.approx(float(at.log_softmax(-1)[row["id"]]), abs=1e-4)
    assert len(entry["rows"]) == 3
    assert entry["logprob_total"] == pytest.approx(total, abs=1e-4)


def test_ties_share_the_smaller_rank():
    from desktop_app.engine.metrics import rank_of

    logits = torch.tensor([[3.0, 1.0, 3.0, 2.0]])
    assert rank_of(logits, logits)[0].tolist() == [0, 3, 0, 2]


def test_other_position():
    model = tiny("gpt2")
    result = run(model, ROWS[:1], position=2)
    logits = plain_logits(model, result.prompts[0].tokens.ids)
    assert result.data["read_position"].tolist() == [2]
    assert result.data["top"][0][0]["id"] == int(logits[2].argmax())
    with pytest.raises(BadInputError, match="--position"):
        run(model, ROWS[:1], position=99)


def test_batching_changes_no_number():
    model = tiny("qwen3")
    together = run(model)
    for n, row in enumerate(ROWS):
        alone = run(model, (row,))
        assert alone.data["top"][0][0] == together.data["top"][n][0]


@pytest.mark.pack
def test_the_worked_example_of_the_pack(smollm2_folder):
    model = named("smollm2")
    bare = run(model, (PromptRow(text="1 2 3 4"),)).data["top"][0]
    assert (bare[0]["id"], bare[0]["piece"]) == (216, "Ġ")
    assert bare[0]["prob"] == pytest.approx(0.448, abs=0.005)
    assert "5" not in [r["text"] for r in bare[:5]]
    spaced = run(model, (PromptRow(text="1 2 3 4 ", answer="5", wrong="4"),)).data
    assert spaced["top"][0][0]["id"] == 37
    assert spaced["top"][0][0]["prob"] == pytest.approx(0.919, abs=0.005)
    assert spaced["logit_diff"][0] == pytest.approx(5.889, abs=1e-3)
    with_bos = run(model, (PromptRow(text="1 2 3 4 "),), bos="yes").data["top"][0][0]
    assert with_bos["prob"] == pytest.approx(0.831, abs=0.005)


@pytest.mark.pack
def test_an_answer_with_a_space_token_has_two_rows(smollm2_folder):
    rows = run(named("smollm2"), (PromptRow(text="1 2 3 4", answer=" 5"),)).data["answers"][0][0]
    assert [r["id"] for r in rows["rows"]] == [216, 37]


@pytest.mark.pack
def test_shared_beginnings_are_refused_and_fixed(smollm2_folder):
    model = named("smollm2")
    row = PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4")
    with pytest.raises(FixableError) as caught:
        run(model, (row,))
    assert caught.value.fix == {
        "index": 0, "prompt": "1 2 3 4 ", "corrupt": "7 9 6 1 ", "answer": "5", "wrong": "4",
    }  # fmt: skip
    fixed = run(model, (row,), fix=True)
    assert fixed.prompts[0].text == "1 2 3 4 "
    assert fixed.data["logit_diff"][0] == pytest.approx(5.889, abs=1e-3)
    assert [n.code for n in fixed.warnings] == ["answer_shared_prefix"]


def test_not_finite_logits_name_their_layer(tmp_path):
    import copy

    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.loading import load
    from tests.engine.zoo import save_tiny

    model = load(ModelSpec(str(save_tiny("llama", tmp_path / "bad"))), SilentReporter())
    with torch.no_grad():
        model.bridge.original_model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")
    result = run(model, copy.copy(ROWS[:1]))
    notice = next(n for n in result.warnings if n.code == "not_finite")
    assert "layer 1" in notice.message
    assert result.to_json()["result"]["top"][0][0]["logit"] is None


def test_an_answer_that_does_not_fit_into_the_context_is_refused():
    row = PromptRow(text="x" * 63, answer="yzw")
    with pytest.raises(BadInputError, match="shorten"):
        run(tiny("gpt2"), (row,))
    assert run(tiny("gpt2"), (PromptRow(text="x" * 63, answer="y"),)).data["answers"]
