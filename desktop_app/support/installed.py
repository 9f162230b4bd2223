"""What is installed: the viewer alone, or everything that running a model needs.

`pip install lensbench` brings the viewer, which opens, draws, compares and exports every session;
`pip install "lensbench[compute]"` adds the libraries below.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from desktop_app.support.errors import ModelLoadError

COMPUTE = ("torch", "transformers", "transformer_lens", "accelerate", "safetensors", "tokenizers")


def compute_problem() -> str | None:
    """Return in a sentence what running an analysis lacks, None where all is there.

    Nothing is imported for the answer.
    """
    missing = [name for name in COMPUTE if not _is_installed(name)]
    if not missing:
        return None
    return (
        f"This installation shows sessions but cannot run models, as it lacks {', '.join(missing)}:"
        ' install them with `pip install "lensbench[compute]"`.'
    )


def require_compute() -> None:
    """Refuse to go on where models cannot be run.

    Raises:
        ModelLoadError: With the sentence of `compute_problem`.
    """
    problem = compute_problem()
    if problem is not None:
        raise ModelLoadError(problem)


@cache
def package_version(name: str) -> str:
    """Return an installed package's version, or `unknown`; its files are read once."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
