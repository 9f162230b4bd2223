"""A GGUF's tokenizer is the one that the file describes, not what a library falls back to."""

from __future__ import annotations

import pytest
from tokenizers import pre_tokenizers

from desktop_app.engine.tokenizers.pre_tokenizers import splitting
from tests.engine import token_files as made

TEXTS = ("a  5", "\n\n1. Mix", "x = [ 12,   345 ]", " lead", "12345", "\t7", "\u00a08", "the cat")
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)


def plain_ids(cut, text, **more):
    return made.byte_level(cut, **more).encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(
    ("names", "cut"),
    [
        (("smollm", "starcoder", "refact", "command-r", "exaone"), made.digits_alone()),
        (("gpt-2", "phi-2", "mpt", "olmo", "jais"), GPT2),
        (
            ("qwen2", "stablelm2", "deepseek-r1-qwen"),
            made.split_by(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+"
                r"[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            ),
        ),
        (
            ("dbrx", "smaug-bpe", "glm4"),
            made.split_by(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
                r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            ),
        ),
        (
            ("deepseek-coder",),
            made.split_by(
                "[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥\u0800-一가-\ud7ff]+", r"\p{N}"
            ),
        ),
    ],
)
def test_texts_are_cut_as_the_file_says(tmp_path, names, cut):
    for name in names:
        tokenizer = made.read_gguf(made.byte_level_gguf(tmp_path / f"{name}.gguf", name))
        assert not tokenizer.differs
        for text in TEXTS:
            assert list(tokenizer.encode(text, "no").ids) == plain_ids(cut, text), (name, text)


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("smollm", "a  5", ["a", "ĠĠ", "5"]),
        ("smollm", "\n\n1", ["ĊĊ", "1"]),
        ("smollm", " 12", ["Ġ", "1", "2"]),
        ("gpt-2", "a  5", ["a", "Ġ", "Ġ5"]),
        ("llama-bpe", "12345 cat", ["123", "45", "Ġcat"]),
        ("llama3", "a\n\nb", ["a", "ĊĊ", "b"]),
        ("gpt-4o", "HelloWorld's 1234", ["Hello", "World's", "Ġ", "123", "4"]),
        ("tekken", "HelloWorld 12", ["Hello", "World", "Ġ", "1", "2"]),
        ("falcon", "a=12345", ["a", "=", "123", "45"]),
        ("default", "a=12345", ["a", "=", "123", "45"]),
        ("bloom", "so, good", ["so", ",", "Ġgood"]),
        ("viking", "x 12", ["x", "Ġ", "1", "2"]),
        ("deepseek-llm", "so 12\n3", ["so", "Ġ", "12", "Ċ", "3"]),
        ("deepseek-v3", "x 1234 good", ["x", "Ġ", "123", "4", "Ġgood"]),
        ("youtu", "Good's 12", ["Good's", "Ġ", "1", "2"]),
        ("seed-coder", "a\n12", ["a", "Ċ", "1", "2"]),
        ("tiny_aya", "1234567", ["1", "234", "567"]),
        ("bailingmoe", "'Ve 12", ["'Ve", "Ġ", "1", "2"]),
    ],
)
def test_known_names_cut_where_their_models_do(name, text, pieces):
    cut = splitting(name).build().pre_tokenize_str(text)
    assert [piece for piece, _span in cut] == pieces


def test_every_known_pattern_compiles_and_keeps_every_character():
    text = "It's 12,345.6 °C in São Paulo!\n\n\tΩ \u2128 漢字 한국 🙂  end "
    alphabet = GPT2.alphabet()
    for name in ("deepseek-llm", "qwen35", "laguna", "exaone-moe", "minicpm5", "ufakzeka"):
        pieces = [piece for piece, _span in splitting(name).build().pre_tokenize_str(text)]
        assert set("".join(pieces)) <= set(alphabet)
        assert sum(map(len, pieces)) == len(text.encode())


@pytest.mark.parametrize("name", ["shiny-new", None])
def test_an_unknown_way_of_cutting_is_said(tmp_path, name):
    tokenizer = made.read_gguf(made.byte_level_gguf(tmp_path / "odd.gguf", name))
    assert ("shiny-new" if name else "names no pre-tokenizer") in tokenizer.differs
    assert "“a  5”" in tokenizer.differs


def test_whole_tokens_win_over_merges_where_the_family_says(tmp_path):
    """`abc` can be merged, `12 3`'s parts too; with merges ignored a token whole is found whole."""
    path = made.byte_level_gguf(tmp_path / "three.gguf", "llama-bpe")
    model = made.read_gguf(path).raw.backend_tokenizer.model
    assert model.ignore_merges is True
    path = made.byte_level_gguf(tmp_path / "two.gguf", "smollm")
    assert made.read_gguf(path).raw.backend_tokenizer.model.ignore_merges is False


@pytest.mark.parametrize(
    ("pre", "flags", "bos", "eos"),
    [
        ("smollm", {}, False, False),
        ("smollm", {"add_bos_token": True}, True, False),
        ("smollm", {"add_bos_token": True, "add_eos_token": True}, True, True),
        ("llama-bpe", {}, True, False),
        ("llama-bpe", {"add_bos_token": False}, False, False),
        ("tekken", {}, True, False),
    ],
)
def test_bos_and_eos_are_carried_over(tmp_path, pre, flags, bos, eos):
    tokenizer = made.read_gguf(made.byte_level_gguf(tmp_path / "x.gguf", pre, **flags))
    ids = list(tokenizer.raw("a").input_ids)
    assert (ids[0] == 1, ids[-1] == 2) == (bos, eos)
    assert tokenizer.adds_bos is bos


def test_a_space_goes_first_where_the_file_says(tmp_path):
    path = made.byte_level_gguf(tmp_path / "x.gguf", "smollm", add_space_prefix=True)
    tokenizer = made.read_gguf(path)
    assert tokenizer.encode("a").pieces == tokenizer.encode(" a").pieces == ("Ġ", "a")
    assert tokenizer.encode("  a").pieces == ("Ġ", "Ġ", "a")


@pytest.mark.parametrize("text", [" the cat", "the cat", "the</s> cat", "a  cat", "12345"])
def test_sentencepiece_vocabularies_keep_the_space_in_front(tmp_path, text):
    tokenizer = made.read_gguf(made.spelt_spaces_gguf(tmp_path / "x.gguf"))
    assert list(tokenizer.encode(text).ids) == made.spelt_spaces().encode(text).ids
    assert tokenizer.adds_bos


def test_sentencepiece_vocabularies_without_prefix(tmp_path):
    path = made.spelt_spaces_gguf(tmp_path / "x.gguf", add_space_prefix=False, add_bos_token=False)
    tokenizer = made.read_gguf(path)
    assert tokenizer.encode("cat").pieces == ("c", "a", "t")
    assert tokenizer.decode(tokenizer.encode(" the cat").ids) == " the cat"
