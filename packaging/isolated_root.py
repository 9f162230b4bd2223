"""A fresh Debian system in a folder, with rooms in it that have a network or none.

A room is a namespace of mounts, and where nobody is to be reached, of networks; it and everything
that was started in it are gone when it is left. Standard library; needs root, debootstrap, and
util-linux' `unshare` and `nsenter`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

PATIENCE_S = 1800
USER, USER_ID = "ada", 1000
HOME = f"/home/{USER}"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SCREENS = Path("/tmp/.X11-unix")  # noqa: S108 - where X has its sockets
# `$1` is the root; further pairs are folders of this machine and where they are to be seen.
_FURNISH = """
root=$1; shift
mkdir -p "$root/proc" "$root/dev/shm" "$root/tmp/.X11-unix"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount --bind /tmp/.X11-unix "$root/tmp/.X11-unix"
while [ $# -gt 1 ]; do
    mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    shift 2
done
echo ready
exec sleep infinity
"""


class RootError(Exception):
    """A sentence: what could not be had or done, with the last words of what was run."""


def debian_here() -> tuple[str, str, str]:
    """Return suite, mirror and components that apt uses on this machine; empty where unknown."""
    wanted = "$(ORIGIN)|$(CODENAME)|$(SITE)|$(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", wanted, "Identifier: Packages"]
    with contextlib.suppress(OSError):
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        rows = [row for line in said.splitlines() if len(row := line.split("|")) == 4]
        own = [row for row in rows if row[0] in ("Debian", "Ubuntu") and "-" not in row[1]]
        if own:
            _, suite, site, _ = own[0]
            parts = dict.fromkeys(row[3] for row in own if row[1:3] == own[0][1:3])
            return suite, site, ",".join(parts)
    return "", "", ""


def make(root: Path, suite: str, mirror: str, components: str) -> None:
    """Put the smallest system that has apt into a folder.

    Raises:
        RootError: There is no debootstrap, or it failed.
    """
    if shutil.which("debootstrap") is None:
        raise RootError("debootstrap is not here: install it, or name a root that exists (--root).")
    options = ["--variant=minbase", *([f"--components={components}"] if components else [])]
    run(["debootstrap", *options, suite or "stable", str(root), *([mirror] if mirror else [])])


def run(command: list[str]) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        RootError: It failed.
    """
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode != 0:
        shown = " ".join(command)
        raise RootError(f"`{shown}` ended with {done.returncode}: {done.stdout[-2500:]}")
    return done.stdout


def taken(root: Path, listed: str) -> int:
    """Return the blocks of the disk that the files of a package take, in bytes."""
    found = (root / line.lstrip("/") for line in listed.splitlines() if line.startswith("/"))
    facts = [path.lstat() for path in found if os.path.lexists(path)]
    return sum(fact.st_blocks * 512 for fact in facts if not stat.S_ISDIR(fact.st_mode))


def taken_below(folder: Path) -> int:
    """Return the blocks of the disk that all files of a folder take, in bytes."""
    facts = [path.lstat() for path in folder.rglob("*")]
    return sum(fact.st_blocks * 512 for fact in facts if not stat.S_ISDIR(fact.st_mode))


def digests(folder: Path) -> dict[str, str]:
    """Return what is in the files of a folder, by their paths."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _tool(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PATH}") or name


@dataclass
class Room:
    """Mounts and a network, or none, that processes inside a root share.

    Attributes:
        root: The folder of the system.
        network: Whether there is one.
        shared: Folders of this machine and where they are seen inside.
    """

    root: Path
    network: bool
    shared: Mapping[Path, str] = field(default_factory=dict)
    _keeper: subprocess.Popen[str] | None = None

    def __enter__(self) -> Room:
        """Furnish it."""
        SCREENS.mkdir(mode=0o1777, exist_ok=True)
        pairs = [str(part) for pair in self.shared.items() for part in pair]
        spaces = ["--mount", "--propagation", "private", *([] if self.network else ["--net"])]
        command = ["unshare", *spaces, "sh", "-euc", _FURNISH, "sh", str(self.root), *pairs]
        self._keeper = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        if self._keeper.stdout is None or self._keeper.stdout.readline() != "ready\n":
            self._leave()
            raise RootError(f"{self.root} cannot be entered: are you root, outside of a container?")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what was started in it; its mounts go with the last process."""
        self._leave()

    def entering(self, *, user: bool) -> list[str]:
        """Return the beginning of a command line whose rest is run inside."""
        if self._keeper is None:
            raise RootError("The room has not been entered.")
        spaces = ["--mount", *([] if self.network else ["--net"])]
        who = [f"--userspec={USER_ID}:{USER_ID}"] if user else []
        return [
            *(_tool("nsenter"), "--target", str(self._keeper.pid), *spaces, "--"),
            *(_tool("chroot"), *who, str(self.root)),
        ]

    def line(
        self, *arguments: str, user: bool = True, folder: str = "", **variables: str
    ) -> list[str]:
        """Return a command line that is run inside with these variables and no others.

        Args:
            arguments: The program and what it is given.
            user: Whether the normal user runs it, or root.
            folder: Where; the user's home or `/` where nothing is said.
            variables: Besides HOME, PATH and the language.
        """
        own = {"HOME": HOME, "USER": USER} if user else {"HOME": "/", "USER": "root"}
        own |= {"PATH": PATH, "LANG": "C.UTF-8", **variables}
        where = folder or own["HOME"]
        pairs = [f"{name}={value}" for name, value in own.items()]
        return [*self.entering(user=user), "env", "-i", "-C", where, *pairs, *arguments]

    def call(self, *arguments: str, user: bool = True, **variables: str) -> str:
        """Run a command inside to its end and return what it printed."""
        return run(self.line(*arguments, user=user, **variables))

    def apt(self, *arguments: str) -> str:
        """Run apt-get inside, which asks nothing."""
        named = {n: v for n, v in os.environ.items() if n.lower().endswith("_proxy")}
        quick = ("-o", "Dpkg::Options::=--force-unsafe-io", "-y", "-q")
        asked = {"DEBIAN_FRONTEND": "noninteractive", **named}
        return self.call("apt-get", *quick, *arguments, user=False, **asked)

    def processes(self) -> list[int]:
        """Return the processes whose root is this one's."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (place / "root").readlink() == self.root:
                    found.append(int(place.name))
        return found

    def _leave(self) -> None:
        end = time.monotonic() + 60
        while (found := self.processes()) and time.monotonic() < end:
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.wait()
