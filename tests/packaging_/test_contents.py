"""What goes into the installed program, by its rules alone: nothing is built here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.packaging_.scripts import FOLDER, script
from tests.patience import CHILD_S

contents = script("contents")


def test_the_whole_of_python_goes_in_but_its_tests_and_its_editor():
    found = contents.standard_library()
    assert {"csv", "sqlite3", "xml", "unittest", "email", "zoneinfo", "ctypes"} <= set(found)
    assert not {"tkinter", "_tkinter", "test", "idlelib", "ensurepip", "nis"} & set(found)


def test_what_would_put_the_program_under_the_gpl_stays_out():
    doors = {"readline", "_gdbm", "_dbm"}
    assert not doors & set(contents.standard_library())
    assert doors <= set(contents.NEVER)


def test_every_file_of_the_program_goes_in():
    places = dict(contents.app_files())
    inside = {source.removeprefix(f"{contents.ROOT}/"): place for source, place in places.items()}
    assert inside["desktop_app/analyses/rank/help.md"] == "desktop_app/analyses/rank"
    assert inside["desktop_app/session/scripts/gate.py.jinja"] == "desktop_app/session/scripts"
    assert inside["resources/toy/model.safetensors"] == "resources/toy"
    assert inside["CHANGELOG.md"] == inside["LICENSE"] == "resources"
    assert not any(name.startswith("resources/screenshots") for name in inside)
    assert not any(name.endswith((".py", ".pyc")) for name in inside)


@pytest.mark.parametrize("name", contents.WHOLE)
def test_what_is_taken_whole_is_there(name):
    assert importlib.util.find_spec(name) is not None


def test_what_is_left_out_is_not_what_is_needed():
    needed = {"torch", "numpy", "PySide6", "pydantic", "pyqtgraph", "click", "jinja2", "psutil"}
    assert not needed & set(contents.NEVER)
    assert not (needed - {"torch"}) & set(contents.COMPUTE)


@pytest.mark.parametrize(
    ("name", "goes_in"),
    [
        ("torch/lib/libtorch_cpu.so", True),
        ("torch/bin/torch_shm_manager", True),
        ("torch/bin/protoc", False),
        ("torch/include/ATen/ATen.h", False),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqeglfs.so", False),
        ("PySide6\\Qt\\plugins\\tls\\qopensslbackend.dll", False),
        ("numpy.libs/libgcc_s-2d945d6c.so.1", True),
        ("libxcb-cursor.so.0", True),
    ],
)
def test_parts_of_libraries_that_nobody_reads_stay_out(name, goes_in):
    assert contents.is_shipped(name) is goes_in


@pytest.mark.parametrize(
    "name", ["libstdc++.so.6", "libGL.so.1", "libfontconfig.so.1", "libz.so.1"]
)
def test_libraries_of_the_machine_stay_out_on_linux_alone(name, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert not contents.is_shipped(name)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert contents.is_shipped(name)


def test_a_library_goes_in_where_something_asks_for_it():
    asks = {"/a/app.so": ["libone.so", "libmissing.so"], "/l/libone.so": ["libtwo.so"]}
    entries = [
        ("pkg/app.so", "/a/app.so", "EXTENSION"),
        ("libone.so", "/l/libone.so", "BINARY"),
        ("libtwo.so", "/l/libtwo.so", "BINARY"),
        ("libgtk.so", "/l/libgtk.so", "BINARY"),
        ("libpython3.11.so.1.0", "/l/libpython3.11.so.1.0", "BINARY"),
        ("PySide6/Qt/lib/libQt6Network.so.6", "/q/libQt6Network.so.6", "BINARY"),
        ("libalso.so", "/venv/site-packages/numpy.libs/libalso.so", "BINARY"),
    ]
    kept = {entry[0] for entry in contents.needed(entries, lambda file: asks.get(file, []))}
    assert kept == {
        *("pkg/app.so", "libone.so", "libtwo.so", "libpython3.11.so.1.0", "libalso.so"),
    }


def test_links_to_what_stayed_out_stay_out():
    entries = [("a", "x/a", "SYMLINK"), ("b", "x/b", "SYMLINK"), ("c", "/c", "DATA")]
    assert contents.pointing_somewhere(entries, ["x/a"]) == [entries[0], entries[2]]


def test_metadata_are_told_from_other_files():
    assert contents.is_metadata("hypothesis-6.1.dist-info/METADATA")
    assert contents.is_metadata("torch-2.13.0.dist-info\\licenses\\LICENSE")
    assert not contents.is_metadata("resources/toy/x.dist-info")


def test_distributions_are_those_of_what_is_inside():
    found = contents.distributions(["numpy/core/_x.so", "resources/x.txt"], ["click.core", "json"])
    assert found == ["click", "numpy"]


@pytest.mark.slow
def test_transformer_lens_is_content_with_the_stand_ins():
    # Where the two are installed, as here, they are hidden: the stand-ins' finder is asked first.
    code = (
        "import sys, stand_ins\n"
        "sys.meta_path.insert(0, sys.meta_path.pop())\n"
        "import transformer_lens, transformer_lens.model_bridge\n"
        "assert 'pyarrow' not in sys.modules\n"
        "import pandas\n"
        "try: pandas.DataFrame([])\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(FOLDER), "PATH": "", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=True,
    )
    assert done.stdout == "DataFrame needs a library that this program leaves out\n"


def test_a_real_library_is_found_before_its_stand_in(tmp_path):
    (tmp_path / "pandas.py").write_text("real = True\n")
    code = "import stand_ins, pandas; print(pandas.real)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": f"{FOLDER}:{tmp_path}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=True,
    )
    assert done.stdout == "True\n"
