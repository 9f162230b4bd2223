"""Install the Debian packages on a fresh Debian, use them as somebody would, and remove them.

    sudo .venv/bin/python packaging/check_debian.py dist/*.deb

The system is made by debootstrap with what apt on this machine uses, and has no Python. What the
packages need comes from there; then the network is cut, and a normal user starts the program on a
screen that nobody sees (Xvfb), sees the worked example, saves it, opens it again by its icon, and
works on after the package is gone. Every line is a check that held; the first that fails ends it
with status 1. Needs root, debootstrap, Xvfb, xdotool, ImageMagick, util-linux.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import isolated_root
import smoke
from debian_user import (
    DESKTOP,
    FULL,
    MOST_BYTES,
    SAVED,
    START_S,
    VIEWER,
    Check,
    CheckError,
    Log,
    field_of,
)
from isolated_root import USER, USER_ID, Room, RootError
from smoke_trial import SmokeError, Trial
from unseen_screen import Screen, ScreenError


def _place_session(root: Path) -> None:
    """Give the user a session to look at."""
    place = root / SAVED.lstrip("/")
    shutil.copy2(smoke.SESSIONS[-1], place)
    os.chown(place, USER_ID, USER_ID)


def check(
    log: Log, root: Path, packages: list[Path], pictures: Path, start_s: float = START_S
) -> None:
    """Do it all with the full package, the viewer, or one after the other.

    Raises:
        CheckError: Something does not hold; `failed.png` shows the screen then.
    """
    named = {field_of(package, "Package"): package for package in packages}
    with Screen() as screen:
        full, viewer = (Check(log, root, screen, pictures, start_s) for _ in MOST_BYTES)
        try:
            if FULL in named:
                _check_full(full, named[FULL])
                full.remove("remove")
                full.install(named[FULL])  # for the viewer to take its place, or to be purged
            if VIEWER in named:
                if FULL not in named:
                    _place_session(root)
                _check_viewer(viewer, named[VIEWER])
            (viewer if VIEWER in named else full).remove("purge")
        except BaseException:
            screen.picture(pictures / "failed.png")
            raise


def _check_full(full: Check, package: Path) -> None:
    full.install(package)
    full.first_start()
    full.starts()
    full.add(*DESKTOP)
    full.reopen()
    full.double_click()
    full.smoke()


def _check_viewer(viewer: Check, package: Path) -> None:
    viewer.install(package)
    viewer.add(*DESKTOP)
    viewer.reopen()
    viewer.double_click()
    viewer.starts(SAVED)
    viewer.smoke(SAVED)


def check_unpacked(log: Log, packages: list[Path]) -> None:
    """Try packages that are only unpacked, on this very system: no proof of what they depend on.

    Raises:
        SmokeError: Something does not hold.
    """
    log.ok("NOT on a fresh system: unpacked here, with this machine's libraries and no network")
    for package in packages:
        name = field_of(package, "Package")
        place = Path(tempfile.mkdtemp(prefix="lensbench-unpacked-"))
        try:
            isolated_root.run(["dpkg-deb", "-x", str(package), str(place / "root")])
            taken = isolated_root.taken_below(place / "root")
            if taken > MOST_BYTES[name]:
                raise CheckError(f"{name} takes {taken / 1e6:.0f} MB, more than it may")
            log.ok(f"{package.name}: {taken / 1e6:.1f} MB of the disk")
            program = place / "lensbench"
            unpacked = place / "root" / "usr" / "bin" / "lensbench"
            program.write_text(f'#!/bin/sh\nexec unshare --net "{unpacked}" "$@"\n', "utf-8")
            program.chmod(0o755)
            trial = Trial(program, place / "trial", is_viewer=name == VIEWER)
            for group, checks in (smoke.VIEWER if trial.is_viewer else smoke.FULL).items():
                for line in checks(trial):
                    log.ok(f"{group}: {line}")
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Check the packages that are named and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", nargs="+", type=Path, metavar="DEB")
    suite, mirror, components = isolated_root.debian_here()
    parser.add_argument("--suite", default=suite, help=f"what is debootstrapped: {suite}")
    parser.add_argument("--mirror", default=mirror, help=f"from where: {mirror}")
    parser.add_argument("--components", default=components, help=f"of which: {components}")
    parser.add_argument("--root", type=Path, help="a system that exists, and will be changed")
    parser.add_argument("--pictures", type=Path, default=Path("dist/pictures"), metavar="DIR")
    parser.add_argument(
        "--start", type=float, default=START_S, metavar="S", help="what a start may take"
    )
    parser.add_argument(
        "--unpacked", action="store_true", help="without a fresh system, where none can be had"
    )
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("check_debian: this makes a system and must be run as root.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    log = Log()
    with ExitStack() as stack:
        given.pictures.mkdir(parents=True, exist_ok=True)
        root = given.root and given.root.resolve()
        try:
            packages = [path.resolve() for path in given.packages]
            if given.unpacked:
                check_unpacked(log, packages)
                return 0
            if root is None:
                root = Path(tempfile.mkdtemp(prefix="lensbench-root-"))
                stack.callback(shutil.rmtree, root, ignore_errors=True)
                root.chmod(0o755)
                isolated_root.make(root, given.suite, given.mirror, given.components)
                log.ok(f"a fresh system: {given.suite}")
            with Room(root, network=True) as room:
                room.apt("update")
                if f"{USER}:" not in room.call("cat", "/etc/passwd", user=False):
                    room.call("useradd", "-m", "-u", str(USER_ID), USER, user=False)
            check(log, root, packages, given.pictures.resolve(), given.start)
        except (CheckError, RootError, ScreenError, SmokeError) as error:
            print(f"FAILED      {error}", flush=True)
            return 1
        except KeyboardInterrupt:
            print("FAILED      interrupted", flush=True)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
