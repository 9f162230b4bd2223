"""What a result says of its own fields: kept, read where its analysis is not installed, checked."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from desktop_app.contract.registry import described, fields_of
from desktop_app.contract.spec import FieldSpec
from desktop_app.pictures.naming import result_name
from desktop_app.session import codec, exports
from desktop_app.session.export_table import table_of
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from desktop_app.window.comparison.data import fields
from tests.samples import stored

FIELDS = (
    FieldSpec("norm", ("layer", "position"), "Norm of the stream", "", telling=2),
    FieldSpec("share", ("layer", "position"), "Share of the largest", "%", nullable=True),
    FieldSpec("depths", ("layer",), "The model's numbers of the layers", labels="layer"),
)
SCHEMA = {"properties": {"site": {"default": "resid_post", "type": "string"}}}


@pytest.fixture
def stranger(path):
    """Return a result of an analysis that is not installed here, read from a session."""
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = {"norm": values, "share": values / 5, "depths": np.array([4, 7])}
    made = stored.result_of("telepathy", data, fields=FIELDS, params_schema=SCHEMA)
    with Session.create(path) as session:
        session.add(made)
        yield session.load(1)


def test_a_result_of_an_unknown_analysis_knows_its_fields(stranger):
    assert (stranger.fields, stranger.params_schema) == (FIELDS, SCHEMA)
    assert described(stranger) is stranger
    assert result_name(stranger) == "telepathy · 2 prompts"


def test_it_exports_and_compares_by_them(stranger, tmp_path):
    exports.export(stranger, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == ["field", "layer", "position", "value"]
    assert (rows[4]["layer"], rows[4]["position"], rows[4]["value"]) == ("7", "1", "4.0")
    assert {r["field"] for r in rows} == {"norm", "share"}
    assert table_of(stranger)[0] == ["layer", "position", "norm", "share"]
    assert [f.name for f in fields(stranger, stranger)] == ["norm", "share"]
    assert fields(stranger, stranger)[0].left.axes[0].labels == ("4", "7")
    exports.export(stranger, tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as arrays:
        assert arrays["norm"].shape == (2, 3)
    with pytest.raises(BadInputError, match="“telepathy” is not installed, so that no script"):
        exports.export(stranger, tmp_path / "r.py")


def test_the_result_object_of_the_contract_does_not_tell_of_them(stranger):
    told = stranger.to_json()
    assert list(told["result"]) == ["norm", "share", "depths"]
    assert not {"fields", "params_schema"} & told.keys()
    assert set(json.loads(exports.to_json_text(stranger))) == set(told)


def test_a_known_analysis_speaks_where_a_result_does_not():
    result = stored.ablate_result()
    assert fields_of(result) == {spec.name: spec for spec in described(result).fields}
    whole = stored.result_of("ablate", {"effect": np.zeros((2, 2))}, params={"component": "mlp"})
    assert fields_of(whole)["effect"].axes == ("layer", "prompt")


def row(**changes):
    return {
        "name": "norm", "axes": ["layer"], "meaning": "m", "unit": "", "nullable": False,
        "labels": "", "telling": 0, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        "no JSON",
        "NaN",
        "{}",
        "[" * 5000,
        json.dumps([row(), row()]),
        *(
            json.dumps([row(**changes)])
            for changes in (
                {"name": "../norm"},
                {"name": "n" * 61},
                {"axes": "layer"},
                {"axes": [1]},
                {"axes": ["layer", "layer"]},
                {"axes": [f"a{i}" for i in range(9)]},
                {"axes": ["=1+1"]},
                {"meaning": "m" * 501},
                {"meaning": None},
                {"unit": ["nats"]},
                {"nullable": 1},
                {"labels": "a b"},
                {"telling": 1.5},
            )
        ),
        " " * (codec.MAX_CHARACTERS + 1) + "[]",
        7,
        b"[]",
    ],
)
def test_specs_of_another_form_are_none_at_all(stranger, path, told):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE results SET fields = ?, params_schema = ?", (told, told))
        connection.commit()
    with Session.open(path) as session:
        found = session.load(1)
    assert (found.fields, found.params_schema) == ((), {})
    stored.assert_same(dict(stranger.data), dict(found.data))


def test_a_schema_without_end_is_none():
    deep = '{"a":' * 300 + "1" + "}" * 300
    result = stored.rank_result()
    assert codec.decode_specs(result, None, deep).params_schema == {}
    assert codec.decode_specs(result, None, '{"a":{"b":[1]}}').params_schema == {"a": {"b": [1]}}


@pytest.mark.parametrize("labels", [3.0, np.float32(3), np.zeros((2, 2)), (None, [1]), (5,), "ab"])
def test_labels_that_are_none_are_counted(labels, tmp_path):
    data = {"norm": np.ones((2, 1)), "depths": labels}
    result = stored.result_of("telepathy", data, fields=FIELDS)
    exports.export(result, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as text:
        found = [r["layer"] for r in csv.DictReader(text) if r["field"] == "norm"]
    assert found == (["5", "1"] if isinstance(labels, tuple) and len(labels) == 1 else ["0", "1"])
    assert len(table_of(result)[1]) >= 1
