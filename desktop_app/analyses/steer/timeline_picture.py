"""Where interventions acted: steps × positions as codes, and what that means. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.steer.said import continuations
from desktop_app.analyses.steer.words import intervention_words, placed
from desktop_app.contract.steering import apart_by_cache
from desktop_app.pictures.token_text import token_label
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.steering import Apart, Intervention
    from desktop_app.pictures.shown import Shown

CODE_WORDS: dict[int, str] = {
    1: "computed",
    2: "in the cache",
    3: "computed and changed",
    4: "in the cache, changed when it was computed",
    5: "in the cache, asked to be changed: nothing can",
}
"""What a cell's code says; 0 is a position that is not there yet."""

_MEANINGS: dict[int, str] = {
    0: "is not there yet",
    1: "is computed in this pass, as it is",
    2: "is no part of this pass: its keys and values are kept from an earlier one",
    3: "is computed in this pass and changed",
    4: "is no part of this pass: later layers’ keys and values, made of the changed stream, are "
    "read from the cache",
    5: "was asked to be changed in this pass, which holds the new token alone: it lives in the "
    "cache, and no step can change it there any more",
}
# Sites behind the last thing of a block that other positions read.
_AFTER_ATTENTION = frozenset({"resid_mid", "resid_post", "attn_out", "mlp_out", "head_z"})
_MOST_NAMED = 4
_COMPARED = "To compare, name the position from 0 and act at every step."
_APART: dict[Apart, str] = {
    "lost": "Without the cache a later step computes changed positions anew, without the change: "
    "the effect is lost, and this is another experiment than with the cache. " + _COMPARED,
    "late": "Without the cache a later step computes anew, and changes, positions that earlier "
    "steps have computed unchanged: this is another experiment than with the cache, where a "
    "position stays as it was first computed. " + _COMPARED,
}


@dataclass(frozen=True, eq=False)
class Timeline:
    """What happens at which step to which position.

    Attributes:
        codes: `[step, position]`, as `contract.steering.Code`: of long texts millions.
        labels: The token at each position.
        prompt: How many of them are the prompt's.
        shapes: Per step the shape of the hooked tensor, in words; empty where nothing is hooked.
    """

    codes: np.ndarray
    labels: tuple[str, ...]
    prompt: int
    shapes: tuple[str, ...]

    def same(self, other: Timeline | None) -> bool:
        """Return whether another one shows the same."""
        if other is None or not np.array_equal(self.codes, other.codes):
            return False
        mine, theirs = ((x.labels, x.prompt, x.shapes) for x in (self, other))
        return mine == theirs

    def has(self, *codes: int) -> bool:
        """Return whether any place has one of these codes."""
        return any(bool((self.codes == code).any()) for code in codes)

    @property
    def present(self) -> tuple[int, ...]:
        """The codes that it has, for the legend."""
        return tuple(code for code in CODE_WORDS if self.has(code))

    def words(self, step: int, position: int) -> str:
        """Say a cell in words."""
        code = int(self.codes[step, position])
        label = self.labels[position] if position < len(self.labels) else ""
        token = f" “{label}”" if label else ""
        whose = "of the prompt" if position < self.prompt else "new"
        shape = f"\nhooked tensor {self.shapes[step]}" if step < len(self.shapes) else ""
        told = f"step {step}: position {position}{token} ({whose}) {_MEANINGS.get(code, '')}"
        return f"{told}{shape}"


def timeline_of(shown: Shown, prompt: int) -> Timeline | None:
    """Return the timeline of a prompt; None where nothing was changed."""
    told = shown.data.get("timeline")
    if told is None or prompt >= len(told) or not len(told[prompt]):
        return None
    codes = _codes(told[prompt])
    width = codes.shape[1]
    labels: list[str] = []
    count = 0
    if prompt < len(shown.prompts):
        tokens = shown.prompts[prompt].tokens
        count = len(tokens)
        pairs = zip(tokens.pieces, tokens.texts, strict=True)
        labels = [token_label(piece, text) for piece, text in pairs]
    steered = next((c for c in continuations(shown, prompt) if c.run == "steered"), None)
    if steered is not None:
        labels += [token.label for token in steered.tokens]
    labels = (labels + [""] * width)[:width]
    return Timeline(codes, tuple(labels), count or width, _shapes(shown, prompt))


def _codes(rows: Sequence[Sequence[int]] | np.ndarray) -> np.ndarray:
    """Return codes as an array; rows that a file has of several lengths are filled up."""
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        return rows
    table = np.zeros((len(rows), max(map(len, rows))), dtype=np.int8)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table


def _shapes(shown: Shown, prompt: int) -> tuple[str, ...]:
    told: Any = shown.data.get("shapes")
    if told is None or prompt >= len(told):
        return ()
    return tuple("× ".join(f"{int(n)} " for n in shape).strip() for shape in told[prompt])


