"""What must be said of a steered text beside its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.extras import missing_words
from desktop_app.analyses.steer.unfinite import finer, first_bad
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.contract.steering import apart_by_cache, held_at, touched
from desktop_app.engine.decoding_trials import keeps_cache
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.steering import Apart, RunName

_ROUNDING = 1e-3  # so far apart logits of steps and of a full pass may be and still be the same
NAMES: dict[RunName, str] = {
    "plain": "plain",
    "steered": "steered",
    "control": "random-control",
    "said": "instructed",
}


def notices(study: Study, *, whole: bool) -> list[Notice]:
    """Return the warnings of a run; `whole` is whether nothing stopped it."""
    found = [*_cache(study), *_constant(study), *_broken(study)]
    return [*found, *_no_effect(study)] if whole else found


def stopped(study: Study, missing: Sequence[str], unread: int = 0) -> Notice:
    """Return the warning of a run that was cancelled.

    Args:
        study: The run.
        missing: What there is not beside tokens.
        unread: How many tokens were given that no step had come to.
    """
    most, scored = study.params.max_new_tokens, study.plain_logprobs
    grown = {(name, p): one for name, rows in study.grown.items() for p, one in enumerate(rows)}
    texts = grown.values()
    known = sum(len(one.ids) for one in texts)
    wanted = sum(len(one.ids) if one.ended or one.broken is not None else most for one in texts)
    if known < wanted:
        lacks = list(missing)
        said = f"Stopped at {known:,} of {wanted:,} tokens."
    else:
        asked = all(len(scored.get(key, ())) == len(one.ids) for key, one in grown.items())
        lacks = [*([] if asked else ["what the plain model finds of the texts"]), *missing]
        said = f"Stopped behind the texts, all {plural(known, 'token')} of which are there."
    rest = f" {missing_words(lacks)}" if lacks else ""
    if unread:
        rest += f" {plural(unread, 'given token')} had not been read yet and so have no numbers."
    return Notice(PARTIAL, f"{said}{rest} Run again for more.")


def _cache(study: Study) -> Iterator[Notice]:
    """Say where passes differ without the cache, and where a change comes too late with it."""
    steps, lengths = study.params.max_new_tokens, sorted({len(text) for text in study.texts})
    when, cached = study.acts.when, study.cached
    ways = (apart_by_cache(when, n, steps, cached=cached) for n in lengths)
    way = next((way for way in ways if way), None)
    if way is not None:
        yield Notice("cache_forgets", _apart(study, way, lengths[0] - 1) + _agree(study))
    late = [_first_late(study, one.position, one.when, lengths) for one in study.acts.items]
    found = [one for one in late if one is not None]
    # What is never done at all is the graver, and one of each kind is enough.
    for acted in (False, True):
        one = next((one for one in found if one.acted is acted), None)
        if one is not None:
            yield Notice("position_cached", one.words)


def _apart(study: Study, way: Apart, position: int) -> str:
    """Say that the cache would make another experiment of this one, and how to get that."""
    what = {
        "lost": "compute changed positions without the change: this is another experiment than "
        "with the cache, where it lives on",
        "late": "change positions that earlier ones have computed unchanged: this is another "
        "experiment than with the cache, where a position stays as it was first computed",
    }[way]
    fixed = (
        f"the position from the prompt's start (such as --position {position}) with --when every"
    )
    if keeps_cache(study.model, study.acts.layers):
        also = ", or name" if way == "lost" else "; for the same with and without it name"
        do = f"For the other one use --cache yes{also} {fixed}"
    else:
        do = f"For a change that no step undoes name {fixed}"
    return (
        f"Without the cache every step computes the whole text anew, and later steps {what}. {do}."
    )


def _agree(study: Study) -> str:
    """Say that this time the two experiments agree, where the full pass has shown it."""
    read = [study.recompute.get(prompt) for prompt in range(len(study.texts))]
    apart = [one["max_logit_difference"] for one in read if one and one["same_tokens"]]
    largest = max((one for one in apart if isinstance(one, float)), default=math.inf)
    if len(apart) < len(read) or not largest <= _ROUNDING:
        return ""
    return (
        " Here the two agree: one full pass, in which every change is made once and stays, gives "
        f"the same tokens, logits within {largest:.0e}."
    )


@dataclass(frozen=True)
class _Late:
    """A position that is asked for when it lives in the cache.

    Attributes:
        position: Which one.
        computed: The step that computed it.
        acted: Whether it was changed there.
    """

    position: int
    computed: int
    acted: bool

    @property
    def words(self) -> str:
        """What must be said of it."""
        step = self.computed
        lives = (
            f"Position {self.position} lives in the cache from step {step + 1} on: a later step "
            "holds the new token alone, so that it can be changed only by the step that computes "
            "it"
        )
        more = "To change each new token use --position -1, to compute all anew --cache no."
        if self.acted:
            return (
                f"{lives}. What was done to it there goes on acting; nothing more is done. {more}"
            )
        return (
            f"{lives}, which is step {step}, and there it is left as it is: nothing is ever done "
            f"to it. To change it let --when hold step {step}. {more}"
        )


def _first_late(study: Study, position: str, when: str, lengths: Sequence[int]) -> _Late | None:
    """Return the first position that is asked for when it lives in the cache."""
    if position in {"all", "last"}:
        return None
    for length in lengths:
        for step in range(study.params.max_new_tokens):
            held = held_at(step, length, cached=study.cached)
            asked = touched(position, when, step, held).cached
            if asked:
                computed = max(0, asked[0] - length + 1)
                there = held_at(computed, length, cached=study.cached)
                here = touched(position, when, computed, there).here
                return _Late(asked[0], computed, asked[0] in here)
    return None


def _constant(study: Study) -> Iterator[Notice]:
    for name, rows in study.grown.items():
        alike = [
            (prompt, one)
            for prompt, one in enumerate(rows)
            if one.constant is not None and one.constant < len(one.ids)
        ]
        if not alike:
            continue
        prompt, first = alike[0]
        step = first.constant or 0
        token = first.ids[step]
        text = study.model.tokenizer.describe(token)[1]
        message = (
            f"All logits of the {NAMES[name]} continuation are equal at step {step}"
            f"{_of(study, [p for p, _one in alike])}: the model prefers nothing, and token {token} "
            f"“{text}” came because it is the first of its vocabulary."
        )
        if study.params.temperature:
            message = message.replace(
                "because it is the first of its vocabulary", "by the draw alone"
            )
        if first.ended and step == len(first.ids) - 1:
            message += " It ends the text: use --ignore-eos to go on behind it."
        yield Notice("constant_logits", message, None, prompt if len(alike) == 1 else None)


def _of(study: Study, prompts: Sequence[int]) -> str:
    """Name prompts where there are several."""
    if len(study.texts) == 1:
        return ""
    if len(prompts) == 1:
        return f" of prompt {prompts[0] + 1}"
    return f" of {plural(len(prompts), 'prompt')} (first of prompt {prompts[0] + 1})"


def _broken(study: Study) -> Iterator[Notice]:
    for name, rows in study.grown.items():
        bad = [(prompt, one.broken) for prompt, one in enumerate(rows) if one.broken is not None]
        if not bad:
            continue
        prompt, step = bad[0]
        run, said = study.run(name, [prompt]), study.grown[name][prompt].ids
        where = first_bad(study.model, run, said, cached=study.cached)
        change = (
            "use a smaller strength"
            if name in {"steered", "control"}
            else ("look into the model's files")
        )
        message = (
            f"The {NAMES[name]} continuation{_of(study, [p for p, _step in bad])} ends at step "
            f"{step}: its logits are no finite numbers, {where}; {change}{finer(study.model)}."
        )
        yield Notice("not_finite", message, None, prompt if len(bad) == 1 else None)


def _no_effect(study: Study) -> Iterator[Notice]:
    if "steered" not in study.grown:
        return
    plain, steered = study.grown["plain"], study.grown["steered"]
    if any(a.ids != b.ids or not a.ids for a, b in zip(plain, steered, strict=True)):
        return
    same = all(
        a.logprobs == b.logprobs and a.top == b.top for a, b in zip(plain, steered, strict=True)
    )
    what = (
        "no number of it differs: this intervention does nothing here"
        if same
        else "only how likely its tokens are differs: try a larger strength or another place"
    )
    many = "texts are" if len(plain) > 1 else "text is"
    yield Notice("no_effect", f"The steered {many} the same as plain, and {what}.")
