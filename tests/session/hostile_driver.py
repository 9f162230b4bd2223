"""Reads spoilt copies of a session in a process of its own: `hostile_driver.py SESSION FIRST LAST`.

Memory is limited by the system and watched, a crash ends the process, and anything but a sentence
or a partial opening ends in a traceback.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from desktop_app.session.exports import json_pieces
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError

ADDRESS_SPACE = 1_500_000_000


def peak_bytes():
    """Return the most memory that this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def spoil(good, seed):
    """Return a spoilt copy; the seed decides how."""
    numbers = np.random.default_rng(seed)
    content = np.frombuffer(good, np.uint8).copy()
    kind = seed % 6
    if kind == 0:
        return numbers.bytes(int(numbers.integers(1, 20_000)))
    if kind == 1:
        return good[: int(numbers.integers(len(good)))]
    if kind == 2:  # single bits
        places = numbers.integers(len(good), size=numbers.choice([1, 3, 30]))
        content[places] ^= (1 << numbers.integers(8, size=len(places))).astype(np.uint8)
    elif kind == 3:  # the pages that describe everything else
        places = numbers.integers(24, 8192, size=numbers.choice([1, 5, 40]))
        content[places] = numbers.integers(256, size=len(places))
    elif kind == 4:  # a page that was never written
        start = 512 * int(numbers.integers(1, len(good) // 512))
        content[start : start + 4096] = 0
    else:  # pages in the wrong place
        a, b = 4096 * numbers.integers(1, len(good) // 4096, size=2)
        content[a : a + 4096], content[b : b + 4096] = (
            content[b : b + 4096].copy(),
            content[a : a + 4096].copy(),
        )
    return content.tobytes()


def read_all(path):
    """Read all that can be read; return how many results could, and how many sentences there were.

    Raises:
        BadInputError: Nothing can be read.
    """
    whole = sentences = 0
    with Session.open(path) as session:
        sentences += session.missing() is not None
        for row in (*session.rows(), *session.deleted_rows()):
            try:
                for _piece in json_pieces(session.load(row.id)):
                    pass
                whole += 1
            except BadInputError:
                sentences += 1
        for read in (session.prompts, lambda: session.notes, lambda: session.title):
            try:
                read()
            except BadInputError:
                sentences += 1
    return whole, sentences


def main(source, first, last):
    """Spoil and read; print what happened as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    good = source.read_bytes()
    whole, sentences = read_all(source)
    assert whole >= 2
    assert sentences == 0
    before = peak_bytes()
    outcomes = Counter()
    target = source.with_name("spoilt.lens")
    for seed in range(first, last):
        target.write_bytes(spoil(good, seed))
        try:
            whole, sentences = read_all(target)
        except BadInputError as error:
            outcomes["refused" if len(str(error)) < 400 else "wordy"] += 1
        else:
            outcomes["partial" if sentences else "whole"] += 1
    sys.stdout.write(json.dumps({**outcomes, "grown": peak_bytes() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
