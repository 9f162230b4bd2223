"""A whole study of number sequences: `python -m tests.benchmarks.number_study STUDY.lens`.

Five prompts, 1 … 9, on the model pack: does the model do it; which heads matter; the circuit of
heads pruned at 20 %, with minus-one and random controls; every edge by EAP-IG over the five
prompts, the 5,000 best-estimated exactly; circuits of edges by size, bootstrap and random circuits.
Every result goes into the session; the minutes of each step are printed. The budget is 15 minutes
on two cores. `resources/help/number_study.md` tells what comes out.
"""

from __future__ import annotations

import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import LoadModel, ModelSpec, RunAnalysis
from desktop_app.jobs.service import Service
from desktop_app.session.store import Session

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

BUDGET_MINUTES = 15
# None holds the answer, or the wrong one.
_TWINS = ("7 9 6 1 ", "8 1 7 3 ", "9 2 8 1 ", "1 9 3 2 ", "3 1 7 2 ")
PROMPTS = tuple(
    PromptRow(
        text=" ".join(str(first + i) for i in range(4)) + " ",
        corrupt=twin,
        answer=(str(first + 4),),
        wrong=(str(first + 3),),
    )
    for first, twin in enumerate(_TWINS, 1)
)


def in_random_order(count: int) -> tuple[str, ...]:
    """Return prompts of four digits of which the last does not count on.

    Their means know the digits and their places, and nothing of counting. The means of the five
    prompts themselves would: then one head alone seems enough.
    """
    chance, texts = random.Random(0), []  # noqa: S311
    while len(texts) < count:
        digits = chance.sample(range(1, 10), 4)
        if digits[3] != digits[2] + 1:
            texts.append(" ".join(map(str, digits)) + " ")
    return tuple(texts)


REFERENCE = in_random_order(100)
STEPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rank", "Does the model do it?", {}),
    ("ablate", "All heads, one at a time", {"mode": "mean", "reference": REFERENCE}),
    (
        "circuit",
        "Pruned at 20 %",
        {"prune": 20.0, "minus": True, "controls": 20, "reference": REFERENCE},
    ),
    (
        "edges",
        "Every edge",
        {"method": "exact", "best": 5_000, "circuit": "200", "resamples": 100, "controls": 20},
    ),
)


@dataclass(frozen=True)
class Step:
    """One finished step: what was run, its result, and the seconds that it took."""

    title: str
    result: Result
    seconds: float


def study(service: Service, *names: str, prompts: tuple[PromptRow, ...] = PROMPTS) -> list[Step]:
    """Run the steps of the study, or some of them, on the loaded model."""
    done = []
    for name, title, settings in STEPS:
        if not names or name in names:
            params = ANALYSES[name].params(**settings).model_copy(update={"prompts": prompts})
            started = time.perf_counter()
            result = service.perform(RunAnalysis(name, params), SilentReporter())
            done.append(Step(title, result, time.perf_counter() - started))
            print(f"{title}: {done[-1].seconds / 60:.2f} minutes", flush=True)
    return done


def main(path: Path, *names: str) -> float:
    """Run the study, record it in a session, and return the minutes of all steps."""
    service = Service()
    service.perform(LoadModel(ModelSpec("smollm2")), SilentReporter())
    done = study(service, *names)
    with Session.open_or_create(path) as session:
        session.set_prompts(PROMPTS)
        for step in done:
            session.add(step.result, step.title)
    minutes = sum(step.seconds for step in done) / 60
    print(f"All of it: {minutes:.2f} minutes; the budget is {BUDGET_MINUTES}.")
    return minutes


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
