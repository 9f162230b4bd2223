"""The commands of the README, without installing anything."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.patience import CHILD_S, end_session_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "packaging" / "bootstrap.py"
FILES = [
    FILE.with_name(f"{name}.py")
    for name in ("bootstrap", "system_packages", "wheelhouse", "wheelhouse_list")
]


def loaded(monkeypatch):
    """A module of its own; a script finds its siblings because its folder is first on the path."""
    monkeypatch.syspath_prepend(FILE.parent)
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TORCH_NEEDS = (
    *("filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions"),
)


@pytest.fixture
def bootstrap(tmp_path, monkeypatch):
    """The module, with a root of its own and every command recorded instead of run."""
    module = loaded(monkeypatch)
    (tmp_path / "packaging").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.1.0"\n')
    (tmp_path / "packaging" / "constraints.txt").write_text("torch==2.13.0\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "stamp.txt")
    monkeypatch.setattr(module, "CONSTRAINTS", tmp_path / "packaging" / "constraints.txt")
    module.real_call = module.call
    module.calls = []
    module.codes = {}

    def call(command, extra=None, folder=None):
        line = " ".join(map(str, command))
        module.calls.append((line, extra or {}, folder))
        if " -m venv " in line:
            module.venv_python().parent.mkdir(parents=True)
            module.venv_python().touch()
        return next((code for part, code in module.codes.items() if part in line), 0)

    monkeypatch.setattr(module, "call", call)
    monkeypatch.setattr(module, "venv_version", lambda: sys.version_info[:2])
    monkeypatch.setattr(module, "missing_libraries", lambda _: [])
    return module


def lines(bootstrap):
    return [line for line, _, _ in bootstrap.calls]


@pytest.fixture
def pack_missing(bootstrap, monkeypatch):
    probe = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: probe)


@pytest.fixture
def pack_there(bootstrap, monkeypatch):
    probe = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: probe)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_standard_library_alone(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    sources = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}
    names |= {node.module for node in sources}
    siblings = {file.stem for file in FILES}
    assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, *siblings}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_syntax_that_an_old_python_can_read(file):
    ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_first_test_makes_installs_fetches_and_tests(bootstrap, pack_missing, capfd):
    assert bootstrap.main(["test", "-k", "rank"]) == 0
    venv, pip, fetch, tests = lines(bootstrap)
    python = str(bootstrap.venv_python())
    assert venv == f"{sys.executable} -m venv --clear {bootstrap.VENV}"
    assert pip.startswith(f"{python} -m pip ")
    assert pip.endswith(f"-c {bootstrap.CONSTRAINTS} -e {bootstrap.ROOT}[compute,dev]")
    assert fetch == f"{python} -m desktop_app fetch smollm2"
    assert tests == f"{python} -m pytest -n logical --maxprocesses 4 --dist worksteal -k rank"
    _, environment, folder = bootstrap.calls[-1]
    assert environment == {"QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
    assert folder == bootstrap.ROOT
    said = capfd.readouterr().err
    assert [line[:3] for line in said.splitlines()] == ["1/3", "2/3", "3/3"]


def test_second_run_starts_at_once(bootstrap, pack_there, capfd):
    bootstrap.main(["run"])
    bootstrap.calls.clear()
    capfd.readouterr()
    assert bootstrap.main(["run", "a.lens"]) == 0
    assert lines(bootstrap) == [f"{bootstrap.venv_python()} -m desktop_app a.lens"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["pyproject.toml", "packaging/constraints.txt"])
def test_changed_requirements_are_installed_into_the_same_venv(bootstrap, pack_there, name):
    bootstrap.main(["run"])
    bootstrap.calls.clear()
    with (bootstrap.ROOT / name).open("a") as stream:
        stream.write("# changed\n")
    bootstrap.main(["run"])
    assert [" -m pip " in line for line in lines(bootstrap)] == [True, False]


def test_venv_of_another_python_is_made_anew(bootstrap, pack_there, monkeypatch):
    bootstrap.main(["run"])
    bootstrap.STAMP.unlink()
    shutil.rmtree(bootstrap.venv_python().parent)
    bootstrap.calls.clear()
    monkeypatch.setattr(bootstrap, "venv_version", lambda: (3, 9))
    bootstrap.main(["run"])
    assert " -m venv --clear " in lines(bootstrap)[0]


def test_failed_installation_is_said_and_tried_again(bootstrap, pack_there, capfd):
    bootstrap.codes = {" -m pip ": 1}
    assert bootstrap.main(["run"]) == 1
    assert "pip could not install the packages" in capfd.readouterr().err
    bootstrap.codes = {}
    assert bootstrap.main(["run"]) == 0
    assert sum(" -m pip " in line for line in lines(bootstrap)) == 2


def test_without_the_pack_the_toy_serves(bootstrap, pack_missing, capfd):
    bootstrap.codes = {" fetch ": 2}
    assert bootstrap.main(["run"]) == 0
    assert lines(bootstrap)[-1].endswith("-m desktop_app")
    assert "goes on with the toy model" in capfd.readouterr().err


@pytest.mark.parametrize(("where", "code"), [(" -m pip ", 130), (" fetch ", 130)])
def test_interrupt_while_setting_up_starts_nothing(bootstrap, pack_missing, where, code):
    bootstrap.codes = {where: code}
    assert bootstrap.main(["run"]) == 130
    assert where in lines(bootstrap)[-1]


@pytest.mark.parametrize("code", [1, 5])
def test_exit_code_of_the_tests_is_passed_on(bootstrap, pack_there, code):
    bootstrap.codes = {" -m pytest": code}
    assert bootstrap.main(["test"]) == code


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0), (2, 7, 18)])
def test_other_pythons_are_refused_in_one_sentence(bootstrap, monkeypatch, version, capfd):
    monkeypatch.setattr(bootstrap.sys, "version_info", version)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    assert bootstrap.main(["test"]) == 1
    said = capfd.readouterr().err
    assert "3.11 to 3.13 is needed; install one of them and run this with it." in said
    assert said.count("\n") == 1
    assert bootstrap.calls == []


def test_another_python_of_the_machine_is_named(bootstrap, monkeypatch, capfd):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name == "python3.12")
    assert bootstrap.main(["run"]) == 1
    assert "run `python3.12 packaging/bootstrap.py`." in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["install"], ["--help"]])
def test_usage(bootstrap, arguments, capfd):
    assert bootstrap.main(arguments) == (0 if arguments == ["--help"] else 2)
    assert capfd.readouterr().err.startswith("usage: ")


@pytest.fixture
def lacking(bootstrap, pack_there, monkeypatch):
    """A Linux user's machine with one package manager and without two libraries."""

    def prepare(tool, root=False, missing=("libEGL.so.1", "libfontconfig.so.1")):
        state = list(missing)
        monkeypatch.setattr(bootstrap, "missing_libraries", lambda _: list(state))
        monkeypatch.setattr(bootstrap, "sudo", lambda: "" if root else "sudo ")
        monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name == tool)
        record = bootstrap.call

        def call(command, extra=None, folder=None):
            if command[:2] == ["apt-get", "install"]:
                state.clear()
            return record(command, extra, folder)

        monkeypatch.setattr(bootstrap, "call", call)

    return prepare


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("apt-get", "sudo apt-get install -y fonts-dejavu-core libegl1 libfontconfig1"),
        ("dnf", "sudo dnf install -y dejavu-sans-fonts fontconfig libglvnd-egl"),
        ("pacman", "sudo pacman -S --needed fontconfig libglvnd ttf-dejavu"),
    ],
)
def test_missing_libraries_are_named_with_their_command(bootstrap, lacking, capfd, tool, command):
    lacking(tool)
    assert bootstrap.main(["run"]) == 1
    said = capfd.readouterr().err
    assert f"(libEGL.so.1, libfontconfig.so.1); install `{command}` and" in said
    assert not any("desktop_app" in line for line in lines(bootstrap))


