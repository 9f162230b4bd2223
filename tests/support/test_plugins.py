"""Plug-ins in the user's folder: found without being imported, off until switched on."""

from __future__ import annotations

import csv
import json
import os
import random
import sys

import pytest

from desktop_app.contract.registry import ANALYSES, BUILT_IN, find, problems
from desktop_app.support import plugin_state, plugins
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.support.plugin_state import SWITCHES, plugins_dir, switched_on
from tests.plugins import declare, on_path, write_package
from tests.wheels import files_of, own_plugins, spec_of, unpacked

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links are for few users there")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    with own_plugins():
        yield tmp_path / "home"


def the_one():
    (plugin,) = plugins.found()
    return plugin


def test_without_a_folder_there_are_none_and_nothing_is_made(home):
    assert plugins.found() == ()
    assert tuple(ANALYSES) == BUILT_IN
    assert not home.exists()
    with pytest.raises(BadInputError, match="no plug-in “zeal”: there are none in "):
        plugins.switch("zeal", on=True)


def test_one_is_told_of_and_not_imported_until_it_is_switched_on():
    modules = {"zeal/__init__.py": "raise SystemExit(9)", "zeal/spec.py": ""}
    folder = unpacked(files_of(modules=modules, headers=("Summary: What it is for.",)))
    plugin = the_one()
    assert (plugin.name, plugin.version, plugin.summary) == (
        "its-plugin", "1.0", "What it is for.",
    )  # fmt: skip
    assert plugin.offers == (("zeal", "zeal"),)
    assert plugin.folder == folder
    assert (plugin.is_on, plugin.problem, plugin.notes, plugin.lacks) == (False, "", (), ())
    assert tuple(ANALYSES) == BUILT_IN
    assert problems() == ()
    assert "zeal" not in sys.modules
    assert str(folder) not in sys.path


def test_switched_on_it_follows_the_built_in_ones_and_shadows_nothing(home):
    folder = unpacked(files_of())
    assert plugins.switch("Its_Plugin", on=True).is_on
    assert json.loads((home / "config" / SWITCHES).read_text()) == {"on": ["its-plugin"]}
    assert tuple(ANALYSES) == (*BUILT_IN, "zeal")
    assert problems() == ()
    assert sys.path[-1] == str(folder)
    ANALYSES.forget()
    assert str(folder) not in sys.path
    assert "zeal" in ANALYSES
    assert sys.path.count(str(folder)) == 1
    plugins.switch("its-plugin", on=False)
    assert "zeal" in ANALYSES, "what a window shows stays until the next look"
    ANALYSES.forget()
    assert tuple(ANALYSES) == BUILT_IN
    assert str(folder) not in sys.path


def test_switched_on_meanwhile_it_comes_in_and_what_was_there_stays():
    unpacked(files_of("first", offers={"one": "one"}, modules={"one/spec.py": spec_of("one")}))
    unpacked(files_of("second", offers={"two": "two"}, modules={"two/spec.py": spec_of("two")}))
    plugins.switch("first", on=True)
    assert tuple(ANALYSES) == (*BUILT_IN, "one")
    kept = find("one")
    plugins.switch("first", on=False)
    plugins.switch("second", on=True)
    assert ANALYSES.widen() == ("two",)
    assert ANALYSES.widen() == ()
    assert tuple(ANALYSES) == (*BUILT_IN, "one", "two")
    assert find("one") is kept


def test_pip_leaves_several_in_one_folder_and_each_has_its_own_switch():
    for name in ("one", "two"):
        modules = {f"{name}/spec.py": spec_of(name)}
        unpacked(files_of(name, offers={name: name}, modules=modules), plugins_dir())
    unpacked(files_of("library", offers={}, modules={"library.py": ""}), plugins_dir())
    assert [plugin.name for plugin in plugins.found()] == ["one", "two"]
    plugins.switch("two", on=True)
    assert tuple(ANALYSES) == (*BUILT_IN, "two")
    assert problems() == ()


def test_what_is_installed_beside_the_program_is_used_from_there(tmp_path):
    write_package(tmp_path / "site", "zeal", spec_of("zeal", "Installed"))
    declare(tmp_path / "site", "its-plugin", {"zeal": "zeal"})
    unpacked(files_of())
    with on_path(tmp_path / "site"):
        assert "installed beside the program already" in the_one().problem
        assert find("zeal").title == "Installed"


