"""Spoilt weights: headers, single tensors, their numbers, the index of shards, pickles."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.hostile import values
from tests.hostile.model_files import BROKEN_TEXTS, EVIL, SpoiltModel, copy_of

if TYPE_CHECKING:
    import random


def _read_header(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _write_header(path: Path, header: Any, body: bytes, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)


def header(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """The whole header of a safetensors file."""
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.glob("*.safetensors")))
    header, body = _read_header(path)
    how = throw.choice((*sorted(BROKEN_TEXTS), "too long", "endless", "the header alone"))
    if how in BROKEN_TEXTS:
        _write_header(path, BROKEN_TEXTS[how], body)
    elif how == "the header alone":
        _write_header(path, header, b"")
    else:
        _write_header(path, header, body, 2**63 if how == "too long" else 2**64 - 1)
    return SpoiltModel(folder, f"the header of {path.name} is {how}", refused=True)


def header_bytes(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """A few bytes of the header."""
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.glob("*.safetensors")))
    content = bytearray(path.read_bytes())
    places = [throw.randrange(min(len(content), 2000)) for _ in range(throw.choice((1, 2, 5)))]
    for at in places:
        content[at] = throw.randrange(256)
    path.write_bytes(content)
    return SpoiltModel(folder, f"bytes {places} of {path.name}")


def tensor(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """One tensor of a safetensors header."""
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.glob("*.safetensors")))
    header, body = _read_header(path)
    name = throw.choice([n for n in header if n != "__metadata__"])
    begin, end = header[name]["data_offsets"]
    ways: dict[str, Any] = {
        "gone": None,
        "a list": [],
        "text": "x",
        "turned": {**header[name], "shape": header[name]["shape"][::-1]},
        "flat": {**header[name], "shape": [int(np.prod(header[name]["shape"]))]},
        "enormous": {**header[name], "shape": [2**40, 2**20]},
        "enormous and empty": {**header[name], "shape": [2**62, 0]},
        "negative": {**header[name], "shape": [-1, -5]},
        "many axes": {**header[name], "shape": [1] * 5000},
        "backwards": {**header[name], "data_offsets": [end, begin]},
        "beyond the end": {**header[name], "data_offsets": [begin + 2**40, end + 2**40]},
        "overlapping": {**header[name], "data_offsets": [0, end - begin]},
        "of half the bytes": {**header[name], "data_offsets": [begin, (begin + end) // 2]},
        "integers": {**header[name], "dtype": "I32"},
        "of unknown kind": {**header[name], "dtype": "F7"},
        "of no kind": {**header[name], "dtype": 7},
        "without offsets": {"dtype": "F32", "shape": [1]},
        "infinite offsets": {**header[name], "data_offsets": [0, float("inf")]},
    }
    how = throw.choice(sorted(ways))
    same = header[name] == ways[how]
    header[name] = ways[how]
    if how == "gone":
        del header[name]
    _write_header(path, header, body)
    return SpoiltModel(folder, f"{name} is {how}", refused=not same)


def further_tensor(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Tensors that no model of this kind reads."""
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.glob("*.safetensors")))
    header, body = _read_header(path)
    name = throw.choice([n for n in header if n != "__metadata__"])
    further = throw.choice(
        (f"{name}_scale", f"{name.rpartition('.')[0]}.bias", f"{name}.lora_A", "é" * 3000,
         values.ESCAPES, "../x", "", "__metadata__", "transformer.h.900.ln_1.weight")
    )  # fmt: skip
    end = len(body)
    entry: Any = {"dtype": "F32", "shape": [2], "data_offsets": [end, end + 8]}
    if further == "__metadata__":
        entry = throw.choice(({"format": 7}, {"format": "flax"}, "x", {"a": "b" * 1_000_000}))
    _write_header(path, {**header, further: entry}, body + struct.pack("<2f", 1.0, 2.0))
    return SpoiltModel(folder, f"with {values.short(further)}")


