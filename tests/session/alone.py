"""Running exported scripts as their readers do, without Lensbench, and reading them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.patience import CHILD_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DRIVER = """
import json, runpy, sys


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"desktop_app", "tests"}:
            raise ImportError("no Lensbench here")


sys.meta_path.insert(0, Blocker())
for script, arguments in json.loads(sys.argv[1]):
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
"""


def run_alone(folder: Path, calls: Sequence[tuple[str, list[str]]]) -> str:
    """Run scripts with their arguments, all in one interpreter; return what they print."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error::SyntaxWarning", "-c", _DRIVER, json.dumps(calls)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=CHILD_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def require_clean(script: Path) -> None:
    """Hold a script to the format and the rules of code that is meant to be read."""
    for command in (["format", "--diff"], ["check", "--select", "E,F,I,W,UP,SIM,RET"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length=100", script],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
