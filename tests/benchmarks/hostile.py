"""What hostile files and kills come to: `python -m tests.benchmarks.hostile` prints a table.

`kills`: `lensbench run … --out` is killed with SIGKILL while it creates and appends to sessions.
`writers`: ten writers add five results each to a file that is not there yet, round after round.
`sessions`: spoilt sessions are listed, exported and compared on the command line.
`window`: spoilt sessions are opened in a window, every tab visited and hovered over.
`models`: spoilt model folders and GGUF files are run, compared with and listed.

The seed tells the cases: `sessions --seed 17 --count 1` repeats case 17 alone. Children run the
cases, bounded in time and memory. The exit status is 1 where anything failed; the failures go to
standard error.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hostile.parent import HEADING, REPOSITORY, Outcome, Patience, watch

if TYPE_CHECKING:
    from collections.abc import Callable

# By kind: how many make a whole run, the module of the child, what else it is told, the title.
KINDS: dict[str, tuple[int, str, tuple[str, ...], str]] = {
    "kills": (240, "writers_child", ("kills",), "kills while a session is made and added to"),
    "writers": (
        20,
        "writers_child",
        ("writers",),
        "rounds of 10 writers × 5 results",
    ),
    "sessions": (300, "cli_child", (), "mutated sessions on the command line"),
    "window": (240, "window_child", (), "mutated sessions in the window"),
    "models": (270, "models_child", (), "malformed models"),
}


def prepare(folder: Path, *more: str) -> Path:
    """Write what is spoilt, in a process of its own; `once`: a smaller session."""
    command = [sys.executable, "-m", "tests.hostile.base", str(folder), *more]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    return folder


def measure(
    kind: str,
    folder: Path,
    *,
    count: int | None = None,
    seed: int = 0,
    patience: Patience | None = None,
    tell: Callable[[str], object] = lambda _line: None,
) -> Outcome:
    """Run the cases of one kind from a seed on.

    Args:
        kind: One of `KINDS`.
        folder: A prepared one.
        count: How many cases; None: a whole run.
        seed: The first case.
        patience: How long to wait.
        tell: Told each failure as it comes.
    """
    usual, child, more, title = KINDS[kind]
    place = folder if not more else Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=folder))
    cases = range(seed, seed + (usual if count is None else count))
    outcome = watch(
        Outcome(kind, tell=tell),
        f"tests.hostile.{child}",
        place,
        cases,
        patience or Patience(),
        *more,
    )
    return dataclasses.replace(outcome, kind=title)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; none: all")
    parser.add_argument("--count", type=int, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=0, help="the first case")
    parser.add_argument("--keep", type=Path, help="a folder that is kept, and used if it is there")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.kinds) - KINDS.keys()):
        parser.error(f"there is no kind {', '.join(unknown)}")
    with tempfile.TemporaryDirectory(prefix="lensbench-hostile-") as name:
        folder = given.keep or Path(name)
        if not (folder / "good.lens").exists():
            prepare(folder)
        print(HEADING, flush=True)
        is_clean = True
        for kind in given.kinds or KINDS:
            outcome = measure(kind, folder, count=given.count, seed=given.seed, tell=_complain)
            print(outcome.row(), flush=True)
            is_clean = is_clean and outcome.is_clean
    return 0 if is_clean else 1


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
