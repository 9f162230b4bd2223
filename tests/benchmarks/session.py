"""How soon does a session of a day's work show a picture? `python -m tests.benchmarks.session`.

The session holds 50 results: maps of 30 × 9 heads, rankings, tokens, and the attention of 30 × 9
heads at 128 tokens. It is opened by a process in which torch and its kin cannot be imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from desktop_app.contract.result import ModelInfo, PromptRecord, Result, TokenList
from desktop_app.session.store import Session
from tests.plugins import declare, write_package

LAYERS, HEADS, TOKENS, RESULTS = 30, 9, 128, 50
FURTHER = """
from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec

class FurtherParams(Params):
    depth: int = setting({number}, "Depth", "How deep it looks.", ge=0)
    site: str = setting("resid_post", "Place", "Where it looks.")

ANALYSIS = Analysis(
    name={name!r}, title="Further {number}", summary="One analysis more.", params=FurtherParams,
    group="read", fields=(FieldSpec("effect", ("layer", "position", "prompt"), "Effect"),),
)
"""
REPOSITORY = Path(__file__).parents[2]
MODEL = ModelInfo(
    name="smollm2",
    source="catalogue",
    fingerprint="abc",
    n_layers=LAYERS,
    n_heads=HEADS,
    n_kv_heads=3,
    d_model=576,
    d_head=64,
    d_vocab=49152,
    n_ctx=8192,
    parameters=134_515_008,
    architecture="LlamaForCausalLM",
    device="cpu",
    dtype="float32",
)


@dataclass(frozen=True)
class Measured:
    """Seconds until the first picture is painted, by the tab that is in front.

    Attributes:
        opened: From the wish to open the file, in a window that stands.
        started: From the start of the process, all imports included.
        window: From the start of the process to a window that could be used without a session.
        analyses: How many analyses the window offers.
        megabytes: Size of the file.
    """

    tab: str
    opened: float
    started: float
    window: float
    analyses: int
    megabytes: float


def attention_result() -> Result:
    """Return the attention of every head on a prompt of 128 tokens."""
    raw = np.tril(np.random.default_rng(0).random((LAYERS, HEADS, TOKENS, TOKENS)) ** 4)
    pattern = (raw / raw.sum(-1, keepdims=True)).astype(np.float32)
    data = {
        "pattern": (pattern,),
        "thumbnail": (np.ascontiguousarray(pattern[:, :, :32, :32]),),
        "entropy": np.ones((LAYERS, HEADS, 1)),
        "layers": np.arange(LAYERS),
        "head_indices": np.arange(HEADS),
        "kv_head": np.arange(HEADS) // 3,
    }
    return _result("attention", data, TOKENS)


def ablate_result(seed: int) -> Result:
    """Return a map of the effect of each head."""
    effect = np.random.default_rng(seed).normal(0, 0.3, (LAYERS, HEADS, 1))
    data = {
        "base": np.array([5.0]),
        "base_mean": 5.0,
        "base_sem": float("nan"),
        "layers": np.arange(LAYERS),
        "read_position": np.array([7]),
        "answer_rank": np.zeros(1),
        "task_done": np.ones(1, bool),
        "mode": "zero",
        "kept": "every other head and every MLP",
    }
    for name, array in (("effect", effect), ("ablated", effect + 5), ("percent", 20 * effect)):
        data[name] = array
        data[f"{name}_mean"] = array.mean(-1)
        data[f"{name}_sem"] = np.zeros(array.shape[:-1])
    return _result("ablate", data, 8)


def write_session(path: Path) -> None:
    """Write the session of 50 results."""
    with Session.create(path) as session:
        for i in range(RESULTS - 1):
            session.add(ablate_result(i))
        session.add(attention_result())


def install_analyses(folder: Path, count: int) -> Path:
    """Install a package of further analyses, each with settings of its own, into `folder`."""
    offered = {}
    for number in range(count):
        name = f"further_{number}"
        write_package(folder, name, FURTHER.format(name=name, number=number))
        offered[name] = name
    return declare(folder, "further", offered)


def measure(tab: str, folder: Path, installed: Path | None = None) -> Measured:
    """Open the session in a fresh process with one tab in front.

    Args:
        tab: The analysis in front.
        folder: Where the session is written, and kept for the next time.
        installed: Where packages with further analyses are installed.
    """
    path = folder / "day.lens"
    if not path.exists():
        write_session(path)
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / "settings.json").write_text(json.dumps({"tab": tab, "started_before": True}))
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "LENSBENCH_HOME": str(folder / "home"),
        "BENCHMARK_BEGAN": repr(time.time()),
        "PYTHONPATH": os.pathsep.join(map(str, filter(None, (REPOSITORY, installed)))),
    }
    command = [sys.executable, "-m", "tests.benchmarks.session_child", str(path), str(config)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    return Measured(tab=tab, megabytes=path.stat().st_size / 1e6, **json.loads(done.stdout))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        for tab in ("ablate", "attention"):
            found = min((measure(tab, Path(name)) for _ in range(3)), key=lambda m: m.opened)
            print(
                f"{RESULTS} results, {found.megabytes:.1f} MB, {tab} in front: first picture "
                f"{found.opened:.2f} s after opening; {found.started:.2f} s after the start of the "
                f"process, whose window stands after {found.window:.2f} s"
            )
        for count in (0, 20):
            installed = install_analyses(Path(name) / f"site_{count}", count)
            window = min(measure("ablate", Path(name), installed).window for _ in range(3))
            print(f"{count} analyses from other packages: the window stands after {window:.2f} s")


def _result(name: str, data: dict[str, object], length: int) -> Result:
    tokens = TokenList(
        tuple(range(length)), tuple(f"Ġ{i}" for i in range(length)), tuple(map(str, range(length)))
    )
    record = PromptRecord("1 2 3 4 ", tokens, length - 1)
    return Result(name, {}, MODEL, (record,), data, provenance={"bos": "none", "weights": "raw"})


if __name__ == "__main__":
    main()
