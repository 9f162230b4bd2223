"""Sizes and the licences of copied libraries; what builds and installs is tried by a command."""

from __future__ import annotations

import errno
import json
import os
import re

import pytest

from tests.packaging_.scripts import script

sizes, system_libraries, package = script("sizes"), script("system_libraries"), script("package")


def test_files_are_counted_by_blocks_and_links_are_not(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one").write_bytes(b"x")
    (tmp_path / "two").write_bytes(b"x" * 4097)
    (tmp_path / "link").symlink_to(tmp_path / "two")
    assert sizes.installed_bytes(tmp_path) == 3 * 4096


def test_a_program_that_is_too_large_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_bytes(b"x" * 5000)
    assert sizes.check_folder(tmp_path, viewer=True) == 8192
    assert "at most 250 MB" in capsys.readouterr().out
    monkeypatch.setattr(sizes, "MOST_VIEWER", 8000)
    with pytest.raises(sizes.TooLargeError, match=r"leave it out in contents\.py\.$"):
        sizes.check_folder(tmp_path, viewer=True)
    sizes.check_folder(tmp_path, viewer=False)
    (tmp_path / "libtorch_cuda.so").write_bytes(b"")
    sizes.check_folder(tmp_path, viewer=True)  # for CUDA there is no bound


def test_copied_libraries_are_listed_with_the_texts_of_their_packages(tmp_path, monkeypatch):
    documents = tmp_path / "doc"
    (documents / "libone").mkdir(parents=True)
    text = "Files: *\nLicense: MIT\n\nLicense: MIT\n\nLicense: Zlib\n"
    (documents / "libone" / "copyright").write_text(text)
    monkeypatch.setattr(system_libraries, "DOCUMENTS", documents)
    owners = {"/lib/libone.so.1": "libone 1.2-3", "/opt/libodd.so": "libodd.so"}
    monkeypatch.setattr(system_libraries, "package_of", owners.__getitem__)
    system_libraries.write(list(owners), tmp_path / "licences")
    told = json.loads((tmp_path / "licences" / "system.json").read_text())
    odd, one = told["items"]
    assert (one["name"], one["version"], one["licence"]) == ("libone", "1.2-3", "MIT, Zlib")
    assert (tmp_path / one["files"][0]).read_text() == text
    assert odd["licence"] == "not stated"
    assert "libodd.so" in odd["note"]
    assert "files" not in odd


def test_where_no_installer_is_known_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(package.sys, "platform", "plan9")
    with pytest.raises(package.PackageError, match=r"plan9; use --folder-only\.$"):
        package.build_installers(tmp_path, tmp_path, viewer=False)


def test_a_full_disk_is_told_in_a_sentence(tmp_path, monkeypatch, capsys):
    def build(_out, *, viewer):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.deb.part")

    monkeypatch.setattr(package, "build_folder", build)
    assert package.main(["--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("package: ")
    assert "a.deb.part" in said
    assert said.count("\n") == 1


def test_the_recipe_is_told_what_it_asks_for(tmp_path):
    asked = set(re.findall(r"LENSBENCH_[A-Z]+", package.SPEC.read_text(encoding="utf-8")))
    for viewer in (True, False):
        assert package.told_to_recipe(tmp_path, viewer=viewer).keys() == asked
