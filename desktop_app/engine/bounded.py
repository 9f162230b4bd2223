"""Work on what a stranger wrote, in a process of its own, bounded in time and memory.

A chat template is a program, and a tokenizer's patterns can take years on one line of text. Neither
can be interrupted from within Python, so they run in a child that is watched and, where it goes too
far, killed. The child stays, so that the second question costs a millisecond.

Run as `python -m desktop_app.engine.bounded MODULE`: the module's `answer` is called with the value
of each line of the input, and every line of the output is what it gave.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import queue
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

import psutil

from desktop_app.support.children import NO_CONSOLE, command, environment
from desktop_app.support.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS = 0.01
# Starting imports libraries from a disk that may be slow; nothing of the stranger's runs yet.
_START_SECONDS = 120.0
# A busy machine gives the child little of its processors: the clock may run longer than its work.
_CLOCK_SHARE = 4.0


@dataclass(frozen=True)
class Bounds:
    """How far a piece of work may go.

    Attributes:
        seconds: Processor time that one question may take.
        megabytes: Memory beyond what the child had when it was ready.
    """

    seconds: float = 2.0
    megabytes: int = 512


@dataclass(frozen=True)
class Answer:
    """What became of a question.

    Attributes:
        value: What was answered.
        failed: Empty where it was answered; else what ended it: `time`, `memory`, or `error`.
        kind: The name of the error.
        message: Its first line.
    """

    value: Any = None
    failed: Literal["", "time", "memory", "error"] = ""
    kind: str = ""
    message: str = ""


class BoundedWorker:
    """Asks a module's `answer` in a child process; the child is started when first needed.

    Args:
        module: The module's dotted name; it is imported in the child alone.
        bounds: How far each question may go.
    """

    def __init__(self, module: str, bounds: Bounds | None = None) -> None:
        self._module = module
        self._bounds = bounds or Bounds()
        self._child: _Child | None = None

    def ask(self, question: Any, check: Callable[[], None] | None = None) -> Answer:
        """Return the answer to a question, plain JSON both ways.

        Args:
            question: What `answer` is called with.
            check: Called many times a second; what it raises ends the child and goes on up.
        """
        if self._child is None or not self._child.is_alive():
            self._child = _Child(self._module)
        try:
            found = self._child.ask(question, self._bounds, check or _nothing)
        except BaseException:
            self.close()
            raise
        if found.failed in {"time", "memory"}:
            self.close()
        return found

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None


def _nothing() -> None:
    return None


class _Child:
    """One child process and the thread that reads its lines."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
            command("desktop_app.engine.bounded", module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(TOKENIZERS_PARALLELISM="false"),
            encoding="utf-8",
            creationflags=NO_CONSOLE,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._is_ready = False
        stdout = self._process.stdout
        threading.Thread(target=_read, args=(stdout, self._lines), daemon=True).start()
        self._ended = weakref.finalize(self, _end, self._process)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._ended()

    def ask(self, question: Any, bounds: Bounds, check: Callable[[], None]) -> Answer:
        """Send one question and wait for its line, within the bounds."""
        if not self._is_ready:
            began = time.monotonic()
            said = self._wait(check, lambda: time.monotonic() - began > _START_SECONDS)
            if said is None:
                return Answer(failed="error", message="its helper process did not start")
            self._is_ready = True
        watch = _Watch(self._process.pid, bounds)
        question = {"question": question, "megabytes": bounds.megabytes}
        stdin = self._process.stdin
        with contextlib.suppress(OSError):  # a child that is gone is seen while waiting
            if stdin is not None:
                stdin.write(json.dumps(question) + "\n")
                stdin.flush()
        line = self._wait(check, watch.is_over)
        if line is None:
            return Answer(failed=watch.why or "memory")
        return Answer(**json.loads(line))

    def _wait(self, check: Callable[[], None], is_over: Callable[[], bool]) -> str | None:
        """Return the child's next line; None where it went too far or ended by itself."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._lines.get(timeout=_POLL_SECONDS) or None
            check()
            if is_over():
                return None


class _Watch:
    """Tells when a child has used up what it may."""

    def __init__(self, pid: int, bounds: Bounds) -> None:
        self.why: Literal["", "time", "memory"] = ""
        self._bounds = bounds
        self._began = time.monotonic()
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)
            self._work, self._memory = self._used()

    def _used(self) -> tuple[float, int]:
        process = self._process
        if process is None:
            return 0.0, 0
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss

    def is_over(self) -> bool:
        """Return whether a bound is passed; `why` says which."""
        if time.monotonic() - self._began > self._bounds.seconds * _CLOCK_SHARE:
            self.why = "time"
        with contextlib.suppress(psutil.Error):
            work, memory = self._used()
            if work - self._work > self._bounds.seconds:
                self.why = "time"
            if memory - self._memory > self._bounds.megabytes * 2**20:
                self.why = "memory"
        return bool(self.why)


def _read(stdout: IO[str] | None, lines: queue.SimpleQueue[str]) -> None:
    """Pass on the child's lines; an empty one means that it has ended."""
    with contextlib.suppress(OSError, ValueError):
        for line in stdout or ():
            lines.put(line)
    lines.put("")


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a child and let go of its pipes."""
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            if pipe is not None:
                pipe.close()


def _answer(work: Callable[[Any], Any], question: Any) -> Answer:
    """Return the answer, or what went wrong, whatever it was: a panic of Rust is no Exception."""
    try:
        return Answer(value=work(question))
    except MemoryError:
        return Answer(failed="memory")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - every failure becomes a line for the parent
        return Answer(failed="error", kind=type(error).__name__, message=first_line(error, 200))


def _limit_memory(megabytes: int) -> None:
    """Let the system refuse memory beyond the bound, where it can; the parent watches besides."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        most = psutil.Process().memory_info().vms + megabytes * 2**20
        _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main(arguments: list[str]) -> int:
    """Answer line by line until the input ends."""
    # What a library prints must not stand between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    work = importlib.import_module(arguments[0]).answer
    answers.write("ready\n")
    answers.flush()
    is_limited = False
    for line in sys.stdin:
        asked = json.loads(line)
        if not is_limited:
            _limit_memory(int(asked["megabytes"]))
            is_limited = True
        found = _answer(work, asked["question"])
        answers.write(json.dumps(vars(found)) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
