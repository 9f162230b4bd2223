"""A wheelhouse: made for any machine by pip, refused by name where it does not fit, installed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests.packaging_ import wheels
from tests.packaging_.scripts import script
from tests.patience import CHILD_S

wheelhouse = script("wheelhouse")
wheelhouse_list = script("wheelhouse_list")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return wheels.everything(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return wheels.project(tmp_path_factory.mktemp("project") / "lensbench")


@pytest.fixture
def pip(index):
    """What runs pip with an index of its own, and remembers what it was asked."""

    def run(arguments, extra):
        run.asked.append(arguments)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PIP_")},
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.as_uri(),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_QUIET": "1",
            **extra,
        }
        return subprocess.call([sys.executable, *arguments], env=environment, timeout=CHILD_S)

    run.asked = []
    return run


@pytest.fixture
def make(root, pip):
    def run(folder, platform="linux-x86_64", python="3.12", torch_index=""):
        target = wheelhouse_list.Target(platform, python)
        return wheelhouse.make(folder, target, torch_index, root, pip)

    return run


def names(listing):
    return {wheel.name.split("-")[0] for wheel in listing.files}


COMMON = {
    *("a_pack", "editables", "filelock", "needed", "sympy", "torch"),
    "transformers_stream_generator",
}


def test_a_mac_gets_what_it_needs(make, tmp_path):
    listing = make(tmp_path / "house", "macos-arm64", "3.13")
    assert names(listing) == COMMON - {"sympy"} | {"on_a_mac"}
    files = {path.name for path in (tmp_path / "house").iterdir()}
    assert files == {"wheelhouse.json", *(wheel.name for wheel in listing.files)}
    assert "torch-2.13.0-cp313-none-macosx_14_0_arm64.whl" in files


def test_made_twice_it_keeps_what_is_whole_and_mends_the_rest(make, tmp_path):
    folder = tmp_path / "house"
    first = make(folder)
    assert names(first) == COMMON | {"on_linux", "for_old_ones"}
    kept = folder / "needed-1.0-py3-none-any.whl"
    before = kept.stat().st_mtime_ns
    half = folder / "sympy-1.0-py3-none-any.whl"
    half.write_bytes(half.read_bytes()[:40])
    wheels.wheel(folder, "needed", "0.5")
    assert make(folder) == first == wheelhouse_list.read(folder)
    wheelhouse_list.check_files(folder, first)
    assert kept.stat().st_mtime_ns == before


def test_a_killed_one_is_taken_up_again(make, root, tmp_path):
    folder = tmp_path / "house"
    target = wheelhouse_list.Target("windows", "3.12")
    with pytest.raises(KeyboardInterrupt):
        wheelhouse.make(folder, target, "", root, lambda *_: 130)
    (folder / "torch-2.13.0-cp312-cp312-win_amd64.whl").write_bytes(b"PK half")
    (folder / ".unfinished").mkdir()
    (folder / ".unfinished" / "left").touch()
    assert names(make(folder, "windows")) == COMMON | {"on_windows", "for_old_ones"}
    assert not (folder / ".unfinished").exists()


def test_torch_and_what_it_pins_come_from_elsewhere_and_nothing_else(make, tmp_path):
    other = tmp_path / "other one"
    tag = "cp312-cp312-manylinux_2_28_x86_64"
    needs = ["filelock", "sympy>=1", "cuda-thing==7.0; platform_system == 'Linux'"]
    wheels.wheel(other, "torch", "2.13.0+cu130", tag=tag, needs=needs)
    wheels.wheel(other, "cuda-thing", "7.0")
    for name in ("filelock", "needed"):  # another build of the same version, and a newer one
        wheels.wheel(other, name, text="VALUE = 'from elsewhere'\n")
    wheels.wheel(other, "sympy", "9.0")
    wheels.index(other)
    listing = make(tmp_path / "house", torch_index=str(other))
    assert names(listing) == COMMON | {"on_linux", "for_old_ones", "cuda_thing"}
    files = {wheel.name.split("-")[0]: wheel.name for wheel in listing.files}
    assert files["torch"] == f"torch-2.13.0+cu130-{tag}.whl"
    assert files["sympy"] == "sympy-1.0-py3-none-any.whl"
    for name in ("filelock", "needed"):
        text = wheels.zipfile.ZipFile(tmp_path / "house" / files[name]).read(f"{name}.py")
        assert text == b"VALUE = 1\n"
    assert listing.torch_index == str(other)


def test_what_has_no_wheel_there_is_said(make, tmp_path, capfd):
    with pytest.raises(wheelhouse_list.SetupError, match=r"linux-aarch64 with Python 3\.12") as e:
        make(tmp_path / "house", "linux-aarch64")
    assert str(e.value).count(". ") == 0
    assert "No matching distribution found for on-linux" in capfd.readouterr().err


def test_a_folder_of_something_else_is_left_alone(make, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(wheelhouse_list.SetupError, match="not empty and no wheelhouse"):
        make(tmp_path)
    with pytest.raises(wheelhouse_list.SetupError, match="is no folder"):
        make(tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_wheelhouse_of_another_machine_is_left_alone(make, tmp_path):
    other = wheelhouse_list.Target("windows", "3.12")
    listing = wheelhouse_list.Listing(other, "0.1.0", "", "", ())
    wheelhouse_list.write(tmp_path, listing)
    with pytest.raises(wheelhouse_list.SetupError, match=r"for windows with Python 3\.12"):
        make(tmp_path)
    assert wheelhouse_list.read(tmp_path) == listing


@pytest.fixture
def here(root, tmp_path):
    """A small whole wheelhouse for this very machine, without pip."""
    folder = tmp_path / "a house"
    path = wheels.wheel(folder, "needed")
    listing = wheelhouse_list.Listing(
        wheelhouse_list.here(),
        "0.1.0",
        wheelhouse_list.inputs_of(root),
        "",
        (wheelhouse_list.described(path),),
    )
    wheelhouse_list.write(folder, listing)
    return folder, listing


def check(here, root, **changed):
    folder, listing = here
    wheelhouse_list.write(folder, listing._replace(**changed))
    read = wheelhouse_list.read(folder)
    assert read == listing._replace(**changed)
    wheelhouse_list.check_fits(folder, read, root)
    wheelhouse_list.check_files(folder, read)


def test_a_fitting_one_passes(here, root):
    check(here, root)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"files": ()}, "was never finished; run the command"),
        ({"lensbench": "0.0.9"}, r"for Lensbench 0\.0\.9 .* which is 0\.1\.0; make it anew"),
        ({"inputs": "0" * 64}, "with other requirements than this copy has"),
    ],
)
def test_what_does_not_fit_is_named(here, root, changed, said):
    with pytest.raises(wheelhouse_list.SetupError, match=said):
        check(here, root, **changed)


def test_another_machine_and_another_python_are_named(here, root):
    mine = wheelhouse_list.here()
    other = mine._replace(platform="windows" if mine.platform != "windows" else "macos-arm64")
    said = f"is for {other.platform}, and this machine is {mine.platform};"
    with pytest.raises(wheelhouse_list.SetupError, match=said):
        check(here, root, target=other)
    with pytest.raises(wheelhouse_list.SetupError, match=r"for Python 3\.2, and this is 3\."):
        check(here, root, target=mine._replace(python="3.2"))


def test_an_older_c_library_is_named(here, root, monkeypatch):
    wheel = here[1].files[0]
    name = "qt-6-cp310-abi3-manylinux_2_34_x86_64.whl"
    either = "x-1-cp3-abi3-manylinux_2_17_x86_64.manylinux_2_99_x86_64.whl"
    files = (wheel, wheel._replace(name=name), wheel._replace(name=either))
    monkeypatch.setattr(wheelhouse_list.platform, "libc_ver", lambda: ("glibc", "2.31"))
    with pytest.raises(wheelhouse_list.SetupError, match=r"glibc 2\.34 or later, .* has 2\.31"):
        check(here, root, files=files)


@pytest.mark.parametrize("what", ["missing", "short", "changed", "stranger"])
def test_a_damaged_wheelhouse_is_refused_by_the_files_name(here, what):
    folder, listing = here
    path = folder / listing.files[0].name
    if what == "missing":
        path.unlink()
    elif what == "short":
        path.write_bytes(path.read_bytes()[:-1])
    elif what == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"\1")
    else:
        path = wheels.wheel(folder, "hatchling", "99")
    with pytest.raises(wheelhouse_list.SetupError) as caught:
        wheelhouse_list.check_files(folder, listing)
    assert str(caught.value).startswith(path.name)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", "null", '{"schema": 2}', "[" * 100_000, '{"schema": 1}'),
        b"\xff\xfe",
        b" " * (1 << 20) + b"{}",
    ],
    ids=range(10),
)
def test_a_damaged_list_is_one_sentence(tmp_path, text):
    path = tmp_path / "wheelhouse.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(wheelhouse_list.SetupError, match=r"wheelhouse\.json is damaged"):
        wheelhouse_list.read(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../other.whl"),
        ("name", "/etc/x.whl"),
        ("name", 3),
        ("name", "a.txt"),
        ("bytes", "7"),
        ("bytes", True),
        ("sha256", None),
    ],
)
def test_a_list_that_leads_out_of_its_folder_is_damaged(here, key, value):
    folder, _ = here
    path = folder / "wheelhouse.json"
    data = json.loads(path.read_text())
    data["files"][0][key] = value
    path.write_text(json.dumps(data))
    with pytest.raises(wheelhouse_list.SetupError, match="is damaged"):
        wheelhouse_list.read(folder)


def test_no_folder_and_no_list_are_named(tmp_path):
    with pytest.raises(wheelhouse_list.SetupError, match="there is no folder"):
        wheelhouse_list.read(tmp_path / "none")
    with pytest.raises(wheelhouse_list.SetupError, match=r"holds no wheelhouse\.json"):
        wheelhouse_list.read(tmp_path)


@pytest.mark.parametrize("text", ["ftp://host/x", "whl/cpu", "https://", "", "file:///none/such"])
def test_an_index_that_is_none_is_refused(text):
    with pytest.raises(wheelhouse_list.SetupError, match=r"address of a package index .* folder"):
        wheelhouse.checked_index(text)


def test_addresses_and_folders_are_indexes(tmp_path):
    folder = tmp_path / "with space"
    folder.mkdir()
    assert wheelhouse.checked_index(str(folder)) == str(folder)
    assert wheelhouse.checked_index(folder.as_uri()) == str(folder)
    assert wheelhouse.checked_index("https://host/whl/cpu") == "https://host/whl/cpu"
    assert wheelhouse.checked_index("default") == ""


def test_a_folder_of_wheels_is_looked_into_and_nothing_else(tmp_path):
    (tmp_path / "flat one").mkdir()
    (tmp_path / "index" / "torch").mkdir(parents=True)
    flat = wheelhouse.only_from(str(tmp_path / "flat one"), tmp_path)
    assert flat == {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": (tmp_path / "flat one").as_uri()}
    laid_out = wheelhouse.only_from(str(tmp_path / "index"), tmp_path)
    assert laid_out["PIP_INDEX_URL"] == (tmp_path / "index").as_uri()


def test_a_password_is_written_nowhere():
    assert wheelhouse.without_password("https://me:secret@host:8/x") == "https://host:8/x"
    assert wheelhouse.without_password("https://host/x") == "https://host/x"
    assert wheelhouse.without_password("C:\\wheels") == "C:\\wheels"


def test_what_torch_shares_with_others_is_known():
    """What it needs besides is pinned by it or of one system (CUDA), and comes from its index."""
    shared = {
        need.name
        for need in map(Requirement, importlib.metadata.requires("torch"))
        if "==" not in str(need.specifier) and need.marker is None
    }
    assert shared <= set(wheelhouse.TORCH_NEEDS)


def test_the_same_lines_with_other_ends_are_the_same_requirements(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    for path in (copy / "pyproject.toml", copy / "packaging" / "constraints.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert wheelhouse_list.inputs_of(copy) == wheelhouse_list.inputs_of(root)


@pytest.fixture
def bootstrap(tmp_path):
    """The real script in a project of its own; by default its pip would reach nobody."""
    root = wheels.project(tmp_path / "elsewhere" / "lensbench")

    def run(*arguments, index="http://127.0.0.1:9/"):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "PIP_RETRIES": "0"}
        return subprocess.run(
            [sys.executable, str(root / "packaging" / "bootstrap.py"), *arguments],
            cwd=tmp_path,
            env=environment | {"PIP_FIND_LINKS": "http://127.0.0.1:9/"},
            capture_output=True,
            text=True,
            timeout=CHILD_S,
            check=False,
        )

    run.root = root
    return run


@pytest.mark.slow
def test_installed_from_the_folder_alone(bootstrap, here):
    folder, listing = here
    torch = wheelhouse_list.described(wheels.wheel(folder, "torch", "2.13.0"))
    inputs = wheelhouse_list.inputs_of(bootstrap.root)
    wheelhouse_list.write(folder, listing._replace(inputs=inputs, files=(*listing.files, torch)))
    done = bootstrap("run", "--from", str(folder), "--", "a.lens")
    assert done.returncode == 0, done.stderr
    fetched, started = done.stdout.splitlines()[-2:]
    assert fetched == f"fetch smollm2 1 {folder.as_uri()}"
    assert started == "a.lens 1 http://127.0.0.1:9/"
    shutil.rmtree(folder)
    again = bootstrap("run", "b.lens")
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "b.lens 1 http://127.0.0.1:9/"
    assert "pip" not in again.stderr
    gone = bootstrap("run", "--from", str(folder))
    assert gone.returncode == 1
    assert gone.stderr.splitlines() == [
        f"lensbench: there is no folder {folder}; name the wheelhouse after --from."
    ]


@pytest.mark.slow
def test_torch_is_installed_from_elsewhere(bootstrap, index, tmp_path):
    other = tmp_path / "other one"
    wheels.wheel(other, "torch", "2.13.0+cpu", needs=["filelock", "sympy", "math-thing==7.0"])
    wheels.wheel(other, "math-thing", "7.0")
    for name in ("filelock", "sympy", "needed"):
        wheels.wheel(other, name, "1.0", text="VALUE = 'from elsewhere'\n")
    done = bootstrap("run", "--torch-index", str(other), "a.lens", index=index.as_uri())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "a.lens 1 http://127.0.0.1:9/"
    (environment,) = bootstrap.root.glob(".venv/[Ll]ib/**/site-packages")
    assert (environment / "torch-2.13.0+cpu.dist-info").is_dir()
    assert (environment / "math_thing.py").is_file()
    assert (environment / "sympy.py").read_text() == "VALUE = 1\n"
    again = bootstrap("run", "b.lens")
    assert "pip" not in again.stderr
    assert again.returncode == 0
