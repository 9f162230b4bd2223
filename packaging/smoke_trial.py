"""A built program with empty folders of its own: it is started, asked, and watched.

Standard library only, for Linux, Windows and macOS; what holds of its answers is `smoke`'s.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PATIENCE_S = 900
LOOK_S = 0.2
OK, BAD_INPUT, NO_MODEL = 0, 2, 3
WORKED = {"tokens", "rank", "attention", "ablate"}
TOY = ("--model", "toy", "--device", "cpu", "--offline")
PAIR = ("--prompt", "1 2 3 4 ", "--corrupt", "7 9 6 1 ", "--answer", "5", "--wrong", "4")
TEXT, LABELS = "text.txt", "labels.csv"
# What an analysis is asked beside the model; PAIR where nothing is said.
SETTINGS: dict[str, tuple[str, ...]] = {
    "candidates": (*PAIR, "--replace", "3", "--with", "6|8"),
    "compare": (*PAIR, "--with", "toy", "--with-weights", "processed"),
    "compose": (),
    "corpus": ("--text", TEXT, "--tokens", "600"),
    "features": (*PAIR, "--sae", "toy"),
    "fit_lens": (
        *("--text", TEXT, "--windows", "1", "--max-seq-len", "24"),
        *("--skip-first-positions", "4", "--out-lens", "fitted.safetensors"),
    ),
    "probe": ("--prompts", LABELS),
    "repeat": (),
    "steer": (*PAIR, "--layer", "1", "--scale", "2", "--max-new-tokens", "3"),
    "train_sae": (
        *("--text", TEXT, "--steps", "5", "--tokens", "500"),
        *("--out-sae", "trained"),
    ),
}
# Of the environment of whoever runs this nothing is to help or hinder the program.
_FOREIGN = re.compile(
    r"PYTHON|VIRTUAL_ENV|CONDA|LD_|DYLD_|QT_|LENSBENCH|HF_|TRANSFORMERS|TORCH|XDG_|DISPLAY|WAYLAND"
)


class SmokeError(Exception):
    """A sentence: what did not hold, and what the program said."""


@dataclass(frozen=True)
class Said:
    """What a finished command said."""

    code: int
    out: str
    err: str


@dataclass
class Trial:
    """A program with empty folders of its own.

    Attributes:
        program: The file that is started.
        folder: Where everything that it writes lies.
        is_viewer: Whether it is the one that runs no models.
        needs_pack: Whether the model pack must be inside.
        sessions: Files to be opened besides what the program makes.
    """

    program: Path
    folder: Path
    is_viewer: bool = False
    needs_pack: bool = True
    sessions: tuple[Path, ...] = ()

    @cached_property
    def home(self) -> Path:
        """The folder of settings, data and logs; its name has what names may have."""
        return self.folder / "Lensbench ü home"

    @cached_property
    def work(self) -> Path:
        """The folder that the program is started in, with what commands read."""
        work = self.folder / "work"
        work.mkdir(parents=True)
        (work / TEXT).write_text("the cat sat on the mat and 1 2 3 4 5 6 7 8 9 " * 200, "utf-8")
        rows = (f"{n % 9} {(n + 1) % 9} ,{'odd' if n % 2 else 'even'}\n" for n in range(20))
        (work / LABELS).write_text("text,label\n" + "".join(rows), "utf-8")
        return work

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables that the program is started with."""
        own = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
        user, scratch = self.folder / "user", self.folder / "scratch"
        user.mkdir(parents=True)
        scratch.mkdir()
        own |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        own |= {"LENSBENCH_HOME": str(self.home), "QT_QPA_PLATFORM": "offscreen"}
        if os.name == "posix":
            own |= {"HOME": str(user), "PATH": "/usr/bin:/bin"}
        return own

    def call(self, *arguments: object, code: int = OK, screen: bool = True) -> Said:
        """Run a command to its end and return what it said.

        Raises:
            SmokeError: It ended otherwise than by `code`, or showed a traceback.
        """
        given = [str(argument) for argument in arguments]
        variables = dict(self.environment)
        if not screen:
            del variables["QT_QPA_PLATFORM"]
        try:
            done = subprocess.run(
                [str(self.program), *given],
                cwd=self.work,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SmokeError(f"`{_line(given)}`: {error}") from error
        said = Said(done.returncode, done.stdout, done.stderr)
        if said.code != code or "Traceback (most recent call last)" in said.out + said.err:
            fail(f"`{_line(given)}` ended with {said.code} instead of {code}", said)
        return said

    def json(self, *arguments: object) -> Any:
        """Return what a command prints as JSON."""
        said = self.call(*arguments, "--json")
        try:
            return json.loads(said.out)
        except ValueError:
            fail(f"`{_line(arguments)} --json` printed something else", said)

    def refused(self, *arguments: object, code: int, words: str) -> str:
        """Return the one sentence in which a command is refused."""
        said = self.call(*arguments, code=code)
        lines = [line for line in said.err.splitlines() if line.startswith("lensbench: ")]
        if len(lines) != 1 or words.lower() not in lines[0].lower() or said.out:
            fail(f"`{_line(arguments)}` is not refused in one sentence with “{words}”", said)
        return lines[0]

    def rows(self, session: Path) -> list[dict[str, Any]]:
        """Return the results of a session."""
        found: list[dict[str, Any]] = self.json("results", session)
        return found

    def settings(self) -> str:
        """Return what the window has noted so far: it names the session as soon as that is open."""
        file = self.home / "config" / "settings.json"
        return file.read_text("utf-8") if file.is_file() else ""

    @cached_property
    def worked(self) -> Path:
        """The session of the worked example, made when first asked for."""
        if sys.platform.startswith("linux"):
            self.call(screen=False)
            return self.work / "out" / "worked_example.lens"
        with self.window() as process:  # elsewhere there is always a screen
            folder = self.home / "data" / "sessions"
            wait_for(process, lambda: any(len(self.rows(f)) >= len(WORKED) for f in _lens(folder)))
        # It is ended without being asked, so what was never saved is still there.
        return _lens(folder)[0]

    @cached_property
    def every(self) -> Path:
        """A session with a result of every analysis on the toy model."""
        session = self.work / "every.lens"
        for name in self.analyses:
            self.call("run", name, *TOY, *SETTINGS.get(name, PAIR), "--out", session)
        return session

    @cached_property
    def analyses(self) -> tuple[str, ...]:
        """The names of all analyses, as the program's help has them."""
        commands = self.call("run", "--help").out.partition("Commands:")[2]
        found = tuple(re.findall(r"^  (\w+)  ", commands, re.MULTILINE))
        lost = sorted({*SETTINGS, *WORKED} - {*found})
        if lost:
            raise SmokeError(f"`run --help` lacks {', '.join(lost)}: {commands}")
        return found

    @contextlib.contextmanager
    def window(self, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
        """Open the window, unseen, and see that it is gone at the end."""
        work, told_file = self.work, self.folder / "window.txt"
        with told_file.open("wb") as told:
            process = subprocess.Popen(
                [str(self.program), *map(str, arguments)],
                cwd=work,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait(PATIENCE_S)
        words = told_file.read_text("utf-8", "replace")
        if "Traceback" in words:
            raise SmokeError(f"the window left a traceback: {words[-2000:]}")


def _line(arguments: Sequence[object]) -> str:
    return " ".join(map(str, arguments))


def fail(what: str, said: Said) -> NoReturn:
    """Raise the error that tells what did not hold, with the end of what was said."""
    told = "\n".join(part.strip()[-3000:] for part in (said.out, said.err) if part.strip())
    raise SmokeError(f"{what}; it said:\n{told or '(nothing)'}")


def wait_for(process: subprocess.Popen[bytes], is_so: Callable[[], bool]) -> None:
    """Wait until something is so while the window is open."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        if process.poll() is not None:
            raise SmokeError(f"the window ended by itself with {process.returncode}")
        if time.monotonic() > end:
            raise SmokeError(f"the window did not get there in {PATIENCE_S} s")
        time.sleep(LOOK_S)


def _lens(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.lens") if not path.name.startswith("."))
