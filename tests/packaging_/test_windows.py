"""What makes the installer for Windows, as far as it can be looked at elsewhere."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import types
import uuid
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QByteArray, Qt
from PySide6.QtGui import QImage

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging" / "windows"
SECTIONS = (
    *("Setup", "Languages", "Tasks", "InstallDelete", "Files", "Icons", "Registry", "Run"),
    "Code",
)


@pytest.fixture
def installer(qapp, monkeypatch):
    """The module, with icons that are quickly drawn."""
    dot = QByteArray()
    buffer = QBuffer(dot)
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image = QImage(138, 138, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    image.save(buffer, "PNG")

    def write(out):
        for name in ("lensbench.ico", "session.ico"):
            (out / name).write_bytes(b"")

    drawing = types.SimpleNamespace(write=write, png=lambda _name, _size: dot.data())
    monkeypatch.setitem(sys.modules, "icons", drawing)
    place = ROOT / "packaging" / "windows_installer.py"
    spec = importlib.util.spec_from_file_location("installer_under_test", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "compiler", lambda: "iscc")
    return module


@pytest.fixture
def folder(tmp_path):
    """A stand-in for the built program."""
    place = tmp_path / "lensbench"
    place.mkdir()
    for name in ("lensbench.exe", "lensbenchw.exe"):
        (place / name).write_bytes(b"MZ")
    return place


def sections():
    """The script's lines by section, without what the preprocessor reads."""
    found, lines = {}, []
    for line in (FOLDER / "lensbench.iss").read_text(encoding="ascii").splitlines():
        head = re.fullmatch(r"\[(\w+)\]", line)
        if head:
            lines = found.setdefault(head[1], [])
        elif found and line.strip() and not line.startswith((";", "#")):
            lines.append(line)
    return found


def entries(section):
    """The entries of a section as dictionaries; each must be `Name: value` throughout."""
    for line in sections()[section]:
        text = r'\s*(\w+): ("(?:[^"]|"")*"|[^;"]+)\s*'
        assert re.fullmatch(f"{text}(;{text})*;?", line), line
        yield {
            name: re.sub(r'^"|"$', "", value.strip()).replace('""', '"')
            for name, value in re.findall(text, line)
        }


def test_the_script_has_its_sections_once_and_in_order():
    assert tuple(sections()) == SECTIONS
    for line in sections()["Setup"]:
        assert re.fullmatch(r"\w+=\S.*", line), line


def test_nobody_is_asked_for_rights_and_the_user_may_choose():
    setup = dict(line.split("=", 1) for line in sections()["Setup"])
    assert setup["PrivilegesRequired"] == "lowest"
    assert setup["PrivilegesRequiredOverridesAllowed"] == "dialog commandline"
    assert setup["ArchitecturesInstallIn64BitMode"] == setup["ArchitecturesAllowed"]
    licence = setup["LicenseFile"].replace("{#SourcePath}", f"{FOLDER}/").replace("\\", "/")
    assert Path(licence).resolve() == ROOT / "LICENSE"


def test_the_two_programs_do_not_meet():
    text = (FOLDER / "lensbench.iss").read_text(encoding="ascii")
    for name in ("Guid", "ProgId", "Name", "Stem"):
        first, second = re.findall(rf'#define {name} "([^"]+)"', text)
        assert first != second
        if name == "Guid":
            assert uuid.UUID(first) != uuid.UUID(second)


def test_nothing_of_the_users_is_written_or_removed():
    text = (FOLDER / "lensbench.iss").read_text(encoding="ascii")
    assert "UninstallDelete" not in text
    removed = [entry["Name"] for entry in entries("InstallDelete")]
    assert removed == [r"{app}\_internal"]
    assert {entry["DestDir"] for entry in entries("Files")} == {"{app}"}
    for entry in entries("Registry"):
        assert entry["Root"] == "HKA"
        assert entry["Subkey"].startswith("Software\\Classes\\")


