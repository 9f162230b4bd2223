"""What continuations begin with: tokens as they stand, and texts read behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.support.errors import BadInputError
from desktop_app.text.answers import continuation_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.steering import Begin
    from desktop_app.text.encoding import Encoder


def begun_ids(
    begin: Begin,
    prompt: str,
    encoder: Encoder,
    decode: Callable[[Sequence[int]], str],
    vocabulary: int,
) -> tuple[int, ...]:
    """Return the tokens that a continuation begins with.

    Args:
        begin: What was asked for.
        prompt: The text that stands before, as the model was given it.
        encoder: The model's tokenizer.
        decode: From tokens to their text.
        vocabulary: How many tokens there are.

    Raises:
        BadInputError: A token that the model does not have, or a text that has none.
    """
    for id_ in begin.ids:
        if id_ >= vocabulary:
            raise BadInputError(
                f"--begin names token {id_}, and this model has {vocabulary:,}, numbered from 0: "
                "name tokens of this model."
            )
    if not begin.text:
        return begin.ids
    before = prompt + (decode(begin.ids) if begin.ids else "")
    return (*begin.ids, *continuation_tokens(before, begin.text, encoder).ids)
