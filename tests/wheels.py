"""Wheels made by hand, sound ones and hostile ones, and a home in which plug-ins may be added."""

from __future__ import annotations

import base64
import hashlib
import sys
import tomllib
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from desktop_app.contract.registry import ANALYSES, ENTRY_POINTS
from desktop_app.support.plugin_state import plugins_dir
from tests.plugins import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """
from desktop_app.contract.params import Params
from desktop_app.contract.spec import Analysis
ANALYSIS = Analysis(name={name!r}, title={title!r}, summary="S.", params=Params, fields=())
"""


def spec_of(name: str, title: str = "T") -> str:
    """Return the source of a `spec.py`."""
    return SPEC.format(name=name, title=title)


def digest_of(data: bytes) -> str:
    """Return a digest as a RECORD writes it."""
    told = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={told.decode()}"


def files_of(
    name: str = "its-plugin",
    version: str = "1.0",
    *,
    offers: dict[str, str] | None = None,
    modules: dict[str, str] | None = None,
    headers: tuple[str, ...] = (),
    tag: str = "py3-none-any",
) -> dict[str, bytes]:
    """Return the files of a wheel, its RECORD not among them."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    offered = {"zeal": "zeal"} if offers is None else offers
    sources = {"zeal/spec.py": spec_of("zeal")} if modules is None else modules
    lines = [f"[{ENTRY_POINTS}]", *(f"{key} = {value}" for key, value in offered.items())]
    told = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers)
    texts = {
        **sources,
        f"{info}/METADATA": "\n".join(told) + "\n\nWhat it is, at length.\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if offered:
        texts[f"{info}/entry_points.txt"] = "\n".join(lines) + "\n"
    return {path: text.encode() for path, text in texts.items()}


def record_of(files: dict[str, bytes], info: str) -> bytes:
    """Return the RECORD of files."""
    rows = [f"{path},{digest_of(data)},{len(data)}" for path, data in files.items()]
    return "\n".join([*rows, f"{info}/RECORD,,"]).encode() + b"\n"


def info_of(files: dict[str, bytes]) -> str:
    """Return the name of the `*.dist-info` among files."""
    return next(path.partition("/")[0] for path in files if ".dist-info/" in path)


def write_wheel(
    folder: Path,
    files: dict[str, bytes] | None = None,
    *,
    tag: str = "py3-none-any",
    record: bytes | None = None,
    extra: tuple[tuple[zipfile.ZipInfo | str, bytes], ...] = (),
) -> Path:
    """Write files as a wheel; `extra` ones are not in the RECORD unless that is given."""
    files = files_of() if files is None else files
    info = info_of(files)
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{info.removesuffix('.dist-info')}-{tag}.whl"
    listed = record_of(files, info) if record is None else record
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        archive.writestr(f"{info}/RECORD", listed)
        for member, data in extra:
            archive.writestr(member, data)
    return wheel


def sample_wheel(folder: Path) -> Path:
    """Write the sample package as a wheel."""
    project = tomllib.loads((SAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sources = (SAMPLE / "weather").glob("*.py")
    files = files_of(
        project["name"],
        project["version"],
        offers=project["entry-points"][ENTRY_POINTS],
        modules={f"weather/{path.name}": path.read_text(encoding="utf-8") for path in sources},
        headers=(
            f"Summary: {project['description']}",
            f"Requires-Python: {project['requires-python']}",
            *(f"Requires-Dist: {need}" for need in project["dependencies"]),
        ),
    )
    return write_wheel(folder, files)


def unpacked(files: dict[str, bytes], folder: Path | None = None) -> Path:
    """Lay the files of a wheel into a folder, as one that unpacks them by hand does."""
    info = info_of(files)
    folder = plugins_dir() / info.partition("-")[0] if folder is None else folder
    for path, data in {**files, f"{info}/RECORD": record_of(files, info)}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@contextmanager
def own_plugins():
    """Look for analyses anew with the plug-ins of this home, and forget them afterwards."""
    before = set(sys.modules)
    ANALYSES.forget()
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            place = getattr(sys.modules[name], "__file__", None)
            # A package without an `__init__` knows no place once its folder has left the path.
            is_bare = place is None and hasattr(sys.modules[name], "__path__")
            if is_bare or str(plugins_dir()) in str(place):
                del sys.modules[name]
        ANALYSES.forget()
