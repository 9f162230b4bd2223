"""Making a family's prompts: drafts, checked one by one; twins; a reference set for means.

What fails a check is dropped and counted with the reason. The checks: every answer and wrong is one
token behind its prompt; answer and wrong differ in it; the twin has the prompt's token length, is
another text, and neither holds the answer nor leads to it; a template keeps one token length.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from desktop_app.contract.params import Frozen, PromptRow
from desktop_app.contract.report import Reporter
from desktop_app.support.errors import BadInputError
from desktop_app.text.made.checks import Checker, holds, row_of
from desktop_app.text.made.draft import Dice, SpelledEncoder, placed
from desktop_app.text.made.families import find_family
from desktop_app.text.made.forms import Form

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made.draft import Draft, Twin

_TRIES = 300
_LONGEST = 60  # letters of an example
_SAMPLE = 24  # prompts by which it is settled where the space before an answer stands
NO_TWIN = "no corrupt twin of the same token length was found"
TWIN_LEAKS = "no corrupt twin keeps the answer back"
OTHER_LENGTH = "another token length than most of its template"
NOT_DONE = "the model does not do it"
TWICE = "the same prompt as another"


@dataclass(frozen=True)
class Dropped:
    """What was left out for one reason."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True)
class Made:
    """A family's prompts.

    Attributes:
        family: Which.
        form: What was asked for.
        prompts: With twin, answer, wrong and group each.
        reference: Prompts for means, of the same templates and token lengths.
        lengths: Token length of each prompt.
        tried: How many prompts were tried.
        dropped: What was left out, by reason, the commonest first.
        measured: Whether a model's tokenizer counted; else words, digits and signs were counted.
    """

    family: str
    form: Form
    prompts: tuple[PromptRow, ...]
    reference: tuple[PromptRow, ...]
    lengths: tuple[int, ...]
    tried: int
    dropped: tuple[Dropped, ...]
    measured: bool

    def narrowed(self, done: Sequence[bool], why: str = NOT_DONE) -> Made:
        """Return what is left where only some of the prompts are kept; the others are counted.

        Reference prompts of templates that have no prompt any more go as well.
        """
        kept = [n for n, _ in enumerate(self.prompts) if n < len(done) and done[n]]
        gone = [row.text for n, row in enumerate(self.prompts) if n not in set(kept)]
        prompts = tuple(self.prompts[n] for n in kept)
        groups = {row.group for row in prompts}
        return replace(
            self,
            prompts=prompts,
            reference=tuple(row for row in self.reference if row.group in groups),
            lengths=tuple(self.lengths[n] for n in kept),
            dropped=(*self.dropped, *([Dropped(why, len(gone), gone[0])] if gone else [])),
        )

    def sentences(self) -> tuple[str, ...]:
        """Say how many there are, what was left out and why, and what is not sure."""
        made, asked = len(self.prompts), self.form.references
        said = [f"{made:,} of {self.tried:,} prompts made, {len(self.reference):,} for reference."]
        said += [f"Dropped {one.count:,}: {one.reason} ({_short(one)})." for one in self.dropped]
        if made and len(self.reference) < asked:
            said.append(f"For reference there are {len(self.reference):,} different of {asked:,}.")
        if not self.measured:
            said.append(
                "Token lengths are counted in words, digits and signs: with a model its own "
                "tokenizer counts."
            )
        return tuple(said)


def _short(dropped: Dropped) -> str:
    """Return an example on one line, its end alone where it is long: that is where it is asked."""
    text = dropped.example.replace("\n", "↵")
    return f"“{text}”" if len(text) <= _LONGEST else f"“…{text[-_LONGEST:]}”"


@dataclass(frozen=True)
class _Kept:
    draft: Draft
    row: PromptRow
    length: int


