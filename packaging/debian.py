"""Make the Debian package of a built folder.

    .venv/bin/python packaging/debian.py FOLDER OUT VERSION [--viewer]

The archive is written here, without dpkg: names in order, everything root's, one time for all, so
that the same folder gives the same package anywhere. Nothing is run when it is installed or
removed: Debian's own triggers tell the desktop, and what the user made lies elsewhere.
"""

from __future__ import annotations

import email.utils
import hashlib
import io
import os
import platform
import re
import sys
import tarfile
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import archives
import copyright_file
import dependencies
import linux_files

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {False: "lensbench", True: "lensbench-viewer"}
PROGRAM = "lensbench"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# The desktop reads them when they are there, and they bring the triggers that make it do so.
_DESKTOP = ("desktop-file-utils", "hicolor-icon-theme", "shared-mime-info")
_RECOMMENDED = ("fonts-dejavu-core", "xdg-utils")
_NO_ADDRESS = "packages@lensbench.invalid"


def build(folder: Path, out: Path, viewer: bool, version: str) -> Path:
    """Write the package of a built folder and return its path.

    Args:
        folder: The program `lensbench` with its libraries.
        out: The folder that the package is written to.
        viewer: Whether it is the program that runs no models.
        version: Lensbench's version.

    Raises:
        ValueError: There is no program in the folder, it holds what a package cannot, or needs a
            library that no package is known for.
    """
    if not (folder / PROGRAM).is_file():
        raise ValueError(f"{folder} holds no program `{PROGRAM}`: build it first.")
    out.mkdir(parents=True, exist_ok=True)
    name, full = NAMES[viewer], f"{debian_version(version)}-1"
    asked = dependencies.wanted(folder)
    architecture = _ARCHITECTURES[asked.machine or platform.machine()]
    depends = [*dependencies.packages(asked), *_DESKTOP]
    tree = archives.Tree(linux_files.epoch())
    tree.add_folder(folder, f"usr/lib/{name}")
    tree.add_link(f"usr/bin/{PROGRAM}", f"../lib/{name}/{PROGRAM}")
    for place, data in linux_files.share_files(version, viewer=viewer, program=PROGRAM).items():
        tree.add_bytes(f"usr/share/{place}", data)
    for place, data in _documents(folder, name, full).items():
        tree.add_bytes(place, data)
    target = out / f"{name}_{full}_{architecture}.deb"
    with tempfile.TemporaryFile(dir=out) as body:
        kind, sums = archives.write_compressed(tree, body)
        fields = {
            "Package": name,
            "Version": full,
            "Architecture": architecture,
            "Maintainer": maintainer(),
            "Installed-Size": str(tree.kibibytes()),
            "Depends": ", ".join(sorted(set(depends))),
            "Recommends": ", ".join(_RECOMMENDED),
            "Conflicts": NAMES[not viewer],
            "Replaces": NAMES[not viewer],
            "Section": "science",
            "Priority": "optional",
            "Description": _description(viewer=viewer),
        }
        _assemble(target, _control(fields, sums), body, kind)
    return target


def debian_version(version: str) -> str:
    """Return Python's version as Debian orders it: what precedes a release is marked by a tilde."""
    return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", version)


def maintainer() -> str:
    """Return who makes the package: `DEBFULLNAME` and `DEBEMAIL`, as Debian's own tools read."""
    name = os.environ.get("DEBFULLNAME") or "The Lensbench authors"
    return f"{name} <{os.environ.get('DEBEMAIL') or _NO_ADDRESS}>"


def _documents(folder: Path, name: str, full: str) -> dict[str, bytes]:
    date = email.utils.formatdate(linux_files.epoch())
    entry = (
        f"{name} ({full}) unstable; urgency=medium\n\n"
        "  * What is new stands in changelog.gz beside this file.\n\n"
        f" -- {maintainer()}  {date}\n"
    )
    doc = f"usr/share/doc/{name}"
    overrides = linux_files.template("lintian-overrides", {"PACKAGE": name})
    return {
        f"{doc}/copyright": copyright_file.text(folder, f"usr/lib/{name}").encode(),
        f"{doc}/changelog.gz": linux_files.packed(linux_files.changelog()),
        f"{doc}/changelog.Debian.gz": linux_files.packed(entry),
        f"usr/share/lintian/overrides/{name}": overrides.encode(),
    }


def _description(*, viewer: bool) -> str:
    short = linux_files.VIEWER_SUMMARY if viewer else linux_files.SUMMARY
    paragraphs = linux_files.VIEWER if viewer else linux_files.FULL
    wrapped = ("\n ".join(textwrap.wrap(text, 76)) for text in paragraphs)
    return f"{short[0].lower()}{short[1:]}\n " + "\n .\n ".join(wrapped)


def _control(fields: Mapping[str, str], sums: Mapping[str, str]) -> bytes:
    """Return the archive of what dpkg is told of the package."""
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    tree = archives.Tree(linux_files.epoch())
    tree.add_bytes("control", lines.encode())
    tree.add_bytes("md5sums", "".join(f"{sums[n]}  {n}\n" for n in sorted(sums)).encode())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tree.write(tar, hashlib.md5)
    return linux_files.packed(packed.getvalue())


def _assemble(target: Path, control: bytes, body: BinaryIO, kind: str) -> None:
    """Write the three members of a package, in the order that dpkg asks for."""
    beside = target.with_suffix(".deb.part")
    size = body.seek(0, os.SEEK_END)
    body.seek(0)
    with beside.open("wb") as file:
        file.write(b"!<arch>\n")
        _member(file, "debian-binary", 4, io.BytesIO(b"2.0\n"))
        _member(file, "control.tar.gz", len(control), io.BytesIO(control))
        _member(file, f"data.tar.{kind}", size, body)
    beside.replace(target)


def _member(file: BinaryIO, name: str, size: int, content: BinaryIO) -> None:
    head = f"{name:<16}{linux_files.epoch():<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n"
    file.write(head.encode())
    while part := content.read(1 << 20):
        file.write(part)
    file.write(b"\n" * (size % 2))


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--viewer"]
    print(build(Path(given[0]), Path(given[1]), "--viewer" in sys.argv, given[2]))
