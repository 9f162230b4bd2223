"""Whether a model does a task at all, read off a ranking, before an hour is spent on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result

TIMES = 2.0
RULE = (
    "Done: the answer is on top, and more than twice as likely as the wrong one; several of either "
    "count together."
)
NOTHING = "This model cannot do this: nothing to ablate."


@dataclass(frozen=True)
class TaskGate:
    """What a model does of a prompt table.

    Attributes:
        model: Its name, with what is not as it was trained.
        done: Per prompt, whether it is done.
        why: Per prompt, what is missing, in words; empty where it is done.
    """

    model: str
    done: tuple[bool, ...]
    why: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many prompts are done."""
        return sum(self.done)

    @property
    def sentence(self) -> str:
        """How many are done, and what that means where none is."""
        said = f"{self.model} does {self.count:,} of {len(self.done):,} of these."
        return f"{said} {NOTHING}" if self.done and not self.count else said


def judge(result: Result) -> TaskGate:
    """Return what a model does of its prompts, by the fields of a ranking.

    Where there is no wrong answer, the answer has to be on top.
    """
    why = []
    for number in range(len(result.prompts)):
        answers = _firsts(result.data.get("answers"), number)
        why.append(_missing(answers, _firsts(result.data.get("wrong"), number), result, number))
    return TaskGate(result.model.label, tuple(not told for told in why), tuple(why))


def _missing(
    answers: Sequence[Mapping[str, Any]],
    wrongs: Sequence[Mapping[str, Any]],
    result: Result,
    number: int,
) -> str:
    """Return what a prompt lacks to be done; empty where it lacks nothing."""
    if not answers:
        return "there is no answer to judge by"
    probability, other = (sum(_number(row["prob"]) for row in rows) for rows in (answers, wrongs))
    ranks = [row["rank"] for row in answers if _number(row["prob"]) >= 0]
    if not ranks:
        return "its prediction is no number"
    rank = int(min(ranks))
    if rank > 0:
        return f"the answer has rank {rank:,}: {_likeliest(result, number)} is likelier"
    if wrongs and not probability > TIMES * other:
        return f"the answer is {_times(probability, other)} the wrong one"
    return ""


def _likeliest(result: Result, number: int) -> str:
    rows = (result.data.get("top") or ())[number : number + 1]
    return f"“{display_text(str(rows[0][0]['text']))}”" if rows and rows[0] else "another token"


def _times(probability: float, other: float) -> str:
    if not other > 0:
        return "no likelier than"
    return f"only {probability / other:.2g} times as likely as"


def _firsts(per_prompt: Any, number: int) -> list[Mapping[str, Any]]:
    """Return the first token of each continuation of a prompt."""
    entries = per_prompt[number] if per_prompt and number < len(per_prompt) else ()
    return [entry["rows"][0] for entry in entries if entry["rows"]]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def summary(gate: TaskGate) -> tuple[str, ...]:
    """Return the gate's sentences: how many are done, the rule, and what most of the rest lack."""
    said = [gate.sentence, RULE]
    missing = next((told for told in gate.why if told), "")
    if missing:
        rest = len(gate.done) - gate.count
        said.append(f"{plural(rest, 'prompt')} not done; of the first, {missing}.")
    return tuple(said)
