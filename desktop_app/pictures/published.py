"""Published circuits: shipped as data with their source, and compared with one of the user's.

`load_published` reads what `resources/circuits` holds; `of_model` those whose shape a model has.
A circuit of another model is never laid over its grid: `misfit` says why in words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from desktop_app.contract.grammar import parse_parts, written_part
from desktop_app.pictures.roles import Roles, role_title
from desktop_app.pictures.words import percent, plural
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import ModelInfo

_SHAPE = ("n_layers", "n_heads", "d_model", "d_vocab")


@dataclass(frozen=True)
class Published:
    """A circuit that somebody has published.

    Attributes:
        key: Its name among files and settings.
        title: The behaviour.
        model: The model's name as the publication has it.
        names: What that model is called among checkpoints.
        shape: Its layers, heads, width and vocabulary.
        task: What the prompts ask.
        citation: Authors and title.
        where: Where it stands.
        heads: The heads, by layer.
        mlps: The MLPs; None where the circuit does not speak of them: then all of them stay.
        roles: Heads by what they do, as the publication says.
        places: Of a role, the token at which its heads belong to the circuit.
        drops: What removing a part alone costs, in points of per cent.
        notes: What must be known to read it.
    """

    key: str
    title: str
    model: str
    names: tuple[str, ...]
    shape: tuple[int, int, int, int]
    task: str
    citation: str
    where: str
    heads: tuple[Part, ...]
    mlps: tuple[Part, ...] | None
    roles: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    drops: Mapping[Part, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name in a list."""
        return f"{self.model} · {self.title}"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its heads and MLPs, layer by layer, heads before the MLP."""
        return tuple(sorted((*self.heads, *(self.mlps or ())), key=_by_layer))

    def source(self) -> str:
        """Return whose it is, in a line."""
        return f"{self.citation} ({self.where})"

    def role_of(self, part: Part) -> str:
        """Return what a head does, in words; empty where the publication does not say."""
        told = [role_title(role) for role, heads in self.roles.items() if part in heads]
        return ", ".join(told)

    def nodes(self) -> tuple[str, ...]:
        """Return its parts as nodes of a graph are called: `5.3`, `m4`."""
        return tuple(written_part(part) for part in self.parts)


@cache
def load_published() -> tuple[Published, ...]:
    """Return the circuits that are shipped, by file name."""
    files = sorted(resource("circuits").glob("*.json"))
    return tuple(read_published(json.loads(file.read_text(encoding="utf-8"))) for file in files)


def read_published(given: Mapping[str, Any]) -> Published:
    """Return a circuit as its file writes it.

    Raises:
        KeyError, ValueError: It lacks something, or names a part that its model does not have.
    """
    shape = given["shape"]
    sizes = tuple(int(shape[k]) for k in ("layers", "heads", "d_model", "d_vocab"))
    mlps = given["mlps"]
    found = Published(
        str(given["key"]),
        str(given["title"]),
        str(given["model"]),
        tuple(given["names"]),
        (sizes[0], sizes[1], sizes[2], sizes[3]),
        str(given["task"]),
        str(given["source"]["citation"]),
        str(given["source"]["where"]),
        _parts(given["heads"]),
        None if mlps is None else tuple((int(layer), None) for layer in mlps),
        {str(e["role"]): _parts(e["heads"]) for e in given["roles"]},
        {str(e["role"]): str(e["at"]) for e in given["roles"] if "at" in e},
        {parse_parts(name)[0]: float(value) for name, value in given["drops"].items()},
        tuple(given["notes"]),
    )
    named = {*found.parts, *found.drops, *(h for heads in found.roles.values() for h in heads)}
    gone = [p for p in named if p[0] >= sizes[0] or (p[1] is not None and p[1] >= sizes[1])]
    if gone:
        raise ValueError(f"{found.key}: {found.model} has no {written_part(gone[0])}")
    return found


def of_model(model: ModelInfo) -> tuple[Published, ...]:
    """Return the shipped circuits of models of this shape: those that its grid can show."""
    return tuple(one for one in load_published() if not misfit(one, model))


def misfit(published: Published, model: ModelInfo) -> str:
    """Say why a circuit cannot be laid over a model's heads; empty where it can."""
    shape = tuple(int(getattr(model, name)) for name in _SHAPE)
    if shape == published.shape:
        return ""
    layers, heads, width, words = published.shape
    same = shape[:2] == published.shape[:2]
    theirs = f"{layers} layers of {heads} heads"
    mine = f"{shape[0]} of {shape[1]}"
    if same:
        theirs = f"width {width:,} and {words:,} tokens"
        mine = f"width {shape[2]:,} and {shape[3]:,}"
    return (
        f"This circuit is of {published.model} ({theirs}), and {model.name} has {mine}: heads of "
        "different models have nothing in common but their numbers. Their roles can be compared."
    )


