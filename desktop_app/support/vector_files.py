"""Files of directions: what their heads say, their numbers, and writing them. No torch.

A vector file is a `.safetensors` file with one tensor, `vector` `[width]`, float32; what it says of
itself is its metadata: `format`, the model and its `fingerprint`, `layer` and `site` where it was
made, how it was `made`, and when it was `created`. A file of another program with a single tensor
that is one vector is read as well, and says nothing of itself. So is a row of a sparse
autoencoder's decoder in the layout of SAELens (`cfg.json` beside a `.safetensors` file that holds
`W_dec` `[feature, width]`): `FOLDER:12` names feature 12. Nothing of a file is ever executed; the
numbers of the one vector are all that is read of it.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from desktop_app.support import paths
from desktop_app.support.autoencoder_files import folder_of
from desktop_app.support.autoencoder_settings import SITES
from desktop_app.support.errors import BadInputError
from desktop_app.support.feature_files import read_feature
from desktop_app.support.files import try_out, write_atomically
from desktop_app.support.lens_files import same_weights
from desktop_app.support.tensor_heads import MOST_TEXT, Entry, read_numbers, read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENDING = ".safetensors"
FORMAT = "lensbench-vector-1"
FOLDER = "vectors"
_KEY = "vector"
_FEATURE = re.compile(r"(?P<folder>.+):(?P<row>\d{1,9})\Z", re.DOTALL)
_LAYER = re.compile(r"\d{1,5}\Z")
_USUAL_STATE: Mapping[str, str] = {"weights": "raw", "layernorm": "keep"}
_MOST_LISTED = 500
_SHOWN = 80


class Model(Protocol):
    """What of a model a vector is held to."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def fingerprint(self) -> str:
        """Of its weights."""

    @property
    def weights(self) -> str:
        """Whether they are raw or processed."""

    @property
    def layernorm(self) -> str:
        """What was done to its norms."""


@dataclass(frozen=True)
class VectorHead:
    """What is known of a vector before its numbers are read.

    Attributes:
        path: The file that holds the numbers.
        told: The option and the name, as sentences have them.
        entry: Where its numbers lie in it.
        facts: What it says of itself: texts by name.
        feature: The row of a sparse autoencoder's decoder; None: it is a file of its own.
    """

    path: Path
    told: str
    entry: Entry
    facts: Mapping[str, str] = field(default_factory=dict)
    feature: int | None = None

    def fact(self, name: str) -> str:
        """Return what it says under a name; empty where it says nothing."""
        return self.facts.get(name, "")

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return self.entry.shape[-1]

    @property
    def layer(self) -> int | None:
        """The block at which it was made, where it says so."""
        return int(self.fact("layer")) if self.fact("layer") else None

    @property
    def site(self) -> str:
        """The place in that block; empty where it says nothing."""
        return self.fact("site")

    @property
    def unnamed(self) -> tuple[str, ...]:
        """What it does not say of itself, though a vector must fit it."""
        told = {
            "the fingerprint of its model": self.fact("fingerprint"),
            "its layer": self.fact("layer"),
            "its site": self.site,
        }
        return tuple(name for name, value in told.items() if not value)


def read_head(file: str, option: str = "--add") -> VectorHead:
    """Return what a vector's file says of it; `FOLDER:12` is feature 12 of a sparse autoencoder.

    Args:
        file: The name, as settings have it.
        option: What asks for it, for sentences.

    Raises:
        BadInputError: There is no such file, or it holds no vector: the sentence says what it is.
    """
    told = f"{option} “{file}”"
    if not file.strip():
        raise BadInputError(
            f"{option} names no file: give a vector's {ENDING} file, or FOLDER:12 for a feature of "
            "a sparse autoencoder."
        )
    _refuse_unnameable(file, told)
    path, feature = Path(os.path.expanduser(file)), _FEATURE.match(file)
    if path.suffix.lower() == ENDING and not os.path.isdir(path):
        return _read_file(path, told)
    folder = None if feature is None else folder_of(feature["folder"])
    if feature is not None and folder is not None and os.path.isdir(folder):
        row = int(feature["row"])
        where, entry, facts = read_feature(folder, row, told)
        return VectorHead(where, told, entry, facts, row)
    if os.path.isdir(path):
        raise BadInputError(
            f"{told} is a folder: name one feature of a sparse autoencoder in it, such as "
            f"“{file}:12”, or a {ENDING} file."
        )
    if feature is not None and path.suffix.lower() != ENDING:
        raise BadInputError(
            f"{told}: there is no folder “{feature['folder']}” with a sparse autoencoder; check "
            "the name."
        )
    raise BadInputError(
        f"{told} must end in {ENDING}: vectors are read from safetensors alone, since other "
        "formats may carry code; convert it, or make one with --from, --to and --out-vector, or "
        "with probe."
    )


def read_values(head: VectorHead) -> np.ndarray:
    """Return a vector's numbers, float32 `[width]`.

    Raises:
        BadInputError: They are not all there, or not all finite.
    """
    return read_numbers(head.path, head.told, head.entry)


def misfit(
    head: VectorHead, model: Model, place: tuple[int, str] | None, *, elsewhere: bool = False
) -> str:
    """Return why a vector may not act in a model, as a sentence; empty: it may.

    What a file does not say is not held against it. Its width is not looked at here.

    Args:
        head: Of the vector.
        model: The model.
        place: Layer and site where it would act; None: where it says itself.
        elsewhere: Whether it may act at another layer or site, or under other norms, than it was
            made at.
    """
    known = head.fact("fingerprint")
    if known and not same_weights(known, model.fingerprint):
        whose = head.fact("model")[:_SHOWN] or "another model"
        return (
            f"{head.told} is a vector of {whose}, and the loaded model is {model.name}: its "
            "fingerprint differs; make one for this model, or load that one."
        )
    if elsewhere:
        return ""
    return _other_state(head, model) or ("" if place is None else _other_place(head, *place))


