"""Fetching a model pack, with a tiny wheel in place of the real one and no network."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple
from types import SimpleNamespace

import pytest

from desktop_app.engine.packs import pack, pack_steps
from desktop_app.engine.packs.pack import Pack
from desktop_app.engine.packs.pack_steps import PackError
from desktop_app.support.errors import Cancelled

MEMBER = "tiny/model.gguf"
CONTENT = bytes(range(256)) * 9000  # 2.3 MB: several chunks
Usage = namedtuple("Usage", "total used free")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A catalogue of one tiny pack, a wheel that holds it, and a conversion that copies."""
    home = tmp_path / "home"
    monkeypatch.setenv("LENSBENCH_HOME", str(home))
    wheel = tmp_path / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/__init__.py", "raise SystemExit('never imported')")
        archive.writestr(MEMBER, CONTENT)
    entry = Pack(
        name="tiny",
        title="Tiny",
        kind="pack",
        licence="MIT",
        requirement="tiny==1",
        wheel_sha256=sha256(wheel.read_bytes()),
        wheel_bytes=wheel.stat().st_size,
        member=MEMBER,
        member_sha256=sha256(CONTENT),
        member_bytes=len(CONTENT),
        installed_bytes=len(CONTENT),
    )
    state = SimpleNamespace(home=home, wheel=wheel, entry=entry, downloads=0, reports=[])

    def download(steps, requirement, wheel_bytes, work):
        assert requirement == "tiny==1"
        state.downloads += 1
        return shutil.copy(wheel, work / wheel.name) and work / wheel.name

    def convert(steps, gguf, target):
        target.mkdir()
        (target / "model.safetensors").write_bytes(gguf.read_bytes())
        (target / "config.json").write_text("{}")

    monkeypatch.setattr(pack, "_catalogue", lambda: {"tiny": state.entry})
    monkeypatch.setattr(pack_steps, "download", download)
    monkeypatch.setattr(pack_steps, "convert", convert)
    return state


def fetch(bench, should_stop=lambda: False):
    return pack.fetch_pack("tiny", lambda *row: bench.reports.append(row), should_stop)


def models_folder_is_empty(bench):
    folder = bench.home / "data" / "models"
    return not folder.exists() or not list(folder.iterdir())


def test_fetch_installs_and_leaves_nothing_else(bench):
    assert not pack.is_installed("tiny")
    folder = fetch(bench)
    assert folder == bench.home / "data" / "models" / "tiny" == pack.require_pack("tiny")
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"]["model.safetensors"] == {
        "bytes": len(CONTENT),
        "sha256": sha256(CONTENT),
    }
    pack.verify_pack("tiny")


