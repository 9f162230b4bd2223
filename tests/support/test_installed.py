"""What this program is: packages, the installed program, or its viewer."""

from __future__ import annotations

import sys

import pytest

from desktop_app.support import installed
from desktop_app.support.errors import ModelLoadError

LIBRARIES = ("json", "no_such_library", "nor.this")


def test_packages_are_no_installed_program():
    assert installed.build() == "source"
    assert installed.missing() == []


@pytest.mark.parametrize(("has_torch", "build"), [(True, "bundle"), (False, "viewer")])
def test_a_frozen_program_without_torch_is_the_viewer(has_torch, build, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    if not has_torch:
        monkeypatch.setitem(sys.modules, "torch", None)
    assert installed.build() == build
    assert build in installed.BUILD_NAMES


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ("source", 'pip install "lensbench[compute]"'),
        ("bundle", "lacks no_such_library, nor.this: install it again."),
        ("viewer", "install the full Lensbench."),
    ],
)
def test_the_advice_is_one_that_can_be_followed(build, words, monkeypatch):
    monkeypatch.setattr(installed, "COMPUTE", LIBRARIES)
    monkeypatch.setattr(installed, "build", lambda: build)
    assert words in installed.compute_problem()
    assert ("pip" in installed.compute_problem()) is (build == "source")
    with pytest.raises(ModelLoadError, match=r"run|whole"):
        installed.require_compute()
    assert installed.missing() == ["no_such_library", "nor.this"]
