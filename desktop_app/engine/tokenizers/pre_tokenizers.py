"""How byte-level vocabularies cut a text before merging, by the name that a GGUF gives it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from desktop_app.support import paths


@dataclass(frozen=True)
class Splitting:
    """One family's way of cutting.

    Attributes:
        patterns: Each cuts the pieces of the one before, its matches and what lies between.
        ignore_merges: Whether a piece that is a token whole is never merged from parts.
        adds_bos: Whether a BOS goes first where the file does not say.
    """

    patterns: tuple[str, ...]
    ignore_merges: bool = False
    adds_bos: bool = False

    def build(self) -> Any:
        """Return it as a pre-tokenizer of the `tokenizers` library."""
        from tokenizers import Regex, pre_tokenizers

        return pre_tokenizers.Sequence(
            [
                *(pre_tokenizers.Split(Regex(p), behavior="isolated") for p in self.patterns),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )


def splitting(name: str) -> Splitting | None:
    """Return the way of cutting of that name, as `tokenizer.ggml.pre` has it; None: unknown."""
    return _table().get(name)


@cache
def known_patterns() -> frozenset[str]:
    """Return all patterns of the table, which are known to come to an end."""
    return frozenset(p for known in _table().values() for p in known.patterns)


@cache
def _table() -> dict[str, Splitting]:
    text = paths.resource("pre_tokenizers.json").read_text(encoding="utf-8")
    table: dict[str, Splitting] = {}
    for row in json.loads(text)["families"]:
        known = Splitting(
            tuple(row["patterns"]), row.get("ignore_merges", False), row.get("adds_bos", False)
        )
        table |= dict.fromkeys(row["names"], known)
    return table