def story(
    timeline: Timeline,
    params: SteerParams,
    n_layers: int,
    differs: bool | None = None,
    done: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """Return what the timeline shows, a sentence each, the most telling first.

    Args:
        timeline: The steps and positions.
        params: The settings.
        n_layers: How many layers the model has.
        differs: Whether the steered text is another than the plain one; None: not known.
        done: What the result says was done, which knows the places that vectors' files name.
    """
    try:
        acts = placed(params.interventions(), done)
    except BadInputError as error:
        return [str(error)]
    told = [f"{_capital(intervention_words(act))}." for act in acts[:_MOST_NAMED]]
    if len(acts) > _MOST_NAMED:
        told.append(f"And {plural(len(acts) - _MOST_NAMED, 'further intervention')}.")
    told += _changed(timeline)
    told += _lives(timeline, acts, params, n_layers)
    told += _asked(timeline)
    if _is_behind(acts, n_layers):
        told += _behind(timeline, n_layers, differs)
    return told


def _changed(timeline: Timeline) -> list[str]:
    """Say which positions were changed, at which steps."""
    changed = timeline.codes == 3
    positions = np.flatnonzero(changed.any(0))
    if not len(positions):
        return ["No position was changed at any of these steps."]
    first = changed[:, positions].argmax(0)  # the step at which each was changed first
    order = positions[np.argsort(first, kind="stable")][:_MOST_NAMED].tolist()
    named = [_position(timeline, p, np.flatnonzero(changed[:, p]).tolist()) for p in order]
    more = len(positions) - len(named)
    listed = ", ".join(named) + (f" and {more} more" if more > 0 else "")
    return [f"Changed: {listed}."]


def _position(timeline: Timeline, position: int, steps: Sequence[int]) -> str:
    label = timeline.labels[position]
    token = f" “{label}”" if label else ""
    at = f"step {steps[0]}"
    if len(steps) > 1:
        whole = len(steps) == steps[-1] - steps[0] + 1
        at = f"steps {steps[0]} to {steps[-1]}" if whole else f"{len(steps)} steps from {steps[0]}"
    return f"position {position}{token} at {at}"


def _lives(
    timeline: Timeline, acts: Sequence[Intervention], params: SteerParams, n_layers: int
) -> list[str]:
    """Say where a changed position lives afterwards, or that later steps forget it."""
    cached, steps = params.cache == "yes", len(timeline.codes)
    changed = timeline.has(3)
    places = [(act.position, act.when) for act in acts]
    apart = apart_by_cache(places, timeline.prompt, steps, cached=cached)
    if apart is not None:  # behind the last attention nobody reads what later steps lose
        return [] if _is_behind(acts, n_layers) else [_APART[apart]]
    if not cached:
        told = "Without the cache every step computes the whole text anew, with the same changes: "
        return [f"{told}the same as with the cache."] if changed and steps > 1 else []
    if not timeline.has(4, 5) or not changed or _is_behind(acts, n_layers):
        return []
    return [
        "Afterwards a changed position lives in the cache: later layers have made keys and values "
        "of the changed stream, and every later step reads those. So a change goes on acting at "
        "later steps."
    ]


def _asked(timeline: Timeline) -> list[str]:
    """Say where a position was asked for that the pass does not hold."""
    asked = np.argwhere(timeline.codes == 5)
    if not len(asked):
        return []
    step, position = asked[0].tolist()
    shape = f" ({timeline.shapes[step]})" if step < len(timeline.shapes) else ""
    acted = bool((timeline.codes[:step, position] == 3).any())
    before = (
        "what was done before goes on acting"
        if acted
        else "nothing was done to it by the step that computed it either"
    )
    return [
        f"From step 1 on the pass holds the new token alone{shape}: position {position} lives in "
        f"the cache and cannot be changed there, as is asked at step {step}. A hook that asked for "
        f"it would find no such index; here nothing is done, and {before}."
    ]


def _is_behind(acts: Sequence[Intervention], n_layers: int) -> bool:
    """Return whether all acts behind the last attention, which nothing reads across positions."""
    last = {n_layers - 1, -1}
    return bool(acts) and all(act.layer in last and act.site in _AFTER_ATTENTION for act in acts)


def _behind(timeline: Timeline, n_layers: int, differs: bool | None) -> list[str]:
    """Say what a change behind the last attention can reach."""
    changed = np.flatnonzero((timeline.codes == 3).any(0))
    if not len(changed):
        return []
    told = (
        f"Layer {n_layers - 1} is the last: behind its attention no position reads another one any "
        "more, and the next token is read at the last position alone."
    )
    if changed[-1] >= timeline.prompt - 1:
        return [f"{told} So a change acts on the token of its own step, and is in no cache."]
    return [] if differs else [f"{told} So nothing can come of this change."]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
