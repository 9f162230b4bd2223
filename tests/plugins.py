"""Analyses of other packages, installed into a temporary place as a wheel would be."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from desktop_app.contract.registry import ANALYSES, ENTRY_POINTS

ROOT = Path(__file__).parents[1]
SAMPLE = Path(__file__).parent / "plugin_sample"
_SEVERAL = """
import contextlib, io, json, sys
from desktop_app import cli
told = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(arguments)
    told.append({"returncode": code, "stdout": out.getvalue(), "stderr": err.getvalue()})
print(json.dumps(told))
"""


def install_sample(folder: Path) -> Path:
    """Install the sample package, by pip where its build backend is at hand."""
    if importlib.util.find_spec("hatchling") is not None:
        options = ("--no-index", "--no-build-isolation", "--no-deps", "--quiet", "--target")
        source = shutil.copytree(SAMPLE, folder.with_name(f"{folder.name}-source"))
        command = [sys.executable, "-m", "pip", "install", *options, str(folder), str(source)]
        subprocess.run(command, check=True, capture_output=True)
        return folder
    project = tomllib.loads((SAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(SAMPLE / "weather", folder / "weather")
    return declare(folder, project["name"], project["entry-points"][ENTRY_POINTS])


def declare(folder: Path, distribution: str, offered: dict[str, str]) -> Path:
    """Write what makes `folder` hold an installed distribution with these entry points."""
    info = folder / f"{distribution.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1.0\n")
    lines = [f"[{ENTRY_POINTS}]", *(f"{name} = {value}" for name, value in offered.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_package(folder: Path, package: str, spec: str, **parts: str) -> None:
    """Write a package with that source as its `spec.py`, and further parts by name."""
    (folder / package).mkdir(parents=True)
    for part, source in {"spec": spec, **parts}.items():
        (folder / package / f"{part}.py").write_text(source, encoding="utf-8")


@contextmanager
def on_path(folder: Path):
    """Let this process find what is installed in `folder`, and forget it afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    ANALYSES.forget()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
        ANALYSES.forget()


def python(*arguments: object, path: Path | None = None, **variables: str):
    """Run Python in a process of its own that finds what is installed in `path`."""
    places = [str(ROOT), *([str(path)] if path else [])]
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def lensbench(*arguments: object, path: Path | None = None):
    """Run a command line of Lensbench that finds what is installed in `path`."""
    return python("-m", "desktop_app", *arguments, path=path)


def several(*commands: tuple[object, ...], path: Path | None = None):
    """Run command lines one after another in one process of their own, which says nothing else."""
    given = json.dumps([[str(argument) for argument in command] for command in commands])
    done = python("-c", _SEVERAL, given, path=path)
    assert (done.returncode, done.stderr) == (0, "")
    return [SimpleNamespace(**told) for told in json.loads(done.stdout)]
