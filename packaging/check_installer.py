"""Install Lensbench on Windows or macOS as its user would, try it, and remove it again.

    python packaging/check_installer.py dist/lensbench-1.2.3-windows-x86_64-setup.exe
    python packaging/check_installer.py dist/lensbench-viewer-1.2.3-macos-arm64.dmg --viewer

Every line is a check that held; the first that fails ends it with status 1. It installs for the
user who runs this, so it is meant for a machine that is thrown away. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import plistlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
OLD_SESSIONS = HERE.parent / "tests" / "session" / "old"
PATIENCE_S = 900
LOOK_S = 0.5
QUIET = ("/VERYSILENT", "/SUPPRESSMSGBOXES", "/NORESTART")
CLASSES = r"HKCU\Software\Classes"
KEPT = "kept.txt"


class CheckError(Exception):
    """A sentence: what did not hold."""


def check_windows(installer: Path, viewer: bool, work: Path) -> Iterator[str]:
    """The installer installs, the program runs and opens sessions, and removing leaves the data."""
    kind = "Lensbench Viewer" if viewer else "Lensbench"
    prog_id = "Lensbench.Viewer.Session.1" if viewer else "Lensbench.Session.1"
    folder = work / kind
    path_before = registry(r"HKCU\Environment", "Path")
    kept = Path(os.environ["LOCALAPPDATA"]) / "Lensbench" / KEPT
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("mine", encoding="utf-8")
    call(installer, *QUIET, "/CURRENTUSER", f"/DIR={folder}", "/TASKS=associate,path")
    for name in ("lensbench.exe", "lensbenchw.exe", "session.ico", "unins000.exe"):
        if not (folder / name).is_file():
            raise CheckError(f"the installer left no {name}")
    yield f"installed into {folder}"
    if prog_id not in registry(rf"{CLASSES}\.lens\OpenWithProgids"):
        raise CheckError(f".lens files are not {prog_id}'s")
    if str(folder / "lensbenchw.exe") not in registry(rf"{CLASSES}\{prog_id}\shell\open\command"):
        raise CheckError(".lens files are opened by something else")
    if str(folder) not in registry(r"HKCU\Environment", "Path"):
        raise CheckError("the folder is not on the PATH")
    yield "the ending .lens and the PATH are registered"
    smoke(folder / "lensbench.exe", viewer)
    yield "the installed program holds"
    yield from check_opens(work, lambda file: ["cmd", "/c", "start", "", str(file)])
    end("taskkill", "/F", "/IM", "lensbenchw.exe")
    call(folder / "unins000.exe", *QUIET)
    wait_for(lambda: not folder.exists(), "the uninstaller left its folder")  # it ends before
    if registry(rf"{CLASSES}\{prog_id}") or prog_id in registry(rf"{CLASSES}\.lens", "", "/s"):
        raise CheckError(".lens files are still registered")
    if registry(r"HKCU\Environment", "Path") != path_before:
        raise CheckError("the PATH is not as it was")
    if kept.read_text(encoding="utf-8") != "mine":
        raise CheckError("the user's data were changed")
    kept.unlink()
    yield "removed; the user's data are there"


def check_macos(image: Path, viewer: bool, work: Path) -> Iterator[str]:
    """The image holds the program, which runs and opens sessions."""
    volume, name = work / "volume", "Lensbench Viewer.app" if viewer else "Lensbench.app"
    call("hdiutil", "attach", "-quiet", "-nobrowse", "-readonly", "-mountpoint", volume, image)
    try:
        if os.readlink(volume / "Applications") != "/Applications":
            raise CheckError("the image has no link to the folder of programs")
        app = work / name
        call("ditto", volume / name, app)
    finally:
        call("hdiutil", "detach", "-quiet", volume)
    yield f"{name} taken out of the image"
    info = plistlib.loads((app / "Contents" / "Info.plist").read_bytes())
    if info["LSBackgroundOnly"] or not info["CFBundleDocumentTypes"]:
        raise CheckError("its Info.plist claims no files, or no place in the Dock")
    icon = app / "Contents" / "Resources" / info["CFBundleDocumentTypes"][0]["CFBundleTypeIconFile"]
    if not icon.is_file():
        raise CheckError(f"{icon.name} is missing")
    call("codesign", "--verify", "--deep", "--strict", app)
    yield "its Info.plist, icons and signature hold"
    smoke(app / "Contents" / "MacOS" / info["CFBundleExecutable"], viewer)
    yield "the program holds"
    home = f"LENSBENCH_HOME={work / 'home'}"
    yield from check_opens(work, lambda file: ["open", "-a", app, "--env", home, file])
    end("pkill", "-f", str(app))


def check_opens(work: Path, opening: Callable[[Path], list[str | Path]]) -> Iterator[str]:
    """A session is opened by the program that the system takes for it."""
    session = work / "double click ü.lens"
    shutil.copy2(sorted(OLD_SESSIONS.glob("*.lens"))[-1], session)
    settings = work / "home" / "config" / "settings.json"
    environment = {**os.environ, "LENSBENCH_HOME": str(work / "home")}
    began = time.monotonic()
    subprocess.run(opening(session), env=environment, check=True)
    # The window notes a session as soon as that is open.
    wait_for(
        lambda: settings.is_file() and "double click" in settings.read_text("utf-8"),
        "the session was not opened",
    )
    yield f"a session opened by double click after {time.monotonic() - began:.1f} s"


def smoke(program: Path, viewer: bool) -> None:
    """Try the installed program in every way that needs no screen."""
    call(sys.executable, HERE / "smoke.py", program, *(["--viewer"] if viewer else []))


def call(*line: str | Path) -> None:
    """Run a command to its end.

    Raises:
        CheckError: It failed or took too long.
    """
    words = [str(word) for word in line]
    try:
        done = subprocess.run(words, timeout=PATIENCE_S * 4, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckError(f"{' '.join(words)}: {error}") from error
    if done.returncode != 0:
        raise CheckError(f"{' '.join(words)} ended with {done.returncode}")


def end(*line: str) -> None:
    """Run the command that ends the window; the program may have ended by itself."""
    subprocess.run(line, capture_output=True, check=False)


def registry(key: str, value: str = "", *more: str) -> str:
    """Return what the registry has below a key, as text; nothing where it is not there."""
    line = ["reg", "query", key, *(("/v", value) if value else ()), *more]
    done = subprocess.run(line, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout if done.returncode == 0 else ""


def wait_for(is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so.

    Raises:
        CheckError: It was not, for a long time.
    """
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > end:
            raise CheckError(otherwise)
        time.sleep(LOOK_S)


CHECKS = {".exe": ("win32", check_windows), ".dmg": ("darwin", check_macos)}


def main(arguments: list[str] | None = None) -> int:
    """Check the installer that is named and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("installer", type=Path, help="a setup.exe or a .dmg")
    parser.add_argument("--viewer", action="store_true", help="it is the one without models")
    given = parser.parse_args(arguments)
    system, check = CHECKS.get(given.installer.suffix, ("", check_windows))
    if system != sys.platform:
        print(f"“{given.installer.name}” cannot be installed on {sys.platform}.", file=sys.stderr)
        return 2
    work = Path(tempfile.mkdtemp(prefix="lensbench-check-")).resolve()
    try:
        for line in check(given.installer.resolve(), given.viewer, work):
            print(f"ok          {line}", flush=True)
    except (CheckError, OSError, subprocess.SubprocessError) as error:
        print(f"FAILED      {error}", flush=True)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
