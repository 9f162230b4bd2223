"""Prompts that share a pass: what they read is what each reads alone, on any architecture."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM
from typing_extensions import override

from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.contract.result import PARTIAL
from desktop_app.engine.loading import load
from desktop_app.engine.memory import text_bytes
from desktop_app.engine.trying import reads_together
from desktop_app.support.errors import BadInputError, Cancelled, MemoryExhaustedError
from tests.engine.zoo import save_tiny
from tests.models import tiny

# Lengths go back and forth, answers have one to three tokens, some rows lack one or the other.
ROWS = (
    PromptRow(text="the cat sat", answer="xyz", wrong="q"),
    PromptRow(text="abc", answer="1|2", wrong="3"),
    PromptRow(text="on the mat ", answer="ab", wrong="cd|e"),
    PromptRow(text="xyz"),
    PromptRow(text="the dog ran", answer="k"),
    PromptRow(text="q7!", answer="mn", wrong="op"),
    PromptRow(text="the cat sat", answer="r", wrong="stu"),
)
# Grouped queries, one key-value head, ALiBi, experts, local windows, ids read once more by layers.
ARCHITECTURES = (
    "falcon", "gpt_bigcode", "bloom", "gpt_oss", "deepseek_v3", "gpt_neo", "gemma4_text", "xglm",
)  # fmt: skip


def run(model, rows=ROWS, report=None, **settings):
    return rank.run(model, RankParams(prompts=rows, **settings), report or SilentReporter())


@cache
def plain(source):
    return AutoModelForCausalLM.from_pretrained(source, attn_implementation="eager").eval()


def alone(model, ids):
    """Return plain Hugging Face's logits of one text in a pass of its own."""
    with torch.no_grad():
        return plain(model.info.source)(torch.tensor([list(ids)])).logits[0].double()


def check_entry(model, record, answer, entry):
    before = list(record.tokens.ids[: record.read_position + 1])
    total = 0.0
    for row, token in zip(entry["rows"], answer.tokens.ids, strict=True):
        at = alone(model, before)[-1]
        own = float(at.log_softmax(-1)[token])
        assert row["id"] == token
        assert row["rank"] == int((at > at[token]).sum())
        assert row["logit"] == pytest.approx(float(at[token]), abs=1e-4)
        assert row["logprob"] == pytest.approx(own, abs=1e-4)
        total += own
        before.append(token)
    assert entry["logprob_total"] == pytest.approx(total, abs=3e-4)


@pytest.mark.parametrize("position", [-1, 2])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_number_is_that_of_a_plain_loop(architecture, position):
    model = tiny(architecture)
    assert model.reads_together
    result = run(model, top=5, position=position)
    for n, record in enumerate(result.prompts):
        logits = alone(model, record.tokens.ids)
        read = logits[record.read_position]
        values, ids = read.topk(5)
        top = result.data["top"][n]
        assert [row["id"] for row in top] == ids.tolist()
        np.testing.assert_allclose([row["logit"] for row in top], values, atol=1e-4)
        own = logits[:-1].log_softmax(-1)[range(len(logits) - 1), list(record.tokens.ids[1:])]
        np.testing.assert_allclose(result.data["prompt_logprob"][n], own, atol=1e-4)
        for kind, answers in (("answers", record.answers), ("wrong", record.wrongs)):
            entries = result.data[kind][n]
            for answer, entry in zip(answers, entries, strict=True):
                check_entry(model, record, answer, entry)
        if record.answers and record.wrongs:
            right = read[[a.token_id for a in record.answers]].mean()
            wrong = read[[w.token_id for w in record.wrongs]].mean()
            assert result.data["logit_diff"][n] == pytest.approx(float(right - wrong), abs=1e-4)
        else:
            assert np.isnan(result.data["logit_diff"][n])


def texts(count, length=9):
    return tuple(
        PromptRow(text=f"{n:03d}".rjust(length, "x"), answer="a", wrong="b") for n in range(count)
    )


def test_prompts_of_one_length_share_a_pass():
    model = tiny("llama")
    assert run(model, texts(40)).timing.forward_passes == 1
    # Two lengths of prompts; of their answers those with two tokens and with three, by length.
    assert run(model, texts(20) + texts(20, 7)).timing.forward_passes == 2
    two = tuple(replace_row(row, answer=("cd",), wrong=("ef",)) for row in texts(40))
    assert run(model, two).timing.forward_passes == 2


