"""Wheels are added as strangers' archives: checked, unpacked wholly or not at all, and removed."""

from __future__ import annotations

import errno
import random
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from desktop_app.contract.registry import ANALYSES, BUILT_IN, problems
from desktop_app.support import plugin_archives, plugin_state, plugin_wheels, plugins
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.support.plugin_state import plugins_dir, switched_on
from desktop_app.support.plugin_wheels import ThereAlreadyError, add, remove
from tests.wheels import (
    digest_of,
    files_of,
    info_of,
    own_plugins,
    record_of,
    sample_wheel,
    unpacked,
    write_wheel,
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    with own_plugins():
        yield tmp_path / "home"


def left():
    """Return all that lies among the plug-ins."""
    root = plugins_dir()
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def member(name, *, mode=stat.S_IFREG | 0o644):
    told = zipfile.ZipInfo(name)
    told.create_system = 3
    told.external_attr = mode << 16
    return told


def with_file(folder, told, data=b"x"):
    """Write a wheel with one more file, which its RECORD vouches for under its name."""
    files = files_of()
    name = told if isinstance(told, str) else told.filename
    record = record_of({**files, name: data}, info_of(files))
    return write_wheel(folder, files, record=record, extra=((told, data),))


def test_the_sample_is_added_switched_on_and_removed(tmp_path):
    wheel = sample_wheel(tmp_path)
    plugin = add(wheel)
    assert (plugin.name, plugin.version) == ("lensbench-weather", "0.1.0")
    assert plugin.summary.startswith("How strong the residual stream is")
    assert (plugin.is_on, plugin.problem, plugin.lacks) == (False, "", ())
    assert plugin.folder == plugins_dir() / "lensbench-weather"
    assert wheel.is_file()
    assert tuple(ANALYSES) == BUILT_IN
    plugins.switch("lensbench-weather", on=True)
    assert ANALYSES.widen() == ("weather",)
    assert problems() == ()
    assert remove("lensbench-weather").version == "0.1.0"
    assert left() == []
    assert switched_on() == frozenset()
    ANALYSES.forget()
    assert tuple(ANALYSES) == BUILT_IN


def test_one_of_its_name_is_replaced_only_where_that_is_said(tmp_path):
    add(write_wheel(tmp_path, files_of()))
    plugins.switch("its-plugin", on=True)
    newer = write_wheel(tmp_path, files_of(version="2.0", modules={"zeal/new.py": ""}))
    with pytest.raises(ThereAlreadyError, match=r"there already in version 1\.0: .*version 2\.0"):
        add(newer)
    assert plugins.find("its-plugin").version == "1.0"
    assert add(newer, replace=True).version == "2.0"
    assert plugins.find("its-plugin").is_on
    assert "its-plugin/zeal/new.py" in left()
    assert "its-plugin/zeal/spec.py" not in left()


def test_a_new_one_is_off_whatever_was_on_before(tmp_path):
    plugin_state.keep({"its-plugin", "another"})
    assert not add(write_wheel(tmp_path)).is_on
    assert switched_on() == {"another"}


def test_what_stands_outside_of_packages_is_left_out(tmp_path):
    data = "its_plugin-1.0.data"
    files = files_of()
    files |= {f"{data}/purelib/zeal/more.py": b"", f"{data}/platlib/zeal/fast.py": b""}
    files |= {f"{data}/scripts/run": b"#!python", f"{data}/data/etc/x": b""}
    add(write_wheel(tmp_path, files))
    assert not [name for name in left() if ".data" in name or name.endswith(("run", "/x"))]
    assert {"its-plugin/zeal/more.py", "its-plugin/zeal/fast.py"} <= set(left())


@pytest.mark.parametrize(
    "name",
    [
        "../up.py",
        "zeal/../../up.py",
        "/etc/up.py",
        "//host/up.py",
        "C:/up.py",
        "C:up.py",
        "zeal\\..\\..\\up.py",
        "zeal/./up.py",
        "zeal//up.py",
        "zeal/a\nb.py",
        "zeal/\u202eyp.py",
        "zeal/con.py",
        "NUL",
        "zeal/COM1.txt",
        "zeal/what?.py",
        "zeal/end.",
        "zeal/end ",
        "zeal/stream.py:more",
        "z" * 300,
        "its_plugin-1.0.data/purelib/../../../up.py",
    ],
)
def test_names_that_lead_out_or_mean_something_to_a_system_are_refused(tmp_path, name):
    wheel = with_file(tmp_path / "w", name)
    with pytest.raises(BadInputError, match="cannot be added, as it ") as refused:
        add(wheel)
    assert "\n" not in str(refused.value)
    assert left() == []
    assert {path.name for path in tmp_path.iterdir()} <= {"w", "home"}


def test_a_name_that_is_cut_at_a_zero_is_refused(tmp_path):
    wheel = with_file(tmp_path, "zeal/up.py#.txt")
    wheel.write_bytes(wheel.read_bytes().replace(b"zeal/up.py#", b"zeal/up.py\x00"))
    with pytest.raises(BadInputError, match=r"a file of the name “zeal/up\.py␀\.txt”"):
        add(wheel)
    assert left() == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (member("zeal/link", mode=stat.S_IFLNK | 0o777), "is a link or a device"),
        (member("zeal/pipe", mode=stat.S_IFIFO | 0o777), "is a link or a device"),
        ("zeal/spec.py", "it holds “zeal/spec.py” twice"),
        ("ZEAL/SPEC.PY", "it holds “ZEAL/SPEC.PY” twice"),
        ("its_plugin-1.0.data/purelib/zeal/spec.py", "spec.py” twice"),
        ("zeal", "its “zeal” is a file and a folder"),
        ("other-1.0.dist-info/METADATA", "it holds 2 folders that end in .dist-info"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_that_no_wheel_holds_are_refused(tmp_path, told, words):
    with pytest.raises(BadInputError, match="cannot be added") as refused:
        add(with_file(tmp_path, told))
    assert words in str(refused.value)
    assert left() == []


def test_what_the_record_does_not_vouch_for_is_refused(tmp_path):
    files, info = files_of(), "its_plugin-1.0.dist-info"
    sound = record_of(files, info)
    spoilt = {
        "is not what its RECORD says": sound.replace(digest_of(files["zeal/spec.py"]).encode(), (
            digest_of(b"other").encode()
        )),
        "does not name “zeal/spec.py”": sound.split(b"\n", 1)[1],
        "names “gone.py”": sound + f"gone.py,{digest_of(b'')},0\n".encode(),
        "a digest that is not trusted": sound.replace(b"sha256=", b"md5="),
        "it cannot be understood": sound.replace(b"sha256=", b"sha256=\xff"),
    }  # fmt: skip
    for words, record in spoilt.items():
        with pytest.raises(BadInputError, match="cannot be added") as refused:
            add(write_wheel(tmp_path, files, record=record))
        assert words in str(refused.value)
        assert left() == []
    with pytest.raises(BadInputError, match=r"does not name “more\.py”"):
        add(write_wheel(tmp_path, files, extra=(("more.py", b""),)))


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    files = files_of()
    files |= {f"zeal/f{number}.py": b"" for number in range(60)}
    wheel = write_wheel(tmp_path, files)
    monkeypatch.setattr(plugin_archives, "MOST_FILES", 50)
    with pytest.raises(BadInputError, match="it holds more than 50 files"):
        add(wheel)
    monkeypatch.undo()
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    large = write_wheel(tmp_path, {**files_of(), "zeal/zeros.bin": bytes(9_000_000)})
    assert large.stat().st_size < 50_000
    monkeypatch.setattr(plugin_archives, "MOST_BYTES", 5_000_000)
    with pytest.raises(BadInputError, match="it would take more than"):
        add(large)
    assert left() == []


def test_a_list_of_files_that_says_less_than_it_holds_is_no_way_around(tmp_path):
    wheel = write_wheel(tmp_path, {**files_of(), "zeal/zeros.bin": bytes(3_000_000)})
    told = (3_000_000).to_bytes(4, "little")
    wheel.write_bytes(wheel.read_bytes().replace(told, (3).to_bytes(4, "little")))
    with pytest.raises(BadInputError, match="cannot be added"):
        add(wheel)
    assert left() == []


def test_spoilt_bytes_end_in_a_sentence_and_leave_nothing(tmp_path):
    sound = write_wheel(tmp_path / "sound").read_bytes()
    wheel, draw = tmp_path / "its_plugin-1.0-py3-none-any.whl", random.Random(0)  # noqa: S311
    for _ in range(400):
        data = bytearray(sound)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        if draw.random() < 0.2:
            del data[draw.randrange(len(data)) :]
        wheel.write_bytes(data)
        try:
            add(wheel)
        except BadInputError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most are refused, and some are not hurt
        else:
            remove("its-plugin")
        assert left() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plugin.zip", "is no wheel: choose a file whose name is like"),
        ("plugin.whl", "is no wheel"),
        ("its_plugin-1.0-cp27-cp27m-atari.whl", "is not made for Python 3."),
        ("other-1.0-py3-none-any.whl", "says of itself that it is its-plugin 1.0"),
        ("its_plugin-1.5-py3-none-any.whl", "says of itself that it is its-plugin 1.0"),
    ],
)
def test_what_a_name_tells_has_to_hold(tmp_path, name, words):
    wheel = write_wheel(tmp_path).rename(tmp_path / name)
    with pytest.raises(BadInputError) as refused:
        add(wheel)
    assert words in str(refused.value)
    assert left() == []


