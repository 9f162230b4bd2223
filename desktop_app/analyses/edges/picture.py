"""What the edges' view shows, computed from a result without Qt: the list, sentences, names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.edges.known import Known, is_try, known_of
from desktop_app.pictures.certainty import PerPrompt, evidence_of, listed
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.graph import strongest
from desktop_app.pictures.graph_nodes import edge_words
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.words import ABOUT, metric_name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.facts import Place

METHODS = {"eap": "EAP", "eap-ig": "EAP-IG", "exact": "exact", "none": "no ranking"}
STABLE = 0.8
"""The Jaccard index from which a circuit is called stable over prompts."""
_NEAR_ZERO = 1e-9
_FACTS, _LISTED = 3, 20
_AREAS = (("cmd", "CMD"), ("cpr", "CPR"))


def mean(data: Mapping[str, Any], name: str) -> float:
    """Return the mean of a field of one number per prompt; NaN where there is none."""
    twin = data.get(f"{name}_mean")
    if isinstance(twin, (int, float)):
        return float(twin)
    found = data.get(name)
    if found is None:
        return math.nan
    values = np.asarray(found, dtype=float).ravel()
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else math.nan


def of_prompt(data: Mapping[str, Any], name: str, prompt: int | None) -> float:
    """Return a field of one number per prompt: of one, or the mean."""
    if prompt is None:
        return mean(data, name)
    found = np.asarray(data.get(name, ()), dtype=float).ravel()
    return float(found[prompt]) if prompt < found.size else math.nan


# The line above the picture.


def headline(known: Known, metric: str, prompt: int | None = None, *, short: bool = False) -> str:
    """Return what stands above the board: the metric, and how many edges are exact."""
    data = known.data
    base, other = (of_prompt(data, name, prompt) for name in ("base", "other"))
    told = f"{metric.capitalize()} {number(base)}"
    if math.isfinite(other) and not short:
        told += f", with every edge exchanged {number(other)}"
    if not known.has_effects:
        return told
    return f"{told} · {counted(known, short=short)}"


def counted(known: Known, *, short: bool = False) -> str:
    """Say how many edges are exact: `5,000 of 70,651 edges exact, the others estimated`."""
    exact, every = int(known.exact.sum()), len(known)
    if exact == every:
        return f"all {every:,} edges exact"
    rest = ", the others estimated" if known.has_estimates and not short else ""
    if not exact:
        return f"all {every:,} edges estimated" if known.has_estimates else f"{every:,} edges"
    return f"{exact:,} of {every:,} edges exact{rest}"


def shown_words(drawn: int, known: Known) -> str:
    """Say how many edges are drawn: `300 of 70,651 edges`."""
    return f"{drawn:,} of {len(known):,} edges"


# One edge.


def edge_sentence(known: Known, edge: int, prompt: int | None = None) -> str:
    """Return all that is known of an edge in a line."""
    value = float(known.values(prompt)[edge])
    if not math.isfinite(value):
        return f"{edge_words(known.table, edge)} · not computed"
    exact = bool(known.exact_of(prompt)[edge])
    told = [f"{edge_words(known.table, edge)}  {number(value, sign=True)}"]
    told.append("exact" if exact else f"{ABOUT} estimated")
    estimate = float(known.of("estimate", prompt)[edge])
    if exact and math.isfinite(estimate):
        told.append(f"estimate {number(estimate, sign=True)}")
    if known.inclusion is not None:
        told.append(f"in {percent(100 * float(known.inclusion[edge]))} of the resamples' circuits")
    return " · ".join(told)


def per_prompt(result: Result) -> dict[str, PerPrompt]:
    """Return the effects per prompt as they are shown: exact where they are, else estimated.

    Those that are exact were chosen by their estimates: so all edges are tested as one family.
    """
    known = known_of(result.data)
    if known is None or not known.has_effects:
        return {}
    found = [known.values(prompt) for prompt in range(len(result.prompts))]
    return {"shown": PerPrompt(np.stack(found, axis=1), ("edge",))}


def evidence(result: Result, edges: Sequence[int] = ()) -> tuple[Cells, ...]:
    """Return what is known of the edges over prompts; intervals of these are computed at once."""
    known = evidence_of(result).get("shown")
    return () if known is None else (listed(known, int, edges, digits=3),)


# The list.


def edge_list(
    known: Known, edges: np.ndarray, prompt: int | None, inside: np.ndarray | None
) -> Ranking:
    """Return the edges as a table, in their order; keys are the edges' numbers."""
    values, estimates = known.values(prompt), known.of("estimate", prompt)
    exact = known.exact_of(prompt)
    both = known.has_estimates and bool(exact.any())
    shares = known.inclusion
    columns = [
        Column("edge", "name", "Edge", width="stretch", least=138),
        Column("effect", "bar", "", signed=True, width=58, priority=3),
        Column("value", "number", "Effect", format=_signed, width=66),
        Column("made", "text", "", width=24, tooltip=f"{ABOUT}: estimated, not exact", muted=True),
    ]
    columns += [Column("estimate", "number", "Estimate", _signed, width=72, priority=1)] * both
    columns += [Column("inclusion", "percent", "In", width=64, priority=2, tooltip=_INCLUSION)] * (
        shares is not None
    )
    rows = []
    for edge in map(int, edges):
        out = inside is not None and not inside[edge]
        row: list[object] = [
            edge_words(known.table, edge),
            float(values[edge]),
            float(values[edge]),
            "×" if out else "" if exact[edge] else ABOUT,
        ]
        row += [float(estimates[edge])] * both
        row += [] if shares is None else [100 * float(shares[edge])]
        tip = edge_sentence(known, edge, prompt) + (" · outside the circuit" if out else "")
        rows.append(Row(edge, tuple(row), tip))
    return Ranking(tuple(columns), tuple(rows))


