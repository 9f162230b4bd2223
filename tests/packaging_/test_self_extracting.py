"""The installer for other Linux systems, run with a stand-in by the system's own shell."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging_.scripts import script
from tests.packaging_.standin import stand_in
from tests.patience import CHILD_S, end_session_of

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="it installs on Linux"),
    pytest.mark.skipif(shutil.which("xz") is None, reason="xz is not installed"),
]

SHELL = "/bin/sh"


@pytest.fixture(scope="module")
def make(qapp, tmp_path_factory):
    """Make an installer of some version; each is made once."""
    made = {}

    def build(version="1.2.0", viewer=False):
        if (version, viewer) not in made:
            place = tmp_path_factory.mktemp("run")
            folder = stand_in(place / "program", f"stand-in {version}")
            (folder / "_internal" / f"only-in-{version}").touch()
            module = script("self_extracting")
            made[version, viewer] = module.build(folder, place / "out", viewer, version)
        return made[version, viewer]

    return build


@pytest.fixture
def home(tmp_path):
    """A user's home, with data of theirs in it."""
    folder = tmp_path / "home of a user"
    for name in (".local/share/Lensbench", ".config/Lensbench", ".local/bin"):
        (folder / name).mkdir(parents=True)
    (folder / ".local/share/Lensbench/session.lens").write_text("work")
    (folder / ".config/Lensbench/settings.json").write_text("{}")
    return folder


def run(installer, *arguments, path="", **words):
    command = [SHELL, str(installer), *map(str, arguments)]
    told = path + os.pathsep + os.environ["PATH"] if path else os.environ["PATH"]
    environment = {**os.environ, "PATH": told, **words}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=CHILD_S, check=False
    )


def started(program, *arguments):
    command = [str(program), *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=CHILD_S)
    return told.stdout


def install(installer, home, *more, **words):
    """Install below `.local` as for one user, whoever runs this."""
    return run(installer, "--prefix", home / ".local", *more, **words)


@contextlib.contextmanager
def running(program):
    """Let something run in place of a stand-in, which is a script: a shell that waits for words."""
    program.unlink()
    shutil.copy(SHELL, program)
    with subprocess.Popen([str(program)], stdin=subprocess.PIPE):
        yield


