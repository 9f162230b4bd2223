"""Try a built program as its user would: every line it prints is a check that held.

    python3 packaging/smoke.py dist/lensbench/lensbench
    python3 packaging/smoke.py dist/lensbench-viewer/lensbench --viewer --session FILE.lens

The program gets empty folders of its own, no screen, and nothing of the Python that runs this. The
first check that fails is told with what the program said, and the exit status is 1. Standard
library only, for Linux, Windows and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from smoke_trial import (
    BAD_INPUT,
    NO_MODEL,
    OK,
    PAIR,
    PATIENCE_S,
    TOY,
    WORKED,
    SmokeError,
    Trial,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
OLD_SESSIONS = tuple(sorted((ROOT / "tests" / "session" / "old").glob("*.lens")))
# The worked example of the toy model, for programs that can make none.
SESSIONS = (*OLD_SESSIONS, ROOT / "tests" / "bundle" / "toy.lens")
SAMPLE = ROOT / "tests" / "plugin_sample"
ENTRY_POINTS = "lensbench.analyses"
ENDINGS = ("json", "py", "png")


def check_facts(trial: Trial) -> Iterator[str]:
    """The program knows its version, what the machine has, and its models."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = trial.call("--version").out.strip()
    if str(project["version"]) not in version:
        raise SmokeError(f"`--version` says “{version}” and not {project['version']}")
    yield f"--version: {version}"
    facts = trial.json("doctor")
    if not any(project["version"] == value for value in facts.values()):
        raise SmokeError(f"`doctor --json` does not tell the version: {facts}")
    yield f"doctor --json: {len(facts)} facts"
    words = trial.call("doctor").out
    if trial.is_viewer and "full Lensbench" not in words:
        raise SmokeError(f"`doctor` does not say what the viewer lacks: {words}")
    yield "doctor in words"
    trial.call("--help")
    yield "--help"


def check_models(trial: Trial) -> Iterator[str]:
    """The toy model is there, and after the first start the pack that travels inside."""
    _ = trial.worked
    rows = {row["name"]: row for row in trial.json("models")}
    wanted = {"toy", "smollm2"} if trial.needs_pack else {"toy"}
    lacking = [name for name in sorted(wanted) if not rows.get(name, {}).get("installed")]
    if lacking:
        raise SmokeError(f"`models` does not have {', '.join(lacking)}: {rows}")
    yield f"models: {', '.join(name for name, row in rows.items() if row['installed'])} installed"
    for name in sorted(wanted):
        given = (*TOY[2:], "--model", name, *PAIR)
        found = trial.json("run", "rank", *given)
        if found["analysis"] != "rank" or not found["model"]["fingerprint"]:
            raise SmokeError(f"`run rank` on {name} printed something else")
        yield f"run rank --json on {name}"


def check_worked(trial: Trial) -> Iterator[str]:
    """The worked example is computed, drawn and kept at the first start."""
    rows = trial.rows(trial.worked)
    names, models = {row["analysis"] for row in rows}, {row["model"] for row in rows}
    if not names >= WORKED:
        raise SmokeError(f"the worked example has only {', '.join(sorted(names))}")
    if trial.needs_pack and models != {"smollm2"}:
        raise SmokeError(f"the worked example is of {', '.join(sorted(models))}, not of smollm2")
    yield f"worked example: {len(rows)} results of {', '.join(sorted(models))}"
    pictures = sorted(trial.worked.parent.glob("*.png"))
    if sys.platform.startswith("linux") and len(pictures) < len(WORKED):
        raise SmokeError(f"the worked example has {len(pictures)} pictures")
    for picture in pictures:
        _check_png(picture)
    yield f"{len(pictures)} pictures of its panels"
    yield from _exported(trial, trial.worked)


def check_analyses(trial: Trial) -> Iterator[str]:
    """Every analysis runs, keeps its result, and its picture can be drawn."""
    rows = trial.rows(trial.every)
    missing = {*trial.analyses} - {row["analysis"] for row in rows}
    if missing:
        raise SmokeError(f"the session lacks results of {', '.join(sorted(missing))}")
    yield f"{len(rows)} analyses ran on toy: {', '.join(trial.analyses)}"
    yield from _exported(trial, trial.every)


