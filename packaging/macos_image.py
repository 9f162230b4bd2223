"""Make the disk image for macOS, and what the program's bundle says of itself.

`package.py` and `lensbench.spec` call this on macOS.
"""

from __future__ import annotations

import platform
import plistlib
import re
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
INFO = HERE / "macos" / "Info.plist"
SCRIPT = HERE / "macos" / "make_dmg.sh"


class ImageError(ValueError):
    """One sentence: what is wrong and what to do."""


def app_name(*, viewer: bool) -> str:
    """Return the name of the program as the Finder shows it."""
    return "Lensbench Viewer" if viewer else "Lensbench"


def app_file(*, viewer: bool) -> str:
    """Return the name of the program's bundle, which `BUNDLE(name=…)` takes."""
    return f"{app_name(viewer=viewer)}.app"


def identifier(*, viewer: bool) -> str:
    """Return what `BUNDLE(bundle_identifier=…)` takes."""
    return "org.lensbench.viewer" if viewer else "org.lensbench.lensbench"


def info_plist(version: str, *, viewer: bool) -> dict[str, Any]:
    """Return what `BUNDLE(info_plist=…)` takes.

    Args:
        version: As in pyproject.toml.
        viewer: Whether this is the program without torch; it then opens sessions where the other
            is not installed.
    """
    info: dict[str, Any] = plistlib.loads(INFO.read_bytes())
    begin = re.match(r"\d+(\.\d+){0,2}", version)
    info["CFBundleDisplayName"] = info["CFBundleName"] = app_name(viewer=viewer)
    info["CFBundleShortVersionString"] = version
    info["CFBundleVersion"] = begin[0] if begin else "0"  # numbers alone
    if viewer:
        info["CFBundleDocumentTypes"][0] |= {
            "LSHandlerRank": "Alternate",
            "CFBundleTypeRole": "Viewer",
        }
    return info


def build(app: Path, out: Path, viewer: bool, version: str) -> Path:
    """Make the disk image of a built program.

    Args:
        app: The program, `Lensbench.app`.
        out: Where the image shall lie.
        viewer: Whether this is the program without torch.
        version: As in pyproject.toml.

    Returns:
        The image's path.

    Raises:
        ImageError: It could not be made; the script's last lines say why.
    """
    stem = f"lensbench{'-viewer' if viewer else ''}-{version}-macos-{platform.machine()}"
    image = out / f"{stem}.dmg"
    volume = f"{app_name(viewer=viewer)} {version}"
    if subprocess.run(["/bin/sh", SCRIPT, app, image, volume], check=False).returncode != 0:
        raise ImageError("The disk image could not be made; mend what the last lines above say.")
    return image
