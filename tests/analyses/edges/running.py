"""Runs of edges on two short prompts of the toy."""

from __future__ import annotations

from desktop_app.analyses.edges.run import run
from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.prepare import prepare
from tests.models import named

ROWS = (
    PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",)),
    PromptRow(text="2 3 4 5 ", corrupt="2 8 1 6 ", answer=("6",), wrong=("5",)),
)
LONGER = PromptRow(text="1 2 3 4 5 ", corrupt="1 2 9 4 7 ", answer=("6",), wrong=("5",))
EDGES = 262


def edges(rows=ROWS, report=None, model=None, clock=None, **settings):
    params = EdgesParams(prompts=rows, **settings)
    given = {} if clock is None else {"clock": clock}
    return run(model or named("toy"), params, report or SilentReporter(), **given)


class Ticks:
    """A clock that goes on by two seconds whenever it is asked."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 2.0
        return self.now


def sides_of(rows=ROWS, metric="logprob", replace="corrupt"):
    params, model = EdgesParams(prompts=rows), named("toy")
    asked = (metric, replace, ())
    return Sides(model, params, prepare(model, params), asked, SilentReporter())
