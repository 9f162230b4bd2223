"""Spoilt copies of sound model folders and GGUF files, the way told by a seed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.hostile import model_files as files
from tests.hostile import model_ggufs as ggufs
from tests.hostile import model_tokenizers as tokenizers
from tests.hostile import model_weights as weights
from tests.hostile.values import dice

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from tests.hostile.model_files import SpoiltModel

WAYS: tuple[Callable[[Path, Path, random.Random], SpoiltModel], ...] = (
    *(files.absurd_size, files.setting, weights.header, weights.tensor, weights.index),
    *(tokenizers.tokenizer_part, tokenizers.slow_tokenizer, ggufs.gguf_header, files.text),
    *(tokenizers.template, files.special_file, files.other_kind, weights.tensor),
    *(ggufs.gguf_bytes, tokenizers.vocabulary, weights.further_tensor, weights.numbers),
    *(files.cut, files.setting, tokenizers.tokenizer_part, ggufs.gguf_value, weights.index),
    *(weights.pickled, tokenizers.tokenizer_setting, files.further_file, files.absurd_size),
    *(ggufs.gguf_tokenizer, weights.header_bytes),
)


def spoil(bases: Path, place: Path, seed: int) -> SpoiltModel:
    """Write a spoilt copy of one of the sound models below `bases` into `place`."""
    way = WAYS[seed % len(WAYS)]
    found = way(bases, place, dice(seed))
    return dataclasses.replace(found, what=f"{way.__name__}: {found.what}")
