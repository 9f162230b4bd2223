"""What tries a tokenizer on texts that catastrophic patterns need years for; see `bounded`."""

from __future__ import annotations

import string
from typing import Any

from tokenizers import Tokenizer

# Patterns lose their way in long runs of what they may take in several ways, just before an end
# that fits none of them.
_RUNS = (*string.printable, "é", "漢", "ab", "a ", "1,", "-_", "'s", "aA1")
_ENDS = ("!", "\x00 a")
_LENGTHS = (30, 1500)


def answer(question: dict[str, Any]) -> int:
    """Load a `tokenizer.json`, encode and decode; return how many tokens came of it."""
    tokenizer = Tokenizer.from_file(question["path"])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    count = 0
    for run in _RUNS:
        for end in _ENDS:
            for length in _LENGTHS:
                ids = tokenizer.encode(run * length + end).ids
                count += len(ids)
        tokenizer.decode(ids)
    return count
