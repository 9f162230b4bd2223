"""The parent's side of a hostile run: children bounded in time, heard case by case, and judged."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
HANG_S = 10.0
MOST_BYTES = 1_000_000_000
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
_LAST_WORDS = 1_500


@dataclass
class Outcome:
    """What a kind of hostile input came to.

    Attributes:
        tried: How many files, kills or results were tried.
        lost: What had been acknowledged, or had nothing to do with the damage, and is gone.
        crashes: Children that a signal or an error ended.
        wrong: Tracebacks, unexpected errors, sentences that are none.
        hangs: What took more than 10 s beyond a sound one.
        grown: Most memory beyond a sound run, in bytes.
        slowest: Most seconds beyond a sound run.
        failures: One line each, with what repeats it.
        facts: What else was counted.
        tell: Told each failure as it comes.
    """

    kind: str
    tried: int = 0
    lost: int = 0
    crashes: int = 0
    wrong: int = 0
    hangs: int = 0
    grown: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    tell: Callable[[str], object] = lambda _line: None

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, nothing crashed or hung, and memory stayed bounded."""
        return not self.failures and self.grown <= MOST_BYTES

    def fail(self, what: str, count: str) -> None:
        """Note a failure under the count of that name, if there is one."""
        if count:
            setattr(self, count, getattr(self, count) + 1)
        self.failures.append(f"{self.kind}: {what}")
        self.tell(self.failures[-1])

    def row(self) -> str:
        """Return one row of the table."""
        facts = ", ".join(f"{count:,} {name}" for name, count in sorted(self.facts.items()))
        counts = map(str, (self.lost, self.crashes, self.wrong, self.hangs))
        bounds = f"{self.slowest:.1f} s", f"{self.grown / 1e6:,.0f} MB"
        return f"| {' | '.join((self.kind, f'{self.tried:,}', facts, *counts, *bounds))} |"


HEADING = (
    "| what | tried | of which | lost | crashes | errors without a sentence | hangs over 10 s | "
    "slowest beyond a sound one | most memory beyond a sound one |\n"
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)


class HungError(Exception):
    """A child that has said nothing for too long."""


class Child:
    """A process of its own that says JSON lines; it leads a session, and dies with it.

    Attributes:
        last_words: The end of what it wrote to standard error, once it has ended.
    """

    def __init__(self, module: str, arguments: list[str], folder: Path) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - read at the end
        environment = {
            **os.environ,
            "LENSBENCH_HOME": str(folder / "home"),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_CACHE": str(folder / "hub"),
            "OMP_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",
            "QT_QPA_PLATFORM": "offscreen",
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        self._heard = b""
        self.last_words = ""

    def hear(self, limit_s: float) -> dict[str, Any] | None:
        """Return the next word; None where the child has ended.

        Raises:
            HungError: Nothing came in time.
        """
        end = time.monotonic() + limit_s
        while b"\n" not in self._heard:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._out], [], [], left)[0]:
                raise HungError
            piece = os.read(self._out, 65_536)
            if not piece:
                return None
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        word: dict[str, Any] = json.loads(line)
        return word

    def end(self, *, kill: bool = False) -> tuple[int, int]:
        """Wait for it; return its exit status (negative: the signal) and peak memory in bytes."""
        if kill:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.last_words = self._read_log()
        return self._process.returncode, _PEAK_UNIT * usage.ru_maxrss

    def _read_log(self) -> str:
        """Return the end of what it wrote to standard error, on one line."""
        with self._log:
            self._log.seek(0)
            text = self._log.read().decode("utf-8", "replace")[-_LAST_WORDS:]
        return " ⏎ ".join(text.splitlines())


@dataclass(frozen=True)
class Patience:
    """How long to wait: for a start with its sound run, and for one step of a case.

    Attributes:
        hang_s: What counts as hanging, beyond a sound run.
        batch: How many cases one child goes through.
    """

    start_s: float = 900.0
    step_s: float = 60.0
    hang_s: float = HANG_S
    batch: int = 40


def watch(
    outcome: Outcome,
    module: str,
    folder: Path,
    cases: range,
    patience: Patience,
    *more: str,
) -> Outcome:
    """Run cases in children, some in each; the next child goes on after the case that ended one.

    A child is called with a folder, the first and the last case; it says `ready` with its own peak,
    `begin` and `end` of each case, and a `step` before whatever may take long. `more` is what its
    command line holds besides.
    """
    number = cases.start
    while number < cases.stop:
        stop = min(number + patience.batch, cases.stop)
        child = Child(module, [str(folder), str(number), str(stop), *more], folder)
        number = _hear_all(child, outcome, number, stop, patience)
    return outcome


class _Listener:
    """Hears one child out.

    Attributes:
        case: The case that runs, or comes next.
        at: What is done in it.
        sound: Peak memory of the sound run, in bytes; 0 before it is over.
    """

    def __init__(self, child: Child, outcome: Outcome, first: int, patience: Patience) -> None:
        self._child, self._outcome, self._patience = child, outcome, patience
        self.case, self.at, self.sound = first, "start", 0
        self.is_within = False

    def hear_all(self) -> bool:
        """Listen until the child ends; return whether it did, or fell silent."""
        try:
            while word := self._child.hear(
                self._patience.step_s if self.sound else self._patience.start_s
            ):
                self._take(word)
        except HungError:
            return False
        return True

    def _take(self, word: dict[str, Any]) -> None:
        if "ready" in word:
            self.sound = word["peak"]
        elif "begin" in word:
            self.case, self.at, self.is_within = word["begin"], word["what"], True
        elif "step" in word:
            self.at = f"{self.at.split(' → ')[0]} → {word['step']}"
        elif "end" in word:
            _judge(self._outcome, word, self.sound, self._patience.hang_s)
            self.case, self.is_within = word["end"] + 1, False


def _hear_all(child: Child, outcome: Outcome, first: int, stop: int, patience: Patience) -> int:
    """Listen to one child to its end; return the case that comes next."""
    listener = _Listener(child, outcome, first, patience)
    has_ended = listener.hear_all()
    code, _peak = child.end(kill=not has_ended)
    if code == 0 and listener.case >= stop:
        return stop
    if not listener.sound:
        raise RuntimeError(f"the sound run failed ({code}): {child.last_words}")
    where = f"case {listener.case} ({listener.at})"
    outcome.tried += listener.is_within
    if has_ended:
        outcome.fail(f"{where}: ended with {code}: {child.last_words}", "crashes")
    else:
        outcome.fail(f"{where}: no end within {patience.step_s:.0f} s", "hangs")
    return listener.case + 1


def _judge(outcome: Outcome, word: dict[str, Any], sound: int, hang_s: float) -> None:
    where = f"case {word['end']} ({word['what']})"
    outcome.tried += 1
    grown = word["peak"] - sound
    outcome.grown = max(outcome.grown, grown)
    outcome.slowest = max(outcome.slowest, word["over"])
    if grown > MOST_BYTES:
        outcome.fail(f"{where}: {grown / 1e9:.2f} GB beyond a sound run", "")
    if word["over"] > hang_s:
        outcome.fail(f"{where}: {word['over']:.1f} s beyond a sound run in {word['in']}", "hangs")
    for count, problem in word["problems"]:
        outcome.fail(f"{where}: {problem}", count)
    for fact in word["facts"]:
        outcome.facts[fact] = outcome.facts.get(fact, 0) + 1
