"""Versions of the program and of what it is built of, and those that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.support import facts, installed, known_wrong
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = (
    Column("what", "name", "What", width=200),
    Column("version", "text", "Version", width=340),
    Column("state", "mark", "", width="stretch"),
)
_TITLES = {"lensbench": "Lensbench", "build": "Build", "python": "Python", "system": "System"}
_WRONG, _AROUND, _OTHER = "known wrong", "harmless here", "not tried"
_ALL_WELL = "No two of these versions are known to be wrong together."
_TOLD_HEIGHT = 168


class VersionsPage(QWidget):
    """A table to be copied, and beneath it what is known to be wrong, with what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RankingList("Versions", _COLUMNS)
        self.table.set_ranking(Ranking(_COLUMNS, tuple(_rows())))
        self.told = QPlainTextEdit(_told())
        self.told.setReadOnly(True)
        self.told.setTabChangesFocus(True)
        self.told.setAccessibleName("Versions that are known to be wrong together")
        self.told.setFixedHeight(_TOLD_HEIGHT)
        parts = ((self.table, 1), label("Known to be wrong", "heading"), self.told)
        filled(QVBoxLayout(self), *parts, margins=(16, 8, 16, 4), spacing=8)


def _rows() -> Iterator[Row]:
    states = _states()
    versions = {**facts.versions(), "Qt": qVersion()}
    named = {canonicalize_name(name) for name in versions}
    for name in sorted(states.keys() - named):  # what is wrong and not among what is always told
        versions[name] = installed.package_version(name)
    for name, version in versions.items():
        state = states.get(canonicalize_name(name), "")
        written = (_TITLES.get(name, name), version, state)
        yield Row(name, written, emphasis="bad" if state in {_WRONG, _OTHER} else "")


def _states() -> dict[str, str]:
    """Return what is to be said of packages, by their plain names, what is graver last."""
    states = dict.fromkeys(known_wrong.out_of_range(), _OTHER)
    for found in reversed(known_wrong.found_here()):
        pair = found.pair
        for name in (pair.package, *pair.partners):
            states[canonicalize_name(name)] = _AROUND if pair.guarded else _WRONG
    return states


def _told() -> str:
    """Return all that is known to be wrong here, a paragraph each."""
    paragraphs = [
        f"{found.sentence}\nSince: {found.pair.since}\nSource: {found.pair.source}"
        for found in known_wrong.found_here()
    ]
    return "\n\n".join([*paragraphs, *known_wrong.out_of_range().values()]) or _ALL_WELL
