"""Debian's copyright file, of what a built folder holds."""

from __future__ import annotations

import json
import sys

import pytest

from tests.packaging_.scripts import script
from tests.packaging_.standin import stand_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Debian's packages are for Linux")


@pytest.fixture(scope="module")
def copyright_file():
    return script("copyright_file")


@pytest.fixture
def folder(tmp_path):
    """A stand-in that holds a distribution and a library of the system, with their licences."""
    folder = stand_in(tmp_path / "program")
    inside = folder / "_internal"
    info = inside / "gadget-2.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: gadget\nVersion: 2.0\nLicense-Expression: BSD-2-Clause\n"
    )
    (info / "licenses" / "LICENSE").write_text("Copyright (c) 2019 A. Maker\n\nUse it.\n")
    (inside / "gadget").mkdir()
    (inside / "gadget" / "fast.so").touch()
    rows = ("gadget/fast.so", "gadget/plain.py", "gadget-2.0.dist-info/METADATA")
    rows += ("gadget-2.0.dist-info/licenses/LICENSE", "../bin/gadget")
    (info / "RECORD").write_text("".join(f"{row},,\n" for row in rows))
    licences = inside / "resources" / "licences"
    (licences / "system").mkdir(parents=True)
    (licences / "system" / "part1.txt").write_text("Copyright: 2001 The Part Company\n")
    item = {
        "name": "part1",
        "version": "1-2",
        "kind": "system",
        "licence": "Expat",
        "note": "Copied from the machine that built this program: part.so.1, gone.so.2.",
        "files": ["licences/system/part1.txt"],
    }
    (licences / "system.json").write_text(json.dumps({"schema": 1, "items": [item]}))
    return folder


def paragraphs(text):
    """Return the fields of each paragraph, as Debian reads them."""
    found = []
    for part in text.split("\n\n"):
        fields, name = {}, ""
        for line in part.strip("\n").splitlines():
            if line[0] == " ":
                fields[name] += "\n" + ("" if line == " ." else line[1:])
            else:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        found.append(fields)
    return found


def test_what_is_inside_has_its_files_its_holders_and_its_licence(copyright_file, folder):
    head, *found = paragraphs(copyright_file.text(folder, "usr/lib/lensbench"))
    assert head["Format"].startswith("https://www.debian.org/")
    files = {fields["License"]: fields for fields in found if "Files" in fields}
    texts = {fields["License"].split("\n")[0]: fields for fields in found if "Files" not in fields}
    place = "usr/lib/lensbench/_internal"
    assert files["MIT"]["Files"] == "*"
    gadget = files["licence-of-gadget"]
    assert gadget["Files"] == f"{place}/gadget/* {place}/gadget-2.0.dist-info/*"
    assert gadget["Copyright"] == "2019 A. Maker"
    assert texts["licence-of-gadget"]["License"].endswith("2019 A. Maker\n\nUse it.")
    assert texts["licence-of-gadget"]["Comment"].strip() == "gadget 2.0: BSD-2-Clause."
    assert files["licence-of-part1"]["Files"] == f"{place}/part.so.1"
    assert "2001 The Part Company" in texts["licence-of-part1"]["License"]


def test_what_goes_wrong_is_told_in_a_sentence(copyright_file, folder, tmp_path, monkeypatch):
    (tmp_path / "python").write_text("#!/bin/sh\necho ImportError: no such thing >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(copyright_file.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ValueError, match=r"cannot be listed: ImportError: no such thing"):
        copyright_file.text(folder, "usr/lib/lensbench")
