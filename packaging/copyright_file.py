"""Write Debian's machine-readable copyright file of a built folder, from what the folder holds.

    .venv/bin/python packaging/copyright_file.py FOLDER PLACE

PLACE is where the folder will lie, such as `usr/lib/lensbench`. It is a process of its own, for it
asks the program's own list of licences, which looks into the installed program when there is one.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INSIDE = "_internal"
_FORMAT = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
_COMMON = "/usr/share/common-licenses"
# Every Debian holds these; a copy would only be longer.
_GENERAL = {
    "apache-2.0.txt": "Apache-2.0",
    "gpl-3.0.txt": "GPL-3",
    "lgpl-3.0.txt": "LGPL-3",
}
_MOST_HOLDERS = 40
_WITHIN = (
    "The modules of the Python packages below that are written in Python lie inside the program's "
    "own file; their compiled parts and their licences lie beside it."
)


def text(folder: Path, place: str) -> str:
    """Return the copyright file of a built folder.

    Args:
        folder: The program with its libraries.
        place: Where it will lie, without a slash at either end.

    Raises:
        ValueError: Its licences cannot be listed; the sentence ends with what was said.
    """
    command = [sys.executable, str(Path(__file__).resolve()), str(folder.resolve()), place]
    told = subprocess.run(command, capture_output=True, check=False)
    if told.returncode != 0:
        last = told.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ValueError(f"the licences of {folder} cannot be listed: {' '.join(last)}")
    return told.stdout.decode("utf-8")


def main(arguments: list[str]) -> int:
    """Print the file as the two arguments ask for it."""
    folder, place = Path(arguments[0]), arguments[1]
    sys.stdout.buffer.write("\n".join(_paragraphs(folder, place)).encode())
    return 0


def _paragraphs(folder: Path, place: str) -> Iterator[str]:
    root = Path(__file__).resolve().parent.parent
    _, *others = _shipped(folder)
    yield f"Format: {_FORMAT}\nUpstream-Name: Lensbench\nComment:{_body([_WITHIN])}\n"
    yield _files("*", ("2026 The Lensbench authors",), "MIT")
    licences = [("MIT", (root / "LICENSE").read_text(encoding="utf-8"), "")]
    for item in others:
        name = re.sub(r"[^A-Za-z0-9.+-]+", "-", f"licence-of-{item.name}")
        paths = [f"{place}/{INSIDE}/{one}" for one in _brought(folder / INSIDE, item)]
        if paths:
            yield _files(" ".join(paths), item.holders(), name)
        note = f"{item.name} {item.version}: {item.licence}. {item.note or ''}".strip()
        licences.append((name, _text(item), note))
    for name, said, note in licences:
        comment = f"\nComment:{_body([note])}" if note else ""
        yield f"License: {name}{_body(said.splitlines())}{comment}\n"


def _shipped(folder: Path) -> tuple[Any, ...]:
    """Return what the program itself would say of its licences if it ran from this folder."""
    setattr(sys, "frozen", True)  # noqa: B010 - as the frozen program has them
    setattr(sys, "_MEIPASS", str(folder / INSIDE))  # noqa: B010
    return tuple(importlib.import_module("desktop_app.support.licences").shipped())


def _files(patterns: str, named: Iterable[str], licence: str) -> str:
    lines = [re.sub(r"^[^\d©]*©?\s*(?=\d)", "", line) for line in named][:_MOST_HOLDERS]
    holders = "\n ".join(lines or ["see the licence below"])
    return f"Files: {patterns}\nCopyright: {holders}\nLicense: {licence}\n"


def _brought(inside: Path, item: Any) -> list[str]:
    """Return the patterns of what a distribution or a library of the system brought in."""
    if item.kind == "system":  # its files are named in the note, at the end
        named = {word.strip(",.") for word in item.note.split() if ".so" in word}
        return sorted(name for name in named if (inside / name).is_file())
    found = next(iter(metadata.distributions(name=item.distribution, path=[str(inside)])), None)
    if not item.distribution or found is None:
        return []
    tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "bin")}
    there = sorted(top for top in tops if (inside / top).exists())
    return [top + "/*" * (inside / top).is_dir() for top in there]


def _text(item: Any) -> str:
    common = [_GENERAL[path.name] for path in item.files() if path.name in _GENERAL]
    if common and not item.distribution:
        return "\n".join(f"The text is in {_COMMON}/{name}." for name in common)
    return str(item.text())


def _body(lines: Iterable[str]) -> str:
    """Return lines as the continuation of a field; an empty one is a point."""
    cleaned = (re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", line).rstrip() for line in lines)
    return "".join(f"\n {line or '.'}" for line in cleaned)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
