"""Loads spoilt models on the command line: `models_child.py FOLDER FIRST LAST`.

The sound ones lie in `FOLDER/bases`. Each spoilt one is run, is the second tokenizer of a run of
the toy, and lies in the Hub cache when the models are listed.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from pathlib import Path

from tests.hostile.child import Teller, call, check, limit_memory
from tests.hostile.model_files import EVIL, SLOW_TEXT, SOUND
from tests.hostile.models import spoil

ALLOWED = frozenset({0, 2, 3, 4})
RUNS = ("rank", "tokens")
COMPARED = 4  # one in so many is compared with, too


def run(teller, case, spoilt, analysis, *options):
    """Run an analysis on a model; return its JSON, None where that was refused."""
    base = spoilt.name if isinstance(spoilt, Path) else str(spoilt)
    with teller.step(case, f"{analysis} {base}"):
        found = call(
            "run", analysis, "--model", spoilt, "--prompt", SLOW_TEXT, "--device", "cpu", "--json",
            *options,
        )  # fmt: skip
    check(case, f"run {analysis}", found, ALLOWED)
    gc.collect()
    return json.loads(found[1]) if found[0] == 0 else None


def list_models(teller, case, path):
    """List the models with this one in the Hub cache."""
    place = Path(os.environ["HF_HUB_CACHE"]) / "models--x--spoilt"
    shutil.rmtree(place, ignore_errors=True)
    if path.is_dir():
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text("abc")
        (place / "snapshots").mkdir()
        (place / "snapshots" / "abc").symlink_to(path, target_is_directory=True)
    with teller.step(case, "models"):
        found = call("models", "--json")
    if check(case, "models", found, frozenset({0})) and found[0] == 0:
        names = {row["name"] for row in json.loads(found[1])}
        if "toy" not in names:
            case.lost(f"the toy is not listed: {sorted(names)}")
    shutil.rmtree(place, ignore_errors=True)


def try_out(teller, case, spoilt, number):
    """Try all that reads a spoilt model."""
    analysis = RUNS[number % len(RUNS)]
    answer = run(teller, case, spoilt.path, analysis, *spoilt.options)
    case.facts.append("refused" if answer is None else "run")
    if answer is not None and spoilt.refused:
        case.wrong("it was run as if nothing were wrong with it")
    list_models(teller, case, spoilt.path)
    if number % COMPARED == 0:
        run(teller, case, "toy", "tokens", "--compare", str(spoilt.path))
    if list(spoilt.path.parent.rglob(EVIL)):
        case.wrong("code of the folder was run")


def main(folder, first, last):
    """Spoil and load."""
    teller = Teller()
    with teller.sound() as case:
        for analysis in RUNS:
            for base in (*SOUND, "tiny.gguf"):
                answer = run(teller, case, folder / "bases" / base, analysis)
                assert answer is not None, (base, case.problems)
        run(teller, case, "toy", "tokens", "--compare", str(folder / "bases" / "tiny"))
        list_models(teller, case, folder / "bases" / "toy")
    limit_memory()
    for number in range(first, last):
        place = folder / "spoilt"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        spoilt = spoil(folder / "bases", place, number)
        with teller.case(number, spoilt.what) as case:
            try_out(teller, case, spoilt, number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
