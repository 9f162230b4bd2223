"""Pairs of versions that are known not to go together."""

from __future__ import annotations

import json
import platform

import pytest

from desktop_app.support import installed, known_wrong, paths
from desktop_app.support.known_wrong import found_here, out_of_range, pairs
from desktop_app.support.requirements import read_requirement, satisfies

CRASH = "pyside-6.12.0-python-3.11"
LONG_SUMS = "torch-mps-long-sums"


@pytest.fixture(autouse=True)
def fresh():
    """Forget what was read, before and after."""
    pairs.cache_clear()
    yield
    pairs.cache_clear()


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes this another machine: versions, Python and system."""

    def be(versions, python="3.13.0", system="Linux x86_64"):
        monkeypatch.setattr(installed, "package_version", lambda n: versions.get(n, "unknown"))
        monkeypatch.setattr(platform, "python_version", lambda: python)
        monkeypatch.setattr(platform, "system", lambda: system.split()[0])
        monkeypatch.setattr(platform, "machine", lambda: system.split()[1])

    return be


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return where another list is read from."""
    monkeypatch.setattr(paths, "resource", tmp_path.joinpath)
    return tmp_path / known_wrong.FILE


def write(file, **changes):
    entry = {
        "id": "some-pair", "package": "some", "versions": "<2", "with": {}, "effect": "crash",
        "brief": "It fails.", "what": "It fails.", "since": "1.0",
        "install": "some>=2", "source": "Measured.",
    }  # fmt: skip
    file.write_text(json.dumps({"schema": 1, "pairs": [{**entry, **changes}]}), "utf-8")


def ids():
    return [found.pair.id for found in found_here()]


def test_every_pair_says_what_since_when_what_to_do_and_who_says_so():
    assert len(pairs()) >= 5
    assert len({pair.id for pair in pairs()}) == len(pairs())
    for pair in pairs():
        assert pair.what.endswith(".")
        assert pair.since
        assert pair.source
        assert pair.advice().endswith("."), pair.id


def test_what_is_to_be_installed_is_not_itself_wrong():
    for pair in pairs():
        needed = read_requirement(pair.install) if pair.install else None
        if needed is not None and needed.name == pair.package.lower():
            bounds = {one.operator: one.version for one in needed.specifier}
            wanted = bounds.get("==") or bounds[">="]
            assert not satisfies(wanted, pair.versions), pair.id


def test_nothing_that_touches_lensbench_is_installed_for_its_tests():
    assert [found.names for found in found_here() if not found.pair.guarded] == []
    assert out_of_range() == {}


@pytest.mark.parametrize(
    ("pyside", "python", "is_found"),
    [
        ("6.12.0", "3.11.7", True),
        ("6.12.0", "3.12.1", False),
        ("6.11.3", "3.11.7", False),
        ("6.12.1", "3.11.7", False),
    ],
)
def test_the_crash_needs_both(machine, pyside, python, is_found):
    machine({"PySide6-Essentials": pyside}, python)
    assert (CRASH in ids()) is is_found
    for found in found_here():
        assert "PySide6-Essentials 6.12.0 with Python 3.11.7: " in found.sentence
        assert "Install PySide6-Essentials>=6.8.3,<6.12." in found.sentence


@pytest.mark.parametrize(
    ("torch", "system", "is_found"),
    [
        ("2.13.0", "Darwin arm64", True),
        ("2.13.0", "Darwin x86_64", False),
        ("2.13.0+cpu", "Linux x86_64", False),
        ("2.14.0", "Darwin arm64", False),
    ],
)
def test_a_machine_can_be_the_other_half(machine, torch, system, is_found):
    machine({"torch": torch}, system=system)
    assert (LONG_SUMS in ids()) is is_found
    for found in found_here():
        assert found.brief.startswith("torch 2.13.0 on macOS arm64: Estimates by gradients ")
        assert found.brief.endswith("Install torch>=2.14, or compute with the device cpu.")
        assert len(found.brief) < len(found.sentence)


def test_the_advice_in_an_installed_program_can_be_followed(machine, monkeypatch):
    machine({"torch": "2.13.0"}, system="Darwin arm64")
    pair = found_here()[0].pair
    assert pair.advice() == "Install torch>=2.14, or compute with the device cpu."
    monkeypatch.setattr(installed, "build", lambda: "bundle")
    assert pair.advice() == "Install a newer Lensbench, or compute with the device cpu."


def test_what_lensbench_goes_around_is_said_so_and_comes_last(machine):
    machine({"PySide6-Essentials": "6.12.0", "transformers": "5.23.0"}, "3.11.7")
    found = found_here()
    assert [f.pair.guarded for f in found] == [False, True]
    assert "Lensbench goes around it." in found[1].sentence


def test_nothing_is_found_where_nothing_is_installed(machine):
    machine({})
    assert found_here() == ()
    assert out_of_range() == {}


@pytest.mark.parametrize("version", ["", "mine", "1.x"])
def test_versions_that_are_none_match_nothing(machine, file, version):
    write(file)
    machine({"some": version})
    assert found_here() == ()


def test_an_empty_range_means_every_version(machine, file):
    write(file, versions="", **{"with": {"other": ">=4"}})
    machine({"some": "9", "other": "4.1"})
    assert found_here()[0].names == "some 9 with other 4.1"


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": "less than 2"},
        {"with": {"other": "=4"}},
        {"with": {f"p{n}": "" for n in range(9)}},
        {"effect": "slow"},
        {"id": "../x"},
        {"package": "a b"},
        {"what": "x" * 601},
        {"brief": "x" * 101},
        {"unknown": 1},
    ],
)
def test_a_wrong_entry_is_refused_and_costs_no_start(file, changes, caplog):
    write(file, **changes)
    assert pairs() == ()
    assert known_wrong.FILE in caplog.text


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "\0", '{"schema": 9, "pairs": []}', " " * 256_001, "[" * 100_000]
)
def test_a_damaged_file_costs_its_own_knowledge_alone(file, text, caplog):
    file.write_text(text, "utf-8")
    assert pairs() == ()
    assert known_wrong.FILE in caplog.text


def test_a_file_that_is_missing_costs_no_start(file, caplog):
    assert pairs() == ()
    assert known_wrong.FILE in caplog.text


def test_libraries_that_lensbench_was_not_made_for_are_named(machine):
    machine({"transformers": "4.57.0", "click": "8.2", "pytest": "1.0"})
    assert out_of_range() == {
        "transformers": "transformers 4.57.0 is installed, and Lensbench was made for >=5,<6: "
        'install "transformers>=5,<6".',
    }
