"""Answers as continuations of their prompts, with a tokenizer made by hand."""

from __future__ import annotations

import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.support.errors import BadInputError, FixableError
from desktop_app.text.answers import fixed_row, resolve_row
from desktop_app.text.encoding import Encoding


class Characters:
    """Every character is a token, a space `Ġ`; some pairs merge."""

    def __init__(self, *merges):
        self._merges = merges

    def encode(self, text):
        pieces, at = [], 0
        while at < len(text):
            size = 2 if text[at : at + 2] in self._merges else 1
            pieces.append((text[at : at + size], at, at + size))
            at += size
        texts = tuple(p for p, _, _ in pieces)
        return Encoding(
            ids=tuple(1000 + sum(ord(c) * 7**i for i, c in enumerate(p)) for p in texts),
            pieces=tuple(p.replace(" ", "Ġ") for p in texts),
            texts=texts,
            offsets=tuple((a, b) for _, a, b in pieces),
            special=(False,) * len(pieces),
        )

    encode_plain = encode


def resolve(text, answer, wrong=(), *, merges=(), fix=False, **row):
    prompt = PromptRow(text=text, answer=answer, wrong=wrong, **row)
    return resolve_row(prompt, 0, Characters(*merges), apply_fix=fix)


def codes(resolved):
    return [notice.code for notice in resolved.notices]


def test_the_first_token_after_the_prompt_is_the_answer():
    found = resolve("1 2 ", "3", "4")
    assert [a.tokens.pieces for a in (*found.answers, *found.wrongs)] == [("3",), ("4",)]
    assert codes(found) == []


def test_longer_answers_are_scored_by_their_first_token_and_said_to_be():
    found = resolve("a", "bc", "de")
    assert codes(found) == ["answer_multi_token"] * 2
    assert "“b” " in found.notices[0].message
    assert "“c” " in found.notices[0].message


def test_an_answer_that_changes_the_prompts_tokens_is_tokenized_alone():
    found = resolve("ab", " c", merges=("b ",))
    assert codes(found) == ["answer_retokenised"]
    assert found.answers[0].tokens.pieces == ("c",)  # its leading space marker is dropped


def test_shared_beginnings_are_refused_with_their_repair():
    with pytest.raises(FixableError) as caught:
        resolve("1 2", (" 3", " 4"), " 5", corrupt="7 9")
    error = caught.value
    assert error.code == "answer_shared_prefix"
    assert error.fix == {
        "index": 0, "prompt": "1 2 ", "corrupt": "7 9 ", "answer": "3|4", "wrong": "5",
    }  # fmt: skip
    assert "“ 3” and “ 5” both begin with the token “Ġ”" in str(error)
    fixed = resolve("1 2", (" 3", " 4"), " 5", corrupt="7 9", fix=True)
    assert fixed.row == fixed_row(PromptRow(text="1 2"), error.fix)


def test_a_repaired_row_keeps_its_label_and_its_group():
    of = {"label": "numbers", "group": "bare"}
    fixed = resolve("1 2", " 3", " 5", fix=True, **of)
    assert fixed.row == PromptRow(text="1 2 ", answer="3", wrong="5", **of)
    assert codes(fixed) == ["answer_shared_prefix"]


def test_the_pair_that_is_named_is_the_one_that_collides():
    with pytest.raises(FixableError, match="“24” and “25” both begin"):
        resolve("x", ("13", "24"), ("75", "25"))


def test_any_length_that_is_shared_can_be_moved():
    digits = "1234567890" * 3
    fixed = resolve("x", digits + "1", digits + "2", fix=True)
    assert fixed.row.text == "x" + digits
    assert (fixed.row.answer, fixed.row.wrong) == (("1",), ("2",))


def test_what_cannot_be_moved_is_refused_without_a_repair():
    with pytest.raises(FixableError) as caught:
        resolve("x", "ab", "a")
    assert caught.value.fix is None
    assert "choose answers that differ" in str(caught.value)


@pytest.mark.parametrize(("answer", "wrong", "words"), [("", (), "empty"), ("a", "a", "tell them")])
def test_useless_answers_are_refused(answer, wrong, words):
    with pytest.raises(BadInputError, match=words):
        resolve("x", (answer,), wrong)
