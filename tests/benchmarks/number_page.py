"""The study's page of the help: `python -m tests.benchmarks.number_page STUDY.lens PAGE.md`.

Every number is read off the recorded session, so that the page says what was measured and no more.
`number_pictures` draws its pictures from the same session.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.ablate.picture import mean_grid
from desktop_app.analyses.circuit.outcome import costs
from desktop_app.analyses.circuit.picture import entry_name, size_words
from desktop_app.analyses.circuit.picture import evidence as of_parts
from desktop_app.analyses.edges import picture as edges_of
from desktop_app.analyses.edges.curves import curves_sentence
from desktop_app.analyses.edges.known import known_of
from desktop_app.pictures.certainty import evidence_of, interval_text, level_words, q_text, whole
from desktop_app.pictures.graph import edge_words, strongest
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, part_name, percent
from desktop_app.session.store import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from desktop_app.contract.result import Result

_LISTED = 6


def main(path: Path, page: Path) -> None:
    """Write the page of a recorded study."""
    with Session.open(path) as session:
        results = {row.analysis: session.load(row.id) for row in session.rows()}
        page.write_text("\n".join(lines(results)) + "\n", encoding="utf-8")


def lines(results: dict[str, Result]) -> Iterator[str]:
    """Yield the page."""
    rank, ablate, circuit, edges = (results[n] for n in ("rank", "ablate", "circuit", "edges"))
    yield "# A number-sequence study\n"
    yield (
        "From five prompts to a circuit and to how far it can be trusted, step by step, with "
        f"{ablate.model.name} on two cores of a processor. Every number here was measured in one "
        "recorded study; yours will differ with other prompts.\n"
    )
    yield from _prompts(rank, ablate)
    yield from _heads(ablate)
    yield from _circuit(circuit)
    yield from _edges(edges)
    yield from _trust(ablate, edges)
    yield from _minutes(results)


def _table(heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
    yield ""


def _prompts(rank: Result, ablate: Result) -> Iterator[str]:
    ranks = [int(place) for place in np.asarray(ablate.data["answer_rank"])]
    done = sum(place == 0 for place in ranks)
    yield "## 1. Does the model do it?\n"
    yield (
        f"Five prompts count on; each has a twin of as many tokens that holds neither answer nor "
        f"wrong. [Ranking](rank) first: the answer is on top for {done} of {len(rank.prompts)}. "
        "Of a task that the model does not do there is no circuit to find.\n"
    )
    base = np.asarray(ablate.data["base"])
    yield from _table(
        ("prompt", "twin", "answer", "wrong", "logit difference"),
        (
            (
                f"`{p.text}`",
                f"`{p.corrupt_text}`",
                display_text(p.answers[0].text),
                display_text(p.wrongs[0].text),
                number(float(base[i]), 2),
            )
            for i, p in enumerate(rank.prompts)
        ),
    )


def _heads(ablate: Result) -> Iterator[str]:
    effect, kept = mean_grid(ablate, "effect_mean"), mean_grid(ablate, "percent_mean")
    known = evidence_of(ablate)["effect"].finish()
    layers = [int(layer) for layer in ablate.data["layers"]]
    yield "## 2. Which heads matter?\n"
    yield (
        f"[Ablation](ablate) replaces each of the {effect.size:,} heads in turn by its mean over "
        f"{len(ablate.params['reference'])} *reference prompts*, all others intact. They are four "
        "digits in random order: their means know digits and places, and nothing of counting. The "
        "means of the five prompts themselves would keep counting, and make most heads look idle. "
        "Those that hurt most:\n"
    )
    rows = [
        (
            part_name(layers[cell[0]], cell[1]),
            number(float(effect[cell]), 2, sign=True),
            interval_text(known.interval(cell), 2),
            q_text(float(known.q[cell])),
            percent(float(kept[cell])),
        )
        for cell in lowest(effect, _LISTED)
    ]
    yield from _table(("head", "effect", "95 % interval", "q", "kept"), rows)
    yield "![What every head is worth](number_study/ablate.png)\n"


def _circuit(circuit: Result) -> Iterator[str]:
    data = circuit.data
    steps = len(data["trail_part"])
    yield "## 3. How few heads are enough?\n"
    yield (
        f"[Circuit](circuit), pruned at 20 %: a head goes for good as long as less than 20 % of "
        f"the metric are lost. After {steps:,} steps {size_words(circuit)} are left and keep "
        f"**{percent(float(data['percent_of_means']))}** of the logit difference; with none of "
        f"them it is {percent(100 * _mean(data['empty']) / _mean(data['full']))}. The MLPs stay.\n"
    )
    random = np.asarray(data["control_percent"], dtype=float)
    yield (
        f"Against chance: {random.size} random sets of as many heads of the same layers keep "
        f"{percent(float(random.mean()))} on average, {percent(float(random.max()))} at most. "
        "What the circuit loses without each of its heads (*minus one*), the most first:\n"
    )
    (cells,) = of_parts(circuit)
    cells.evidence[0].finish()
    found = sorted(costs(data), key=lambda cost: cost.change)[:_LISTED]
    yield from _table(
        ("head", "points", "95 % interval", "q"),
        (
            (
                entry_name(cost.entry),
                number(cost.change, 1, sign=True),
                interval_text(cells.interval(cost.part), 1),
                q_text(cells.q(cost.part)),
            )
            for cost in found
        ),
    )
    yield "![The pruned circuit](number_study/circuit.png)\n"


def _edges(edges: Result) -> Iterator[str]:
    known = known_of(edges.data)
    assert known is not None
    values = known.values()
    exact = int(known.exact.sum())
    yield "## 4. Which head tells which?\n"
    agreed = "; ".join(edges_of.agreement_sentence(edges.data, "eap-ig").splitlines())
    yield (
        f"[Edges](edges): all {len(known):,} edges are estimated by EAP-IG over the five prompts "
        f"against their twins, the {exact:,} best-estimated measured exactly. Over those that have "
        f"both, {agreed}. An estimate finds most of what matters, and gets single edges wrong, "
        "some by their sign.\n"
    )
    estimates = known.mean_of("estimate")
    (cells,) = edges_of.evidence(edges)
    cells.evidence[0].finish()
    rows = [
        (
            edge_words(known.table, edge),
            number(float(values[edge]), 2, sign=True),
            interval_text(cells.interval(edge), 2),
            number(float(estimates[edge]), 2, sign=True),
        )
        for edge in map(int, strongest(values, 2 * _LISTED))
    ]
    yield from _table(("edge", "effect", "95 % interval", "EAP-IG"), rows)
    count = int(np.asarray(edges.data["kept"]).sum())
    far = edges_of.faithfulness_of(edges.data)
    yield f"{edges_of.circuit_sentence(edges, count)}.\n"
    yield "![The board](number_study/edges.png)\n"
    yield "## 5. By size\n"
    yield (
        "Circuits of 0.1 % to all edges, scored; where several rankings were made, which won:\n\n"
        + "\n\n".join(curves_sentence(edges.data).splitlines())
        + "\n"
    )
    yield "## 6. Reliability\n"
    yield f"- {edges_of.controls_sentence(edges.data, of=far)}"
    yield f"- {edges_of.stability_sentence(edges.data, 100)}"


def _trust(ablate: Result, edges: Result) -> Iterator[str]:
    heads = whole(evidence_of(ablate)["effect"].finish())
    (cells,) = edges_of.evidence(edges)
    yield (
        "- Five prompts give no p below 0.0625, and so no q, whatever the effects are. Of the "
        f"heads: {level_words((heads,), 0.1)}. Of the edges: {level_words((cells,), 0.1)}. "
        "Eight prompts would reach 0.008."
    )
    yield (
        "- Intervals, q and resamples speak of prompts like these only: numbers that count on by "
        "one. Months, or steps of two, are another study.\n"
    )


def _minutes(results: dict[str, Result]) -> Iterator[str]:
    yield "## What it took\n"
    yield "Minutes of this recording; other programs that use the same cores make them longer.\n"
    times = {name: results[name].timing.seconds / 60 for name in results}
    rows = [(name, number(value, 1)) for name, value in times.items()]
    yield from _table(("step", "minutes"), [*rows, ("all", number(sum(times.values()), 1))])


def _mean(values: object) -> float:
    return float(np.mean(np.asarray(values, dtype=float)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