def check_reopened(trial: Trial) -> Iterator[str]:
    """What was computed is computed again to the same numbers, and kept to the last one."""
    first, again = trial.work / "first.lens", trial.work / "again.lens"
    for session in (first, again):
        trial.call("run", "rank", *TOY, *PAIR, "--out", session)
    trial.call("diff", first, again)
    yield "run twice and compared: equal"
    other = trial.work / "other.lens"
    trial.call("run", "rank", *TOY, *PAIR[:2], "--out", other)
    trial.call("diff", first, other, code=1)
    yield "another run compared: different"


def check_sessions(trial: Trial) -> Iterator[str]:
    """Sessions made elsewhere, of earlier versions too, are listed, exported and compared."""
    for given in trial.sessions:
        session = trial.work / f"given_{given.name}"
        shutil.copy2(given, session)
        # Those of earlier versions are made by hand, and too small to be drawn.
        yield from _exported(trial, session, ENDINGS[:1] if given in OLD_SESSIONS else ENDINGS)
        trial.call("diff", session, session)
        yield f"{given.name} compared with itself: equal"


def check_window(trial: Trial) -> Iterator[str]:
    """The window opens a session, closes when it is asked to, and leaves the session as it was."""
    source = trial.sessions[-1] if trial.is_viewer else trial.every
    session = trial.work / "opened session.lens"
    shutil.copy2(source, session)
    started = time.monotonic()
    with trial.window(session) as process:
        wait_for(process, lambda: session.name in trial.settings())
        yield f"window with {source.name} after {time.monotonic() - started:.1f} s, no screen"
        if os.name == "posix":
            process.terminate()
            code = process.wait(PATIENCE_S)
            if code != OK:
                raise SmokeError(f"the window ended with {code} when it was asked to close")
            yield "closed when it was asked to"
    trial.call("diff", source, session)
    yield "the session is as it was"


def check_plugin(trial: Trial) -> Iterator[str]:
    """A plug-in in the user's folder is found, off until switched on, and then runs."""
    name = _place_plugin(trial.home / "data" / "plugins")
    listed = trial.call("plugins").out
    if name not in listed:
        raise SmokeError(f"`plugins` does not list {name}: {listed}")
    trial.refused("run", "weather", *TOY, "--prompt", "1 2 3 4", code=BAD_INPUT, words="weather")
    yield f"plug-in {name} found, and off"
    trial.call("plugins", "on", name)
    if trial.is_viewer:
        trial.refused("run", "weather", *TOY, "--prompt", "1 2", code=NO_MODEL, words="full")
        yield f"plug-in {name} switched on"
    else:
        found = trial.json("run", "weather", *TOY, "--prompt", "1 2 3 4")
        if found["analysis"] != "weather":
            raise SmokeError("`run weather` printed something else")
        yield f"plug-in {name} switched on and run"
    trial.call("plugins", "off", name)
    trial.refused("run", "weather", *TOY, "--prompt", "1 2 3 4", code=BAD_INPUT, words="weather")
    yield f"plug-in {name} switched off"


def check_refusals(trial: Trial) -> Iterator[str]:
    """What cannot be done is refused in a sentence."""
    damaged = trial.work / "damaged.lens"
    damaged.write_bytes(OLD_SESSIONS[-1].read_bytes()[:9000] + b"\0" * 3000)
    yield trial.refused("results", damaged, code=BAD_INPUT, words="damaged.lens")
    foreign = trial.work / "foreign.lens"
    foreign.write_text("no session at all", "utf-8")
    yield trial.refused("results", foreign, code=BAD_INPUT, words="foreign.lens")
    yield trial.refused("results", "absent.lens", code=BAD_INPUT, words="absent.lens")
    if trial.is_viewer:
        yield trial.refused("run", "rank", *TOY, *PAIR, code=NO_MODEL, words="full")
    else:
        given = ("--model", trial.work / "nowhere", "--offline", *PAIR)
        yield trial.refused("run", "rank", *given, code=NO_MODEL, words="nowhere")


def check_tidy(trial: Trial) -> Iterator[str]:
    """Nothing lies about: no temporary file, nothing outside its folders, no traceback in a log."""
    for log in (trial.home / "log").glob("*"):
        if "Traceback" in log.read_text("utf-8", "replace"):
            raise SmokeError(f"{log.name} has a traceback: {log.read_text('utf-8')[-2000:]}")
    # Empty folders with the user's name, torch's among them, are there for good.
    scratch = sorted(p.name for p in (trial.folder / "scratch").rglob("*") if p.is_file())
    if scratch:
        raise SmokeError(f"temporary files were left: {', '.join(scratch)}")
    own = sorted(path.name for path in (trial.folder / "user").glob("*") if path.name != ".cache")
    if own:
        raise SmokeError(f"files were left in the user's home: {', '.join(own)}")
    yield "no traceback in the logs, no temporary file, nothing beside the program's own folders"


