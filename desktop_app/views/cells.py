"""Tokens of a result as the cells of a token strip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.widgets.token_strip import TokenCell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.result import TokenList


def cells(tokens: TokenList, special: Sequence[bool] | None = None) -> list[TokenCell]:
    """Return one cell per token; `special` marks those that stand for no text."""
    flags = special if special is not None else [False] * len(tokens)
    return [
        TokenCell(int(id_), piece, text, bool(flag))
        for id_, piece, text, flag in zip(
            tokens.ids, tokens.pieces, tokens.texts, flags, strict=True
        )
    ]
