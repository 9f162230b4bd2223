"""What tries a tokenizer on texts that catastrophic patterns need years for; see `bounded`."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer

_UNITS = ("a", "A", "1", " ", "é", ".", "\n", "ab", "a ", "1,", "-_", "漢", "'s")
_ENDS = ("", "!", "\x00", " a")
_LENGTHS = (30, 2000)


def answer(question: dict[str, Any]) -> int:
    """Load a `tokenizer.json`, encode and decode; return how many tokens came of it."""
    tokenizer = Tokenizer.from_file(question["path"])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    count = 0
    for unit in _UNITS:
        for end in _ENDS:
            for length in _LENGTHS:
                ids = tokenizer.encode(unit * length + end).ids
                count += len(ids)
            tokenizer.decode(ids)
    return count
