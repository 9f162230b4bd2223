"""Analyses of other packages: the sample has everything, and a broken one costs a notice."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from desktop_app.contract import registry
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import (
    ANALYSES,
    BUILT_IN,
    fields_of,
    file_of,
    find,
    hook,
    problems,
)
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import RunAnalysis
from desktop_app.jobs.service import Service
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError, Cancelled
from tests.models import named
from tests.plugins import SAMPLE, declare, lensbench, on_path, python, several, write_package

PROMPTS = ("--model", "toy", "--prompt", "1 2 3 4", "--prompt", "2 3")
GOOD = """
from desktop_app.contract.params import Params
from desktop_app.contract.spec import Analysis, FieldSpec
ANALYSIS = Analysis(name={name!r}, title="T", summary="S.", params=Params, fields=())
"""
TAKEN = (
    GOOD.format(name="broken")
    .replace("ANALYSIS =", "class Mine(Params):\n    out: str = ''\nANALYSIS =")
    .replace("=Params", "=Mine")
)
# Opens and exports a session where neither the package nor torch is to be had.
ELSEWHERE = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from desktop_app.session.exports import export
from desktop_app.session.export_table import table_of
from desktop_app.session.store import Session
session, folder = sys.argv[1:]
with Session.open(session) as opened:
    (row,) = opened.rows()
    result = opened.load(row.id)
    for ending in ("csv", "npz", "json"):
        export(result, f"{folder}/elsewhere.{ending}")
    try:
        export(result, f"{folder}/elsewhere.py")
    except Exception as error:
        print(error)
    print(row.title)
    print(table_of(result)[0])
"""


class Listener(SilentReporter):
    """Notes progress; stops at the check of a number."""

    def __init__(self, stop_at=None):
        self.steps, self.checks, self.stop_at = [], 0, stop_at

    def step(self, fraction, note=""):
        self.steps.append((fraction, note))

    def check(self):
        self.checks += 1
        if self.checks == self.stop_at:
            raise Cancelled


def test_the_sample_is_small_and_uses_what_is_public():
    source = [p.read_text(encoding="utf-8") for p in (SAMPLE / "weather").glob("*.py")]
    lines = [line for text in source for line in text.splitlines()]
    assert len(source) == 2
    assert len(lines) < 70
    used = {line.split()[1] for line in lines if line.startswith("from desktop_app.")}
    assert used <= {f"desktop_app.contract.{n}" for n in ("params", "spec", "result", "report")}


def test_it_follows_the_built_in_ones(installed_plugin):
    assert tuple(ANALYSES) == (*BUILT_IN, installed_plugin)
    assert problems() == ()
    assert file_of(installed_plugin, "spec.py").parent.name == installed_plugin
    assert file_of(installed_plugin, "help.md") is None
    assert hook(installed_plugin, "view", "VIEW") is None


def test_it_is_forgotten_where_it_is_not_installed():
    assert tuple(ANALYSES) == BUILT_IN
    with pytest.raises(BadInputError, match="no analysis “weather”"):
        find("weather")


@pytest.mark.model
def test_it_reports_progress_stops_and_describes_its_result(installed_plugin, tmp_path):
    service, listener = Service(), Listener()
    service._model = named("toy")
    rows = (PromptRow(text="1 2 3 4"), PromptRow(text="2 3"))
    request = RunAnalysis(installed_plugin, find(installed_plugin).params(prompts=rows))
    result = service.perform(request, listener)
    assert listener.steps == [(0.0, "Prompt 1"), (0.5, "Prompt 2")]
    layers = named("toy").info.n_layers
    assert [np.shape(norm)[0] for norm in result.data["norm"]] == [layers, layers]
    known = fields_of(result)
    assert known["strength_mean"].axes == ("layer",)
    assert known["norm"].axes == ("prompt", "layer", "position")
    assert result.params_schema["properties"]["site"]["default"] == "resid_post"
    stopping = Listener(stop_at=3)
    with pytest.raises(Cancelled):
        service.perform(request, stopping)
    assert stopping.checks == 3
    assert named("toy").hooks_left() == 0
    with Session.create(tmp_path / "s.lens") as session:
        loaded = session.load(session.add(result))
    assert loaded.fields == result.fields
    assert loaded.params_schema == result.params_schema


