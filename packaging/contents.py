"""What the installed program contains: modules, files, libraries, and what of them stays out.

`lensbench.spec` asks here, so that it can be read and tested without PyInstaller.
"""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Entry = tuple[str, str, str]
ROOT = Path(__file__).resolve().parent.parent
APP = "desktop_app"
RESOURCES = "resources"
# What the viewer has no use for: it opens, draws, compares and exports sessions.
COMPUTE = (
    *("accelerate", "datasets", "einops", "gguf", "hf_xet", "huggingface_hub", "jaxtyping"),
    *("networkx", "pandas", "safetensors", "sentencepiece", "sympy", "tokenizers", "torch"),
    *("torchgen", "transformer_lens", "transformers"),
    # What these need in turn.
    *("charset_normalizer", "markdown_it", "mdurl", "pygments", "regex", "requests", "rich"),
    *("tqdm", "yaml"),
)
# What runs models: the packages that are looked up by name at run time, and so are taken whole.
WHOLE = ("accelerate", "gguf", "safetensors", "tokenizers", "transformer_lens", "transformers")
# The rest of Python goes in whole: a plug-in may import what the program does not. Its doors to
# readline and gdbm stay out, as those libraries would put all of this under the GPL.
_GPL = {"_dbm", "_gdbm", "readline"}
_NO_LIBRARY = {
    *_GPL,
    *("antigravity", "ensurepip", "idlelib", "lib2to3", "nis", "pydoc_data", "test", "this"),
    *("tkinter", "turtle", "turtledemo", "venv"),
}
# TransformerLens depends on these and its bridge never uses them: `stand_ins.py` answers its
# imports of the two that it makes at its top. The rest is for tests, notebooks and training.
NEVER = (
    *("IPython", "cwevals", "coreweave_evaluations", "datasets", "hypothesis", "iniconfig"),
    *("matplotlib", "multiprocess", "mypy", "opentelemetry", "pandas", "pip", "pluggy", "pyarrow"),
    *("py", "pytest", "_pytest", "pytestqt", "ruff", "setuptools", "tensorboard", "tkinter"),
    *("_tkinter", "transformers_stream_generator", "wandb", "xdist", "xxhash"),
    *sorted(_GPL),
    *("PySide6.QtDBus", "PySide6.QtNetwork", "torch.test", "transformer_lens.benchmarks"),
)
# Libraries that belong to the machine: its drivers are built against them, and an older copy
# inside the program would be loaded in their place. The package and the installer name them.
_OF_THE_MACHINE = (
    *("ld-linux", "libc.so", "libdl.so", "libm.so", "libpthread.so", "librt.so", "libutil.so"),
    *("libEGL.so", "libGL.so", "libGLX.so", "libGLdispatch.so", "libOpenGL.so", "libX11-xcb.so"),
    *("libX11.so", "libdrm.so", "libexpat.so", "libfontconfig.so", "libfreetype.so", "libgbm.so"),
    *("libgcc_s.so", "libglib-2.0.so", "libgthread-2.0.so", "libstdc++.so", "libwayland-"),
    *("libxcb.so", "libz.so"),
)
# Parts of libraries that need what is not there, or that only compilers and tests read.
_NOT_SHIPPED = (
    *("PySide6/Qt/plugins/egldeviceintegrations/", "PySide6/Qt/plugins/generic/"),
    *(
        f"PySide6/Qt/plugins/platforms/libq{n}.so"
        for n in ("eglfs", "linuxfb", "minimalegl", "vnc")
    ),
    "PySide6/Qt/plugins/platforms/libqvkkhrdisplay.so",
    *("PySide6/Qt/plugins/platformthemes/libqgtk3.so", "PySide6/Qt/qml/"),
    *("PySide6/Qt/plugins/networkinformation/", "PySide6/Qt/plugins/tls/"),
    *("PySide6/Qt/translations/", "PySide6/translations/"),
    *("torch/bin/", "torch/include/", "torch/share/", "torch/test/"),
)
_SHIPPED_ALL_THE_SAME = ("torch/bin/torch_shm_manager",)  # torch asks for it when it is imported