def test_root_in_a_container_gets_them_installed(bootstrap, lacking, capfd):
    lacking("apt-get", root=True)
    assert bootstrap.main(["test"]) == 0
    installs = [line for line in lines(bootstrap) if line.startswith("apt-get install")]
    assert installs[0].endswith("fonts-dejavu-core libegl1 libfontconfig1")
    assert "installing system packages with apt-get" in capfd.readouterr().err


def test_unknown_library_is_named(bootstrap, lacking, capfd):
    lacking("apt-get", missing=["libnew.so.7"])
    assert bootstrap.main(["run"]) == 1
    assert "(libnew.so.7); install the packages that hold them" in capfd.readouterr().err


@pytest.fixture
def house(bootstrap, tmp_path):
    """A wheelhouse for this machine, and what names it."""
    folder = tmp_path / "house"
    folder.mkdir()
    make_list(bootstrap, folder)
    return folder


def make_list(bootstrap, folder, torch_index=""):
    (folder / "needed-1.0-py3-none-any.whl").write_bytes(b"a wheel")
    listed = bootstrap.wheelhouse_list
    file = listed.described(folder / "needed-1.0-py3-none-any.whl")
    version, inputs = listed.version_of(bootstrap.ROOT), listed.inputs_of(bootstrap.ROOT)
    listing = listed.Listing(listed.here(), version, inputs, torch_index, (file,))
    listed.write(folder, listing)


