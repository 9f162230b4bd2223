"""TransformerLens around a Hugging Face model: whether it can, and doing so."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from desktop_app.contract.result import Notice
from desktop_app.engine import first_gpt
from desktop_app.engine.hook_axes import value_biases
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.checkpoints.checkpoint import Checkpoint


def refuse_unhooked(spec: ModelSpec, checkpoint: Checkpoint) -> None:
    """Refuse an architecture without hooks before its weights are read.

    Raises:
        ModelLoadError: TransformerLens has none for it.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    own = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(str(checkpoint.config.get("model_type")))
    written = checkpoint.config.get("architectures")
    if own is not None and not checkpoint.gguf:
        _known_as(own, written if isinstance(written, list) else [], spec)


def attach(hf_model: Any, spec: ModelSpec) -> tuple[Any, bool]:
    """Return TransformerLens' bridge around the model, and whether it moved biases elsewhere.

    The tokenizer stays out of its hands: given one, the bridge reloads it with a BOS of its own
    choosing, from the network where it must; the workbench feeds ids alone.

    Raises:
        ModelLoadError: TransformerLens has no hooks for its architecture, or is told another depth.
    """
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    _refuse_two_depths(hf_model.config, spec)
    written = hf_model.config.architectures
    names = written if isinstance(written, list) else []
    architecture = _known_as(type(hf_model).__name__, names, spec)
    if architecture == "OpenAIGPTLMHeadModel":
        first_gpt.speak_plainly(hf_model)
    bridge = build_bridge_from_module(
        hf_model, architecture, hf_config=hf_model.config, model_name=spec.model
    )
    if spec.weights == "raw":
        return bridge, False
    before = value_biases(bridge)
    with warnings.catch_warnings():  # norms that stay are told as a notice
        warnings.filterwarnings("ignore", "(?s).*does not support (fold_ln|center)", UserWarning)
        bridge.enable_compatibility_mode(disable_warnings=True)
    return bridge, value_biases(bridge) != before


def kept_norms(bridge: Any, spec: ModelSpec) -> tuple[Notice, ...]:
    """Return the warning that norms stay in weights that are called processed, if they do.

    Folded into what reads it, a norm multiplies every direction by the same.
    """
    if spec.weights == "raw":
        return ()
    norms = [getattr(block, name, None) for block in bridge.blocks for name in ("ln1", "ln2")]
    weights = [weight for norm in norms if (weight := getattr(norm, "weight", None)) is not None]
    if all(bool((weight == weight.flatten()[0]).all()) for weight in weights):
        return ()
    message = (
        f"TransformerLens does not fold all norms of {type(bridge.original_model).__name__} into "
        "its weights: what is called processed here keeps them."
    )
    return (Notice("norms_not_folded", message),)


def _refuse_two_depths(config: Any, spec: ModelSpec) -> None:
    """Refuse settings with a second number of layers: TransformerLens would count by that one."""
    built, read = getattr(config, "num_hidden_layers", None), getattr(config, "n_layer", None)
    if built is not None and read is not None and built != read:
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded: config.json says num_hidden_layers {built} and "
            f"n_layer {str(read)[:40]}; remove the one that is not the model's."
        )


def _known_as(own: str, written: list[Any], spec: ModelSpec) -> str:
    """Return the name by which TransformerLens knows a class: its own, else the settings'."""
    from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory

    from desktop_app.engine import falcon

    falcon.register()
    ArchitectureAdapterFactory.discover_entry_points()
    known = ArchitectureAdapterFactory._adapters  # noqa: SLF001 - it has no other list
    name = next((name for name in (own, *written) if isinstance(name, str) and name in known), None)
    if name is None:
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded: TransformerLens has no hooks for its architecture "
            f"({own}); choose a model of another one."
        )
    return name
