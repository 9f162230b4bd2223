"""The page of what is known: published circuits beside this one, and roles between models."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QPushButton, QSizePolicy, QWidget

from desktop_app.analyses.circuit.keeping import Shape, kept_of
from desktop_app.analyses.circuit.names import name_of
from desktop_app.contract.kept import part_order
from desktop_app.contract.registry import hook
from desktop_app.pictures.published import (
    Published,
    caution,
    load_published,
    misfit,
    overlap,
    published_roles,
)
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.roles import BORROWED, Roles, role_table, role_title
from desktop_app.pictures.words import number
from desktop_app.support.errors import MISFITS
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result

_DROP = "What its removal alone costs in the publication, in points of per cent"
_NOBODY = "Run the head detectors to see this model's heads beside them."


def lent_roles(lent: Sequence[tuple[str, Result]]) -> list[Roles]:
    """Return what heads do by others' results, the newest of each model."""
    found: dict[str, Roles] = {}
    for title, result in lent:
        tell, owner = hook(result.analysis, "picture", BORROWED), result.model.label
        if tell is not None:
            with suppress(*MISFITS):  # a file's result may hold anything
                heads = {role: tuple(some) for role, some in tell(result).items()}
                found.setdefault(owner, Roles(owner, heads, f"By {title}"))
    return list(found.values())


def comparison(result: Result, published: Published) -> Ranking:
    """Return the parts of both circuits: who has them, what they do, what they cost there."""
    shown = set(kept_of(result.data))
    fits = not misfit(published, result.model)
    rows = []
    parts = [*published.parts]
    if fits:
        heads_only = not Shape.of_result(result).mlps or published.mlps is None
        mine = {part for part in shown if part[1] is not None or not heads_only}
        parts = [part for part in parts if part[1] is not None or not heads_only]
        parts += sorted(mine - set(parts), key=part_order)
    for part in parts:
        here = "" if not fits else "here" if part in shown else "–"
        there = "there" if part in published.parts else "–"
        drop = published.drops.get(part)
        told = (name_of(part), here, there, drop, published.role_of(part))
        both = fits and part in shown and part in published.parts
        rows.append(Row(part, told, emphasis="good" if both else ""))
    columns = (
        Column("part", "name", "Part"),
        Column("here", "mark", "Here", width=52),
        Column("there", "mark", "Published", width=76),
        Column("drop", "number", "Alone", format=_points, priority=2, tooltip=_DROP),
        Column("role", "text", "Role", priority=1, muted=True),
    )
    return Ranking(columns, tuple(rows))


def _points(value: float) -> str:
    return number(value, 1, sign=True)


