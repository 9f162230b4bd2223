"""Interventions during generation, as settings write them: what, where, at which steps.

A *step* is a pass: step 0 reads the prompt, step t ≥ 1 the token that step t − 1 gave, which stands
at position S + t − 1 of a prompt of S tokens. With keys and values kept (the cache) a later step
holds that one position and nothing before it: an earlier one *lives in the cache*, with whatever
was done to it. Without them every step holds all positions, each computed anew.

Positions from 0 are absolute; negative ones count from the end of the text so far, so that −1 is
the prompt's last token at step 0 and the new token later.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from desktop_app.contract.grammar import HeadsText, PositionsText
from desktop_app.contract.params import Frozen, Readable
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_STEPS = 10_000
MAX_TEXTS = 10_000
MAX_PATH = 4_096
MAX_STRENGTH = 3.4e38  # just below the largest number in float32
_STEPS = re.compile(r"\d{1,5}(:\d{0,5})?(,\d{1,5}(:\d{0,5})?)*\Z")

SteerSite = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "head_z"]
Op = Literal["zero", "scale", "add", "set", "project_out", "difference", "ablate_heads"]
RunName = Literal["plain", "steered", "control", "said"]

Strength = Annotated[float, Field(ge=-MAX_STRENGTH, le=MAX_STRENGTH, allow_inf_nan=False)]
"""What a vector or an activation is multiplied by."""

Code = Literal[0, 1, 2, 3, 4, 5]
"""A place of the timeline: 0 not there yet · 1 computed · 2 lives in the cache · 3 computed and
changed · 4 lives in the cache, changed when it was computed · 5 lives in the cache and was asked to
be changed now, which no step can do."""


Apart = Literal["lost", "late"]
"""How passes without the cache differ: later ones lose a change, or they alone make it."""


def _plain_when(text: object) -> object:
    return re.sub(r"\s", "", text) if isinstance(text, str) else text


def _check_when(text: str) -> str:
    if text in {"prompt", "every"}:
        return text
    if not _STEPS.match(text):
        raise ValueError(
            f"“{text[:40]}” names no steps: write prompt, every, or steps such as 0, 1:4 or 2:"
        )
    for piece in text.split(","):
        first, colon, last = piece.partition(":")
        if colon and last and int(last) <= int(first):
            raise ValueError(f"“{piece}” holds no step: the first must be below the last")
    return text


WhenText = Annotated[str, BeforeValidator(_plain_when), AfterValidator(_check_when)]


def acts_at(when: str, step: int) -> bool:
    """Return whether an intervention acts at a step; `when` as settings write it."""
    if when == "prompt":
        return step == 0
    if when == "every":
        return True
    for piece in when.split(","):
        first, colon, last = piece.partition(":")
        if step == int(first) or (colon and int(first) <= step and (not last or step < int(last))):
            return True
    return False


def read_intervention(given: object) -> object:
    """Read an intervention written as JSON."""
    if not isinstance(given, str):
        return given
    try:
        told = dict(json.loads(given))
    except (TypeError, ValueError, RecursionError):
        raise ValueError('an intervention is written as {"op": "zero", "layer": 5}') from None
    _check_fields(told)
    return told


_OWN_FIELDS: dict[object, frozenset[str]] = {
    "zero": frozenset(),
    "scale": frozenset({"factor"}),
    "add": frozenset({"file", "coef"}),
    "set": frozenset({"file", "coef"}),
    "project_out": frozenset({"file"}),
    "difference": frozenset({"from", "to", "coef"}),
    "ablate_heads": frozenset({"heads"}),
}
"""What each operation takes beside its place and steps, as it is written."""
_NOTHING: dict[str, object] = {
    "coef": 1,
    "factor": 1,
    "file": "",
    "from": [],
    "to": [],
    "heads": "",
}


def _check_fields(told: dict[str, object]) -> None:
    """Refuse what an operation does not take; what says nothing may stand there all the same."""
    op = told.get("op")
    own = _OWN_FIELDS.get(op) if isinstance(op, str) else None
    if own is None:
        return  # the field itself says so
    foreign = [
        name
        for name, value in told.items()
        if (key := name.removesuffix("_texts")) in _NOTHING
        and key not in own
        and value != _NOTHING[key]
    ]
    if foreign:
        takes = f"it takes {', '.join(sorted(own))}" if own else "it takes none of its own"
        raise ValueError(f"“{op}” has no {', '.join(foreign)} ({takes}): leave it out")


class Intervention(Frozen):
    """One intervention; what it does not say holds as for the first one of the settings.

    Attributes:
        op: What is done. `difference` adds coef · (mean over `to` − mean over `from`).
        layer: The block; None: the one that the vector's file names.
        site: The place in the block; `ablate_heads` always acts at `head_z`.
        position: Positions, as the module says.
        when: `prompt` (step 0), `every` (step 0 and all later ones), or a list of steps.
        coef: What a vector is multiplied by before it is added.
        factor: What the activation is multiplied by (`scale`).
        file: The vector's file (`add`, `set`, `project_out`).
        from_texts: Where a difference of means starts; the mean is subtracted.
        to_texts: Where it leads.
        heads: The heads that are replaced by their mean (`ablate_heads`).
    """

    op: Op
    layer: int | None = None
    site: SteerSite = "resid_post"
    position: PositionsText = "-1"
    when: WhenText = "prompt"
    coef: Strength = 1.0
    factor: Strength = 1.0
    file: str = Field(default="", max_length=MAX_PATH)
    from_texts: tuple[Readable, ...] = Field(default=(), alias="from", max_length=MAX_TEXTS)
    to_texts: tuple[Readable, ...] = Field(default=(), alias="to", max_length=MAX_TEXTS)
    heads: HeadsText = ""


Further = Annotated[Intervention, BeforeValidator(read_intervention)]


@dataclass(frozen=True)
class Touched:
    """What an intervention finds at one step.

    Attributes:
        here: Absolute positions that it changes in this pass.
        cached: Those it names that live in the cache: nothing can change them any more.
        later: Those that are not there yet.
    """

    here: tuple[int, ...] = ()
    cached: tuple[int, ...] = ()
    later: tuple[int, ...] = ()


def held_at(step: int, prompt: int, *, cached: bool) -> range:
    """Return the absolute positions that a step's pass holds, for a prompt of so many tokens."""
    length = prompt + step
    return range(length - 1 if cached and step else 0, length)


