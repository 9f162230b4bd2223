"""What a tokenizer makes of a text, and what the text layer needs of a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from desktop_app.contract.result import TokenList


@dataclass(frozen=True)
class Encoding:
    """A text as tokens.

    Attributes:
        ids: Token ids, specials included.
        pieces: The vocabulary's own strings (`Ġ2`, `▁2`, `<0x0A>`).
        texts: Each token decoded alone.
        offsets: Character start and end of each token in the text; specials that were added are
            empty spans. Spaces belong to the token that follows them.
        special: Whether each token is a special one.
    """

    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    texts: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    special: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def tokens(self) -> TokenList:
        """Return the part that results keep."""
        return TokenList(self.ids, self.pieces, self.texts)

    def tail(self, start: int) -> TokenList:
        """Return the tokens from `start` on."""
        return TokenList(self.ids[start:], self.pieces[start:], self.texts[start:])


class Encoder(Protocol):
    """A tokenizer as the text layer sees it; BOS handling is settled when it is made."""

    def encode(self, text: str) -> Encoding:
        """Tokenize a prompt, with the special tokens of the chosen BOS setting."""

    def encode_plain(self, text: str) -> Encoding:
        """Tokenize a text alone, without special tokens."""


SPACE_MARKERS = frozenset({"Ġ", "▁", " "})


def is_space_piece(piece: str) -> bool:
    """Return whether a piece holds only the tokenizer's space marker."""
    return piece in SPACE_MARKERS