def test_from_a_wheelhouse_nothing_else_is_asked(bootstrap, pack_missing, house):
    assert bootstrap.main(["run", "--from", str(house), "a.lens"]) == 0
    venv, pip, fetch, app = bootstrap.calls
    alone = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": house.as_uri()}
    assert " -m venv " in venv[0]
    assert pip[1].items() >= alone.items()
    assert fetch[1] == alone
    assert app[0].endswith("-m desktop_app a.lens")
    assert app[1] == {}


def test_once_installed_it_starts_without_naming_the_wheelhouse(bootstrap, pack_there, house):
    bootstrap.main(["run", f"--from={house}"])
    bootstrap.calls.clear()
    assert bootstrap.main(["test"]) == 0
    assert [" -m pytest " in line for line in lines(bootstrap)] == [True]


@pytest.mark.parametrize("what", ["missing", "damaged"])
def test_a_damaged_wheelhouse_installs_nothing(bootstrap, house, capfd, what):
    path = house / "needed-1.0-py3-none-any.whl"
    path.unlink() if what == "missing" else path.write_bytes(b"a whirl")
    assert bootstrap.main(["test", "--from", str(house)]) == 1
    assert f"{path.name} " in capfd.readouterr().err.splitlines()[-1]
    assert bootstrap.calls == []


def test_a_wheelhouse_that_is_not_there_installs_nothing(bootstrap, tmp_path, capfd):
    assert bootstrap.main(["run", "--from", str(tmp_path / "none")]) == 1
    assert capfd.readouterr().err.startswith("lensbench: there is no folder ")
    assert bootstrap.calls == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from"], "--from needs a value"),
        (["--torch-index"], "--torch-index needs a value"),
        (["--torch-index", "cpu"], "'cpu' is neither"),
        (["--torch-index=https://host/x", "--from", "DIR"], "leave out --torch-index or --from"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(bootstrap, capfd, arguments, said):
    assert bootstrap.main(["run", *arguments]) == 1
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert bootstrap.calls == []


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["x.lens", "--from", "here"], "x.lens --from here"),
        (["--", "--from", "here"], "-- --from here"),
    ],
)
def test_options_that_stand_later_belong_to_lensbench(bootstrap, pack_there, given, passed):
    assert bootstrap.main(["run", *given]) == 0
    assert lines(bootstrap)[-1].endswith(f"-m desktop_app {passed}")


def test_two_dashes_end_the_options(bootstrap, pack_there, house):
    assert bootstrap.main(["test", "--from", str(house), "--", "-k", "rank"]) == 0
    assert lines(bootstrap)[-1].endswith(" worksteal -k rank")


def test_torch_comes_from_its_index_and_the_rest_from_the_usual_one(bootstrap, pack_there):
    address = "https://me:secret@host/whl/cu130"
    assert bootstrap.main(["run", "--torch-index", address]) == 0
    _, commons, torch, rest, _ = bootstrap.calls
    assert commons[0].endswith(f"-c {bootstrap.CONSTRAINTS} " + " ".join(TORCH_NEEDS))
    assert "PIP_INDEX_URL" not in {**commons[1], **rest[1]}
    assert torch[0].endswith(f"-m pip install -c {bootstrap.CONSTRAINTS} torch")
    assert torch[1]["PIP_INDEX_URL"] == torch[1]["PIP_EXTRA_INDEX_URL"] == address
    assert rest[0].endswith("[compute,dev]")
    stamp = bootstrap.STAMP.read_text()
    assert "https://host/whl/cu130" in stamp
    assert "secret" not in stamp


def test_the_index_of_torch_is_remembered(bootstrap, pack_there):
    bootstrap.main(["run", "--torch-index", "https://host/cpu"])
    bootstrap.calls.clear()
    bootstrap.main(["run"])
    assert len(bootstrap.calls) == 1
    with bootstrap.CONSTRAINTS.open("a") as stream:
        stream.write("# changed\n")
    bootstrap.calls.clear()
    bootstrap.main(["run"])
    kinds = [environment.get("PIP_INDEX_URL") for _, environment, _ in bootstrap.calls]
    assert kinds == [None, "https://host/cpu", None, None]


