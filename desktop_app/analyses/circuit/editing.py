"""The set that is asked for, which may not be scored yet, and the ones before it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.circuit.keeping import Shape, kept_in, kept_of, with_parts, written_keep
from desktop_app.contract.kept import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Kept
    from desktop_app.contract.result import Result

_MOST = 200


@dataclass(frozen=True)
class KeepSet:
    """A circuit, and among which parts it was chosen."""

    kept: Kept
    shape: Shape

    @classmethod
    def of(cls, result: Result) -> KeepSet:
        """Return the circuit of a result."""
        return cls(kept_of(result.data), Shape.of_result(result))

    @property
    def text(self) -> str:
        """The circuit as the setting writes it."""
        return written_keep(in_order(self.kept), self.shape)

    def settings(self) -> dict[str, object]:
        """Return the settings that score it."""
        return {"keep": self.text, "mlps": self.shape.mlps}

    def switched(self, parts: Iterable[Part], *, keep: bool) -> KeepSet:
        """Return it with these parts, or without them; an MLP among them makes MLPs parts."""
        given = tuple(parts)
        wider = self.with_mlps() if any(head is None for _layer, head in given) else self
        return KeepSet(in_order(with_parts(wider.kept, given, keep=keep)), wider.shape)

    def with_mlps(self) -> KeepSet:
        """Return the same circuit where MLPs are parts: those that stayed are kept."""
        if self.shape.mlps:
            return self
        shape = Shape(self.shape.layers, self.shape.heads, mlps=True)
        stay: dict[Part, None] = {(layer, None): None for layer in range(shape.layers)}
        return KeepSet(in_order({**self.kept, **stay}), shape)

    def placed(self, part: Part, places: tuple[int, ...] | None) -> KeepSet:
        """Return it with a part at these positions; at none it goes."""
        wider = self.with_mlps() if part[1] is None else self
        kept = dict(wider.kept)
        kept.pop(part, None)
        if places is None or places:
            kept[part] = places
        return KeepSet(in_order(kept), wider.shape)

    def read(self, text: str) -> KeepSet:
        """Return what a text keeps of the same model; an MLP in it makes MLPs parts.

        Raises:
            ValueError: It names what the model lacks, or no parts.
        """
        mlps = self.shape.mlps or "m" in text.lower()
        shape = Shape(self.shape.layers, self.shape.heads, mlps=mlps)
        return KeepSet(kept_in(text, shape), shape)


@dataclass
class Edits:
    """What was asked for, step by step.

    Attributes:
        asked: What is being scored; None: what is on screen is all.
        back: The sets before, the last one last.
        forth: Those that were taken back.
        model: Of which model, and of how many parts, they are.
    """

    asked: KeepSet | None = None
    back: list[KeepSet] = field(default_factory=list)
    forth: list[KeepSet] = field(default_factory=list)
    model: str = ""

    def arrive(self, found: KeepSet, model: str) -> None:
        """Take note of a set that was scored; steps among another model's parts are let go."""
        key = f"{model} {found.shape.layers} × {found.shape.heads}"
        if key != self.model:
            self.forget()
            self.model = key
        if self.asked is not None and self.asked.settings() == found.settings():
            self.asked = None

    def expect(self, given: Mapping[str, Any]) -> None:
        """Take note of a run's settings: one of another set, or a pruning, is not what is asked."""
        if self.asked is None:
            return
        try:
            keep = self.asked.read(given["keep"]).text
        except ValueError:  # of another model's parts
            keep = ""
        coming = {"keep": keep, "mlps": given["mlps"]}
        if given["prune"] is not None or coming != self.asked.settings():
            self.asked = None

    def ask(self, wanted: KeepSet, now: KeepSet | None) -> None:
        """Ask for a set, where `now` was the one before."""
        if now is not None and now.settings() != wanted.settings():
            self.back = [*self.back, now][-_MOST:]
            self.forth = []
        self.asked = wanted

    def undo(self, now: KeepSet) -> KeepSet | None:
        """Go one step back; None where there is none."""
        if not self.back:
            return None
        self.forth.append(now)
        self.asked = self.back.pop()
        return self.asked

    def redo(self, now: KeepSet) -> KeepSet | None:
        """Go forth again; None where nothing was taken back."""
        if not self.forth:
            return None
        self.back.append(now)
        self.asked = self.forth.pop()
        return self.asked

    def forget(self) -> None:
        """Let go of all steps: another model, another session."""
        self.asked, self.back, self.forth = None, [], []
