"""Tokenizer inspection: warnings, alignment, padding."""

from __future__ import annotations

import json
import time

import pytest
import torch
from pydantic import ValidationError

from desktop_app.analyses.tokens import run as tokens
from desktop_app.analyses.tokens.spec import TokensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import ARCHITECTURES, save_tiny
from tests.models import named, tiny


def run(model, *rows, **settings):
    rows = tuple(PromptRow(text=r) if isinstance(r, str) else r for r in rows)
    return tokens.run(model, TokensParams(prompts=rows, **settings), SilentReporter())


def codes(result) -> set[str]:
    return {n.code for n in result.warnings}


@pytest.mark.pack
def test_the_pack_splits_digits_and_spaces(smollm2_folder):
    result = run(named("smollm2"), "1 2 3 4 ", "12 x")
    assert result.data["ids"][0] == (33, 216, 34, 216, 35, 216, 36, 216)
    assert result.data["pieces"][0][:3] == ("1", "Ġ", "2")
    assert result.data["texts"][0][1] == " "
    assert result.data["offsets"][0][:2] == ((0, 1), (1, 2))
    assert {"trailing_space", "space_token", "digits_split", "lengths_differ"} <= codes(result)
    spaces = next(n for n in result.warnings if n.code == "space_token")
    assert spaces.positions == (1, 3, 5, 7)


def test_bos_is_counted_and_doubled_bos_is_seen():
    result = run(tiny("llama"), "ab", "<s>ab")
    assert result.data["ids"][0][0] == 1
    assert result.data["special"][0][0]
    assert {"bos_added", "bos_double"} <= codes(result)
    fix = next(n for n in result.warnings if n.code == "bos_double").fix
    assert fix["prompt"] == "ab"
    assert "bos_missing" in codes(run(tiny("llama"), "ab", bos="no"))


@pytest.mark.parametrize(
    "text", ["naïve café", "日本語", "😀 👩‍🚀", "\ttab\nline", " leading", "'\"<&>"]
)
def test_offsets_cover_the_text_and_it_round_trips(text):
    for model in (tiny("llama"), named("toy")):
        result = run(model, text)
        assert "not_roundtrip" not in codes(result)
        spans = [s for s in result.data["offsets"][0] if s[1] > s[0]]
        covered = {c for a, b in spans for c in range(a, b)}
        assert covered == set(range(len(text)))


def test_lone_surrogate_is_one_sentence():
    with pytest.raises(ValidationError, match="lone surrogate"):
        PromptRow(text="a\ud83d")
    with pytest.raises(BadInputError, match="lone surrogate"):
        tiny("llama").tokenizer.encode("a\ud83d")


def test_too_long_is_a_warning_here():
    result = run(tiny("llama"), "x" * 100)
    assert "too_long" in codes(result)


def test_shared_prefix_is_a_warning_with_its_fix_here():
    row = PromptRow(text="ab", answer=" 5", wrong=" 4")
    notice = next(n for n in run(tiny("llama"), row).warnings if n.code == "answer_shared_prefix")
    assert notice.fix["prompt"] == "ab "
    assert (notice.fix["answer"], notice.fix["wrong"]) == ("5", "4")


def test_compare_aligns_by_characters():
    result = run(named("toy"), "one two", compare="toy")
    groups = result.data["compare"]["prompts"][0]["groups"]
    assert all(g["same"] for g in groups)
    assert groups[-1]["end"] == len("one two")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_and_single_runs_agree(architecture):
    rows = run(tiny(architecture), "the cat", padding_demo=True).data["padding_demo"][0]
    alone, wrong_end, own_end, _unmasked, masked = rows
    assert alone["max_logit_difference"] == 0
    assert own_end["max_logit_difference"] < 1e-4
    assert masked["max_logit_difference"] < 1e-4
    assert not wrong_end["agrees"]


@pytest.mark.pack
def test_padding_of_the_pack(smollm2_folder):
    row = PromptRow(text="1 2 3 4 ", answer="5")
    rows = run(named("smollm2"), row, padding_demo=True).data["padding_demo"][0]
    assert [r["agrees"] for r in rows] == [True, False, True, False, True]
    assert rows[1]["top"]["text"] == "<|im_end|>"
    assert rows[3]["answer_logit"] == pytest.approx(23.68, abs=0.01)
    assert rows[4]["max_logit_difference"] < 1e-3


def test_each_of_many_prompts_is_tokenized_once(monkeypatch):
    model, seen = named("toy"), []
    encode = TextTokenizer._encode
    monkeypatch.setattr(
        TextTokenizer, "_encode", lambda *a, **k: seen.append(a[1]) or encode(*a, **k)
    )
    rows = [f"{i} {i + 1} {i + 2}, once" for i in range(300)]  # texts of no other test
    run(model, *rows)
    assert sorted(seen) == sorted(rows)


@pytest.mark.benchmark
def test_many_prompts_are_tokenized_quickly():
    model = named("toy")
    rows = [f"{i} {i + 1} {i + 2}" for i in range(1536)]
    run(model, rows[0])
    started = time.perf_counter()
    result = run(model, *rows)
    assert len(result.data["ids"]) == 1536
    # A ratio to the library's own batch call would be flaky; this guards against quadratic work.
    assert time.perf_counter() - started < 20


def test_each_row_keeps_its_own_answers_and_troubles():
    rows = (
        PromptRow(text="ab", answer=" 5", wrong=" 4"),
        PromptRow(text="ab", answer="x", wrong="y"),
        PromptRow(text="ab", answer="x", wrong="x"),
    )
    result = run(tiny("llama"), *rows)
    assert [len(record.answers) for record in result.prompts] == [0, 1, 0]
    found = {(n.code, n.prompt) for n in result.warnings}
    assert {("answer_shared_prefix", 0), ("answer_unusable", 2)} <= found


def test_offsets_that_a_tokenizer_trims_come_back(tmp_path):
    folder = save_tiny("gpt2", tmp_path / "trims")
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text("utf-8"))
    document["post_processor"] = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True,
    }  # fmt: skip
    path.write_text(json.dumps(document), "utf-8")
    model = load(ModelSpec(str(folder)), SilentReporter())
    for text in ("1 2 3 4 ", "a  b ", " \n\n x", "é  ü"):
        result = run(model, text)
        spans = result.data["offsets"][0]
        assert "".join(text[a:b] for a, b in dict.fromkeys(spans)) == text
        assert "not_roundtrip" not in codes(result)


def test_padding_must_fit_into_the_context():
    with pytest.raises(BadInputError, match="--padding-demo"):
        run(tiny("gpt2"), "x" * 61, padding_demo=True)


def test_padding_that_is_not_finite_is_told(tmp_path):
    model = load(ModelSpec(str(save_tiny("llama", tmp_path / "bad"))), SilentReporter())
    with torch.no_grad():
        model.bridge.original_model.model.layers[2].mlp.down_proj.weight[0, 0] = float("nan")
    result = run(model, "ab", padding_demo=True)
    assert "first in layer 2" in next(n.message for n in result.warnings if n.code == "not_finite")