@pytest.mark.parametrize("index", ["https://host/cuda", "default"])
def test_another_torch_gets_a_new_venv(bootstrap, pack_there, index):
    bootstrap.main(["run", "--torch-index", "https://host/cpu"])
    bootstrap.calls.clear()
    shutil.rmtree(bootstrap.venv_python().parent)
    bootstrap.main(["run", "--torch-index", index])
    assert " -m venv --clear " in lines(bootstrap)[0]
    assert bootstrap.main(["run", "--torch-index", index]) == 0
    assert lines(bootstrap)[-2:] == [f"{bootstrap.venv_python()} -m desktop_app"] * 2


def test_a_failed_other_torch_is_not_taken_for_the_usual_one(bootstrap, pack_there):
    bootstrap.codes = {" torch": 1}
    assert bootstrap.main(["run", "--torch-index", "https://host/cpu"]) == 1
    bootstrap.calls.clear()
    bootstrap.codes = {}
    assert bootstrap.main(["run"]) == 0
    assert "https://host/cpu" in [e.get("PIP_INDEX_URL") for _, e, _ in bootstrap.calls]


def test_a_wheelhouse_with_another_torch_is_remembered_as_such(bootstrap, pack_there, house):
    make_list(bootstrap, house, "https://host/cpu")
    bootstrap.main(["run", "--from", str(house)])
    assert "torch https://host/cpu\n" in bootstrap.STAMP.read_text()
    assert sum(" -m pip " in line for line in lines(bootstrap)) == 1


def test_package_installs_what_bundles_and_starts_it(bootstrap, pack_there, house, monkeypatch):
    monkeypatch.setattr(bootstrap.system_packages, "missing_tools", list)
    arguments = ["--viewer", "--from", str(house), "--out", "built", "--folder-only"]
    assert bootstrap.main(["package", *arguments]) == 0
    _, pip, script = bootstrap.calls
    assert pip[0].endswith("[compute,dev,bundle]")
    path = bootstrap.ROOT / "packaging" / "package.py"
    assert script[0] == f"{bootstrap.venv_python()} {path} --viewer --out built --folder-only"
    assert script[1] == {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": house.as_uri()}
    bootstrap.calls.clear()
    bootstrap.main(["package"])
    bootstrap.main(["test", "-q"])
    assert not [line for line in lines(bootstrap) if " -m pip " in line]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="installers of Linux")
def test_package_names_first_what_is_missing(bootstrap, monkeypatch, tmp_path, capfd):
    found = {"LIBDIR": str(tmp_path), "MULTIARCH": "here", "INSTSONAME": "libpython3.x.so.1"}
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name == "apt-get")
    monkeypatch.setattr(bootstrap, "sudo", lambda: "sudo ")
    monkeypatch.setattr(bootstrap.system_packages.sysconfig, "get_config_var", found.get)
    assert bootstrap.main(["package"]) == 1
    said = capfd.readouterr().err
    library = "libpython{}.{}".format(*sys.version_info[:2])
    assert "(objdump, dpkg-deb, libpython3.x.so.1); install " in said
    assert f"`sudo apt-get install -y binutils dpkg {library}`" in said
    assert bootstrap.calls == []
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "libpython3.x.so.1").touch()
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name)
    assert bootstrap.main(["package"]) == 0


def test_without_a_network_nothing_of_the_system_is_installed(bootstrap, lacking, house, capfd):
    lacking("apt-get", root=True)
    assert bootstrap.main(["run", "--from", str(house)]) == 1
    assert "install `apt-get install -y fonts-dejavu-core libegl1" in capfd.readouterr().err
    assert not [line for line in lines(bootstrap) if line.startswith("apt-get")]


def test_wheelhouse_is_made_for_the_machine_named(bootstrap, monkeypatch, tmp_path, capfd):
    asked = []

    def make(folder, target, index, root, pip):
        asked.append((folder, target, index, root, pip))
        return bootstrap.wheelhouse_list.Listing(target, "0.1.0", "", index, ())

    monkeypatch.setattr(bootstrap.wheelhouse, "make", make)
    house = tmp_path / "house"
    arguments = ["--platform", "windows", "--python=3.12", "--torch-index", "https://host/cu130"]
    assert bootstrap.main(["wheelhouse", str(house), *arguments]) == 0
    target = bootstrap.wheelhouse_list.Target("windows", "3.12")
    assert asked == [(house, target, "https://host/cu130", bootstrap.ROOT, bootstrap.pip)]
    said = capfd.readouterr().err
    assert f"{house} holds 0 files, 0.00 GB, for Lensbench 0.1.0 on windows with" in said
    assert "python3.12 packaging/bootstrap.py run --from DIR" in said


