"""What activations over a text come from: by it, what is kept of one is told from all others."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.features import spec
from desktop_app.engine.model import one_dnn_is_faster
from desktop_app.support.installed import package_version

if TYPE_CHECKING:
    from desktop_app.analyses.features.spec import FeaturesParams
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder
    from desktop_app.methods.text_windows import TextWindows


def about(
    model: LoadedModel, autoencoder: Autoencoder, params: FeaturesParams, text: TextWindows
) -> list[Any]:
    """Return all that the activations of a text depend on, but its tokens; and which text it is.

    Whose products the model's are is of it: a processor's are of one of two libraries, whichever a
    trial finds the faster one, and differ in their last bits. What was read with one is not gone on
    with in the other, since a token may be on the other side of a threshold.
    """
    info = model.info
    path = params.corpus
    if path != spec.OWN_CORPUS:
        path = str(Path(os.path.expanduser(path)).resolve())
    state = (info.fingerprint, info.dtype, info.weights, info.layernorm, str(info.device))
    products = one_dnn_is_faster() if model.device.type == "cpu" else None
    own = (package_version("lensbench"), products)
    return [*own, *state, _identity(autoencoder), path, list(text.lead), params.window]


def _identity(autoencoder: Autoencoder) -> str:
    """Return what tells an autoencoder from others: its numbers, and how they are used."""
    head = autoencoder.head
    told = {
        one.name: repr(getattr(head, one.name))
        for one in dataclasses.fields(head)
        if one.name not in {"folder", "tensors", "facts"}
    }
    found = hashlib.sha256(repr(sorted(told.items())).encode())
    for name, tensor in sorted(autoencoder.weights.items()):
        found.update(f"{name} {tuple(tensor.shape)}".encode())
        found.update(np.ascontiguousarray(tensor.detach().float().cpu().numpy()).data)
    return found.hexdigest()
