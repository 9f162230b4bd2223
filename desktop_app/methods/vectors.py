"""Vectors that act on activations: read from files, held to a model and a place in it, and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import torch

from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.result import Notice
from desktop_app.contract.steering import SteerSite
from desktop_app.engine.model import input_width
from desktop_app.support import vector_files
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from desktop_app.engine.model import LoadedModel

_SITES: Mapping[str, SteerSite] = {name: name for name in get_args(SteerSite)}


@dataclass(frozen=True, eq=False)
class Vector:
    """A vector with its place.

    Attributes:
        values: Float32 `[width]` on the CPU, times nothing; at `head_z` heads follow one another.
        layer: The block.
        site: The place in the block.
        shape: Its axes there: `[width]`, at `head_z` `[head, width]`.
        made: How it was made, in words.
        notices: What must be said of it.
    """

    values: torch.Tensor
    layer: int
    site: SteerSite
    shape: tuple[int, ...]
    made: str = ""
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Where:
    """Where a file's vector is to act.

    Attributes:
        layer: The block, negative from the end; None: the one that the file names.
        site: The place in it; None: the one that the file names.
        elsewhere: Whether it may be another place than the one at which it was made.
    """

    layer: int | None = None
    site: SteerSite | None = None
    elsewhere: bool = False


def open_vector(model: LoadedModel, file: str, where: Where, option: str = "--add") -> Vector:
    """Return a file's vector for a place of a model; `FOLDER:12` is an autoencoder's feature.

    Args:
        model: The model.
        file: The name, as settings have it.
        where: Where it is to act.
        option: What asks for it, for sentences.

    Raises:
        BadInputError: It cannot be read, or does not fit: fingerprint, width, layer or site, each
            by name.
    """
    head = vector_files.read_head(file, option)
    layer = head.layer if where.layer is None else where.layer
    if layer is None:
        raise BadInputError(
            f"{head.told} does not say at which layer it was made: give --layer, one of the "
            f"{model.info.n_layers} of {model.info.name}."
        )
    asked = "--layer" if where.layer is not None else f"{head.told}: layer"
    fits = vector_files.misfit(head, model.info, None, elsewhere=where.elsewhere)
    if fits:
        raise BadInputError(fits)
    layer = resolve_index(layer, model.info.n_layers, asked)
    site = _site(head, where)
    problem = vector_files.misfit(head, model.info, (layer, site), elsewhere=where.elsewhere)
    if problem:
        raise BadInputError(problem)
    shape = shape_at(model, layer, site)
    width = int(torch.Size(shape).numel())
    if head.width != width:
        raise BadInputError(
            f"{head.told} has {head.width:,} numbers, and {site} of {model.info.name} has "
            f"{width:,}: it is no vector of this place; choose another one, or another model."
        )
    values = torch.from_numpy(vector_files.read_values(head))
    notices = [*_told(head, layer, site), *([] if bool(values.any()) else [nothing(head.told)])]
    return Vector(values, layer, site, shape, head.fact("made"), tuple(notices))


def save_vector(path: Path, model: LoadedModel, vector: Vector) -> dict[str, str]:
    """Write a vector with its model, layer and site; return what the file says of itself.

    Raises:
        BadInputError: It cannot be written there.
    """
    place = vector.layer, str(vector.site)
    return vector_files.write(path, vector.values.numpy(), model.info, place, vector.made)


def shape_at(model: LoadedModel, layer: int, site: SteerSite) -> tuple[int, ...]:
    """Return the axes of a vector at a place: `[width]`, at `head_z` `[head, width]`."""
    if site != "head_z":
        return (model.info.d_model,)
    heads = model.info.n_heads
    width = input_width(model.bridge.blocks[layer].attn.o) or heads * model.info.d_head
    return (heads, width // heads)


def _site(head: vector_files.VectorHead, where: Where) -> SteerSite:
    """Return the site at which a vector acts: the one asked for, else the file's."""
    if where.site is not None:
        return where.site
    if not head.site:
        return "resid_post"
    if head.site not in _SITES:
        raise BadInputError(
            f"{head.told} was made at {head.site[:80]}, which is no site here: the sites are "
            f"{', '.join(_SITES)}."
        )
    return _SITES[head.site]


def _told(head: vector_files.VectorHead, layer: int, site: str) -> list[Notice]:
    """Return what must be said of a file's vector that is used."""
    found = []
    if head.unnamed:
        what = " nor ".join(head.unnamed)
        message = (
            f"{head.told} does not say {what}: that it belongs to this model and this place is "
            "taken on trust."
        )
        found.append(Notice("vector_unnamed", message))
    elsewhere = [
        f"{name} {there}"
        for name, there, here in (("layer", head.layer, layer), ("site", head.site or None, site))
        if there is not None and there != here
    ]
    if elsewhere:
        message = f"{head.told} was made at {' and '.join(elsewhere)} and acts elsewhere."
        found.append(Notice("vector_elsewhere", message))
    if head.fact("scaled") not in {"", "none", "None"}:
        message = (
            f"{head.told}: the autoencoder was trained on activations scaled by "
            f"“{head.fact('scaled')[:40]}”, so the length of its rows is not that of activations."
        )
        found.append(Notice("vector_scaled", message))
    return found


def nothing(what: str) -> Notice:
    """Return the warning for a vector of nothing but zeros."""
    text = f"{what[:1].upper()}{what[1:]} is zero everywhere: it changes nothing."
    return Notice("vector_zero", text)
