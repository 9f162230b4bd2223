"""Warnings about tokens stand on every result whose prompts have them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.analyses.detect import run as detect
from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.analyses.tokens import run as tokens
from desktop_app.analyses.tokens.spec import TokensParams
from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
from desktop_app.methods.prepare import prepare
from desktop_app.support.errors import BadInputError
from tests.engine import token_files as made
from tests.models import tiny

ROW = PromptRow(text="ab cd", answer="x", wrong="y")
KINDS = [
    (rank.run, RankParams(prompts=(ROW,))),
    (ablate.run, AblateParams(prompts=(ROW,))),
    (attention.run, AttentionParams(prompts=(ROW,))),
    (tokens.run, TokensParams(prompts=(ROW,))),
    (detect.run, DetectParams(batch=1, seq_len=4)),
]


def codes(result):
    return [n.code for n in result.warnings]


@pytest.mark.model
@pytest.mark.parametrize(("run", "params"), KINDS)
def test_a_tokenizer_that_differs_is_said_on_every_result(run, params):
    model = tiny("llama")
    raw = model.tokenizer.raw
    odd = replace(model, tokenizer=TextTokenizer(raw, "it gives other ids: “a  5” is 1 2"))
    (notice,) = (n for n in run(odd, params, SilentReporter()).warnings if "differs" in n.code)
    assert notice.code == "tokenizer_differs"
    assert "“a  5” is 1 2" in notice.message
    assert "tokenizer_differs" not in codes(run(model, params, SilentReporter()))


@pytest.mark.model
def test_a_second_tokenizer_that_differs_is_said_by_its_name(tmp_path):
    path = made.byte_level_gguf(tmp_path / "odd.gguf", "shiny-new")
    params = TokensParams(prompts=(ROW,), compare=str(path))
    result = tokens.run(tiny("llama"), params, SilentReporter())
    (notice,) = (n for n in result.warnings if n.code == "tokenizer_differs")
    assert "odd.gguf: the GGUF names the pre-tokenizer “shiny-new”" in notice.message


@pytest.mark.model
@pytest.mark.parametrize(("run", "params"), [k for k in KINDS if k[1].prompts])
def test_a_missing_bos_is_said_once_on_every_result(run, params):
    model = tiny("llama")
    without = run(model, params.model_copy(update={"bos": "no"}), SilentReporter())
    assert codes(without).count("bos_missing") == 1
    assert "bos_missing" not in codes(run(model, params, SilentReporter()))


@pytest.mark.model
def test_a_text_that_comes_back_otherwise_is_said_on_every_result():
    """The tiny tokenizer knows bytes; one that lowercases reads another text."""
    import copy

    from tokenizers import normalizers

    model = tiny("gpt2")
    raw = copy.deepcopy(model.tokenizer.raw)
    raw.backend_tokenizer.normalizer = normalizers.Lowercase()
    odd = replace(model, tokenizer=TextTokenizer(raw))
    row = PromptRow(text="AB cd", answer="x", wrong="y")
    result = rank.run(odd, RankParams(prompts=(row,)), SilentReporter())
    assert codes(result).count("not_roundtrip") == 1
    row = PromptRow(text="ab cd", corrupt="AB cd", answer="x", wrong="y")
    (said,) = (
        n
        for n in rank.run(odd, RankParams(prompts=(row,)), SilentReporter()).warnings
        if n.code == "not_roundtrip"
    )
    assert said.message.startswith("Prompt 1’s corrupt twin decodes to “ab cd”")
    assert "not_roundtrip" not in codes(
        rank.run(model, RankParams(prompts=(row,)), SilentReporter())
    )


@pytest.mark.model
def test_answers_beyond_the_embedding_are_refused_by_name():
    model = tiny("gpt2")
    encoder = model.tokenizer.with_bos("auto")
    used = set(encoder.encode("abcd").ids)
    beyond = encoder.encode("abcdx").ids[-1]
    row = PromptRow(text="abcd", answer="x", wrong="a")
    assert beyond > max(used), "the tiny vocabulary is sorted"
    small = replace(model, info=replace(model.info, d_vocab=beyond))
    with pytest.raises(BadInputError, match=f"Prompt 1: “x” is token {beyond}, and the model"):
        prepare(small, Params(prompts=(row,)))
    told = prepare(small, Params(prompts=(row,)), answers="inspected").notices
    assert [n.code for n in told] == ["answer_unusable"]


@pytest.mark.model
def test_a_template_without_bos_is_said_where_the_model_wants_one():
    import copy

    model = tiny("llama")
    raw = copy.deepcopy(model.tokenizer.raw)
    raw.chat_template = "{{ messages[0].content }}:"
    chatty = replace(model, tokenizer=TextTokenizer(raw))
    params = RankParams(prompts=(ROW,), chat=True)
    result = rank.run(chatty, params, SilentReporter())
    assert result.prompts[0].text == "ab cd:"
    assert "bos_missing" in codes(result)
    raw.chat_template = "{{ bos_token }}{{ messages[0].content }}:"
    assert "bos_missing" not in codes(rank.run(chatty, params, SilentReporter()))


@pytest.mark.model
def test_no_id_beyond_the_embedding_reaches_the_model():
    model = tiny("gpt2")
    with pytest.raises(BadInputError, match=f"only ids below {model.info.d_vocab}"):
        model.ids([[1, model.info.d_vocab]])
    assert model.ids([[1, 2]]).tolist() == [[1, 2]]


def test_the_chip_of_answers_that_are_not_near_offers_the_fix():
    from desktop_app.contract.result import Notice
    from desktop_app.views.frame import notice_chip

    fix = {"index": 0, "prompt": "a", "corrupt": None, "answer": " b", "wrong": " c"}
    chip = notice_chip("answer_not_near", [Notice("answer_not_near", "…", fix, 0)])
    assert (chip.text, chip.fix_label, chip.severity) == ("answer not near", "Fix", "warn")
