"""A user of any habits: rules of hypothesis over the real window; says what went wrong.

`python -m tests.actions.child FOLDER WINDOWS STEPS SEED`: each example is a window of its own on
the toy model, on which STEPS actions are done. Nothing may be logged as an error that nobody meant
to tell, and the memory that is left when a window has closed may not grow.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import sys
from pathlib import Path

import psutil
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from desktop_app import app
from desktop_app.support.logs import LogBook
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.frame import dialogs
from desktop_app.window.main_window import MainWindow
from tests.actions.hands import Hands
from tests.hostile.window_child import Ears
from tests.patience import let_go_of_keys, turn_the_loop, wait_for
from tests.session import toy_runs

NUMBER = st.integers(0, 65_535)
PLACE = st.tuples(st.integers(0, 100), st.integers(0, 100))
YES = st.booleans()
PROMPTS = "prompt,corrupt,answer,wrong\n1 2 3 4,7 9 6 1, 5, 4\n3 4 5 6,7 9 6 1, 7, 6\n"


class HeardError(Exception):
    """Something went wrong that nobody meant to tell."""


class User(RuleBasedStateMachine):
    """Does anything in any order."""

    folder: Path
    ears: Ears
    count = 0
    left: list[dict[str, int]]  # when a window had closed: bytes, Python objects, Qt's widgets

    def __init__(self) -> None:
        super().__init__()
        home = self.folder / f"home_{len(self.left)}"
        home.mkdir()
        (home / "settings.json").write_text(json.dumps({"started_before": True, "model": "toy"}))
        apply_theme(app.make_application(), "light")
        self.window = MainWindow(app.make_service, home, LogBook())
        self.window.resize(1280, 800)
        self.window.panels.place()
        self.window.show()
        started: list[bool] = []
        self.window.started.connect(lambda: started.append(True))
        self.care = app.Housekeeping(self.window)
        self.care.start()
        self.hands = Hands(self.window, self.folder)
        answer_files(self.hands)
        self.window.start()
        wait_for(lambda: started)
        self.hands.drop(0)
        self.hands.rest()

    def did(self) -> None:
        """Hear whether the last action went wrong, and lay out and draw what it did."""
        User.count += 1
        turn_the_loop(1)
        if User.count % 5 == 0:
            # What the window's clock does once a minute: what belongs to nobody goes, in sight or
            # not. What the window still needs of it is missed with the next actions.
            gc.collect()
        if User.count % 25 == 0:
            self.window.grab()
        told = self.ears.take()
        if told or not self.window.isVisible():
            gone = () if self.window.isVisible() else ("The window has closed.",)
            raise HeardError("\n".join((*self.hands.done[-25:], *told, *gone)))

    @rule(which=NUMBER, ctrl=YES, double=YES)
    def click(self, which, ctrl, double):
        self.hands.click(which, ctrl=ctrl, double=double)
        self.did()

    @rule(which=NUMBER, where=PLACE, held=NUMBER, double=YES)
    def point(self, which, where, held, double):
        self.hands.point(which, where, held, double=double)
        self.did()

    @rule(which=NUMBER, start=PLACE, end=PLACE, held=NUMBER)
    def drag(self, which, start, end, held):
        self.hands.drag(which, start, end, held)
        self.did()

    @rule(which=NUMBER, where=PLACE, answer=NUMBER)
    def menu(self, which, where, answer):
        self.hands.menu(which, where, answer)
        self.did()

    @rule(which=NUMBER)
    def key(self, which):
        self.hands.key(which)
        self.did()

    @rule(which=NUMBER)
    def type(self, which):
        self.hands.type(which)
        self.did()

    @rule(which=NUMBER)
    def paste(self, which):
        self.hands.paste(which)
        self.did()

    @rule(which=NUMBER, answer=NUMBER)
    def act(self, which, answer):
        self.hands.act(which, answer)
        self.did()

    @rule(which=NUMBER, what=st.integers(0, 20))
    def choose(self, which, what):
        self.hands.choose(which, what)
        self.did()

    @rule(which=NUMBER)
    def open(self, which):
        self.hands.open(which)
        self.did()

    @rule(which=NUMBER)
    def run(self, which):
        self.hands.run(which)
        self.did()

    @rule(ticks=NUMBER)
    def run_shown_again(self, ticks):
        self.hands.run_shown(ticks)
        self.did()

    @rule(which=NUMBER)
    def tick(self, which):
        self.hands.tick(which)
        self.did()

    @rule(which=NUMBER, where=PLACE, turns=st.integers(-5, 5), ctrl=YES)
    def wheel(self, which, where, turns, ctrl):
        self.hands.wheel(which, where, turns, ctrl=ctrl)
        self.did()

    @rule(which=NUMBER)
    def drop(self, which):
        self.hands.drop(which)
        self.did()

    @rule(which=NUMBER)
    def resize(self, which):
        self.hands.resize(which)
        self.did()

    @rule(which=NUMBER)
    def theme(self, which):
        self.hands.theme(which)
        self.did()

    @rule(turns=NUMBER)
    def pause(self, turns):
        self.hands.pause(turns)
        self.did()

    @rule()
    def rest(self):
        self.hands.rest()
        self.did()

    def teardown(self):
        """Close the window, as one does who is in the middle of something."""
        self.hands.stop()
        let_go_of_keys()
        closed: list[bool] = []
        self.window.closed.connect(lambda: closed.append(True))
        self.window.session.has_unsaved = False
        self.window.close()
        wait_for(lambda: closed)
        self.care.stop()
        self.window.deleteLater()
        del self.window, self.hands, self.care
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        turn_the_loop(5)
        gc.collect()
        self.left.append(
            {
                "bytes": psutil.Process().memory_info().rss,
                "objects": len(gc.get_objects()),
                "widgets": len(QApplication.allWidgets()),
            }
        )
        told = self.ears.take()
        if told:
            raise HeardError("\n".join(told))


def answer_files(hands: Hands) -> None:
    """Answer every question for a file without a dialog of the system."""
    dialogs.ask_save_before_closing = lambda _parent: "discard"
    dialogs.ask_quit_hard = lambda _parent: False
    dialogs.ask_delete = lambda *_given: True
    dialogs.ask_open = lambda *_given: hands.folder / "good.lens"
    dialogs.ask_save = lambda _parent, _title, name, _kinds: hands.next_file(Path(name).suffix)
    dialogs.ask_text = lambda *_given: "a name"
    dialogs.show_folder = lambda _path: True
    QFileDialog.getExistingDirectory = lambda *_given, **_more: str(hands.folder)
    QFileDialog.getOpenFileName = lambda *_given, **_more: (str(hands.folder / "none.csv"), "")


def lay_out(folder: Path) -> None:
    """Put the files into a folder that are dropped on the window."""
    toy_runs.write_session(folder / "good.lens", ("rank", "ablate", "attention", "patch"))
    (folder / "prompts.csv").write_text(PROMPTS)
    (folder / "broken.csv").write_bytes(b'prompt,answer\n"never closed\n\xff\xfe\n')
    (folder / "noise.lens").write_bytes(os.urandom(5_000))
    (folder / "picture.png").write_bytes(b"\x89PNG no more")


def main() -> int:
    """Do it, and print what came of it as one line of JSON."""
    faulthandler.enable()
    folder, examples, steps, start = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lay_out(folder)
    User.folder, User.ears, User.left = folder, Ears(), []
    rules = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        # A window is no pure function: what fails is told with what was done before, not made less.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    problem = ""
    try:
        run_state_machine_as_test(seed(start)(User), settings=rules)
    except BaseException as error:  # noqa: BLE001 - hypothesis wraps what was raised
        problem = "\n".join([str(error), *map(str, getattr(error, "exceptions", ()))]) or repr(
            error
        )
    out.write(json.dumps({"actions": User.count, "left": User.left, "problem": problem}) + "\n")
    out.flush()
    gc.collect()  # while there is an application
    return 0


if __name__ == "__main__":
    sys.exit(main())
