"""Archives that are the same whenever and wherever they are made from the same files."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Entry:
    """One file, folder or link: bytes of its own, or a file of this machine, or where it leads."""

    kind: bytes
    mode: int
    size: int = 0
    source: Path | bytes = b""
    target: str = ""


class Tree:
    """What an archive is to hold, each under a name without a slash at its start.

    Everything belongs to root, bears one time, and has the mode of its kind, whatever the machine
    that it was built on says.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._entries: dict[str, _Entry] = {}

    def add_folder(self, folder: Path, place: str) -> None:
        """Take in a folder of this machine with all that is in it.

        Raises:
            ValueError: It holds a link that leads out of it, or something that is no file.
        """
        root = folder.resolve()
        for path in sorted(folder.rglob("*")):
            name, found = f"{place}/{path.relative_to(folder).as_posix()}", path.lstat()
            if stat.S_ISLNK(found.st_mode):
                if not path.resolve().is_relative_to(root) or not path.exists():
                    raise ValueError(f"{path} is a link that leads out of {folder}.")
                self.add_link(name, path.readlink().as_posix())
            elif stat.S_ISREG(found.st_mode):
                self._add(name, _Entry(tarfile.REGTYPE, _mode(path), found.st_size, path))
            elif stat.S_ISDIR(found.st_mode):
                self._add(name, _Entry(tarfile.DIRTYPE, 0o755))
            else:
                raise ValueError(f"{path} is neither a file, a folder nor a link.")

    def add_bytes(self, place: str, data: bytes, mode: int = 0o644) -> None:
        """Take in a file of this content."""
        self._add(place, _Entry(tarfile.REGTYPE, mode, len(data), data))

    def add_link(self, place: str, target: str) -> None:
        """Take in a symbolic link.

        Raises:
            ValueError: It leads to an absolute path, which is another one wherever it is unpacked.
        """
        if PurePosixPath(target).is_absolute():
            raise ValueError(f"{place} is a link to {target}, which is absolute.")
        self._add(place, _Entry(tarfile.SYMTYPE, 0o777, target=target))

    def names(self, *, folders: bool = False) -> list[str]:
        """Return the names of files and links, in order; with folders, each ends with a slash."""
        kinds = {name: entry.kind == tarfile.DIRTYPE for name, entry in self._entries.items()}
        return sorted(n + "/" * is_one for n, is_one in kinds.items() if folders or not is_one)

    def kibibytes(self) -> int:
        """Return what it takes on a disk, as Debian counts: whole kibibytes, one for the rest."""
        return sum(max(1, -(-entry.size // 1024)) for entry in self._entries.values())

    def write(self, tar: tarfile.TarFile, digest: Callable[..., Any]) -> dict[str, str]:
        """Write everything, in order, and return the digest of each file."""
        digests = {}
        tar.addfile(self._info(".", _Entry(tarfile.DIRTYPE, 0o755)))
        for name in sorted(self._entries):
            entry = self._entries[name]
            info = self._info(f"./{name}", entry)
            if entry.kind != tarfile.REGTYPE:
                tar.addfile(info)
                continue
            with _opened(entry.source) as file:
                reader = _Digesting(file, digest(usedforsecurity=False))
                tar.addfile(info, reader)
            digests[name] = reader.digest.hexdigest()
        return digests

    def _add(self, name: str, entry: _Entry) -> None:
        for parent in PurePosixPath(name).parents:
            if str(parent) != ".":
                self._entries.setdefault(str(parent), _Entry(tarfile.DIRTYPE, 0o755))
        self._entries[name] = entry

    def _info(self, name: str, entry: _Entry) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.mtime = (
            entry.kind,
            entry.mode,
            entry.size,
            self._epoch,
        )
        info.linkname, info.uname, info.gname = entry.target, "root", "root"
        return info


class _Digesting:
    """A file whose bytes are counted into a digest as they are read."""

    def __init__(self, file: BinaryIO, digest: Any) -> None:
        self._file = file
        self.digest = digest

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def write_compressed(tree: Tree, out: BinaryIO, tool: str = "zstd") -> tuple[str, dict[str, str]]:
    """Write a tree as a compressed archive.

    Args:
        tree: What to write.
        out: A file of this machine, open for writing.
        tool: `zstd`, which dpkg of Debian 12 and Ubuntu 22.04 reads and which unpacks fast, or
            `xz`, which every system has. Python's own xz serves, slowly, where it is missing.

    Returns:
        The suffix of the archive's name, `zst` or `xz`, and the MD5 of each file.
    """
    kind = "zst" if tool == "zstd" and shutil.which("zstd") else "xz"
    if shutil.which("zstd" if kind == "zst" else "xz") is None:
        with lzma.open(out, "wb", preset=1) as packed, _tar(packed) as tar:
            return kind, tree.write(tar, hashlib.md5)
    # Two threads at least, even on one core: with one alone both tools write another file.
    threads = max(2, os.cpu_count() or 1)
    commands = {
        "zst": ["zstd", "-q", "-12", f"-T{threads}", "-c"],
        "xz": ["xz", "-q", "-1", f"-T{threads}", "--block-size=32MiB", "-c"],
    }
    with subprocess.Popen(commands[kind], stdin=subprocess.PIPE, stdout=out) as process:
        if process.stdin is None:
            raise OSError(f"{commands[kind][0]} cannot be written to")
        with process.stdin as pipe, _tar(pipe) as tar:
            sums = tree.write(tar, hashlib.md5)
    if process.returncode != 0:
        raise OSError(f"{commands[kind][0]} ended with {process.returncode}; is the disk full?")
    return kind, sums


def _tar(file: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT, bufsize=_BLOCK)


def _opened(source: Path | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _mode(path: Path) -> int:
    """Return the mode that a file gets: what is loaded or read is not run, whoever marked it so."""
    if not path.stat().st_mode & 0o100 or ".so" in path.suffixes or path.suffix == ".py":
        return 0o644
    with path.open("rb") as file:
        return 0o755 if file.read(4).startswith((b"\x7fELF", b"#!")) else 0o644
