"""The list of checksums, as coreutils reads and writes it."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import CHILD_S

FILE = Path(__file__).parents[2] / "packaging" / "checksums.py"


@pytest.fixture(scope="module")
def checksums():
    spec = importlib.util.spec_from_file_location("checksums_under_test", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def built(tmp_path):
    """Two files, and what is not listed beside them."""
    folder = tmp_path / "dist"
    (folder / "lensbench").mkdir(parents=True)
    (folder / "lensbench.deb").write_bytes(b"one")
    (folder / "lensbench 0.1 – tool.run").write_bytes(b"two")
    (folder / ".hidden").write_bytes(b"three")
    return folder


def test_a_list_is_written_and_agrees(checksums, built):
    place = checksums.write(built)
    digests = [hashlib.sha256(data).hexdigest() for data in (b"two", b"one")]
    names = ["lensbench 0.1 – tool.run", "lensbench.deb"]
    lines = [f"{digest}  {name}" for digest, name in zip(digests, names, strict=True)]
    assert place.read_text(encoding="utf-8").splitlines() == lines
    assert checksums.verify(built) == tuple(names)
    assert checksums.write(built).read_text(encoding="utf-8").splitlines() == lines


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
def test_coreutils_reads_it_and_is_read(checksums, built):
    checksums.write(built)
    command = ["sha256sum", "--strict", "-c", checksums.NAME]
    subprocess.run(command, cwd=built, check=True, capture_output=True, timeout=CHILD_S)
    names = ["lensbench.deb", "lensbench 0.1 – tool.run"]
    command = ["sha256sum", "--binary", *names]
    done = subprocess.run(command, cwd=built, check=True, capture_output=True, timeout=CHILD_S)
    (built / checksums.NAME).write_bytes(done.stdout)
    assert checksums.verify(built) == tuple(names)


def change(folder):
    (folder / "lensbench.deb").write_bytes(b"another")


def lose(folder):
    (folder / "lensbench.deb").unlink()


def add(folder):
    (folder / "more.exe").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (change, "“lensbench.deb” in .* is not the file that was listed; fetch it again."),
        (lose, "“lensbench.deb” is in the list .* and not there."),
        (add, "“more.exe” is in .* and not in its list."),
    ],
)
def test_what_differs_is_named(checksums, built, damage, sentence):
    checksums.write(built)
    damage(built)
    with pytest.raises(checksums.ChecksumError, match=sentence):
        checksums.verify(built)


@pytest.mark.parametrize(
    "text", ["", "nonsense\n", "0" * 64 + "  ../outside\n", "0" * 64 + "  a/b\n", "x" * 2_000_000]
)
def test_what_is_no_list_is_refused(checksums, built, text):
    (built / checksums.NAME).write_text(text)
    with pytest.raises(checksums.ChecksumError):
        checksums.verify(built)


def test_folders_are_gathered_into_one(checksums, tmp_path):
    for system, file in (("linux", "a.deb"), ("windows", "b.exe")):
        (tmp_path / "from" / system).mkdir(parents=True)
        (tmp_path / "from" / system / file).write_text(system)
        checksums.write(tmp_path / "from" / system)
    checksums.gather(tmp_path / "from", tmp_path / "release")
    assert checksums.verify(tmp_path / "release") == ("a.deb", "b.exe")


def test_nothing_is_gathered_where_something_is_wrong(checksums, tmp_path):
    for system in ("linux", "windows"):
        (tmp_path / "from" / system).mkdir(parents=True)
        (tmp_path / "from" / system / "a.deb").write_text(system)
        checksums.write(tmp_path / "from" / system)
    with pytest.raises(checksums.ChecksumError, match=r"“a\.deb” is both in"):
        checksums.gather(tmp_path / "from", tmp_path / "release")
    (tmp_path / "from" / "windows" / "a.deb").write_text("changed")
    with pytest.raises(checksums.ChecksumError, match="is not the file that was listed"):
        checksums.gather(tmp_path / "from", tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_the_command_says_what_it_did(checksums, built, tmp_path, capsys):
    assert checksums.main(["write", str(built)]) == 0
    assert checksums.main(["verify", str(built)]) == 0
    assert "2 files agree" in capsys.readouterr().out
    change(built)
    assert checksums.main(["verify", str(built)]) == 1
    assert capsys.readouterr().err.startswith("checksums: “lensbench.deb”")
    assert checksums.main(["write", str(tmp_path / "absent")]) == 1
