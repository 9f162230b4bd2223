"""Runs the user of any habits in a process of its own, and hears what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Told:
    """What came of it.

    Attributes:
        actions: How many were done.
        left: What was left when each window had closed: bytes, objects of Python, widgets of Qt.
        problem: The last actions and what was heard after them; empty: nothing.
    """

    actions: int
    left: list[dict[str, int]]
    problem: str


def act(folder: Path, windows: int, steps: int, seed: int, seconds: float | None = None) -> Told:
    """Do `steps` actions on each of some windows, as the seed says."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    own = {"LENSBENCH_HOME": str(home), "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.actions.child", str(work), *map(str, (windows, steps, seed))],
        cwd=REPOSITORY,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1", **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        return Told(0, [], f"ended with {done.returncode}: {done.stderr[-6000:]}")
    return Told(**json.loads(lines[-1]))
