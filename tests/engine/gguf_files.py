"""Tiny GGUF files: a random Llama with a byte-level tokenizer, and whatever a test adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

WORDS = ("<unk>", "<s>", "</s>", "Ġ", "1", "2", "3", "4", "5", "a", "b", "Ġ1", "Ġ2")
LAYERS, WIDTH, HEADS, MLP = 2, 16, 2, 24


def write_gguf(
    path: Path,
    *,
    architecture: str = "llama",
    block_count: int = LAYERS,
    extra: Mapping[str, np.ndarray] | None = None,
    say: Callable[[gguf.GGUFWriter], object] | None = None,
    tokenizer: bool = True,
) -> Path:
    """Write a random model and return its path.

    `extra` are further tensors by name; `say` writes further metadata.
    """
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(block_count)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(WORDS))
    if tokenizer:
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(WORDS)
        writer.add_token_types([3, 3, 3] + [1] * (len(WORDS) - 3))
        writer.add_token_merges(["Ġ 1", "Ġ 2"])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
    if say is not None:
        say(writer)
    for name, values in {**weights(), **(extra or {})}.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def weights(words: int = len(WORDS)) -> dict[str, np.ndarray]:
    """Return the same random tensors each time, for a vocabulary of so many words."""
    draw = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd": (words, WIDTH),
        "output_norm": (WIDTH,),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        shapes |= {f"{block}.{norm}": (WIDTH,) for norm in ("attn_norm", "ffn_norm")}
        shapes |= {f"{block}.attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        shapes |= {f"{block}.ffn_gate": (MLP, WIDTH), f"{block}.ffn_up": (MLP, WIDTH)}
        shapes |= {f"{block}.ffn_down": (WIDTH, MLP)}
    return {
        f"{name}.weight": (draw.normal(size=shape) * 0.3).astype(np.float32)
        for name, shape in shapes.items()
    }
