"""What packages say that they need."""

from __future__ import annotations

import sys
from importlib.metadata import distributions

import pytest

from desktop_app.support.requirements import Requirement, counts_here, plain_name, read_requirement


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("numpy", Requirement("numpy")),
        ("numpy>=2.0", Requirement("numpy", versions=">=2.0")),
        ("Typing_Extensions (>=4,<5)", Requirement("typing-extensions", versions=">=4,<5")),
        (
            'a.b[x, Y_z]>=1 ; extra == "dev"',
            Requirement("a-b", frozenset({"x", "y-z"}), ">=1", 'extra == "dev"'),
        ),
        ('a; python_version<"3"', Requirement("a", marker='python_version<"3"')),
        ("a @ https://example.org/a.whl", Requirement("a")),
        ("", None),
        ("!", None),
    ],
)
def test_lines(line, wanted):
    assert read_requirement(line) == wanted


@pytest.mark.parametrize(
    ("marker", "counts"),
    [
        ("", True),
        ('python_version >= "3.9"', True),
        ('python_version < "3.9"', False),
        ('"3.9" <= python_version', True),
        ('python_full_version < "3.10.0"', False),
        (f'sys_platform == "{sys.platform}"', True),
        ('sys_platform != "cp/m"', True),
        ('sys_platform in "cp/m tos"', False),
        ('sys_platform not in "cp/m tos"', True),
        ('sys_platform == "cp/m" or (python_version > "3" and os_name != "x")', True),
        ('extra == "compute"', True),
        ('extra == "dev"', False),
        ('python_version < "3.9" and extra == "compute"', False),
        # What cannot be read counts.
        ("nonsense", True),
        ('__import__("os").system("x")', True),
        ("(" * 5000, True),
        ('python_version < "three"', True),
    ],
)
def test_markers(marker, counts):
    assert counts_here(marker, frozenset({"compute"})) is counts


def test_every_requirement_of_every_package_here_is_read_as_others_read_it():
    packaging = pytest.importorskip("packaging.requirements")
    lines = {line for found in distributions() for line in found.requires or ()}
    assert len(lines) > 100
    for line in lines:
        mine, other = read_requirement(line), packaging.Requirement(line)
        assert mine.name == plain_name(other.name)
        assert mine.extras == frozenset(map(plain_name, other.extras))
        for extra in ("", "compute", "test", "dev", "all"):
            theirs = other.marker is None or other.marker.evaluate({"extra": extra})
            assert counts_here(mine.marker, frozenset({extra})) is theirs, line
