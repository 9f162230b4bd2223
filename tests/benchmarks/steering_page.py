"""The study's page of the help: `python -m tests.benchmarks.steering_page STUDY.lens PAGE.md`.

Every number is read off the recorded session, so that the page says what was measured and no more.
`steering_pictures` draws its pictures from the same session.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.steer.findings_picture import TITLES
from desktop_app.pictures.words import number
from desktop_app.session.store import Session
from tests.benchmarks.steering_study import GLAD, SAD, SAY, STEPS, results_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from desktop_app.contract.result import Result

_FLUENT = 0.25
_RUNS = {
    "plain": ("plain", "base", "plain_loss"),
    "steered": ("steered", "changed", "steered_loss"),
    "control": ("random vector of equal norm", "control_metric", "control_loss"),
    "said": ("the words before the prompt", "said_metric", "said_loss"),
}


def main(path: Path, page: Path) -> None:
    """Write the page of a recorded study."""
    with Session.open(path) as session:
        page.write_text("\n".join(lines(results_of(session))) + "\n", encoding="utf-8")


def lines(results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the page."""
    mood = results["mood"]
    yield "# A steering study\n"
    yield (
        "Two small sets of texts, the vector between their means, what it does to five prompts and "
        f"what it costs: step by step, with {mood.model.name} on a processor. Every "
        "number here was measured in one recorded study; yours will differ with other texts.\n"
    )
    yield from _vector(mood)
    yield from _texts(mood)
    yield from _sweep(results["sweep"])
    yield from _findings(results["equivalence"])
    yield from _cache(results["kept"], results["anew"])
    yield from _seconds(results)


