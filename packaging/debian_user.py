"""A Debian package on a fresh system, and the user who works with it; for `check_debian`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import isolated_root
import smoke
from isolated_root import HOME, USER, Room
from smoke_trial import Trial

if TYPE_CHECKING:
    from unseen_screen import Screen

FULL, VIEWER = "lensbench", "lensbench-viewer"
# What an installed program may take of the disk, in bytes.
MOST_BYTES = {FULL: 1_200_000_000, VIEWER: 250_000_000}
START_S = 2.0
STARTS = 3
MIME = "application/x-lensbench-session"
MAIN, SAVE, OPEN = "Lensbench$", "^Save session$", "^Open session$"
WORKED = 4
SAVED = f"{HOME}/my work.lens"
INCOMING = "/mnt"
# What any desktop has, beside what the packages ask for: it opens files by their kind.
DESKTOP = ("xdg-utils", "libfile-mimeinfo-perl", "libglib2.0-bin", "pcmanfm")
# Where the file manager shows the only file of a folder, in pixels of its window.
FIRST_ICON = (206, 96)
PATIENCE_S = 900
LOOK_S = 0.5


class CheckError(Exception):
    """A sentence: what did not hold."""


class Log:
    """Prints what held, with the time that it took."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def ok(self, line: str) -> None:
        """Say that a check held."""
        now = time.monotonic()
        print(f"ok {now - self._since:6.1f} s  {line}", flush=True)
        self._since = now