def replace_row(row, **changes):
    return row.model_copy(update=changes)


def test_fixes_are_looked_for_in_one_pass_too():
    # Before, all of them at once; then all again, and the further tokens of those respelt.
    assert run(tiny("llama"), texts(40), fix=True).timing.forward_passes <= 3


def test_passes_that_are_counted_are_those_that_were_made():
    model, calls = tiny("falcon"), []
    handle = model.bridge.original_model.register_forward_pre_hook(lambda *_: calls.append(1))
    result = run(model)
    handle.remove()
    assert result.timing.forward_passes == len(calls)
    assert len(calls) < len(ROWS)


def test_a_small_budget_makes_more_passes_of_the_same_numbers():
    model = copy.copy(tiny("bloom"))
    whole = run(model, texts(12))
    model.budget_bytes = 7 * text_bytes(model, 10, 10)
    parts = run(model, texts(12))
    assert 1 < parts.timing.forward_passes < 12
    model.budget_bytes = 1
    assert run(model, texts(12)).timing.forward_passes == 12
    np.testing.assert_allclose(parts.data["logit_diff"], whole.data["logit_diff"], atol=1e-4)


class Needs(Reporter):
    def __init__(self):
        self.told = []

    @override
    def needs(self, memory_bytes):
        self.told.append(memory_bytes)


def test_what_it_needs_is_said_before():
    needs = Needs()
    run(tiny("llama"), report=needs)
    assert len(needs.told) == 1
    assert needs.told[0] > 0


def short_of_memory(model, most):
    """Let passes of more rows than that run out of memory."""
    own, tried = model.run, []

    def run_some(ids, *more, **rest):
        tried.append(len(ids))
        if len(ids) > most:
            raise MemoryError
        return own(ids, *more, **rest)

    model.run = run_some
    return tried


def test_out_of_memory_halves_and_stays_small():
    model = copy.copy(tiny("llama"))
    whole = run(model, texts(16) + texts(16, 8))
    tried = short_of_memory(model, 5)
    found = run(model, texts(16) + texts(16, 8))
    assert tried[:4] == [16, 8, 4, 4]
    assert all(rows <= 5 for rows in tried[3:])
    np.testing.assert_allclose(found.data["logit_diff"], whole.data["logit_diff"], atol=1e-4)
    short_of_memory(model, 0)
    with pytest.raises(MemoryExhaustedError, match="single prompt"):
        run(model, texts(4))


def test_an_architecture_that_does_not_stand_it_is_read_one_by_one():
    model = replace(tiny("llama"), reads_together=False)
    alone_ = run(model, texts(5))
    assert alone_.timing.forward_passes == 5
    together = run(tiny("llama"), texts(5))
    np.testing.assert_allclose(alone_.data["logit_diff"], together.data["logit_diff"], atol=1e-4)


def test_texts_that_hear_each_other_are_noticed_at_loading(tmp_path, monkeypatch):
    from transformers.models.llama import modeling_llama

    own = modeling_llama.LlamaMLP.forward

    def competing(self, x):
        return own(self, x) * (1 + 0.1 * (len(x) - 1))

    monkeypatch.setattr(modeling_llama.LlamaMLP, "forward", competing)
    folder = str(save_tiny("llama", tmp_path / "llama"))
    model = load(ModelSpec(folder, device="cpu"), SilentReporter())
    assert not model.reads_together
    assert run(model, texts(5)).timing.forward_passes == 5


def test_whether_texts_share_a_pass_is_no_matter_of_luck():
    ids = torch.tensor([[3, 4, 5]])
    table = torch.randn(300, 300)

    def sound(rows, use_cache):
        return table[rows]

    def first_rows(rows, use_cache):
        return table[rows[:1]].expand(len(rows), -1, -1)

    def failing(rows, use_cache):
        raise RuntimeError

    logits = table[ids][0]
    assert reads_together(sound, ids, logits, 1e-4)
    assert not reads_together(first_rows, ids, logits, 1e-4)
    assert not reads_together(failing, ids, logits, 1e-4)
    assert not reads_together(sound, ids, logits * torch.nan, 1e-4)