def test_a_session_is_opened_by_the_program_without_a_console():
    commands = [e["ValueData"] for e in entries("Registry") if e["Subkey"].endswith("command")]
    assert commands == [r'"{app}\lensbenchw.exe" "%1"']
    tasks = {entry["Name"] for entry in entries("Tasks")}
    assert {entry["Tasks"] for entry in entries("Registry")} <= tasks
    programs = {e["Filename"] for section in ("Icons", "Run") for e in entries(section)}
    assert programs == {r"{app}\lensbenchw.exe"}


def test_every_definition_is_given_and_used(installer, folder, tmp_path):
    text = (FOLDER / "lensbench.iss").read_text(encoding="ascii")
    line = installer.command(folder, tmp_path, viewer=False, version="1.2", drawn=tmp_path)
    given = {part[2:].split("=")[0] for part in line if part.startswith("/D")}
    assert given == set(re.findall(r"#ifndef (\w+)\n  #error", text))
    line = installer.command(folder, tmp_path, viewer=True, version="1.2", drawn=tmp_path)
    assert "/DViewer" in line
    assert line[-1] == str(FOLDER / "lensbench.iss")


def test_the_installer_is_named_and_found(installer, folder, tmp_path, monkeypatch):
    def run(line, check):
        icons = next(part for part in line if part.startswith("/DIcons=")).split("=")[1]
        assert (Path(icons) / "session.ico").is_file()
        corner = QImage(str(Path(icons) / "lensbench.bmp"))
        assert corner.pixelColor(0, 0) == Qt.GlobalColor.white
        (tmp_path / "lensbench-viewer-1.2-windows-x86_64-setup.exe").write_bytes(b"MZ")
        return subprocess.CompletedProcess(line, 0)

    monkeypatch.setattr(subprocess, "run", run)
    made = installer.build(folder, tmp_path, viewer=True, version="1.2")
    assert made.name == "lensbench-viewer-1.2-windows-x86_64-setup.exe"


def test_what_is_missing_is_named(installer, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda line, check: subprocess.CompletedProcess(line, 2))
    with pytest.raises(installer.InstallerError, match="Inno Setup refused the script"):
        installer.build(folder, tmp_path, viewer=False, version="1.2")
    (folder / "lensbenchw.exe").unlink()
    with pytest.raises(installer.InstallerError, match=r"holds no lensbenchw\.exe"):
        installer.build(folder, tmp_path, viewer=False, version="1.2")


def test_a_missing_compiler_is_named(tmp_path, monkeypatch, installer):
    spec = installer.__spec__
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    for name in ("PATH", "ProgramFiles(x86)", "ProgramFiles", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("LENSBENCH_ISCC", raising=False)
    with pytest.raises(fresh.InstallerError, match="Inno Setup is missing; install"):
        fresh.compiler()
    place = tmp_path / "Programs" / "Inno Setup 6"
    place.mkdir(parents=True)
    (place / "ISCC.exe").write_bytes(b"MZ")
    assert fresh.compiler() == str(place / "ISCC.exe")


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("1.2.3", (1, 2, 3, 0)), ("0.2.0rc1", (0, 2, 0, 0)), ("2026.1.dev3", (2026, 1, 0, 0))],
)
def test_explorers_words_are_filled_in(installer, version, numbers):
    tree = ast.parse(installer.version_info(version, viewer=True, program="lensbenchw"))
    (call,) = [node.value for node in tree.body]
    told = {
        node.args[0].value: node.args[1].value
        for node in ast.walk(call)
        if isinstance(node, ast.Call) and node.func.id == "StringStruct"
    }
    assert told["ProductVersion"] == version
    assert told["ProductName"] == "Lensbench Viewer"
    assert told["OriginalFilename"] == "lensbenchw.exe"
    fixed = next(word.value for word in call.keywords if word.arg == "ffi")
    assert ast.literal_eval(fixed.keywords[0].value) == numbers
