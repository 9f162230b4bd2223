"""What packages say that they need, and what a range of versions means."""

from __future__ import annotations

import sys
from importlib.metadata import distributions

import pytest

from desktop_app.support.requirements import counts_here, read_requirement, satisfies


@pytest.mark.parametrize("line", ["", "!", "a b", 'a; python_version < "3" and', "(" * 5000])
def test_a_line_that_says_nothing_is_none(line):
    assert read_requirement(line) is None


@pytest.mark.parametrize(
    ("marker", "counts"),
    [
        ('python_version >= "3.9"', True),
        ('python_version < "3.9"', False),
        (f'sys_platform == "{sys.platform}"', True),
        ('extra == "compute"', True),
        ('extra == "dev"', False),
        ('python_version < "3.9" and extra == "compute"', False),
    ],
)
def test_markers(marker, counts):
    assert counts_here(read_requirement(f"a; {marker}"), frozenset({"compute"})) is counts


def test_without_extras_what_an_extra_asks_for_does_not_count():
    assert counts_here(read_requirement("a>=1"))
    assert not counts_here(read_requirement('a; extra == "compute"'))


def test_every_requirement_of_every_package_here_is_read():
    lines = {line for found in distributions() for line in found.requires or ()}
    assert len(lines) > 100
    assert [line for line in lines if read_requirement(line) is None] == []


@pytest.mark.parametrize(
    ("version", "wanted", "is_met"),
    [
        ("6.12", "==6.12.0", True),
        ("6.12.1", "==6.12.*", True),
        ("6.12.1", "!=6.12.*", False),
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13.0+cu128", ">=2.8,<3", True),
        ("5.0.0rc1", "<5", False),
        ("5.1.0rc1", ">=5", True),
        ("1.0", "", True),
        ("1.0", " , ", True),
    ],
)
def test_ranges(version, wanted, is_met):
    assert satisfies(version, wanted) is is_met


@pytest.mark.parametrize(("version", "wanted"), [("odd", ">=1"), ("1", "about 2"), ("1", ">=odd")])
def test_what_cannot_be_read_is_said(version, wanted):
    with pytest.raises(ValueError, match=r"odd|about 2"):
        satisfies(version, wanted)
