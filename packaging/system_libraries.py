"""What the licences of the libraries are that the installed program copies from this machine.

On Debian and its kin each file belongs to a package, whose `copyright` is copied beside the
program's resources; `system.json` lists them in the form that `support/licences.py` reads.
Elsewhere the files are listed by name.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

DOCUMENTS = Path("/usr/share/doc")
_LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)
_MOST_NAMED = 6


def write(copied: list[str], folder: Path) -> None:
    """Write `system.json` and the texts that it names.

    Args:
        copied: Paths on this machine of the libraries.
        folder: The licences' folder among the resources of the built program.
    """
    owners: dict[str, list[str]] = {}
    for path in sorted(copied):
        owners.setdefault(package_of(path), []).append(Path(path).name)
    items = [_item(owner, sorted(names), folder) for owner, names in sorted(owners.items())]
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": 1, "items": items}, indent=1)
    (folder / "system.json").write_text(text + "\n", encoding="utf-8")


def package_of(path: str) -> str:
    """Return the package that a file belongs to, with its version; its own name where none does."""
    dpkg = shutil.which("dpkg-query")
    # A merged /usr: the package may know the file under either path.
    real = str(Path(path).resolve())
    for candidate in dict.fromkeys((path, real, real.removeprefix("/usr"), f"/usr{path}")):
        if dpkg is not None and (found := _output(dpkg, "-S", candidate)):
            name = found.splitlines()[0].partition(":")[0].strip()
            return f"{name} {_output(dpkg, '-W', '-f=${Version}', name)}".strip()
    return Path(path).name


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _item(owner: str, names: list[str], folder: Path) -> dict[str, object]:
    name, _, version = owner.partition(" ")
    text = DOCUMENTS / name / "copyright"
    item: dict[str, object] = {
        "name": name,
        "version": version,
        "kind": "system",
        "licence": "not stated",
        "note": f"Copied from the machine that built this program: {', '.join(names)}.",
    }
    if text.is_file():
        target = folder / "system" / f"{name}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(text, target)
        item["licence"] = _licences(text) or "see its text"
        item["files"] = [f"licences/system/{target.name}"]
    return item


def _licences(text: Path) -> str:
    """Return the licences that a machine-readable `copyright` names, the first few."""
    found = _LICENCE.findall(text.read_text(encoding="utf-8", errors="replace"))
    named = list(dict.fromkeys(line.strip() for line in found))
    more = ", …" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more
