"""Weights that nobody reads: every tensor in a model's files must reach the model.

transformers loads what it knows and passes over the rest. What is passed over is one of three: a
table that the model computes anew (rotary frequencies, masks), which is no loss; a part that no
next-token logit depends on (value heads, layers that predict further ahead), which is said on every
result; anything else, which would change a number, and is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.contract.result import Notice
from desktop_app.engine.checkpoints.proportions import layers_said
from desktop_app.engine.checkpoints.weight_files import describe_names
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from desktop_app.engine.checkpoints.checkpoint import Checkpoint
    from desktop_app.engine.checkpoints.stored import Stored

# Tables that models compute anew; a bias of more than one axis is a mask of old checkpoints.
_TABLES = re.compile(
    r"(^|\.)((attn|attention|self_attn)\.)?(masked_bias|causal_mask|attention_mask|mask|alibi"
    r"|position_ids|token_type_ids|cos_cached|sin_cached|inv_freq|original_inv_freq|_extra_state"
    r"|num_batches_tracked)$|embed_positions\._?(weights|float_tensor)$|(^|\.)version$"
    r"|(^|\.)rotary_(pos_)?emb\."
)
_MASK = re.compile(r"(^|\.)(attn|attention|self_attn|crossattention)\.bias$")
_FREQUENCIES = re.compile(r"(^|\.)inv_freq$")
# Parts that no next-token logit depends on.
_ASIDE = re.compile(
    r"^(model\.|transformer\.)?(v_head|value_head|reward_head|score|classifier|classification_head"
    r"|qa_outputs|mc_head|multiple_choice_head|pooler|cls|summary)(\.|$)"
    r"|(^|\.)(mtp|mtp_\w+|nextn|medusa_head)\."
    r"|(^|\.)(vision_tower|vision_model|visual|multi_modal_projector|mm_projector|audio_tower)\."
    r"|\.(activation_scale|input_scale)$"
)
# GGUF architectures whose stretched frequencies transformers takes over.
_SCALED_GGUF = frozenset(("gpt-oss", "gpt_oss"))
_LAYER = re.compile(r"\.(\d{1,9})\.")
_SCALES = re.compile(r"(scale|scales|scale_inv|qzeros|g_idx|absmax|SCB|quant_map)$")
_ADAPTERS = re.compile(r"(^|\.)(lora_\w+|base_layer|modules_to_save)(\.|$)")


def refuse_unmerged(name: str, names: Iterable[str]) -> None:
    """Refuse weights with an adapter that has not been merged into them.

    Raises:
        ModelLoadError: There is one.
    """
    found = [n for n in names if _ADAPTERS.search(n)]
    if found:
        raise ModelLoadError(
            f"“{name}” cannot be loaded: its files hold an adapter beside the weights "
            f"({describe_names(found)}), which would not be read; merge it into them and save that."
        )


def refuse_unread_settings(name: str, checkpoint: Checkpoint) -> None:
    """Refuse a GGUF file that stretches its rotary frequencies, which transformers passes over.

    Raises:
        ModelLoadError: It does.
    """
    if not checkpoint.gguf or checkpoint.config.get("general.architecture") in _SCALED_GGUF:
        return
    own = f"{checkpoint.config.get('general.architecture')}.rope."
    kind = checkpoint.config.get(f"{own}scaling.type")
    factors = [checkpoint.config.get(own + key) for key in ("scaling.factor", "scale_linear")]
    is_scaled = any(factor not in (None, 0, 1) for factor in factors)
    if is_scaled or kind not in (None, "", "none", "linear"):
        raise ModelLoadError(
            f"“{name}” cannot be loaded: it stretches its rotary frequencies ({kind or 'linear'}), "
            "which transformers passes over in GGUF files; open the model's Hugging Face folder."
        )


def unread_notices(
    name: str,
    checkpoint: Checkpoint,
    hf_model: Any,
    unexpected: Iterable[str],
    mapped: Collection[str] = (),
) -> tuple[Notice, ...]:
    """Return what every result must say of weights that were not read.

    Args:
        name: What the user calls the model.
        checkpoint: Its files.
        hf_model: The model that was loaded from them.
        unexpected: What transformers says it passed over.
        mapped: The tensors of a GGUF file that it has a place for.

    Raises:
        ModelLoadError: Something was passed over that would change a number.
    """
    passed = set(unexpected)
    if checkpoint.gguf:
        passed |= _unmapped(checkpoint, mapped)
    expected = _ignored(checkpoint.tensors, hf_model)
    odd = _different_frequencies(checkpoint, hf_model)
    aside: list[str] = []
    harmful: list[str] = []
    for tensor in sorted(passed | expected):
        if _is_table(tensor, checkpoint):
            continue
        (aside if tensor in expected or _ASIDE.search(tensor) else harmful).append(tensor)
    if harmful:
        raise ModelLoadError(_harm(name, checkpoint, hf_model, harmful))
    notices = []
    if aside:
        notices.append(
            f"{len(aside):,} tensors in the files of {name} are not read, since no next-token "
            f"logit depends on them ({describe_names(aside)})."
        )
    if odd:
        notices.append(
            f"The rotary frequencies in the files of {name} ({describe_names(odd)}) are not those "
            "that its settings give, which are used: compare rope_theta with the model's source."
        )
    return tuple(Notice("weights_unread", message) for message in notices)


def refuse_two_sets(name: str, names: Iterable[str], hf_model: Any) -> None:
    """Refuse files that hold a weight twice, with and without the base model's prefix.

    Raises:
        ModelLoadError: They do; only one of the two has been read.
    """
    prefix = f"{hf_model.base_model_prefix}."
    known = set(names)
    twice = sorted(n for n in known if n.startswith(prefix) and n.removeprefix(prefix) in known)
    if twice and len(prefix) > 1:
        raise ModelLoadError(
            f"“{name}” cannot be loaded: its files hold {describe_names(twice)} twice, with and "
            f"without “{prefix}”, and only one of the two would be read; fetch the model again."
        )


def _ignored(tensors: Mapping[str, Stored], hf_model: Any) -> set[str]:
    """Return the tensors that transformers knows it may pass over for this architecture."""
    patterns = getattr(hf_model, "_keys_to_ignore_on_load_unexpected", None) or ()
    if not patterns:
        return set()
    known = set(hf_model.state_dict())
    prefix = f"{hf_model.base_model_prefix}."
    any_of = re.compile("|".join(f"({pattern})" for pattern in patterns))

    def is_read(name: str) -> bool:
        return bool({name, prefix + name, name.removeprefix(prefix)} & known)

    return {name for name in tensors if any_of.search(name) and not is_read(name)}


def _is_table(name: str, checkpoint: Checkpoint) -> bool:
    if _TABLES.search(name):
        return True
    stored = _stored(name, checkpoint)
    if name == "rope_freqs.weight":
        return stored is None or _are_ones(checkpoint, name)
    return bool(_MASK.search(name)) and (stored is None or len(stored.shape) > 1)


def _stored(name: str, checkpoint: Checkpoint) -> Stored | None:
    """Return a tensor by the name that the model knows it by, which may have a longer prefix."""
    found = checkpoint.tensors.get(name)
    while found is None and "." in name:
        name = name.partition(".")[2]
        found = checkpoint.tensors.get(name)
    return found


def _harm(name: str, checkpoint: Checkpoint, hf_model: Any, harmful: Sequence[str]) -> str:
    """Say which tensors are passed over, why that is so, and what helps."""
    said = layers_said(checkpoint)
    kind = type(hf_model).__name__
    beyond = [n for n in harmful if _beyond(n, said)]
    if beyond and said is not None:
        why = f"{said[0]} is {said[1]} there and the files go on after layer {said[1] - 1}"
    elif "rope_freqs.weight" in harmful or any("rope_factors" in n for n in harmful):
        why = "transformers does not apply a GGUF file's table of rotary frequencies"
    elif any(map(_SCALES.search, harmful)):
        why = "they are parts of quantised weights without settings that say how to read them"
    elif all(n.endswith(".bias") for n in harmful):
        why = "its settings turn these biases off"
    else:
        why = "its settings do not describe them"
    step = "open the model's Hugging Face folder" if checkpoint.gguf else "correct config.json"
    return (
        f"“{name}” cannot be loaded: its files hold weights that {kind} would not read "
        f"({describe_names(beyond or harmful)}), since {why}; {step} or fetch the model again."
    )


def _beyond(name: str, said: tuple[str, Any] | None) -> bool:
    match = _LAYER.search(name)
    return bool(match and said is not None and int(match[1]) >= int(said[1]))


def _unmapped(checkpoint: Checkpoint, mapped: Collection[str]) -> set[str]:
    """Return the tensors of a GGUF file that transformers has no place for and drops unsaid."""
    known = {n.removesuffix(".weight") for n in mapped} | set(mapped)
    if checkpoint.config.get("general.architecture") == "gpt2":
        known.add("output.weight")  # read beside the map
    return {
        n for n in checkpoint.tensors if n not in known and n.removesuffix(".weight") not in known
    }


def _are_ones(checkpoint: Checkpoint, name: str) -> bool:
    from gguf import GGUFReader

    path: Path = checkpoint.files[0]
    for tensor in GGUFReader(path).tensors:
        if tensor.name == name:
            return bool((tensor.data == 1).all())
    return True


def _different_frequencies(checkpoint: Checkpoint, hf_model: Any) -> list[str]:
    """Return stored rotary frequencies that are not those of the model's settings."""
    names = [n for n in checkpoint.tensors if _FREQUENCIES.search(n)]
    if checkpoint.gguf or checkpoint.pickled or not names:
        return []
    scaling = getattr(hf_model.config.get_text_config(), "rope_parameters", None) or {}
    if scaling.get("rope_type", "default") != "default":  # files hold them before they are scaled
        return []
    own = [b.float().cpu() for n, b in hf_model.named_buffers() if _FREQUENCIES.search(n)]
    stored = _read(checkpoint.files, names[0])
    same_shape = [table for table in own if stored is not None and table.shape == stored.shape]
    if not same_shape or stored is None:
        return []
    # Old checkpoints keep them in half precision.
    equal = any(torch.allclose(stored, table, rtol=1e-2, atol=1e-6) for table in same_shape)
    return [] if equal else names


def _read(files: Sequence[Path], name: str) -> torch.Tensor | None:
    from safetensors import safe_open

    for path in files:
        with safe_open(str(path), framework="pt") as file:
            if name in file.keys():  # noqa: SIM118 - it is no mapping
                found: torch.Tensor = file.get_tensor(name)
                return found.float()
    return None
