"""What `cfg.json` of an autoencoder says, in the words of all versions of SAELens; nothing is run.

Settings lie flat, and what an autoencoder is of also under `metadata`; some have changed their
names. Values are taken only where they are of the kind that is expected; texts are cut.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular
from desktop_app.support.tensor_heads import MOST_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS = "cfg.json"
USUAL = "sae_weights.safetensors"
ENDING = ".safetensors"
SCALER = "activation_scaler.json"
"""Where SAELens keeps the factor of inputs beside weights that it is not yet a part of."""
SITES: Mapping[str, str] = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "attn.hook_z": "head_z",
}
"""Sites by the names that TransformerLens, and so SAELens, has for them in a block."""
HOOK = re.compile(r"blocks\.(?P<layer>\d{1,5})\.(?P<name>[\w.]{1,60})\Z")
_PICKLES = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"})
_MOST_BYTES = 1_000_000
_MOST_COUNT = 10**12
_OLD_NAMES: Mapping[str, tuple[str, ...]] = {
    "hook_name": ("hook_point",),
    "hook_head_index": ("hook_point_head_index",),
    "hook_name_out": ("hook_point_out", "out_hook_point"),
    "hook_layer": ("hook_point_layer",),
    "activation_fn": ("activation_fn_str",),
    "dataset_path": ("dataset",),
    "context_size": ("context_length",),
    "training_tokens": ("total_training_tokens", "tokens_read"),
    "l1_coefficient": ("l1",),
}


@dataclass(frozen=True)
class Settings:
    """What the settings say.

    Attributes:
        told: The option and the folder, for sentences.
        said: Values by name.
        beside: What is looked up where `said` has nothing.
        metadata: What stands under `metadata`, where SAELens keeps what an autoencoder is of and
            whatever else a program put there. What is computed by is never taken from it.
    """

    told: str
    said: Mapping[str, Any]
    beside: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def described(self) -> Settings:
        """The same with `metadata`: for the places, the model, the data of an autoencoder."""
        return replace(self, beside=self.metadata)

    def value(self, name: str) -> Any:
        """Return what is said under a name or an older one of it; None: nothing."""
        names = (name, *_OLD_NAMES.get(name, ()))
        found = (given.get(one) for given in (self.said, self.beside) for one in names)
        return next((value for value in found if value is not None), None)

    def text(self, name: str) -> str:
        """Return a text or a number as text, cut and in one line; empty: there is none."""
        value = self.value(name)
        return one_line(value) if isinstance(value, (str, int, float)) else ""

    def yes(self, name: str, *, usual: bool) -> bool:
        """Return whether something is set."""
        value = self.value(name)
        return bool(value) if isinstance(value, (bool, int)) else usual

    def count(self, name: str) -> int | None:
        """Return a whole number that is not negative.

        Raises:
            BadInputError: Something else stands there.
        """
        value = self.value(name)
        if value is None:
            return None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # What is no number at all (NaN) is neither above 0 nor below the most.
        if not number or not 0 <= value <= _MOST_COUNT or int(value) != value:
            raise BadInputError(
                f"{self.told}: {SETTINGS} says {name} {one_line(value, 40)}, and it is a whole "
                "number from 0: correct it, or fetch the folder again."
            )
        return int(value)


def one_line(value: object, most: int = MOST_TEXT) -> str:
    """Return a value as text, cut and in one line."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value)[:most])


def read_settings(folder: Path, told: str) -> Settings:
    """Return what the settings of a folder say.

    Raises:
        BadInputError: There are none, or they are damaged.
    """
    said = read_json_file(folder / SETTINGS, told)
    if said is None:
        raise BadInputError(
            f"{told}: the folder holds no {SETTINGS}, as SAELens writes it; name a folder with a "
            "sparse autoencoder."
        )
    nested = said.get("metadata")
    return Settings(told, said, metadata=nested if isinstance(nested, dict) else {})


def read_json_file(path: Path, told: str) -> dict[str, Any] | None:
    """Return what a small JSON file says; None: there is no such file.

    Raises:
        BadInputError: It cannot be read, or is none.
    """
    try:
        with open_regular(path) as opened:
            stored = opened.read(_MOST_BYTES + 1)
        given = json.loads(stored) if len(stored) <= _MOST_BYTES else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(f"{told}: {path.name} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise BadInputError(f"{told}: {path.name} is damaged: fetch it again.")
    return given


def weights_file(folder: Path, told: str) -> Path:
    """Return the file that holds the weights: the usual one, or the only one.

    Raises:
        BadInputError: There is none, or one that may carry code.
    """
    path = folder / USUAL
    try:
        if path.is_file():
            return path
        every = sorted(folder.iterdir())
    except OSError as error:
        raise BadInputError(f"{told}: the folder cannot be read ({error.strerror}).") from error
    found = [one for one in every if one.suffix.lower() == ENDING and one.stem != "sparsity"]
    if len(found) == 1:
        return found[0]
    pickles = [one for one in every if one.suffix.lower() in _PICKLES]
    if pickles and not found:
        raise BadInputError(
            f"{told}: {pickles[0].name[:80]} is a pickle, which may carry code and is not read: "
            f"save its tensors as {USUAL} (safetensors) with the program that made it."
        )
    raise BadInputError(
        f"{told}: the folder holds no {USUAL}, as SAELens writes it; name a folder with a "
        "sparse autoencoder."
    )