def test_wheelhouse_for_a_machine_without_wheels_is_refused(bootstrap, monkeypatch, capfd):
    odd = bootstrap.wheelhouse_list.Target("plan9-mips", "3.12")
    monkeypatch.setattr(bootstrap.wheelhouse_list, "here", lambda: odd)
    assert bootstrap.main(["wheelhouse", "x"]) == 1
    assert "no wheels of Qt or torch for plan9-mips; name linux-x86_64," in capfd.readouterr().err


def test_python_without_venv_names_debians_package(bootstrap, monkeypatch, capfd):
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name == "apt-get")
    monkeypatch.setattr(bootstrap, "sudo", lambda: "sudo ")
    assert bootstrap.main(["run"]) == 1
    package = f"python3.{sys.version_info[1]}-venv"
    assert f"`sudo apt-get install -y {package}`" in capfd.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the loader of Linux")
def test_the_loader_is_asked(tmp_path, monkeypatch):
    module = loaded(monkeypatch)
    fake = tmp_path / "ldd"
    fake.write_text(
        "#!/bin/sh\n"
        "printf '\\tlibEGL.so.1 => not found\\n\\tlibc.so.6 => /lib/libc.so.6 (0x1)\\n'\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert module.missing_libraries(["any.so"]) == ["libEGL.so.1"]
    assert module.missing_libraries([]) == []


def test_screen_libraries_count_only_for_a_window(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    platforms = bootstrap.VENV / "lib/python3.11/site-packages/PySide6/Qt/plugins/platforms"
    platforms.mkdir(parents=True)
    for name in ("libqxcb.so", "libqwayland.so", "libqoffscreen.so"):
        (platforms / name).touch()
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")

    def names(command):
        return {Path(path).name for path in bootstrap.needed_qt_files(command)}

    assert names("test") == {"libqoffscreen.so"}
    assert names("run") == names("package") == {"libqoffscreen.so", "libqxcb.so"}
    monkeypatch.delenv("DISPLAY")
    assert names("run") == {"libqoffscreen.so"}
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert names("run") == {"libqoffscreen.so", "libqwayland.so"}


def test_commands_get_a_clean_environment_and_their_exit_code_counts(bootstrap, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    code = (
        "import os, sys; clean = 'PYTHONPATH' not in os.environ; "
        "sys.exit(7 if clean and os.environ.get('A') == 'b' else 1)"
    )
    assert bootstrap.real_call([sys.executable, "-c", code], {"A": "b"}) == 7


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_interrupt_reaches_the_command_and_ends_with_130():
    inner = "import time; print('ready', flush=True); time.sleep(3600)"
    # A shell starts what runs in its background with SIGINT ignored, and children inherit that.
    outer = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"import sys; sys.path.insert(0, {str(FILE.parent)!r}); import bootstrap; "
        f"sys.exit(bootstrap.call([sys.executable, '-c', {inner!r}]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", outer],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(CHILD_S) == 130
    finally:
        end_session_of(process)
        process.stdout.close()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_what_a_background_shell_has_silenced_stays_so(bootstrap, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = "import signal, sys; sys.exit(signal.getsignal(signal.SIGINT) != signal.SIG_IGN)"
        assert bootstrap.real_call([sys.executable, "-c", code]) == 0
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def pins():
    text = (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_constraints_are_exact_public_versions():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins())
    assert "torch==2.13.0" in pins()
    assert "PySide6_Essentials==6.11.3" in pins()


def test_every_requirement_is_pinned_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {canonicalize_name(name): version for name, version in (p.split("==") for p in pins())}
    wanted = project["dependencies"] + [
        requirement for extra in project["optional-dependencies"].values() for requirement in extra
    ]
    for requirement in map(Requirement, wanted):
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), requirement


def test_the_base_installation_is_a_viewer_without_torch():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = {canonicalize_name(Requirement(r).name) for r in project["dependencies"]}
    heavy = {Requirement(r).name for r in project["optional-dependencies"]["compute"]}
    assert heavy >= {"torch", "transformers", "transformer-lens", "accelerate", "gguf"}
    assert not base & {canonicalize_name(name) for name in heavy}
    assert base >= {"pyside6-essentials", "numpy", "pydantic", "click"}


def test_ci_runs_the_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in script if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["python3 packaging/bootstrap.py test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK) or os.name == "nt"
