"""A wheel as an archive of a stranger: checked name by name and hash by hash while it is unpacked.

Sizes and numbers are bounded before anything is read for them, no name leads out of the folder or
means something to a system, and what its RECORD does not vouch for is not taken.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from desktop_app.support.files import open_regular
from desktop_app.support.plugin_facts import INFO, MOST_RECORD_BYTES
from desktop_app.support.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_BYTES = 2_000_000_000
"""How large a wheel may be, and all that is in it."""
MOST_FILES = 20_000
_MOST_INDEX_BYTES = 8_000_000
_LONGEST_NAME = 240
_CHUNK = 1 << 20
# The end of an archive: its mark, then how many files it has and how long their list is.
_END, _END_LENGTH, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_END_64, _END_64_LENGTH = b"PK\x06\x07", 20
_ALGORITHMS = ("sha256", "sha384", "sha512")
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_SYSTEM_SIGNS = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_SYSTEM_NAMES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)(\..*)?\Z", re.IGNORECASE
)
_KEPT = ("purelib", "platlib")


class ArchiveError(Exception):
    """A wheel that is not taken: words that follow “it cannot be added, as”."""


def unpack(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel into an empty folder.

    Scripts, headers and data files, which stand outside its packages, are checked and left out.

    Args:
        wheel: The file.
        folder: Where to; what is left there after an error is the caller's to remove.

    Returns:
        Its `*.dist-info` there.

    Raises:
        ArchiveError: It is damaged, too large, or holds what no wheel may hold.
        OSError: A file cannot be read or written.
    """
    with open_regular(wheel) as file:
        _check_end(file)
        try:
            with zipfile.ZipFile(file) as archive:
                return _unpack(archive, folder)
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError) as error:
            raise ArchiveError("it is damaged") from error
        except (UnicodeError, ValueError) as error:
            raise ArchiveError("it cannot be understood") from error


def _unpack(archive: zipfile.ZipFile, folder: Path) -> Path:
    members = _members(archive)
    info = _info_of(members)
    vouched = _record(archive, members[f"{info}/RECORD"])
    own = {f"{info}/{name}" for name in ("RECORD", *_SIGNATURES)}
    if missing := sorted(vouched.keys() - members.keys()):
        raise ArchiveError(f"its RECORD names “{missing[0]}”, which is not there")
    for name, member in members.items():
        place = _place(name)
        if name not in vouched and name not in own:
            raise ArchiveError(f"its RECORD does not name “{name}”")
        target = None if place is None else folder / place
        found = _write(archive, member, target, vouched.get(name, ("sha256", b""))[0])
        if name not in own and not hmac.compare_digest(found, vouched[name][1]):
            raise ArchiveError(f"its “{name}” is not what its RECORD says")
    return folder / info


