"""The labels of prompts, which of them are held out, and what shuffled ones are. No torch.

Labels are numbered as they first occur. Of each label the same share is held out, at least one
prompt and never all of them, drawn by the seed; shuffled labels go round among the fitted prompts,
and among those held out, so that both have as many of each label as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.probe.spec import MAX_LABELS
from desktop_app.contract.result import Notice
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import PromptRow

FEW = 10
"""Below so many prompts of a label, the result says that they are few."""
_SHOWN = 30
_LISTED = 5


@dataclass(frozen=True)
class Labelled:
    """Prompts with their labels.

    Attributes:
        names: The labels, as they first occur.
        of: `[N]`, the number of each prompt's.
        held_out: `[N]`, which prompts the fit never sees.
    """

    names: tuple[str, ...]
    of: np.ndarray
    held_out: np.ndarray

    @property
    def majority(self) -> float:
        """The held-out accuracy of always naming the label that is commonest in the fit."""
        common = np.bincount(self.of[~self.held_out], minlength=len(self.names)).argmax()
        return float((self.of[self.held_out] == common).mean())


def labelled(rows: Sequence[PromptRow], share: float, seed: int) -> Labelled:
    """Return the prompts' labels, and which of them are held out.

    Raises:
        BadInputError: There are no labels, or none that could be told apart; the sentence says
            which prompt or label it is about.
    """
    texts = [row.label for row in rows]
    names = tuple(dict.fromkeys(texts))
    _refuse(texts, names)
    numbers = {name: number for number, name in enumerate(names)}
    of = np.array([numbers[text] for text in texts], dtype=np.int64)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(of), dtype=bool)
    for number in range(len(names)):
        own = np.flatnonzero(of == number)
        count = min(max(1, int(share * len(own) + 0.5)), len(own) - 1)
        held_out[rng.permutation(own)[:count]] = True
    return Labelled(names, of, held_out)


def shuffled(labels: Labelled, count: int, seed: int) -> np.ndarray:
    """Return `[count, N]` labels that go round within the fitted prompts and within the others."""
    rng = np.random.default_rng([seed, 1])
    found = np.tile(labels.of, (count, 1))
    for row in found:
        for some in (~labels.held_out, labels.held_out):
            row[some] = rng.permutation(row[some])
    return found


def _refuse(texts: Sequence[str], names: Sequence[str]) -> None:
    if not any(texts):
        raise BadInputError(
            "No prompt has a label: give --prompts, a file with a column “label” of two values or "
            "more."
        )
    if "" in names:
        missing = texts.index("") + 1
        count = texts.count("")
        others = f" (and {count - 1} more)" if count > 1 else ""
        raise BadInputError(
            f"Prompt {missing}{others} has no label and others have one: give it one, or remove "
            "the row."
        )
    if len(names) == 1:
        raise BadInputError(
            f"All prompts have the label “{names[0][:_SHOWN]}”: a probe tells labels apart; give "
            "prompts of a second one."
        )
    if len(names) > MAX_LABELS:
        raise BadInputError(
            f"The prompts have {len(names):,} labels and a probe takes {MAX_LABELS} at most: the "
            "column “label” names kinds of prompts; take some together."
        )
    alone = [name for name in names if texts.count(name) == 1]
    if alone:
        told = ", ".join(f"“{name[:_SHOWN]}”" for name in alone[:_LISTED])
        more = " …" if len(alone) > _LISTED else ""
        verb = "has" if len(alone) == 1 else "have"
        raise BadInputError(
            f"Label {told}{more} {verb} a single prompt, which cannot be both fitted on and held "
            "out: give a second one, or remove it."
        )


def notices(labels: Labelled, ids: Sequence[tuple[int, ...]]) -> list[Notice]:
    """Return what must be said of how few prompts there are, and of those that occur twice."""
    counts = np.bincount(labels.of, minlength=len(labels.names))
    found = []
    few = [n for n, count in enumerate(counts) if count < FEW]
    if few:
        told = ", ".join(f"“{labels.names[n][:_SHOWN]}” {counts[n]}" for n in few[:_LISTED])
        more = f" and {len(few) - _LISTED} more labels" if len(few) > _LISTED else ""
        message = (
            f"Few prompts of a label ({told}{more}; {plural(int(labels.held_out.sum()), 'prompt')} "
            f"held out in all): accuracies are rough; give {FEW} or more of each."
        )
        found.append(Notice("few_labels", message))
    fitted = {ids[n] for n in np.flatnonzero(~labels.held_out).tolist()}
    twice = [n for n in np.flatnonzero(labels.held_out).tolist() if ids[n] in fitted]
    if twice:
        named = ", ".join(str(n + 1) for n in twice[:_LISTED])
        more = " …" if len(twice) > _LISTED else ""
        count, verb = plural(len(twice), "held-out prompt"), "has" if len(twice) == 1 else "have"
        message = (
            f"{count} ({named}{more}) {verb} the very tokens of a prompt that was fitted on, so "
            "that held-out accuracy is no measure of what is new: remove the repeats."
        )
        found.append(Notice("prompts_repeat", message))
    return found
