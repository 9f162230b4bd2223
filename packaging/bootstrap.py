"""Set up Lensbench from a fresh clone, then run it or its tests.

    python3 packaging/bootstrap.py run [arguments of lensbench]
    python3 packaging/bootstrap.py test [arguments of pytest]

Either makes `.venv` beside this folder, installs the exact versions of `constraints.txt` there,
fetches the model pack, and starts. What is done already is not done again, so that a second run
starts at once. Standard library only; the syntax is that of Python 3.7, so that an older Python can
still say which versions are needed.
"""

from __future__ import annotations

import glob
import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "lensbench-stamp.txt"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
OLDEST, NEWEST = (3, 11), (3, 13)
MODEL = "smollm2"
# Both cores of a small machine; each worker loads the models that its tests need, 2 GB in all.
# The arguments given come after these, so that `-n 0` runs the tests in one process.
PARALLEL = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")
USAGE = "usage: python3 packaging/bootstrap.py run [arguments] | test [pytest arguments]"

# What Qt loads from the system: library -> package for apt-get, dnf, pacman. fontconfig comes
# with a font, without which every label is a row of boxes.
LIBRARIES = {
    "libEGL.so.1": "libegl1|libglvnd-egl|libglvnd",
    "libGL.so.1": "libgl1|libglvnd-glx|libglvnd",
    "libGLX.so.0": "libgl1|libglvnd-glx|libglvnd",
    "libOpenGL.so.0": "libopengl0|libglvnd-opengl|libglvnd",
    "libX11.so.6": "libx11-6|libX11|libx11",
    "libX11-xcb.so.1": "libx11-xcb1|libX11-xcb|libx11",
    "libdbus-1.so.3": "libdbus-1-3|dbus-libs|dbus",
    "libfontconfig.so.1": (
        "libfontconfig1 fonts-dejavu-core|fontconfig dejavu-sans-fonts|fontconfig ttf-dejavu"
    ),
    "libfreetype.so.6": "libfreetype6|freetype|freetype2",
    "libglib-2.0.so.0": "libglib2.0-0|glib2|glib2",
    "libgthread-2.0.so.0": "libglib2.0-0|glib2|glib2",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2|krb5-libs|krb5",
    "libstdc++.so.6": "libstdc++6|libstdc++|gcc-libs",
    "libwayland-client.so.0": "libwayland-client0|libwayland-client|wayland",
    "libwayland-cursor.so.0": "libwayland-cursor0|libwayland-cursor|wayland",
    "libxcb.so.1": "libxcb1|libxcb|libxcb",
    "libxcb-cursor.so.0": "libxcb-cursor0|xcb-util-cursor|xcb-util-cursor",
    "libxcb-icccm.so.4": "libxcb-icccm4|xcb-util-wm|xcb-util-wm",
    "libxcb-image.so.0": "libxcb-image0|xcb-util-image|xcb-util-image",
    "libxcb-keysyms.so.1": "libxcb-keysyms1|xcb-util-keysyms|xcb-util-keysyms",
    "libxcb-randr.so.0": "libxcb-randr0|libxcb|libxcb",
    "libxcb-render.so.0": "libxcb-render0|libxcb|libxcb",
    "libxcb-render-util.so.0": "libxcb-render-util0|xcb-util-renderutil|xcb-util-renderutil",
    "libxcb-shape.so.0": "libxcb-shape0|libxcb|libxcb",
    "libxcb-shm.so.0": "libxcb-shm0|libxcb|libxcb",
    "libxcb-sync.so.1": "libxcb-sync1|libxcb|libxcb",
    "libxcb-util.so.1": "libxcb-util1|xcb-util|xcb-util",
    "libxcb-xfixes.so.0": "libxcb-xfixes0|libxcb|libxcb",
    "libxcb-xkb.so.1": "libxcb-xkb1|libxcb|libxcb",
    "libxkbcommon.so.0": "libxkbcommon0|libxkbcommon|libxkbcommon",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0|libxkbcommon-x11|libxkbcommon-x11",
    "libz.so.1": "zlib1g|zlib|zlib",
}
INSTALLERS = ("apt-get install -y", "dnf install -y", "pacman -S --needed")
# The modules that the application and its tests import, and the plugin that draws without a screen.
QT_FILES = (
    *("QtCore.abi3.so", "QtGui.abi3.so", "QtWidgets.abi3.so", "QtSvg.abi3.so", "QtTest.abi3.so"),
    *("QtOpenGL.abi3.so", "QtOpenGLWidgets.abi3.so", "Qt/plugins/platforms/libqoffscreen.so"),
)


