"""Where a model named by the user lies: catalogue, local Hub cache, folder, GGUF. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from desktop_app.contract.requests import DeviceMemory, MemoryEstimate, ModelRow, ModelSpec
from desktop_app.engine import pack
from desktop_app.engine.checkpoint import Checkpoint, inspect_folder, inspect_gguf
from desktop_app.engine.memory import bytes_needed, human_bytes
from desktop_app.support.errors import LensbenchError, ModelLoadError

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")


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
