"""Malformed models: a few hundred, each loaded and its end looked at.

`python -m tests.benchmarks.hostile_models [COUNT] [SEED]`. Every load must end as a model or as one
sentence; the figures are how many did which, the longest load, and the most memory over the start.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading
from desktop_app.engine.devices import choose_device
from desktop_app.engine.memory import PeakMemory, used_bytes
from desktop_app.support.errors import LensbenchError
from tests.engine.gguf_files import write_gguf
from tests.engine.zoo import save_tiny

ARCHITECTURES = ("llama", "gpt2", "gpt_neox", "mixtral", "gemma2", "opt", "falcon")
VALUES = (
    None, -1, 0, 1, 2**31, 2**40, 10**30, 1e30, float("inf"), float("nan"), "x", "", [], {}, [1],
    {"a": 1}, True, False, "../x", [[[]]], -0.5, "float16", "\0", 3.7, [2**62], "I8",
)  # fmt: skip
GGUF_HEADER = 1200


def flip(path: Path, draw: random.Random, within: int) -> None:
    """Change one to five bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 2, 5))):
        content[draw.randrange(min(within, len(content)))] = draw.randrange(256)
    path.write_bytes(bytes(content))


def spoil_json(path: Path, draw: random.Random) -> None:
    """Give one to three keys a value that they should not have."""
    config = json.loads(path.read_text())
    for _ in range(draw.choice((1, 1, 3))):
        config[draw.choice(list(config))] = draw.choice(VALUES)
    path.write_text(json.dumps(config))


def spoil_header(path: Path, draw: random.Random) -> None:
    """Give one tensor's entry in a safetensors header a value that it should not have."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    name = draw.choice([key for key in header if key != "__metadata__"])
    header[name][draw.choice(("dtype", "shape", "data_offsets"))] = draw.choice(VALUES)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def spoilt(base: Path, target: Path, draw: random.Random) -> tuple[str, Path]:
    """Return what was done to a model, and the model."""
    kind = draw.choice(("settings", "settings", "bytes", "header", "cut off", "tokenizer", "GGUF"))
    if kind == "GGUF":
        target.mkdir()
        shutil.copy(base / "x.gguf", target)
        flip(target / "x.gguf", draw, GGUF_HEADER)
        return kind, target / "x.gguf"
    shutil.copytree(base / draw.choice(ARCHITECTURES), target)
    weights = target / "model.safetensors"
    if kind == "settings":
        spoil_json(target / "config.json", draw)
    elif kind == "tokenizer":
        spoil_json(target / "tokenizer_config.json", draw)
    elif kind == "header":
        spoil_header(weights, draw)
    elif kind == "bytes":
        flip(weights, draw, 2000)
    else:
        content = weights.read_bytes()
        weights.write_bytes(content[: draw.randrange(len(content))])
    return kind, target


def main(count: int, seed: int) -> int:
    """Load that many; return how many ended in anything but a model or a sentence."""
    draw, ends, worst, bad = random.Random(seed), Counter[tuple[str, str]](), 0.0, 0  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for architecture in ARCHITECTURES:
            save_tiny(architecture, base / architecture)
        write_gguf(base / "x.gguf")
        loading.load(ModelSpec("toy", device="cpu"), SilentReporter())  # what the libraries take
        cpu = choose_device("cpu")
        before, peak = used_bytes(cpu), PeakMemory(cpu)
        for number in range(count):
            kind, model = spoilt(base, base / f"spoilt-{number}", draw)
            started = time.perf_counter()
            try:
                loading.load(ModelSpec(str(model), device="cpu"), SilentReporter())
                end = "loaded"
            except LensbenchError as error:
                end = "refused" if "\n" not in str(error) else "more than a line"
            except Exception as error:  # noqa: BLE001 - which there must be none of
                end = type(error).__name__
            worst = max(worst, time.perf_counter() - started)
            bad += end not in {"loaded", "refused"}
            ends[kind, end] += 1
            shutil.rmtree(base / f"spoilt-{number}")
        most = (peak.bytes() - before) / 1e6
    for (kind, end), times in sorted(ends.items()):
        print(f"{kind:10} {end:20} {times}")
    print(f"{count} models, {bad} bad ends, longest {worst:.1f} s, at most {most:.0f} MB more")
    return bad


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(main(*(numbers + [200, 0][len(numbers) :]))))
