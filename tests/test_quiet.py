"""No phoning home: who may open a connection is known by name, and a whole start opens none."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import CHILD_S

ROOT = Path(__file__).parents[1]
# Modules with which a program reaches others, and who may import which: models are fetched where
# the user asks for one, and pip fetches a pack in a process of its own.
NETWORK = (
    *("aiohttp", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "socketserver"),
    *("ssl", "telnetlib", "urllib.request", "urllib3", "webbrowser", "websockets", "xmlrpc"),
    *("huggingface_hub", "subprocess", "wandb"),
    *("PySide6.QtNetwork", "PySide6.QtWebEngineCore", "PySide6.QtWebSockets"),
)
MAY = {
    ("engine/hub.py", "huggingface_hub"),  # a model of the Hub, on demand
    ("engine/catalogue.py", "huggingface_hub"),  # where its cache is
    ("engine/packs/pack_steps.py", "subprocess"),  # pip, which fetches a pack on demand
    ("engine/bounded.py", "subprocess"),  # a tokenizer of a stranger, kept within bounds
    ("support/children.py", "subprocess"),  # how children are started on Windows
}
# A start with the worked example of the toy, every page about the program, and the end.
START = """
import json, os, sys
from pathlib import Path
reached = []
def hear(event, given):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}:
        reached.append([event, repr(given[-2:])])
sys.addaudithook(hear)
from tests.window import filled
window = filled.open_toy_window(Path(sys.argv[1]))
dialog = window.about.open()
for page in range(dialog.pages.count()):
    dialog.pages.setCurrentIndex(page)
    filled.turn_the_loop()
shown = dialog.licences.listed()
filled.close(window)
print(json.dumps({"reached": reached, "licences": len(shown)}))
"""


def imports():
    """Give module and name of whatever is imported anywhere in the program."""
    for path in (ROOT / "desktop_app").rglob("*.py"):
        module = path.relative_to(ROOT / "desktop_app").as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield module, node.module or ""
                yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)


def network_of(name):
    return next((net for net in NETWORK if name == net or name.startswith(f"{net}.")), None)


def test_who_may_open_a_connection_is_known_by_name():
    found = {(module, net) for module, name in imports() if (net := network_of(name))}
    assert found == MAY


@pytest.mark.gui
@pytest.mark.slow
def test_a_whole_start_reaches_nobody(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path / "config")],
        cwd=ROOT,
        env={**os.environ, "LENSBENCH_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=CHILD_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["reached"] == []
    assert found["licences"] > 30
