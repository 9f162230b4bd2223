"""Make the installer for Windows, and what Explorer is to say of the program.

`package.py` calls this on Windows, where Inno Setup 6.3 or newer is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import icons
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter

HERE = Path(__file__).resolve().parent
SCRIPT = HERE / "windows" / "lensbench.iss"
VERSION_INFO = HERE / "windows" / "version_info.txt"
PICTURE_SIZE = 138  # the largest that Inno Setup asks for, on screens of 250 %
COMPILER_VARIABLE = "LENSBENCH_ISCC"
SIGN_VARIABLE = "LENSBENCH_SIGN_COMMAND"


class InstallerError(ValueError):
    """One sentence: what is wrong and what to do."""


def build(folder: Path, out: Path, viewer: bool, version: str) -> Path:
    """Make the installer of a built program.

    Args:
        folder: The built program: `lensbench.exe`, `lensbenchw.exe` and what they need.
        out: Where the installer shall lie.
        viewer: Whether this is the program without torch.
        version: As in pyproject.toml.

    Returns:
        The installer's path.

    Raises:
        InstallerError: Inno Setup or a program is missing, or Inno Setup refused.
    """
    for name in ("lensbench.exe", "lensbenchw.exe"):
        if not (folder / name).is_file():
            raise InstallerError(f"“{folder}” holds no {name}; build the program first.")
    with tempfile.TemporaryDirectory() as place:
        drawn = Path(place)
        icons.write(drawn)
        write_picture(drawn / "lensbench.bmp")
        line = command(folder, out, viewer=viewer, version=version, drawn=drawn)
        done = subprocess.run(line, check=False)
    if done.returncode != 0:
        raise InstallerError("Inno Setup refused the script; its last lines above say why.")
    made = out / f"lensbench{'-viewer' if viewer else ''}-{version}-windows-x86_64-setup.exe"
    if not made.is_file():
        raise InstallerError(f"Inno Setup ended well and made no “{made}”.")
    return made


def command(folder: Path, out: Path, *, viewer: bool, version: str, drawn: Path) -> list[str]:
    """Return the command line of Inno Setup's compiler, all paths whole.

    Args:
        folder: The built program.
        out: Where the installer shall lie.
        viewer: Whether this is the program without torch.
        version: As in pyproject.toml.
        drawn: Where the icons lie.

    Raises:
        InstallerError: The compiler is missing.
    """
    given = {"Version": version, "Folder": folder.resolve(), "Out": out.resolve()}
    line = [compiler(), "/Qp", *(f"/D{name}={value}" for name, value in given.items())]
    line.append(f"/DIcons={drawn.resolve()}")
    if viewer:
        line.append("/DViewer")
    signing = os.environ.get(SIGN_VARIABLE)
    if signing:
        line += ["/DSigner=own", f"/Sown={signing}"]
    return [*line, str(SCRIPT)]


def write_picture(path: Path) -> None:
    """Write the picture in the corner of the installer's pages, on their white, as it reads one."""
    drawn = QImage.fromData(icons.png("lensbench", PICTURE_SIZE))
    page = QImage(drawn.size(), QImage.Format.Format_RGB32)
    page.fill(Qt.GlobalColor.white)
    painter = QPainter(page)
    painter.drawImage(0, 0, drawn)
    painter.end()
    if not page.save(str(path)):
        raise InstallerError(f"“{path}” could not be written; free some space.")


def compiler() -> str:
    """Return Inno Setup's compiler: the one that is named, on the PATH, or where it is installed.

    Raises:
        InstallerError: There is none.
    """
    named = os.environ.get(COMPILER_VARIABLE)
    roots = (os.environ.get(name) for name in ("ProgramFiles(x86)", "ProgramFiles", "LOCALAPPDATA"))
    usual = [
        Path(root, middle, "Inno Setup 6", "ISCC.exe")
        for root in roots
        if root
        for middle in ("", "Programs")
    ]
    found = named or shutil.which("iscc") or next((str(p) for p in usual if p.is_file()), None)
    if found is None:
        raise InstallerError(
            "Inno Setup is missing; install version 6.3 or newer, or name its ISCC.exe by "
            f"{COMPILER_VARIABLE}."
        )
    return found


def version_info(version: str, viewer: bool, program: str) -> str:
    """Return what PyInstaller's `EXE(version=FILE)` reads, as text.

    Args:
        version: As in pyproject.toml.
        viewer: Whether this is the program without torch.
        program: The program's file name without ending.
    """
    text = VERSION_INFO.read_text(encoding="utf-8")
    values = {
        "numbers": numbers(version),
        "version": version,
        "name": "Lensbench Viewer" if viewer else "Lensbench",
        "file": f"{program}.exe",
    }
    return re.sub(r"\{(\w+)\}", lambda found: repr(values[found[1]]), text)


def numbers(version: str) -> tuple[int, ...]:
    """Return the four numbers that Windows compares: those at a version's beginning, and zeros."""
    begin = re.match(r"\d+(\.\d+)*", version)
    found = [int(part) for part in begin[0].split(".")] if begin else []
    return tuple((found + [0] * 4)[:4])
