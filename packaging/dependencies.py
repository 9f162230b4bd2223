"""Which packages of Debian a built folder needs, computed from the files that it holds."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import elf
import system_packages

if TYPE_CHECKING:
    from pathlib import Path

# What else is of the system wherever there is a system, besides what Qt loads.
_LIBRARIES = {
    **{name: value.split("|")[0].split()[0] for name, value in system_packages.LIBRARIES.items()},
    **dict.fromkeys(
        (
            *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"),
            *("libutil.so.1", "libresolv.so.2", "libanl.so.1", "libmvec.so.1"),
            *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
        ),
        "libc6",
    ),
    "libcrypt.so.1": "libcrypt1",
    "libgcc_s.so.1": "libgcc-s1",
    "libgomp.so.1": "libgomp1",
    "libdrm.so.2": "libdrm2",
    "libgbm.so.1": "libgbm1",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libwayland-server.so.0": "libwayland-server0",
}
# A library that travels inside leaves the files that it reads behind, in a package of their own.
_DATA = {
    "libfontconfig.so.1": "fontconfig-config",
    "libxkbcommon.so.0": "xkb-data",
    "libX11.so.6": "libx11-data",
}
# Parts that are tried and passed over where what they need is missing: themes of other desktops,
# databases, screens without a desktop, cards of other makers; then those that the program needs.
_OPTIONAL = (
    *("*/plugins/*", "*/nvidia/*", "*/lib-dynload/_tkinter*", "*/lib-dynload/nis*"),
    *("*/lib-dynload/_dbm*", "*/lib-dynload/_gdbm*"),
)
_NEEDED = (
    *("*/platforms/libqxcb.so", "*/platforms/libqwayland*.so", "*/platforms/libqoffscreen.so"),
    *("*/plugins/xcbglintegrations/*", "*/plugins/wayland-*", "*/plugins/iconengines/*"),
    "*/plugins/imageformats/libqsvg.so",
)
# They come with the driver of a card, from whoever makes it.
_OF_A_DRIVER = ("libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1")
# The first release of libstdc++6 that has a version of its symbols.
_STDCXX = {28: "10", 29: "11", 30: "12", 31: "13", 32: "13.2", 33: "14", 34: "15"}


class UnknownLibraryError(ValueError):
    """A library that the folder needs, and no package is known to hold."""


@dataclass
class Wanted:
    """What the files of a folder ask of the system.

    Attributes:
        machine: The processor that they are for; empty where no file is a program.
        libraries: What is not inside, each with the first file that needs it.
        inside: The names of the libraries that are.
        versions: The versions of symbols that are used of each.
    """

    machine: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    inside: set[str] = field(default_factory=set)
    versions: dict[str, set[str]] = field(default_factory=dict)


def wanted(folder: Path) -> Wanted:
    """Read what the files of a built folder ask of the system."""
    found, files = Wanted(), sorted(path for path in folder.rglob("*") if path.is_file())
    found.inside = {path.name for path in files}
    for path in files:
        if path.is_symlink():
            continue
        asked = elf.needs(path)
        if asked is None:
            continue
        name = path.relative_to(folder).as_posix()
        found.machine = found.machine or asked.machine
        if _is_optional("/" + name):
            continue
        for library in asked.libraries:
            if library not in found.inside and library not in _OF_A_DRIVER:
                found.libraries.setdefault(library, name)
        for library, versions in asked.versions.items():
            found.versions.setdefault(library, set()).update(versions)
    return found


def packages(asked: Wanted) -> list[str]:
    """Return the packages that hold what is asked for, as `Depends` has them, in order.

    Raises:
        UnknownLibraryError: Nobody knows which package holds one of the libraries.
    """
    found = {_package(library, file) for library, file in asked.libraries.items()}
    found |= {package for library, package in _DATA.items() if library in asked.inside}
    return sorted(_with_version(package, asked) for package in found)


def glibc(asked: Wanted) -> str:
    """Return the least version of the C library, `2.36`; empty where nothing asks for one."""
    names = {name for versions in asked.versions.values() for name in versions}
    found = [re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", name) for name in names]
    numbers = [(int(match[1]), int(match[2])) for match in found if match]
    return ".".join(map(str, max(numbers))) if numbers else ""


def _is_optional(name: str) -> bool:
    matches = (any(fnmatch.fnmatch(name, one) for one in kind) for kind in (_OPTIONAL, _NEEDED))
    return next(matches) and not next(matches)


def _package(library: str, file: str) -> str:
    known = _LIBRARIES.get(library) or _asked_of_dpkg(library)
    if known is None:
        raise UnknownLibraryError(
            f"{file} needs {library}, and no package is known to hold it: install the one that "
            "does before building, or name it in packaging/dependencies.py."
        )
    return known


def _asked_of_dpkg(library: str) -> str | None:
    """Return the package that brought a library onto this machine; None where none did."""
    tool = shutil.which("dpkg-query")
    if tool is None:
        return None
    command = [tool, "--search", f"*/{library}"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line.split(":")[0] for line in told.stdout.splitlines() if ": /" in line]
    return sorted(lines)[0] if lines else None


def _with_version(package: str, asked: Wanted) -> str:
    least = ""
    if package == "libc6":
        least = glibc(asked)
    elif package == "libstdc++6":
        least = _stdcxx(asked)
    return f"{package} (>= {least})" if least else package


def _stdcxx(asked: Wanted) -> str:
    names = {name for versions in asked.versions.values() for name in versions}
    found = [re.fullmatch(r"GLIBCXX_3\.4\.(\d+)", name) for name in names]
    newest = max((int(match[1]) for match in found if match), default=0)
    return _STDCXX.get(min(newest, max(_STDCXX)), "")
