"""Runs `lensbench run … --out` in processes that are killed, or that all write at once.

`writers_child.py FOLDER FIRST LAST kills|writers`. The process imports everything and loads the toy
model once; each writer is a fork of it in which loading answers with that model, so that the time
of a run is mostly that of writing. A run is acknowledged when its command has ended with 0.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading
from desktop_app.session.exports import json_pieces
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import TEMPORARY_NAMES
from tests.hostile.child import Teller, call
from tests.hostile.values import dice

FOR_ITSELF = 20  # one kill in so many hits a program that was started for it
PER_FILE = 6
MOST_RESULTS = 3
WRITERS, RESULTS = 10, 5
ANALYSES = ("tokens", "attention")  # a small result, and one with large arrays


def run(path, text, turn):
    """Run one analysis into a session, as from the command line; return (status, error, time)."""
    name, started = ANALYSES[turn % len(ANALYSES)], time.perf_counter()
    code, _out, err = call("run", name, "--model", "toy", "--prompt", text, "--out", path)
    return code, (err.splitlines() or [""])[-1], time.perf_counter() - started


def keep_model():
    """Load the toy once; loading it again gives what is there."""
    model = loading.load(ModelSpec("toy", device="cpu"), SilentReporter())
    loading.load = lambda _spec, _report: model


def fork(work):
    """Start a fork that does its work with a pipe to speak through; return (its id, the pipe)."""
    out, report = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(out)
            work(report)
            os._exit(0)
        os._exit(1)
    os.close(report)
    return child, os.fdopen(out, "rb")


def heard(case, lines, known):
    """Take in what a fork said of its runs; a line that was cut off acknowledges nothing."""
    for line in lines:
        if not line.endswith(b"\n"):
            continue
        code, text, err, seconds = json.loads(line)
        case.steps["run"] = max(case.steps.get("run", 0.0), seconds)
        if code == 0:
            known.append(text)
            case.facts.append("acknowledged")
        else:
            case.wrong(f"a run ended with {code}: {err}")


def report_run(report, path, text, turn):
    """Run, and say how it ended."""
    code, err, seconds = run(path, text, turn)
    os.write(report, (json.dumps([code, text, err, seconds]) + "\n").encode())


def look(case, path, known):
    """Open a session, read all of it, and look for what was acknowledged."""
    try:
        found = texts_in(path)
    except (BadInputError, AssertionError) as error:
        case.lost(f"{path.name} does not open: {error}")
        return
    for text in known:
        if text not in found:
            case.lost(f"{text!r} was acknowledged and is gone")


def texts_in(path):
    """Return the first prompt of every result of a session, all of which is read."""
    with Session.open(path) as session:
        assert session.missing() is None, session.missing()
        assert session.query("PRAGMA integrity_check") == [("ok",)]
        found = set()
        for row in session.rows():
            result = session.load(row.id)
            for _piece in json_pieces(result):
                pass
            found.add(result.prompts[0].text)
        return found


# --- kills


class Pace:
    """How long a run takes here and now: moments are parts of it, not of a second."""

    fork = 0.1
    program = 1e9  # found out by one that is left alone


def killed_fork(case, path, first, throw, known):
    """Kill a fork that runs one analysis after another."""

    def work(report):
        number = first
        while True:
            report_run(report, path, f"1 2 {number} ", number)
            number += 1

    results = throw.randint(0, MOST_RESULTS) if path.exists() else 0  # killed while it is made
    child, told = fork(work)
    began = time.monotonic()
    with told:
        lines = [told.readline() for _ in range(results)]
        if results:
            Pace.fork = (time.monotonic() - began) / results
        time.sleep(1.5 * throw.random() * Pace.fork)
        os.kill(child, signal.SIGKILL)
        usage = os.wait4(child, 0)[2]
        lines += told.read().splitlines(keepends=True)
    case.peak = 1024 * usage.ru_maxrss
    heard(case, lines, known)


def killed_program(path, first, share):
    """Kill a program that a shell might have started; return what it acknowledged."""
    text, started = f"1 2 {first} ", time.monotonic()
    command = ["run", ANALYSES[0], "--model", "toy", "--prompt", text, "--out", str(path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "desktop_app", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(min(share * Pace.program, 1e6))
    process.send_signal(signal.SIGKILL)
    if process.wait() != 0:
        return []
    Pace.program = time.monotonic() - started
    return [text]


def kill(case, folder, number, known):
    """One kill: of a new file or one that is there; then look at it and add to it."""
    throw, path = dice(number), folder / f"killed_{number // PER_FILE}.lens"
    if number % PER_FILE == 0:
        known.clear()
    if number % FOR_ITSELF == FOR_ITSELF - 1:
        told = killed_program(path, 1000 * number, 1.1 * throw.random())
        known += told
        case.facts += ["whole programs", *["acknowledged"] * len(told)]
    else:
        killed_fork(case, path, 1000 * number, throw, known)
    case.facts.append(state(path))
    if known:
        look(case, path, known)
    code, err, case.steps["run"] = run(path, f"after {number} ", number)
    if code == 0:
        known.append(f"after {number} ")
    else:
        case.wrong(f"the run after the kill ended with {code}: {err}")
    look(case, path, known)
    for left in folder.glob(TEMPORARY_NAMES):
        case.wrong(f"{left.name} has outlived the next start")
        left.unlink()


def state(path):
    """Say in which moment a kill came."""
    journal = path.with_name(path.name + "-journal")
    if not path.exists():
        return "before the file was there"
    if journal.exists() and journal.stat().st_size:
        return "within a transaction"
    return "between results" if path.stat().st_size else "while the file was empty"


# --- many writers


def write_at_once(case, folder, number):
    """Ten writers add five results each to a file that none of them has made yet."""
    path, known = folder / f"shared_{number}.lens", []
    gate = time.monotonic() + 0.3

    def work(report, writer):
        time.sleep(max(0.0, gate - time.monotonic()))
        for i in range(RESULTS):
            report_run(report, path, f"{number} {writer} {i} ", i)

    forks = [fork(lambda report, w=writer: work(report, w)) for writer in range(WRITERS)]
    for child, told in forks:
        with told:
            lines = told.read().splitlines(keepends=True)
        _, status, usage = os.wait4(child, 0)
        case.peak = max(case.peak, 1024 * usage.ru_maxrss)
        if status != 0:
            case.problems.append(("crashes", f"a writer has died ({status})"))
        heard(case, lines, known)
    look(case, path, known)
    names = [p.name for p in folder.iterdir()]
    if any(name.startswith((".", f"{path.name}-")) for name in names):
        case.facts.append("rounds with files left beside")


def main(folder, first, last, kind):
    """Kill, or write at once."""
    teller = Teller()
    place = folder / kind
    place.mkdir(exist_ok=True)
    keep_model()
    sound = place / f"sound_{first}.lens"
    with teller.sound() as case:
        for turn in range(4):
            code, err, seconds = run(sound, f"sound {turn} ", turn)
            case.steps["run"] = max(case.steps.get("run", 0.0), seconds)
            if code != 0:
                case.wrong(err)
        look(case, sound, ["sound 0 ", "sound 3 "])
    if kind == "kills" and any(n % FOR_ITSELF == FOR_ITSELF - 1 for n in range(first, last)):
        teller.say(step="a program that is left alone")
        assert killed_program(sound, 1, 1.0), "a program that is left alone does not end well"
    known = []
    for number in range(first, last):
        with teller.case(number, kind) as case:
            if kind == "kills":
                kill(case, place, number, known)
            else:
                write_at_once(case, place, number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