def test_the_switches_are_kept_and_a_damaged_file_of_them_means_off(home):
    unpacked(files_of())
    file = home / "config" / SWITCHES
    file.parent.mkdir(parents=True)
    for text in ("", "{", "[]", '{"on": 3}', '{"on": [1, null]}', "[" * 90_000, "\udcff"):
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        assert switched_on() == frozenset(), text[:10]
        assert not the_one().is_on
    plugins.switch("its-plugin", on=True)
    plugin_state.turn_off("another")
    assert switched_on() == {"its-plugin"}
    plugin_state.turn_off("Its.Plugin")
    assert switched_on() == frozenset()
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o077 == 0


def test_one_that_is_gone_is_told_of_and_can_be_switched_off():
    unpacked(files_of()).rename(plugins_dir().parent / "elsewhere")
    plugin_state.keep({"its-plugin"})
    plugin = the_one()
    assert (plugin.name, plugin.is_on) == ("its-plugin", True)
    assert plugin.problem.startswith("It is switched on and no longer in ")
    assert tuple(ANALYSES) == BUILT_IN
    assert problems() == (f"The plug-in “its-plugin” cannot be used. {plugin.problem}",)
    plugins.switch("its-plugin", on=False)
    assert plugins.found() == ()


def test_names_of_the_program_are_the_programs():
    modules = {"numpy/spec.py": spec_of("zeal"), "mine.py": ""}
    unpacked(files_of("first", offers={"zeal": "numpy"}, modules=modules))
    modules = {"zeal/spec.py": spec_of("zeal"), "json.py": "", "click/__init__.py": ""}
    unpacked(files_of("second", modules=modules))
    first, second = plugins.found()
    assert first.problem.startswith("It brings numpy, which the program has itself.")
    with pytest.raises(BadInputError, match=r"“first” cannot be switched on\. It brings numpy"):
        plugins.switch("first", on=True)
    assert second.problem == ""
    told = "It brings click, json, which the program has: the program's is used."
    assert second.notes == (told,)


def test_two_that_bring_one_name_cannot_both_be_on():
    for name in ("first", "second"):
        unpacked(files_of(name))
    told = "It brings zeal, and so does “{}”: only one of them can be used."
    assert [p.notes for p in plugins.found()] == [
        (told.format("second"),), (told.format("first"),),
    ]  # fmt: skip
    plugins.switch("second", on=True)
    first, second = plugins.found()
    refusal = "It brings zeal, and so does “second”, which is on: switch that off first."
    assert (first.problem, second.problem) == (refusal, "")
    with pytest.raises(BadInputError, match="switch that off first"):
        plugins.switch("first", on=True)
    plugin_state.keep({"first", "second"})  # by hand
    assert [bool(plugin.problem) for plugin in plugins.found()] == [False, True]


def test_two_of_one_name_are_refused_and_the_places_told():
    unpacked(files_of(), plugins_dir() / "here")
    unpacked(files_of(), plugins_dir() / "there")
    for plugin in plugins.found():
        assert plugin.problem.startswith("There are two of that name, in ")
    with pytest.raises(BadInputError, match="remove one"):
        plugins.switch("its-plugin", on=True)


def test_what_it_needs_and_nobody_has_is_told_by_name_and_version():
    needs = (
        "no-such-library>=2",
        "numpy<1",
        "click",
        "beside>=1",
        "beside-too>=3",
        "lensbench[bundle]",
        "other; python_version < '3'",
        "optional; extra == 'all'",
        "!!!",
        "deep; " + "(" * 400,
    )
    headers = ("Requires-Python: >=3.99", *(f"Requires-Dist: {need}" for need in needs))
    folder = unpacked(files_of(headers=headers))
    for name in ("beside", "beside-too"):
        unpacked(files_of(name, offers={}, modules={}), folder)
    lacks = the_one().lacks
    assert lacks[0].startswith("Python >=3.99 (here 3.")
    assert lacks[1] == "no-such-library >=2"
    assert lacks[2].startswith("numpy <1 (here ")
    assert lacks[3] == "beside-too >=3 (here 1.0)"
    assert "“!!!”, which cannot be read" in lacks
    assert not [need for need in lacks if need.startswith(("click", "other", "optional"))]
    assert plugins.switch("its-plugin", on=True).is_on, "it may work all the same"


