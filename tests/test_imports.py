"""The import contracts of pyproject.toml: each is broken by a planted import, and by nothing else.

The house is rebuilt in miniature, with one empty module per kind, so that a contract that guards
nothing cannot pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
FLOORS = "Floors, from above"
INSIDE = "Inside a slice: view and run above picture above spec"
APART = "Slices know nothing of one another"
REGISTRY = "Slices are reached through the registry alone"
NO_TORCH = "What opens a session knows no torch and no run"
JOBS_ALONE = "The window reaches torch through the jobs alone"
NO_QT = "What computes and what is data knows no Qt"
CIRCLES = "No circle of imports"
MODULES = (
    "__main__",
    "app",
    "cli",
    *(f"analyses.{slice_}.{part}" for slice_ in ("one", "two") for part in
      ("spec", "run", "picture", "view", "script")),
    *(f"{package}.module" for package in (
        "contract", "engine", "jobs", "methods", "pictures", "session", "support", "text", "views",
        "widgets", "window",
    )),
)  # fmt: skip
# Which module imports what, and every contract that this breaks.
PLANTED = (
    ("support.module", "desktop_app.contract.module", {FLOORS}),
    ("contract.module", "desktop_app.text.module", {FLOORS}),
    ("text.module", "desktop_app.pictures.module", {FLOORS}),
    ("pictures.module", "desktop_app.session.module", {FLOORS}),
    ("engine.module", "desktop_app.pictures.module", {FLOORS}),
    ("session.module", "desktop_app.widgets.module", {FLOORS}),
    ("widgets.module", "desktop_app.session.module", {FLOORS}),
    ("jobs.module", "desktop_app.methods.module", {FLOORS}),
    ("methods.module", "desktop_app.views.module", {FLOORS}),
    ("widgets.module", "desktop_app.views.module", {FLOORS}),
    ("views.module", "desktop_app.window.module", {FLOORS}),
    ("window.module", "desktop_app.app", {FLOORS}),
    ("views.module", "desktop_app.analyses.one.picture", {FLOORS, REGISTRY}),
    ("analyses.one.spec", "desktop_app.analyses.one.picture", {INSIDE}),
    ("analyses.one.picture", "desktop_app.analyses.one.view", {INSIDE}),
    ("analyses.one.run", "desktop_app.analyses.one.view", {INSIDE}),
    ("analyses.one.view", "desktop_app.analyses.one.script", {INSIDE}),
    ("analyses.one.view", "desktop_app.analyses.one.run", {INSIDE, NO_TORCH}),
    ("analyses.one.picture", "desktop_app.analyses.two.picture", {APART}),
    ("analyses.one.run", "desktop_app.analyses.two.spec", {APART}),
    ("window.module", "desktop_app.analyses.one.view", {REGISTRY}),
    ("cli", "desktop_app.analyses.one.spec", {REGISTRY}),
    ("app", "desktop_app.analyses.one.run", {REGISTRY}),
    ("session.module", "desktop_app.analyses.one.script", {FLOORS, REGISTRY}),
    ("analyses.one.spec", "torch", {NO_TORCH}),
    ("analyses.one.picture", "desktop_app.methods.module", {NO_TORCH}),
    ("analyses.one.script", "transformers", {NO_TORCH}),
    ("analyses.one.view", "desktop_app.engine.module", {NO_TORCH}),
    ("pictures.module", "torch", {NO_TORCH}),
    ("views.module", "transformer_lens", {NO_TORCH}),
    ("session.module", "desktop_app.engine.module", {NO_TORCH}),
    ("window.module", "torch", {JOBS_ALONE}),
    ("window.module", "desktop_app.engine.module", {JOBS_ALONE}),
    ("analyses.one.run", "PySide6.QtCore", {NO_QT}),
    ("analyses.one.run", "desktop_app.widgets.qt", {NO_QT}),
    ("analyses.one.picture", "pyqtgraph", {NO_QT}),
    ("engine.module", "PySide6", {NO_QT}),
    ("session.module", "superqt", {NO_QT}),
    ("pictures.module", "PySide6", {NO_QT}),
)


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    """Return a folder with an empty module of every kind, under the contracts of this project."""
    root = tmp_path_factory.mktemp("house")
    for name in MODULES:
        write(root, name)
    write(root, "widgets.qt", "import PySide6\n")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    lines = [f"[importlinter]\nroot_package = {contracts['root_package']}"]
    lines.append("include_external_packages = True\n")
    for number, contract in enumerate(contracts["contracts"]):
        lines.append(f"[importlinter:contract:{number}]")
        contract.pop("ignore_imports", None)  # names modules that the miniature lacks
        for key, value in contract.items():
            text = "\n    ".join(["", *value]) if isinstance(value, list) else value
            lines.append(f"{key} = {text}")
    (root / ".importlinter").write_text("\n".join(lines) + "\n", "utf-8")
    return root


def write(root: Path, name: str, text: str = "") -> Path:
    """Write a module and the packages around it."""
    path = root / "desktop_app" / Path(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent
    while folder != root:
        (folder / "__init__.py").touch()
        folder = folder.parent
    path.write_text(text, "utf-8")
    return path


def broken(root: Path) -> set[str]:
    """Return the names of the contracts that do not hold in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert any(line.startswith("Contracts: ") for line in lines), done.stdout + done.stderr
    return {line.removesuffix(" BROKEN") for line in lines if line.endswith(" BROKEN")}


def test_the_miniature_breaks_nothing(miniature):
    assert broken(miniature) == set()


@pytest.mark.parametrize(("module", "imported", "expected"), PLANTED)
def test_a_planted_import_is_found(miniature, module, imported, expected):
    path = write(miniature, module, f"import {imported}\n")
    try:
        assert broken(miniature) == expected
    finally:
        path.write_text("", "utf-8")


def test_a_circle_is_found(miniature):
    first = write(miniature, "window.first", "import desktop_app.window.second\n")
    second = write(miniature, "window.second", "import desktop_app.window.first\n")
    try:
        assert broken(miniature) == {CIRCLES}
    finally:
        first.unlink()
        second.unlink()


def test_every_contract_has_a_planted_violation():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    planted = {name for _module, _imported, names in PLANTED for name in names}
    assert {contract["name"] for contract in contracts["contracts"]} == planted | {CIRCLES}
