"""Which autoencoders are read: how features are chosen, how inputs are scaled, and where they act.

What is not known is refused by name: computed in another way than it was trained, an autoencoder
says something that is not so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from desktop_app.support.autoencoder_settings import (
    HOOK,
    SCALER,
    SETTINGS,
    SITES,
    Settings,
    one_line,
    read_json_file,
)
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Architecture = Literal["standard", "gated", "jumprelu", "topk"]
Scaling = Literal["none", "constant_norm_rescale", "layer_norm"]
MLP_IN, MLP_NORMED = "mlp_in", "mlp_normed"
_AVERAGE = "expected_average_only_in"
_SCALINGS: Mapping[str, Scaling] = {
    "none": "none",
    "constant_norm_rescale": "constant_norm_rescale",
    "layer_norm": "layer_norm",
    _AVERAGE: "none",
}
# Before the norm of the MLP stands the stream itself: SAELens' models call it an input of the MLP.
_PLACES: Mapping[str, str] = {
    **SITES,
    "hook_mlp_in": "resid_mid",
    "ln2.hook_normalized": MLP_NORMED,
    "mlp.hook_in": MLP_IN,
    "mlp.hook_out": "mlp_out",
}
_LEAST_FACTOR, _MOST_FACTOR = 1e-9, 1e9
_OWN_NAMES = frozenset({"ln2.hook_normalized", "mlp.hook_in", "mlp.hook_out"})


@dataclass(frozen=True)
class Kind:
    """How features are chosen.

    Attributes:
        architecture: By which formula.
        activations: The names of activation functions that this formula is.
        transcoder: Whether it gives what stands at another place.
        skip: Whether it adds a linear map of its input.
        batch: Whether it was trained on the largest of a whole batch: a threshold stands for them.
    """

    architecture: Architecture
    activations: frozenset[str] = frozenset({"relu"})
    transcoder: bool = False
    skip: bool = False
    batch: bool = False


_JUMPS = frozenset({"relu", "jumprelu"})
_BATCHES = frozenset({"relu", "topk", "batchtopk", "jumprelu"})
_KINDS: Mapping[str, Kind] = {
    "standard": Kind("standard"),
    "gated": Kind("gated"),
    "jumprelu": Kind("jumprelu", _JUMPS),
    "topk": Kind("topk", frozenset({"relu", "topk"})),
    "batchtopk": Kind("jumprelu", _BATCHES, batch=True),
    "matryoshka_batchtopk": Kind("jumprelu", _BATCHES, batch=True),
    "transcoder": Kind("standard", transcoder=True),
    "skip_transcoder": Kind("standard", transcoder=True, skip=True),
    "jumprelu_transcoder": Kind("jumprelu", _JUMPS, transcoder=True),
    "jumprelu_skip_transcoder": Kind("jumprelu", _JUMPS, transcoder=True, skip=True),
}


@dataclass(frozen=True)
class Hook:
    """A place in a model.

    Attributes:
        name: As TransformerLens names it.
        layer: Its layer.
        site: Its site, as settings name it. Beside those, `mlp_in` is what the MLP reads, behind
            its norm with the norm's weight; `mlp_normed` is the same before that weight.
    """

    name: str
    layer: int
    site: str

    @property
    def by_name(self) -> bool:
        """Whether it is no site, but a hook of this very name."""
        return self.name.partition(".")[2].partition(".")[2] in _OWN_NAMES


def kind_of(settings: Settings) -> Kind:
    """Return how features are chosen.

    Raises:
        BadInputError: It is not known here.
    """
    named = settings.text("architecture") or "standard"
    activation = (settings.text("activation_fn") or "relu").lower()
    # Before version 6, a standard one may have another activation.
    named = activation if named == "standard" and activation == "topk" else named
    kind = _KINDS.get(named)
    if kind is None:
        raise BadInputError(
            f"{settings.told} is of the architecture “{named[:40]}”, which is not read; name one "
            f"of these: {', '.join(_KINDS)}."
        )
    if activation not in kind.activations:
        raise BadInputError(
            f"{settings.told} is {named} with the activation “{activation[:40]}”, which is not "
            f"read; name one with {' or '.join(sorted(kind.activations))}."
        )
    if kind.transcoder and settings.yes("apply_b_dec_to_input", usual=False):
        raise BadInputError(
            f"{settings.told} is a transcoder that takes b_dec from its input, which is of another "
            f"place: set apply_b_dec_to_input to false in {SETTINGS}, or train it anew."
        )
    return kind


def kept(settings: Settings, d_sae: int) -> int:
    """Return how many features of each token a topk one keeps.

    Raises:
        BadInputError: It is not said, or is more than there are.
    """
    found = settings.count("k")
    if found is None:
        nested = settings.value("activation_fn_kwargs")
        found = Settings(settings.told, nested if isinstance(nested, dict) else {}).count("k")
    if not found or found > d_sae:
        said = "gives no k" if found is None else f"gives k = {found:,}"
        raise BadInputError(
            f"{settings.told}: {SETTINGS} {said}, and a topk autoencoder keeps 1 to {d_sae:,} "
            "features of each token: correct it."
        )
    return found


def scaling_of(settings: Settings, folder: Path) -> tuple[Scaling, float]:
    """Return how each input is scaled, and by which factor all of them are.

    Raises:
        BadInputError: It is not known here, or the factor is not said.
    """
    named = settings.value("normalize_activations")
    if named is None or isinstance(named, bool):
        named = _AVERAGE if named else "none"
    if not isinstance(named, str) or named not in _SCALINGS:
        raise BadInputError(
            f"{settings.told} scales its input by “{one_line(named, 40)}”, which is not read: save "
            "it with the scaling folded into its weights, and normalize_activations none."
        )
    return _SCALINGS[named], _factor(settings, folder) if named == _AVERAGE else 1.0


def hooks_of(settings: Settings, kind: Kind) -> tuple[Hook, Hook]:
    """Return where it reads and where it writes.

    Raises:
        BadInputError: A place is not said, or is none that is read here.
    """
    settings = settings.described
    reads = _hook(settings, "hook_name", "reads")
    if not kind.transcoder:
        other = settings.text("hook_name_out")
        if other and other != reads.name:
            raise BadInputError(
                f"{settings.told} is no transcoder by its architecture, and {SETTINGS} says that "
                f"it writes at “{other[:80]}”: correct one of the two."
            )
        return reads, reads
    return reads, _hook(settings, "hook_name_out", "writes")


def head_of(settings: Settings, hook: Hook) -> int | None:
    """Return the one head that is read; None: all.

    Raises:
        BadInputError: Heads are not told apart at its place.
    """
    head = settings.described.count("hook_head_index")
    if head is not None and hook.site != "head_z":
        raise BadInputError(
            f"{settings.told} reads head {head} of “{hook.name[:80]}”, where heads are not told "
            "apart: name one of attn.hook_z."
        )
    return head


def _hook(settings: Settings, name: str, does: str) -> Hook:
    named = settings.text(name)
    layer = settings.text("hook_layer")
    match = HOOK.match(named.replace("{layer}", layer))
    if not named:
        raise BadInputError(
            f"{settings.told}: {SETTINGS} does not say where it {does} ({name}): add it, such as "
            "blocks.3.hook_resid_pre."
        )
    if match is None or match["name"] not in _PLACES:
        raise BadInputError(
            f"{settings.told} {does} at “{named[:80]}”, which is none of the places that are read: "
            f"name one of {', '.join(_PLACES)} of a block."
        )
    return Hook(match[0], int(match["layer"]), _PLACES[match["name"]])


def _factor(settings: Settings, folder: Path) -> float:
    """Return the factor that makes inputs as long as √d_in on average.

    Raises:
        BadInputError: It is not said, or is none.
    """
    found = settings.value("norm_scaling_factor")
    if found is None:
        beside = read_json_file(folder / SCALER, settings.told) or {}
        found = beside.get("scaling_factor")
    known = isinstance(found, (int, float)) and not isinstance(found, bool)
    # Compared as it is: an integer of JSON may be too large for a float.
    if not known or not _LEAST_FACTOR <= found <= _MOST_FACTOR:
        raise BadInputError(
            f"{settings.told} scales its input by an average length ({_AVERAGE}), and neither "
            f"norm_scaling_factor in {SETTINGS} nor {SCALER} says by how much, as a number from "
            f"{_LEAST_FACTOR:g} to {_MOST_FACTOR:g}: save it with the scaling folded into its "
            "weights."
        )
    return float(found)
