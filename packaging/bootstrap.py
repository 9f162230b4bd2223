"""Set up Lensbench from a fresh clone, then run it, its tests, or what makes installers of it.

    python3 packaging/bootstrap.py run [options] [arguments of lensbench]
    python3 packaging/bootstrap.py test [options] [arguments of pytest]
    python3 packaging/bootstrap.py package [options] [--viewer] [--out DIR] [--folder-only]
    python3 packaging/bootstrap.py wheelhouse DIR [--platform NAME] [--python 3.X]

The first three make `.venv` beside this folder, install the exact versions of `constraints.txt`
there, fetch the model pack where it is used, and start. What is done already is not done again, so
that a second run starts at once. The fourth gathers all that they install, for a machine without a
network, which names that folder by `--from`. Standard library only; the syntax is that of Python
3.7, so that an older Python can still say which versions are needed.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import system_packages
import wheelhouse
import wheelhouse_list
from system_packages import INSTALLERS, LIBRARIES, QT_FILES
from wheelhouse_list import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "lensbench-stamp.txt"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
OLDEST, NEWEST = (3, 11), (3, 13)
MODEL = "smollm2"
OPTIONS = ("--from", "--torch-index")
# Both cores of a small machine; each worker loads the models that its tests need, 2 GB in all.
# The arguments given come after these, so that `-n 0` runs the tests in one process.
PARALLEL = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")
USAGE = """\
usage: python3 packaging/bootstrap.py run [options] [arguments of lensbench]
       python3 packaging/bootstrap.py test [options] [arguments of pytest]
       python3 packaging/bootstrap.py package [options] [--viewer] [--out DIR] [--folder-only]
       python3 packaging/bootstrap.py wheelhouse DIR [--platform NAME] [--python 3.X]
options, which stand first:
       --from DIR         install from the wheelhouse DIR alone, without a network
       --torch-index URL  take torch from this index or folder (with wheelhouse too); `default`
                          goes back to the one that pip uses for everything else"""


class Source(NamedTuple):
    """Where packages come from: pip's own index, or one wheelhouse; and torch."""

    folder: Path | None = None
    torch_index: str | None = None  # None: as before

    @property
    def settings(self) -> dict[str, str]:
        """Return what pip is told by its environment."""
        return {} if self.folder is None else wheelhouse.alone(self.folder)


class Stamp(NamedTuple):
    """What a finished installation was made from."""

    inputs: str = "\n\n\n"
    torch_index: str = ""
    bundle: bool = False

    @property
    def text(self) -> str:
        """Return it as it is written down; in the plain case the inputs alone."""
        torch = f"torch {self.torch_index}\n" if self.torch_index else ""
        return self.inputs + torch + ("bundle\n" if self.bundle else "")


