"""Runs of steering for tests: settings as a user gives them, and a user who stops."""

from __future__ import annotations

from functools import cache

from typing_extensions import override

from desktop_app.analyses.steer.run import run
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.support.errors import Cancelled
from tests.analyses.steer.plain import Plain


def steer(model, texts, report=None, **settings):
    """Return the result of steering some prompts."""
    rows = [{"text": text} if isinstance(text, str) else text for text in texts]
    params = SteerParams.model_validate({"prompts": rows, **settings})
    return run(model, params, report or SilentReporter())


@cache
def plain(source):
    """Return the plain model of a folder."""
    return Plain(source)


class Stops(Reporter):
    """Somebody who stops at the n-th word about a matter, and wants what there is."""

    keeps_partial = True

    def __init__(self, about: str, after: int = 1) -> None:
        self.told: list[dict[str, object]] = []
        self._about, self._left = about, after

    @override
    def step(self, fraction: float, note: str = "") -> None:
        assert 0 <= fraction <= 1
        if self._about in note:
            self._left -= 1
            if self._left < 0:
                raise Cancelled

    @override
    def partial(self, data) -> None:
        self.told.append(dict(data))


def add(vector, position=-1, *, every=False):
    """Return a hook's change: a vector is added at a position of the prompt pass, or always."""

    def change(x, step, start):
        if every or step == 0:
            index = position if position < 0 else position - start
            if -x.shape[1] <= index < x.shape[1]:
                x[0, index] += vector

    return change
