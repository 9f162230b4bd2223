"""A random float32 Llama as a GGUF file of 40 kB, with whatever is to be said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gguf
from tokenizers import pre_tokenizers

from tests.engine.gguf_files import HEADS, LAYERS, MLP, WIDTH, weights

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("<unk>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġ1", "Ġ2")


def write_tiny_gguf(path: Path, **changes: Any) -> Path:
    """Write the file; `changes` are numbers of its settings or parts of its tokenizer."""
    writer = gguf.GGUFWriter(path, "llama")
    words = changes.get("words", WORDS)
    numbers = {
        "block_count": LAYERS,
        "context_length": 128,
        "embedding_length": WIDTH,
        "feed_forward_length": MLP,
        "head_count": HEADS,
        "head_count_kv": HEADS,
        "vocab_size": len(WORDS),
        "bos_token_id": 1,
    }
    for name, value in numbers.items():
        getattr(writer, f"add_{name}")(changes.get(name, value))
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model(changes.get("tokenizer_model", "gpt2"))
    writer.add_tokenizer_pre(changes.get("pre", "gpt-2"))
    if words:
        writer.add_token_list(list(words))
        writer.add_token_types(changes.get("token_types", [3, 3, 3] + [1] * (len(words) - 3)))
    writer.add_token_merges(changes.get("merges", ["Ġ 1", "Ġ 2"]))
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    if "template" in changes:
        writer.add_chat_template(changes["template"])
    for name, values in weights(len(WORDS)).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
