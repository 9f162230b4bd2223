"""Where a model named by the user lies, and what its files say by their headers alone.

Catalogue, local Hub cache, folder or GGUF; no weights are read, and no torch.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import replace
from pathlib import Path

from desktop_app.contract.requests import DeviceMemory, MemoryEstimate, ModelRow, ModelSpec
from desktop_app.engine.checkpoints import weight_files
from desktop_app.engine.checkpoints.checkpoint import Checkpoint
from desktop_app.engine.checkpoints.model_kinds import other_kind, refuse_other_kind
from desktop_app.engine.checkpoints.model_settings import refuse_odd_settings
from desktop_app.engine.checkpoints.stored import HeaderError, gguf_header, numbers_held
from desktop_app.engine.memory import bytes_needed
from desktop_app.engine.packs import pack
from desktop_app.support.errors import LensbenchError, ModelLoadError
from desktop_app.support.sizes import human_bytes

_log = logging.getLogger(__name__)
_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
_CACHED = "models--"
_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$", re.IGNORECASE)
_SAMPLE_BYTES = 65_536
_SAMPLES = 16
_WAITING = "It is made ready when it is first opened, which takes about half a minute, once."


def locate(spec: ModelSpec) -> Checkpoint:
    """Return the model's files on this disk.

    Raises:
        ModelLoadError: They are not here; the sentence says how to get them.
    """
    name = spec.model
    if name in pack.pack_names():
        gguf = pack.carried(name) if pack.is_waiting(name) else None
        return inspect_folder(pack.require_pack(name)) if gguf is None else inspect_gguf(gguf)
    path = Path(name).expanduser()
    if path.is_dir():
        return inspect_folder(pack.up_to_date(path))
    if path.suffix.lower() == ".gguf":
        if not path.exists():
            raise ModelLoadError(f"There is no file {path}: check the path.")
        if not path.is_file():
            raise ModelLoadError(f"{path} is no file but a pipe or a device: choose another.")
        return inspect_gguf(path)
    if path.is_file():
        raise ModelLoadError(
            f"{path.name} is one file and no model: open the folder that holds it, or a .gguf file."
        )
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
    from huggingface_hub import constants, try_to_load_from_cache

    repo = Path(constants.HF_HUB_CACHE) / (_CACHED + name.replace("/", "--"))
    if (repo / "refs" / "main").is_fifo():  # reading it would never end
        return None
    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:  # no name that a Hub id could have
        return None
    if isinstance(found, str):
        return Path(found).parent
    # A repository of adapters or GGUF files has no config.json: what it holds is said then.
    try:
        commit = (repo / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    folder = repo / "snapshots" / Path(commit).name
    return folder if commit and folder.is_dir() else None


def list_models() -> tuple[ModelRow, ...]:
    """Return the models at hand: the catalogue, then the local Hub cache."""
    return (*(_catalogue_row(name) for name in pack.pack_names()), *_cached_rows())


def estimate(spec: ModelSpec, devices: tuple[DeviceMemory, ...]) -> MemoryEstimate:
    """Return what a model needs against what there is, before it is loaded.

    Raises:
        ModelLoadError: It is not here, or no causal language model.
    """
    checkpoint = locate(spec)
    refuse_other_kind(spec.model, checkpoint.config, is_gguf=bool(checkpoint.gguf))
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
    if pack.is_waiting(name):
        row = _row(name, entry.title, None, parameters, "catalogue", _WAITING)
        return replace(row, installed=True)
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
    from huggingface_hub import constants

    folders = Path(constants.HF_HUB_CACHE).glob(f"{_CACHED}*")
    names = (folder.name.removeprefix(_CACHED).replace("--", "/") for folder in folders)
    rows = []
    for name in sorted(names):
        try:
            row = _cached_row(name)
        except LensbenchError:
            continue
        except Exception:  # noqa: BLE001 - one bad entry must not cost the others
            _log.info("“%s” of the Hub cache cannot be read", name, exc_info=True)
            continue
        if row is not None:
            rows.append(row)
    return rows


def _cached_row(name: str) -> ModelRow | None:
    folder = hub_cache_folder(name)
    if folder is None:
        return None
    checkpoint = inspect_folder(folder)
    if other_kind(checkpoint.config) is not None:
        return None
    return _row(name, name, str(folder), checkpoint.parameters, "hub cache")


def _not_here(name: str, *, offline: bool) -> str:
    if not _HUB_ID.match(name):
        return f"There is no model “{name}”: give a catalogue name, a Hub id, a folder or a .gguf."
    if offline:
        return (
            f"“{name}” is not in the local Hub cache and Lensbench is offline: allow the network "
            "for this load, or open a folder or a .gguf file."
        )
    return f"“{name}” could not be found on the Hub: check its spelling."


def inspect_folder(folder: Path) -> Checkpoint:
    """Describe a Hugging Face folder.

    Raises:
        ModelLoadError: It holds no config or no weights, damaged ones, or something else.
    """
    weight_files.refuse_no_model(folder)
    config = weight_files.read_json(folder / "config.json", weight_files.MAX_CONFIG_BYTES)
    refuse_odd_settings(folder, config)
    files, pickled = weight_files.weight_files(folder, config)
    if pickled:
        return Checkpoint(folder, None, tuple(files), None, pickled=True, config=config)
    tensors = weight_files.stored_tensors(files)
    parameters = sum(numbers_held(name, stored) for name, stored in tensors.items())
    return Checkpoint(
        folder, None, tuple(files), parameters, config=config, tensors=tensors,
        outdated=pack.is_outdated(folder),
    )  # fmt: skip


def inspect_gguf(path: Path) -> Checkpoint:
    """Describe a GGUF file.

    Raises:
        ModelLoadError: It is not one, it is cut off, or it is a part of a model.
    """
    weight_files.refuse_pointer(path)
    try:
        header = gguf_header(path)
    except (OSError, HeaderError) as error:
        raise ModelLoadError(
            f"{path.name} is not a whole GGUF file ({error}): fetch it again."
        ) from None
    parts = header.metadata.get("split.count") or _parts_by_name(path)
    if isinstance(parts, int) and parts > 1:
        raise ModelLoadError(
            f"{path.name} is one of {parts} parts of a model: join them with llama.cpp's "
            "“llama-gguf-split --merge” and open the file that it writes."
        )
    parameters = sum(stored.size for stored in header.tensors.values())
    return Checkpoint(
        path.parent,
        path.name,
        (path,),
        parameters,
        config=header.metadata,
        tensors=header.tensors,
    )


def _parts_by_name(path: Path) -> int:
    match = _PART.search(path.name)
    return int(match[1]) if match else 1


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
