"""What is shipped, and under which licences."""

from __future__ import annotations

import json
import sys
from importlib.metadata import distribution

import pytest

from desktop_app.support import installed, licences, paths
from desktop_app.support.licences import shipped


@pytest.fixture(scope="module")
def found():
    return {licence.name: licence for licence in shipped()}


def write_package(folder, name, metadata=(), texts=None):
    """Write what an installed package says of itself."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    head = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata]
    (info / "METADATA").write_text("\n".join(head) + "\n", "utf-8")
    record = []
    for file, text in (texts or {}).items():
        (info / file).parent.mkdir(parents=True, exist_ok=True)
        (info / file).write_bytes(text)
        record.append(f"{info.name}/{file},,")
    (info / "RECORD").write_text("\n".join(record), "utf-8")
    return info


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Return the folder of a frozen program, as its own resources are."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    (tmp_path / "resources").mkdir()
    source = paths.__file__.rpartition("desktop_app")[0]
    (tmp_path / "resources" / "licences").symlink_to(f"{source}resources/licences")
    return tmp_path


def test_it_begins_with_lensbench_and_holds_what_is_needed(found):
    assert next(iter(found)) == "Lensbench"
    assert found["Lensbench"].text().startswith("MIT License")
    assert {"numpy", "pydantic", "pydantic_core", "torch", "transformers", "Qt"} <= set(found)


def test_what_is_only_for_developers_is_not_among_it(found):
    assert not {"pytest", "mypy", "hypothesis", "ruff", "pyinstaller", "pip"} & set(found)


def test_everything_has_a_licence_and_a_text_or_says_that_it_has_none(found):
    for licence in found.values():
        # The torch of plain PyPI brings CUDA on Linux, where some packages name none.
        if not licence.name.startswith(("cuda", "nvidia")):
            assert licence.licence not in ("", licences.NOT_NAMED), licence.name
        assert licence.text(), licence.name


def test_a_package_that_names_no_licence_is_told_so(bundle):
    write_package(bundle, "cuda-toolkit")
    bare = next(licence for licence in shipped() if licence.name == "cuda-toolkit")
    assert bare.licence == licences.NOT_NAMED
    assert bare.text() == "cuda-toolkit names no licence and brings no text of one."


def test_every_file_that_is_named_is_there():
    listed = json.loads(paths.resource("licences", "others.json").read_text("utf-8"))
    for item in listed["items"]:
        for file in item["files"]:
            assert paths.resource(*file.split("/")).is_file(), file


def test_the_models_licence_is_whole_and_names_whose_it_is(found):
    model = found["SmolLM2-135M-Instruct"]
    assert model.licence == "Apache-2.0"
    assert model.holders() == ("Hugging Face",)
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in model.text()
    assert "END OF TERMS AND CONDITIONS" in model.text()


def test_qt_comes_with_the_texts_of_the_lgpl_and_of_the_gpl(found):
    text = found["Qt"].text()
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert found["Qt"].version == distribution("PySide6-Essentials").version


def test_a_package_without_a_text_says_so_and_the_general_one_follows(found):
    bare = found["PySide6_Essentials"]
    assert not bare.files()
    assert bare.text().startswith("PySide6_Essentials brings no text of its licence")
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in bare.text()
    assert bare.holders()


def test_texts_that_are_alike_stand_once(found):
    torch = found["torch"]
    assert len(torch.files()) > 10
    assert torch.text().count("Boost Software License - Version 1.0") < 5
    assert "third_party/" in torch.text()
    assert "dist-info" not in torch.text()


def test_a_frozen_program_lists_what_lies_in_it_and_nothing_else(bundle):
    write_package(bundle, "some-library", ["License-Expression: Zlib"], {"LICENSE": b"words"})
    found = {licence.name: licence for licence in shipped()}
    libraries = [n for n, licence in found.items() if licence.kind == "library" and n != "Qt"]
    assert libraries == ["some-library"]
    assert {"Python", "PyInstaller bootloader"} <= set(found)
    assert installed.build() == "bundle"


def test_the_model_is_shipped_by_the_program_that_holds_it(bundle, monkeypatch):
    assert "SmolLM2-135M-Instruct" not in {licence.name for licence in shipped()}
    (bundle / "resources" / "packs" / "smollm2").mkdir(parents=True)
    assert "SmolLM2-135M-Instruct" in {licence.name for licence in shipped()}
    monkeypatch.setattr(installed, "build", lambda: "viewer")
    names = {licence.name for licence in shipped()}
    assert "SmolLM2-135M-Instruct" not in names
    assert {"Python", "Qt", "Inter"} <= names


def test_libraries_of_the_system_are_those_that_the_build_wrote(bundle):
    (bundle / "resources" / "licences").unlink()
    folder = bundle / "resources" / "licences"
    (folder / "system").mkdir(parents=True)
    (folder / "system" / "libffi8.txt").write_text("words of libffi", "utf-8")
    item = {"name": "libffi8", "version": "3.4", "kind": "system", "licence": "MIT"}
    item["files"] = ["licences/system/libffi8.txt"]
    (folder / "system.json").write_text(json.dumps({"schema": 1, "items": [item]}), "utf-8")
    found = {licence.name: licence for licence in shipped()}
    assert found["libffi8"].text() == "words of libffi"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2, "items": []}', "\udc00", "\0"])
def test_a_damaged_list_costs_its_own_lines_only(bundle, text, caplog):
    (bundle / "resources" / "licences").unlink()
    (bundle / "resources" / "licences").mkdir()
    file = bundle / "resources" / "licences" / "others.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert [licence.name for licence in shipped()] == ["Lensbench"]
    assert "others.json" in caplog.text


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        (["License-Expression: MIT", "License: other", "Classifier: License :: X :: Y"], "MIT"),
        (["License: BSD", "Classifier: License :: OSI Approved :: MIT License"], "MIT License"),
        (["License: Copyright by me", "        and so on"], "Copyright by me"),
        ([], "not named"),
    ],
)
def test_the_field_that_says_it_most_exactly_counts(bundle, metadata, licence):
    write_package(bundle, "lib", metadata)
    assert {lic.name: lic.licence for lic in shipped()}["lib"] == licence


def test_bytes_that_are_no_text_and_addresses_that_are_none_do_no_harm(bundle):
    metadata = ["Home-page: javascript:alert(1)", "Author: A <a@b.c>"]
    write_package(bundle, "lib", metadata, {"licenses/COPYING": b"\xff\xfe words", "NOTICE": b"n"})
    lib = next(lic for lic in shipped() if lic.name == "lib")
    assert lib.home == ""
    assert lib.holders() == ("A",)
    assert "words" in lib.text()
    assert "COPYING" in lib.text()


def test_holders_are_lines_of_the_texts(bundle):
    text = b"# Copyright (c)  2020 A, Inc.\n(c) 2021 B\nCopyright notice of no year\n" * 2
    write_package(bundle, "lib", [], {"LICENSE": text})
    lib = next(lic for lic in shipped() if lic.name == "lib")
    assert lib.holders() == ("Copyright (c) 2020 A, Inc.", "(c) 2021 B")


def test_kinds_have_names():
    assert {licence.kind for licence in shipped()} <= set(licences.KIND_NAMES)
