from __future__ import annotations

import csv
import io
import json
import math
import os
import zipfile

import numpy as np
import pytest

from desktop_app.session import export_table, exports
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored


def kept_of(result, tmp_path):
    """Return the result as a session gives it back, stored arrays and all."""
    session = Session.create(tmp_path / "s.lens")
    return session, session.load(session.add(result))


@pytest.mark.parametrize("name", stored.ALL)
def test_json_is_the_result_object_of_the_contract(tmp_path, name):
    result = stored.ALL[name]()
    session, loaded = kept_of(result, tmp_path)
    with session:
        exports.export(loaded, tmp_path / "r.json")
    got = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert got == json.loads(json.dumps(result.to_json()))
    assert json.loads(exports.to_json_text(result)) == got
    assert list(got) == list(result.to_json())


def test_json_writes_nan_as_null_and_full_precision(tmp_path):
    exports.export(stored.ablate_result(), tmp_path / "r.JSON")
    text = (tmp_path / "r.JSON").read_text("utf-8")
    assert "NaN" not in text
    got = json.loads(text)["result"]
    assert got["percent"][0][1][1] is None
    assert got["effect"][1][2][0] == stored.ablate_result().data["effect"][1, 2, 0]


@pytest.mark.parametrize("name", stored.ALL)
def test_npz_loads_without_pickle_and_holds_every_array(tmp_path, name):
    result = stored.ALL[name]()
    session, loaded = kept_of(result, tmp_path)
    with session:
        exports.export(loaded, tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz", allow_pickle=False) as members:
        for field, value in result.data.items():
            for i, item in enumerate(value if isinstance(value, tuple) else ()):
                if isinstance(item, np.ndarray):
                    got = members[f"{field}_{i}"]
                    assert (got.dtype, got.shape) == (item.dtype, item.shape)
                    assert got.tobytes() == item.tobytes()
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(members[field], value)
        document = json.loads(members["document"].item())
    whole = json.loads(json.dumps(result.to_json()))
    for field, value in document["result"].items():
        if not (isinstance(value, dict) and "members" in value):
            assert value == whole["result"][field]
    assert {k: v for k, v in document.items() if k != "result"} == {
        k: v for k, v in whole.items() if k != "result"
    }


def test_npz_names_numbers_texts_and_ragged_tokens(tmp_path):
    exports.export(stored.tokens_result(), tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as members:
        np.testing.assert_array_equal(members["ids_1"], [7, 8])
        np.testing.assert_array_equal(members["offsets_0"][2], [1, 3])
        assert members["special_0"].tolist() == [True, False, False, False]
        assert members["pieces_0"].tolist() == ["<s>", "1", "Ġ2", "Ġ"]
        document = json.loads(members["document"].item())
    assert document["result"]["pieces"][1] == ["Ã", "\x00"]
    exports.export(stored.ablate_result(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as members:
        assert members["mode"].item() == "mean"
        assert members["base_mean"].item() == 0.5
        document = json.loads(members["document"].item())
    assert document["result"]["effect"] == {"members": ["effect"]}


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_one_row_per_cell_under_the_models_own_numbers(tmp_path):
    result = stored.ablate_result(layers=(1, 2))
    exports.export(result, tmp_path / "r.csv")
    rows = rows_of(tmp_path / "r.csv")
    assert list(rows[0]) == ["field", "prompt", "layer", "head", "value"]
    effect = {
        (int(r["layer"]), int(r["head"]), int(r["prompt"])): float(r["value"])
        for r in rows
        if r["field"] == "effect"
    }
    expected = result.data["effect"]
    assert effect == {(i + 1, h, n): v for (i, h, n), v in np.ndenumerate(expected)}
    mean = [r for r in rows if r["field"] == "effect_mean"]
    assert len(mean) == 8
    assert (mean[-1]["layer"], mean[-1]["head"], mean[-1]["prompt"]) == ("2", "3", "")
    withheld = [r for r in rows if r["field"] == "percent" and r["value"] == ""]
    assert [(r["layer"], r["head"], r["prompt"]) for r in withheld] == [("1", "1", "1")]
    done = [r["value"] for r in rows if r["field"] == "task_done"]
    assert done == ["true", "false"]
    assert "layers" not in {r["field"] for r in rows}


def test_csv_of_whole_layers_has_no_head(tmp_path):
    data = {"effect": np.array([[1.0, 2.0]]), "effect_mean": np.array([1.5]), "layers": [7]}
    exports.export(stored.result_of("ablate", data), tmp_path / "r.csv")
    rows = rows_of(tmp_path / "r.csv")
    assert list(rows[0]) == ["field", "layer", "prompt", "value"]
    assert [tuple(r.values()) for r in rows] == [
        ("effect", "7", "0", "1.0"),
        ("effect", "7", "1", "2.0"),
        ("effect_mean", "7", "", "1.5"),
    ]


def test_csv_of_stored_patterns(tmp_path):
    result = stored.attention_result()
    session, loaded = kept_of(result, tmp_path)
    with session:
        exports.export(loaded, tmp_path / "r.csv")
    rows = [r for r in rows_of(tmp_path / "r.csv") if r["field"] == "pattern"]
    assert len(rows) == 6 * (160 * 160 + 25)
    cell = {"prompt": "0", "layer": "2", "head": "3", "query": "159", "key": "7"}
    found = [r["value"] for r in rows if all(r[k] == v for k, v in cell.items())]
    assert [float(v) for v in found] == [float(result.data["pattern"][0][1, 2, 159, 7])]


def test_csv_splits_tables_and_keeps_texts_to_the_letter(tmp_path):
    exports.export(stored.rank_result(), tmp_path / "r.csv")
    rows = rows_of(tmp_path / "r.csv")
    pieces = [r for r in rows if r["field"] == "top.piece"]
    assert [(r["prompt"], r["rank"], r["value"]) for r in pieces] == [
        ("0", "0", "Ġ2"),
        ("0", "1", "Ġ2"),
        ("1", "0", "Ġ2"),
    ]
    logit = next(r for r in rows if r["field"] == "answers.rows.logit")
    assert (logit["answer"], logit["index"], float(logit["value"])) == ("0", "0", 3 + 1 / 3)
    total = next(r for r in rows if r["field"] == "answers.logprob_total")
    assert float(total["value"]) == -math.inf
    exports.export(stored.tokens_result(), tmp_path / "t.csv")
    tokens = rows_of(tmp_path / "t.csv")
    texts = {(r["prompt"], r["position"]): r["value"] for r in tokens if r["field"] == "texts"}
    assert texts["0", "2"] == " 2"
    assert texts["1", "0"] == "\\ud800"
    left = [r for r in tokens if r["field"] == "compare.prompts.groups.left"]
    assert [r["value"] for r in left] == ["0", "1"]


def test_a_csv_far_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(export_table, "MAX_CELLS", 100)
    with pytest.raises(BadInputError, match=r"\.npz"):
        exports.export(stored.attention_result(), tmp_path / "r.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["r.png", "r.pdf", "r.svg", "r", "r.exe"])
def test_other_endings_are_refused_with_those_there_are(tmp_path, name):
    with pytest.raises(BadInputError, match=r"\.json, \.npz, \.csv"):
        exports.export(stored.rank_result(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", exports.ENDINGS)
def test_a_full_disk_leaves_the_older_file(tmp_path, monkeypatch, ending):
    target = tmp_path / f"r{ending}"
    target.write_text("older")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInputError, match="disk is full"):
        exports.export(stored.ablate_result(), target)
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    assert target.read_text() == "older"


def test_an_unknown_analysis_exports_with_plain_axes(tmp_path):
    data = {"map": np.zeros((2, 3)), "ragged": (np.zeros(1), np.zeros(2))}
    result = stored.result_of("telepathy", data)
    for ending in (".json", ".npz", ".csv"):
        exports.export(result, tmp_path / f"r{ending}")
    for ending in (".py", ".ipynb"):
        with pytest.raises(BadInputError, match=r"“telepathy” is not installed.*\.npz"):
            exports.export(result, tmp_path / f"r{ending}")
    rows = rows_of(tmp_path / "r.csv")
    assert list(rows[0]) == ["field", "index", "index_2", "value"]
    assert len(rows) == 9


def test_large_patterns_are_never_held_whole(tmp_path, monkeypatch):
    session, loaded = kept_of(stored.attention_result(), tmp_path)
    monkeypatch.setattr(type(loaded.data["pattern"][0]), "__array__", None)
    with session, zipfile.ZipFile(io.BytesIO(), "w") as archive:
        "".join(exports.json_pieces(loaded))
        exports._write_member(archive, "pattern_0", loaded.data["pattern"][0])
