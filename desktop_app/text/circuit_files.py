"""Circuits of edges from files: a list, a result, or the JSON of MIB's circuits.

Files are untrusted: their size is bounded, and what is not understood is refused by name. What is
read becomes the text of the `circuit` setting; whether a model has such edges is seen when it runs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app.contract.circuits import NONE, check_circuit
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 512 * 1024**2
MAX_TEXT = 10_000_000
_OPTION = "--circuit"
_ENDINGS = (".json", ".txt")
_LONGEST_NAME = 80


def read_circuit(given: str) -> str:
    """Return the setting's text from what an option gives: an amount, a list, or a file's name.

    Raises:
        BadInputError: It is none of them, or the file cannot be read or holds no circuit.
    """
    is_file = given.lower().endswith(_ENDINGS)
    if not is_file:
        try:
            return check_circuit(given)
        except ValueError as error:
            if not os.path.isfile(given):  # pathlib raises where a list is longer than a name
                raise BadInputError(f"{_OPTION}: {error}.") from None
    return read_circuit_file(given, f"{_OPTION} {given}")


def read_circuit_file(path: Path | str, told: str = "") -> str:
    """Return the circuit in a file, as the setting writes it.

    Args:
        path: The file.
        told: What a refusal calls it; without it by its name.

    Raises:
        BadInputError: As of `read_circuit`.
    """
    path = Path(path)
    told = told or f"“{path.name}”"
    text = _read(path, told)
    found = _of_json(text, told) if text.lstrip()[:1] in {"{", "["} else _of_lines(text)
    if len(found) > MAX_TEXT:
        raise BadInputError(
            f"{told} holds a circuit too long to be kept with a result: take fewer edges."
        )
    try:
        return check_circuit(found)
    except ValueError as error:
        raise BadInputError(f"{told}: {error}.") from None


def _read(path: Path, told: str) -> str:
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name is none"
        raise BadInputError(f"{told} cannot be read: {why}.") from None
    if len(data) > MAX_BYTES:
        raise BadInputError(f"{told} has more than {MAX_BYTES // 1024**2} MB: take fewer edges.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{told} is no text: give a list of edges, or JSON.") from None


def _of_lines(text: str) -> str:
    """Return a list with one edge or several a line; `#` begins a remark."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return ", ".join(line for line in lines if line) or NONE


def _of_json(text: str, told: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInputError(f"{told} is no whole JSON: write it anew.") from None
    if isinstance(document, list) and all(isinstance(item, str) for item in document):
        return ", ".join(document) or NONE
    if isinstance(document, dict):
        edges, result = document.get("edges"), document.get("result")
        if isinstance(edges, dict):
            return _of_mib(document, edges, told)
        if isinstance(edges, list) and all(isinstance(item, str) for item in edges):
            return ", ".join(edges) or NONE
        if isinstance(result, dict):
            return _of_result(document, result, told)
    raise BadInputError(
        f"{told} holds no circuit: give a list of edges, a result of edges with a circuit, or a "
        "MIB circuit with cfg, nodes and edges."
    )


def _of_mib(document: Mapping[str, Any], edges: Mapping[str, Any], told: str) -> str:
    """Return a circuit of MIB's: the edges that are flagged, by their own names."""
    kept, marked, scored = [], 0, False
    for name, facts in edges.items():
        flag = facts.get("in_graph") if isinstance(facts, dict) else facts
        if len(name) > _LONGEST_NAME or "->" not in name or any(c in name for c in ",; \t\n"):
            raise BadInputError(f"{told}: “{name[:_LONGEST_NAME]}” is no edge of MIB's.")
        if flag is None:
            scored = True
            continue
        if flag not in (True, False):
            raise BadInputError(
                f"{told}: in_graph of {name} is neither true nor false: write it anew."
            )
        scored = scored or bool(isinstance(facts, dict) and facts.get("score"))
        marked += 1
        if flag:
            kept.append(name)
    if not kept and scored:
        raise BadInputError(
            f"{told} has scores and no edge that is in the graph: choose its edges there first."
        )
    shape = _shape(document.get("cfg"), told)
    return f"{shape} {', '.join(kept) or NONE}".strip() if kept else NONE


def _shape(cfg: object, told: str) -> str:
    if not isinstance(cfg, dict) or not {"n_layers", "n_heads"} <= cfg.keys():
        return ""
    layers, heads = cfg["n_layers"], cfg["n_heads"]
    if type(layers) is not int or type(heads) is not int or not (layers > 0 and heads > 0):
        raise BadInputError(f"{told}: its cfg has no number of layers and of heads: write it anew.")
    return f"{layers}x{heads}"


def _of_result(document: Mapping[str, Any], result: Mapping[str, Any], told: str) -> str:
    """Return the circuit that a result of `edges` keeps."""
    names = ("sender", "receiver", "input", "kept")
    lists = [result.get(name) for name in names]
    if (
        not all(isinstance(one, list) for one in lists)
        or len({len(one or ()) for one in lists}) > 1
    ):
        raise BadInputError(
            f"{told} is a result without a circuit: run edges with --circuit, and take its result."
        )
    rows = zip(*lists, strict=True)
    kept = [
        f"{sender}>{receiver}" + ("" if kind == "in" else f".{kind}")
        for sender, receiver, kind, flag in rows
        if flag
    ]
    model = document.get("model")
    shape = _shape(model, told) if isinstance(model, dict) else ""
    return f"{shape} {', '.join(kept)}".strip() if kept else NONE
