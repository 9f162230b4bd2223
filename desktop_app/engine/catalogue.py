"""Where a model named by the user lies, and what its files say by their headers alone.

Catalogue, local Hub cache, folder or GGUF; no weights are read, and no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from desktop_app.contract.requests import DeviceMemory, MemoryEstimate, ModelRow, ModelSpec
from desktop_app.engine import pack
from desktop_app.engine.memory import bytes_needed, human_bytes
from desktop_app.support.errors import LensbenchError, ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
_MAX_JSON_BYTES = 64_000_000
_MAX_GGUF_ENTRIES = 1_000_000
_SAMPLE_BYTES = 65_536
_SAMPLES = 16

# GGUF value types with a fixed size; 8 is a string, 9 an array.
_GGUF_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def locate(spec: ModelSpec) -> Checkpoint:
    """Return the model's files on this disk.

    Raises:
        ModelLoadError: They are not here; the sentence says how to get them.
    """
    name = spec.model
    if name in pack.pack_names():
        return inspect_folder(pack.require_pack(name))
    path = Path(name).expanduser()
    if path.is_dir():
        return inspect_folder(path)
    if path.suffix.lower() == ".gguf":
        if not path.is_file():
            raise ModelLoadError(f"There is no file {path}: check the path.")
        return inspect_gguf(path)
    folder = hub_cache_folder(name) if _HUB_ID.match(name) else None
    if folder is None:
        raise ModelLoadError(_not_here(name, offline=spec.offline))
    return inspect_folder(folder)


def is_hub_id(name: str) -> bool:
    """Return whether a name can only be a Hub id: no catalogue entry, no path that exists."""
    return (
        name not in pack.pack_names()
        and bool(_HUB_ID.match(name))
        and not Path(name).expanduser().exists()
        and not name.lower().endswith(".gguf")
    )


def hub_cache_folder(name: str) -> Path | None:
    """Return the newest snapshot of a Hub id in the local cache, or None. Opens no socket."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def list_models() -> tuple[ModelRow, ...]:
    """Return the models at hand: the catalogue, then the local Hub cache."""
    return (*(_catalogue_row(name) for name in pack.pack_names()), *_cached_rows())


def estimate(spec: ModelSpec, devices: tuple[DeviceMemory, ...]) -> MemoryEstimate:
    """Return what a model needs against what there is, before it is loaded."""
    checkpoint = locate(spec)
    parameters = checkpoint.parameters or sum(f.stat().st_size for f in checkpoint.files) // 2
    needed = bytes_needed(parameters)
    fits = {d.device: {t: need <= d.free for t, need in needed.items()} for d in devices}
    first = devices[0]
    dtype = "float32" if spec.dtype == "auto" else spec.dtype
    sentence = (
        f"{parameters / 1e6:,.0f} M parameters need {human_bytes(needed[dtype])} as {dtype}; "
        f"{first.name} has {human_bytes(first.free)} free of {human_bytes(first.total)}."
    )
    return MemoryEstimate(parameters, needed, devices, fits, sentence)


def _catalogue_row(name: str) -> ModelRow:
    entry, folder, problem = pack.find_pack(name), pack.pack_folder(name), pack.pack_problem(name)
    parameters = entry.parameters
    if problem is None:
        try:
            parameters = inspect_folder(folder).parameters
        except LensbenchError as error:
            problem = str(error)
    path = str(folder) if problem is None else None
    return _row(name, entry.title, path, parameters, "catalogue", problem or "")


def _row(
    name: str, title: str, path: str | None, parameters: int | None, source: str, note: str = ""
) -> ModelRow:
    needed = bytes_needed(parameters) if parameters else {}
    return ModelRow(name, title, path, path is not None, parameters, needed, source, note)


def _cached_rows() -> list[ModelRow]:
    """Return the causal language models of the local Hub cache, unreadable entries left out."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = [r for r in scan_cache_dir().repos if r.repo_type == "model"]
    except CacheNotFound:
        return []
    rows = []
    for repo in sorted(repos, key=lambda r: str(r.repo_id)):
        name = str(repo.repo_id)
        folder = hub_cache_folder(name)
        if folder is None:
            continue
        try:
            parameters = inspect_folder(folder).parameters
        except LensbenchError:
            continue
        rows.append(_row(name, name, str(folder), parameters, "hub cache"))
    return rows


def _not_here(name: str, *, offline: bool) -> str:
    if not _HUB_ID.match(name):
        return f"There is no model “{name}”: give a catalogue name, a Hub id, a folder or a .gguf."
    if offline:
        return (
            f"“{name}” is not in the local Hub cache and Lensbench is offline: allow the network "
            "for this load, or open a folder or a .gguf file."
        )
    return f"“{name}” could not be found on the Hub: check its spelling."


@dataclass(frozen=True)
class Checkpoint:
    """A model on disk, described without loading it.

    Attributes:
        folder: Where it lies.
        gguf: The GGUF file's name, or None for a Hugging Face folder.
        files: The weight files.
        parameters: How many numbers they hold; None where only a pickle could tell.
        pickled: Whether the weights are a pickle, which only the weights-only loader may read.
    """

    folder: Path
    gguf: str | None
    files: tuple[Path, ...]
    parameters: int | None
    pickled: bool = False


def inspect_folder(folder: Path) -> Checkpoint:
    """Describe a Hugging Face folder.

    Raises:
        ModelLoadError: It holds no config, no weights, or a damaged safetensors file.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise ModelLoadError(
            f"{folder} is not a model folder, since it holds no config.json: choose the folder "
            "that does, or a .gguf file."
        )
    read_json(config)
    shards = sorted(folder.glob("*.safetensors"))
    if shards:
        shards = _listed_shards(folder) or shards
        parameters = sum(_safetensors_parameters(shard) for shard in shards)
        return Checkpoint(folder, None, tuple(shards), parameters)
    pickles = sorted([*folder.glob("pytorch_model*.bin"), *folder.glob("*.pt")])
    if pickles:
        return Checkpoint(folder, None, tuple(pickles), None, pickled=True)
    raise ModelLoadError(
        f"{folder} holds no weights: put its .safetensors files beside config.json."
    )


