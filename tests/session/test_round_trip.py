"""Every analysis' own result survives save, open and export, bit for bit."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from desktop_app.contract.registry import ANALYSES
from desktop_app.session.export_table import table_of
from desktop_app.session.exports import export
from desktop_app.session.store import Session
from tests.samples import stored
from tests.session import toy_runs

pytestmark = pytest.mark.model


def same_bits(stored, original, path):
    """Compare JSON values with the originals: every float must come back as the same bits."""
    if hasattr(original, "shape"):
        assert list(np.shape(stored)) == list(original.shape) or original.size == 0, path
        for a, b in zip(flat(stored), np.asarray(original).reshape(-1), strict=True):
            same_bits(a, b.item(), path)
    elif isinstance(original, dict):
        assert list(stored) == [str(k) for k in original], path
        for key, value in original.items():
            same_bits(stored[str(key)], value, f"{path}.{key}")
    elif isinstance(original, (list, tuple)):
        assert len(stored) == len(original), path
        for i, value in enumerate(original):
            same_bits(stored[i], value, f"{path}.{i}")
    elif isinstance(original, float):
        if math.isnan(original):
            assert stored is None, path
        else:
            assert float(stored).hex() == original.hex(), path
    else:
        assert stored == original, path


def flat(values):
    """Give the numbers of nested lists in order."""
    if isinstance(values, list):
        for value in values:
            yield from flat(value)
    else:
        yield values


@pytest.mark.parametrize("name", ANALYSES)
def test_every_result_can_be_copied_as_a_table(name):
    result = toy_runs.result_of(name)
    head = (1, 2) if result.analysis == "attention" else None
    headings, rows = table_of(result, 0, head)
    assert headings
    assert rows
    assert {len(row) for row in rows} == {len(headings)}
    assert {type(cell) for row in (headings, *rows) for cell in row} == {str}


@pytest.mark.parametrize("name", ANALYSES)
def test_a_result_survives_save_open_and_export(name, tmp_path):
    result = toy_runs.result_of(name)
    path = toy_runs.write_session(tmp_path / "all.lens", (name,))
    with Session.open(path) as session:
        loaded = session.load(1)
        stored.assert_same_result(result, loaded)
        for ending in ("json", "npz", "csv"):
            export(loaded, tmp_path / f"r.{ending}")
        session.save_as(tmp_path / "moved.lens")
        stored.assert_same_result(result, session.load(1))
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert document["analysis"] == name
    same_bits(document["result"], dict(result.data), name)
    arrays = np.load(tmp_path / "r.npz", allow_pickle=False)
    found = 0
    for field, value in result.data.items():
        many = isinstance(value, tuple)
        for i, item in enumerate(value if many else (value,)):
            if isinstance(item, np.ndarray):
                member = arrays[f"{field}_{i}" if many else field]
                assert (member.dtype, member.shape) == (item.dtype, item.shape), field
                assert member.tobytes() == np.ascontiguousarray(item).tobytes(), field
                found += 1
    assert found > 0
    assert (tmp_path / "r.csv").stat().st_size > 100
