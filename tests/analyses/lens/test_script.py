"""The scripts of runs that were stopped: of what the result has, and refused where that is less."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest

from desktop_app.analyses.fit_lens import run as fit_lens
from desktop_app.analyses.fit_lens.spec import FitLensParams
from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.session import export_scripts, exports
from desktop_app.support.errors import BadInputError, Cancelled
from tests.models import named
from tests.session.alone import require_clean, run_alone

ROWS = (
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4"),
    PromptRow(text="2 3 4 5", answer=" 6", wrong=" 5"),
    PromptRow(text="3 4 5 6", corrupt="9 2 7 3", answer=" 7", wrong=" 6"),
)


class Stops(SilentReporter):
    """Cancels behind a share of the work, and wants what there is."""

    keeps_partial = True

    def __init__(self, share):
        self._share = share

    def step(self, fraction, note=""):
        if fraction > self._share:
            raise Cancelled


@pytest.fixture
def place():
    """Return a folder of a short name, wherever tests run: a script holds it in one line."""
    with tempfile.TemporaryDirectory(prefix="lens-") as folder:
        yield Path(folder)


def stopped(**settings):
    """Return the lens of two of three prompts, with what is removed from them."""
    model = dataclasses.replace(named("toy"), reads_together=False)
    params = LensParams(prompts=ROWS, without="0.1,m1", **settings)
    result = lens.run(model, params, Stops(0.7))
    assert len(result.prompts) == 2
    assert result.partial
    return result


def stopped_fit(folder):
    """Return the fit of one of two windows, which its text would fill."""
    text = folder / "text.txt"
    text.write_text("Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three " * 8, "utf-8")
    settings = {"text": str(text), "out_lens": str(folder / "lens.safetensors")}
    params = FitLensParams(windows=2, max_seq_len=12, skip_first_positions=3, **settings)
    result = fit_lens.run(named("toy"), params, Stops(0.55))
    assert result.data["windows"] == 1
    assert result.partial
    return result


def numbers(result, folder, name):
    """Return what a script gives, and what the result says: both as they lie in .npz files."""
    script, out = folder / f"{name}.py", folder / f"{name}.npz"
    script.write_text(export_scripts.to_script(result, script.name), "utf-8")
    require_clean(script)
    run_alone(folder, [(str(script), [named("toy").info.source, str(out)])])
    exports.export(result, folder / f"own-{name}.npz")
    with np.load(out) as found, np.load(folder / f"own-{name}.npz") as own:
        return dict(found), dict(own)


@pytest.mark.model
@pytest.mark.slow
def test_the_script_of_a_stopped_lens_gives_the_numbers_of_its_prompts(place):
    found, own = numbers(stopped(), place, "lens")
    names = [name for name, array in own.items() if array.dtype.kind in "fi"]
    assert {"changed_logit_diff", "corrupt_top_1", "answer_rank_mean"} <= set(names)
    for name in names:
        np.testing.assert_allclose(found[name], own[name], rtol=1e-5, atol=1e-4, err_msg=name)


@pytest.mark.model
@pytest.mark.slow
def test_the_script_of_a_stopped_fit_gives_the_numbers_of_its_windows(place):
    found, own = numbers(stopped_fit(place), place, "fit")
    for name in ("size", "from_identity", "agreement", "layers"):
        np.testing.assert_allclose(found[name], own[name], rtol=1e-5, atol=1e-4, err_msg=name)


@pytest.mark.model
def test_neither_script_says_that_it_computes_more(place):
    for result in (stopped(), stopped_fit(place)):
        text = export_scripts.to_script(result)
        assert "was stopped" not in text
        assert "goes to the end" not in text


@pytest.mark.model
def test_means_over_prompts_that_are_missing_cannot_be_repeated():
    """The script has the finished prompts alone: its means would be others."""
    with pytest.raises(BadInputError, match="means ran over prompts that it lacks"):
        export_scripts.to_script(stopped(mode="mean"))
    whole = LensParams(prompts=ROWS, without="0.1,m1", mode="mean")
    text = export_scripts.to_script(lens.run(named("toy"), whole, SilentReporter()))
    assert "MEANS" in text
