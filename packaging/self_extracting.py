"""Make the installer for Linux systems without Debian's packages: a shell script and an archive.

    .venv/bin/python packaging/self_extracting.py FOLDER OUT VERSION [--viewer]

The script is `linux/installer.sh`; it needs what every such system has, and no Python.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import archives
import dependencies
import linux_files
import system_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "lensbench"
_TITLES = {False: "Lensbench", True: "Lensbench Viewer"}
_SCREEN = "libqxcb.so"


def build(folder: Path, out: Path, viewer: bool, version: str) -> Path:
    """Write the installer of a built folder and return its path.

    Args:
        folder: The program `lensbench` with its libraries.
        out: The folder that the installer is written to.
        viewer: Whether it is the program that runs no models.
        version: Lensbench's version.

    Raises:
        ValueError: There is no program in the folder, or it holds what cannot be unpacked.
    """
    if not (folder / PROGRAM).is_file():
        raise ValueError(f"{folder} holds no program `{PROGRAM}`: build it first.")
    out.mkdir(parents=True, exist_ok=True)
    asked = dependencies.wanted(folder)
    machine = asked.machine or platform.machine()
    kind = "-viewer" if viewer else ""
    target = out / f"lensbench{kind}-{version}-linux-{machine}.run"
    words = {
        "TITLE": _TITLES[viewer],
        "VERSION": version,
        "KIND": "viewer" if viewer else "full",
        "FILE": target.name,
        "MACHINE": machine,
        "GLIBC": dependencies.glibc(asked),
        "SCREEN": next((_under(folder, path) for path in sorted(folder.rglob(_SCREEN))), ""),
        "LIBRARIES": "\n".join(_libraries()),
        "PROGRAM": "@PROGRAM@",  # the installer's own to replace
    }
    tree = _tree(folder, viewer=viewer, version=version)
    with tempfile.TemporaryFile(dir=out) as body:
        archives.write_compressed(tree, body, "xz")
        words |= {"KIBIBYTES": str(tree.kibibytes()), "DIGEST": _sha256(body), "LINES": ""}
        words["LINES"] = str(linux_files.template("installer.sh", words).count("\n"))
        beside = target.with_suffix(".part")
        with beside.open("wb") as file:
            file.write(linux_files.template("installer.sh", words).encode())
            body.seek(0)
            shutil.copyfileobj(body, file, 1 << 20)
    beside.chmod(0o755)
    os.utime(beside, (linux_files.epoch(), linux_files.epoch()))
    beside.replace(target)
    return target


def _tree(folder: Path, *, viewer: bool, version: str) -> archives.Tree:
    """Return what is unpacked: the program's folder, what goes into `share`, and lists of both."""
    tree = archives.Tree(linux_files.epoch())
    tree.add_folder(folder, PROGRAM)
    script = linux_files.template("uninstall.sh", {"TITLE": _TITLES[viewer]})
    tree.add_bytes(f"{PROGRAM}/uninstall.sh", script.encode(), 0o755)
    inside = [name.removeprefix(f"{PROGRAM}/") for name in tree.names(folders=True)]
    listed = "".join(f"{name}\n" for name in inside if name != f"{PROGRAM}/")
    tree.add_bytes(f"{PROGRAM}/files.txt", listed.encode())
    # The installer writes the path that it has chosen in place of this word.
    shared = linux_files.share_files(version, viewer=viewer, program='"@PROGRAM@"')
    for place, data in shared.items():
        tree.add_bytes(f"share/{place}", data)
    tree.add_bytes("share.txt", "".join(f"{place}\n" for place in sorted(shared)).encode())
    return tree


def _libraries() -> Iterator[str]:
    for library, packages in sorted(system_packages.LIBRARIES.items()):
        yield f"{library} {packages}"


def _under(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest()


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--viewer"]
    print(build(Path(given[0]), Path(given[1]), "--viewer" in sys.argv, given[2]))
