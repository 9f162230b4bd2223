"""How texts go on: every one from where it stands, or one of them from another token. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.steer.picture import begin_of
from desktop_app.analyses.steer.said import continuations
from desktop_app.contract.steering import Begin, parse_begin, written_begin

if TYPE_CHECKING:
    from desktop_app.analyses.steer.said import Continuation
    from desktop_app.contract.result import Result

MOST_NEW = 2_000
_USUAL = 20
_ENDED = "All texts have ended by themselves: choose Ignore end in the settings to go on."
_FULL = "No text can have more than {most:,} new tokens here: the model reads {reads:,} in all."
_NOTHING = "There is no text yet to go on from."


def continued(result: Result) -> dict[str, object] | str:
    """Return the settings with which all texts go on, by as many tokens as came last.

    Where they cannot, a sentence says why.
    """
    texts = [
        (prompt, one)
        for prompt in range(len(result.prompts))
        for one in continuations(result, prompt)
    ]
    longest = max((len(one.tokens) for _prompt, one in texts), default=0)
    if not longest:
        return _NOTHING
    if all(one.ended for _prompt, one in texts) and not result.params.get("ignore_eos"):
        return _ENDED
    room = _room(result)
    if longest >= room:
        return _FULL.format(most=room, reads=result.model.n_ctx)
    begun = max((len(parse_begin(text).ids) for text in begin_of(result)), default=0)
    most = int(result.params.get("max_new_tokens") or longest)
    more = most - begun if most > begun else _USUAL
    begun_with = (Begin(one.run, prompt, one.ids) for prompt, one in texts if one.tokens)
    begin = tuple(map(written_begin, begun_with))  # a stopped run may have texts without tokens
    return {"begin": begin, "max_new_tokens": min(room, longest + more)}


def begun_anew(
    result: Result,
    one: Continuation,
    prompt: int,
    step: int,
    ids: tuple[int, ...],
    text: str,
) -> dict[str, object]:
    """Return the settings with which one text says something else at a step, and then goes on.

    The others begin with what they began with. A text that is typed may have as many tokens as
    bytes: there is room for all of them.
    """
    kept = [
        text_of
        for text_of in begin_of(result)
        if ((told := parse_begin(text_of)).run, told.prompt) != (one.run, prompt)
    ]
    new = Begin(one.run, prompt, (*one.ids[:step], *ids), text)
    most = int(result.params.get("max_new_tokens") or _USUAL)
    wanted = min(_room(result), step + len(ids) + len(text.encode()))
    return {"begin": (*kept, written_begin(new)), "max_new_tokens": max(most, wanted)}


def _room(result: Result) -> int:
    """Return how many new tokens all texts can have."""
    said = result.data.get("said") or ()
    prompts = [len(record.tokens) for record in result.prompts]
    prompts += [len(one.get("prompt_ids") or ()) for one in said]
    return max(1, min(MOST_NEW, result.model.n_ctx - max(prompts, default=0)))
