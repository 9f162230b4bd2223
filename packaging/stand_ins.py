"""Stand-ins for two libraries that TransformerLens imports at its top and Lensbench never uses.

`datasets` and `pandas` (with pyarrow a quarter of a gigabyte) stay out of the installed program.
PyInstaller runs this before the program. A real one that a plug-in brings is found first, as this
finder stands last; where a model was loaded before the plug-in was switched on, at the next start.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_NAMES = {
    "datasets": ("Dataset", "IterableDataset", "load_dataset"),
    "datasets.arrow_dataset": ("Dataset",),
    "datasets.iterable_dataset": ("IterableDataset",),
    "datasets.load": ("load_dataset",),
    "pandas": ("DataFrame",),
}


class _Missing:
    """What a name of a library that is not there stands for; making one says so."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        raise ImportError(f"{type(self).__name__} needs a library that this program leaves out")


class _StandIns(MetaPathFinder, Loader):
    """Finds and makes the modules of `_NAMES`."""

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        """Return the spec of a stand-in, None for every other name."""
        if fullname not in _NAMES:
            return None
        return ModuleSpec(fullname, self, is_package=fullname == "datasets")

    def exec_module(self, module: ModuleType) -> None:
        """Fill a stand-in."""
        for name in _NAMES[module.__name__]:
            setattr(module, name, type(name, (_Missing,), {}))


sys.meta_path.append(_StandIns())
