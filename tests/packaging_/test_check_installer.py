"""The check of installers, with stand-ins for what Windows and macOS would do."""

from __future__ import annotations

import importlib.util
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP, IMAGE = "lensbench-1.2-windows-x86_64-setup.exe", "lensbench-1.2-macos-arm64.dmg"


@pytest.fixture
def check(monkeypatch):
    place = ROOT / "packaging" / "check_installer.py"
    spec = importlib.util.spec_from_file_location("check_under_test", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PATIENCE_S", 0)  # what is not so here never will be
    monkeypatch.setattr(module, "LOOK_S", 0)
    return module


class System:
    """What the two systems do, as far as the check looks; `faults` says what goes wrong."""

    def __init__(self, *faults):
        self.faults = faults
        self.smoked = []
        self.keys = {}
        self.path = "C:\\tools"
        self.folder = None

    def run(self, line, **more):
        words = [str(word) for word in line]
        name = Path(words[0]).name
        acts = {
            SETUP: self.install,
            "unins000.exe": self.remove,
            "reg": self.query,
            "cmd": self.open,
            "open": self.open,
            "hdiutil": self.attach,
            "ditto": self.copy,
            Path(sys.executable).name: self.smoke,
        }
        act = acts.get(name, lambda _words: "")
        self.environment = more.get("env", os.environ)
        out = act(words)
        done = subprocess.CompletedProcess(words, 0 if out is not None else 1, out or "", "")
        if more.get("check"):
            done.check_returncode()
        return done

    def install(self, words):
        assert "/VERYSILENT" in words
        self.folder = Path(next(w for w in words if w.startswith("/DIR="))[5:])
        self.folder.mkdir(parents=True)
        for name in ("lensbench.exe", "lensbenchw.exe", "session.ico", "unins000.exe"):
            (self.folder / name).touch()
        if "programs" in self.faults:
            (self.folder / "lensbenchw.exe").unlink()
        if "ending" not in self.faults:
            self.keys[r"HKCU\Software\Classes\.lens\OpenWithProgids"] = "Lensbench.Session.1"
        key = r"HKCU\Software\Classes\Lensbench.Session.1"
        self.keys[rf"{key}\shell\open\command"] = f'"{self.folder / "lensbenchw.exe"}" "%1"'
        self.path += f";{self.folder}"
        return ""

    def remove(self, _words):
        shutil.rmtree(self.folder)
        self.keys.clear()
        if "path" not in self.faults:
            self.path = "C:\\tools"
        if "data" in self.faults:
            (Path(os.environ["LOCALAPPDATA"]) / "Lensbench" / "kept.txt").write_text("")
        return ""

    def query(self, words):
        if words[2].endswith("Environment"):
            return self.path
        found = [value for key, value in self.keys.items() if key.startswith(words[2])]
        return "\n".join(found) if found else None

    def open(self, words):
        home = dict(word.split("=") for word in words if word.startswith("LENSBENCH_HOME="))
        place = Path(home.get("LENSBENCH_HOME") or self.environment["LENSBENCH_HOME"]) / "config"
        place.mkdir(parents=True)
        said = "nothing" if "opening" in self.faults else words[-1]
        (place / "settings.json").write_text(said, encoding="utf-8")
        return ""

    def attach(self, words):
        if words[1] == "detach":
            return ""
        volume = Path(words[words.index("-mountpoint") + 1])
        contents = volume / "Lensbench.app" / "Contents"
        (contents / "Resources").mkdir(parents=True)
        if "icon" not in self.faults:
            (contents / "Resources" / "session.icns").touch()
        info = plistlib.loads((ROOT / "packaging" / "macos" / "Info.plist").read_bytes())
        info["CFBundleExecutable"] = "lensbench"
        (contents / "Info.plist").write_bytes(plistlib.dumps(info))
        os.symlink("/Applications", volume / "Applications")
        return ""

    def copy(self, words):
        shutil.copytree(words[1], words[2])
        return ""

    def smoke(self, words):
        self.smoked.append(words[2])
        return None if "program" in self.faults else ""


@pytest.fixture
def perform(check, tmp_path, monkeypatch, capsys):
    """Runs the check of one installer; gives the exit status, what it said and the system."""
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))

    def call(name, *faults):
        system = System(*faults)
        monkeypatch.setattr(sys, "platform", "win32" if name == SETUP else "darwin")
        monkeypatch.setattr(subprocess, "run", system.run)
        code = check.main([str(tmp_path / name)])
        return code, capsys.readouterr().out, system

    return call


def test_a_sound_installer_for_windows_holds(perform):
    code, said, system = perform(SETUP)
    assert code == 0, said
    assert said.count("ok ") == len(said.splitlines()) == 5
    assert "opened by double click" in said
    assert [Path(program).name for program in system.smoked] == ["lensbench.exe"]


def test_a_sound_image_for_macos_holds(perform):
    code, said, system = perform(IMAGE)
    assert code == 0, said
    assert said.count("ok ") == len(said.splitlines()) == 4
    assert system.smoked[0].endswith("Lensbench.app/Contents/MacOS/lensbench")


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        (SETUP, "programs", "the installer left no lensbenchw.exe"),
        (SETUP, "ending", ".lens files are not Lensbench.Session.1's"),
        (SETUP, "program", "ended with 1"),
        (SETUP, "opening", "the session was not opened"),
        (SETUP, "path", "the PATH is not as it was"),
        (SETUP, "data", "the user's data were changed"),
        (IMAGE, "icon", "session.icns is missing"),
        (IMAGE, "program", "ended with 1"),
        (IMAGE, "opening", "the session was not opened"),
    ],
)
def test_what_does_not_hold_is_told(perform, name, fault, words):
    code, said, _system = perform(name, fault)
    assert code == 1
    assert words in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("FAILED")


def test_an_installer_of_another_system_is_refused(check, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in (SETUP, IMAGE, "lensbench.deb"):
        assert check.main([str(tmp_path / name)]) == 2
