"""Another package's own numbers, from a Python of an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess

from tests.patience import CHILD_S


def ask_child(variable, child, jobs, **environment):
    """Return what a script says to jobs, all in one process of the Python that a variable names."""
    own = {**os.environ, "HF_HUB_OFFLINE": "1", **environment}
    own.pop("PYTHONPATH", None)
    done = subprocess.run(
        [os.environ[variable], str(child)],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
        timeout=CHILD_S,
        env=own,
        cwd=child.parent,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
