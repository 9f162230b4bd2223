"""Small projects, wheels and package indexes, made by hand so that pip has something to do."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

PACKAGING = Path(__file__).parents[2] / "packaging"
# As pip asks for: the wheel of a folder is one file that puts the folder on the path.
BACKEND = """
import pathlib, zipfile

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "lensbench-0.1.0-py3-none-any.whl"
    lines = "Metadata-Version: 2.1\\nName: lensbench\\nVersion: 0.1.0\\n"
    lines += "Requires-Dist: needed>=1\\nRequires-Dist: torch>=2; extra == 'compute'\\n"
    lines += "Provides-Extra: compute\\nProvides-Extra: dev\\n"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        archive.writestr("lensbench.pth", str(pathlib.Path.cwd()) + "\\n")
        info = "lensbench-0.1.0.dist-info/"
        archive.writestr(info + "METADATA", lines)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
                         "Tag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "lensbench"
version = "0.1.0"
dependencies = [
    "needed>=1", "on-windows; sys_platform == 'win32'", "on-linux; platform_system == 'Linux'",
    "on-a-mac; platform_machine == 'arm64'", "for-old-ones; python_version < '3.13'",
]
[project.optional-dependencies]
compute = ["torch>=2", "transformers-stream-generator"]
"""
COMMONS = (
    *("filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions"),
    *("needed", "transformers-stream-generator", "for-old-ones"),
)


def wheel(folder, name, version="1.0", *, tag="py3-none-any", needs=(), text="VALUE = 1\n"):
    """Write a wheel with one module; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = name.replace("-", "_")
    path = folder / f"{plain}-{version}-{tag}.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    info = f"{plain}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{plain}.py", text)
        archive.writestr(f"{info}/METADATA", metadata)
        kind = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
        archive.writestr(f"{info}/WHEEL", kind)
        archive.writestr(f"{info}/RECORD", "")
    return path


def index(folder):
    """Lay wheels out as a package index does: a folder for each package, with a page."""
    for path in sorted(folder.glob("*.whl")):
        place = folder / path.name.split("-")[0].replace("_", "-")
        place.mkdir(exist_ok=True)
        path.replace(place / path.name)
    for place in folder.iterdir():
        links = [f'<a href="{path.name}">{path.name}</a>' for path in place.glob("*.whl")]
        (place / "index.html").write_text("\n".join(["<!DOCTYPE html>", *links]))
    return folder


def project(folder):
    """Write a project that stands for Lensbench, with the real scripts; return its root."""
    (folder / "packaging").mkdir(parents=True)
    for name in ("bootstrap", "system_packages", "wheelhouse", "wheelhouse_list"):
        shutil.copy(PACKAGING / f"{name}.py", folder / "packaging")
    (folder / "packaging" / "constraints.txt").write_text("torch==2.13.0\nfilelock==1.0\n")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "resources").mkdir()
    pack = {"kind": "pack", "requirement": "a-pack==2.0"}
    (folder / "resources" / "catalogue.json").write_text(json.dumps({"models": [pack]}))
    (folder / "desktop_app" / "engine" / "packs").mkdir(parents=True)
    pack = folder / "desktop_app" / "engine" / "packs" / "pack.py"
    pack.write_text("def is_installed(name):\n    return False\n")
    (folder / "desktop_app" / "__main__.py").write_text(
        "import os, sys\nimport needed\n"
        "print(*sys.argv[1:], needed.VALUE, os.environ.get('PIP_FIND_LINKS'), flush=True)\n"
    )
    return folder


def everything(folder):
    """Write an index with all that the project needs on any machine."""
    for name in COMMONS:
        wheel(folder, name)
    wheel(folder, "editables", "0.6")
    wheel(folder, "a-pack", "2.0", needs=["never-fetched"])
    for tag in ("cp312-cp312-win_amd64", "cp312-cp312-manylinux_2_28_x86_64"):
        wheel(folder, "torch", "2.13.0", tag=tag, needs=["filelock", "sympy>=1"])
    wheel(folder, "torch", "2.13.0", tag="cp313-none-macosx_14_0_arm64", needs=["filelock"])
    wheel(folder, "torch", "2.14.0", needs=["filelock"])
    wheel(folder, "on-windows", tag="cp38-abi3-win_amd64")
    wheel(folder, "on-linux", tag="cp38-abi3-manylinux_2_17_x86_64.manylinux_2_34_x86_64")
    wheel(folder, "on-a-mac", tag="py3-none-macosx_11_0_universal2")
    return index(folder)
