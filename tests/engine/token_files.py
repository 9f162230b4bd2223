"""Tokenizer files that tests make: byte-level and sentencepiece ones, folders, GGUFs."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from desktop_app.engine.checkpoints.checkpoint import Checkpoint
from desktop_app.engine.tokenizers.tokenizer_files import read_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer

SPECIALS = ("<unk>", "<s>", "</s>")
PAIRS = (
    "Ġ Ġ", "Ċ Ċ", "1 2", "12 3", "Ġ 1", "a b", "ab c", "l l", "t h", "th e", "c a", "ca t", "Ġ x",
    "Ġ y",
)  # fmt: skip
SPACE = "▁"


def byte_vocabulary(pairs: tuple[str, ...] = PAIRS) -> dict[str, int]:
    """Return ids of three special tokens, every byte, and what the merges make."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merged = [pair.replace(" ", "") for pair in pairs]
    return {token: i for i, token in enumerate((*SPECIALS, *alphabet, *merged))}


def byte_level(cut: Any, *, adds_bos: bool = False, ignore_merges: bool = False) -> Tokenizer:
    """Return a byte-level tokenizer that cuts texts by the given pre-tokenizer."""
    merges = [tuple(pair.split()) for pair in PAIRS]
    model = models.BPE(byte_vocabulary(), merges, ignore_merges=ignore_merges)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    return _with_specials(tokenizer, adds_bos=adds_bos)


def spelt_spaces(*, adds_bos: bool = True) -> Tokenizer:
    """Return a tokenizer of Llama 2's shape: a space mark before each stretch of text, no cuts."""
    letters = (SPACE, *"abcdefghijklmnopqrstuvwxyz0123456789.,")
    tokens = (*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *letters)
    pairs = [(SPACE, "c"), (SPACE, "t"), (f"{SPACE}t", "h"), (f"{SPACE}th", "e"), (SPACE, SPACE)]
    vocabulary = {t: i for i, t in enumerate((*tokens, *("".join(pair) for pair in pairs)))}
    model = models.BPE(vocabulary, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]
    )
    strip = decoders.Strip(content=" ", left=1)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), strip]
    )
    return _with_specials(tokenizer, adds_bos=adds_bos)


def digits_alone() -> Any:
    """Return SmolLM's way of cutting: each digit alone first, then GPT-2's pattern."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )


def split_by(*patterns: str) -> Any:
    """Return a pre-tokenizer of patterns, each of which cuts the pieces of the one before."""
    cuts = [pre_tokenizers.Split(Regex(p), behavior="isolated") for p in patterns]
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*cuts, last])


def _with_specials(tokenizer: Tokenizer, *, adds_bos: bool) -> Tokenizer:
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in SPECIALS])
    if adds_bos:
        tokenizer.post_processor = TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
        )
    return tokenizer


def save_folder(
    folder: Path, tokenizer: Tokenizer | None, model_type: str, **settings: Any
) -> Path:
    """Write a folder as on the Hub: config.json, tokenizer.json, tokenizer_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, "vocab_size": 300}))
    if tokenizer is not None:
        tokenizer.save(str(folder / "tokenizer.json"))
    told = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return folder


def read_folder(folder: Path) -> TextTokenizer:
    """Return the tokenizer as the workbench reads it."""
    return read_tokenizer(Checkpoint(folder, None, (), None), lambda: None)


def read_gguf(path: Path) -> TextTokenizer:
    """Return a GGUF's tokenizer as the workbench reads it."""
    return read_tokenizer(Checkpoint(path.parent, path.name, (path,), None), lambda: None)


def byte_level_gguf(path: Path, pre: str | None, **flags: bool) -> Path:
    """Write a GGUF with the byte-level vocabulary above, without weights."""
    writer = _writer(path, "gpt2")
    if pre is not None:
        writer.add_tokenizer_pre(pre)
    tokens = list(byte_vocabulary())
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIALS) + [1] * (len(tokens) - len(SPECIALS)))
    writer.add_token_merges(list(PAIRS))
    return _close(writer, path, flags)


def spelt_spaces_gguf(path: Path, **flags: bool) -> Path:
    """Write a GGUF with the vocabulary of `spelt_spaces`, without weights."""
    writer = _writer(path, "llama")
    writer.add_tokenizer_pre("default")
    made = json.loads(spelt_spaces().to_str())["model"]
    tokens = sorted(made["vocab"], key=made["vocab"].get)
    kinds = [2, 3, 3, *[6] * 256]
    writer.add_token_list(tokens)
    writer.add_token_types(kinds + [1] * (len(tokens) - len(kinds)))
    merged = ["".join(pair) for pair in made["merges"]]
    writer.add_token_scores([-1.0 - merged.index(t) if t in merged else -1e6 for t in tokens])
    return _close(writer, path, flags)


def _writer(path: Path, kind: str) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(8)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_vocab_size(300)
    writer.add_tokenizer_model(kind)
    return writer


def _close(writer: gguf.GGUFWriter, path: Path, flags: dict[str, bool]) -> Path:
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    for name, value in flags.items():
        writer.add_bool(f"tokenizer.ggml.{name}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def sentence_pieces(folder: Path, kind: str = "bpe", **settings: Any) -> Path:
    """Train a small sentencepiece model into `tokenizer.model`."""
    words = ("the cat sat on the mat", "a  cat and 12 dogs", "bookkeeper coffee 345", "Hello, you!")
    stored = io.BytesIO()
    chosen = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, **settings}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words * 20), model_writer=stored, model_type=kind, vocab_size=330,
        byte_fallback=True, hard_vocab_limit=False, minloglevel=2, **chosen,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(stored.getvalue())
    return folder / "tokenizer.model"