def everything(folder):
    """Return each file and link below a folder with what is in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def test_it_installs_for_a_user_and_runs(make, home):
    told = install(make(), home)
    assert (told.returncode, told.stderr) == (0, "")
    assert "Lensbench 1.2.0 is installed in" in told.stdout
    assert started(home / ".local/bin/lensbench", "a") == "stand-in 1.2.0 a\n"
    entry = (home / ".local/share/applications/lensbench.desktop").read_text()
    assert f'Exec="{home}/.local/opt/lensbench/lensbench" %f\n' in entry
    assert (home / ".local/share/icons/hicolor/16x16/apps/lensbench.png").is_file()
    assert (home / ".local/share/mime/packages/lensbench.xml").is_file()
    assert [path.name for path in (home / ".local/opt").iterdir()] == ["lensbench"]


def test_a_user_without_rights_needs_no_option(make, home, tmp_path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    words = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    told = run(make(), path=str(tmp_path), **words)
    assert (told.returncode, told.stderr) == (0, "")
    assert (home / ".local/bin/lensbench").is_symlink()
    assert (home / "data/applications/lensbench.desktop").is_file()
    assert run(make(), "--uninstall", path=str(tmp_path), **words).returncode == 0
    assert not (home / ".local/opt").exists()


@pytest.mark.parametrize("way", ["option", "script"])
def test_uninstalling_leaves_what_was_there_before(make, home, way):
    before = everything(home)
    assert install(make(), home).returncode == 0
    if way == "option":
        told = install(make(), home, "--uninstall")
    else:
        told = run(home / ".local/opt/lensbench/uninstall.sh")
    assert (told.returncode, told.stderr) == (0, "")
    assert everything(home) == before
    assert (home / ".local/bin").is_dir()
    assert not (home / ".local/opt").exists()
    assert [path.name for path in (home / ".local/share").iterdir()] == ["Lensbench"]


def test_a_newer_version_takes_the_place_of_an_older(make, home):
    assert install(make("1.2.0"), home).returncode == 0
    told = install(make("1.3.0"), home)
    assert told.returncode == 0
    assert "It replaces version 1.2.0 (full)." in told.stdout
    inside = home / ".local/opt/lensbench/_internal"
    assert (inside / "only-in-1.3.0").exists()
    assert not (inside / "only-in-1.2.0").exists()
    told = install(make("1.3.0", viewer=True), home)
    assert "It replaces version 1.3.0 (full)." in told.stdout
    assert (
        "Name=Lensbench Viewer"
        in (home / ".local/share/applications/lensbench.desktop").read_text()
    )


def test_files_that_somebody_put_into_its_folder_are_kept(make, home):
    folder = home / ".local/opt/lensbench"
    assert install(make(), home).returncode == 0
    (folder / "_internal/mine.lens").write_text("work")
    assert "is in" in install(make(), home).stdout
    assert (home / ".local/opt/lensbench.before/_internal/mine.lens").read_text() == "work"
    (folder / "mine too.lens").write_text("work")
    told = install(make(), home, "--uninstall")
    assert "holds files that somebody else put there" in told.stdout
    assert everything(folder) == {"mine too.lens": b"work"}


@pytest.mark.parametrize(
    "name",
    [
        ".local/opt/lensbench",
        ".local/bin/lensbench",
        ".local/share/applications/lensbench.desktop",
    ],
)
def test_what_it_did_not_install_is_not_overwritten(make, home, name):
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text("of somebody else")
    before = everything(home)
    told = install(make(), home)
    assert told.returncode == 1
    assert f"{home / name} is there and was not made by this installer" in told.stderr
    assert everything(home) == before


def test_a_link_that_leads_elsewhere_by_now_is_not_removed(make, home):
    assert install(make(), home).returncode == 0
    link = home / ".local/bin/lensbench"
    link.unlink()
    link.symlink_to("/usr/bin/true")
    assert install(make(), home, "--uninstall").returncode == 0
    assert link.is_symlink()


def test_a_home_that_is_reached_through_a_link_is_like_any_other(make, home, tmp_path):
    before = everything(home)
    (tmp_path / "link").symlink_to(home)
    assert install(make(), tmp_path / "link").returncode == 0
    with running(home / ".local/opt/lensbench/lensbench"):
        assert "Lensbench is running" in install(make(), tmp_path / "link").stderr
    told = install(make(), tmp_path / "link", "--uninstall")
    assert (told.returncode, told.stderr) == (0, "")
    assert everything(home) == before


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_file_installs_nothing(make, home, tmp_path, damage):
    data = bytearray(make().read_bytes())
    if damage == "cut":
        del data[-100:]
    else:
        data[-100] ^= 1
    (tmp_path / "damaged.run").write_bytes(data)
    before = everything(home)
    told = install(tmp_path / "damaged.run", home)
    assert told.returncode == 1
    assert "is damaged or was not copied to its end; fetch it again." in told.stderr
    assert everything(home) == before
    assert run(tmp_path / "damaged.run", "--check").returncode == 1


def test_a_failure_half_way_leaves_the_older_version(make, home):
    assert install(make("1.2.0"), home).returncode == 0
    shutil.rmtree(home / ".local/share/man")
    (home / ".local/share/man").write_text("no folder")
    before = everything(home)
    told = install(make("1.3.0"), home)
    assert told.returncode == 1
    assert "nothing was changed" in told.stderr
    assert everything(home) == before
    assert started(home / ".local/bin/lensbench") == "stand-in 1.2.0\n"


def test_an_interruption_leaves_nothing(make, home, tmp_path):
    """All that belongs to the installation is ended while the archive is being unpacked."""
    (tmp_path / "tools").mkdir()
    tool = tmp_path / "tools" / "xz"
    tool.write_text(f"#!/bin/sh\n: >'{tmp_path}/begun'\nkill -TERM 0\n")
    tool.chmod(0o755)
    before = everything(home)
    environment = {**os.environ, "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(
        [SHELL, str(make()), "--prefix", str(home / ".local")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, told = process.communicate(timeout=CHILD_S)
    finally:
        end_session_of(process)
    assert (tmp_path / "begun").exists()
    assert process.returncode != 0
    assert b"nothing was changed" in told
    assert everything(home) == before
    assert not (home / ".local/opt").exists()


def test_too_little_room_is_told_first(make, home, tmp_path):
    (tmp_path / "df").write_text("#!/bin/sh\necho head\necho '/dev/a b 900 800 99 90% /'\n")
    (tmp_path / "df").chmod(0o755)
    told = install(make(), home, path=str(tmp_path))
    assert told.returncode == 1
    assert "has 0 MB free" in told.stderr
    assert not (home / ".local/opt").exists()


@pytest.mark.parametrize(
    ("tool", "says", "sentence"),
    [
        ("uname", "Darwin", "this is for Linux, and here is Darwin."),
        ("sha256sum", "0", "is damaged"),
    ],
)
def test_another_system_is_refused(make, home, tmp_path, tool, says, sentence):
    (tmp_path / tool).write_text(f"#!/bin/sh\necho {says}\n")
    (tmp_path / tool).chmod(0o755)
    told = install(make(), home, path=str(tmp_path))
    assert told.returncode == 1
    assert sentence in told.stderr


@pytest.mark.parametrize(
    ("here", "refused"), [("2.9", True), ("2.34", True), ("2.35", False), ("2.100", False)]
)
def test_an_older_c_library_is_refused(make, home, tmp_path, here, refused):
    text = make().read_bytes().replace(b"GLIBC=''", b"GLIBC='2.35'", 1)
    (tmp_path / "strict.run").write_bytes(text)
    (tmp_path / "getconf").write_text(f"#!/bin/sh\necho glibc {here}\n")
    (tmp_path / "getconf").chmod(0o755)
    told = install(tmp_path / "strict.run", home, path=str(tmp_path))
    assert ("this needs the GNU C library 2.35 or newer" in told.stderr) == refused
    assert (told.returncode != 0) == refused


def test_missing_libraries_are_named_with_their_packages(make, home, tmp_path):
    text = make().read_bytes().replace(b"SCREEN=''", b"SCREEN='_internal/part.so'", 1)
    (tmp_path / "other.run").write_bytes(text)
    for tool, says in (
        ("ldd", "printf '\\tlibEGL.so.1 => not found\\n\\tlibc.so.6 => /lib/libc.so.6 (0x1)\\n'"),
        ("apt-get", "true"),
    ):
        (tmp_path / tool).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / tool).chmod(0o755)
    told = install(tmp_path / "other.run", home, path=str(tmp_path))
    assert told.returncode == 0
    assert "This system lacks libEGL.so.1, without which no window opens." in told.stdout
    assert "Install what it lacks: sudo apt-get install libegl1" in told.stdout


def test_it_can_be_unpacked_alone(make, tmp_path):
    told = run(make(), "--extract-only", tmp_path / "new")
    assert (told.returncode, told.stderr) == (0, "")
    program = tmp_path / "new/lensbench/lensbench"
    assert program.stat().st_mode & 0o7777 == 0o755
    again = run(make(), "--extract-only", tmp_path / "new")
    assert "is not an empty folder" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--nonsense",), "--nonsense is not known; see --help."),
        (("--prefix",), "--prefix wants a folder; see --help."),
        (("--prefix", "here"), "is not an absolute path; begin it with /."),
        (("--prefix", '/a"b'), "holds a character that a desktop entry cannot name"),
        (("--prefix", "/nowhere/at/all", "--uninstall"), "nothing that this installer made is in"),
    ],
)
def test_arguments_that_make_no_sense_are_told(make, arguments, sentence):
    told = run(make(), *arguments)
    assert told.returncode == 1
    assert sentence in told.stderr
    assert not Path("/nowhere").exists()


def test_help_and_the_check_change_nothing(make):
    assert "--extract-only" in run(make(), "--help").stdout
    assert run(make(), "--check").stdout == "This file is whole.\n"
    assert make().stat().st_mode & 0o777 == 0o755
    assert make().name.startswith("lensbench-1.2.0-linux-")
    assert make("1.3.0", viewer=True).name.startswith("lensbench-viewer-1.3.0-linux-")


def test_a_second_build_is_the_same(make, qapp, tmp_path):
    folder = stand_in(tmp_path / "program", "stand-in 1.2.0")
    (folder / "_internal" / "only-in-1.2.0").touch()
    again = script("self_extracting").build(folder, tmp_path / "out", False, "1.2.0")
    assert again.read_bytes() == make("1.2.0").read_bytes()


def test_no_program_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no program `lensbench`"):
        script("self_extracting").build(tmp_path, tmp_path / "out", False, "1.2.0")


def test_while_it_runs_it_is_neither_replaced_nor_removed(make, home):
    assert install(make(), home).returncode == 0
    program = home / ".local/opt/lensbench/lensbench"
    with running(program):
        for more in ((), ("--uninstall",)):
            told = install(make(), home, *more)
            assert told.returncode == 1
            assert "Lensbench is running; close it and try again." in told.stderr
        assert program.exists()
    assert install(make(), home, "--uninstall").returncode == 0