def _table(heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _said(text: str) -> str:
    """Return a text as it stands in a table: between marks that it holds none of, on one line."""
    plain = text.strip(" ").replace("`", "'").replace("\n", "↵")
    return f"`{plain}`"


def _mean(result: Result, field: str) -> float:
    return float(np.mean(np.asarray(result.data[field], dtype=float)))


def _vector(mood: Result) -> Iterator[str]:
    (act,) = mood.data["acts"]
    yield "## 1. A vector from two sets of texts\n"
    yield (
        f"[Steering](steer) reads {len(GLAD)} glad sentences and their {len(SAD)} sad twins at "
        f"their last token, behind layer {act['layer']}; the vector leads from the mean of the sad "
        f"ones to that of the glad ones. Its length is {number(_mean(mood, 'vector_norm'), 2)}. "
        "The sentences differ by the mood and little else, and so do their means.\n"
    )
    yield from _table(
        ("from", "to"), ((f"`{a}`", f"`{b}`") for a, b in zip(SAD, GLAD, strict=True))
    )


def _texts(mood: Result) -> Iterator[str]:
    (act,) = mood.data["acts"]
    yield "## 2. What it does, and what else would\n"
    yield (
        f"It is added {number(float(act['strength']), 0)} times, at every position and at every "
        "step. Beside it stand the plain text, a random vector of equal norm in the same places, "
        f"and *just say it*: “{SAY}” before the prompt, and no vector. The metric is the logit of "
        "“ great” minus that of “ terrible” for the first new token, the loss what each text costs "
        "the plain model behind the prompt alone: the lower, the more fluent. Layer, coefficient "
        "and instruction were chosen beforehand, by reading texts of some of these prompts: what "
        "follows shows what steering does, and is no comparison on prompts that it never saw.\n"
    )
    there = [name for name in _RUNS if name in mood.data]
    yield from _table(
        ("text", "logit difference", "loss"),
        (
            (title, number(_mean(mood, metric), 2, sign=True), number(_mean(mood, loss), 2))
            for title, metric, loss in (_RUNS[name] for name in there)
        ),
    )
    yield "![Plain, steered, random, said](steering_study/texts.png)\n"
    for index, prompt in enumerate(mood.prompts):
        yield f"**`{prompt.text}`**\n"
        rows = [(_RUNS[name][0], _said(mood.data[name][index]["text"])) for name in there]
        yield from _table(("text", "it goes on"), rows)
    whole = [one["max_logit_difference"] for one in mood.data["recompute"]]
    same = sum(bool(one["same_tokens"]) for one in mood.data["recompute"])
    yield (
        f"Read once more in one full pass, with the vector at the very same positions, {same} of "
        f"{len(whole)} texts have the same tokens; their logits part by {max(whole):.0e} at most.\n"
    )


def _sweep(sweep: Result) -> Iterator[str]:
    data = sweep.data
    layers, coefs = np.asarray(data["sweep_layer"]), np.asarray(data["sweep_coef"])
    metric, loss = np.asarray(data["sweep_metric"]), np.asarray(data["sweep_loss"])
    random = np.asarray(data["sweep_control_loss"])
    yield "## 3. Which layer, how strong?\n"
    yield (
        f"The same at {len(layers)} layers times {len(coefs)} coefficients, the vector made anew "
        "at each layer. In each cell the logit difference, and behind it the loss. Plain is "
        f"{number(_mean(sweep, 'base'), 2, sign=True)} "
        f"({number(_mean(sweep, 'plain_loss'), 2)}).\n"
    )
    heads = ("layer", *(f"{number(float(c), 0, sign=True)} ×" for c in coefs))
    yield from _table(
        heads,
        (
            (
                int(layer),
                *(
                    f"{number(float(m), 2, sign=True)} ({number(float(n), 2)})"
                    for m, n in zip(metric[row], loss[row], strict=True)
                ),
            )
            for row, layer in enumerate(layers)
        ),
    )
    row, column = np.unravel_index(int(np.argmax(metric)), metric.shape)
    yield (
        f"The largest effect, {number(float(metric[row, column]), 2, sign=True)}, is at layer "
        f"{int(layers[row])} with {number(float(coefs[column]), 0, sign=True)} ×, and its texts "
        f"cost {number(float(loss[row, column]), 2)} nats a token, with a random vector of equal "
        f"norm {number(float(random[row, column]), 2)}: an effect on one token says nothing of "
        "the text. Read one:\n"
    )
    first, told = sweep.prompts[0].text, data["sweep_texts"]
    yield f"`{first}` → {_said(told[row][column][0])}\n"
    plain = _mean(sweep, "plain_loss")
    fluent = np.where(loss <= plain + _FLUENT, metric, -np.inf)
    if np.isfinite(fluent).any():
        row, column = np.unravel_index(int(np.argmax(fluent)), metric.shape)
        yield (
            f"Of the cells whose loss is within {_FLUENT} nats of the plain text's, layer "
            f"{int(layers[row])} with {number(float(coefs[column]), 0, sign=True)} × has the "
            f"largest effect, {number(float(metric[row, column]), 2, sign=True)} at a loss of "
            f"{number(float(loss[row, column]), 2)}.\n"
        )
    yield "![Effect and fluency, and the random control of both](steering_study/sweep.png)\n"


def _findings(result: Result) -> Iterator[str]:
    yield "## 4. Where and when it acts\n"
    yield (
        f"The five experiments (*Where and when steering acts*, or `--preset equivalence`) on "
        f"`{result.prompts[0].text}`. They zero what a layer leaves, and look which texts that "
        "changes:\n"
    )
    for found in result.data["findings"]:
        holds = {True: "holds", False: "does not hold", None: "cannot be told"}[found["holds"]]
        title = TITLES.get(found["name"], found["name"])
        yield f"- **{title}**: {holds}. {_sentence(found['words'])}"
    yield ""


def _sentence(words: Any) -> str:
    return " ".join(str(words).split())


def _cache(kept: Result, anew: Result) -> Iterator[str]:
    (act,) = kept.data["acts"]
    yield "## 5. What the cache does to it\n"
    yield (
        f"The vector times {number(float(act['strength']), 0)}, once: at the prompt's last token, "
        "on the pass that reads the prompt. With keys and values kept, what it did there lives on; "
        "without, every later step computes that position anew, and without the vector. The first "
        "token is the same, and then it is another experiment, which the result says.\n"
    )
    yield from _table(
        ("prompt", "plain", "kept", "computed anew"),
        (
            (
                f"`{prompt.text}`",
                _said(kept.data["plain"][i]["text"]),
                _said(kept.data["steered"][i]["text"]),
                _said(anew.data["steered"][i]["text"]),
            )
            for i, prompt in enumerate(kept.prompts)
        ),
    )
    both = (kept.data["steered"], anew.data["steered"])
    apart = sum(a["ids"] != b["ids"] for a, b in zip(*both, strict=True))
    largest = max(one["max_logit_difference"] for one in kept.data["recompute"])
    lost = max(one["max_logit_difference"] for one in anew.data["recompute"])
    yield (
        f"{apart} of {len(kept.prompts)} texts are others. Against one full pass with the vector "
        f"in its place logits part by {largest:.0e} with the cache, by {number(lost, 1)} without: "
        "the one is the experiment that was meant, the other is not.\n"
    )


def _seconds(results: Mapping[str, Result]) -> Iterator[str]:
    yield "## What it took\n"
    yield "Seconds of this recording; other programs that use the same cores make them longer.\n"
    titles = {step.name: step.title for step in STEPS}
    rows = [(titles[name], number(result.timing.seconds, 0)) for name, result in results.items()]
    whole = sum(result.timing.seconds for result in results.values())
    yield from _table(("step", "seconds"), [*rows, ("all", number(whole, 0))])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