def touched(position: str, when: str, step: int, held: range) -> Touched:
    """Return which positions an intervention changes at a step whose pass holds these."""
    if not acts_at(when, step):
        return Touched()
    if position == "all":
        return Touched(tuple(held))
    end = held.stop
    named = [-1] if position == "last" else [int(p) for p in position.split(",")]
    wanted = sorted({p + end if p < 0 else p for p in named})
    return Touched(
        tuple(p for p in wanted if p in held),
        tuple(p for p in wanted if 0 <= p < held.start),
        tuple(p for p in wanted if p >= end),
    )


def require_positions(position: str, when: str, prompt: int, steps: int) -> None:
    """Refuse positions that never are in a pass of these steps, whatever the cache.

    Raises:
        BadInputError: It names one.
    """
    if position in {"all", "last"}:
        return
    for p in (int(piece) for piece in position.split(",")):
        if -p > prompt:
            raise BadInputError(
                f"--position {p} does not exist: the prompt has {prompt} tokens, -{prompt} is its "
                "first."
            )
        reached = [s for s in range(steps) if acts_at(when, s) and p < prompt + s]
        if p >= 0 and not reached:
            raise BadInputError(
                f"--position {p} is never there when the intervention acts (--when {when}): the "
                f"prompt has {prompt} tokens, numbered 0 to {prompt - 1}, and {steps} steps are "
                "made; choose another position or other steps."
            )


def timeline(
    acts: Sequence[tuple[str, str]], prompt: int, steps: int, *, cached: bool
) -> list[list[int]]:
    """Return `[step][position]` codes over prompt and new tokens (see `Code`).

    Args:
        acts: Position and when of each intervention.
        prompt: The prompt's token count.
        steps: How many steps were made.
        cached: Whether keys and values are kept.
    """
    width = prompt + max(0, steps - 1)
    kept = [0] * width  # what a position that lives in the cache is
    rows: list[list[int]] = []
    for step in range(steps):
        held = held_at(step, prompt, cached=cached)
        found = [touched(position, when, step, held) for position, when in acts]
        here = {p for one in found for p in one.here}
        asked = {p for one in found for p in one.cached}
        # Whole stretches at once: of long texts there are millions of places.
        row = kept[: held.start] + [1] * len(held) + [0] * (width - held.stop)
        for positions, code in ((here, 3), (asked, 5)):
            for p in positions:
                row[p] = code
        for p in held if cached else ():
            kept[p] = 4 if p in here else 2
        rows.append(row[:width])
    return rows


def apart_by_cache(
    acts: Sequence[tuple[str, str]], prompt: int, steps: int, *, cached: bool
) -> Apart | None:
    """Return how passes differ in what they change, which only the cache would keep from mattering.

    With the cache a position stays what the pass has made of it that computed it. Without, every
    pass computes it anew: where passes change it otherwise than the first one that holds it, that
    is another experiment than with the cache. None: it is the same one, or there is the cache.
    """
    if cached:
        return None
    for position, when in acts:
        if (position, when) == ("all", "every"):
            continue  # a pass changes all that it holds, and of a long text that is much
        done = set[int]()
        for step in range(steps):
            held = held_at(step, prompt, cached=False)
            here = set(touched(position, when, step, held).here)
            if done - here:
                return "lost"
            if step and here - done - {held.stop - 1}:  # but for the token that is new in it
                return "late"
            done = here
    return None


@dataclass(frozen=True)
class Begin:
    """What a continuation begins with, whatever the model would say: to go on, or to edit.

    Attributes:
        run: Which continuation.
        prompt: Of which prompt, from 0.
        ids: The tokens.
        text: What follows them, read as their continuation; to the letter, behind a `+`.
    """

    run: RunName
    prompt: int
    ids: tuple[int, ...] = ()
    text: str = ""


_BEGIN = re.compile(
    r"\s*(plain|steered|control|said)\s*:\s*(\d{1,6})\s*:\s*"
    r"((?:\d{1,9}(?:\s*,\s*\d{1,9}){0,9999})?)\s*(?:\+(.{1,10000}))?\Z",
    re.DOTALL,
)


def parse_begin(text: str) -> Begin:
    """Return what `steered:0:216,34` says.

    Raises:
        ValueError: It says nothing of the kind.
    """
    match = _BEGIN.match(text)
    if match is None or not (match[3] or match[4]):
        raise ValueError(
            f"“{text[:40]}” is not written as steered:0:216,34 (run, prompt, ids; behind them, "
            "where wanted, + and a text)"
        )
    run: Any = match[1]
    ids = tuple(int(piece) for piece in match[3].split(",") if piece.strip())
    return Begin(run, int(match[2]), ids, match[4] or "")


BeginText = Annotated[str, AfterValidator(lambda text: written_begin(parse_begin(text)))]


def written_begin(begin: Begin) -> str:
    """Return it as settings write it."""
    text = f"+{begin.text}" if begin.text else ""
    return f"{begin.run}:{begin.prompt}:{','.join(map(str, begin.ids))}{text}"