def test_what_is_no_archive_or_no_plugin_is_refused(tmp_path):
    wheel = tmp_path / "its_plugin-1.0-py3-none-any.whl"
    with pytest.raises(BadInputError, match="cannot be read"):
        add(wheel)
    for data in (b"", b"PK", bytes(1_000), b"PK\x05\x06"):
        wheel.write_bytes(data)
        with pytest.raises(BadInputError, match="is no archive of the kind"):
            add(wheel)
    with pytest.raises(BadInputError, match="offers no analysis"):
        add(write_wheel(tmp_path, files_of(offers={})))
    with pytest.raises(BadInputError, match="is not made for"):
        add(write_wheel(tmp_path, files_of(tag="cp27-cp27m-atari")))
    files = files_of()
    del files["its_plugin-1.0.dist-info/METADATA"]
    with pytest.raises(BadInputError, match="its METADATA is missing"):
        add(write_wheel(tmp_path, files))
    assert left() == []


def test_what_is_in_the_way_is_left_alone(tmp_path):
    mine = plugins_dir() / "its-plugin" / "diary.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(BadInputError, match="in the way and no plug-in"):
        add(write_wheel(tmp_path), replace=True)
    assert left() == ["its-plugin/diary.txt"]
    mine.unlink()
    mine.parent.rmdir()
    unpacked(files_of(), plugins_dir() / "by-hand")
    with pytest.raises(BadInputError, match=r"by-hand already: remove that first"):
        add(write_wheel(tmp_path), replace=True)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    add(write_wheel(tmp_path))
    before = left()

    def full(wheel, folder):
        (folder / "half").write_text("")
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "half"))

    monkeypatch.setattr(plugin_wheels, "unpack", full)
    with pytest.raises(BadInputError, match="The disk is full"):
        add(write_wheel(tmp_path, files_of(version="2.0")), replace=True)
    assert left() == before


