"""What a wheelhouse holds, for whom it was made, and whether it is whole.

A wheelhouse is a folder with every wheel that the two commands of the README install, and a list of
their sizes and hashes. A machine without a network reads this list before it installs anything.
Standard library only; Python 3.7 can read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

LIST = "wheelhouse.json"
SCHEMA = 1
MOST_BYTES = 1 << 20  # of the list itself
WHEEL = re.compile(r"[\w.!+-]+\.whl")
PACKED = (".whl", ".zip", ".gz", ".bz2", ".tar", ".egg")  # what pip would look at
CHUNK = 1 << 20
SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}


class SetupError(Exception):
    """One sentence: what is wrong and what to do."""


class Target(NamedTuple):
    """A kind of machine, and major and minor of its Python."""

    platform: str
    python: str


class Wheel(NamedTuple):
    """One file of a wheelhouse."""

    name: str
    bytes: int
    sha256: str


class Listing(NamedTuple):
    """The list of a wheelhouse; without files where it was never finished."""

    target: Target
    lensbench: str
    inputs: str
    torch_index: str
    files: tuple[Wheel, ...]

    @property
    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(wheel.bytes for wheel in self.files)


def here() -> Target:
    """Return what this machine and this Python are."""
    system, machine = SYSTEMS.get(sys.platform, sys.platform), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    names = {"windows-x86_64": "windows", "macos-aarch64": "macos-arm64"}
    name = f"{system}-{machine}"
    return Target(names.get(name, name), "{}.{}".format(*sys.version_info[:2]))


def inputs_of(root: Path) -> str:
    """Return the hash of the two files that say what is installed, whatever ends their lines."""
    digest = hashlib.sha256()
    for path in (root / "pyproject.toml", root / "packaging" / "constraints.txt"):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def version_of(root: Path) -> str:
    """Return the version of Lensbench that `pyproject.toml` states."""
    found = re.search(r'^version = "([^"]+)"', (root / "pyproject.toml").read_text("utf-8"), re.M)
    return found.group(1) if found else "unknown"


def read(folder: Path) -> Listing:
    """Return the list of a wheelhouse.

    Raises:
        SetupError: There is no such folder, no list in it, or none that can be read.
    """
    if not folder.is_dir():
        raise SetupError(f"there is no folder {folder}; name the wheelhouse after --from.")
    path = folder / LIST
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise SetupError(
            f"{folder} is no wheelhouse, for it holds no {LIST}; make one on a connected machine "
            "with `python3 packaging/bootstrap.py wheelhouse DIR`."
        ) from None
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}); copy it again.") from None
    try:
        if len(text) > MOST_BYTES:
            raise ValueError(len(text))
        return parsed(json.loads(text.decode("utf-8")))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SetupError(
            f"{path} is damaged; copy the wheelhouse again, or make it anew."
        ) from None


def parsed(data: Any) -> Listing:
    """Return what a list says; raises ValueError, KeyError or TypeError where it is none."""
    if data["schema"] != SCHEMA:
        raise ValueError(data["schema"])
    texts = [data[key] for key in ("platform", "python", "lensbench", "inputs", "torch_index")]
    files = tuple(Wheel(row["name"], row["bytes"], row["sha256"]) for row in data["files"])
    for text in [*texts, *(wheel.sha256 for wheel in files)]:
        if not isinstance(text, str):
            raise TypeError(text)
    for wheel in files:
        # A name with a folder in it would lead out of the wheelhouse.
        if not WHEEL.fullmatch(wheel.name) or type(wheel.bytes) is not int:
            raise ValueError(wheel.name)
    platform_name, python, lensbench, inputs, torch_index = texts
    return Listing(Target(platform_name, python), lensbench, inputs, torch_index, files)


def write(folder: Path, listing: Listing) -> None:
    """Write the list at once, so that no half of one is ever found."""
    data = {
        "schema": SCHEMA,
        **listing.target._asdict(),
        "lensbench": listing.lensbench,
        "inputs": listing.inputs,
        "torch_index": listing.torch_index,
        "files": [wheel._asdict() for wheel in listing.files],
    }
    part = folder / (LIST + ".part")
    part.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    os.replace(str(part), str(folder / LIST))


def described(path: Path) -> Wheel:
    """Return a file's name, size and hash."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
    return Wheel(path.name, path.stat().st_size, digest.hexdigest())


def check_fits(folder: Path, listing: Listing, root: Path) -> None:
    """Refuse a wheelhouse that was made for something else than this machine and this version.

    Raises:
        SetupError: It says what differs.
    """
    mine = here()
    if not listing.files:
        raise SetupError(
            f"the wheelhouse {folder} was never finished; run the command that makes it again."
        )
    if listing.target.platform != mine.platform:
        raise SetupError(
            f"the wheelhouse {folder} is for {listing.target.platform}, and this machine is "
            f"{mine.platform}; make one with `wheelhouse DIR --platform {mine.platform}`."
        )
    if listing.target.python != mine.python:
        raise SetupError(
            f"the wheelhouse {folder} is for Python {listing.target.python}, and this is "
            f"{mine.python}; run this with that Python, or make one with `wheelhouse DIR --python "
            f"{mine.python}`."
        )
    if (listing.lensbench, listing.inputs) != (version_of(root), inputs_of(root)):
        raise SetupError(
            f"the wheelhouse {folder} is for Lensbench {listing.lensbench} with other requirements "
            f"than this copy has, which is {version_of(root)}; make it anew from this copy."
        )
    library, version = platform.libc_ver()
    needed = needed_glibc(listing)
    if library == "glibc" and as_numbers(version) < needed:
        raise SetupError(
            "the wheelhouse {} needs glibc {}.{} or later, and this machine has {}; use a newer "
            "system.".format(folder, *needed, version)
        )


def needed_glibc(listing: Listing) -> tuple[int, ...]:
    """Return the oldest glibc on which every file of a wheelhouse for Linux can be loaded."""
    needed: tuple[int, ...] = (0, 0)
    for wheel in listing.files:
        found = re.findall(r"manylinux_(\d+)_(\d+)_", wheel.name.rsplit("-", 1)[-1])
        versions = [(int(major), int(minor)) for major, minor in found]
        needed = max(needed, min(versions) if versions else needed)
    return needed


def as_numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def check_files(folder: Path, listing: Listing) -> None:
    """Compare every file with the list; takes seconds.

    Raises:
        SetupError: One is missing, is damaged, or is not on the list.
    """
    mend = "copy the wheelhouse again, or run the command that makes it once more."
    for wheel in listing.files:
        path = folder / wheel.name
        try:
            whole = path.stat().st_size == wheel.bytes and described(path) == wheel
        except FileNotFoundError:
            raise SetupError(f"{wheel.name} is missing from {folder}; {mend}") from None
        except OSError as error:
            raise SetupError(f"{path} cannot be read ({error.strerror}); {mend}") from None
        if not whole:
            raise SetupError(f"{wheel.name} in {folder} is damaged; {mend}")
    # pip would choose among all that lies there.
    strangers = sorted(set(packed_files(folder)) - {wheel.name for wheel in listing.files})
    if strangers:
        raise SetupError(f"{strangers[0]} in {folder} is not on its list; remove it, or {mend}")


def packed_files(folder: Path) -> list[str]:
    """Return the names of the files that pip would take for packages."""
    return [path.name for path in folder.iterdir() if path.name.lower().endswith(PACKED)]
