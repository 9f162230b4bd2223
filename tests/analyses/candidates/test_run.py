"""Candidates against plain Hugging Face, one text at a time; words and tokens by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.analyses.candidates.picture import shown_of
from desktop_app.analyses.candidates.run import run
from desktop_app.analyses.candidates.spec import CandidatesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.engine.memory import texts_per_pass
from desktop_app.support.errors import BadInputError, Cancelled
from tests.models import named, tiny

TEXT = "one two three four"
ARCHITECTURES = ["gpt2", "gpt_neox", "llama", "gemma2", "opt", "mixtral", "gpt_oss", "qwen3"]


def params(prompt=TEXT, replace="two", words=("six", "ten"), head="1.2", **more):
    given = more.pop("rows", None) or (PromptRow(text=prompt, **more.pop("row", {})),)
    return CandidatesParams(prompts=given, replace=replace, with_=words, head=head, **more)


def ran(model, **given):
    return run(model, params(**given), SilentReporter())


def plain(model, text):
    """Return next-token log-probabilities and patterns `[L, H, S, S]` of Hugging Face alone."""
    source = AutoModelForCausalLM.from_pretrained(model.info.source, attn_implementation="eager")
    ids = model.tokenizer.encode(text).ids
    with torch.no_grad():
        found = source.eval()(torch.tensor([ids]), output_attentions=True, use_cache=False)
    seen = [layer[0, :, :, : len(ids)] for layer in found.attentions]
    return found.logits[0, -1].double().log_softmax(-1), torch.stack(seen), ids


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_numbers_are_those_of_plain_hugging_face(architecture):
    model = tiny(architecture)
    text, words = "9 8 7 6 5", ("8", "3", "1", "4")
    result = ran(model, prompt=text, replace="8", words=words[1:], head="1.2")
    assert result.data["fits"].all()
    before, _pattern, ids = plain(model, text)
    first, stop = result.data["span"][0]
    assert [model.tokenizer.decode(ids[first:stop]).strip()] == ["8"]
    for place, word in enumerate(words):
        after, pattern, changed = plain(model, text.replace("8", word))
        kl = float((before.exp() * (before - after)).sum())
        assert result.data["kl"][place] == pytest.approx(kl, abs=1e-5)
        assert result.data["next"][place]["id"] == int(after.argmax())
        assert result.data["tokens"][place]["ids"] == list(changed[first:stop])
        row = pattern[1, 2].double()
        got = {name: result.data[name][place] for name in ("received", "last_row")}
        np.testing.assert_allclose(got["received"], row[:, first:stop].sum(-1), atol=1e-5)
        np.testing.assert_allclose(got["last_row"], row[-1], atol=1e-5)
        last, mean = row[-1, first:stop].sum(), row[stop:, first:stop].sum(-1).mean()
        assert result.data["attention_from_last"][place] == pytest.approx(float(last), abs=1e-5)
        assert result.data["attention_to"][place] == pytest.approx(float(mean), abs=1e-5)


def test_the_words_own_row_comes_first_and_changes_nothing():
    result = ran(named("toy"))
    assert result.data["words"] == ("two", "six", "ten")
    assert result.data["kl"][0] == 0.0
    assert (result.data["kl"][1:] > 0).all()
    assert result.params["with"] == ["six", "ten"]
    assert "with_" not in result.params


def test_a_candidate_of_other_length_is_said_and_has_no_numbers():
    result = ran(named("toy"), words=("six", "twothree", "x"))
    assert result.data["token_count"].tolist() == [1, 1, 2, 2]
    assert result.data["fits"].tolist() == [True, True, False, False]
    for name in ("kl", "attention_to", "attention_from_last"):
        assert np.isnan(result.data[name][2:]).all()
        assert np.isfinite(result.data[name][:2]).all()
    assert np.isnan(result.data["received"][2:]).all()
    assert result.data["next"][2:] == (None, None)
    (notice,) = [n for n in result.warnings if n.code == "candidate_length"]
    assert "“twothree” (2 tokens: ␠two·three)" in notice.message
    assert "“x” (2 tokens: ␠·x)" in notice.message
    assert result.to_json()["result"]["kl"][2] is None
    assert not [n for n in result.warnings if n.code == "not_finite"]


def test_without_a_head_there_are_tokens_and_change_alone():
    result = ran(named("toy"), head="")
    assert not {"attention_to", "attention_from_last", "received"} & result.data.keys()
    assert np.isfinite(result.data["kl"]).all()


def test_all_that_fit_share_one_pass_and_memory_changes_no_number():
    model = named("toy")
    words = ("six", "ten", "red", "blue", "green", "black", "white")
    before = model.forward_passes
    whole = ran(model, words=words)
    assert model.forward_passes - before == 1
    assert whole.timing.forward_passes == 1
    model.budget_bytes = 1
    try:
        assert texts_per_pass(model, 5, 1) == 1
        small = ran(model, words=words)
    finally:
        model.budget_bytes = None
    assert small.timing.forward_passes == len(words)
    for name in ("kl", "attention_to", "attention_from_last", "last_row"):
        np.testing.assert_allclose(small.data[name], whole.data[name], atol=2e-6)


def test_models_that_read_one_text_at_a_time_get_one(monkeypatch):
    model = named("toy")
    whole = ran(model)
    monkeypatch.setattr(model, "reads_together", False)
    alone = ran(model)
    assert alone.timing.forward_passes == 3
    np.testing.assert_allclose(alone.data["kl"], whole.data["kl"], atol=2e-6)


def test_only_long_candidates_leave_the_prompts_own_row():
    result = ran(named("toy"), words=("twothree",))
    assert result.data["kl"][0] == 0.0
    assert math.isnan(result.data["kl"][1])
    assert result.data["next"][0]["id"] >= 0


def test_a_word_at_the_end_has_no_token_after_it():
    result = ran(named("toy"), replace="four")
    assert np.isnan(result.data["attention_to"]).all()
    assert np.isfinite(result.data["attention_from_last"]).all()
    assert not [n for n in result.warnings if n.code == "not_finite"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"replace": ""}, "No word is named (--replace)"),
        ({"replace": "seven"}, "“seven” does not stand in prompt 1"),
        ({"replace": "thre"}, "only inside longer words (“three”)"),
        ({"replace": "Two"}, "“two” does: capitals count"),
        ({"replace": "  two"}, "“two” does: name it without them"),
        ({"prompt": "two and two"}, "stands at 2 places in prompt 1: choose one with --occurrence"),
        ({"prompt": "two and two", "occurrence": 3}, "--occurrence 3 is not there"),
        ({"words": ()}, "No candidate is named (--with)"),
        ({"head": "9.0"}, "--head 9.0"),
        ({"head": "0.9"}, "--head 0.9"),
        ({"pair": 1}, "--pair 1 is not there"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(given, told):
    text = given.pop("prompt", TEXT)
    with pytest.raises(BadInputError) as refused:
        ran(named("toy"), prompt=text, **given)
    assert told in str(refused.value)


def test_an_occurrence_is_chosen():
    model = named("toy")
    first = ran(model, prompt="two and two", occurrence=1)
    second = ran(model, prompt="two and two", occurrence=2)
    assert first.data["span"].tolist() != second.data["span"].tolist()
    assert second.data["tokens"][1]["first"] == second.data["span"][1, 0]


def test_spaces_count_to_the_letter():
    model = named("toy")
    result = ran(model, replace=" two", words=(" six", "six"))
    assert result.data["fits"].tolist()[:2] == [True, True]
    (notice,) = [n for n in result.warnings if n.code == "candidate_space"]
    assert "“six”" in notice.message
    with_space, without = ran(model), result
    assert with_space.data["kl"][1] == pytest.approx(without.data["kl"][1], abs=1e-7)


def test_one_of_several_prompts():
    rows = (PromptRow(text="red blue"), PromptRow(text=TEXT, answer=(" five",), wrong=(" six",)))
    result = ran(named("toy"), rows=rows, pair=1)
    assert len(result.prompts) == 2
    assert result.data["read_position"] == len(result.prompts[1].tokens) - 1
    assert result.data["logit_diff"].shape == (3,)
    alone = ran(named("toy"), row={"answer": (" five",), "wrong": (" six",)})
    assert result.data["logit_diff"] == pytest.approx(alone.data["logit_diff"], abs=1e-6)


def test_the_logit_difference_is_that_of_the_changed_prompt():
    model = named("toy")
    result = ran(model, row={"answer": (" five",), "wrong": (" six",)})
    answer, wrong = (model.tokenizer.encode(f"{TEXT} {word}").ids[-1] for word in ("five", "six"))
    for place, word in enumerate(result.data["words"]):
        logprobs, _pattern, _ids = plain(model, TEXT.replace("two", word))
        told = float(logprobs[answer] - logprobs[wrong])
        assert result.data["logit_diff"][place] == pytest.approx(told, abs=1e-4)


def test_words_are_counted_in_a_text(tmp_path):
    text = tmp_path / "words.txt"
    text.write_text("six six six two two ten, Ten six_ tense", encoding="utf-8")
    result = ran(named("toy"), words=("six", "ten", "eleven"), text=str(text))
    assert result.data["frequency"].tolist() == [2, 3, 1, 0]
    assert result.data["frequency_rank"][:3].tolist() == [1, 0, 2]
    assert np.isnan(result.data["frequency_rank"][3])
    assert (result.data["text_words"], result.data["text_different"]) == (9, 6)
    (notice,) = [n for n in result.warnings if n.code == "candidate_uncounted"]
    assert "“eleven”" in notice.message


class _Stopping(Reporter):
    """Stops at the n-th step."""

    def __init__(self, steps):
        self.steps = steps

    def step(self, fraction, note=""):
        assert 0 <= fraction <= 1
        self.steps -= 1
        if self.steps < 0:
            raise Cancelled

    def check(self):
        self.step(0.0)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_it_stops_at_every_layer(steps):
    model = named("toy")
    with pytest.raises(Cancelled):
        run(model, params(), _Stopping(steps))
    assert model.hooks_left() == 0


def test_what_is_no_number_is_said(monkeypatch):
    model = named("toy")
    usual = type(model).run

    def spoilt(self, ids, hooks=(), **more):
        logits = usual(self, ids, hooks, **more).clone()
        logits[-1, ..., 0] = float("nan")
        return logits

    monkeypatch.setattr(type(model), "run", spoilt)
    result = ran(model)
    assert [n.code for n in result.warnings if n.code == "not_finite"] == ["not_finite"]


def test_running_out_of_memory_takes_fewer_rows(monkeypatch):
    model, rows = named("toy"), []
    whole, usual = ran(model, words=("six", "ten", "red")), type(model).run

    def scarce(self, ids, *given, **more):
        rows.append(len(ids))
        if len(ids) > 2:
            raise RuntimeError("CUDA out of memory")
        return usual(self, ids, *given, **more)

    monkeypatch.setattr(type(model), "run", scarce)
    small = ran(model, words=("six", "ten", "red"))
    assert rows == [4, 2, 2, 2]
    np.testing.assert_allclose(small.data["kl"], whole.data["kl"], atol=2e-6)


@pytest.mark.pack
def test_the_packs_trap(smollm2_folder):
    """The worked figure of the help: three words of one token, and head 6.0 tells them apart."""
    model = named("smollm2")
    text = 'def load(self, path, size):\n    """Load a file.\n\n    :param path: where it is\n    :'
    row = {"answer": ("param",), "wrong": ("return",)}
    result = ran(model, prompt=text, replace="param", words=("arg", "self"), head="6.0", row=row)
    assert result.data["token_count"].tolist() == [1, 1, 1]
    looked = result.data["attention_from_last"]
    assert looked == pytest.approx([0.783, 0.439, 0.200], abs=2e-3)
    assert result.data["kl"] == pytest.approx([0.0, 0.603, 0.493], abs=2e-3)
    assert result.data["logit_diff"] == pytest.approx([5.865, 4.016, 7.398], abs=5e-3)
    assert [found["text"] for found in result.data["next"]] == ["param", "param", "type"]
    before, _pattern, _ids = plain(model, text)
    for place, word in enumerate(("param", "arg", "self")):
        after, pattern, _changed = plain(model, text.replace("param", word))
        kl = float((before.exp() * (before - after)).sum())
        assert result.data["kl"][place] == pytest.approx(kl, abs=1e-5)
        last = float(pattern[6, 0, -1, result.data["span"][0, 0]])
        assert looked[place] == pytest.approx(last, abs=1e-5)