def test_a_place_that_cannot_be_taken_keeps_the_old_one(tmp_path, monkeypatch):
    add(write_wheel(tmp_path))
    newer, rename = write_wheel(tmp_path, files_of(version="2.0")), Path.rename

    def refusing(path, target):
        if path.suffix == ".part":
            raise PermissionError(errno.EACCES, "Permission denied", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(BadInputError, match="cannot be written"):
        add(newer, replace=True)
    assert plugins.find("its-plugin").version == "1.0"
    assert plugins.find("its-plugin").problem == ""


def test_an_old_one_that_cannot_come_back_either_is_not_lost(tmp_path, monkeypatch):
    folder = add(write_wheel(tmp_path)).folder
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    newer, rename = write_wheel(tmp_path, files_of(version="2.0")), Path.rename

    def refusing(path, target):
        if target == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(BadInputError, match="cannot be written"):
        add(newer, replace=True)
    (kept,) = plugins_dir().glob(".its-plugin-*.old")
    assert {path.name: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == files


def test_one_among_others_is_removed_file_by_file():
    for name in ("one", "two"):
        unpacked(
            files_of(name, offers={name: name}, modules={f"{name}/spec.py": ""}), plugins_dir()
        )
    for folder in (plugins_dir() / "one" / "__pycache__", plugins_dir() / "two"):
        folder.mkdir(exist_ok=True)
        (folder / "made.pyc").write_bytes(b"")
    with (plugins_dir() / "one-1.0.dist-info" / "RECORD").open("a") as file:
        file.write("../outside.txt,,\n/etc/none,,\n")
    outside = plugins_dir().parent / "outside.txt"
    outside.write_text("mine")
    remove("one")
    assert not [name for name in left() if name.startswith("one")]
    assert "two/spec.py" in left()
    assert outside.is_file()
    assert [plugin.name for plugin in plugins.found()] == ["two"]
    with pytest.raises(BadInputError, match="There is no plug-in “one”: choose one of two"):
        remove("one")


@pytest.mark.skipif(sys.platform == "win32", reason="links are for few users there")
def test_of_a_link_the_link_alone_is_removed(tmp_path):
    outside = unpacked(files_of(), tmp_path / "outside")
    plugins_dir().mkdir(parents=True)
    (plugins_dir() / "linked").symlink_to(outside)
    remove("linked")
    assert plugins.found() == ()
    assert (outside / "zeal" / "spec.py").is_file()


def test_one_that_is_gone_is_switched_off_by_removing_it():
    plugin_state.keep({"its-plugin"})
    remove("its-plugin")
    assert plugins.found() == ()