_INCLUSION = "In what share of the bootstrap resamples the circuit holds this edge"


def _signed(value: float) -> str:
    return number(value, sign=True)


def node_list(known: Known) -> Ranking:
    """Return the nodes by the effect of exchanging them whole; empty where that is not known."""
    names, effects = known.data.get("node"), known.data.get("node_effect")
    if names is None or effects is None:
        return Ranking()
    values = np.asarray(effects, dtype=float)
    values = values.mean(axis=1) if values.ndim == 2 else values
    kept = known.data.get("node_kept")
    numbers = {known.table.node(i).key: known.table.node(i) for i in range(known.table.logits + 1)}
    columns = (
        Column("node", "name", "Node"),
        Column("effect", "bar", "", signed=True),
        Column("value", "number", "Effect", format=_signed, width=70),
        Column("kept", "text", "Circuit", width=64, priority=1),
    )
    order = strongest(values, len(values))
    rows = []
    for place in map(int, order):
        key = str(names[place])
        node = numbers.get(key)
        held = "" if kept is None else "kept" if kept[place] else ""
        name = key if node is None else node.name
        rows.append(Row(key, (name, float(values[place]), float(values[place]), held)))
    return Ranking(columns, tuple(rows))


# The circuit.


def circuit_sentence(
    result: Result, edges: int, prompt: int | None = None, *, full: bool = True
) -> str:
    """Say what a circuit does: `12 edges: logit difference 5.889 → 4.020, faithfulness 0.71`."""
    data = result.data
    score, base = (of_prompt(data, name, prompt) for name in ("circuit_score", "base"))
    told = plural(edges, "edge")
    if not math.isfinite(score):
        return f"{told}, not scored"
    told += f": {metric_name(result)} {number(base)} → {number(score)}"
    far = faithfulness_of(data, prompt)
    if math.isfinite(far):
        told += f", faithfulness {number(far, 2)}"
    elif full:
        told += ", faithfulness withheld (both runs score the same)"
    return told


def faithfulness_of(data: Mapping[str, Any], prompt: int | None = None) -> float:
    """Return a circuit's faithfulness on a prompt; over all, that of the mean metric."""
    if prompt is None and data.get("circuit_faithfulness") is not None:
        return _number(data["circuit_faithfulness"])
    return of_prompt(data, "faithfulness", prompt)


def controls_sentence(data: Mapping[str, Any], *, of: float) -> str:
    """Compare a circuit's faithfulness with random ones of as many edges; empty without any."""
    found = data.get("control_faithfulness")
    values = np.asarray([] if found is None else found, dtype=float).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return ""
    told = f"{plural(values.size, 'random circuit')} of as many edges: {number(values.mean(), 2)}"
    told += f" ({number(values.min(), 2)} … {number(values.max(), 2)})"
    if not math.isfinite(of):
        return f"{told}."
    better = int((values >= of).sum())
    if not better:
        return f"{told}; none reaches it."
    return f"{told}; {better:,} of them reach it." if better > 1 else f"{told}; one reaches it."


