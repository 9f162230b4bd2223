"""How large what was built is, and how large it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MB = 1_000_000
# Installed, with the torch that computes on the processor; the builds for CUDA are larger.
MOST_FULL = 1_200 * MB
MOST_VIEWER = 250 * MB


class TooLargeError(Exception):
    """One sentence: what is too large, and by how much."""


def installed_bytes(folder: Path) -> int:
    """Return what a folder's files take on a disk of blocks of 4 kB; links take none."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in files)


def check_folder(folder: Path, *, viewer: bool) -> int:
    """Print how large a built program is, and refuse one that is larger than it may be.

    Returns:
        Its bytes.

    Raises:
        TooLargeError: It is larger.
    """
    size, most = installed_bytes(folder), MOST_VIEWER if viewer else MOST_FULL
    print(f"{folder.name}: {size / MB:,.0f} MB installed, at most {most / MB:,.0f} MB", flush=True)
    if size > most and not _has_cuda(folder):
        raise TooLargeError(
            f"“{folder}” takes {size / MB:,.0f} MB and may take {most / MB:,.0f} MB: see what came "
            "in that is not needed, and leave it out in contents.py."
        )
    return size


def tell(path: Path) -> None:
    """Print how large a file is."""
    print(f"{path.name}: {path.stat().st_size / MB:,.0f} MB", flush=True)


def _has_cuda(folder: Path) -> bool:
    """Return whether a program holds the libraries of CUDA, for which there is no bound."""
    return any(folder.rglob("*cudart*")) or any(folder.rglob("libtorch_cuda*"))
