"""Train the toy's autoencoder that ships with Lensbench, by Lensbench itself.

Run `python packaging/train_toy_sae.py --out resources/saes/toy` where Lensbench is installed. Lines
are made of what the toy was trained on: members of its families upwards, downwards, in steps of two
or in no order, repeated stretches, and common words. On them `train_sae` trains 512 features of the
stream before the last block, 16 of which each token keeps.

The same seed gives the same lines, whose hash stands in `cfg.json`; another build of torch, or
another number of cores, ends in slightly other weights.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from toy_data import ordered
from toy_tokenizer import FAMILIES, WORDS

if TYPE_CHECKING:
    from numpy.random import Generator

NAME = "numbers, days, months and words"
LINES = 12_000
SETTINGS = {
    "layer": 2,
    "site": "resid_pre",
    "kind": "topk",
    "k": 16,
    "features": 512,
    "tokens": 250_000,
    "steps": 2_500,
}
_FRAMES = ["Count:", "Days:", "Months:", "Numbers:", "Words:", "List:", "Then", "Next:", "Say"]


def listing(rng: Generator) -> str:
    """Return members of a family in an order or in none, at times behind an opening."""
    family = str(rng.choice(list(FAMILIES), p=[0.4, 0.24, 0.2, 0.16]))
    size = len(FAMILIES[family])
    kind = str(rng.choice(["up", "down", "twos", "shuffled"], p=[0.5, 0.2, 0.12, 0.18]))
    wanted = int(rng.integers(3, 13))
    between = ", " if rng.random() < 0.4 else " "
    if kind == "shuffled":
        indices = [int(index) for index in rng.permutation(size)[:wanted]]
    else:
        start = int(rng.integers(size))
        indices = ordered(family, start, {"up": 1, "down": -1, "twos": 2}[kind], wanted)
    members = between.join(FAMILIES[family][index] for index in indices)
    return f"{rng.choice(_FRAMES)} {members}" if rng.random() < 0.2 else members


def line(rng: Generator) -> str:
    """Return a listing, a stretch that is repeated, or some words."""
    chance = rng.random()
    if chance < 0.6:
        return listing(rng)
    if chance < 0.85:
        pools = [WORDS, FAMILIES["numbers"], FAMILIES["number_words"], FAMILIES["months"]]
        pool = pools[int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))]
        count = min(int(rng.integers(3, 20)), len(pool))
        stretch = [pool[index] for index in rng.choice(len(pool), count, replace=False)]
        return " ".join(stretch * int(rng.integers(2, 4)))
    return " ".join(str(word) for word in rng.choice(WORDS, int(rng.integers(3, 10))))


def make_text(seed: int, lines: int = LINES) -> str:
    """Return the lines that it is trained on."""
    rng = np.random.default_rng(seed)
    return "\n".join(line(rng) for _ in range(lines))


def main() -> None:
    """Make the lines, and train on them."""
    parser = argparse.ArgumentParser(description="Train the toy's autoencoder of Lensbench.")
    parser.add_argument(
        "--out", type=Path, default=Path("resources/saes/toy"), help="folder to write"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of lines and weights (default 0)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, NAME)
        text.write_text(make_text(options.seed), encoding="utf-8")
        given = [("text", text), ("out-sae", options.out), ("seed", options.seed)]
        settings = [f"--{name}={value}" for name, value in [*given, *SETTINGS.items()]]
        command = [sys.executable, "-m", "desktop_app", "run", "train_sae", "--model=toy"]
        subprocess.run([*command, "--device=cpu", *settings], check=True)


if __name__ == "__main__":
    main()