def inspect_gguf(path: Path) -> Checkpoint:
    """Describe a GGUF file.

    Raises:
        ModelLoadError: It is not one, or it is cut off.
    """
    try:
        with path.open("rb") as file:
            parameters = _gguf_parameters(file)
    except (OSError, struct.error, ValueError, OverflowError) as error:
        raise ModelLoadError(
            f"{path.name} is not a whole GGUF file ({error}): fetch it again."
        ) from None
    return Checkpoint(path.parent, path.name, (path,), parameters)


def fingerprint(checkpoint: Checkpoint) -> str:
    """Return a short name of these exact weights, and of the conversion of a pack.

    SHA-256 over the config and, of each weight file, its size and blocks sampled evenly from it,
    the header among them: quick for large models, and different for different weights. A pack
    whose tokenizer was made anew has the number of its conversion behind a dash.
    """
    digest = hashlib.sha256()
    config = checkpoint.folder / "config.json"
    if checkpoint.gguf is None and config.is_file():
        digest.update(config.read_bytes())
    for path in checkpoint.files:
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}".encode())
        with path.open("rb") as file:
            for sample in range(_SAMPLES):
                file.seek(size * sample // _SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
    conversion = pack.conversion_of(checkpoint.folder)
    return digest.hexdigest()[:16] + (f"-{conversion}" if conversion > 1 else "")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of bounded size, or say what is wrong with the file."""
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ModelLoadError(f"{path} is too large to be a model's settings: remove it.")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"{path} cannot be read ({error}): fetch the model again.") from None
    if not isinstance(value, dict):
        raise ModelLoadError(f"{path} does not hold a JSON object: fetch the model again.")
    return value


def _listed_shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    names = sorted(set(read_json(index).get("weight_map", {}).values()))
    paths = []
    for name in names:
        path = folder / Path(str(name)).name
        if not path.is_file():
            raise ModelLoadError(f"{folder} lacks {path.name}, which its index names: fetch it.")
        paths.append(path)
    return paths


def _safetensors_parameters(path: Path) -> int:
    """Count a file's numbers from its header; refuse one that is cut off or damaged."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, _MAX_JSON_BYTES):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        entries = [v for k, v in header.items() if k != "__metadata__"]
        end = max((int(entry["data_offsets"][1]) for entry in entries), default=0)
        if end > size - 8 - length:
            raise ValueError(f"{end - (size - 8 - length):,} bytes are missing at its end")
        return sum(math.prod(map(int, entry["shape"])) for entry in entries)
    except (OSError, struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelLoadError(
            f"{path.name} is damaged or cut off ({error}): fetch or copy it again."
        ) from None


def _gguf_parameters(file: BinaryIO) -> int:
    if file.read(4) != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    (version,) = struct.unpack("<I", file.read(4))
    if version not in {2, 3}:
        raise ValueError(f"its version {version} is unknown")
    tensors, entries = struct.unpack("<QQ", file.read(16))
    if max(tensors, entries) > _MAX_GGUF_ENTRIES:
        raise ValueError("its header is absurd")
    for _ in range(entries):
        _gguf_string(file)
        (kind,) = struct.unpack("<I", file.read(4))
        _skip_gguf_value(file, kind)
    return sum(_gguf_tensor_sizes(file, tensors))


def _gguf_tensor_sizes(file: BinaryIO, count: int) -> Iterator[int]:
    for _ in range(count):
        _gguf_string(file)
        (dimensions,) = struct.unpack("<I", file.read(4))
        if dimensions > 8:
            raise ValueError("a tensor of it has too many dimensions")
        yield math.prod(struct.unpack(f"<{dimensions}Q", file.read(8 * dimensions)))
        file.read(12)


def _gguf_string(file: BinaryIO) -> None:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_JSON_BYTES:
        raise ValueError("a text in its header is absurdly long")
    if len(file.read(length)) != length:
        raise ValueError("it is cut off")


def _skip_gguf_value(file: BinaryIO, kind: int) -> None:
    if kind == 8:
        _gguf_string(file)
    elif kind == 9:
        inner, count = struct.unpack("<IQ", file.read(12))
        if inner in _GGUF_SIZES:
            file.seek(_GGUF_SIZES[inner] * count, 1)
        elif count > _MAX_GGUF_ENTRIES:
            raise ValueError("a list in its header is absurdly long")
        else:
            for _ in range(count):
                _skip_gguf_value(file, inner)
    elif kind in _GGUF_SIZES:
        file.seek(_GGUF_SIZES[kind], 1)
    else:
        raise ValueError(f"its value type {kind} is unknown")