@dataclass
class _Making:
    """One family's prompts while they are made."""

    form: Form
    checker: Checker
    report: Reporter
    moved: bool = False
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def settle_space(self, drafts: Sequence[Draft]) -> None:
        """Settle where the space before the answers stands."""
        if self.form.space != "auto":
            self.moved = self.form.space == "prompt"
            return
        sample = [draft for draft in drafts if not draft.problem][:_SAMPLE]
        fits = {
            moved: sum(self._fits(placed(draft, moved=moved)) for draft in sample)
            for moved in (False, True)
        }
        self.moved = fits[True] > fits[False]

    def _fits(self, draft: Draft) -> bool:
        thinned = self.checker.thinned(draft)
        return not self.checker.problem(thinned, thinned.wrong)

    def keep(self, drafts: Sequence[Draft]) -> list[_Kept]:
        """Return what passes, each once, of one token length per template where that is asked."""
        kept: list[_Kept] = []
        seen: set[str] = set()
        for number, draft in enumerate(drafts):
            self.report.step(0.8 * number / len(drafts), f"prompt {number + 1} of {len(drafts)}")
            found = self._take(placed(draft, moved=self.moved), number)
            if isinstance(found, str):
                self.drop(found, draft.text)
            elif found.row.text in seen:
                self.drop(TWICE, draft.text)
            else:
                seen.add(found.row.text)
                kept.append(found)
        return kept if self.form.lengths == "any" else self._of_one_length(kept)

    def drop(self, reason: str, text: str) -> None:
        """Count what is left out."""
        self.reasons.setdefault(reason, []).append(text)

    def _take(self, draft: Draft, number: int) -> _Kept | str:
        """Return a draft that passes, with its twin; else why it does not."""
        if draft.problem:
            return draft.problem
        draft = self.checker.thinned(draft)
        if self.form.fix:
            draft = self.checker.begun(draft)
        problem = self.checker.problem(draft, draft.wrong)
        if problem:
            return problem
        length, dice = self.checker.length(draft.text), Dice(self.form.seed, "twin", number)
        reason = TWIN_LEAKS
        for twin in self._draws(draft, dice):
            wrong = draft.wrong or twin.wrong
            if self.checker.length(twin.text) != length:
                reason = NO_TWIN
            elif not draft.wrong and (told := self.checker.problem(draft, wrong)):
                reason = told
            else:
                row = row_of(draft, wrong)
                return _Kept(draft, row.model_copy(update={"corrupt": twin.text}), length)
        return reason

    def _draws(self, draft: Draft, dice: Dice) -> Iterator[Twin]:
        """Give twins that do not give the answer away."""
        for _ in range(_TRIES):
            twin = draft.twin(dice)
            if twin is None or twin.text == draft.text:
                continue
            if not (draft.strict and any(holds(twin.text, answer) for answer in draft.answer)):
                yield twin

    def _of_one_length(self, kept: list[_Kept]) -> list[_Kept]:
        common = {
            group: Counter(one.length for one in kept if one.draft.group == group).most_common(1)
            for group in {one.draft.group for one in kept}
        }
        fitting = []
        for one in kept:
            if one.length == common[one.draft.group][0][0]:
                fitting.append(one)
            else:
                self.drop(OTHER_LENGTH, one.row.text)
        return fitting

    def reference(self, kept: Sequence[_Kept]) -> Iterator[PromptRow]:
        """Give reference prompts, from each template and token length in its turn."""
        moulds: dict[tuple[str, int], list[Draft]] = {}
        for one in kept:
            moulds.setdefault((one.draft.group, one.length), []).append(one.draft)
        dice = {key: Dice(self.form.seed, f"reference {key[0]}", key[1]) for key in moulds}
        seen: set[str] = set()
        given = 0
        while moulds:
            for key in tuple(moulds):
                if given == self.form.references:
                    return
                self.report.step(0.8 + 0.2 * given / self.form.references, "reference prompts")
                text = self._drawn(moulds[key], dice[key], key[1], seen)
                if text is None:
                    del moulds[key]
                    continue
                seen.add(text)
                given += 1
                yield PromptRow(text=text, group=key[0])

    def _drawn(
        self, moulds: Sequence[Draft], dice: Dice, length: int, seen: set[str]
    ) -> str | None:
        for _ in range(_TRIES):
            drawn = dice.pick(moulds).mould(dice)
            if drawn is None or drawn.text in seen:
                continue
            if self.checker.length(drawn.text) == length:
                return drawn.text
        return None

    def dropped(self) -> tuple[Dropped, ...]:
        """Return what was left out, the commonest reason first."""
        found = [Dropped(why, len(texts), texts[0]) for why, texts in self.reasons.items()]
        return tuple(sorted(found, key=lambda one: -one.count))


def make(
    name: str, form: Frozen, encoder: Encoder | None = None, report: Reporter | None = None
) -> Made:
    """Make a family's prompts.

    Args:
        name: The family.
        form: What is asked, an instance of the family's form.
        encoder: The model's tokenizer; without one, words, digits and signs are counted.
        report: Hears how far it is, and may cancel.

    Raises:
        BadInputError: There is no such family, or the form cannot be followed.
    """
    family = find_family(name)
    if not isinstance(form, Form) or not isinstance(form, family.form):
        raise BadInputError(f"The form of “{name}” is another one: fill in its own.")
    counting = encoder or SpelledEncoder()
    drafts = family.drafts(form, counting)
    making = _Making(form, Checker(counting), report or Reporter())
    making.settle_space(drafts)
    kept = making.keep(drafts)
    return Made(
        family=name,
        form=form,
        prompts=tuple(one.row for one in kept),
        reference=tuple(making.reference(kept)),
        lengths=tuple(one.length for one in kept),
        tried=len(drafts),
        dropped=making.dropped(),
        measured=encoder is not None,
    )
