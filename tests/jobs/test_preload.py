"""torch's libraries are loaded without torch, and without holding up other threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
from desktop_app.jobs.quiet import preload_torch
print(preload_torch(), "torch" in sys.modules)
import torch
print(torch.ones(2).sum().item(), preload_torch())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows loads the libraries with the import")
@pytest.mark.slow
def test_preloading_leaves_the_import_intact():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "False", "2.0", "False"]
