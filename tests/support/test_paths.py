from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from desktop_app.support import paths

ROOT = Path(__file__).parents[2]


def test_resources_of_the_source_tree():
    assert paths.resource("catalogue.json") == ROOT / "resources" / "catalogue.json"
    assert json.loads(paths.resource("catalogue.json").read_text())["schema"] == 1


def test_resources_inside_a_wheel(tmp_path, monkeypatch):
    module = tmp_path / "desktop_app" / "support" / "paths.py"
    (tmp_path / "desktop_app" / "resources").mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(module))
    expected = tmp_path.resolve() / "desktop_app" / "resources" / "toy" / "config.json"
    assert paths.resource("toy", "config.json") == expected


def test_resources_of_the_frozen_program(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.resource("icons") == tmp_path / "resources" / "icons"


@pytest.mark.parametrize("name", ["CHANGELOG.md", "LICENSE"])
def test_documents_of_the_source_tree_lie_in_its_root(name):
    assert paths.document(name) == ROOT / name
    assert paths.document(name).is_file()


def test_documents_of_a_wheel_and_of_the_frozen_program_lie_among_the_resources(
    tmp_path, monkeypatch
):
    module = tmp_path / "desktop_app" / "support" / "paths.py"
    (tmp_path / "desktop_app" / "resources").mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(paths, "__file__", str(module))
        assert paths.document("LICENSE") == paths.resource("LICENSE")
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "inside"), raising=False)
    assert paths.document("LICENSE") == tmp_path / "inside" / "resources" / "LICENSE"


def test_one_variable_moves_every_folder_and_none_is_created(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("LENSBENCH_HOME", str(home))
    folders = [paths.data_dir(), paths.config_dir(), paths.log_dir()]
    assert [folder.relative_to(home).as_posix() for folder in folders] == [
        "data",
        "config",
        "log",
    ]
    assert not home.exists()


def test_a_relative_home_does_not_follow_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENSBENCH_HOME", "here")
    assert paths.data_dir() == tmp_path / "here" / "data"


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_the_platform_decides(value, monkeypatch):
    if value is None:
        monkeypatch.delenv("LENSBENCH_HOME")
    else:
        monkeypatch.setenv("LENSBENCH_HOME", value)
    folders = {paths.data_dir(), paths.config_dir(), paths.log_dir()}
    assert all(folder.is_absolute() and "Lensbench" in folder.parts for folder in folders)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the XDG folders are Linux's")
def test_linux_follows_the_xdg_variables(tmp_path, monkeypatch):
    monkeypatch.delenv("LENSBENCH_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert paths.data_dir() == tmp_path / "Lensbench"


def test_ensure_creates_parents_and_may_be_repeated(tmp_path):
    folder = tmp_path / "a" / "b"
    assert paths.ensure(folder) == folder
    assert paths.ensure(folder).is_dir()
