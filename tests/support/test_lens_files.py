"""Heads of lens files: read to the letter, bounded, and nothing of them believed."""

from __future__ import annotations

import json
import struct

import pytest

from desktop_app.support import lens_files
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import HOME_VARIABLE


def write(path, head):
    stored = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(stored)) + stored)
    return path


def tensor(*shape):
    return {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]}


def test_layers_and_facts(tmp_path):
    head = {
        "__metadata__": {"kind": "tuned", "n": 3},
        "0.weight": tensor(2, 2),
        "0.bias": tensor(2),
    }
    found = lens_files.read_head(write(tmp_path / "a.safetensors", head))
    assert (found.fact("kind"), found.fact("n"), found.fact("none")) == ("tuned", "3", "")
    assert found.weights[0].shape == (2, 2)
    assert found.biases[0].key == "0.bias"
    together = {"weight": tensor(3, 2, 2), "bias": tensor(3, 2)}
    found = lens_files.read_head(write(tmp_path / "a.safetensors", together))
    assert [found.weights[n].place for n in range(3)] == [0, 1, 2]
    assert found.biases[2].shape == (2,)


@pytest.mark.parametrize(
    "head",
    [
        {"0.weight": {"shape": "x"}},
        {"0.weight": None},
        {"0.weight": tensor(-1, 2)},
        {"0.weight": tensor(2.5, 2)},
        {"weight": tensor(10**9, 2, 2)},
        {"0.weight": tensor(2, 2), "a.0.weight": tensor(2, 2)},
        {"0.weight": tensor(2, 2), "weight": tensor(1, 2, 2)},
        {"embed": tensor(2, 2)},
        {str(n): 0 for n in range(20_001)},
        [1],
        "text",
    ],
)
def test_heads_that_are_none(tmp_path, head):
    with pytest.raises(BadInputError) as caught:
        lens_files.read_head(write(tmp_path / "a.safetensors", head))
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_facts_of_any_kind_do_no_harm(tmp_path):
    head = {
        "__metadata__": {"kind": ["x"] * 9_999, "model": "m" * 99_999},
        "0.weight": tensor(2, 2),
    }
    found = lens_files.read_head(write(tmp_path / "a.safetensors", head))
    assert all(len(value) <= 2_000 for value in found.facts.values())
    none = lens_files.read_head(
        write(tmp_path / "a.safetensors", {"__metadata__": [1], "0.weight": tensor(2, 2)})
    )
    assert none.facts == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("ab", "ab", True), ("ab-1", "ab-2", True), ("ab", "cd", False), ("", "", False)],
)
def test_a_packs_conversion_changes_no_weight(one, other, same):
    assert lens_files.same_weights(one, other) is same


def test_the_newest_comes_first_and_strangers_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert lens_files.fitted("ab", "jacobian") == ()
    folder = lens_files.folder()
    folder.mkdir(parents=True)
    for name, facts in (
        ("old", {"kind": "jacobian", "fingerprint": "ab", "created": "2026-01-01"}),
        ("new", {"kind": "jacobian", "fingerprint": "ab", "created": "2026-02-01"}),
        ("other", {"kind": "jacobian", "fingerprint": "cd", "created": "2026-03-01"}),
        ("tuned", {"kind": "tuned", "fingerprint": "ab", "created": "2026-03-01"}),
    ):
        head = {"__metadata__": facts, "0.weight": tensor(2, 2)}
        write(folder / f"{name}.safetensors", head)
    (folder / "bad.safetensors").write_bytes(b"x")
    found = lens_files.fitted("ab", "jacobian")
    assert [head.path.stem for head in found] == ["new", "old"]
