"""What a Linux desktop is told of the program, and what the program asks of the system."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.packaging_.scripts import script
from tests.patience import CHILD_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are files of Linux")
ROOT = Path(__file__).parents[2]
SPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"


@pytest.fixture(scope="module")
def linux_files():
    return script("linux_files")


@pytest.fixture(scope="module")
def share(linux_files, qapp, tmp_path_factory):
    """The files, written below a folder."""
    folder = tmp_path_factory.mktemp("share")
    for place, data in linux_files.share_files("0.1.0", viewer=False, program="lensbench").items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def checked(name, *arguments):
    tool = shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed")
    command = [tool, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=CHILD_S, check=False)


def test_the_desktop_entry_is_valid_and_takes_a_file(share):
    told = checked("desktop-file-validate", share / "applications" / "lensbench.desktop")
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_the_desktop_entry_names_what_the_program_is(share):
    lines = (share / "applications" / "lensbench.desktop").read_text().splitlines()
    words = dict(line.split("=", 1) for line in lines[1:])
    assert words["Exec"] == "lensbench %f"
    assert words["MimeType"] == "application/x-lensbench-session;"
    source = (ROOT / "desktop_app" / "app.py").read_text(encoding="utf-8")
    assert 'setDesktopFileName("lensbench")' in source
    assert words["StartupWMClass"] == "Lensbench"


def test_each_icon_that_is_named_is_there(share):
    for group, name in (("apps", "lensbench"), ("mimetypes", "application-x-lensbench-session")):
        found = {
            path.parts[-3] for path in (share / "icons" / "hicolor").rglob(f"{group}/{name}.*")
        }
        sizes = {f"{size}x{size}" for size in (16, 22, 24, 32, 48, 64, 128, 256, 512)}
        assert found == {*sizes, "scalable"}


def test_a_session_is_known_by_its_name_and_by_its_bytes(share, tmp_path):
    kind = ET.parse(share / "mime" / "packages" / "lensbench.xml").getroot()[0]  # noqa: S314 - it is ours
    assert kind.get("type") == "application/x-lensbench-session"
    assert kind.find(f"{SPACE}glob").get("pattern") == "*.lens"
    outer = kind.find(f"{SPACE}magic/{SPACE}match")
    inner = outer.find(f"{SPACE}match")
    from desktop_app.session.store import Session

    Session.create(tmp_path / "a.lens").close()
    data = (tmp_path / "a.lens").read_bytes()
    for match in (outer, inner):
        value = match.get("value").encode().decode("unicode_escape").encode("latin-1")
        at = int(match.get("offset"))
        assert data[at : at + len(value)] == value


def test_the_mime_type_can_be_taken_in(share):
    told = checked("update-mime-database", share / "mime")
    assert told.returncode == 0, told.stderr
    assert "*.lens" in (share / "mime" / "globs2").read_text()


def test_software_centres_can_read_what_it_is(share):
    file = share / "metainfo" / "org.lensbench.lensbench.metainfo.xml"
    told = checked("appstreamcli", "validate", "--no-net", file)
    assert told.returncode == 0, told.stdout + told.stderr
    release = ET.parse(file).getroot().find("releases/release")  # noqa: S314 - it is ours
    assert release.get("version") == "0.1.0"
    assert len(release.findall("description/ul/li")) > 0


def test_what_is_new_is_read_from_the_changelog(linux_files, monkeypatch):
    text = (
        "# Changelog\n\n## Unreleased\n\n### Added\n- **Bold** and `code`,\n  on two lines.\n"
        "\n## 1.2.0 (2026-01-01)\n\n- Old.\n"
    )
    monkeypatch.setattr(linux_files, "changelog", lambda: text)
    assert linux_files.news("1.2.0") == ["Old."]
    assert linux_files.news("1.3.0") == ["Bold and code, on two lines."]


def test_a_word_that_a_template_lacks_is_told(linux_files):
    with pytest.raises(ValueError, match=r"lensbench\.desktop wants NAME, PROGRAM, SUMMARY"):
        linux_files.template("lensbench.desktop", {})


def test_the_manual_page_names_every_command(share):
    page = gzip.decompress((share / "man" / "man1" / "lensbench.1.gz").read_bytes()).decode()
    from desktop_app.cli import cli

    for name in cli.commands:
        assert f".B {name}\n" in page
    assert "hand_patch" in page
    if shutil.which("man"):
        (share / "lensbench.1").write_text(page)
        told = checked("man", "--warnings", "-l", share / "lensbench.1")
        assert told.stderr == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("lensbench", "do"), "doctor"),
        (("lensbench", "run", "ra"), "rank"),
        (("lensbench", "run", "rank", "--prompt"), "--prompt --prompts"),
        (("lensbench", "results", "--j"), "--json"),
        (("lensbench", "se"), "session.lens"),
    ],
)
def test_the_shell_completes_commands_options_and_sessions(share, tmp_path, words, expected):
    (tmp_path / "session.lens").touch()
    lines = (
        f"source '{share / 'bash-completion' / 'completions' / 'lensbench'}'",
        f"COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1}",
        "compopt() { :; }",  # there is no completion going on here
        "_lensbench",
        'echo "${COMPREPLY[*]}"',
    )
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    command = [bash, "-c", "\n".join(lines)]
    told = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=CHILD_S, check=False
    )
    assert (told.stdout.strip(), told.stderr) == (expected, "")


def test_the_time_of_all_files_is_given_or_the_last_commits(linux_files, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert linux_files.epoch() == 1700000000
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert linux_files.epoch() > 1700000000


def test_libraries_and_their_versions_are_read_from_the_file():
    elf, folder = script("elf"), Path(find_spec("PySide6").origin).parent
    needs = elf.needs(folder / "QtWidgets.abi3.so")
    assert needs.machine == os.uname().machine
    assert {"libQt6Widgets.so.6", "libQt6Core.so.6", "libc.so.6"} <= set(needs.libraries)
    assert any(name.startswith("GLIBC_2.") for name in needs.versions["libc.so.6"])


def test_what_is_no_program_asks_for_nothing(tmp_path):
    elf, file = script("elf"), tmp_path / "file"
    whole = Path(sys.executable).resolve().read_bytes()[:200_000]
    for data in (b"", b"text", b"\x7fELF", whole[:64], whole[:2000], whole[:64] + bytes(4000)):
        file.write_bytes(data)
        needs = elf.needs(file)
        assert needs is None or needs.libraries == ()


@pytest.fixture
def asked():
    """Make what a folder asks for, without a folder."""
    dependencies = script("dependencies")

    def make(libraries, inside=(), versions=()):
        wanted = dict.fromkeys(libraries, "lensbench")
        by_library = {"libc.so.6": set(versions)}
        return dependencies.Wanted("x86_64", wanted, set(inside), by_library)

    return make


def test_packages_are_those_that_hold_the_libraries(asked):
    dependencies = script("dependencies")
    wanted = asked(
        ("libc.so.6", "libm.so.6", "libxcb-cursor.so.0", "libstdc++.so.6"),
        ("libxkbcommon.so.0",),
        ("GLIBC_2.9", "GLIBC_2.34", "GLIBC_PRIVATE", "GLIBCXX_3.4.9", "GLIBCXX_3.4.30"),
    )
    assert dependencies.packages(wanted) == [
        "libc6 (>= 2.34)",
        "libstdc++6 (>= 12)",
        "libxcb-cursor0",
        "xkb-data",
    ]
    assert dependencies.glibc(wanted) == "2.34"


def test_a_library_that_nobody_knows_stops_the_build(asked):
    dependencies = script("dependencies")
    with pytest.raises(dependencies.UnknownLibraryError, match=r"lensbench needs libnobody\.so\.7"):
        dependencies.packages(asked(("libnobody.so.7",)))


def test_parts_that_may_be_missing_ask_for_nothing(tmp_path):
    dependencies, folder = script("dependencies"), Path(find_spec("PySide6").origin).parent
    plugins = folder / "Qt" / "plugins"
    for name in ("platformthemes/libqgtk3.so", "platforms/libqxcb.so"):
        (tmp_path / "plugins" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(plugins / name, tmp_path / "plugins" / name)
    wanted = dependencies.wanted(tmp_path)
    assert "libQt6XcbQpa.so.6" in wanted.libraries
    assert "libgtk-3.so.0" not in wanted.libraries
