"""What the numbers of a circuit are, with the values on screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.circuit.keeping import Shape, kept_of
from desktop_app.analyses.circuit.names import entry_name
from desktop_app.analyses.circuit.outcome import Outcome, costs, harm, in_percent
from desktop_app.analyses.circuit.picture import change_words, evidence, threshold
from desktop_app.pictures.certainty import explained
from desktop_app.pictures.explained import difference, share, term
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import metric_name, number, percent, plural

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("percent", "faithfulness", "minus", "score", "empty", "controls", "trail")
_KEYS = {
    "change": "minus",
    "left": "minus",
    "faithful": "faithfulness",
    "full": "score",
    "before": "trail",
    "after": "trail",
    "percent_of_means": "percent",
    "control_percent": "controls",
    "minus_percent": "minus",
}
_PAGE, _SIGN = "circuit", "Formula and sign"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart; of the parts, that of the selected one."""
    makers = {
        "percent": _percent,
        "faithfulness": _faithfulness,
        "minus": _minus,
        "score": _score,
        "empty": _empty,
        "controls": _controls,
        "trail": _trail,
    }
    if what in {"interval", "q"}:
        return _spread(result, what, place)
    make = makers.get(_KEYS.get(what, what))
    return None if make is None else make(result, place)


def _spread(result: Result, what: str, place: Place) -> Explained | None:
    cells, part = evidence(result), (place.layer, place.head)
    known = any(cost.part == part for cost in costs(result.data))
    return explained(what, cells, part if known else None, _PAGE)  # type: ignore[arg-type]


def _over(result: Result) -> str:
    count = len(result.prompts)
    return f"   (means of {plural(count, 'prompt')})" if count > 1 else ""


def _percent(result: Result, _place: Place) -> Explained:
    found = Outcome.of(result.data)
    working = "withheld: the model does not do the task on these prompts"
    if math.isfinite(found.percent):
        sum_ = f"100 · {term(found.score)} / {term(found.full)}"
        working = f"{sum_} = {percent(found.percent)}{_over(result)}"
    return Explained(
        "Kept by the circuit",
        "percent of means = 100 · mean score / mean full",
        working,
        "100 %: nothing is lost. Pruning goes by this one number, not by the mean of the prompts' "
        "own percentages.",
        _PAGE,
        _SIGN,
    )


def _faithfulness(result: Result, place: Place) -> Explained:
    data = result.data
    number_ = min(place.prompt, max(len(result.prompts) - 1, 0))
    full, empty, score, own = (
        float(data[name][number_]) for name in ("full", "empty", "score", "faithfulness")
    )
    working = ""
    if math.isfinite(own):
        above, below = (difference(a, empty).split(" = ")[0] for a in (score, full))
        of = f"   (prompt {number_ + 1})" if len(result.prompts) > 1 else ""
        working = f"{share(above, below, own)}{of}"
    return Explained(
        "Faithfulness",
        "faithfulness = (score − empty) / (full − empty), prompt by prompt; the heading has the "
        "mean",
        working,
        "1: as good as the whole model. 0: no better than everything replaced. Above 1: better "
        "than the whole.",
        _PAGE,
        _SIGN,
    )


def _minus(result: Result, place: Place) -> Explained:
    found = Outcome.of(result.data)
    own = [cost for cost in costs(result.data) if cost.part == (place.layer, place.head)]
    working = ""
    if own:
        cost = min(own, key=lambda one: harm(result) * one.change)
        name = entry_name(cost.entry)
        if in_percent(result.data):
            sum_ = f"{percent(cost.percent)} − {percent(found.percent)}"
            working = f"{sum_} = {change_words(result, cost.change)}   ({name})"
        else:
            working = f"{difference(cost.without, found.score)}   ({name})"
    helped = "Positive" if harm(result) < 0 else "Negative"
    return Explained(
        "Without one part",
        "minus = the metric of the circuit without that part; change = minus − the circuit, each "
        "in per cent of the untouched model",
        working,
        f"{helped}: the circuit needs it. Near 0: it could be dropped, alone. The changes do not "
        "add up.",
        _PAGE,
        "Three different numbers",
    )


def _score(result: Result, _place: Place) -> Explained:
    found = Outcome.of(result.data)
    parts = plural(len(kept_of(result.data)), "part")
    return Explained(
        "Score",
        f"the {metric_name(result)} with {parts} kept and all others of "
        f"{len(Shape.of_result(result).parts()):,} replaced at once",
        f"{number(found.score)}, untouched {number(found.full)}{_over(result)}",
        "It is computed by one run with all replacements in it.",
        _PAGE,
        _SIGN,
    )


def _empty(result: Result, _place: Place) -> Explained:
    found = Outcome.of(result.data)
    return Explained(
        "Everything replaced",
        f"the {metric_name(result)} with every part replaced: what needs no circuit at all",
        f"{number(found.empty)}{_over(result)}",
        "Where this is far from 0, a percentage flatters the circuit: look at the faithfulness.",
        _PAGE,
        _SIGN,
    )


def _controls(result: Result, _place: Place) -> Explained:
    found = Outcome.of(result.data)
    working = ""
    if found.controls.size:
        sets = plural(found.controls.size, "set")
        working = (
            f"{percent(float(found.controls.mean()))} on average, "
            f"{percent(float(found.controls.max()))} at most   ({sets})"
        )
    return Explained(
        "Random sets",
        "the same number for random sets of as many heads of each layer, MLPs as in the circuit",
        working,
        "A circuit that does no better than these says nothing of its parts.",
        _PAGE,
        "Pitfalls",
    )


def _trail(result: Result, _place: Place) -> Explained:
    limit = threshold(result)
    working = ""
    if not math.isnan(limit):
        working = f"a part stays where {percent(limit)} or less would be left without it"
    return Explained(
        "A step of the pruning",
        "dropped for good if 100 − percent without the part < the threshold",
        working,
        "What is lost adds up over the steps, and the order matters.",
        _PAGE,
        "Pruning",
    )
