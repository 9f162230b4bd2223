"""Writing an autoencoder as a folder in SAELens' layout: `cfg.json` and `sae_weights.safetensors`.

The settings are those that SAELens 6 writes and reads; what they have no name for stands among the
metadata, where SAELens keeps what it does not know.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save as to_bytes

from desktop_app.support import autoencoder_folder, paths
from desktop_app.support.autoencoder_settings import SETTINGS, USUAL
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular, temporary_for, try_out, unwritable
from desktop_app.support.lens_files import same_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from desktop_app.contract.result import ModelInfo

LAYOUT = "6.0.0"
"""The version of SAELens whose settings these are: it reads those of none as an older layout."""
MADE_BY = "lensbench-sae-1"
_NAME = re.compile(r"[^\w.-]+", re.ASCII)
_MOST_NAME = 60
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Made:
    """What an autoencoder is.

    Attributes:
        hook: The place that it reads and gives, as TransformerLens names it.
        k: How many features of each token a topk one keeps; 0: it is a standard one.
        context: Tokens of the windows that it was trained on.
        has_bos: Whether windows begin with a BOS.
        facts: What else is told of it: plain values by name.
    """

    hook: str
    k: int
    context: int
    has_bos: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


def place_for(info: ModelInfo, hook: str, given: str, option: str = "--out-sae") -> Path:
    """Return the folder that an autoencoder goes to, refused before the work where it cannot.

    One that is not given is only made by `save_autoencoder`: until then another training may take
    its name.

    Args:
        info: The model that it belongs to.
        hook: The place that it reads.
        given: The folder; empty: a new one among the autoencoders of Lensbench.
        option: What it was given to, for sentences.

    Raises:
        BadInputError: The folder cannot be written, or holds anything but an earlier autoencoder
            of the same place in the same model.
    """
    if given:
        path = Path(os.path.expanduser(given))
        told = f"{option} “{given}”"
        _refuse_others(path, told, info, hook)
    else:
        variant = "" if info.layernorm == "keep" else f"-{info.layernorm}"
        where = hook.removeprefix("blocks.").replace(".hook_", "-")
        name = f"{_NAME.sub('-', info.name)[:_MOST_NAME]}-{info.fingerprint[:8]}{variant}-{where}"
        path = paths.ensure(autoencoder_folder.folder()) / name
        while os.path.lexists(path):  # an earlier one stays
            path = _next(path)
    beside = path / USUAL if path.is_dir() else path
    try_out(beside)
    return path


def save_autoencoder(
    folder: Path,
    weights: Mapping[str, torch.Tensor],
    made: Made,
    info: ModelInfo,
    *,
    anew: bool = False,
) -> Path:
    """Write an autoencoder; both files take their names once both are complete.

    Args:
        folder: Where; it is made where it is missing.
        weights: `W_enc` `[d, features]`, `b_enc`, `W_dec` `[features, d]` and `b_dec`, float32, for
            activations as the model has them.
        made: What it is.
        info: Its model.
        anew: Whether the folder must be a new one: where there is one by now, of another training
            that ended before, the next free name is taken.

    Returns:
        The folder that it was written to.

    Raises:
        BadInputError: It cannot be written there.
    """
    held = {name: value.detach().float().cpu().contiguous() for name, value in weights.items()}
    d_in, d_sae = held["W_enc"].shape
    said = json.dumps(_settings(d_in, d_sae, made, info), indent=2, ensure_ascii=False) + "\n"
    stored = {USUAL: to_bytes(held, metadata={"format": "pt"}), SETTINGS: said.encode()}
    fresh = anew or not folder.exists()
    try:
        if anew:
            folder = _made(folder)
        else:
            folder.mkdir(exist_ok=True)
        _write(folder, stored)
    except OSError as error:
        if fresh:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise unwritable(folder, error) from error
    return folder


def _made(path: Path) -> Path:
    """Make a folder of this name, or of the next that is free, and return it."""
    while True:
        try:
            path.mkdir()
        except FileExistsError:
            path = _next(path)
        else:
            return path


def _next(path: Path) -> Path:
    """Return the name behind a name: `toy-2` behind `toy`, which ends in a site's name."""
    name, _dash, number = path.name.rpartition("-")
    if name and number.isdecimal():
        return path.with_name(f"{name}-{int(number) + 1}")
    return path.with_name(f"{path.name}-2")


def _write(folder: Path, stored: Mapping[str, bytes]) -> None:
    with contextlib.ExitStack() as opened:
        ready = [(opened.enter_context(temporary_for(folder / name)), name) for name in stored]
        for temporary, name in ready:
            with temporary.open("r+b") as file:
                file.write(stored[name])
                file.flush()
                os.fsync(file.fileno())
        for temporary, name in ready:
            temporary.replace(folder / name)


def _settings(d_in: int, d_sae: int, made: Made, info: ModelInfo) -> dict[str, Any]:
    own = {"k": made.k, "rescale_acts_by_decoder_norm": False} if made.k else {}
    return {
        "architecture": "topk" if made.k else "standard",
        "d_in": d_in,
        "d_sae": d_sae,
        **own,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": LAYOUT,
            "sae_lens_training_version": None,
            "model_name": info.name,
            "model_class_name": "HookedTransformer",
            "hook_name": made.hook,
            "hook_head_index": None,
            "context_size": made.context,
            "prepend_bos": made.has_bos,
            "made_by": MADE_BY,
            "fingerprint": info.fingerprint,
            "weights": info.weights,
            "layernorm": info.layernorm,
            **made.facts,
        },
    }


def _refuse_others(path: Path, told: str, info: ModelInfo, hook: str) -> None:
    """Refuse a folder whose contents would be lost.

    Raises:
        BadInputError: It says what is there.
    """
    instead = "choose another name, or remove it"
    if not os.path.lexists(path):
        return
    try:
        names = {one.name for one in path.iterdir()}
    except NotADirectoryError:
        raise BadInputError(f"{told} is there already and is no folder: {instead}.") from None
    except OSError as error:
        raise BadInputError(f"{told} cannot be read ({error.strerror}): {instead}.") from error
    if not names:
        return
    said = _said(path / SETTINGS)
    if names - {SETTINGS, USUAL} or said.get("made_by") != MADE_BY:
        raise BadInputError(
            f"{told} is there already and is no autoencoder that was trained here: {instead}."
        )
    same = same_weights(str(said.get("fingerprint")), info.fingerprint)
    own = {"weights": info.weights, "layernorm": info.layernorm, "hook_name": hook}
    if not same or any(said.get(name) != value for name, value in own.items()):
        whose = str(said.get("model_name"))[:_MOST_NAME]
        where = str(said.get("hook_name"))[:_MOST_NAME]
        raise BadInputError(
            f"{told} is there already and is an autoencoder of {whose} at {where}: {instead}."
        )


def _said(path: Path) -> dict[str, Any]:
    """Return the metadata of settings; nothing where there are none that could be read."""
    with contextlib.suppress(OSError, ValueError, RecursionError), open_regular(path) as opened:
        given = json.loads(opened.read(_MOST_BYTES))
        found = given.get("metadata") if isinstance(given, dict) else None
        return found if isinstance(found, dict) else {}
    return {}
