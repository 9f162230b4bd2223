"""Folders: the tokenizer that the files describe wins over the class that a library chooses."""

from __future__ import annotations

import json

import pytest
import sentencepiece
from tokenizers import AddedToken

from tests.engine import token_files as made

TEXTS = (
    "a  5", "\n\n1. Mix", "x = [ 12,   345 ]", " lead", "the</s> cat", "12345", "\t7", "\u00a08",
)  # fmt: skip


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "starcoder2", "gpt_neox", "qwen2"])
@pytest.mark.parametrize("name", ["GPT2Tokenizer", "Qwen2Tokenizer", "LlamaTokenizer", None])
def test_the_file_wins_over_the_class(tmp_path, model_type, name):
    plain = made.byte_level(made.digits_alone(), adds_bos=True)
    settings = {"tokenizer_class": name} if name else {}
    folder = made.save_folder(tmp_path, plain, model_type, **settings)
    tokenizer = made.read_folder(folder)
    for text in TEXTS:
        assert list(tokenizer.encode(text).ids) == plain.encode(text).ids, text
    assert tokenizer.adds_bos
    assert not tokenizer.differs
    assert (tokenizer.raw.bos_token, tokenizer.raw.eos_token) == ("<s>", "</s>")


@pytest.mark.parametrize("name", ["LlamaTokenizer", "LlamaTokenizerFast", None])
@pytest.mark.parametrize("adds_bos", [True, False])
def test_llama_shaped_folders_keep_every_space(tmp_path, name, adds_bos):
    plain = made.spelt_spaces(adds_bos=adds_bos)
    settings = {"tokenizer_class": name} if name else {}
    tokenizer = made.read_folder(made.save_folder(tmp_path, plain, "llama", **settings))
    for text in (" the cat", "the</s> cat", "a  cat", "the cat"):
        assert list(tokenizer.encode(text).ids) == plain.encode(text).ids, text
    assert tokenizer.adds_bos is adds_bos
    assert tokenizer.decode(tokenizer.encode(" the cat", "no").ids) == " the cat"


@pytest.mark.parametrize("adds", [True, False])
def test_what_the_settings_say_of_the_bos_holds(tmp_path, adds):
    """The settings' own flag is younger than the post-processor beside it."""
    plain = made.byte_level(made.digits_alone(), adds_bos=not adds)
    folder = made.save_folder(
        tmp_path, plain, "llama", tokenizer_class="GPT2Tokenizer", add_bos_token=adds
    )
    tokenizer = made.read_folder(folder)
    assert tokenizer.adds_bos is adds
    assert (
        list(tokenizer.encode("a  5", "no").ids)
        == plain.encode("a  5", add_special_tokens=False).ids
    )


def test_special_tokens_that_only_the_class_knows_stay_known(tmp_path):
    plain = made.byte_level(made.digits_alone())
    plain.add_special_tokens([AddedToken("<|endoftext|>")])
    folder = made.save_folder(tmp_path, plain, "gpt2")
    (folder / "tokenizer_config.json").write_text("{}")
    tokenizer = made.read_folder(folder)
    assert tokenizer.bos_id == plain.token_to_id("<|endoftext|>")
    assert tokenizer.encode("a  5").pieces == ("a", "ĠĠ", "5")


def test_chat_template_and_added_tokens_come_along(tmp_path):
    plain = made.byte_level(made.digits_alone())
    plain.add_special_tokens([AddedToken("<|user|>", normalized=False)])
    folder = made.save_folder(
        tmp_path, plain, "llama", tokenizer_class="GPT2Tokenizer", chat_template="<|user|>hi"
    )
    tokenizer = made.read_folder(folder)
    assert tokenizer.raw.chat_template == "<|user|>hi"
    assert tokenizer.encode("<|user|>a").pieces[0] == "<|user|>"


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("model_type", ["llama", "gemma"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"add_dummy_prefix": False},
        {"normalization_rule_name": "nmt_nfkc", "remove_extra_whitespaces": True},
        {"remove_extra_whitespaces": True},
        {"user_defined_symbols": ["<think>"], "add_dummy_prefix": False},
    ],
)
def test_a_lone_tokenizer_model_is_read_as_sentencepiece_reads_it(
    tmp_path, kind, model_type, settings
):
    folder = made.save_folder(tmp_path, None, model_type)
    path = made.sentence_pieces(folder, kind, **settings)
    plain = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tokenizer = made.read_folder(folder)
    for text in (" the cat", "the cat", "a  5", "Hello, you! 12", "\n\n1. Mix", "  é漢  "):
        assert list(tokenizer.encode(text).ids) == [1, *plain.encode(text)], text
    assert tokenizer.adds_bos
    assert not tokenizer.differs


def test_a_lone_tokenizer_model_without_bos(tmp_path):
    folder = made.save_folder(tmp_path, None, "llama", add_bos_token=False)
    path = made.sentence_pieces(folder)
    plain = sentencepiece.SentencePieceProcessor(model_file=str(path))
    assert list(made.read_folder(folder).encode(" the").ids) == plain.encode(" the")