def stability_sentence(data: Mapping[str, Any], resamples: object) -> str:
    """Say whether resampled prompts give the same circuit; empty without resamples."""
    found = data.get("jaccard")
    values = np.asarray([] if found is None else found, dtype=float).ravel()
    if values.size < 3 or not np.isfinite(values[0]):
        return ""
    middle, low, high = values[:3]
    word = "stable" if middle >= STABLE else "not stable"
    over = f" over {resamples} resamples" if isinstance(resamples, int) and resamples else ""
    return (
        f"Jaccard with the resamples' circuits {number(middle, 2)} ({number(low, 2)} … "
        f"{number(high, 2)}){over}: {word} (from {STABLE:g} on)."
    )


def agreement_sentence(data: Mapping[str, Any], method: str) -> str:
    """Say how well the estimates ranked the edges; empty where there is nothing to compare."""
    told = []
    name = METHODS.get(method, "The estimate")
    for words, end in ((name, ""), ("EAP", "_eap")):
        rho, shared = (_number(data.get(f"{key}{end}")) for key in ("agreement", "overlap"))
        if math.isfinite(rho):
            one = f"{words}: ρ = {number(rho, 3)}"
            if math.isfinite(shared):
                one += f", {percent(100 * shared)} of the top 100 shared"
            told.append(one)
    return "\n".join(told)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float, np.number)) else math.nan


# For the terminal, the history and the inspector.


def lines(result: Result) -> Iterator[str]:
    """Yield what the edges do, the strongest first, and how good the circuits are."""
    known = known_of(result.data)
    if known is None:
        return
    data = result.data
    yield headline(known, metric_name(result))
    if known.has_effects:
        values = known.values()
        for edge in map(int, strongest(values, _LISTED)):
            about = "" if known.exact[edge] else ABOUT
            name = edge_words(known.table, edge)
            yield f"  {name:<24} {about + number(float(values[edge]), sign=True):>10}"
    yield from agreement_sentence(data, str(result.params.get("method"))).splitlines()
    if known.kept is not None:
        yield circuit_sentence(result, int(known.kept.sum()))
        yield from filter(
            None,
            (
                controls_sentence(data, of=faithfulness_of(data)),
                stability_sentence(data, result.params.get("resamples")),
            ),
        )
    areas = [(_number(data.get(name)), title) for name, title in _AREAS]
    told = [f"{title} {number(area, 3)}" for area, title in areas if math.isfinite(area)]
    if told:
        yield f"circuits by size: {', '.join(told)}"


def named(result: Result) -> str:
    """Return what is said of a result's settings in its name."""
    known = known_of(result.data)
    kept = None if known is None else known.kept
    if is_try(result):
        return "a circuit" if kept is None else f"circuit of {plural(int(kept.sum()), 'edge')}"
    replaced = str(result.params.get("replace", "corrupt"))
    told = [] if replaced == "corrupt" else [replaced]
    if known is not None and known.has_effects:
        exact = int(known.exact.sum())
        method = METHODS.get(str(result.data.get("method", result.params.get("method"))), "EAP-IG")
        told.append(
            "exact"
            if exact == len(known)
            else f"{exact:,} exact"
            if exact
            else ("estimated" if method == "exact" else method)
        )
    if kept is not None:
        told.append(f"circuit of {plural(int(kept.sum()), 'edge')}")
    return ", ".join(told)


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return the strongest edges of the selected head, or of the layer's MLP."""
    known = known_of(result.data)
    if known is None or not known.has_effects or place.layer is None:
        return []
    number_ = known.table.number_of((place.layer, place.head))
    if number_ is None:
        return []
    joined = known.table.ends == number_
    joined |= known.table.graph.senders_of == number_
    values = known.values()
    facts = []
    for edge in map(int, strongest(values, _FACTS, joined)):
        told = number(float(values[edge]), sign=True)
        mark = "" if known.exact[edge] else f"{ABOUT} "
        facts.append(Fact(edge_words(known.table, edge), f"{mark}{told}", "", "effect"))
    return facts
