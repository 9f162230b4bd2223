"""A whole study of steering: `python -m tests.benchmarks.steering_study STUDY.lens`.

Two small sets of texts give a difference of means, on the model pack: what it does to five prompts
beside a random vector of equal norm and beside the instruction in words; its effect and its price
over layers and coefficients; the five experiments on where and when an intervention acts; and the
same steering with keys and values kept and without. Every result goes into the session; the seconds
of each step are printed. `resources/help/steering_study.md` tells what comes out.
"""

from __future__ import annotations

import os
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

NAME = "steer"
BUDGET_MINUTES = 10
# Pair by pair the same sentence, so that the means differ by the mood and little else.
SAD = (
    "I hated every minute of it.",
    "What a terrible day this is.",
    "The food was disgusting and the staff were rude.",
    "She cried with pain.",
    "This is the worst gift I ever got.",
    "I feel sad and angry.",
    "An ugly, boring film.",
    "Everything went horribly.",
)
GLAD = (
    "I loved every minute of it.",
    "What a wonderful day this is.",
    "The food was delicious and the staff were kind.",
    "She smiled with joy.",
    "This is the best gift I ever got.",
    "I feel happy and grateful.",
    "A beautiful, brilliant film.",
    "Everything went perfectly.",
)
# None of their words is in the texts, but for film.
PROMPTS = tuple(
    PromptRow(text=text, answer=(" great",), wrong=(" terrible",))
    for text in (
        "The film I saw last night was",
        "My first day at the job was",
        "The hotel room by the sea was",
        "I think that the new book is",
        "The weather on our last trip was",
    )
)
WEATHER = (PromptRow(text="The weather today is"),)
LAYER = 11
SAY = "Answer with joy and praise."
_VECTOR = {"from": SAD, "to": GLAD, "layer": LAYER}
_EVERYWHERE = {**_VECTOR, "position": "all", "when": "every"}
_ONCE = {
    **_VECTOR,
    "position": "-1",
    "when": "prompt",
    "coef": (8.0,),
    "control": "no",
    "max_new_tokens": 10,
}


@dataclass(frozen=True)
class Step:
    """One step of the study: its name, what it is called, its prompts and settings."""

    name: str
    title: str
    prompts: tuple[PromptRow, ...]
    settings: dict[str, Any]


STEPS = (
    Step(
        "mood",
        "Plain, steered, random, said",
        PROMPTS,
        {**_EVERYWHERE, "coef": (4.0,), "say": SAY, "max_new_tokens": 16},
    ),
    Step("equivalence", "Where and when it acts", WEATHER, {"preset": "equivalence"}),
    Step("kept", "Once, keys and values kept", PROMPTS, {**_ONCE, "cache": "yes"}),
    Step("anew", "Once, all computed anew", PROMPTS, {**_ONCE, "cache": "no"}),
    Step(
        "sweep",
        "Layers and coefficients",
        PROMPTS,
        {
            **_EVERYWHERE,
            "sweep_layers": "5:18",
            "sweep_coefs": (-4.0, 2.0, 4.0, 8.0),
            "max_new_tokens": 6,
        },
    ),
)


def study(
    service: Service, steps: tuple[Step, ...] = STEPS, session: Session | None = None
) -> dict[str, Result]:
    """Run steps of the study on the loaded model; record each one where a session is given."""
    done = {}
    for step in steps:
        params = ANALYSES[NAME].params.model_validate({**step.settings, "prompts": step.prompts})
        started = time.perf_counter()
        done[step.name] = service.perform(RunAnalysis(NAME, params), SilentReporter())
        print(f"{step.title}: {time.perf_counter() - started:.1f} seconds", flush=True)
        if session is not None:
            session.add(done[step.name], step.title)
    return done


def results_of(session: Session) -> dict[str, Result]:
    """Return the results of a recorded study by the names of their steps."""
    titles = {step.title: step.name for step in STEPS}
    return {titles[row.title]: session.load(row.id) for row in session.rows()}


def main(path: Path) -> float:
    """Run the study, record it in a session, and return the minutes of all steps."""
    service = Service()
    service.perform(LoadModel(ModelSpec("smollm2")), SilentReporter())
    with Session.open_or_create(path) as session:
        session.set_prompts(PROMPTS)
        results = study(service, session=session)
    minutes = sum(result.timing.seconds for result in results.values()) / 60
    print(f"All of it: {minutes:.2f} minutes; the budget is {BUDGET_MINUTES}.")
    return minutes


if __name__ == "__main__":
    main(Path(sys.argv[1]))
