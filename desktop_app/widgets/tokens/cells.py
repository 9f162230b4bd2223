"""Tokens of a result as token strips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSizePolicy

from desktop_app.widgets.tokens.token_strip import TokenCell, TokenStrip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import TokenList


def cells(tokens: TokenList, special: Sequence[bool] | None = None) -> list[TokenCell]:
    """Return one cell per token; `special` marks those that stand for no text."""
    flags = special if special is not None else [False] * len(tokens)
    return [
        TokenCell(int(id_), piece, text, bool(flag))
        for id_, piece, text, flag in zip(
            tokens.ids, tokens.pieces, tokens.texts, flags, strict=True
        )
    ]


def token_strip(name: str, *, wrapping: bool = True) -> TokenStrip:
    """Return a strip that takes just the height its tokens need."""
    strip = TokenStrip()
    strip.setAccessibleName(name)
    strip.set_wrapping(wrapping)
    policy = strip.sizePolicy()
    policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
    strip.setSizePolicy(policy)
    return strip
