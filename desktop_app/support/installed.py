"""What is installed: the viewer alone, or everything that running a model needs.

`pip install lensbench` brings the viewer, which opens, draws, compares and exports every session;
`pip install "lensbench[compute]"` adds the libraries below. The program that an installer brings is
frozen: it holds its own Python, and what it lacks can only come with another installer.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal

from desktop_app.support.errors import ModelLoadError

COMPUTE = ("torch", "transformers", "transformer_lens", "accelerate", "safetensors", "tokenizers")

UNKNOWN = "unknown"

Build = Literal["source", "bundle", "viewer"]
BUILD_NAMES: dict[Build, str] = {
    "source": "Python packages",
    "bundle": "installed program",
    "viewer": "installed viewer, without models",
}


def build() -> Build:
    """Return what this program is.

    Returns:
        `source` for Python packages (a source tree or a wheel), `bundle` for the frozen program
        that runs models, `viewer` for the frozen one that only shows sessions.
    """
    if not getattr(sys, "frozen", False):
        return "source"
    return "bundle" if _is_installed("torch") else "viewer"


def missing() -> list[str]:
    """Return the libraries that running an analysis needs and that are not there."""
    return [name for name in COMPUTE if not _is_installed(name)]


def compute_problem() -> str | None:
    """Return in a sentence what running an analysis lacks, None where all is there.

    Nothing is imported for the answer.
    """
    lacking = ", ".join(missing())
    if not lacking:
        return None
    kind = build()
    if kind == "viewer":
        return (
            "This is the Lensbench viewer, which shows sessions and runs no models: to run them, "
            "install the full Lensbench."
        )
    if kind == "bundle":
        return f"This Lensbench is not whole, as it lacks {lacking}: install it again."
    return (
        f"This installation shows sessions but cannot run models, as it lacks {lacking}:"
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
        return UNKNOWN


def requirements() -> tuple[str, ...]:
    """Return what Lensbench says that it needs, a line each; none where it is not installed."""
    try:
        return tuple(requires("lensbench") or ())
    except PackageNotFoundError:
        return ()


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