class SetupError(Exception):
    """One sentence: what is wrong and what to do."""


def main(arguments: list[str]) -> int:
    """Set up, then run the application or the tests; return the exit code."""
    if not arguments or arguments[0] not in ("run", "test"):
        say(USAGE)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    testing, rest = arguments[0] == "test", arguments[1:]
    try:
        check_python()
        install()
        check_libraries(needed_qt_files(testing))
        fetch_model()
    except SetupError as error:
        say("lensbench: " + str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    if testing:
        offscreen = {"QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
        return call([str(venv_python()), "-m", "pytest", *PARALLEL, *rest], offscreen, ROOT)
    return call([str(venv_python()), "-m", "desktop_app", *rest])


def check_python() -> None:
    """Refuse a Python for which there are no tested versions."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [f"`{name} packaging/bootstrap.py`" for name in names if shutil.which(name)]
    advice = f"run {found[0]}" if found else "install one of them and run this with it"
    raise SetupError(
        f"this is Python {platform.python_version()}, and 3.{OLDEST[1]} to 3.{NEWEST[1]} is "
        f"needed; {advice}."
    )


def install() -> None:
    """Make `.venv` and install into it, unless that was done for these very files and Python."""
    stamp = wanted_stamp()
    if venv_python().exists() and STAMP.is_file() and STAMP.read_text("utf-8") == stamp:
        return
    if not venv_python().exists() or venv_version() != sys.version_info[:2]:
        make_venv()
    say("2/3 installing the pinned packages (minutes the first time; torch is large) ...")
    pip = [str(venv_python()), "-m", "pip", "--disable-pip-version-check", "install"]
    wanted = str(ROOT) + "[compute,dev]"
    code = call([*pip, "-c", str(CONSTRAINTS), "-e", wanted], {"PIP_USER": "0"})
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        raise SetupError(
            "pip could not install the packages; its last lines above say why (no network, a full "
            "disk?); mend that and run this again."
        )
    STAMP.write_text(stamp, "utf-8")


def wanted_stamp() -> str:
    """Return what identifies a finished installation: the inputs, the Python and the place."""
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(path.read_bytes())
    where = f"{platform.python_version()} {sys.platform} {platform.machine()}"
    return "\n".join((digest.hexdigest(), where, str(ROOT), ""))


def venv_python() -> Path:
    """Return the interpreter of `.venv`, whether or not it exists."""
    if os.name == "nt":
        return VENV / "Scripts" / "python.exe"
    return VENV / "bin" / "python"


def venv_version() -> tuple[int, ...]:
    """Return major and minor of the Python in `.venv`, or nothing where it or its pip is broken."""
    command = [str(venv_python()), "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        text = subprocess.check_output(command, stderr=subprocess.DEVNULL, env=child_environment())
        return tuple(int(number) for number in text.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def make_venv() -> None:
    """Make `.venv` anew, with pip."""
    say(f"1/3 making .venv with Python {platform.python_version()} ...")
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        # Debian and Ubuntu ship the two in a package of their own.
        package = f"python3.{sys.version_info[1]}-venv"
        if shutil.which("apt-get") is None:
            raise SetupError("this Python lacks {}; install it.".format(" and ".join(missing)))
        if not apt_install([package]):
            raise SetupError(
                "this Python cannot make virtual environments; install what it lacks with "
                f"`{sudo()}apt-get install -y {package}` and run this again."
            )
    if call([sys.executable, "-m", "venv", "--clear", str(VENV)]) != 0:
        raise SetupError(f"{VENV} could not be made; mend what the lines above say and try again.")


def needed_qt_files(testing: bool) -> list[str]:
    """Return the compiled files of Qt that this start will load (Linux only)."""
    if not sys.platform.startswith("linux"):
        return []
    files = list(QT_FILES)
    if not testing and os.environ.get("QT_QPA_PLATFORM", "") == "":
        if os.environ.get("DISPLAY"):
            files.append("Qt/plugins/platforms/libqxcb.so")
        elif os.environ.get("WAYLAND_DISPLAY"):
            files.append("Qt/plugins/platforms/libqwayland*.so")
    folder = glob.escape(str(VENV)) + "/lib/python3*/site-packages/PySide6/"
    return [path for name in files for path in sorted(glob.glob(folder + name))]


def check_libraries(qt_files: list[str]) -> None:
    """Install or name the system libraries that Qt needs and this machine lacks."""
    missing = missing_libraries(qt_files)
    if not missing:
        return
    tools = [index for index, line in enumerate(INSTALLERS) if shutil.which(line.split()[0])]
    column = tools[0] if tools else 0
    known = [LIBRARIES[name].split("|")[column].split() for name in missing if name in LIBRARIES]
    packages = sorted({package for group in known for package in group})
    if column == 0 and packages and apt_install(packages):
        missing = missing_libraries(qt_files)
        if not missing:
            return
    command = "the packages that hold them"
    if packages:
        command = "`{}{} {}`".format(sudo(), INSTALLERS[column], " ".join(packages))
    raise SetupError(
        "Qt needs system libraries that are missing ({}); install {} and run this again.".format(
            ", ".join(missing), command
        )
    )


def missing_libraries(qt_files: list[str]) -> list[str]:
    """Return the names of the shared libraries that the loader does not find."""
    ldd = shutil.which("ldd")
    if not qt_files or ldd is None:
        return []
    command = [ldd, *qt_files]
    result = subprocess.run(command, capture_output=True, env=child_environment(), check=False)
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    return sorted({line.split()[0] for line in lines if line.endswith("=> not found")})


def apt_install(packages: list[str]) -> bool:
    """Install packages where that needs no password: as root (a container, CI) with apt-get."""
    if shutil.which("apt-get") is None or sudo() != "":
        return False
    say("installing system packages with apt-get: " + " ".join(packages))
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-qq"], quiet)
    install_quietly = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    return call([*install_quietly, *packages], quiet) == 0


def sudo() -> str:
    """Return the prefix that a command for the whole machine needs here."""
    return "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "


def fetch_model() -> None:
    """Fetch the model pack where it is missing; the toy model serves where that fails."""
    place = "desktop_app.engine.packs.pack"
    probe = f"import sys; from {place} import is_installed as f; sys.exit(not f({MODEL!r}))"
    command = [str(venv_python()), "-c", probe]
    probed = subprocess.run(command, capture_output=True, env=child_environment(), check=False)
    if probed.returncode == 0:
        return
    say("3/3 fetching the model pack (90 MB, once) ...")
    code = call([str(venv_python()), "-m", "desktop_app", "fetch", MODEL])
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        say("The model pack is not installed, so this goes on with the toy model alone.")


def call(
    command: list[str], extra: dict[str, str] | None = None, folder: Path | None = None
) -> int:
    """Run a command to its end and return its exit code; Ctrl-C reaches it and gives 130."""
    interrupts: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN:  # a shell ignores it for what runs in its background
        # The terminal sends it to the command as well, which ends in its own time; ending this
        # one first would leave two programs at one prompt.
        signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    try:
        code = subprocess.call(command, env=child_environment(extra), cwd=folder)
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts and code != 0:
        return 130
    return code if code >= 0 else 128 - code


def child_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment for `.venv`, without what would mix other packages into it."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    return dict(kept, **(extra or {}))


def say(line: str) -> None:
    """Print one line at once, before the output of the command that follows it."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