def caution(published: Published, model: ModelInfo) -> str:
    """Say what to mind where the shape fits; empty where the model is the published one."""
    if misfit(published, model):
        return ""
    tail = model.name.rstrip("/").rpartition("/")[2]
    if {model.name, tail} & {*published.names, *(n.rpartition("/")[2] for n in published.names)}:
        return "" if model.layernorm == "keep" else f"Here {model.label}, there with its norms."
    return (
        f"{model.name} has the shape of {published.model}: its heads are the same ones only if its "
        "weights are."
    )


@dataclass(frozen=True)
class Overlap:
    """Two circuits of one model beside each other.

    Attributes:
        both: Parts that both have.
        only_shown: Parts of the shown one alone.
        only_published: Parts of the published one alone.
        compared: What was compared: heads, or heads and MLPs.
    """

    both: tuple[Part, ...]
    only_shown: tuple[Part, ...]
    only_published: tuple[Part, ...]
    compared: str

    @property
    def precision(self) -> float:
        """Return how much of the shown circuit is published; NaN where it is empty."""
        return _share(len(self.both), len(self.both) + len(self.only_shown))

    @property
    def recall(self) -> float:
        """Return how much of the published circuit is shown; NaN where that is empty."""
        return _share(len(self.both), len(self.both) + len(self.only_published))

    @property
    def jaccard(self) -> float:
        """Return the shared parts over the parts of either; NaN where both are empty."""
        every = len(self.both) + len(self.only_shown) + len(self.only_published)
        return _share(len(self.both), every)

    def chance(self, count: int) -> float:
        """Return how many parts a random set of that size shares, of so many in all, on average."""
        shown = len(self.both) + len(self.only_shown)
        published = len(self.both) + len(self.only_published)
        return shown * published / count if count else float("nan")

    def sentence(self) -> str:
        """Say it in one line."""
        shown, published = len(self.both) + len(self.only_shown), len(self.only_published)
        whole = len(self.both) + published
        return (
            f"{len(self.both)} of {plural(whole, self.compared)} shared: precision "
            f"{percent(100 * self.precision)}, recall {percent(100 * self.recall)}, Jaccard "
            f"{self.jaccard:.2f} (here {shown:,}, published {whole:,})."
        )


def overlap(shown: Iterable[Part], published: Published, *, mlps: bool) -> Overlap:
    """Return what a circuit and a published one share.

    Args:
        shown: The parts of the shown circuit.
        published: Of the same model.
        mlps: Whether MLPs are parts of the shown one. Where they are of only one of the two, heads
            alone are compared: in the other all of them stay.
    """
    with_mlps = mlps and published.mlps is not None
    theirs = published.parts if with_mlps else published.heads
    mine = {part for part in shown if with_mlps or part[1] is not None}
    both, other = mine & set(theirs), set(theirs)
    return Overlap(
        _sorted(both), _sorted(mine - other), _sorted(other - mine), "part" if with_mlps else "head"
    )


def published_roles() -> tuple[Roles, ...]:
    """Return the roles that publications give, one entry per model, shared ones put together."""
    found: dict[str, dict[str, dict[Part, None]]] = {}
    sources: dict[str, dict[str, None]] = {}
    for one in load_published():
        for role, heads in one.roles.items():
            found.setdefault(one.model, {}).setdefault(role, {}).update(dict.fromkeys(heads))
            sources.setdefault(one.model, {})[one.source()] = None
    return tuple(
        Roles(model, {role: tuple(h) for role, h in roles.items()}, "\n".join(sources[model]))
        for model, roles in found.items()
    )


def _parts(names: Iterable[str]) -> tuple[Part, ...]:
    return parse_parts(",".join(names))


def _sorted(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=_by_layer))


def _by_layer(part: Part) -> tuple[int, bool, int]:
    layer, head = part
    return layer, head is None, head or 0


def _share(some: int, whole: int) -> float:
    return some / whole if whole else float("nan")
