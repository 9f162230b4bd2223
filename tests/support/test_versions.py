"""Which of two versions is later, and what a range means."""

from __future__ import annotations

import pytest

from desktop_app.support.versions import key, satisfies

RISING = [
    "0.9",
    "1.0.dev1",
    "1.0a1",
    "1.0b1",
    "1.0rc1",
    "1.0rc2",
    "1.0",
    "1.0.post1",
    "1.0.1",
    "1.10",
]


def test_versions_rise():
    assert sorted(RISING, key=key) == RISING


@pytest.mark.parametrize(
    ("version", "wanted", "is_met"),
    [
        ("6.12.0", "==6.12.0", True),
        ("6.12", "==6.12.0", True),
        ("6.12.1", "==6.12.0", False),
        ("6.12.1", "==6.12.*", True),
        ("6.120", "==6.12.*", False),
        ("6.12.1", "!=6.12.*", False),
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13.0+cu128", ">=2.8,<3", True),
        ("5.0.0rc1", "<5", False),
        ("5.0.0rc1", ">=5", False),
        ("4.9.dev0", "<5", True),
        ("4.2.7", "~=4.2", True),
        ("5.0", "~=4.2", False),
        ("1!2.0", ">=2", True),
        ("1.0", "", True),
        ("1.0", " , ", True),
    ],
)
def test_ranges(version, wanted, is_met):
    assert satisfies(version, wanted) is is_met


@pytest.mark.parametrize("wanted", ["5", "=5", ">= five", ">=5;", "<"])
def test_a_range_that_cannot_be_read_is_refused(wanted):
    with pytest.raises(ValueError, match="is no"):
        satisfies("1.0", wanted)


def test_what_is_no_version_is_refused():
    with pytest.raises(ValueError, match="“unknown” is no version"):
        key("unknown")


def test_ranges_are_read_as_others_read_them():
    packaging = pytest.importorskip("packaging.specifiers")
    for wanted in (">=1.0", "<1.0", "!=1.0", "==1.0.*", "~=1.0.0", "<=1.0", ">=1.0rc1", "<1.10"):
        theirs = packaging.SpecifierSet(wanted, prereleases=True)
        for version in RISING:
            assert satisfies(version, wanted) is theirs.contains(version), (version, wanted)