def _exported(trial: Trial, session: Path, endings: tuple[str, ...] = ENDINGS) -> Iterator[str]:
    rows = trial.rows(session)
    for row in rows:
        for ending in endings:
            target = trial.work / f"exported.{ending}"
            target.unlink(missing_ok=True)
            trial.call("export", session, "--result", row["id"], "--out", target)
            if ending == "png":
                _check_png(target)
            elif ending == "json":
                json.loads(target.read_text("utf-8"))
            else:
                compile(target.read_text("utf-8"), target.name, "exec")
    yield f"{session.name}: {len(rows)} results exported as {', '.join(endings)}"


def _check_png(path: Path) -> None:
    data = path.read_bytes()
    wide, high = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    if not data.startswith(b"\x89PNG") or min(wide, high) < 100 or len(data) < 2000:
        raise SmokeError(f"{path.name} is no picture: {len(data)} bytes, {wide} × {high}")


def _place_plugin(folder: Path) -> str:
    """Put the sample package where an unpacked wheel lies, and return its name."""
    project = tomllib.loads((SAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = project["name"], project["version"]
    place = folder / name
    info = place / f"{name.replace('-', '_')}-{version}.dist-info"
    shutil.copytree(SAMPLE / "weather", place / "weather", ignore=lambda *_: {"__pycache__"})
    info.mkdir()
    facts = (
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: {project['description']}",
    )
    (info / "METADATA").write_text("\n".join(facts) + "\n", "utf-8")
    lines = (f"{key} = {value}" for key, value in project["entry-points"][ENTRY_POINTS].items())
    (info / "entry_points.txt").write_text("\n".join((f"[{ENTRY_POINTS}]", *lines, "")), "utf-8")
    return str(name)


# In this order: later ones look at what earlier ones left.
FULL: dict[str, Callable[[Trial], Iterator[str]]] = {
    "facts": check_facts,
    "worked": check_worked,
    "models": check_models,
    "analyses": check_analyses,
    "sessions": check_sessions,
    "reopened": check_reopened,
    "window": check_window,
    "plugin": check_plugin,
    "refusals": check_refusals,
    "tidy": check_tidy,
}
VIEWER = {n: FULL[n] for n in ("facts", "sessions", "window", "plugin", "refusals", "tidy")}


def main() -> int:
    """Try the program that is named and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", type=Path, help="the program: lensbench or lensbench.exe")
    parser.add_argument("--viewer", action="store_true", help="it is the one without models")
    parser.add_argument("--without-pack", action="store_true", help="smollm2 need not be inside")
    parser.add_argument("--session", type=Path, action="append", default=[], help="to be opened")
    parser.add_argument("--only", action="append", choices=FULL, help="groups of checks")
    parser.add_argument("--keep", type=Path, help="a new folder for what it writes")
    given = parser.parse_args()
    place = given.keep or Path(tempfile.mkdtemp(prefix="lensbench-smoke-"))
    sessions = (*SESSIONS, *(path.resolve() for path in given.session))
    trial = Trial(
        given.program.resolve(), place.resolve(), given.viewer, not given.without_pack, sessions
    )
    print(f"{trial.program} on {platform.platform()}", flush=True)
    try:
        return _try(trial, VIEWER if given.viewer else FULL, given.only)
    finally:
        if given.keep is None:
            shutil.rmtree(place, ignore_errors=True)


def _try(
    trial: Trial, groups: dict[str, Callable[[Trial], Iterator[str]]], only: list[str] | None
) -> int:
    began = since = time.monotonic()
    count = 0
    for name, group in groups.items():
        if only and name not in only:
            continue
        try:
            for line in group(trial):
                print(f"ok {time.monotonic() - since:6.1f} s  {name}: {line}", flush=True)
                since, count = time.monotonic(), count + 1
        except SmokeError as error:
            print(f"FAILED      {name}: {error}", flush=True)
            return 1
    print(f"{count} checks held in {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
