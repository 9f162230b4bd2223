"""Prompts of a family as tables, sentences and chips, with what the model does of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.pictures.gate import judge
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, plural
from desktop_app.widgets.basics.chip import ChipSpec
from desktop_app.window.prompts.prompt_model import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import Result
    from desktop_app.pictures.ranking import Emphasis
    from desktop_app.text.made.making import Made

NOT_MEASURED, LEFT_OUT, LENGTHS, FEW = "not_measured", "left_out", "lengths", "few_references"
NOT_DONE = "the model does not do it"
_ANSWER, _TIP, _REASON = 28, 600, 160
_WHOLE = 4_000
_LONGEST = 64  # then both ends: what is asked stands at the end

_PLACE = Column("place", "mono", "#", align="right", width=46, muted=True, format=str, priority=4)
_GROUP = Column("group", muted=True, priority=3, tooltip="Prompts of one group share their means")
_PROMPTS = (
    _PLACE,
    Column("prompt", "mono", width="stretch", least=120),
    Column("twin", "mono", "corrupt twin", width="stretch", least=110, muted=True, priority=2),
    Column("answer", "mono"),
    Column("wrong", "mono", priority=1, muted=True),
)
_TOKENS = Column("tokens", "number", width=62, tooltip="Of the prompt, and of its twin as well")
_DOES = (
    Column("does", "mark", "model does it", width=104),
    Column("rank", "number", width=58, priority=1, tooltip="Of the answer; 0 is the top"),
    Column("says", "mono", priority=3, tooltip="What the model finds likeliest"),
)
_LEFT = (
    Column("count", "number", "left out", width=72, muted=True),
    Column("reason", width="stretch", least=200),
    Column("example", "mono", "such as", width="stretch", least=120, muted=True, priority=1),
)
_REFERENCES = (_PLACE, Column("prompt", "mono", width="stretch", least=160))


@dataclass(frozen=True)
class Seen:
    """What a ranking saw of one prompt.

    Attributes:
        rank: Of the likeliest answer; None where that is no number.
        says: The likeliest token.
        why: What it lacks to be done, in words; empty where it is done.
    """

    rank: int | None = None
    says: str = ""
    why: str = ""


def seen_of(result: Result) -> tuple[Seen, ...]:
    """Return what a ranking saw of each of its prompts."""
    found = zip(result.data["answers"], result.data["top"], judge(result).why, strict=True)
    return tuple(
        Seen(_rank(answers), str(top[0]["text"]) if top else "", why) for answers, top, why in found
    )


def _rank(answers: Sequence[dict[str, Any]]) -> int | None:
    ranks = [a["rows"][0].get("rank") for a in answers if a["rows"]]
    return min((int(rank) for rank in ranks if isinstance(rank, int)), default=None)


@dataclass(frozen=True)
class Shown:
    """Prompts of a family as they stand in the dialog.

    Attributes:
        made: All of them.
        done: Whether the model does each; None where that is not known.
        seen: What was seen of each, where that is known.
        keep: Whether only those are kept that the model does.
    """

    made: Made
    done: tuple[bool | None, ...]
    seen: tuple[Seen | None, ...]
    keep: bool = False

    @property
    def is_tried(self) -> bool:
        """Whether it is known of every prompt what the model does."""
        return bool(self.done) and None not in self.done

    @property
    def places(self) -> tuple[int, ...]:
        """Which of them are kept."""
        every = range(len(self.made.prompts))
        return tuple(n for n in every if not (self.keep and self.is_tried) or self.done[n])

    @property
    def prompts(self) -> tuple[PromptRow, ...]:
        """The prompts that are kept."""
        return tuple(self.made.prompts[n] for n in self.places)

    def table(self) -> Ranking:
        """Return a row per prompt that is kept."""
        grouped = len({row.group for row in self.made.prompts}) > 1
        tried = any(verdict is not None for verdict in self.done)
        columns = (*_PROMPTS, *((_GROUP,) if grouped else ()), _TOKENS, *(_DOES if tried else ()))
        rows = [self._row(n, grouped=grouped, tried=tried) for n in self.places]
        return Ranking(columns, tuple(rows))

    def _row(self, place: int, *, grouped: bool, tried: bool) -> Row:
        row, done, seen = self.made.prompts[place], self.done[place], self.seen[place] or Seen()
        values: list[Any] = [place + 1, _shown(row.text), _shown(row.corrupt or "")]
        values += [_several(row.answer), _several(row.wrong)]
        values += [row.group] if grouped else []
        values.append(self.made.lengths[place])
        if tried:
            said = display_text(seen.says) if seen.says else ""
            values += [{True: "yes", False: "no", None: ""}[done], seen.rank, said]
        emphases: dict[bool | None, Emphasis] = {True: "good", False: "bad", None: ""}
        emphasis = emphases[done]
        return Row(place, tuple(values), _tip(row, seen.why), emphasis)

    def left_out(self) -> Ranking:
        """Return a row per reason for which something was left out, and how much."""
        found = [(one.count, one.reason, one.example) for one in self.made.dropped]
        here = set(self.places)
        away = [n for n in range(len(self.done)) if n not in here]
        if away:
            found.append((len(away), NOT_DONE, self.made.prompts[away[0]].text))
        rows = [
            Row(n, (count, reason, _shown(example)), f"{count:,} · {reason}\n{_cut(example)}")
            for n, (count, reason, example) in enumerate(found)
        ]
        return Ranking(_LEFT, tuple(rows))

    def references(self) -> Ranking:
        """Return a row per reference prompt."""
        rows = self.made.reference
        grouped = len({row.group for row in rows}) > 1
        columns = (*_REFERENCES, *((_GROUP,) if grouped else ()))
        more = [((row.group,) if grouped else ()) for row in rows]
        made = [
            Row(n, (n + 1, _shown(row.text), *group), _cut(row.text))
            for n, (row, group) in enumerate(zip(rows, more, strict=True))
        ]
        return Ranking(columns, tuple(made))

    def sentence(self) -> str:
        """Say in a line how many there are, and of how many tokens."""
        kept = [self.made.lengths[n] for n in self.places]
        if not kept:
            return "no prompts"
        least, most = min(kept), max(kept)
        tokens = plural(least, "token") if least == most else f"{least} to {most} tokens"
        each = " each" if len(kept) > 1 and least == most else ""
        return f"{plural(len(kept), 'prompt')} of {tokens}{each}"

    def counts(self) -> tuple[int, int, int]:
        """Return how many prompts are kept and left out, and how many are for reference."""
        out = sum(one.count for one in self.made.dropped) + len(self.done) - len(self.places)
        return len(self.places), out, len(self.made.reference)

    def texts(self, place: int) -> tuple[str, str]:
        """Return a prompt and its twin whole, as far as they can be read."""
        row = self.made.prompts[place]
        return visible(row.text, _WHOLE), visible(row.corrupt or "", _WHOLE)

    def empty(self) -> str:
        """Say why there is no prompt; empty where there is one, or nothing was left out."""
        if self.places:
            return ""
        if self.made.prompts:
            return "The model does none of them: nothing is kept."
        reasons = [f"{one.count:,} × {one.reason}" for one in self.made.dropped[:3]]
        return "No prompt is left.\n" + "\n".join(reasons) if reasons else ""

    def chips(self) -> tuple[ChipSpec, ...]:
        """Return what is odd about them."""
        made, found = self.made, []
        out = sum(one.count for one in made.dropped)
        if out:
            told = [f"{one.count:,} × {clipped(one.reason, _REASON)}" for one in made.dropped]
            words = f"{out:,} of {made.tried:,} left out"
            found.append(ChipSpec(LEFT_OUT, words, "info", "\n".join(told)))
        if len({(row.group, n) for row, n in zip(made.prompts, made.lengths, strict=True)}) > len(
            {row.group for row in made.prompts}
        ):
            tip = "Prompts of one group have several token lengths: their means go over all tokens."
            found.append(ChipSpec(LENGTHS, "lengths differ", "info", tip))
        if made.prompts and len(made.reference) < made.form.references:
            tip = "There are no more different reference prompts of these templates and lengths."
            words = f"{len(made.reference):,} of {made.form.references:,} for reference"
            found.append(ChipSpec(FEW, words, "info", tip))
        if not made.measured:
            tip = (
                "No model is open: words, digits and signs count as one token each. With a model "
                "its own tokenizer counts, and prompts that it splits otherwise are left out."
            )
            found.append(ChipSpec(NOT_MEASURED, "counted without a model", "warn", tip))
        return tuple(found)


def _shown(text: str) -> str:
    return visible(text, _LONGEST)


def _several(texts: Sequence[str]) -> str:
    shown = [display_text(text) for text in texts]
    joined = "|".join(shown)
    return joined if len(joined) <= _ANSWER else f"{clipped(shown[0], _ANSWER)} +{len(shown) - 1}"


def _cut(text: str) -> str:
    return visible(text, _TIP)


def _tip(row: PromptRow, why: str) -> str:
    told = [f"The model does not do it: {why}."] if why else []
    told += [f"prompt “{_cut(row.text)}”", f"corrupt twin “{_cut(row.corrupt or '')}”"]
    told += [f"answer “{display_text(a)}”" for a in row.answer[:8]]
    told += [f"wrong “{display_text(w)}”" for w in row.wrong[:8]]
    return "\n".join(told)
