"""Streamed tokens of a file: those of the whole file, whatever the tokenizer and the text."""

from __future__ import annotations

import os
import random
import tracemalloc

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
from desktop_app.methods import streamed_tokens as module
from desktop_app.methods.streamed_tokens import Sizes, streamed_tokens
from desktop_app.support.errors import BadInputError
from tests.models import named

HAS_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
SMALL = Sizes(200, 60, 80, 100_000)
STORY = (
    "The keeper counted 12345 waves, 678 gulls and 9 boats before noon; then it's quiet again. "
    "“Who's there?” she asked. Nobody said 100,000.50, and the anchor wasn't raised until 0123. "
    "日本語の本。 🎉 naïve façade, Straße, ﬁsh.\n\n"
)
PIECES = (
    *(
        "word ",
        "the whale",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "12345",
        " 100,000.50 ",
        "!!!",
        "ABC",
        " I'm",
    ),
    *("🎉", "👨‍👩‍👧‍👦", "é", "e\u0301", "日本語", "。", "<s>", "<unk>", "\u200b", "\x00", "aaaa"),
    *("ﬁ", "\u3000", "עברית", "नमस्ते", "[]{}();", "_"),
)
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<unk>", "<s>"]
BYTES = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
Parts = pre_tokenizers.Sequence


def by_bytes(pre):
    return (models.BPE(), trainers.BpeTrainer, BYTES, pre, None)


def by_pattern(digits):
    split = pre_tokenizers.Split(Regex(SPLIT.replace("DIGITS", digits)), "isolated")
    return by_bytes(Parts([split, pre_tokenizers.ByteLevel(False, use_regex=False)]))


def by_pieces(pre):
    marked = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    model = models.BPE(unk_token="<unk>", fuse_unk=True)
    return (model, trainers.BpeTrainer, {}, pre, marked)


KINDS = {
    "bytes": lambda: by_bytes(pre_tokenizers.ByteLevel(False)),
    "bytes, a space before": lambda: by_bytes(pre_tokenizers.ByteLevel(True)),
    "threes from the left": lambda: by_pattern(r"\p{N}{1,3}"),
    "threes from the right": lambda: by_pattern(r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))"),
    "pieces": lambda: by_pieces(pre_tokenizers.Split(" ", "merged_with_next")),
    "pieces, never split": lambda: by_pieces(None),
    "unigram": lambda: (
        models.Unigram(), trainers.UnigramTrainer, {"unk_token": "<unk>"},
        pre_tokenizers.Metaspace(prepend_scheme="first"), normalizers.NFKC(),
    ),
    "words": lambda: (
        models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer, {},
        pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(),
    ),
}  # fmt: skip


def tokenizer_of(kind):
    model, trainer, options, pre, norm = KINDS[kind]()
    made = Tokenizer(model)
    if pre is not None:
        made.pre_tokenizer = pre
    if norm is not None:
        made.normalizer = norm
    made.decoder = decoders.ByteLevel()
    taught = trainer(vocab_size=500, special_tokens=SPECIAL, show_progress=False, **options)
    # Pieces that are never split are taught with words apart: a text as one word takes too long.
    pause = norm is not None and pre is None and "merged"
    if pause:
        made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    made.train_from_iterator([STORY * 8], taught)
    if pause:
        made.pre_tokenizer = None
    raw = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", bos_token="<s>")
    return TextTokenizer(raw)


def some_text(rng):
    out = []
    while sum(map(len, out)) < 900:
        at, kind = rng.randrange(len(STORY)), rng.random()
        if kind < 0.6:
            out.append(STORY[at : at + rng.randrange(1, 90)])
        else:
            out.append(rng.choice(PIECES) * (rng.randrange(1, 150) if kind > 0.97 else 1))
    return "".join(out)


def whole(tokenizer, text):
    encoded = tokenizer.encode(text, "no")
    return [(i, start) for i, (start, _end) in zip(encoded.ids, encoded.offsets, strict=True)]


def stretches(tokenizer, monkeypatch):
    """Count what is tokenized at once."""
    lengths = []
    real = tokenizer.encode
    monkeypatch.setattr(
        tokenizer, "encode", lambda text, bos: lengths.append(len(text)) or real(text, bos)
    )
    return lengths


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_those_of_the_whole_file(kind, tmp_path, monkeypatch):
    tokenizer, path, rng = tokenizer_of(kind), tmp_path / "t.txt", random.Random(7)  # noqa: S311
    in_parts = 0
    for _ in range(40):
        text = some_text(rng)
        path.write_bytes(text.encode())
        wanted = whole(tokenizer, text)
        with monkeypatch.context() as patch:
            lengths = stretches(tokenizer, patch)
            assert list(streamed_tokens(tokenizer, path, "It", SMALL)) == wanted
        in_parts += max(lengths, default=0) < len(text)
    assert in_parts >= 12  # and many of them in fact in parts