def test_progress_never_goes_back_and_ends_at_one(bench):
    fetch(bench)
    fractions = [fraction for fraction, _ in bench.reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(sentence.endswith(".") for _, sentence in bench.reports)


def test_second_fetch_does_nothing(bench):
    fetch(bench)
    bench.reports.clear()
    fetch(bench)
    assert bench.downloads == 1
    assert bench.reports == [(1.0, "Tiny is installed.")]


def test_wrong_wheel_is_refused(bench):
    with bench.wheel.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(PackError, match="not the file that this version of Lensbench expects"):
        fetch(bench)
    assert models_folder_is_empty(bench)


def test_truncated_wheel_is_refused_even_when_its_hash_is_expected(bench):
    data = bench.wheel.read_bytes()[:-500]
    bench.wheel.write_bytes(data)
    bench.entry = Pack(**{**vars(bench.entry), "wheel_sha256": sha256(data)})
    with pytest.raises(PackError, match="is no wheel that holds"):
        fetch(bench)
    assert models_folder_is_empty(bench)


@pytest.mark.parametrize(
    "change", [{"member_bytes": 1000}, {"member_bytes": 10**8}, {"member_sha256": "0" * 64}]
)
def test_member_of_other_size_or_content_is_refused(bench, change):
    bench.entry = Pack(**{**vars(bench.entry), **change})
    with pytest.raises(PackError, match="is not the expected file"):
        fetch(bench)
    assert models_folder_is_empty(bench)


def test_extraction_stops_at_the_stated_size(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(pack_steps, "_CHUNK", 1000)
    steps = pack_steps.Steps("Tiny", tmp_path, 0, lambda *_: None, pack_steps.never)
    with pytest.raises(PackError):
        pack_steps.extract(steps, bench.wheel, MEMBER, 10, sha256(CONTENT))
    # One chunk may be in flight; a bomb never reaches the disk.
    assert (tmp_path / "model.gguf").stat().st_size <= 1000


def test_too_little_room_is_said_before_the_download(bench, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 10, 4321))
    with pytest.raises(PackError, match=r"too full for Tiny: [\d,]+ bytes are needed and 4,321"):
        fetch(bench)
    assert bench.downloads == 0
    assert models_folder_is_empty(bench)


def test_disk_that_fills_up_leaves_nothing(bench, monkeypatch):
    def full(steps, gguf, target):
        target.mkdir()
        (target / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pack_steps, "convert", full)
    with pytest.raises(PackError, match="too full for Tiny"):
        fetch(bench)
    assert models_folder_is_empty(bench)


def test_folder_that_cannot_be_written(bench):
    bench.home.mkdir()
    (bench.home / "data").write_text("a file in the way")
    with pytest.raises(PackError, match=r"cannot be written to .*LENSBENCH_HOME"):
        fetch(bench)


# Asked once for the hash, three times while unpacking, once before the last rename.
@pytest.mark.parametrize("calls", range(5))
def test_cancel_at_any_moment_leaves_nothing(bench, calls):
    asked = iter([False] * calls)
    with pytest.raises(Cancelled):
        fetch(bench, lambda: next(asked, True))
    assert models_folder_is_empty(bench)
    assert not pack.is_installed("tiny")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"short"), "has 5 bytes"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "cannot be read"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"schema": 1, "files": {}}'),
            "cannot be read",
        ),
    ],
)
def test_damage_is_named_with_its_remedy_and_mended_by_a_fetch(bench, damage, words):
    damage(fetch(bench))
    assert words in pack.pack_problem("tiny")
    with pytest.raises(PackError, match="run `lensbench fetch tiny` again"):
        pack.require_pack("tiny")
    folder = fetch(bench)
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_changed_content_of_the_same_size_is_found_on_demand_and_mended(bench):
    folder = fetch(bench)
    (folder / "model.safetensors").write_bytes(CONTENT[::-1])
    assert pack.is_installed("tiny")
    with pytest.raises(PackError, match=r"content of model\.safetensors has changed"):
        pack.verify_pack("tiny")
    fetch(bench)
    pack.verify_pack("tiny")


def test_leftovers_of_a_killed_fetch_are_removed_and_those_of_a_live_one_kept(bench):
    models = bench.home / "data" / "models"
    old, live = models / ".tiny-old.part", models / ".tiny-live.part"
    old.mkdir(parents=True)
    live.mkdir()
    os.utime(old, (0, 0))
    fetch(bench)
    assert not old.exists()
    assert live.exists()


def test_unknown_and_missing_names(bench):
    with pytest.raises(PackError, match="There is no model pack 'gpt5'; the catalogue has tiny"):
        pack.find_pack("gpt5")
    with pytest.raises(PackError, match="not installed; run `lensbench fetch tiny`"):
        pack.require_pack("tiny")


def run_pip(tmp_path, monkeypatch, code, stop=pack_steps.never):
    """Run the download step with a Python script in place of pip."""
    popen = subprocess.Popen
    seen = {}

    def fake(command, **options):
        seen.update(command=command, env=options["env"])
        target = command[command.index("--dest") + 1]
        return popen([sys.executable, "-c", code, target], **options)

    monkeypatch.setattr(subprocess, "Popen", fake)
    steps = pack_steps.Steps("Tiny", tmp_path, 99, lambda *_: None, stop)
    return pack_steps.download(steps, "tiny==1", 10, tmp_path), seen


