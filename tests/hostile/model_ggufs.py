"""Spoilt GGUF files: headers by hand, flipped bytes, absurd numbers, strange tokenizers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from tests.hostile import values
from tests.hostile.model_files import SpoiltModel
from tests.hostile.tiny_gguf import write_tiny_gguf

if TYPE_CHECKING:
    import random
    from pathlib import Path


def _string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def gguf_header(_bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Headers written by hand."""
    nest = struct.pack("<IQ", 9, 1)
    arch = _string(b"general.architecture") + struct.pack("<I", 8) + _string(b"llama")
    headers: dict[str, bytes] = {
        "nothing": b"",
        "the magic alone": b"GGUF",
        "version 0": b"GGUF" + struct.pack("<IQQ", 0, 0, 0),
        "version 99": b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
        "the other byte order": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
        "nothing in it": b"GGUF" + struct.pack("<IQQ", 3, 0, 0),
        "2⁶⁴ tensors": b"GGUF" + struct.pack("<IQQ", 3, 2**64 - 1, 1),
        "a million entries": b"GGUF" + struct.pack("<IQQ", 3, 0, 999_999) + arch,
        "a text without end": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63),
        "a list without end": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _string(b"a")
        + struct.pack("<IIQ", 9, 4, 2**62),
        "a list of empty lists": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _string(b"a")
        + struct.pack("<IIQ", 9, 9, 1_000_000) + nest * 1000,
        "lists in lists": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _string(b"a")
        + struct.pack("<I", 9) + nest * 100_000,
        "an unknown kind": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _string(b"a")
        + struct.pack("<I", 77),
        "a tensor of many axes": b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + arch + _string(b"t")
        + struct.pack("<I", 2**31),
        "an enormous tensor": b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + arch + _string(b"t")
        + struct.pack("<IQQIQ", 2, 2**40, 2**40, 0, 0),
        "an architecture of no text": b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
        + _string(b"general.architecture") + struct.pack("<II", 4, 7),
        "a name that is no text": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _string(b"\xff\xfe"),
    }  # fmt: skip
    how = throw.choice(sorted(headers))
    path = place / "x.gguf"
    path.write_bytes(headers[how])
    return SpoiltModel(path, how, refused=True)


def gguf_bytes(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    content = bytearray((bases / "tiny.gguf").read_bytes())
    path = place / "x.gguf"
    if throw.random() < 0.3:
        kept = throw.randrange(len(content))
        path.write_bytes(content[:kept])
        return SpoiltModel(path, f"ends after {kept:,} bytes", refused=kept < len(content) - 64)
    places = [throw.randrange(4, 1500) for _ in range(throw.choice((1, 1, 3, 20)))]
    for at in places:
        content[at] = throw.randrange(256)
    path.write_bytes(content)
    return SpoiltModel(path, f"bytes {places[:5]} of the header")


def gguf_value(_bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """A sound file that says something absurd."""
    path = place / "x.gguf"
    name = throw.choice(
        ("block_count", "embedding_length", "head_count", "head_count_kv", "feed_forward_length",
         "context_length", "vocab_size", "bos_token_id")
    )  # fmt: skip
    value = throw.choice((0, 1, 3, 10**6, 2**31, 2**32 - 1))
    write_tiny_gguf(path, **{name: value})
    return SpoiltModel(path, f"{name} = {value}")


def gguf_tokenizer(_bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    path = place / "x.gguf"
    change: dict[str, Any] = throw.choice(
        (
            {"tokenizer_model": throw.choice(("llama", "bert", "rwkv", "none", values.ESCAPES))},
            {"pre": throw.choice(("smollm", "telepathy", "", values.PICTURE))},
            {"words": []},
            {"words": ["a"] * 261},
            {"words": ["\x1b[31m"] * 261},
            {"merges": ["a", "", "Ġ", "a b c"]},
            {"token_types": [99] * 261},
            {"token_types": [1]},
            {"template": "{{ 'x' * 4000000000 }}"},
        )
    )
    write_tiny_gguf(path, **change)
    options = ("--chat",) if "template" in change else ()
    return SpoiltModel(path, values.short(change), options)