def test_a_slow_tokenizer_gives_the_same(tmp_path):
    tokenizer, path, text = TextTokenizer(ByT5Tokenizer()), tmp_path / "t.txt", STORY[:160] * 2
    path.write_text(text, "utf-8")
    assert not tokenizer.raw.is_fast
    sizes = Sizes(60, 40, 40, 10_000)
    assert list(streamed_tokens(tokenizer, path, "It", sizes)) == whole(tokenizer, text)


@pytest.mark.pack
def test_the_packs_own_tokens_of_a_long_text(smollm2_folder, tmp_path):
    tokenizer = TextTokenizer(AutoTokenizer.from_pretrained(smollm2_folder))
    path, rng = tmp_path / "t.txt", random.Random(1)  # noqa: S311
    text = "".join(some_text(rng) + STORY for _ in range(220))
    path.write_bytes(text.encode())
    assert len(text) > sum(module.FAST[:3])
    assert [i for i, _ in streamed_tokens(tokenizer, path, "It")] == list(
        tokenizer.encode(text, "no").ids
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffa mark at the beginning",
        "no line end",
        "\n\n\n",
        "1 2 3\r\n4 5 6\r\n" * 90,
        "a" * 3_000,
        "7" * 3_000,
        " " * 3_000,
        "🎉" * 400,
        "\u200d" * 400,
        ("Monday " * 40 + "\n") * 9,
        "e" + "\u0301" * 2_000,
    ],
    ids=range(12),
)
def test_hostile_texts(text, tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(text.encode())
    for tokenizer in (named("toy").tokenizer, tokenizer_of("words")):
        wanted = whole(tokenizer, text.removeprefix("\ufeff"))
        assert list(streamed_tokens(tokenizer, path, "It", SMALL)) == wanted


def test_one_endless_word_is_read_as_a_whole_or_refused(tmp_path, monkeypatch):
    tokenizer, path = named("toy").tokenizer, tmp_path / "t.txt"
    path.write_text("go on " * 100 + "x" * 5_000, "utf-8")
    with monkeypatch.context() as patch:
        lengths = stretches(tokenizer, patch)
        got = list(streamed_tokens(tokenizer, path, "It", SMALL))
    assert max(lengths) == 5_600
    assert got == whole(tokenizer, path.read_text("utf-8"))
    with pytest.raises(BadInputError, match=r"It has no places .* break its lines"):
        list(streamed_tokens(tokenizer, path, "It", Sizes(200, 60, 80, 5_000)))


class Wavering:
    """A tokenizer whose tokens hang on how much is read at once."""

    def __init__(self, inner):
        self.inner, self.raw = inner, inner.raw

    def encode(self, text, bos):
        return self.inner.encode("9" + text if len(text) > 2_000 else text, bos)


def test_tokens_that_the_whole_file_does_not_have_are_never_gone_on_with(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("go on " * 100 + "x" * 5_000, "utf-8")
    with pytest.raises(BadInputError, match="no places"):
        list(streamed_tokens(Wavering(named("toy").tokenizer), path, "It", SMALL))


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (b"one\ntwo \xff three\n", "It, line 2: not UTF-8"),
        (b"one\n" * 60_000 + b"\xc3", "It, line 60,001: not UTF-8"),
        ("one\n".encode("utf-16"), "It, line 1: not UTF-8"),
        (b"\xed\xa0\x80", "It, line 1: not UTF-8"),
    ],
    ids=range(4),
)
def test_bytes_that_are_no_text(stored, told, tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(stored)
    with pytest.raises(BadInputError, match=told):
        list(streamed_tokens(named("toy").tokenizer, path, "It"))


@HAS_PIPES
def test_what_is_no_file(tmp_path):
    tokenizer = named("toy").tokenizer
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, told in (
        ("none", "no such file"),
        ("pipe", "a pipe or a device"),
        ("loop", "cannot be read"),
        ("", "cannot be read"),
        ("x" * 5_000, "cannot be read"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(BadInputError, match=told) as caught:
            list(streamed_tokens(tokenizer, tmp_path / name, "It"))
        assert "\n" not in str(caught.value)


def test_what_is_held_does_not_grow_with_the_file(tmp_path):
    tokenizer, path, sizes = named("toy").tokenizer, tmp_path / "t.txt", Sizes(4_000, 300, 300, 9)
    peaks = []
    for times in (600, 4_000):
        path.write_text("Monday 1 2 3, four.\n" * times, "utf-8")
        tracemalloc.start()
        count = sum(1 for _ in streamed_tokens(tokenizer, path, "It", sizes))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count >= 8 * times
    assert peaks[1] < 1.1 * peaks[0]
