"""Try both commands of the README on a machine without a network (Linux).

    python3 packaging/check_offline.py [--wheelhouse DIR] [--keep DIR] [--whole] [test ...]

Makes a wheelhouse (or brings the one named up to date), clones this repository, and there runs
`run --from` and `test --from` in a network namespace without any route, with an empty home. What is
committed is tried, not what lies in the working tree. Needs git and `unshare`, as root or where
users may make namespaces. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = os.path.realpath(sys.executable)
# What the test suite is, in little: the packaging, sessions, text, a model that runs, a window.
TESTS = (
    *("tests/packaging_", "tests/session", "tests/text", "tests/test_cli.py"),
    *("tests/analyses/rank", "tests/engine/packs", "tests/window/frame"),
)
NO_NETWORK = """
import os, socket, sys
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "127.0.0.1"),
                        (socket.AF_INET6, "2001:db8::1"), (socket.AF_INET6, "::1")):
    with socket.socket(family) as line:
        try:
            line.connect((address, 80))
        except OSError as error:
            print(f"  {address}: {error.strerror}")
        else:
            sys.exit(f"{address} can be reached")
names = [name for _, name in socket.if_nameindex()]
routes = open("/proc/net/route").read().splitlines()[1:]
print(f"  interfaces: {', '.join(names)}; routes: {len(routes)}")
sys.exit("there is a route" if routes else 0)
"""


class CheckError(Exception):
    """One sentence: what did not work."""


def main() -> int:
    """Run all checks; return 0 where each passed."""
    parser = argparse.ArgumentParser(description="Try both commands without a network.")
    parser.add_argument(
        "--wheelhouse", type=Path, help="make it here, or bring this one up to date"
    )
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it")
    parser.add_argument("--whole", action="store_true", help="run the whole test suite")
    parser.add_argument("tests", nargs="*", help="run these tests")
    asked = parser.parse_args()
    if shutil.which("unshare") is None or shutil.which("git") is None:
        print("check_offline: git and unshare are needed, and one is missing.", file=sys.stderr)
        return 2
    work = asked.keep or Path(tempfile.mkdtemp(prefix="lensbench-offline-"))
    try:
        work.mkdir(parents=True, exist_ok=asked.keep is None)
        tests = [] if asked.whole else asked.tests or list(TESTS)
        check(work.resolve(), asked.wheelhouse, tests)
    except CheckError as error:
        print(f"FAILED: {error}")
        return 1
    finally:
        if asked.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print("all passed")
    return 0


def check(work: Path, wheelhouse: Path | None, tests: list[str]) -> None:
    """Make or take the wheelhouse, clone, cut the network, run."""
    clone, home = work / "lensbench", work / "home"
    house = (wheelhouse or work / "wheelhouse").resolve()  # commands run in other folders
    home.mkdir()
    run("git clone", ["git", "clone", "-q", str(ROOT), str(clone)], work)
    bootstrap = [PYTHON, str(clone / "packaging" / "bootstrap.py")]
    run("wheelhouse", [*bootstrap, "wheelhouse", str(house)], work, log=work / "wheelhouse.log")
    shutil.rmtree(clone / ".venv", ignore_errors=True)
    sizes = [path.stat().st_size for path in house.iterdir()]
    print(f"  {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB")
    isolated = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    run("no network", [*isolated, PYTHON, "-c", NO_NETWORK], clone, home)
    place = ["--from", str(house)]
    run("run --from", [*isolated, *bootstrap, "run", *place], clone, home, work / "run.log")
    written = sorted((clone / "out").iterdir())
    if not (clone / "out" / "worked_example.lens").is_file():
        raise CheckError("the worked example was not written")
    models = sorted(path.parent.name for path in home.rglob("model.safetensors"))
    print(f"  out/: {len(written)} files; models installed: {', '.join(models) or 'none'}")
    if not models:
        raise CheckError("the model pack was not installed from the wheelhouse")
    run("run again", [*isolated, *bootstrap, "run"], clone, home, work / "again.log")
    log = work / "test.log"
    run("test --from", [*isolated, *bootstrap, "test", *place, "--", *tests], clone, home, log)
    print("  " + log.read_text("utf-8", "replace").strip().splitlines()[-1])
    megabytes = sum(p.stat().st_size for p in (clone / ".venv").rglob("*") if p.is_file()) / 1e6
    print(f"  .venv: {megabytes:.0f} MB")


def run(
    name: str, command: list[str], folder: Path, home: Path | None = None, log: Path | None = None
) -> None:
    """Run one command and print how long it took; with a home, in an environment of its own.

    Raises:
        CheckError: It failed; the end of its log was printed.
    """
    environment = dict(os.environ)
    if home is not None:
        kept = ("PATH", "LANG", "LC_ALL", "TZ")
        environment = {key: os.environ[key] for key in kept if key in os.environ}
        environment["HOME"] = str(home)
    print(f"{name} ...", flush=True)
    start = time.monotonic()
    if log is None:
        code = subprocess.call(command, cwd=folder, env=environment)
    else:
        with log.open("wb") as sink:
            code = subprocess.call(command, cwd=folder, env=environment, stdout=sink, stderr=sink)
    print(f"  {time.monotonic() - start:.1f} s, exit code {code}", flush=True)
    if code != 0:
        if log is not None:
            print(*log.read_text("utf-8", "replace").splitlines()[-30:], sep="\n")
        raise CheckError(f"`{name}` ended with {code}")


if __name__ == "__main__":
    sys.exit(main())
