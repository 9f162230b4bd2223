"""No test outside the benchmarks looks at a clock or sets a time limit of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = {"perf_counter", "monotonic", "process_time", "qWait"}
# The limit that all share, and the killer of writers, whose moments are parts of a result's time.
EXEMPT = {TESTS / "patience.py", TESTS / "session" / "fault_driver.py"}
# Benchmarks, and the children of hostile runs, say how long things took; no test heeds it.
MEASURES = {"actions", "benchmarks", "hostile"}
FILES = [path for path in sorted(TESTS.rglob("*.py")) if MEASURES.isdisjoint(path.parts)]


def is_benchmark(node):
    decorators = getattr(node, "decorator_list", ())
    return any(ast.unparse(found) == "pytest.mark.benchmark" for found in decorators)


def calls(node):
    """Return the calls below a node, those of benchmarks left out."""
    for child in ast.iter_child_nodes(node):
        if not is_benchmark(child):
            if isinstance(child, ast.Call):
                yield child
            yield from calls(child)


def looks_at_a_clock(call):
    name = ast.unparse(call.func)
    return (
        name.rpartition(".")[2] in CLOCKS
        or name in {"time.time", "qtbot.wait"}
        or any(k.arg == "timeout" and isinstance(k.value, ast.Constant) for k in call.keywords)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_no_test_waits_on_a_clock(path):
    found = [c.lineno for c in calls(ast.parse(path.read_text("utf-8"))) if looks_at_a_clock(c)]
    assert path in EXEMPT or found == []


def test_the_rule_is_heeded_by_what_breaks_it():
    code = "def test_a(qtbot):\n    qtbot.wait(5)\n    qtbot.waitUntil(f, timeout=9)\n"
    assert sum(map(looks_at_a_clock, calls(ast.parse(code)))) == 2
    assert list(calls(ast.parse(f"@pytest.mark.benchmark\n{code}"))) == []