def test_one_for_another_machine_cannot_be_switched_on():
    unpacked(files_of(tag="cp27-cp27m-atari"))
    assert the_one().problem.startswith("It is made for cp27-cp27m-atari, not for Python 3.")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("METADATA", b"", "tells no name and version"),
        ("METADATA", b"Name: ../up\nVersion: 1\n", "tells no name and version"),
        ("METADATA", b"Name: good\nVersion: \n", "tells no name and version"),
        ("METADATA", b"\xff\xfe\x00", "its METADATA is no text"),
        ("METADATA", b"x" * 1_000_001, "its METADATA is larger than 1 MB"),
        ("METADATA", None, "its METADATA is missing"),
        ("RECORD", b"x" * 8_000_001, "its RECORD is larger than 8 MB"),
        ("RECORD", b"\xff", "its RECORD is no text"),
        ("entry_points.txt", b"[lensbench.analyses]\nzeal\n", "names no package"),
        ("entry_points.txt", b"[lensbench.analyses]\nzeal = os;x\n", "names no package"),
        ("entry_points.txt", b"[lensbench.analyses]\nzeal = ..up\n", "names no package"),
        ("entry_points.txt", b"\xff", "its entry_points.txt is no text"),
    ],
)
def test_damaged_facts_cost_that_plugin_alone(file, text, words):
    info = unpacked(files_of()) / "its_plugin-1.0.dist-info"
    unpacked(files_of("sound", offers={"one": "one"}, modules={"one/spec.py": spec_of("one")}))
    (info / file).unlink()
    if text is not None:
        (info / file).write_bytes(text)
    plugin_state.keep({"its-plugin", "sound"})
    spoilt, sound = plugins.found()
    assert words in spoilt.problem
    assert spoilt.key == "its-plugin"
    assert sound.problem == ""
    assert tuple(ANALYSES) == (*BUILT_IN, "one")
    assert len(problems()) == 1


def test_a_list_of_files_that_its_reader_refuses_is_damage():
    info, usual = unpacked(files_of()) / "its_plugin-1.0.dist-info", csv.field_size_limit(1_000)
    (info / "RECORD").write_bytes(b"x" * 2_000)
    try:
        assert "its RECORD cannot be read" in the_one().problem
    finally:
        csv.field_size_limit(usual)


def test_facts_of_any_bytes_are_read_or_refused():
    info, draw = unpacked(files_of()) / "its_plugin-1.0.dist-info", random.Random(0)  # noqa: S311
    sound = {path: path.read_bytes() for path in info.iterdir()}
    plugin_state.keep({"its-plugin"})
    for _ in range(150):
        path = draw.choice(list(sound))
        data = bytearray(sound[path])
        for _ in range(draw.randint(1, 5)):
            data[draw.randrange(len(data))] = draw.choice((0, 10, 32, 34, 44, 61, 91, 255))
        path.write_bytes(data)
        assert all(plugin.name.isprintable() for plugin in plugins.found())
        plugins.activate()
        path.write_bytes(sound[path])


def test_words_of_others_steer_nothing():
    headers = ("Summary: \x1b[2Jred\u202e and long " + "x" * 5_000,)
    unpacked(files_of(headers=headers))
    summary = the_one().summary
    assert "\x1b" not in summary
    assert "\u202e" not in summary
    assert len(summary) <= 300


@needs_links
def test_links_that_lead_out_are_not_followed(tmp_path):
    outside = unpacked(files_of(), tmp_path / "outside")
    plugins_dir().mkdir(parents=True)
    (plugins_dir() / "linked").symlink_to(outside)
    (plugins_dir() / "circle").symlink_to(plugins_dir() / "circle")
    assert "is a link that leads out of" in the_one().problem
    (plugins_dir() / "linked").unlink()
    folder = unpacked(files_of())
    info = folder / "its_plugin-1.0.dist-info"
    (info / "METADATA").unlink()
    (info / "METADATA").symlink_to(outside / info.name / "METADATA")
    assert "its METADATA is a link that leads elsewhere" in the_one().problem
    (info / "METADATA").unlink()
    os.mkfifo(info / "METADATA")
    assert "its METADATA cannot be read" in the_one().problem
    for path in info.iterdir():
        path.unlink()
    info.rmdir()
    info.symlink_to(outside / info.name)
    assert "a link that leads elsewhere" in the_one().problem
    info.unlink()
    unpacked(files_of())
    (folder / "zeal" / "spec.py").unlink()
    (folder / "zeal").rmdir()
    (folder / "zeal").symlink_to(outside / "zeal")
    assert "A module of it is a link that leads elsewhere" in the_one().problem


def test_folders_that_are_no_plugins_are_passed_over():
    (plugins_dir() / "notes").mkdir(parents=True)
    (plugins_dir() / ".hidden-1.part").mkdir()
    (plugins_dir() / "file.txt").write_text("")
    unpacked(files_of(), plugins_dir() / ".its-plugin-0.part")
    assert plugins.found() == ()
    unpacked(files_of("library", offers={}))
    assert the_one().problem == "It offers no analysis: it is no plug-in of Lensbench."


def test_folders_beyond_number_are_left():
    for number in range(plugins.MOST_FOLDERS + 20):
        (plugins_dir() / f"f{number:04}").mkdir(parents=True)
    unpacked(files_of(), plugins_dir() / "z")
    assert plugins.found() == ()
