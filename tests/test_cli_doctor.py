"""`lensbench doctor` and `--version`: in words and as JSON, also where nothing can be run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app import cli
from desktop_app.support import installed, known_wrong
from desktop_app.support.facts import Facts, as_lines, machine

ROOT = Path(__file__).parents[1]
# A program without the libraries that run models, and, as the viewer is built, without the code
# that uses them.
VIEWER = """
import sys
HIDDEN = ("torch", "transformers", "transformer_lens", "accelerate", "safetensors", "tokenizers",
          "gguf", "huggingface_hub", "desktop_app.engine", "desktop_app.methods")
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(HIDDEN):
            raise ImportError(f"{name} is hidden")
sys.meta_path.insert(0, Hide())
if FROZEN:
    sys.frozen = True
from desktop_app import cli
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def call(capfd):
    """Return a function that runs a command line: (exit status, standard output, error)."""

    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def in_viewer(*arguments, frozen=True):
    code = VIEWER.replace("FROZEN", str(frozen))
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_json_is_the_facts_and_nothing_else(call, tmp_path, monkeypatch):
    monkeypatch.setenv("LENSBENCH_HOME", str(tmp_path))
    code, out, _err = call("doctor", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["torch"].startswith("2.")
    assert facts["model toy"] == "installed"
    assert facts["build"] == "Python packages"
    assert facts["data folder"] == str(tmp_path / "data")
    assert {
        "lensbench", "python", "system", "PySide6-Essentials", "Qt", "memory", "disk", "display",
        "cpu", "settings folder", "log folder", "plug-ins folder", "program folder",
    } <= set(facts)  # fmt: skip
    assert re.fullmatch(
        r"[\d.]+ [KMGT]?B free of [\d.]+ [KMGT]?B at the data folder", facts["disk"]
    )
    assert not {"lacks", "runs models", "known wrong", "other versions"} & set(facts)


def test_words_are_a_line_per_fact(call):
    code, out, _err = call("doctor")
    assert code == 0
    names = [line[:24].strip() for line in out.splitlines()]
    assert names[:3] == ["lensbench", "build", "python"]
    assert all(names)


def test_a_pair_that_is_known_wrong_is_told(call, monkeypatch):
    monkeypatch.setattr(
        installed, "package_version", lambda n: "6.12.0" if "PySide" in n else "1.0"
    )
    monkeypatch.setattr(known_wrong.platform, "python_version", lambda: "3.11.9")
    facts = json.loads(call("doctor", "--json")[1])
    (told,) = facts["known wrong"]
    assert told.startswith("PySide6-Essentials 6.12.0 with Python 3.11.9: ")
    assert any("transformers 1.0 is installed" in line for line in facts["other versions"])


@pytest.mark.parametrize("frozen", [True, False])
def test_the_viewer_says_what_it_lacks_instead_of_refusing(frozen):
    done = in_viewer("doctor", "--json", frozen=frozen)
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["lacks"].startswith("torch, transformers, ")
    advice = "install the full Lensbench." if frozen else 'pip install "lensbench[compute]"'
    assert advice in facts["runs models"]
    assert facts["build"] == installed.BUILD_NAMES["viewer" if frozen else "source"]
    assert not {"cpu", "model toy", "model smollm2"} & set(facts)
    assert "Qt" in facts
    assert in_viewer("doctor", frozen=frozen).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [("run", "rank", "--model", "toy", "--prompt", "1 2"), ("models",), ("fetch", "smollm2")],
)
def test_the_viewer_refuses_what_it_cannot_do_in_one_sentence(arguments):
    done = in_viewer(*arguments)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "lensbench: This is the Lensbench viewer, which shows sessions and runs no models: to run "
        "them, install the full Lensbench."
    ]


def test_the_version_is_said_on_demand(call):
    code, out, err = call("--version")
    assert (code, err) == (0, "")
    assert out == f"Lensbench {installed.package_version('lensbench')} (Python packages)\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is a display")
@pytest.mark.parametrize(
    ("needed", "told"),
    [((), "the worked example runs headless"), (("no_such_library",), "no window opens")],
)
def test_without_a_display_it_says_what_happens(monkeypatch, needed, told):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installed, "COMPUTE", needed)
    assert machine()["display"] == f"none: {told}"


def test_lines_say_each_thing_on_its_own():
    facts: Facts = {"a": "1", "b": ["2", "3"]}
    assert [line.split() for line in as_lines(facts)] == [["a", "1"], ["b", "2"], ["b", "3"]]
