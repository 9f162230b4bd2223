"""The child's side of a hostile run: it says how each case went, in time and in memory."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOM = 4_000_000_000
_LONGEST_SENTENCE = 1_000
_SENTENCES = frozenset({2, 3, 4})


@dataclass
class Case:
    """One case as it goes.

    Attributes:
        problems: (name of the count of an `Outcome`, what is wrong).
        facts: Words that are counted.
        steps: Seconds of each step.
        peak: Most memory of other processes that worked for it.
    """

    problems: list[tuple[str, str]] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)
    peak: int = 0

    def wrong(self, what: str) -> None:
        """Note an error without a sentence."""
        self.problems.append(("wrong", what[:1500]))

    def lost(self, what: str) -> None:
        """Note what is gone."""
        self.problems.append(("lost", what[:1500]))


class Teller:
    """Speaks to the parent over what was standard output; other prints go to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._sound: dict[str, float] = {}
        self._is_sound = True

    def say(self, **words: Any) -> None:
        """Say one word."""
        self._out.write(json.dumps(words) + "\n")
        self._out.flush()

    @contextlib.contextmanager
    def sound(self) -> Iterator[Case]:
        """Measure a sound run, beside which all others are held; a problem there ends it all."""
        case = Case()
        forget_peak()
        yield case
        assert not case.problems, case.problems
        self._sound, self._is_sound = case.steps, False
        self.say(ready=True, peak=max(peak_bytes(), _in_bytes(resource.RUSAGE_CHILDREN)))

    @contextlib.contextmanager
    def case(self, number: int, what: str) -> Iterator[Case]:
        """Run one case; whatever it raises is a problem of it."""
        case = Case()
        self.say(begin=number, what=what)
        forget_peak()
        try:
            yield case
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not have come here
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            case.wrong(f"{type(error).__name__} at {place}: {error}")
        over = {n: s - self._sound.get(n.split(" ")[0], 0.0) for n, s in case.steps.items()}
        worst = max(over, key=over.__getitem__, default="")
        self.say(
            end=number,
            what=what,
            problems=case.problems,
            facts=case.facts,
            over=over.get(worst, 0.0),
            peak=max(case.peak, peak_bytes(), _in_bytes(resource.RUSAGE_CHILDREN)),
            **{"in": worst},
        )

    @contextlib.contextmanager
    def step(self, case: Case, name: str) -> Iterator[None]:
        """Measure a step, under the first word of its name beside the sound run's."""
        if not self._is_sound:
            self.say(step=name)
        started = time.perf_counter()
        yield
        key = name.split(" ", maxsplit=1)[0] if self._is_sound else name
        seconds = time.perf_counter() - started
        case.steps[key] = max(case.steps.get(key, 0.0), seconds)


def forget_peak() -> None:
    """Forget the memory's high-water mark, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """Return the most memory held since it was forgotten, or ever."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return _in_bytes(resource.RUSAGE_SELF)


def _in_bytes(who: int) -> int:
    """Return the most memory that this process, or one that it has waited for, ever held."""
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def limit_memory() -> None:
    """Let this process have a few gigabytes more than it has, and the machine its rest."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        now = 1024 * int(next(line for line in lines if line.startswith("VmSize:")).split()[1])
        resource.setrlimit(resource.RLIMIT_AS, (now + _ROOM, now + _ROOM))


def call(*arguments: object) -> tuple[int, str, str]:
    """Run a command line in this process: exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([str(a) for a in arguments])
    return code, out.getvalue(), err.getvalue()


def check(case: Case, name: str, found: tuple[int, str, str], allowed: frozenset[int]) -> bool:
    """Note what is wrong with how a command ended; return whether it ended with 0 or 1."""
    code, out, err = found
    said = [line for line in err.splitlines() if line.startswith(("lensbench: ", "warning"))]
    sentences = [line for line in said if line.startswith("lensbench: ")]
    told = (sentences or [err[-300:]])[-1]
    if code not in allowed or "Traceback" in err or told.startswith("lensbench: unexpected "):
        case.wrong(f"{name} ended with {code}: {told}")
    elif code in _SENTENCES and (len(sentences) != 1 or len(told) > _LONGEST_SENTENCE):
        case.wrong(f"{name}: {len(sentences)} sentences, {len(told):,} characters: {told[:300]}")
    loose = next((c for text in (out, *said) for c in text if is_control(c)), None)
    if loose is not None:
        case.wrong(f"{name} prints the control character {loose!r}")
    return code in {0, 1}


def is_control(character: str) -> bool:
    """Return whether a terminal may take a character for an order."""
    return (character < " " and character not in "\n\t") or "\x7f" <= character <= "\x9f"