def _check_end(file: BinaryIO) -> None:
    """Refuse what is no archive, or one with a list of files that is too long to be read."""
    size = os.fstat(file.fileno()).st_size
    if size > MOST_BYTES:
        raise ArchiveError(f"it is larger than {MOST_BYTES // 1_000_000_000} GB")
    start = max(0, size - _END_LENGTH - _LONGEST_COMMENT - _END_64_LENGTH)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or end + _END_LENGTH > len(tail):
        raise ArchiveError("it is no archive of the kind that wheels are")
    count = int.from_bytes(tail[end + 10 : end + 12], "little")
    length = int.from_bytes(tail[end + 12 : end + 16], "little")
    is_64 = tail[max(0, end - _END_64_LENGTH) :].startswith(_END_64)
    if is_64 or count > MOST_FILES or length > _MOST_INDEX_BYTES:
        raise ArchiveError(f"it holds more than {MOST_FILES:,} files")
    file.seek(0)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by name, where every one of them may be unpacked."""
    found: dict[str, zipfile.ZipInfo] = {}
    places: set[str] = set()
    folders: set[str] = set()
    listed = archive.infolist()
    if len(listed) > MOST_FILES:
        raise ArchiveError(f"it holds more than {MOST_FILES:,} files")
    if sum(member.file_size for member in listed) > MOST_BYTES:
        raise ArchiveError(f"it would take more than {MOST_BYTES // 1_000_000_000} GB")
    for member in listed:
        name = member.filename
        _check_member(member)
        if member.is_dir():
            continue
        found[name] = member
        place = _folded(_place(name) or name)
        if place in places:
            raise ArchiveError(f"it holds “{name}” twice")
        places.add(place)
        parts = place.split("/")
        folders.update("/".join(parts[:count]) for count in range(1, len(parts)))
    if both := sorted(places & folders):
        raise ArchiveError(f"its “{both[0]}” is a file and a folder")
    return found


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename.removesuffix("/")
    # The library cuts names at a zero, and turns the other system's slashes around.
    if member.orig_filename.removesuffix("/") != name or not _is_sound(name):
        raise ArchiveError(f"it holds a file of the name “{_shown(member.orig_filename)}”")
    if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise ArchiveError(f"its “{name}” is a link or a device")
    if member.flag_bits & 1:
        raise ArchiveError(f"its “{name}” is encrypted")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ArchiveError(f"its “{name}” is packed as wheels are not")


def _is_sound(name: str) -> bool:
    """Return whether a name stays in its folder and means a file on every system."""
    return (
        len(name) <= _LONGEST_NAME
        and printable(name) == name
        and all(
            part not in {"", ".", ".."}
            and not _SYSTEM_SIGNS.search(part)
            and not _SYSTEM_NAMES.match(part)
            and part[-1] not in ". "
            for part in name.split("/")
        )
    )


def _folded(name: str) -> str:
    """Return a name as a system sees it that does not tell capital letters apart."""
    return unicodedata.normalize("NFC", name).casefold()


def _shown(name: str) -> str:
    return printable(name.replace("\n", "⏎").replace("\t", "⇥"))[:_LONGEST_NAME]


def _place(name: str) -> str | None:
    """Return where a file of a wheel is unpacked to; None: it stands outside of packages."""
    first, _, rest = name.partition("/")
    if not first.endswith(".data") or not rest:
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in _KEPT and inner else None


def _info_of(members: dict[str, zipfile.ZipInfo]) -> str:
    infos = {name.partition("/")[0] for name in members if "/" in name}
    infos = {name for name in infos if name.endswith(INFO)}
    if len(infos) != 1:
        raise ArchiveError(f"it holds {len(infos) or 'no'} folders that end in {INFO}, not one")
    (info,) = infos
    if f"{info}/RECORD" not in members:
        raise ArchiveError("it has no RECORD of its files")
    return info


def _record(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> dict[str, tuple[str, bytes]]:
    """Return algorithm and digest of each file that a RECORD vouches for."""
    if member.file_size > MOST_RECORD_BYTES:
        raise ArchiveError("its RECORD is too large")
    with archive.open(member) as file:
        lines = file.read(MOST_RECORD_BYTES).decode("utf-8").splitlines()
    return dict(_entries(lines))


def _entries(lines: list[str]) -> Iterator[tuple[str, tuple[str, bytes]]]:
    try:
        rows = [row for row in csv.reader(lines) if row]
    except csv.Error as error:
        raise ArchiveError("its RECORD cannot be read") from error
    for row in rows:
        algorithm, _, digest = (row[1] if len(row) > 1 else "").partition("=")
        if not algorithm and not digest:
            continue  # RECORD itself
        if algorithm not in _ALGORITHMS:
            raise ArchiveError("its RECORD vouches by a digest that is not trusted")
        yield row[0], (algorithm, base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)))


def _write(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path | None, algorithm: str
) -> bytes:
    """Unpack a file, where it has a place, and return its digest."""
    digest = hashlib.new(algorithm)
    if target is None:
        with archive.open(member) as source:
            while piece := source.read(_CHUNK):
                digest.update(piece)
        return digest.digest()
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("xb") as file:
        while piece := source.read(_CHUNK):
            digest.update(piece)
            file.write(piece)
    return digest.digest()
