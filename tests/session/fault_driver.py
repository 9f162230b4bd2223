"""Kills writers at random moments and looks at what they left: `fault_driver.py FOLDER KILLS SEED`.

One process that has imported everything forks a writer per trial, so that a trial takes
milliseconds. The writer adds results and reports each one through a pipe when `add` has returned;
whatever was reported must be in the file, bit for bit, and the file must pass SQLite's own check.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np

from desktop_app.session.store import Session
from tests.samples import stored
from tests.session.test_versions import OLD

TRIALS_PER_FILE = 12
MOST_RESULTS = 4


def make(seed):
    """Return a result that its seed alone determines; every third is a pattern in many parts."""
    numbers = np.random.default_rng(seed)
    if seed % 3 == 0:
        pattern = numbers.random((2, 3, 120, 120), np.float32)
        return stored.attention_result((pattern,))
    data = {"base": numbers.standard_normal(2), "effect": numbers.standard_normal((3, 99, 2))}
    return stored.result_of("ablate", data, params={"seed": seed})


def write_for_ever(path, first_seed, report):
    """Add results and report (id, seed) of each that is finished, until killed."""
    session = Session.open_or_create(path)
    seed = first_seed
    while True:
        number = session.add(make(seed))
        if seed % 5 == 0:
            session.set_tags(number, ["kept", str(seed)])
        os.write(report, f"{number} {seed}\n".encode())
        seed += 1


class Pace:
    """How long a result takes here and now: moments are parts of it, not of a second."""

    seconds = 0.01

    @classmethod
    def note(cls, seconds, results):
        if results:
            cls.seconds = seconds / results


def killed_writer(path, first_seed, results, share):
    """Run a writer and kill it in the midst of a result; return what it reported.

    Args:
        path: The file.
        first_seed: Of the first result.
        results: How many are finished before.
        share: Which part of a result's time later.
    """
    out, report = os.pipe()
    writer = os.fork()
    if writer == 0:
        with contextlib.suppress(BaseException):
            os.close(out)
            write_for_ever(path, first_seed, report)
        os._exit(1)  # the writer never ends by itself
    os.close(report)
    began = time.monotonic()
    with os.fdopen(out, "rb") as file:
        lines = [file.readline() for _ in range(results)]
        Pace.note(time.monotonic() - began, results)
        time.sleep(share * Pace.seconds)
        os.kill(writer, signal.SIGKILL)
        status = os.waitpid(writer, 0)[1]
        assert os.WIFSIGNALED(status), "the writer failed before it was killed"
        lines += file.read().splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def examine(path, reported):
    """Check every reported result and the file; return how many results it holds."""
    with Session.open_or_create(path) as session:
        assert session.notice is None, session.notice
        assert session.missing() is None
        ids = {row.id: row for row in session.rows()}
        for number, seed in reported:
            assert number in ids, f"result {number} was reported and is lost"
            stored.assert_same_result(make(seed), session.load(number))
            if seed % 5 == 0:
                assert ids[number].tags == ("kept", str(seed))
        assert session.query("PRAGMA integrity_check") == [("ok",)]
        loose = "SELECT count(*) FROM arrays WHERE result NOT IN (SELECT id FROM results)"
        assert session.query(loose) == [(0,)]
        return len(ids)


def main(folder, kills, seed):
    """Do it all and print what happened as JSON."""
    choose = random.Random(seed)  # noqa: S311 - moments, not secrets
    interrupted = finished = creating = 0
    path, known = None, []
    for trial in range(kills):
        if trial % TRIALS_PER_FILE == 0:
            path, known = folder / f"{trial}.lens", []
            if trial % (2 * TRIALS_PER_FILE) == 0:
                shutil.copy(OLD / "schema_1.lens", path)  # killed while it is brought up to date
        if trial % 4 == 2:  # killed while it makes the file
            fresh = folder / f"{trial}-new.lens"
            reported = killed_writer(fresh, 1000 * trial, 0, choose.random() / 2)
            creating += not fresh.exists() or fresh.stat().st_size == 0
            finished += len(reported)
            examine(fresh, reported)
            continue
        reported = killed_writer(
            path, 1000 * trial, choose.randrange(MOST_RESULTS), choose.random()
        )
        journal = path.with_name(path.name + "-journal")
        interrupted += journal.exists() and journal.stat().st_size > 0
        finished += len(reported)
        known += reported
        examine(path, reported)
        if trial % TRIALS_PER_FILE == TRIALS_PER_FILE - 1:
            examine(path, known)
            path.unlink()
    told = {"kills": kills, "interrupted": interrupted, "finished": finished, "creating": creating}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    assert sqlite3.threadsafety >= 1
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
