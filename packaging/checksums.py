"""Write and check `SHA256SUMS`, the list that `sha256sum -c` reads.

    python packaging/checksums.py write dist
    python packaging/checksums.py verify dist
    python packaging/checksums.py gather downloaded release

The first lists every file of a folder, the second compares a folder with its list, and the third
makes one folder with one list out of several, each of which is compared with its own list first.
Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

NAME = "SHA256SUMS"
# As coreutils writes it: the digest, a blank, a blank or a star (bytes as they are), the name.
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
MOST_BYTES = 1_000_000


class ChecksumError(ValueError):
    """One sentence: what is wrong, with which file."""


def write(folder: Path) -> Path:
    """List the files that lie directly in a folder, in the order of their names.

    Folders, links, hidden files and the list itself are not listed. An older list is replaced.

    Args:
        folder: Where the files are, and the list will be.

    Returns:
        The path of the list.

    Raises:
        ChecksumError: There is nothing to list, or a name that such a list cannot hold.
    """
    files = _files(folder)
    if not files:
        raise ChecksumError(f"“{folder}” has no file to list; build one first.")
    lines = [f"{digest(path)}  {path.name}\n" for path in files]
    place = folder / NAME
    beside = folder / f".{NAME}.new"
    beside.write_text("".join(lines), encoding="utf-8", newline="\n")
    os.replace(beside, place)
    return place


def verify(folder: Path) -> tuple[str, ...]:
    """Compare a folder with its list.

    Returns:
        The names of the files that agree.

    Raises:
        ChecksumError: There is no list or none that can be read, or a file is missing, differs, or
            is not in the list.
    """
    wanted = read(folder / NAME)
    there = {path.name for path in _files(folder)}
    for name, known in wanted.items():
        if name not in there:
            raise ChecksumError(f"“{name}” is in the list of “{folder}” and not there.")
        if digest(folder / name) != known:
            raise ChecksumError(
                f"“{name}” in “{folder}” is not the file that was listed; fetch it again."
            )
    for name in sorted(there - set(wanted)):
        raise ChecksumError(f"“{name}” is in “{folder}” and not in its list.")
    return tuple(wanted)


def gather(source: Path, out: Path) -> Path:
    """Move the files of several folders, each with its list, into one with one list.

    Args:
        source: The folder of the folders.
        out: A folder that is empty or not there yet.

    Returns:
        The path of the new list.

    Raises:
        ChecksumError: A folder disagrees with its list, two hold a file of one name, or `out` is
            in use.
    """
    folders = sorted(path for path in source.iterdir() if path.is_dir()) if source.is_dir() else []
    if not folders:
        raise ChecksumError(f"“{source}” holds no folder to gather from.")
    if out.exists() and any(out.iterdir()):
        raise ChecksumError(f"“{out}” is not empty; name another folder.")
    owners: dict[str, Path] = {}
    for folder in folders:
        for name in verify(folder):
            if name in owners:
                raise ChecksumError(f"“{name}” is both in “{owners[name]}” and in “{folder}”.")
            owners[name] = folder
    out.mkdir(parents=True, exist_ok=True)
    for name, folder in owners.items():
        shutil.move(folder / name, out / name)
    return write(out)


def read(place: Path) -> dict[str, str]:
    """Return the digest of each file that a list names.

    Raises:
        ChecksumError: It is missing, too long, or has a line that is none of its format.
    """
    try:
        with place.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ChecksumError(f"“{place}” cannot be read ({error.strerror}).") from None
    if len(data) > MOST_BYTES:
        raise ChecksumError(f"“{place}” is no list of checksums: it is too long.")
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        match = LINE.fullmatch(line)
        if match is None or not _is_plain(match[2]):
            raise ChecksumError(f"“{place}” is no list of checksums: see its line {number}.")
        found[match[2]] = match[1]
    return found


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ChecksumError(f"There is no folder “{folder}”.")
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.is_symlink()
        and path.name != NAME
        and not path.name.startswith(".")
    )
    for path in files:
        if not _is_plain(path.name):
            raise ChecksumError(f"A list of checksums cannot hold the name {path.name!r}.")
    return files


def _is_plain(name: str) -> bool:
    """Return whether a name stays in its folder, and is written the same way everywhere."""
    return name not in {".", ".."} and not re.search(r"[/\\\x00-\x1f]", name)


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("write", "verify"):
        commands.add_parser(name).add_argument("folder", type=Path)
    gathering = commands.add_parser("gather")
    gathering.add_argument("folder", type=Path)
    gathering.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.command == "verify":
            print(f"{len(verify(options.folder))} files agree with {options.folder / NAME}")
            return 0
        place = (
            write(options.folder)
            if options.command == "write"
            else gather(options.folder, options.out)
        )
    except ChecksumError as error:
        print(f"checksums: {error}", file=sys.stderr)
        return 1
    print(place.read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