class KnownPage(QWidget):
    """A published circuit beside the shown one, and a table of roles between models.

    Signals:
        laid: The `Published` that is laid over the map, or None.
        keep_wanted: The `Published` whose parts are to be kept.
        part_chosen: A part of the shown model.
    """

    laid = Signal(object)
    keep_wanted = Signal(object)
    part_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all = load_published()
        self._result: Result | None = None
        self._roles: list[Roles] = []
        self.choice = QComboBox()
        self.choice.setAccessibleName("Published circuit")
        self.choice.addItems([one.label for one in self._all])
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.choice.setSizeAdjustPolicy(policy)
        self.choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lay, self.keep = Toggle("Lay over the map"), QPushButton("Keep these")
        set_role(self.keep, "quiet")
        self.keep.setToolTip("Score the published circuit on these prompts")
        self._words = label("", "muted", wrap=True)
        self._source = label("", "small", wrap=True)
        self.parts, self.roles = RankingList("Parts of both circuits"), RankingList("Roles")
        self.roles.set_empty_text(_NOBODY)
        self.which = SegmentedControl([("circuits", "Circuits"), ("roles", "Roles between models")])
        self.which.setAccessibleName("What is known")
        buttons = row_in(None, self.lay, self.keep, None)
        self._circuits = QWidget()
        parts = (self.choice, self._words, buttons, (self.parts, 1), self._source)
        column_in(self._circuits, *parts, spacing=6)
        left = (self.which, 0, Qt.AlignmentFlag.AlignLeft)
        column_in(self, left, (self._circuits, 1), (self.roles, 1), spacing=8)
        self.take_roles([])
        self._on_which()
        self.which.changed.connect(self._on_which)
        self.choice.currentIndexChanged.connect(self._show)
        self.lay.toggled.connect(self._on_laid)
        self.keep.clicked.connect(self._on_keep)
        self.parts.row_selected.connect(self._on_part)

    def show_result(self, result: Result) -> None:
        """Compare the circuit of a result; at first with one of its own model, where there is."""
        before, self._result = self._result, result
        if before is None or before.model != result.model:
            fitting = [i for i, one in enumerate(self._all) if not misfit(one, result.model)]
            if fitting and self.choice.currentIndex() not in fitting:
                self.choice.setCurrentIndex(fitting[0])
        self._show()

    def take_roles(self, roles: list[Roles]) -> None:
        """Take note of what other results say of heads."""
        self._roles = roles
        self.roles.set_ranking(role_table([*published_roles(), *roles]))

    def published(self) -> Published | None:
        """Return the circuit that is chosen, where the shown model can have it."""
        place, result = self.choice.currentIndex(), self._result
        if result is None or not 0 <= place < len(self._all):
            return None
        chosen = self._all[place]
        return None if misfit(chosen, result.model) else chosen

    def laid_over(self) -> Published | None:
        """Return the circuit that lies over the map, or None."""
        return self.published() if self.lay.isChecked() else None

    def role_of(self, part: Part) -> str:
        """Return what a head of the shown model is known to do."""
        result = self._result
        if result is None:
            return ""
        own = (one for one in self._roles if one.owner == result.model.label)
        told = [title for one in own for title in _of(one, part)]
        for one in self._all:
            if not misfit(one, result.model) and not caution(one, result.model):
                told += filter(None, one.role_of(part).split(", "))
        return ", ".join(dict.fromkeys(told))

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "published": self.choice.currentText(),
            "overlap": self._words.text(),
            "both": self.parts.texts(),
            "source": self._source.text(),
            "laid": self.lay.isChecked() and self.lay.isEnabled(),
            "roles": self.roles.texts(),
            "models": [column.heading for column in self.roles.ranking.columns[1:]],
        }

    def _show(self, *_index: object) -> None:
        result, place = self._result, self.choice.currentIndex()
        if result is None or not 0 <= place < len(self._all):
            return
        chosen = self._all[place]
        why = misfit(chosen, result.model)
        told = why
        if not why:
            mlps = Shape.of_result(result).mlps
            told = overlap(kept_of(result.data), chosen, mlps=mlps).sentence()
            told = " ".join(filter(None, (told, caution(chosen, result.model))))
        self._words.setText(told)
        self._source.setText(" ".join((chosen.task, *chosen.notes, f"{chosen.source()}.")))
        self.choice.setToolTip(plain_tip(chosen.label))
        for widget in (self.lay, self.keep):
            widget.setEnabled(not why)
        self.parts.set_ranking(comparison(result, chosen))
        self.laid.emit(self.laid_over())

    def _on_which(self, _which: object = None) -> None:
        shown = self.which.value() == "roles"
        self.roles.setVisible(shown)
        self._circuits.setVisible(not shown)

    def _on_laid(self, _laid: bool) -> None:
        self.laid.emit(self.laid_over())

    def _on_keep(self) -> None:
        if (chosen := self.published()) is not None:
            self.keep_wanted.emit(chosen)

    def _on_part(self, part: Part) -> None:
        if self.published() is not None:
            self.part_chosen.emit(part)


def _of(roles: Roles, part: Part) -> list[str]:
    return [role_title(role) for role, heads in roles.heads.items() if part in heads]
