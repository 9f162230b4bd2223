"""A screen that nobody sees, and hands for it: Xvfb, xdotool and ImageMagick's `import`."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

PATIENCE_S = 600
LOOK_S = 0.02
AGAIN_S, PRESSED_S = 0.2, 2.0
TOOLS = ("Xvfb", "xdotool", "import")


class ScreenError(Exception):
    """A sentence: what did not appear or is not there."""


class Screen:
    """An X server of its own.

    Attributes:
        display: Its name, such as `:99`.
    """

    def __init__(self, size: str = "1440x900") -> None:
        """Check that all that it needs is there; `size` is its pixels."""
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise ScreenError(f"{', '.join(missing)} is not here: install it.")
        self._size = size
        self._server: subprocess.Popen[bytes] | None = None
        self.display = ""

    def __enter__(self) -> Screen:
        """Start it under the first name that is free."""
        reader, writer = os.pipe()
        options = ["-screen", "0", f"{self._size}x24", "-nolisten", "tcp", "-ac", "-noreset"]
        command = ["Xvfb", "-displayfd", str(writer), *options]
        self._server = subprocess.Popen(
            command,
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(reader) as told:
            number = told.readline().strip()
        if not number:
            self.__exit__(None, None, None)
            raise ScreenError("Xvfb did not start.")
        self.display = f":{number}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(PATIENCE_S)

    def windows(self, name: str) -> list[str]:
        """Return the windows on the screen whose title matches."""
        return self._do("search", "--onlyvisible", "--name", name).split()

    def appeared(self, name: str, goes_on: Callable[[], bool] = lambda: True) -> str:
        """Wait for a window with such a title and return it.

        Args:
            name: A regular expression.
            goes_on: Whether what is to open it still runs.
        """
        return self.wait(lambda: next(iter(self.windows(name)), ""), f"“{name}”", goes_on)

    def wait(
        self, look: Callable[[], str], what: str, goes_on: Callable[[], bool] = lambda: True
    ) -> str:
        """Wait until `look` finds something and return that."""
        end = time.monotonic() + PATIENCE_S
        while not (found := look()):
            if not goes_on():
                raise ScreenError(f"The program ended before {what} appeared.")
            if time.monotonic() > end:
                raise ScreenError(f"{what} did not appear in {PATIENCE_S} s.")
            time.sleep(LOOK_S)
        return found

    def keys(self, window: str, *keys: str) -> None:
        """Give a window the keyboard and press keys such as `ctrl+s`."""
        # Nobody manages windows here, so the keyboard is given to it directly.
        self._do("windowfocus", window, "key", "--clearmodifiers", *keys)

    def answered(self, window: str, key: str, name: str) -> str:
        """Press a key again and again until it opens a window with such a title; return that.

        What is pressed before a window listens is lost, as it is for whoever sits in front of it.
        """

        def look() -> str:
            self.keys(window, key)
            end = time.monotonic() + AGAIN_S
            while not (found := self.windows(name)) and time.monotonic() < end:
                time.sleep(LOOK_S)
            return next(iter(found), "")

        return self.wait(look, f"“{name}”")

    def gone(self, window: str, key: str) -> None:
        """Press a key again and again until the window is not on the screen any more."""

        def look() -> str:
            self.keys(window, key)
            end = time.monotonic() + PRESSED_S
            while (there := self.is_shown(window)) and time.monotonic() < end:
                time.sleep(LOOK_S)
            return "" if there else "gone"

        self.wait(look, f"the end of window {window} by {key}")

    def is_shown(self, window: str) -> bool:
        """Return whether a window is on the screen."""
        return window in self.windows(".")

    def write(self, window: str, text: str) -> None:
        """Give a window the keyboard and write."""
        self._do("windowfocus", window, "type", "--delay", "5", text)

    def double_click(self, window: str, x: int, y: int) -> None:
        """Click twice at a place in a window."""
        place = (str(x), str(y))
        self._do(
            "mousemove", "--window", window, *place, "click", "--repeat", "2", "--delay", "80", "1"
        )

    def picture(self, path: Path) -> None:
        """Keep what is on the screen."""
        self._run("import", "-window", "root", str(path))

    def _do(self, *arguments: str) -> str:
        return self._run("xdotool", *arguments)

    def _run(self, *command: str) -> str:
        here = {**os.environ, "DISPLAY": self.display}
        done = subprocess.run(command, env=here, capture_output=True, text=True, check=False)
        return done.stdout
