"""What makes the disk image for macOS: texts, and a script with stand-ins for Apple's tools."""

from __future__ import annotations

import importlib.util
import os
import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import CHILD_S

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging" / "macos"
TOOLS = ("plutil", "ditto", "hdiutil", "codesign", "xcrun", "spctl", "file", "sleep", "uname")
# Each notes how it was called; some do a little of what Apple's would.
TOOL = """#!/bin/sh
name=${0##*/}
printf '%s' "$name" >> "$LOG"
for word in "$@"; do printf ' %s' "$word" >> "$LOG"; done
printf '\\n' >> "$LOG"
case $name in
uname) echo "${SYSTEM:-Darwin}" ;;
ditto) cp -R "$1" "$2" ;;
plutil) [ "$1" != -extract ] || echo lensbench ;;
file) echo "Mach-O 64-bit executable arm64" ;;
hdiutil)
    if [ "$1" = create ]; then
        if [ -e "$BUSY" ]; then rm "$BUSY"; exit 1; fi
        for word in "$@"; do image=$word; done
        : > "$image"
    fi ;;
esac
"""


@pytest.fixture(scope="module")
def macos():
    place = ROOT / "packaging" / "macos_image.py"
    spec = importlib.util.spec_from_file_location("macos_under_test", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def app(tmp_path):
    """A stand-in for the built program."""
    program = tmp_path / "dist" / "Lensbench.app" / "Contents" / "MacOS" / "lensbench"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (program.parents[1] / "Info.plist").write_bytes(plistlib.dumps({}))
    return program.parents[2]


@pytest.fixture
def make(tmp_path, app):
    """Runs the script; gives the exit status, its words and what it called."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).write_text(TOOL)
        (tools / name).chmod(0o755)

    def call(*arguments, **more):
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(tmp_path),
            "LOG": str(log),
            "BUSY": str(tmp_path / "busy"),
            **more,
        }
        done = subprocess.run(
            ["/bin/sh", str(FOLDER / "make_dmg.sh"), *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=CHILD_S,
            check=False,
        )
        lines = log.read_text().splitlines() if log.exists() else []
        assert not list(tmp_path.glob("lensbench-dmg.*")), "the staging folder stays"
        return done.returncode, done.stderr, lines

    return call


needs_shell = pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell here")


def test_both_property_lists_can_be_read():
    assert plistlib.loads((FOLDER / "Info.plist").read_bytes())
    allowed = plistlib.loads((FOLDER / "entitlements.plist").read_bytes())
    assert all(name.startswith("com.apple.security.cs.") for name in allowed)
    assert set(allowed.values()) == {True}


def test_the_bundle_claims_its_sessions(macos):
    info = macos.info_plist("1.2.3rc1", viewer=False)
    (kind,) = info["CFBundleDocumentTypes"]
    (declared,) = info["UTExportedTypeDeclarations"]
    assert kind["LSItemContentTypes"] == [declared["UTTypeIdentifier"]]
    assert declared["UTTypeTagSpecification"]["public.filename-extension"] == ["lens"]
    assert kind["LSHandlerRank"] == "Owner"
    assert info["CFBundleShortVersionString"] == "1.2.3rc1"
    assert info["CFBundleVersion"] == "1.2.3"
    assert info["LSBackgroundOnly"] is False
    viewer = macos.info_plist("1.2.3", viewer=True)
    assert viewer["CFBundleDocumentTypes"][0]["LSHandlerRank"] == "Alternate"
    assert viewer["CFBundleName"] != info["CFBundleName"]
    assert macos.identifier(viewer=True) != macos.identifier(viewer=False)
    plistlib.dumps(info)


@needs_shell
def test_an_unsigned_image_is_made_and_said_to_be_so(make, app, tmp_path):
    image = tmp_path / "l.dmg"
    code, said, called = make(app, image, "Lensbench 1.2")
    assert code == 0, said
    assert image.exists()
    assert "NOT signed" in said
    assert [line.split()[0] for line in called] == [
        *("uname", "plutil", "plutil", "ditto", "codesign", "codesign", "hdiutil", "hdiutil")
    ]
    assert "-volname Lensbench 1.2" in called[-2]
    assert "--sign - " in called[4]  # as nobody, so that it is whole all the same


@needs_shell
def test_signing_goes_from_the_inside_out_and_notarising_follows(make, app, tmp_path):
    names = {"LENSBENCH_SIGN_IDENTITY": "Me", "LENSBENCH_NOTARY_PROFILE": "mine"}
    code, said, called = make(app, tmp_path / "l.dmg", "Lensbench", **names)
    assert code == 0, said
    signed = [line.split()[-1].split("/")[-1] for line in called if "--sign Me" in line]
    assert signed == ["lensbench", "Lensbench.app", "l.dmg"]
    order = [line.split()[0] for line in called]
    assert order.index("xcrun") > order.index("hdiutil")
    assert order[-2:] == ["spctl", "hdiutil"]
    assert "NOT" not in said


@needs_shell
def test_a_busy_image_is_tried_again(make, app, tmp_path):
    (tmp_path / "busy").touch()
    code, said, called = make(app, tmp_path / "l.dmg", "Lensbench")
    assert code == 0, said
    assert "trying again" in said
    assert len([line for line in called if line.startswith("hdiutil create")]) == 2


@needs_shell
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"SYSTEM": "Linux"}, "on macOS alone"),
        ({"LENSBENCH_NOTARY_PROFILE": "mine"}, "only what is signed can be notarised"),
    ],
)
def test_what_cannot_be_done_is_refused(make, app, tmp_path, more, sentence):
    code, said, _called = make(app, tmp_path / "l.dmg", "Lensbench", **more)
    assert code == 1
    assert sentence in said
    assert not (tmp_path / "l.dmg").exists()


@needs_shell
def test_a_program_that_is_not_whole_is_refused(make, app, tmp_path):
    code, said, _called = make(tmp_path / "absent.app", tmp_path / "l.dmg", "Lensbench")
    assert (code, "is no program; build it first" in said) == (1, True)
    (app / "Contents" / "MacOS" / "lensbench").unlink()
    code, said, _called = make(app, tmp_path / "l.dmg", "Lensbench")
    assert (code, "lacks its program lensbench" in said) == (1, True)
    code, said, _called = make(app)
    assert (code, "say which program" in said) == (1, True)


@needs_shell
def test_the_image_has_the_systems_name(macos, app, tmp_path, monkeypatch):
    called = []

    def run(line, check):
        called.extend(line)
        return subprocess.CompletedProcess(line, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    made = macos.build(app, tmp_path, viewer=True, version="1.2")
    assert made == tmp_path / "lensbench-viewer-1.2-macos-arm64.dmg"
    assert called[-1] == "Lensbench Viewer 1.2"
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1))
    with pytest.raises(macos.ImageError):
        macos.build(app, tmp_path, viewer=False, version="1.2")
