"""The composition root: importing it is cheap."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import desktop_app.app
print(sorted(m for m in ("torch", "transformers", "transformer_lens") if m in sys.modules))
"""


def test_importing_the_app_does_not_import_torch():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
