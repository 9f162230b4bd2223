"""What tries built programs, tried on small scripts in their place."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from desktop_app.contract.registry import BUILT_IN, worked_order
from tests.packaging_.scripts import script

smoke, smoke_trial = script("smoke"), script("smoke_trial")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="its stand-ins are scripts with a #! line")


@pytest.fixture
def trial(tmp_path):
    """Return a function that makes a trial of a program with this source."""

    def make(source):
        program = tmp_path / "program"
        program.write_text(f"#!{sys.executable}\nimport os, sys\n{source}\n", encoding="utf-8")
        program.chmod(0o755)
        return smoke_trial.Trial(program, Path(tempfile.mkdtemp(dir=tmp_path)))

    return make


def test_it_knows_the_analyses_and_the_worked_example():
    assert set(smoke_trial.SETTINGS) <= set(BUILT_IN)
    assert set(worked_order()) == smoke_trial.WORKED


def test_nothing_of_this_python_reaches_the_program(trial, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/somewhere")
    monkeypatch.setenv("DISPLAY", ":0")
    tried = trial("print(*os.environ)")
    told = set(tried.call().out.split())
    assert not told & {"PYTHONPATH", "LD_LIBRARY_PATH", "DISPLAY"}
    assert {"LENSBENCH_HOME", "QT_QPA_PLATFORM"} <= told
    assert "QT_QPA_PLATFORM" not in tried.call(screen=False).out


@pytest.mark.parametrize(
    "source",
    [
        "sys.exit(1)",
        "print('Traceback (most recent call last):', file=sys.stderr)",
    ],
)
def test_a_wrong_end_and_a_traceback_are_told_with_what_was_said(trial, source):
    with pytest.raises(smoke_trial.SmokeError, match="`models` ended with"):
        trial(source).call("models")


def test_a_refusal_is_one_sentence_with_the_word(trial):
    sentence = "print('lensbench: There is no file.', file=sys.stderr)"
    given = {"code": 2, "words": "no file"}
    assert trial(f"{sentence}\nsys.exit(2)").refused("x", **given).endswith("no file.")
    for source in (f"{sentence}\n" * 2, "", sentence.replace("file.", "other"), f"{sentence}\n1/0"):
        with pytest.raises(smoke_trial.SmokeError):
            trial(f"{source}\nsys.exit(2)").refused("x", **given)


def test_a_window_that_ends_by_itself_is_told(trial):
    tried = trial("sys.exit(3)")
    with (
        pytest.raises(smoke_trial.SmokeError, match="ended by itself with 3"),
        tried.window() as process,
    ):
        smoke_trial.wait_for(process, lambda: False)


def test_the_sample_plugin_lies_as_an_unpacked_wheel_does(trial):
    tried = trial("print('lensbench-weather' if sys.argv[1] == 'plugins' else '')")
    with pytest.raises(smoke_trial.SmokeError, match="run weather"):
        list(smoke.check_plugin(tried))  # it has no `run`
    (info,) = (tried.home / "data" / "plugins").rglob("*.dist-info")
    assert "weather = weather" in (info / "entry_points.txt").read_text("utf-8")
    assert (info.parent / "weather" / "spec.py").is_file()


def test_what_lies_about_is_told(trial):
    tried = trial("open(os.path.join(os.environ['TMPDIR'], 'left'), 'w')")
    tried.call()
    with pytest.raises(smoke_trial.SmokeError, match="left"):
        list(smoke.check_tidy(tried))