def numbers(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    """Sound headers over numbers that are none."""
    folder = copy_of(bases, place, throw)
    path = throw.choice(sorted(folder.glob("*.safetensors")))
    header, body = _read_header(path)
    fill = {"nan": np.nan, "infinite": np.inf, "huge": 3e38, "zero": 0.0, "tiny": 1e-42}
    how = throw.choice(sorted(fill))
    size = len(body) // 4 if throw.random() < 0.5 else 500
    start = 4 * throw.randrange(max(1, len(body) // 4 - size + 1))
    raw = np.full(size, fill[how], np.float32).tobytes()
    _write_header(path, header, body[:start] + raw + body[start + len(raw) :])
    return SpoiltModel(folder, f"{size:,} numbers are {how}")


def index(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:
    folder = copy_of(bases, place, throw, "split")
    path = folder / "model.safetensors.index.json"
    outside = place / "other.safetensors"
    shutil.copy(next(folder.glob("*.safetensors")), outside)
    found = json.loads(path.read_text())
    names = found["weight_map"]
    first, shard = next(iter(names.items()))
    all_of = dict.fromkeys
    many = {f"x{i}": f"{i}.safetensors" for i in range(100_000)}
    changes: dict[str, Any] = {
        "a path upwards": {**found, "weight_map": {**names, first: "../other.safetensors"}},
        "a whole path": {**found, "weight_map": {**names, first: str(outside)}},
        "a path down": {**found, "weight_map": {**names, first: f"./{shard}"}},
        "backslashes": {**found, "weight_map": {**names, first: "..\\other.safetensors"}},
        "a file that is not there": {**found, "weight_map": {**names, first: "none.safetensors"}},
        "itself": {**found, "weight_map": all_of(names, path.name)},
        "the settings": {**found, "weight_map": {**names, first: "config.json"}},
        "a number": {**found, "weight_map": {**names, first: 7}},
        "null": {**found, "weight_map": {**names, first: None}},
        "a list": {**found, "weight_map": {**names, first: ["a"]}},
        "a list for a map": {**found, "weight_map": [shard]},
        "a text for a map": {**found, "weight_map": "x"},
        "no map": {"metadata": {}},
        "an empty map": {**found, "weight_map": {}},
        "one shard alone": {**found, "weight_map": all_of(names, shard)},
        "a device": {**found, "weight_map": {**names, first: "/dev/zero"}},
        "an empty name": {**found, "weight_map": {**names, first: ""}},
        "a dot": {**found, "weight_map": {**names, first: "."}},
        "a zero byte": {**found, "weight_map": {**names, first: "a\x00b"}},
        "100,000 names": {**found, "weight_map": {**names, **many}},
    }  # fmt: skip
    how = throw.choice(sorted(changes))
    path.write_text(json.dumps(changes[how]))
    # Without a usable map the shards may be found by their names.
    return SpoiltModel(folder, f"the index names {how}", refused=how not in {"a path down"})


def pickled(bases: Path, place: Path, throw: random.Random) -> SpoiltModel:

    folder = copy_of(bases, place, throw, "toy", "tiny")
    for path in folder.glob("*.safetensors"):
        path.unlink()
    target = folder / "pytorch_model.bin"
    how = throw.choice(("code", "a bomb", "a bomb inside", "cut", "nothing", "text"))
    if how == "code":
        target.write_bytes(pickle.dumps(_Evil(folder / EVIL)))
    elif how.startswith("a bomb"):
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            inside = "archive/data.pkl" if how == "a bomb" else "archive/data/0"
            archive.writestr("archive/version", "3\n")
            with archive.open(inside, "w", force_zip64=True) as member:
                for _ in range(300):
                    member.write(bytes(10_000_000))
    else:
        target.write_bytes(
            {"cut": b"PK\x03\x04" + bytes(50), "nothing": b"", "text": b"x" * 99}[how]
        )
    return SpoiltModel(folder, f"a pickle: {how}", refused=True)


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))