def test_download_asks_pip_for_one_wheel_and_nothing_else(tmp_path, monkeypatch):
    code = "import sys, pathlib; pathlib.Path(sys.argv[1], 'tiny-1-py3-none-any.whl').touch()"
    wheel, seen = run_pip(tmp_path, monkeypatch, code)
    assert wheel.name == "tiny-1-py3-none-any.whl"
    command = seen["command"]
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "--no-input"} < set(command)
    assert command[-1] == "tiny==1"
    assert seen["env"]["TMPDIR"] == str(tmp_path)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("python: No module named pip", "needs pip"),
        ("Retrying ... NewConnectionError\nERROR: No matching distribution", "cannot be reached"),
        ("ERROR: No matching distribution found for tiny==1", "does not have tiny==1"),
        ("ERROR: [Errno 28] No space left on device", "too full for Tiny: 99 bytes"),
        ("ERROR: something new", "pip could not download tiny==1: ERROR: something new"),
        ("", "it gave no reason"),
    ],
)
def test_failures_of_pip_in_words(tmp_path, monkeypatch, output, words):
    with pytest.raises(PackError) as caught:
        run_pip(tmp_path, monkeypatch, f"print({output!r}); raise SystemExit(1)")
    assert words in str(caught.value)


def test_cancel_ends_a_hanging_pip_at_once(tmp_path, monkeypatch):
    begun = tmp_path / "begun"
    code = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(3600)"
    with pytest.raises(Cancelled):
        run_pip(tmp_path, monkeypatch, code, begun.exists)  # it would hang for an hour


def test_importing_the_module_loads_no_torch_and_no_socket_user():
    code = "import sys, desktop_app.engine.packs.pack as p; p.pack_names(); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", code]
    modules = subprocess.check_output(command, text=True, env=environment).split()
    assert {"torch", "transformers", "numpy", "requests", "httpx"}.isdisjoint(modules)


def test_catalogue_names_its_models():
    assert pack.pack_names() == ["toy", "smollm2"]
    entry = pack.find_pack("smollm2")
    assert (entry.n_layers, entry.n_heads, entry.d_model) == (30, 9, 576)
    assert 540_000_000 < entry.bytes_to_fetch < 1_000_000_000
    assert (
        entry.parameters
        == 49152 * 576 + 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536 + 2 * 576) + 576
    )


@pytest.fixture
def carried(bench, tmp_path, monkeypatch):
    """The pack's GGUF, as the installed program carries it."""
    resources = tmp_path / "resources"
    place = resources / "packs" / "tiny" / "model.gguf"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    monkeypatch.setattr(pack.paths, "resource", resources.joinpath)
    return place


def test_a_pack_that_travels_inside_is_converted_without_a_download(bench, carried):
    assert pack.carried("tiny") == carried
    assert pack.is_waiting("tiny")
    folder = fetch(bench)
    assert bench.downloads == 0
    assert (folder / "model.safetensors").read_bytes() == CONTENT == carried.read_bytes()
    assert not pack.is_waiting("tiny")
    fractions = [fraction for fraction, _ in bench.reports]
    assert fractions == sorted(fractions)


def test_room_is_asked_for_the_converted_pack_alone(bench, carried, monkeypatch):
    exactly = Usage(10**9, 0, bench.entry.installed_bytes)
    monkeypatch.setattr(pack_steps.shutil, "disk_usage", lambda _: exactly)
    fetch(bench)
    assert pack.is_installed("tiny")


def test_a_pack_inside_that_is_damaged_is_refused_by_name(bench, carried):
    carried.write_bytes(CONTENT[:-1])
    with pytest.raises(PackError, match=r"inside this copy .* install Lensbench again\.$"):
        fetch(bench)
    assert models_folder_is_empty(bench)


def test_elsewhere_nothing_waits(bench):
    assert pack.carried("tiny") is None
    assert not pack.is_waiting("tiny")
