"""Opens spoilt sessions in one window: `hostile_driver.py FOLDER FIRST LAST`, in its own process.

Bytes are spoilt as on a disk; documents are changed as somebody would who means harm, with valid
checksums. A crash ends the process; errors that reach the excepthook are counted, and times taken.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import sys
import time
import traceback
import zlib
from contextlib import closing
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from desktop_app import app
from desktop_app.session.store import Session
from desktop_app.support.logs import LogBook
from desktop_app.window.frame import dialogs
from desktop_app.window.main_window import MainWindow
from tests.samples import drawn, heads
from tests.session.hostile_driver import spoil
from tests.window.fakes import FakeService

EVIL = [
    None, True, -1, 0, 10**30, 1e308, "", "x" * 5000, "<img src='file:///x'>", "\x00\x1b[2J", [],
    {}, [[]], {"$tuple": []}, {"$number": "nan"}, {"a": {"b": [1]}}, ["\u202e"] * 40,
]  # fmt: skip


def make(path):
    """Write a session with a result of every analysis that has a sample."""
    with Session.create(path) as session:
        for result in (
            drawn.tokens_result(),
            drawn.rank_result(),
            drawn.ablate_result(),
            drawn.attention_result(),
            heads.detect_result(card=True),
        ):
            session.add(result)


def places_in(value, way=()):
    """Give every place in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*way, key)
        if isinstance(item, (dict, list)):
            yield from places_in(item, (*way, key))


def change(document, choose):
    """Change a few places of a document: another value, none at all, or one of another place."""
    for _ in range(choose.choice([1, 1, 2, 5])):
        ways = list(places_in(document))
        *before, last = choose.choice(ways)
        holder = document
        for key in before:
            holder = holder[key]
        kind = choose.randrange(4)
        if kind == 0 and isinstance(holder, dict):
            del holder[last]
        elif kind == 1 and isinstance(holder[last], int):
            holder[last] = choose.choice([-1, 0, holder[last] + 1, 2**40, 10**25])
        else:
            holder[last] = choose.choice(EVIL)


def change_session(path, seed):
    """Change documents and titles of a session, and count the checksums anew."""
    choose = random.Random(seed)  # noqa: S311 - the same again by its seed
    with closing(sqlite3.connect(path)) as connection:
        for number, text in connection.execute("SELECT id, document FROM results").fetchall():
            document = json.loads(text)
            if choose.random() < 0.7:
                change(document, choose)
            changed = json.dumps(document)
            title = choose.choice(["t", "<b>x", "\x1b"])
            values = (changed, zlib.crc32(changed.encode()), title, number)
            connection.execute(
                "UPDATE results SET document = ?, crc = ?, title = ?, fields = NULL WHERE id = ?",
                values,
            )
        connection.commit()


def look(window, path):
    """Open a session and look at each of its results; return how many there were to see."""
    window.files.open_session(path)
    window.session.wait()
    seen = 0
    for name in list(window.views):
        window.views.open(name)
        QApplication.processEvents()
        seen += window.views[name].current_result is not None
    for row in window.session.rows()[:8]:
        window.results.select(row.id)
        window.results.asked.emit("show", row.id)
        QApplication.processEvents()
    return seen


def words_of(error):
    """Return an error in a line with the place that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}"[:120] + f" at {place}"


def main(folder, first, last):
    """Do it all; print what happened as JSON."""
    application = app.make_application()
    dialogs.ask_save_before_closing = lambda parent: "discard"
    told = []
    sys.excepthook = lambda kind, error, trace: told.append(words_of(error))
    window = MainWindow(FakeService, folder / "config", LogBook())
    window.resize(1280, 800)
    window.show()
    good = folder / "good.lens"
    make(good)
    if look(window, good) != 5:
        sys.exit(f"the sound session is not shown: {window.banner.text()} {told}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest, seen = 0.0, 0
    for seed in range(first, last):
        path = folder / f"{seed % 7}.lens"
        if seed % 3 == 0:
            path.write_bytes(spoil(good.read_bytes(), seed))
        else:
            path.write_bytes(good.read_bytes())
            change_session(path, seed)
        began = time.monotonic()
        seen += look(window, path)
        slowest = max(slowest, time.monotonic() - began)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    window.session.has_unsaved = False
    window.close()
    application.processEvents()
    found = {"opened": last - first, "seen": seen, "slowest_s": round(slowest, 2)}
    found |= {"grown_mb": grown // 1024, "told": sorted(set(told))}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    except BaseException as error:  # noqa: BLE001 - the compute thread would not let it end
        sys.stderr.write(words_of(error) + "\n")
        sys.stderr.flush()
        os._exit(1)
