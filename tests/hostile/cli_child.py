"""Reads spoilt sessions on the command line: `cli_child.py FOLDER FIRST LAST`.

`FOLDER/good.lens` is the sound one. Whatever a command does with a spoilt copy, it ends with 0 or
with one sentence; a result that the damage does not touch comes out to the letter.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree  # what is read here, this program has written itself

from desktop_app.contract.registry import ANALYSES
from tests.hostile import values
from tests.hostile.child import Teller, call, check, limit_memory
from tests.hostile.sessions import spoil

ALLOWED = frozenset({0, 2})
TEXTS = ("json", "csv", "npz", "py", "ipynb")
PICTURES = ("png", "svg", "pdf")


class Reader:
    """Goes through a session as a curious user would."""

    def __init__(self, folder, teller) -> None:
        self.folder, self.teller = folder, teller
        self.good = folder / "good.lens"
        self.numbers = [row["id"] for row in json.loads(call("results", self.good, "--json")[1])]
        self.sound = {}

    def export(self, case, session, number, ending):
        """Export one result and return the file's bytes, None where that was refused."""
        target = self.folder / "out" / f"result.{ending}"
        shutil.rmtree(target.parent, ignore_errors=True)
        target.parent.mkdir()
        with self.teller.step(case, f"{ending} of {number}"):
            found = call("export", session, "--result", number, "--out", target)
        is_there = check(case, f"export {number} {ending}", found, ALLOWED)
        left = sorted(p.name for p in target.parent.iterdir())
        if left != ([target.name] if is_there else []):
            case.wrong(f"export {number} {ending} ended with {found[0]} and left {left}")
        return target.read_bytes() if target.exists() else None

    def learn(self, case):
        """Take in what the sound session holds, and how long each export takes."""
        for number in self.numbers:
            self.sound[number] = self.export(case, self.good, number, "json")
        for number in self.numbers[: len(ANALYSES)]:  # a second result takes no longer
            for ending in (*TEXTS[1:], *PICTURES):
                self.export(case, self.good, number, ending)
        self.read(case, self.good, frozenset(), values.dice(0))

    def read(self, case, session, touched, throw):
        """Read everything; results that are not touched must be the sound ones."""
        before = session.read_bytes()
        for form in ((), ("--json",)):
            with self.teller.step(case, "results"):
                found = call("results", session, *form)
            is_open = check(case, f"results {' '.join(form)}", found, ALLOWED)
        case.facts.append("opened" if is_open else "refused")
        numbers = [row["id"] for row in json.loads(found[1])] if is_open else self.numbers[:1]
        hurt = 0
        for number in self.numbers if is_open else numbers:
            content = self.export(case, session, number, "json")
            hurt += content is None
            self._compare(case, number, content, touched)
        if is_open and hurt:
            case.facts.append("with results that are refused")
        chosen = throw.sample(numbers, min(2, len(numbers)))
        if touched:
            chosen = [*touched, *chosen[:1]]
        for number in chosen:
            self._all_forms(case, session, number, throw)
        self._diff(case, session)
        if session.read_bytes() != before:
            case.wrong("reading has changed the file")

    def _compare(self, case, number, content, touched):
        # A checksum vouches for what bytes were flipped in; what was not touched is the sound one.
        if touched is not None and number in touched:
            return
        if content is None and touched is not None:
            case.lost(f"result {number} was not touched and cannot be read")
        if content is not None and content != self.sound[number]:
            case.lost(f"result {number} comes out otherwise than it was written")

    def _all_forms(self, case, session, number, throw):
        for ending in (*TEXTS[1:], throw.choice(PICTURES)):
            content = self.export(case, session, number, ending)
            if content is None:
                continue
            if ending == "svg":
                ElementTree.fromstring(content)  # noqa: S314 - our own
            elif ending == "csv":
                text = content.decode("utf-8")
                cells = (cell for row in csv.reader(text.splitlines(True)) for cell in row)
                if any(cell.startswith(values.FORMULA) for cell in cells):
                    case.wrong(f"the csv of {number} has a cell that a spreadsheet computes")
            elif ending == "py":
                compile(content, "script", "exec")
            elif ending == "ipynb":
                json.loads(content)

    def _diff(self, case, session):
        for pair in ((session, self.good), (self.good, session)):
            with self.teller.step(case, "diff"):
                found = call("diff", *pair, "--json")
            if check(case, "diff", found, ALLOWED | {1}):
                json.loads(found[1])
        with self.teller.step(case, "diff"):
            check(case, "diff", call("diff", session, self.good), ALLOWED | {1})


def main(folder, first, last):
    """Spoil and read."""
    teller = Teller()
    reader = Reader(folder, teller)
    with teller.sound() as case:
        reader.learn(case)
    limit_memory()
    target = folder / "spoilt" / "spoilt.lens"
    for number in range(first, last):
        shutil.rmtree(target.parent, ignore_errors=True)
        target.parent.mkdir()
        spoilt = spoil(reader.good, target, number)
        with teller.case(number, spoilt.what) as case:
            reader.read(case, target, spoilt.touched, values.dice(number))
            left = {p.name for p in target.parent.iterdir()} - {target.name}
            if left - {f"{target.name}-wal", f"{target.name}-shm"}:
                case.wrong(f"reading has left {sorted(left)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
