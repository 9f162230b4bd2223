"""What is tried of a model before it generates: whether it keeps keys and values, minds padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import torch
from transformers import DynamicCache

from desktop_app.engine.decoding import Decoder, decoding, forward
from desktop_app.engine.padding import Layout
from desktop_app.engine.remembered import recall
from desktop_app.engine.shortcuts import FAILURES
from desktop_app.support.errors import BadInputError, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Collection

    from desktop_app.engine.model import LoadedModel

_TOKENS = 6
_ROUNDING = 1e-3  # a failure is off by a hundred times as much
_FEWEST, _LOGITS = 64, 2**24  # tokens read at once, by how many logits are held


def require_cache(model: LoadedModel, layers: Collection[int]) -> None:
    """Require that a text goes on after kept keys and values as in a pass of its own.

    What is tried is remembered of the architecture.

    Args:
        model: The model.
        layers: Those that are changed or watched: TransformerLens' attention runs in them.

    Raises:
        BadInputError: It does not.
    """
    if not recall(model, "goes_on", lambda: _goes_on(model, ())):
        _refuse_cache(model, "")
    every = range(model.info.n_layers)
    if layers and not recall(model, "goes_on_hooked", lambda: _goes_on(model, every)):
        _refuse_cache(model, " while its layers are changed")


def keeps_cache(model: LoadedModel, layers: Collection[int]) -> bool:
    """Return whether `require_cache` is content."""
    try:
        require_cache(model, layers)
    except BadInputError:
        return False
    return True


def _refuse_cache(model: LoadedModel, when: str) -> NoReturn:
    raise BadInputError(
        f"{model.info.name} cannot go on after kept keys and values{when}: choose --cache no, "
        "which computes the whole text anew at every step."
    )


def _goes_on(model: LoadedModel, layers: Collection[int]) -> bool:
    text = _some_ids(model, _TOKENS + 2)[0].tolist()
    try:
        with decoding(model, layers):
            decoder = Decoder(model, [text[:_TOKENS]])
            for token in text[_TOKENS:]:
                decoder.advance()
                decoder.take(torch.tensor([token]))
            found = decoder.advance()
            expected = Decoder(model, [text], cached=False).advance()
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        return False
    return _difference(found, expected) <= _allowed(model)


def require_padding(model: LoadedModel, layout: Layout, steps: int) -> None:
    """Require that texts of these very lengths are read beside one another as each by itself.

    Tried on the shortest of them: a window of attention, say, that counts columns reaches less far
    back in it, but only once its text and what follows are long enough.

    Args:
        model: The model, within `decoding`.
        layout: The texts.
        steps: How many tokens follow.

    Raises:
        BadInputError: They are not.
    """
    try:
        difference = _padded_difference(model, layout, steps)
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        difference = float("inf")
    if difference <= _allowed(model):
        return
    others = "--padding left or none" if layout.side == "right" else "--padding none"
    how = "fails" if difference == float("inf") else f"is off by {difference:.3g}"
    raise BadInputError(
        f"--padding {layout.side}: {model.info.name} does not read a padded text as it reads it "
        f"alone (a log-probability {how}): choose {others}."
    )


def _padded_difference(model: LoadedModel, layout: Layout, steps: int) -> float:
    """Return by how much the shortest text's log-probabilities differ when it is padded.

    All of them count: a window may hide the difference from the last tokens again.
    """
    pair = Layout((min(layout.lengths), layout.width), layout.side, cached=layout.cached)
    short, width = pair.lengths
    text = _some_ids(model, width + steps)
    prompts = torch.tensor(pair.filled([text[0, :short].tolist(), text[0, :width].tolist()]))
    ids = torch.cat([prompts, torch.cat([text[:, short : short + steps], text[:, width:]])], dim=1)
    cache = DynamicCache() if pair.cached else None
    most, read = 0.0, 0
    at_once = max(_FEWEST, _LOGITS // model.info.d_vocab)
    for end in (width, *range(width + at_once, width + steps, at_once), width + steps):
        columns = range(read if pair.cached else 0, end)
        keep = end - read if read else pair.needed(0)
        passed = ids[:, columns.start : end]
        logits = forward(model, passed, (), cache, pair.told(columns, model.device), keep)
        found = logits[0] if read else pair.last(logits, 0)[:1]
        alone = forward(model, text[:, : short + end - width], keep=len(found))[0]
        most = max(most, _difference(found.float(), alone.float()))
        read = end
    return most


def _allowed(model: LoadedModel) -> float:
    """Return the difference of log-probabilities that is rounding, over all tokens of a text."""
    return max(_ROUNDING, model.parity.tolerance)


def _some_ids(model: LoadedModel, count: int) -> torch.Tensor:
    return (torch.arange(count) * 7 + 3)[None] % model.info.d_vocab


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest difference of log-probabilities; infinite where one is no number."""
    most = float((found.log_softmax(-1) - expected.log_softmax(-1)).abs().max())
    return most if most == most else float("inf")  # noqa: PLR0124