def main(arguments: list[str]) -> int:
    """Set up, then run the application, the tests or the packaging; return the exit code."""
    command, rest = "".join(arguments[:1]), arguments[1:]
    helping = command == "package" and {"-h", "--help"} & set(rest)
    if helping or command not in ("run", "test", "package", "wheelhouse"):
        say(USAGE)
        return 0 if helping or command in ("-h", "--help") else 2
    try:
        check_python()
        return gather(rest) if command == "wheelhouse" else set_up_and_start(command, rest)
    except SetupError as error:
        say("lensbench: " + str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def set_up_and_start(command: str, arguments: list[str]) -> int:
    """Do what was not done before, then start what was asked for; return its exit code."""
    source, rest = take_source(arguments, everywhere=command == "package")
    may_fetch = source.folder is None
    if command == "package":
        check_tools(may_fetch)
    install(source, bundle=command == "package")
    check_libraries(needed_qt_files(command), may_fetch)
    if command == "package":
        script = ROOT / "packaging" / "package.py"
        return call([str(venv_python()), str(script), *rest], source.settings)
    fetch_model(source)
    if command == "test":
        offscreen = {"QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
        return call([str(venv_python()), "-m", "pytest", *PARALLEL, *rest], offscreen, ROOT)
    return call([str(venv_python()), "-m", "desktop_app", *rest])


def take_source(arguments: list[str], everywhere: bool) -> tuple[Source, list[str]]:
    """Take the options of this script out of the arguments; return the source and the others.

    They stand before all others, so that what belongs to lensbench or pytest stays theirs; a `--`
    may end them. With `everywhere` they may stand anywhere.
    """
    found: dict[str, str] = {}
    others: list[str] = []
    rest = list(arguments)
    while rest and (everywhere or rest[0].split("=")[0] in OPTIONS):
        name, equals, value = rest.pop(0).partition("=")
        if name not in OPTIONS:
            others.append(name + equals + value)
        elif equals or rest:
            found[name] = value if equals else rest.pop(0)
        else:
            raise SetupError(f"{name} needs a value; --help shows how.")
    if found and rest[:1] == ["--"]:
        del rest[0]
    if len(found) == 2:
        raise SetupError("a wheelhouse holds its own torch; leave out --torch-index or --from.")
    if "--from" in found:
        folder = Path(found["--from"]).resolve()
        listing = wheelhouse_list.read(folder)
        wheelhouse_list.check_fits(folder, listing, ROOT)
        return Source(folder, listing.torch_index), others + rest
    index = found.get("--torch-index")
    return Source(None, index and wheelhouse.checked_index(index)), others + rest


def gather(arguments: list[str]) -> int:
    """Make a wheelhouse, and say what to do with it."""
    pythons = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    folder, target, index = wheelhouse.asked(arguments, pythons)
    if venv_version() == ():
        make_venv()
    listing = wheelhouse.make(folder, target, index, ROOT, pip)
    say(
        f"{folder} holds {len(listing.files)} files, {listing.bytes / 1e9:.2f} GB, for Lensbench "
        f"{listing.lensbench} on {target.platform} with Python {target.python}. Copy it and this "
        "project's folder (without .venv) to that machine, and run there\n"
        f"    python{target.python} packaging/bootstrap.py run --from DIR"
    )
    return 0


def check_python() -> None:
    """Refuse a Python for which there are no tested versions."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [f"`{name} packaging/bootstrap.py`" for name in names if shutil.which(name)]
    advice = f"run {found[0]}" if found else "install one of them and run this with it"
    raise SetupError(
        f"this is Python {platform.python_version()}, and 3.{OLDEST[1]} to 3.{NEWEST[1]} is "
        f"needed; {advice}."
    )


def install(source: Source, bundle: bool) -> None:
    """Make `.venv` and install into it, unless that was done for these very files and Python."""
    known = read_stamp()
    index = known.torch_index if source.torch_index is None else source.torch_index
    written = wheelhouse.without_password(index)
    wanted = Stamp(wanted_inputs(), written, bundle or known.bundle)
    is_there = venv_python().exists()
    if is_there and known == wanted:
        return
    if source.folder is not None:
        say(f"checking the wheelhouse {source.folder} ...")
        wheelhouse_list.check_files(source.folder, wheelhouse_list.read(source.folder))
    # Another build of torch brings other libraries: none of the former is to be left.
    if not is_there or known.torch_index != written or venv_version() != sys.version_info[:2]:
        make_venv(may_fetch=source.folder is None)
    STAMP.write_text(Stamp(torch_index=written).text, "utf-8")
    say("2/3 installing the pinned packages (minutes the first time; torch is large) ...")
    start = ["-m", "pip", "install", "-c", str(CONSTRAINTS)]
    if index and source.folder is None:
        # What torch shares with others comes first, from where those come from.
        run_pip([*start, *wheelhouse.TORCH_NEEDS], {})
        run_pip([*start, "torch"], wheelhouse.only_from(index, ROOT / "packaging"))
    extras = "[compute,dev,bundle]" if wanted.bundle else "[compute,dev]"
    run_pip([*start, "-e", str(ROOT) + extras], source.settings)
    STAMP.write_text(wanted.text, "utf-8")


def run_pip(arguments: list[str], extra: dict[str, str]) -> None:
    """Run pip in `.venv`; raises where it fails."""
    code = pip(arguments, extra)
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        raise SetupError(
            "pip could not install the packages; its last lines above say why (no network, a full "
            "disk?); mend that and run this again."
        )


def pip(arguments: list[str], extra: dict[str, str]) -> int:
    """Run pip in `.venv` and return its exit code."""
    quiet = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return call([str(venv_python()), *arguments], dict(quiet, **extra))


def read_stamp() -> Stamp:
    """Return what was installed; nothing where that was never finished."""
    try:
        lines = STAMP.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return Stamp()
    torch = [line[6:] for line in lines[3:] if line.startswith("torch ")]
    return Stamp("\n".join([*lines[:3], ""]), "".join(torch[:1]), "bundle" in lines[3:])


def wanted_inputs() -> str:
    """Return what identifies an installation: the requirements, the Python and the place."""
    where = f"{platform.python_version()} {sys.platform} {platform.machine()}"
    return "\n".join((wheelhouse_list.inputs_of(ROOT), where, str(ROOT), ""))


def venv_python() -> Path:
    """Return the interpreter of `.venv`, whether or not it exists."""
    if os.name == "nt":
        return VENV / "Scripts" / "python.exe"
    return VENV / "bin" / "python"


def venv_version() -> tuple[int, ...]:
    """Return major and minor of the Python in `.venv`, or nothing where it or its pip is broken."""
    command = [str(venv_python()), "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        text = subprocess.check_output(command, stderr=subprocess.DEVNULL, env=child_environment())
        return tuple(int(number) for number in text.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def make_venv(may_fetch: bool = True) -> None:
    """Make `.venv` anew, with pip."""
    say(f"1/3 making .venv with Python {platform.python_version()} ...")
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        # Debian and Ubuntu ship the two in a package of their own.
        package = f"python3.{sys.version_info[1]}-venv"
        if shutil.which("apt-get") is None:
            raise SetupError("this Python lacks {}; install it.".format(" and ".join(missing)))
        if not may_fetch or not apt_install([package]):
            raise SetupError(
                "this Python cannot make virtual environments; install what it lacks with "
                f"`{sudo()}apt-get install -y {package}` and run this again."
            )
    if call([sys.executable, "-m", "venv", "--clear", str(VENV)]) != 0:
        raise SetupError(f"{VENV} could not be made; mend what the lines above say and try again.")


def needed_qt_files(command: str) -> list[str]:
    """Return the compiled files of Qt that this command will load or copy (Linux only)."""
    if not sys.platform.startswith("linux"):
        return []
    files = list(QT_FILES)
    shown = command == "run" and os.environ.get("QT_QPA_PLATFORM", "") == ""
    if command == "package" or (shown and os.environ.get("DISPLAY")):
        files.append("Qt/plugins/platforms/libqxcb.so")
    elif shown and os.environ.get("WAYLAND_DISPLAY"):
        files.append("Qt/plugins/platforms/libqwayland*.so")
    folder = glob.escape(str(VENV)) + "/lib/python3*/site-packages/PySide6/"
    return [path for name in files for path in sorted(glob.glob(folder + name))]


def check_libraries(qt_files: list[str], may_fetch: bool) -> None:
    """Install or name the system libraries that Qt needs and this machine lacks."""
    provide("Qt needs system libraries", lambda: missing_libraries(qt_files), LIBRARIES, may_fetch)


def check_tools(may_fetch: bool) -> None:
    """Install or name what makes installers on Linux and this machine lacks."""
    if sys.platform.startswith("linux"):
        table = system_packages.tool_packages()
        provide("packaging needs files", system_packages.missing_tools, table, may_fetch)


def provide(
    what: str, lacking: Callable[[], list[str]], table: dict[str, str], may_fetch: bool
) -> None:
    """Install what this machine lacks where that needs no password, or name the command."""
    missing = lacking()
    if not missing:
        return
    tools = [index for index, line in enumerate(INSTALLERS) if shutil.which(line.split()[0])]
    column = tools[0] if tools else 0
    known = [table[name].split("|")[column].split() for name in missing if name in table]
    packages = sorted({package for group in known for package in group})
    if may_fetch and column == 0 and packages and apt_install(packages):
        missing = lacking()
        if not missing:
            return
    command = "the packages that hold them"
    if packages:
        command = "`{}{} {}`".format(sudo(), INSTALLERS[column], " ".join(packages))
    raise SetupError(
        "{} that are missing ({}); install {} and run this again.".format(
            what, ", ".join(missing), command
        )
    )


def missing_libraries(qt_files: list[str]) -> list[str]:
    """Return the names of the shared libraries that the loader does not find."""
    ldd = shutil.which("ldd")
    if not qt_files or ldd is None:
        return []
    command = [ldd, *qt_files]
    result = subprocess.run(command, capture_output=True, env=child_environment(), check=False)
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    return sorted({line.split()[0] for line in lines if line.endswith("=> not found")})


def apt_install(packages: list[str]) -> bool:
    """Install packages where that needs no password: as root (a container, CI) with apt-get."""
    if shutil.which("apt-get") is None or sudo() != "":
        return False
    say("installing system packages with apt-get: " + " ".join(packages))
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-qq"], quiet)
    install_quietly = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    return call([*install_quietly, *packages], quiet) == 0


def sudo() -> str:
    """Return the prefix that a command for the whole machine needs here."""
    return "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "


def fetch_model(source: Source) -> None:
    """Fetch the model pack where it is missing; the toy model serves where that fails."""
    place = "desktop_app.engine.packs.pack"
    probe = f"import sys; from {place} import is_installed as f; sys.exit(not f({MODEL!r}))"
    command = [str(venv_python()), "-c", probe]
    probed = subprocess.run(command, capture_output=True, env=child_environment(), check=False)
    if probed.returncode == 0:
        return
    say("3/3 fetching the model pack (90 MB, once) ...")
    code = call([str(venv_python()), "-m", "desktop_app", "fetch", MODEL], source.settings)
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        say("The model pack is not installed, so this goes on with the toy model alone.")


def call(
    command: list[str], extra: dict[str, str] | None = None, folder: Path | None = None
) -> int:
    """Run a command to its end and return its exit code; Ctrl-C reaches it and gives 130."""
    interrupts: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN:  # a shell ignores it for what runs in its background
        # The terminal sends it to the command as well, which ends in its own time; ending this
        # one first would leave two programs at one prompt.
        signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    try:
        code = subprocess.call(command, env=child_environment(extra), cwd=folder)
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts and code != 0:
        return 130
    return code if code >= 0 else 128 - code


def child_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment for `.venv`, without what would mix other packages into it."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    return dict(kept, **(extra or {}))


def say(line: str) -> None:
    """Print one line at once, before the output of the command that follows it."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