@pytest.mark.pack
def test_the_packs_first_word_whose_token_holds_more(smollm2_folder):
    """No BOS stands before it, and the prompt's last token is a space."""
    encode = named("smollm2").tokenizer.encode
    result = ran(named("smollm2"), prompt="() is a pair ", replace="(", words=("[", "{"), head="")
    assert result.data["token_count"].tolist() == [1, 2, 2]
    for row, texts in enumerate((["()"], ["[", ")"], ["{", ")"])):
        told, shown = result.data["tokens"][row], shown_of(result, row)
        assert (told["first"], told["texts"]) == (0, texts)
        assert shown.tokens.ids == encode(f"{''.join(texts)} is a pair ").ids
    (notice,) = [n for n in result.warnings if n.code == "candidate_length"]
    assert "“[” (2 tokens: [·))" in notice.message


@pytest.mark.pack
def test_the_packs_template_is_not_taken_for_the_message(smollm2_folder):
    """Its closing header says “assistant” as well."""
    given = {"prompt": "assistant", "replace": "assistant", "words": ("user",), "head": ""}
    result = ran(named("smollm2"), **given, chat=True)
    texts, (first, stop) = result.prompts[0].tokens.texts, result.data["span"][0]
    assert "".join(texts[first:stop]) == "assistant"
    assert texts[first - 2 : first] == ("user", "\n")
    assert texts[stop] == "<|im_end|>"
    assert "assistant" in "".join(texts[stop:])