def test_what_cannot_be_followed_is_said_with_an_example(tmp_path):
    folder = made.save_folder(tmp_path, None, "llama")
    made.sentence_pieces(folder, treat_whitespace_as_suffix=True)
    told = made.read_folder(folder).differs
    assert told.startswith("the tokenizer made of its files gives other ids than they do: ")
    assert "tokenizer.model" in told


def test_a_word_of_its_own_around_which_spaces_cannot_be_followed_is_said(tmp_path):
    """sentencepiece puts its mark before the text alone, and never after such a word."""
    folder = made.save_folder(tmp_path, None, "llama")
    made.sentence_pieces(folder, user_defined_symbols=["<think>"])
    assert '"a <think> b" is ' in made.read_folder(folder).differs


def test_a_folder_whose_class_and_file_agree_is_left_alone(tmp_path):
    """The very object that the library makes: nothing is built anew."""
    from tokenizers import pre_tokenizers

    plain = made.byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    folder = made.save_folder(tmp_path, plain, "gpt2", tokenizer_class="GPT2Tokenizer")
    tokenizer = made.read_folder(folder)
    assert type(tokenizer.raw).__name__ == "GPT2Tokenizer"
    assert json.loads((folder / "config.json").read_text())["model_type"] == "gpt2"


def test_a_byte_level_file_under_a_llama_class_keeps_the_bos_of_its_settings(tmp_path):
    """The library takes the file as it is here, whose post-processor adds none."""
    plain = made.byte_level(made.digits_alone())
    folder = made.save_folder(
        tmp_path, plain, "llama", tokenizer_class="LlamaTokenizerFast", add_bos_token=True
    )
    tokenizer = made.read_folder(folder)
    assert list(tokenizer.encode("a  5").ids) == [1, *plain.encode("a  5").ids]
    assert not tokenizer.differs


def test_a_flag_beside_a_generic_class_changes_nothing(tmp_path):
    plain = made.byte_level(made.digits_alone(), adds_bos=True)
    folder = made.save_folder(
        tmp_path, plain, "llama", tokenizer_class="PreTrainedTokenizerFast", add_bos_token=False
    )
    assert list(made.read_folder(folder).encode("a  5").ids) == plain.encode("a  5").ids


def test_text_right_after_a_special_token_is_read_as_the_file_says(tmp_path):
    """The class puts its space mark before the first word alone, the file before each stretch."""
    from tokenizers import normalizers, pre_tokenizers

    plain = made.spelt_spaces()
    plain.normalizer = normalizers.Sequence([])
    plain.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    folder = made.save_folder(tmp_path, plain, "llama", tokenizer_class="LlamaTokenizer")
    tokenizer = made.read_folder(folder)
    assert list(tokenizer.encode("the</s>cat").ids) == plain.encode("the</s>cat").ids
    assert not tokenizer.differs


@pytest.mark.parametrize("name", ["GPT2Tokenizer", "PreTrainedTokenizerFast"])
def test_a_bos_that_the_file_adds_and_the_settings_do_not_name_is_one(tmp_path, name):
    plain = made.byte_level(made.digits_alone(), adds_bos=True)
    folder = made.save_folder(
        tmp_path, plain, "phi", tokenizer_class=name, add_bos_token=True, bos_token=None
    )
    tokenizer = made.read_folder(folder)
    assert (tokenizer.bos_id, tokenizer.adds_bos) == (1, True)
    encoding = tokenizer.encode("a  5")
    assert (encoding.ids[0], encoding.special[0]) == (1, True)
    assert tokenizer.encode("a  5", "yes").ids == encoding.ids
    assert tokenizer.encode("a  5", "no").ids == encoding.ids[1:]


def test_a_vocabulary_without_letters_has_its_bos_all_the_same(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    plain = Tokenizer(models.BPE({"<s>": 0, "1": 1, "2": 2, "</s>": 3}, []))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.add_special_tokens([AddedToken("<s>"), AddedToken("</s>")])
    plain.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )
    for name in ("GPT2Tokenizer", "PreTrainedTokenizerFast"):
        folder = made.save_folder(tmp_path / name, plain, "gpt2", tokenizer_class=name)
        tokenizer = made.read_folder(folder)
        assert list(tokenizer.encode("1 2").ids) == plain.encode("1 2").ids == [0, 1, 2], name
        assert tokenizer.adds_bos


@pytest.mark.parametrize("name", ["GPT2Tokenizer", "PreTrainedTokenizerFast"])
def test_no_merge_is_left_out_at_random(tmp_path, name):
    whole = made.byte_level(made.digits_alone())
    made.save_folder(tmp_path, whole, "llama", tokenizer_class=name)
    path = tmp_path / "tokenizer.json"
    said = json.loads(path.read_text())
    said["model"]["dropout"] = 0.5
    path.write_text(json.dumps(said))
    tokenizer = made.read_folder(tmp_path)
    expected = tuple(whole.encode("the cat ab", add_special_tokens=False).ids)
    assert {tokenizer.encode("the cat ab", "no").ids for _ in range(20)} == {expected}
    assert tokenizer.made["dropout"] == "off"
    assert tokenizer.differs == ""