@pytest.mark.model
@pytest.mark.slow
def test_it_has_a_command_line_and_a_session_that_opens_elsewhere(plugin_place, tmp_path):
    listed = lensbench("run", "--help", path=plugin_place).stdout
    assert "weather" in listed
    assert "How strong the residual stream is" in listed
    session = tmp_path / "s.lens"
    arrays, out = tmp_path / "r.npz", ("export", session, "--result", 1, "--out")
    own, done, run, *exported, script = several(
        ("run", "weather", "--help"),
        ("run", "weather", *PROMPTS, "--json", "--out", session),
        ("run", "weather", *PROMPTS, "--out", arrays),
        *((*out, tmp_path / f"here.{ending}") for ending in ("csv", "npz", "json")),
        (*out, tmp_path / "r.py"),
        path=plugin_place,
    )
    assert "--site [resid_pre|resid_post]" in own.stdout
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert set(told["result"]) == {
        "norm", "strength", "strength_mean", "strength_sem", "strongest",
    }  # fmt: skip
    assert [each.returncode for each in (run, *exported)] == [0, 0, 0, 0]
    assert "no script" in script.stderr

    away = python("-c", ELSEWHERE, session, tmp_path)
    assert away.returncode == 0, away.stderr
    script, title, columns = away.stdout.splitlines()
    assert "“weather” is not installed" in script
    assert title == "Weather · 2 prompts"
    assert columns == "['layer', 'strength_mean', 'strength_sem']"
    for ending in ("csv", "json"):
        here, elsewhere = (tmp_path / f"{n}.{ending}" for n in ("here", "elsewhere"))
        assert here.read_bytes() == elsewhere.read_bytes()
    header, *rows = (tmp_path / "here.csv").read_text(encoding="utf-8").splitlines()
    assert header == "field,prompt,layer,position,value"
    assert rows[-1].startswith("strongest,1,,,")
    with np.load(arrays) as one, np.load(tmp_path / "elsewhere.npz") as two:
        np.testing.assert_array_equal(one["norm_1"], two["norm_1"])
    picture = tmp_path / "elsewhere.png"
    drawn, refused = several((*out, picture), ("run", "weather", *PROMPTS))
    assert drawn.returncode == 0, drawn.stderr
    assert picture.stat().st_size > 10_000
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "No such command 'weather'" in refused.stderr


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_library", "No module named 'no_such_library'"),
        ("raise ImportError", "ImportError"),
        ("this is no Python", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Stop(BaseException): pass\nraise Stop('now')", "Stop: now"),
        ("ANALYSIS = 7", "not an Analysis named “broken”"),
        (GOOD.format(name="other"), "not an Analysis named “broken”"),
        ("", "no attribute 'ANALYSIS'"),
        (GOOD.format(name="broken").replace("params=Params", "params=dict"), "made from Params"),
        (GOOD.format(name="broken").replace("fields=()", "fields=(1,)"), "not of FieldSpec"),
        (TAKEN, "setting “out” has the name"),
        (
            GOOD.format(name="broken").replace("()", "(FieldSpec('a b', (), ''),)"),
            "a name or an axis is no name",
        ),
    ],
)
def test_one_that_fails_costs_a_notice_and_nothing_else(tmp_path, source, words):
    write_package(tmp_path, "its_package", source)
    write_package(tmp_path, "another", GOOD.format(name="zeal"))
    declare(tmp_path, "its-package", {"broken": "its_package", "zeal": "another"})
    with on_path(tmp_path):
        assert tuple(ANALYSES) == (*BUILT_IN, "zeal")
        (problem,) = problems()
        assert problem.startswith("The analysis “broken” of its_package cannot be loaded: ")
        assert words in problem
        assert "\n" not in problem
    assert problems() == ()


def test_names_that_are_taken_or_none_stay_out(tmp_path):
    write_package(tmp_path, "mine", GOOD.format(name="rank"))
    offered = {"rank": "mine", "my-name": "mine", "Größe": "mine", "late": "gone.away"}
    declare(tmp_path, "mine", offered)
    with on_path(tmp_path):
        assert tuple(ANALYSES) == BUILT_IN
        assert find("rank").title == "Ranking"
        told = "\n".join(problems())
        assert len(problems()) == len(offered)
    assert "mine brings an analysis “rank”, which there is already: rename it." in told
    assert "“my-name” of mine cannot be loaded: ValueError: its name must be small letters" in told
    assert "“late” of gone.away cannot be loaded: ModuleNotFoundError" in told


def test_a_list_of_packages_that_cannot_be_read_is_one_notice(monkeypatch):
    def fail(**_group):
        raise TypeError("a spoilt entry_points.txt")

    monkeypatch.setattr(registry, "entry_points", fail)
    ANALYSES.forget()
    assert tuple(ANALYSES) == BUILT_IN
    assert problems() == (
        "Analyses of other packages cannot be looked for: TypeError: a spoilt entry_points.txt.",
    )
    ANALYSES.forget()


def test_a_part_that_fails_is_left_out_and_a_run_that_fails_says_so(tmp_path):
    parts = {"picture": "raise SystemExit", "run": "import no_such_library"}
    write_package(tmp_path, "half", GOOD.format(name="half"), **parts)
    write_package(tmp_path, "bare", GOOD.format(name="bare"))
    declare(tmp_path, "half", {"half": "half", "bare": "bare"})
    service = Service()
    service._model = SimpleNamespace(keep=lambda *_limit, **_rest: None)
    with on_path(tmp_path):
        assert hook("half", "picture", "lines") is None
        assert hook("half", "picture", "about") is None
        assert problems() == ("The picture of “half” cannot be loaded: SystemExit.",)
        for name, words in (("half", "run of “half” cannot be loaded"), ("bare", "no run.py")):
            with pytest.raises(BadInputError, match=words):
                service.perform(RunAnalysis(name, find(name).params()), SilentReporter())


@pytest.mark.slow
def test_the_command_line_warns_in_one_line_where_analyses_are_run(tmp_path):
    write_package(tmp_path, "broken", "print('hello')\nraise SystemExit(9)")
    declare(tmp_path, "broken", {"broken": "broken"})
    done = lensbench("run", "--help", path=tmp_path)
    warning = "warning: The analysis “broken” of broken cannot be loaded: SystemExit: 9.\n"
    assert (done.returncode, done.stderr.replace("hello\n", "")) == (0, warning)
    assert "hello" not in done.stdout
    assert lensbench("models", "--json", path=tmp_path).stderr == ""
    assert lensbench("--help", path=tmp_path).stderr == ""


def test_the_readme_shows_this_very_sample():
    root = Path(__file__).resolve().parent
    readme = (root.parent / "README.md").read_text(encoding="utf-8")
    for file in ("spec.py", "run.py"):
        text = (root / "plugin_sample" / "weather" / file).read_text(encoding="utf-8").strip()
        assert f"```python\n{text}\n```" in readme, file