class Check:
    """A package on a fresh system, a screen, and the user in front of it.

    Attributes:
        name: The package's name.
        pictures: The folder in which the screen is kept.
        start_s: How long a start may take.
    """

    def __init__(
        self, log: Log, root: Path, screen: Screen, pictures: Path, start_s: float
    ) -> None:
        """Begin with a root in which nothing of Lensbench is installed."""
        self._log, self._root, self._screen = log, root, screen
        self.pictures, self.start_s = pictures, start_s
        self.name = ""

    def install(self, package: Path, *more: str) -> None:
        """Install a package with what it depends on, from the mirror."""
        self.name = field_of(package, "Package")
        size = package.stat().st_size
        with Room(self._root, network=True, shared={package.parent: INCOMING}) as room:
            inside = f"{INCOMING}/{package.name}"
            room.apt("install", "--no-install-recommends", inside, *more)
            listed = room.call("dpkg-query", "-L", self.name, user=False)
            room.call("dpkg", "--verify", self.name, user=False)
            self._no_python(room)
        other = MOST_BYTES.keys() - {self.name}
        if any((self._root / "usr/lib" / name).exists() for name in other):
            raise CheckError("both packages are there, and each should take the other's place")
        self._log.ok(f"{package.name}, {size / 1e6:.1f} MB, installed; there is no Python")
        taken = isolated_root.taken(self._root, listed)
        if taken > MOST_BYTES[self.name]:
            raise CheckError(f"{self.name} takes {taken / 1e6:.0f} MB, more than it may")
        most = MOST_BYTES[self.name] / 1e6
        self._log.ok(f"{self.name} takes {taken / 1e6:.1f} MB of the disk, and may {most:.0f}")

    def add(self, *packages: str) -> None:
        """Install packages of the mirror."""
        with Room(self._root, network=True) as room:
            room.apt("install", "--no-install-recommends", *packages)
            self._no_python(room)
        self._log.ok(f"a desktop's own: {', '.join(packages)}")

    def _no_python(self, room: Room) -> None:
        found = room.call(
            *("sh", "-c", "ls /usr/bin /usr/local/bin | grep '^python' || true"), user=False
        )
        if found:
            raise CheckError(f"there is a Python in the system: {found}")

    def offline(self, **shared: Any) -> Room:
        """Return a room without a network in which the user has the screen."""
        return Room(self._root, network=False, **shared)

    def has_no_network(self, room: Room) -> None:
        """See that nothing outside can be reached."""
        script = "exec 3<>/dev/tcp/192.0.2.1/80"  # an address for documentation
        tried = subprocess.run(
            room.line("bash", "-c", script), capture_output=True, text=True, check=False
        )
        if "unreachable" not in tried.stderr:
            raise CheckError(f"the network is not cut: {tried.stderr}")
        self._log.ok(f"no network for {USER}: {tried.stderr.strip().splitlines()[0]}")

    def open_window(
        self, room: Room, *command: str, title: str = MAIN
    ) -> tuple[subprocess.Popen[bytes], str]:
        """Run a command that opens the window; return its process and the window."""
        process = self._begin(room, *command)
        return process, self._screen.appeared(title, lambda: process.poll() is None)

    def _begin(self, room: Room, *command: str) -> subprocess.Popen[bytes]:
        """Start a command on the screen; what it says is kept beside the pictures."""
        with open(self.pictures / "told.txt", "ab") as told:  # the process has its own handle
            return subprocess.Popen(
                room.line(*command, DISPLAY=self._screen.display),
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
            )

    def close(self, process: subprocess.Popen[bytes], window: str) -> None:
        """Ask the window to close by its key, and see that the program ends well."""
        self._screen.gone(window, "ctrl+q")
        code = process.wait(PATIENCE_S)
        if code != 0:
            raise CheckError(f"the program ended with {code} when its window was closed")

    def first_start(self) -> None:
        """See the worked example at the first start, save it, and close."""
        began = time.monotonic()
        with self.offline() as room:
            self.has_no_network(room)
            process, window = self.open_window(room, "lensbench")
            self._log.ok(f"first start: window after {time.monotonic() - began:.1f} s")
            folder = f"{HOME}/.local/share/Lensbench/sessions"
            self._wait(process, lambda: self._results(folder) >= WORKED)
            self._log.ok("the worked example was run: 4 results")
            time.sleep(LOOK_S * 4)  # the last picture is drawn
            self._screen.picture(self.pictures / f"{self.name}-first.png")
            self._screen.keys(window, "ctrl+s")
            dialog = self._screen.appeared(SAVE, lambda: process.poll() is None)
            self._screen.write(dialog, SAVED)
            self._screen.picture(self.pictures / f"{self.name}-save.png")
            self._screen.keys(dialog, "Return")
            self._wait(process, (self._root / SAVED.lstrip("/")).is_file)
            self.close(process, window)
            rows = self._rows(room, SAVED)
        if len(rows) < WORKED:
            raise CheckError(f"the saved session has {len(rows)} results")
        self._log.ok(f"saved by Ctrl+S as “{SAVED}”, closed by Ctrl+Q: {len(rows)} results in it")

    def reopen(self, session: str = SAVED) -> None:
        """Open the saved session by its icon, as desktops do."""
        with self.offline() as room:
            for asked, answer in (
                (("xdg-mime", "query", "filetype", session), MIME),
                (("xdg-mime", "query", "default", MIME), "lensbench.desktop"),
                (("gio", "info", "-a", "standard::content-type", session), MIME),
                (("gio", "mime", MIME), "lensbench.desktop"),
            ):
                said = room.call(*asked)
                if answer not in said:
                    raise CheckError(f"`{' '.join(asked)}` says {said}")
                self._log.ok(f"{asked[0]} {asked[1]} {asked[2]}: {answer}")
            title = f"^{Path(session).stem} – Lensbench$"
            for opener in ("xdg-open", "gio open"):
                room_line = (*opener.split(), session)
                self._opened(room, room_line, title)
                self._log.ok(f"{opener} opens it: the window is called “{title[1:-1]}”")

    def double_click(self, session: str = SAVED) -> None:
        """Open the saved session by a double click in a file manager."""
        folder, title = str(Path(session).parent), f"^{Path(session).stem} – Lensbench$"
        with self.offline() as room:
            manager, window = self.open_window(room, "pcmanfm", folder, title=f"^{USER}$")
            time.sleep(LOOK_S * 4)
            self._screen.picture(self.pictures / f"{self.name}-manager.png")
            self._screen.double_click(window, *FIRST_ICON)
            opened = self._screen.appeared(title, lambda: manager.poll() is None)
            time.sleep(LOOK_S * 4)
            self._screen.picture(self.pictures / f"{self.name}-manager-opened.png")
            self._screen.gone(opened, "ctrl+q")
        self._log.ok("a double click in a file manager opens it")

    def _opened(self, room: Room, command: tuple[str, ...], title: str) -> None:
        opener = self._begin(room, *command)
        window = self._screen.appeared(title)
        time.sleep(LOOK_S * 4)
        self._screen.picture(self.pictures / f"{self.name}-{command[0]}.png")
        self._screen.gone(window, "ctrl+q")
        opener.wait(PATIENCE_S)

    def starts(self, *arguments: str) -> None:
        """Measure starts until the window answers: the dialog asked for by Ctrl+O is there."""
        found = []
        with self.offline() as room:
            for _ in range(STARTS):
                began = time.monotonic()
                process, window = self.open_window(room, "lensbench", *arguments)
                shown = time.monotonic() - began
                dialog = self._screen.answered(window, "ctrl+o", OPEN)
                found.append((shown, time.monotonic() - began))
                self._screen.gone(dialog, "Escape")
                self.close(process, window)
        shown, usable = (statistics.median(times) for times in zip(*found, strict=True))
        if usable > self.start_s:
            load = os.getloadavg()[0]
            raise CheckError(f"the window answers {usable:.2f} s after the start: {found}, {load=}")
        self._log.ok(
            f"start: window on the screen after {shown:.2f} s, answers Ctrl+O after {usable:.2f} s"
            f" (median of {STARTS}, may take {self.start_s:g})"
        )

    def smoke(self, *sessions: str) -> None:
        """Try the installed program without a screen, by the checks for any built program."""
        place = Path(tempfile.mkdtemp(prefix="lensbench-installed-"))
        before = os.umask(0)  # what is made here is written to by the user inside
        try:
            place.chmod(0o1777)  # nobody but root may put another script in its place
            with self.offline(shared={place: str(place)}) as room:
                program = place / "lensbench"
                start = " ".join(f"'{part}'" for part in room.entering(user=True))
                program.write_text(f'#!/bin/sh\nexec {start} env -C "$PWD" lensbench "$@"\n')
                program.chmod(0o755)
                given = [self._root / session.lstrip("/") for session in sessions]
                viewer = self.name == VIEWER
                old = () if sessions else smoke.SESSIONS
                trial = Trial(program, place / "trial", viewer, True, (*old, *given))
                groups = ["facts", "sessions", "refusals"] if viewer else ["worked", "models"]
                for group in groups:
                    for line in smoke.FULL[group](trial):
                        self._log.ok(f"{group}: {line}")
        finally:
            os.umask(before)
            shutil.rmtree(place, ignore_errors=True)

    def remove(self, how: str) -> None:
        """Remove or purge it, and see that what the user made is there and the program is not."""
        home, program = self._root / HOME.lstrip("/"), f"usr/lib/{self.name}"
        before = isolated_root.digests(home)
        with Room(self._root, network=True) as room:
            room.apt(how, self.name)
            places = (program, "usr/bin/lensbench", f"usr/share/doc/{self.name}")
            left = [place for place in places if os.path.lexists(self._root / place)]
            if left:
                raise CheckError(f"`apt-get {how}` left {', '.join(left)}")
            if isolated_root.digests(home) != before:
                raise CheckError(f"`apt-get {how}` changed what the user has")
            self._log.ok(f"{how}: {self.name} is gone, the user's {len(before)} files are there")
            said = room.call("sh", "-c", f"gio mime {MIME}; xdg-mime query default {MIME}")
            if "lensbench.desktop" in said:
                raise CheckError(f"sessions are still associated: {said}")
            status = room.call("sh", "-c", f"dpkg-query -s {self.name} 2>&1 || true", user=False)
            if "Status:" in status:
                raise CheckError(f"dpkg still knows it: {status}")
        self._log.ok("nothing opens sessions any more, and dpkg does not know it")

    def _rows(self, room: Room, session: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            room.call("lensbench", "results", session, "--json")
        )
        return found

    def _results(self, folder: str) -> int:
        """Return how many results the session that has no name yet holds.

        A copy of it is read: to ask the program would take the time that it needs itself.
        """
        files = sorted((self._root / folder.lstrip("/")).glob("[!.]*.lens"))
        if not files:
            return 0
        with tempfile.TemporaryDirectory() as place:
            copied = Path(place, files[0].name)
            with contextlib.suppress(OSError, sqlite3.Error):
                for ending in ("", "-wal"):
                    with contextlib.suppress(FileNotFoundError):
                        shutil.copy2(f"{files[0]}{ending}", f"{copied}{ending}")
                with contextlib.closing(sqlite3.connect(copied)) as database:
                    return int(database.execute("SELECT count(*) FROM results").fetchone()[0])
        return 0  # it was being written

    def _wait(self, process: subprocess.Popen[bytes], is_so: Any) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            if process.poll() is not None:
                raise CheckError(f"the program ended by itself with {process.returncode}")
            if time.monotonic() > end:
                raise CheckError(f"it did not get there in {PATIENCE_S} s")
            time.sleep(LOOK_S)


def field_of(package: Path, name: str) -> str:
    """Return what a package says of itself under that name."""
    return isolated_root.run(["dpkg-deb", "-f", str(package), name]).strip()
