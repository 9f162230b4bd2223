"""Circuits of edges from files: lists, results, MIB's JSON; what is none of them is refused."""

from __future__ import annotations

import json
import os

import pytest

from desktop_app.contract.circuits import resolve_circuit, written_edges
from desktop_app.contract.edges import Graph
from desktop_app.support.errors import BadInputError
from desktop_app.text import circuit_files
from desktop_app.text.circuit_files import read_circuit

GRAPH = Graph(2, 2, 1)
KEPT = "embed>0.0.v, 0.1>logits"
# As EAP-IG's Graph.to_json writes it, of a model of one layer with two heads.
BY_HAND = {
    "cfg": {"n_layers": 1, "n_heads": 2, "parallel_attn_mlp": False, "d_model": 8},
    "nodes": {name: {"in_graph": True} for name in ("input", "a0.h0", "m0", "logits")},
    "edges": {
        "input->a0.h0<q>": {"score": 0.5, "in_graph": True},
        "input->a0.h0<k>": {"score": -0.1, "in_graph": False},
        "input->a0.h1<k>": {"score": 0.0, "in_graph": False},
        "input->m0": {"score": 2.0, "in_graph": 1},
        "a0.h0->logits": {"score": 3.0, "in_graph": True},
        "m0->logits": {"score": 0.0, "in_graph": 0},
    },
}  # fmt: skip


def written(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def edges_of(text, graph=GRAPH):
    return written_edges(graph, resolve_circuit(text, graph).edges)


def test_amounts_and_lists_are_taken_as_they_are():
    assert [read_circuit(t) for t in ("", "200", "0.02", KEPT, "all")] == [
        *("", "200", "0.02", KEPT, "all"),
    ]


def test_a_list_in_a_file_has_lines_and_remarks(tmp_path):
    text = "# found by hand\nembed>0.0.v   # values\n\n0.1>logits\n"
    for name in ("list.txt", "list"):
        assert edges_of(read_circuit(written(tmp_path, name, text))) == KEPT
    assert read_circuit(written(tmp_path, "empty.txt", "# none\n")) == "none"
    for value in (KEPT.split(", "), {"edges": KEPT.split(", ")}):
        assert edges_of(read_circuit(written(tmp_path, "list.json", value))) == KEPT


def test_a_result_gives_what_it_keeps(tmp_path):
    result = {
        "model": {"n_layers": 2, "n_heads": 2},
        "result": {
            "sender": ["embed", "embed", "0.1"],
            "receiver": ["0.0", "m0", "logits"],
            "input": ["v", "in", "in"],
            "kept": [True, False, True],
        },
    }
    found = read_circuit(written(tmp_path, "r.json", result))
    assert found == f"2x2 {KEPT}"
    assert edges_of(found) == KEPT
    with pytest.raises(BadInputError, match="2 layers with 2 heads"):
        resolve_circuit(found, Graph(3, 2, 1))
    del result["result"]["kept"]
    with pytest.raises(BadInputError, match="a result without a circuit: run edges"):
        read_circuit(written(tmp_path, "r.json", result))


def test_a_circuit_of_mib_is_read(tmp_path):
    found = read_circuit(written(tmp_path, "c.mib.json", BY_HAND))
    assert found == "1x2 input->a0.h0<q>, input->m0, a0.h0->logits"
    assert edges_of(found, Graph(1, 2, 1)) == "embed>0.0.q, embed>m0, 0.0>logits"
    plain = {"edges": {"input->m0": True, "m0->logits": False}}
    assert read_circuit(written(tmp_path, "old.json", plain)) == "input->m0"


def test_a_circuit_of_mib_that_holds_nothing(tmp_path):
    nothing = {"edges": {"input->m0": {"score": 0.0, "in_graph": False}}}
    assert read_circuit(written(tmp_path, "c.json", nothing)) == "none"
    nothing["edges"]["input->m0"]["score"] = 1.5
    with pytest.raises(BadInputError, match="scores and no edge that is in the graph"):
        read_circuit(written(tmp_path, "c.json", nothing))


def test_keys_that_some_heads_of_a_group_read_are_refused(tmp_path):
    document = {"edges": {f"input->a0.h{h}<k>": {"in_graph": h == 0} for h in range(2)}}
    found = read_circuit(written(tmp_path, "c.json", document))
    with pytest.raises(BadInputError, match="only be kept or removed together"):
        resolve_circuit(found, GRAPH)
    assert edges_of(found, Graph(2, 2, 2)) == "embed>0.0.k"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("c.json", "{", "no whole JSON"),
        ("c.json", "[" * 100_000, "no whole JSON"),
        ("c.json", {"edges": 5}, "holds no circuit"),
        ("c.json", [1, 2], "holds no circuit"),
        ("c.json", ["x"], "“x” is no edge"),
        ("c.json", {"edges": {"input->m0, none": True}}, "no edge of MIB's"),
        ("c.json", {"edges": {"input": True}}, "no edge of MIB's"),
        ("c.json", {"edges": {"input->m0": {"in_graph": "yes"}}}, "neither true nor false"),
        ("c.json", {"edges": {"input->m0": True}, "cfg": {"n_layers": "1", "n_heads": 2}}, "cfg"),
        ("c.json", {"result": {"sender": ["embed"], "receiver": [], "input": [], "kept": []}},
         "without a circuit"),
        ("c.txt", "embed>m0\nnonsense", "“nonsense” is no edge"),
    ],
)  # fmt: skip
def test_what_is_no_circuit_is_refused_in_one_line(tmp_path, name, content, words):
    with pytest.raises(BadInputError, match=words) as refused:
        read_circuit(written(tmp_path, name, content))
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be_read_are_refused(tmp_path, monkeypatch):
    with pytest.raises(BadInputError, match="cannot be read"):
        read_circuit(str(tmp_path / "none.json"))
    with pytest.raises(BadInputError, match="cannot be read"):
        read_circuit("a\0b.json")
    with pytest.raises(BadInputError, match="“none” is no edge"):
        read_circuit("none of these")
    with pytest.raises(BadInputError, match="“x9” is no edge"):  # longer than a file's name
        read_circuit(", ".join(f"embed>{n}.0.q" for n in range(80)) + ", x9")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="is no text"):
        read_circuit(str(tmp_path / "b.json"))
    monkeypatch.setattr(circuit_files, "MAX_BYTES", 10)
    with pytest.raises(BadInputError, match="has more than"):
        read_circuit(written(tmp_path, "long.txt", "embed>m0, " * 3))
    monkeypatch.undo()
    monkeypatch.setattr(circuit_files, "MAX_TEXT", 10)
    with pytest.raises(BadInputError, match="too long to be kept"):
        read_circuit(written(tmp_path, "long.txt", "embed>m0, " * 3))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_circuit(str(tmp_path / "pipe.json"))
