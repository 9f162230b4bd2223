"""Files of fitted lenses, as far as their heads tell: what they hold, whose they are.

A lens is a `.safetensors` file: for each layer l a matrix `l.weight` `[d_model, d_model]`, and of a
tuned lens `l.bias` `[d_model]` beside it. Names may have a beginning (`layers.0.weight`), and one
`weight` `[layers, d_model, d_model]` may hold them all. A Jacobian lens counts layers as
TransformerLens does: l is what stands behind block l. A tuned lens counts them as the tuned-lens
project does: l is what stands before block l; its map is affine, `weight · x + bias`. The
tuned-lens package stores what is *added* to the stream: add 1 to the diagonal of each of its
weights when you convert them. What a file says of itself (model, fingerprint, corpus …) is its
metadata. Nothing of it is ever executed, and of the matrices nothing is read here.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from desktop_app.support import paths
from desktop_app.support.errors import BadInputError
from desktop_app.support.tensor_heads import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["logit", "jacobian", "tuned"]
NAMES: Mapping[str, str] = {
    "logit": "logit lens",
    "jacobian": "Jacobian lens",
    "tuned": "tuned lens",
}
ENDING = ".safetensors"
FORMAT = "lensbench-lens-1"
FOLDER = "lenses"
_USUAL = {"weights": "raw", "layernorm": "keep"}
_KEY = re.compile(r"(?:[A-Za-z_]{1,40}\.){0,3}[A-Za-z_]{0,40}(\d{1,5})\.(weight|bias)\Z")
_ALL = frozenset({"weight", "bias"})
_MOST_TENSORS = 20_000
_MOST_PLACES = 1_000_000
_MOST_LISTED = 500
_MOST_TEXT = 2_000


@dataclass(frozen=True)
class Tensor:
    """A matrix or a bias of a file.

    Attributes:
        key: The name it is stored under.
        shape: Its own.
        place: Which it is of all that are stored under that name; None: it is alone.
    """

    key: str
    shape: tuple[int, ...]
    place: int | None = None


@dataclass(frozen=True)
class LensHead:
    """What the head of a lens file says.

    Attributes:
        path: The file.
        facts: Its metadata: texts by name.
        weights: By layer.
        biases: By layer.
    """

    path: Path
    facts: Mapping[str, str]
    weights: Mapping[int, Tensor]
    biases: Mapping[int, Tensor]

    def fact(self, name: str) -> str:
        """Return what it says under a name; empty where it says nothing."""
        return self.facts.get(name, "")

    def state(self, name: str) -> str:
        """Return how its model was loaded, `weights` or `layernorm`: the usual where it is silent.

        Streams of other states are others.
        """
        return self.fact(name) or _USUAL[name]


def read_head(file: str | Path) -> LensHead:
    """Return what the head of a lens file says.

    Raises:
        BadInputError: There is no such file, or it is no lens: the sentence says what it is.
    """
    path = Path(os.path.expanduser(str(file)))
    told = f"--lens-file “{file}”"
    if path.suffix.lower() != ENDING:
        raise BadInputError(
            f"{told} must end in {ENDING}: lenses are read from safetensors alone, since other "
            "formats may carry code; convert it, or fit one with fit_lens."
        )
    head, facts, _size = read_json(path, told, _no_lens(told))
    weights, biases = _tensors(head, told)
    texts = {str(k): str(v)[:_MOST_TEXT] for k, v in facts.items()}
    return LensHead(path, texts, weights, biases)


def folder() -> Path:
    """Return where lenses are kept that were given no other place."""
    return paths.data_dir() / FOLDER


def fitted(fingerprint: str, kind: str) -> tuple[LensHead, ...]:
    """Return the lenses of a model that lie in the folder of lenses, the newest first."""
    found = [
        head
        for head in _kept()
        if head.fact("kind") == kind and same_weights(head.fact("fingerprint"), fingerprint)
    ]
    return tuple(sorted(found, key=lambda head: head.fact("created"), reverse=True))


def same_weights(one: str, other: str) -> bool:
    """Return whether two fingerprints are of the same weights.

    That of a pack names its conversion behind a dash, which changes tokens and no weight.
    """
    return bool(one) and one.partition("-")[0] == other.partition("-")[0]


def _kept() -> Iterator[LensHead]:
    with contextlib.suppress(OSError):
        names = sorted(path for path in folder().iterdir() if path.suffix.lower() == ENDING)
        for path in names[:_MOST_LISTED]:
            with contextlib.suppress(BadInputError):
                yield read_head(path)


def _tensors(head: Mapping[str, Any], told: str) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Return matrices and biases by layer."""
    found: dict[str, dict[int, Tensor]] = {"weight": {}, "bias": {}}
    for key, entry in head.items():
        match = _KEY.match(key)
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if (match is None and key not in _ALL) or not isinstance(shape, list):
            raise BadInputError(
                f"{told} is no lens: it holds “{key[:60]}”, and a lens holds a “0.weight” for "
                "each layer, and a “0.bias” beside it where it is tuned."
            )
        if not all(isinstance(n, int) and 0 <= n <= _MOST_PLACES for n in shape):
            raise _no_lens(told)
        if match is None:
            count = min([*shape[:1], _MOST_TENSORS])
            parts = {n: Tensor(key, tuple(shape[1:]), n) for n in range(count)}
        else:
            parts = {int(match[1]): Tensor(key, tuple(shape))}
        kept = found[key if match is None else match[2]]
        if twice := kept.keys() & parts.keys():
            raise BadInputError(f"{told} has two matrices for layer {min(twice)}: fit it again.")
        kept |= parts
    return found["weight"], found["bias"]


def _no_lens(told: str) -> BadInputError:
    return BadInputError(
        f"{told} is damaged or no safetensors file: fit the lens again, or choose another file."
    )