class Stops(Reporter):
    """Stops at one of its steps."""

    keeps_partial = True

    def __init__(self, at=None):
        self.at = at
        self.said = []

    @override
    def step(self, fraction, note=""):
        self.said.append((fraction, note))
        if len(self.said) - 1 == self.at:
            raise Cancelled


def test_progress_goes_on_with_the_tokens_that_are_read():
    report = Stops()
    run(tiny("llama"), report=report)
    fractions = [fraction for fraction, _note in report.said]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    steps = np.diff(fractions)
    assert steps.max() < 0.25
    assert report.said[0][1] == "0 of 7 prompts, layer 1 of 3"
    one = Stops()
    run(tiny("llama"), ROWS[3:4], report=one)
    assert one.said[0][1] == "Prompt 1, layer 1 of 3"


def test_what_was_stopped_keeps_the_first_prompts_in_their_order():
    model, whole = tiny("llama"), Stops()
    expected = run(model, report=whole)
    kept = set()
    for at in range(len(whole.said)):
        try:
            found = run(model, report=Stops(at))
        except Cancelled:
            kept.add(0)
            continue
        count = len(found.prompts)
        kept.add(count)
        assert [p.text for p in found.prompts] == [row.text for row in ROWS[:count]]
        assert len(found.data["top"]) == len(found.data["answers"]) == count
        np.testing.assert_allclose(found.data["logit_diff"], expected.data["logit_diff"][:count])
        assert found.data["answers"] == expected.data["answers"][:count]
        codes = [n.message for n in found.warnings if n.code == PARTIAL]
        assert codes == (
            []
            if count == 7
            else [f"Stopped before prompt {count + 1} of 7. Run again for the rest."]
        )
        assert all(n.prompt is None or n.prompt < count for n in found.warnings)
    assert kept >= {0, 1, 7}
    assert model.hooks_left() == 0


def test_nothing_is_kept_that_nobody_wants():
    report = Stops(5)
    report.keeps_partial = False
    with pytest.raises(Cancelled):
        run(tiny("llama"), report=report)


def test_notices_stand_in_the_order_of_the_prompts():
    rows = (*texts(2), *texts(1, 5), *texts(2))
    found = run(tiny("llama"), rows)
    numbers = [n.prompt for n in found.warnings if n.code == "answer_not_near"]
    assert numbers == sorted(numbers)


def test_numbers_that_are_not_finite_are_those_of_their_prompt(tmp_path):
    model = load(ModelSpec(str(save_tiny("llama", tmp_path / "bad"))), SilentReporter())
    with torch.no_grad():  # the token “!” alone
        model.bridge.original_model.model.embed_tokens.weight[
            model.tokenizer.encode("!").ids[-1]
        ] = float("nan")
    rows = (PromptRow(text="abc"), PromptRow(text="ab!"), PromptRow(text="abd"))
    found = run(model, rows)
    assert [n.prompt for n in found.warnings if n.code == "not_finite"] == [1]
    clean = run(model, (rows[0], rows[2]))
    assert [found.data["top"][i] for i in (0, 2)] == list(clean.data["top"])


def test_an_answer_too_long_is_refused_before_anything_is_read():
    model = tiny("gpt2")
    before = model.forward_passes
    with pytest.raises(BadInputError, match="shorten"):
        run(model, (*texts(3), PromptRow(text="x" * 63, answer="yzw")))
    assert model.forward_passes == before


def test_half_precision_says_how_far_batches_round_differently(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu", dtype="bfloat16"), SilentReporter())
    found = run(model, texts(40))
    one = [run(model, (row,)) for row in texts(40)]
    assert all("noise" not in result.data for result in one)
    assert found.timing.forward_passes == 2  # all at once, and one of them alone
    entries = [(found.data["answers"][n][0], r.data["answers"][0][0]) for n, r in enumerate(one)]
    apart = max(abs(a["rows"][0]["logit"] - b["rows"][0]["logit"]) for a, b in entries)
    assert ("noise" in found.data) or apart < 0.01
    assert "noise" not in run(tiny("llama"), texts(40)).data
