"""A fitted lens: read from a file and held to its model, and written to one.

The rows of a lens are the streams before each block, and the one behind the last: row 0 holds the
embeddings, and row L is what the model itself reads. A Jacobian lens has no matrix for row 0, whose
stream is behind no block; there it reads nothing. No lens changes row L.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import write_atomically
from desktop_app.support.lens_files import FORMAT, NAMES, LensHead, read_head, same_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from desktop_app.contract.result import ModelInfo
    from desktop_app.engine.model import LoadedModel
    from desktop_app.support.lens_files import Kind, Tensor

# How far the layers of a file stand from the rows that they are for.
_SHIFT: dict[Kind, int] = {"jacobian": 1, "tuned": 0}
_FACTS = ("model", "corpus", "windows", "tokens_read", "created", "fit_dtype")


@dataclass(frozen=True)
class Lens:
    """What brings a stream to the end before it is read.

    Attributes:
        kind: Which.
        n_layers: Of its model.
        head: Of its file; None for the logit lens, which needs none.
        facts: What the file says of how it was fitted.
    """

    kind: Kind
    n_layers: int
    head: LensHead | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> tuple[int, ...]:
        """Return the rows that it reads: all of them, or those that it has a matrix for."""
        if self.head is None:
            return tuple(range(self.n_layers + 1))
        shift = _SHIFT[self.kind]
        known = {layer + shift for layer in self.head.weights}
        return (*sorted(row for row in known if row < self.n_layers), self.n_layers)

    def carry(self, row: int, stream: torch.Tensor) -> torch.Tensor:
        """Return a row's streams `[..., d_model]` as they are read.

        Raises:
            BadInputError: The file has been changed meanwhile.
        """
        if self.head is None or row == self.n_layers:
            return stream
        layer = row - _SHIFT[self.kind]
        weight = self.head.weights[layer]
        bias = self.head.biases.get(layer)
        try:
            with safe_open(self.head.path, framework="pt") as file:
                matrix = _stored(file, weight).to(stream.device, torch.float32)
                found: torch.Tensor = stream.float() @ matrix.T
                if bias is not None:
                    found = found + _stored(file, bias).to(stream.device, torch.float32)
        except (SafetensorError, OSError, RuntimeError, TypeError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise BadInputError(
                f"--lens-file “{self.head.path.name}” cannot be read: its contents are not what "
                "its head says, or it was changed; fit it again."
            ) from error
        return found


def open_lens(model: LoadedModel, kind: Kind, file: str) -> Lens:
    """Return the lens of that kind, held to the model.

    Raises:
        BadInputError: There is no file, it is no such lens, or another model's.
    """
    info = model.info
    if kind == "logit":
        return Lens(kind, info.n_layers)
    if not file:
        fit = (
            " or fit one with fit_lens"
            if kind == "jacobian"
            else ", of which weight and bias of each layer are read"
        )
        raise BadInputError(f"--kind {kind} needs a fitted lens: give --lens-file{fit}.")
    head = read_head(file)
    told = f"--lens-file “{file}”"
    _refuse_others(info, head, kind, told)
    _refuse_shapes(info, head, kind, told)
    try:
        with safe_open(head.path, framework="pt"):
            pass  # it compares the size of the file with what its head says
    except (SafetensorError, OSError) as error:
        raise BadInputError(f"{told} is damaged or not whole: fit it again.") from error
    facts = {name: head.fact(name) for name in _FACTS if head.fact(name)}
    return Lens(kind, info.n_layers, head, facts)


def save_lens(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, str]) -> None:
    """Write a lens; the file appears complete or not at all.

    Raises:
        BadInputError: It cannot be written there.
    """
    held = {name: tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
    stored = to_bytes(held, metadata={"format": FORMAT, **facts})
    with write_atomically(path) as file:
        file.write(stored)


def _stored(file: Any, tensor: Tensor) -> torch.Tensor:
    whole: torch.Tensor = (
        file.get_tensor(tensor.key)
        if tensor.place is None
        else file.get_slice(tensor.key)[tensor.place]
    )
    return whole


def _refuse_others(info: ModelInfo, head: LensHead, kind: Kind, told: str) -> None:
    """Refuse a lens of another kind, of another model, or of its weights in another state."""
    said = head.fact("kind")
    if said and said != kind:
        named = NAMES.get(said, said[:40])
        raise BadInputError(f"{told} is a {named}: choose --kind {said[:40]}, or another file.")
    known = head.fact("fingerprint")
    if known and not same_weights(known, info.fingerprint):
        whose = head.fact("model") or "another model"
        raise BadInputError(
            f"{told} is the lens of {whose[:80]}, and the loaded model is {info.name}: its "
            "fingerprint differs; fit one for this model, or load that one."
        )
    for name, here in (("weights", info.weights), ("layernorm", info.layernorm)):
        there = head.state(name)
        if there != here:
            raise BadInputError(
                f"{told} was fitted with --{name} {there[:20]} and the model is loaded with "
                f"{here}, where streams are others: load it with --{name} {there[:20]}."
            )


def _refuse_shapes(info: ModelInfo, head: LensHead, kind: Kind, told: str) -> None:
    """Refuse a lens whose layers or shapes are not the model's."""
    width, last = info.d_model, info.n_layers - 1 - _SHIFT[kind]
    for layer, tensor in (*head.weights.items(), *head.biases.items()):
        wanted = (width, width) if tensor is head.weights.get(layer) else (width,)
        if tensor.shape != wanted:
            raise BadInputError(
                f"{told}: “{tensor.key[:60]}” is {list(tensor.shape)}, and {info.name} needs "
                f"{list(wanted)}: it is another model's lens."
            )
    beyond = [layer for layer in head.weights if layer > last]
    if beyond:
        raise BadInputError(
            f"{told} has a matrix for layer {max(beyond)}, and a {NAMES[kind]} of {info.name} "
            f"ends with layer {last}: it is another model's lens."
        )
    missing = sorted(set(range(last + 1)) - head.weights.keys())
    if missing:
        raise BadInputError(
            f"{told} has no matrix for layer {missing[0]} ({len(missing)} of {last + 1} layers "
            "are missing): fit all of them."
        )
    lone = sorted(head.biases.keys() - head.weights.keys())
    bare = sorted(head.weights.keys() - head.biases.keys()) if kind == "tuned" else []
    if lone or bare:
        what = "no weight" if lone else "no bias"
        raise BadInputError(f"{told} has {what} for layer {(lone or bare)[0]}: export it again.")
    if kind == "jacobian" and head.biases:
        raise BadInputError(f"{told} has biases, which no Jacobian lens has: choose --kind tuned.")
