"""The workflow that builds on three systems, as far as it can be looked at without them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.patience import CHILD_S

ROOT = Path(__file__).parents[2]
FILE = ROOT / ".github" / "workflows" / "installers.yml"
JOBS = yaml.safe_load(FILE.read_text(encoding="utf-8"))["jobs"]
RUNS = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]


def test_it_starts_by_tags_and_by_hand_alone():
    # YAML 1.1 takes `on` for a truth value.
    starts = yaml.safe_load(FILE.read_text(encoding="utf-8"))[True]
    assert starts == {"push": {"tags": ["v*"]}, "workflow_dispatch": None}


def test_three_systems_build_and_nobody_waits_for_ever():
    rows = JOBS["build"]["strategy"]["matrix"]["include"]
    assert [row["name"] for row in rows] == ["linux", "windows", "macos"]
    for job in JOBS.values():
        assert job["timeout-minutes"] <= 180


def test_rights_are_the_least():
    assert yaml.safe_load(FILE.read_text(encoding="utf-8"))["permissions"] == {}
    assert JOBS["build"]["permissions"] == {"contents": "read"}
    assert JOBS["publish"]["permissions"] == {"contents": "write"}
    assert JOBS["publish"]["if"] == "startsWith(github.ref, 'refs/tags/')"


def test_what_others_wrote_is_pinned():
    steps = [step for job in JOBS.values() for step in job["steps"] if "uses" in step]
    assert steps
    for step in steps:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"]), step
        if step["uses"].startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
    for line in FILE.read_text(encoding="utf-8").splitlines():
        assert "uses:" not in line or re.search(r"# v\d+\.\d+\.\d+$", line), line


def test_every_file_that_is_named_is_there():
    named = set(re.findall(r"\b(?:packaging|tests)/[\w/.]+", "\n".join(RUNS)))
    assert {"packaging/bootstrap.py", "packaging/smoke.py", "packaging/checksums.py"} <= named
    for name in named:
        assert (ROOT / name).is_file(), name


def test_every_option_is_one_of_its_script():
    lines = "\n".join(RUNS).replace("\\\n", " ").splitlines()
    found = [re.search(r"(packaging/\w+\.py) (.*)", line) for line in lines]
    asked = [(match[1], re.findall(r"--[a-z-]+", match[2])) for match in found if match]
    options = [(row["options"], "packaging/bootstrap.py") for row in _rows()]
    asked += [(script, re.findall(r"--[a-z-]+", text)) for text, script in options]
    for script, names in asked:
        text = (ROOT / script).read_text(encoding="utf-8")
        if script.endswith("bootstrap.py"):
            text += (ROOT / "packaging" / "package.py").read_text(encoding="utf-8")
        for name in names:
            assert f'"{name}"' in text, (script, name)


def test_the_bootstrap_is_asked_for_what_it_knows():
    text = (ROOT / "packaging" / "bootstrap.py").read_text(encoding="utf-8")
    asked = set(re.findall(r"bootstrap\.py (\w+)", "\n".join(RUNS)))
    assert asked == {"package"}
    for command in asked:
        assert f'"{command}"' in text


def test_the_built_programs_are_where_packaging_puts_them():
    full, viewer = ({row["name"]: row[kind] for row in _rows()} for kind in ("full", "viewer"))
    for name, ending in (("linux", ""), ("windows", ".exe")):
        assert full[name] == f"dist/lensbench/lensbench{ending}"
        assert viewer[name] == f"dist/lensbench-viewer/lensbench{ending}"
    assert full["macos"].startswith("dist/Lensbench.app/")
    assert viewer["macos"].startswith("dist/Lensbench Viewer.app/")


def test_what_is_gathered_is_what_was_kept():
    def step(job, action):
        return next(s for s in JOBS[job]["steps"] if s.get("uses", "").startswith(action))["with"]

    kept = step("build", "actions/upload-artifact")
    gathered = step("publish", "actions/download-artifact")
    assert kept["name"].startswith(gathered["pattern"].rstrip("*"))
    assert "dist/SHA256SUMS" in kept["path"].split()
    others = [
        s["with"]["name"] for s in JOBS["build"]["steps"] if "upload-artifact" in s.get("uses", "")
    ]
    assert [name for name in others if name.startswith("installers-")] == [kept["name"]]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize("script", RUNS)
def test_the_shell_can_read_each_step(script):
    text = re.sub(r"\$\{\{.*?\}\}", "x", script)
    subprocess.run([shutil.which("bash"), "-n"], input=text, text=True, check=True, timeout=CHILD_S)


def _rows():
    return JOBS["build"]["strategy"]["matrix"]["include"]