def standard_library() -> list[str]:
    """Return the modules of Python's own library, less its tests and its editor."""
    named = sys.stdlib_module_names - _NO_LIBRARY
    return sorted(name for name in named if not name.startswith(("_test", "_tkinter")))


def is_left_out(module: str) -> bool:
    """Return whether a module is one of `NEVER`, or lies in one."""
    return any(module == name or module.startswith(f"{name}.") for name in NEVER)


def app_files() -> list[tuple[str, str]]:
    """Return the program's files that are no modules, each with the folder that it goes to."""
    found = [
        (path, path.parent.relative_to(ROOT))
        for path in sorted((ROOT / APP).rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    resources = ROOT / RESOURCES
    found += [
        (path, path.parent.relative_to(ROOT))
        for path in sorted(resources.rglob("*"))
        if path.is_file() and path.relative_to(resources).parts[0] != "screenshots"
    ]
    found += [(ROOT / name, Path(RESOURCES)) for name in ("CHANGELOG.md", "LICENSE")]
    return [(str(path), folder.as_posix()) for path, folder in found]


def is_shipped(destination: str) -> bool:
    """Return whether a file of a library goes in, by the path that it would have inside."""
    name = destination.replace("\\", "/")
    if name.startswith(_SHIPPED_ALL_THE_SAME):
        return True
    return not name.startswith(_NOT_SHIPPED) and not _is_of_the_machine(name)


def needed(binaries: list[Entry], imports: Callable[[str], Iterable[str]]) -> list[Entry]:
    """Return the binaries without the libraries that nothing asks for any longer.

    Args:
        binaries: Path inside, file and kind, as PyInstaller lists them.
        imports: Gives the names of the libraries that a file asks for.
    """
    asked = {PurePosixPath(entry[0]).name: entry for entry in binaries if _waits_to_be_asked(entry)}
    kept = [entry for entry in binaries if entry not in asked.values()]
    for entry in kept:  # grows while it is read
        kept += [found for name in imports(entry[1]) if (found := asked.pop(name, None))]
    return kept


def pointing_somewhere(entries: list[Entry], there: Iterable[str]) -> list[Entry]:
    """Return the entries without links to what is not `there` (paths inside)."""
    known = set(there)
    return [entry for entry in entries if entry[2] != "SYMLINK" or entry[1] in known]


def _is_of_the_machine(destination: str) -> bool:
    """Return whether a file is one of the libraries that every machine has in its own version."""
    # Wheels bring private copies, renamed and in folders of their own; those stay.
    is_at_the_top = "/" not in destination
    return sys.platform == "linux" and is_at_the_top and destination.startswith(_OF_THE_MACHINE)


def is_copied(entry: Entry) -> bool:
    """Return whether a library is one of this machine's: it lies at the top, and is not Python."""
    name, file, kind = entry
    is_at_the_top = "/" not in name and kind == "BINARY" and not name.startswith("libpython")
    return is_at_the_top and "site-packages" not in Path(file).parts


def _waits_to_be_asked(entry: Entry) -> bool:
    """Return whether a library is there for others: Qt's own, or copied from the machine."""
    return is_copied(entry) or entry[0].startswith("PySide6/Qt/lib/")


def is_metadata(destination: str) -> bool:
    """Return whether a file tells of a distribution: those of what is inside are added by name."""
    return destination.replace("\\", "/").partition("/")[0].endswith(".dist-info")


def distributions(destinations: list[str], modules: list[str]) -> list[str]:
    """Return the distributions of which something goes in.

    Args:
        destinations: Paths inside the program of its libraries and files.
        modules: Dotted names of its modules.
    """
    tops = {name.partition(".")[0] for name in modules}
    tops |= {name.replace("\\", "/").partition("/")[0].partition(".")[0] for name in destinations}
    known = packages_distributions()
    return sorted({dist for top in tops for dist in known.get(top, ())} - {"lensbench"})
