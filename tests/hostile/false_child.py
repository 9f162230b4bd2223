"""A child that fails in every way there is, for the test of the harness itself."""

from __future__ import annotations

import os
import signal
import sys
import time

from tests.hostile.child import Teller


def main(first, last):
    """Lose something, raise, die, hang; the fifth case is sound."""
    teller = Teller()
    with teller.sound() as case, teller.step(case, "work"):
        pass
    for number in range(first, last):
        with teller.case(number, "a case") as case, teller.step(case, "work"):
            if number == 0:
                case.lost("what was there")
            elif number == 1:
                raise ValueError("a bug")
            elif number == 2:
                os.kill(os.getpid(), signal.SIGSEGV)
            elif number == 3:
                with teller.step(case, "silence"):
                    time.sleep(3600)


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
