"""The Debian package of a stand-in, as dpkg unpacks and reads it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from tests.packaging_.scripts import script
from tests.packaging_.standin import stand_in
from tests.patience import CHILD_S

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="Debian's packages are made on Linux"),
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed"),
]


@pytest.fixture(scope="module")
def debian():
    return script("debian")


@pytest.fixture(scope="module")
def built(debian, qapp, tmp_path_factory):
    """The package, and what is in it: unpacked, with its control files in `DEBIAN`."""
    place = tmp_path_factory.mktemp("debian")
    package = debian.build(stand_in(place / "program"), place / "out", False, "1.2.0rc1")
    dpkg("--raw-extract", package, place / "unpacked")
    return package, place / "unpacked"


def dpkg(*arguments):
    command = ["dpkg-deb", *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_S, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_fields_say_what_it_is(debian, built):
    package, _ = built
    assert (
        package.name == f"lensbench_1.2.0~rc1-1_{dpkg('--field', package, 'Architecture')[:-1]}.deb"
    )
    fields = dict(
        line.split(": ", 1) for line in dpkg("--field", package).splitlines() if line[0] != " "
    )
    assert fields["Package"] == "lensbench"
    assert fields["Version"] == "1.2.0~rc1-1"
    assert fields["Conflicts"] == fields["Replaces"] == "lensbench-viewer"
    assert "xdg-utils" in fields["Recommends"]
    assert "shared-mime-info" in fields["Depends"]
    assert int(fields["Installed-Size"]) > 100


def test_everything_is_roots_and_has_the_mode_of_its_kind(built):
    package, _ = built
    lines = [line.split(maxsplit=5) for line in dpkg("--contents", package).splitlines()]
    assert {owner for _, owner, *_ in lines} == {"root/root"}
    assert {(date, time) for _, _, _, date, time, _ in lines} == {tuple(lines[0][3:5])}
    modes = {name: mode for mode, *_, name in lines}
    program = "./usr/lib/lensbench/lensbench"
    assert modes[program] == "-rwxr-xr-x"
    assert modes["./usr/lib/lensbench/_internal/part.so.1"] == "-rw-r--r--"
    for name in ("a file", "module.py", "LICENSE"):
        assert modes[f"./usr/lib/lensbench/_internal/{name}"] == "-rw-r--r--"
    assert modes["./usr/bin/lensbench -> ../lib/lensbench/lensbench"] == "lrwxrwxrwx"
    assert modes["./usr/lib/lensbench/_internal/part.so -> part.so.1"] == "lrwxrwxrwx"
    wrong = [name for name, mode in modes.items() if mode[0] == "d" and mode != "drwxr-xr-x"]
    assert wrong == []


def test_the_program_is_on_the_path(built):
    _, root = built
    told = subprocess.run(
        [root / "usr/bin/lensbench", "a"],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=True,
    )
    assert told.stdout == "stand-in a\n"


def test_desktop_documents_and_nothing_that_runs_at_installing(built):
    _, root = built
    for place in (
        "share/applications/lensbench.desktop",
        "share/icons/hicolor/scalable/apps/lensbench.svg",
        "share/mime/packages/lensbench.xml",
        "share/metainfo/org.lensbench.lensbench.metainfo.xml",
        "share/man/man1/lensbench.1.gz",
        "share/doc/lensbench/changelog.gz",
        "share/doc/lensbench/changelog.Debian.gz",
        "share/lintian/overrides/lensbench",
    ):
        assert (root / "usr" / place).is_file(), place
    assert sorted(path.name for path in (root / "DEBIAN").iterdir()) == ["control", "md5sums"]


def test_sums_are_those_of_every_file(built):
    _, root = built
    lines = (root / "DEBIAN" / "md5sums").read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    there = {
        path.relative_to(root).as_posix(): path for path in files if "DEBIAN" not in path.parts
    }
    assert told.keys() == there.keys()
    for name, path in there.items():
        assert told[name] == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_the_copyright_file_is_machine_readable(built):
    _, root = built
    text = (root / "usr/share/doc/lensbench/copyright").read_text(encoding="utf-8")
    assert text.startswith(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
    )
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    kinds = {part.lstrip("\n").split(":", 1)[0] for part in paragraphs}
    assert kinds == {"Format", "Files", "License"}
    licences = {part.split("\n")[0] for part in paragraphs if part.startswith("License")}
    assert "License: MIT" in licences
    assert "The Lensbench authors" in text


def test_a_second_build_is_the_same(debian, built, qapp, tmp_path):
    package, _ = built
    again = debian.build(stand_in(tmp_path / "elsewhere"), tmp_path, False, "1.2.0rc1")
    assert again.read_bytes() == package.read_bytes()
    assert os.listdir(package.parent) == [package.name]


def test_the_viewer_takes_the_place_of_the_whole(debian, qapp, tmp_path):
    package = debian.build(stand_in(tmp_path / "program"), tmp_path / "out", True, "1.2.0")
    assert package.name.startswith("lensbench-viewer_1.2.0-1_")
    assert dpkg("--field", package, "Conflicts") == "lensbench\n"
    assert "./usr/bin/lensbench -> ../lib/lensbench-viewer/lensbench" in dpkg("--contents", package)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.2.0", "1.2.0"),
        ("1.2.0rc1", "1.2.0~rc1"),
        ("1.2.0.dev3", "1.2.0~dev3"),
        ("1.2.0a1", "1.2.0~a1"),
        ("1.2.0.post1", "1.2.0.post1"),
    ],
)
def test_what_precedes_a_release_is_older(debian, version, expected):
    assert debian.debian_version(version) == expected


def test_who_made_it_can_be_said(debian, monkeypatch):
    monkeypatch.setenv("DEBFULLNAME", "A. Maker")
    monkeypatch.setenv("DEBEMAIL", "maker@example.org")
    assert debian.maintainer() == "A. Maker <maker@example.org>"


def test_no_program_is_refused(debian, tmp_path):
    with pytest.raises(ValueError, match="holds no program `lensbench`"):
        debian.build(tmp_path, tmp_path / "out", False, "1.2.0")


def test_a_link_out_of_the_folder_is_refused(debian, qapp, tmp_path):
    folder = stand_in(tmp_path / "program")
    (folder / "_internal" / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="leads out of"):
        debian.build(folder, tmp_path / "out", False, "1.2.0")
    (folder / "_internal" / "out").unlink()
    (folder / "_internal" / "out").symlink_to(folder / "lensbench")
    with pytest.raises(ValueError, match="which is absolute"):
        debian.build(folder, tmp_path / "out", False, "1.2.0")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_zstd_xz_serves(debian, qapp, tmp_path, monkeypatch):
    archives, which = script("archives"), shutil.which
    hidden = {"zstd", "xz"}
    monkeypatch.setattr(archives.shutil, "which", lambda n: None if n in hidden else which(n))
    package = debian.build(stand_in(tmp_path / "program"), tmp_path / "out", False, "1.2.0")
    assert "./usr/bin/lensbench" in dpkg("--contents", package)