def _other_state(head: VectorHead, model: Model) -> str:
    """Say that the model's weights or norms are in another state than the vector's."""
    for name, here in (("weights", model.weights), ("layernorm", model.layernorm)):
        there = (head.fact(name) or _USUAL_STATE[name])[:20]
        if head.fact("fingerprint") and there != here:
            return (
                f"{head.told} was made with --{name} {there} and the model is loaded with {here}, "
                f"where activations are others: load it with --{name} {there}, or give --elsewhere."
            )
    return ""


def _other_place(head: VectorHead, layer: int, site: str) -> str:
    """Say that the vector was made at another layer or site."""
    if head.layer is not None and head.layer != layer:
        return (
            f"{head.told} was made at layer {head.layer} and would act at layer {layer}: give "
            f"--layer {head.layer}, or --elsewhere to use it at another one."
        )
    if head.site and head.site != site:
        other = head.site[:_SHOWN]
        give = f"--site {other}, or --elsewhere" if other in SITES.values() else "--elsewhere"
        return f"{head.told} was made at {other} and would act at {site}: give {give}."
    return ""


def folder() -> Path:
    """Return where the window keeps vectors that were given no other place."""
    return paths.data_dir() / FOLDER


def kept(fingerprint: str) -> tuple[VectorHead, ...]:
    """Return the vectors of a model that lie in the folder of vectors, the newest first."""
    found = [head for head in _listed() if same_weights(head.fact("fingerprint"), fingerprint)]
    return tuple(sorted(found, key=lambda head: head.fact("created"), reverse=True))


def check_target(file: str, option: str = "--out-vector") -> Path:
    """Return where a vector will be written, refused before it is made where it cannot.

    Raises:
        BadInputError: The name has another ending, no file can be written there, or a file that
            is no vector would be lost.
    """
    _refuse_unnameable(file, f"{option} “{file}”")
    path = Path(os.path.expanduser(file))
    if path.suffix.lower() != ENDING:
        raise BadInputError(f"{option} “{file}” must end in {ENDING}: rename it.")
    if os.path.isfile(path):
        try:
            head = _read_file(path, f"{option} “{file}”")
        except BadInputError:
            head = None
        if head is None or head.fact("format") != FORMAT:
            raise BadInputError(
                f"{option} “{file}” is there already and no vector of Lensbench: it would be lost; "
                "choose another name."
            )
    try_out(path)
    return path


def write(
    path: Path, values: np.ndarray, model: Model, place: tuple[int, str], made: str
) -> dict[str, str]:
    """Write a vector and return what it says of itself; the file appears complete or not at all.

    Args:
        path: The file.
        values: `[width]`.
        model: Whose it is.
        place: The layer and the site at which it was made.
        made: How, in words.

    Raises:
        BadInputError: It cannot be written there, or holds what is no number.
    """
    numbers = np.ascontiguousarray(values, dtype=np.float32)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise BadInputError("A vector of numbers that are not all finite is not written.")
    facts = {
        "format": FORMAT,
        "fingerprint": model.fingerprint,
        "model": model.name,
        "layer": str(place[0]),
        "site": place[1],
        "made": made[:MOST_TEXT],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    states = {name: str(getattr(model, name)) for name in _USUAL_STATE}
    facts |= {name: state for name, state in states.items() if state != _USUAL_STATE[name]}
    try:
        from safetensors.numpy import save  # noqa: PLC0415 - a viewer alone has it not
    except ImportError:
        raise BadInputError(
            "Vectors are written by the package safetensors, which is not installed: "
            'install it with `pip install "lensbench[compute]"`.'
        ) from None
    stored = save({_KEY: numbers}, metadata=facts)
    with write_atomically(path) as file:
        file.write(stored)
    return facts


def _listed() -> Iterator[VectorHead]:
    with contextlib.suppress(OSError):
        names = sorted(path for path in folder().iterdir() if path.suffix.lower() == ENDING)
        for path in names[:_MOST_LISTED]:
            with contextlib.suppress(BadInputError):
                yield _read_file(path, f"“{path.name}”")


def _refuse_unnameable(file: str, told: str) -> None:
    """Refuse what no file can be called: half a character, a character of code 0."""
    try:
        possible = b"\0" not in os.fsencode(file)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        shown = told.encode("ascii", "replace").decode().replace("\0", "?")
        raise BadInputError(f"{shown} is no name of a file: type it anew.")


def _read_file(path: Path, told: str) -> VectorHead:
    """Return what a file of a single vector says."""
    head = read_tensors(path, told)
    if len(head.stored) != 1:
        names = ", ".join(f"“{key[:40]}”" for key in list(head.stored)[:3])
        raise BadInputError(
            f"{told} holds {len(head.stored):,} tensors{f' ({names} …)' if names else ''}, and a "
            "vector's file holds one: write the one you mean to a file of its own."
        )
    key = next(iter(head.stored))
    entry = head.entry(key)
    shape = entry.shape
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) != 1 or not shape[0]:
        raise BadInputError(
            f"{told}: “{key[:40]}” has the shape {list(entry.shape)}, and a vector has one axis: "
            "choose one row and write it to a file of its own."
        )
    layer = head.facts.get("layer", "")
    if layer and not _LAYER.match(layer):
        raise BadInputError(f"{told} names the layer “{layer[:20]}”: make it anew.")
    return VectorHead(path, told, Entry(shape, entry.kind, entry.start), head.facts)
