"""Whether a checkpoint can be loaded at all, by what its files say before any of it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.engine.checkpoints import proportions, quantised, unread, weight_files
from desktop_app.engine.checkpoints.model_kinds import refuse_other_kind
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.checkpoints.checkpoint import Checkpoint


def refuse_unfit(spec: ModelSpec, checkpoint: Checkpoint) -> None:
    """Refuse what is no causal language model, or one whose files cannot all be read rightly.

    Raises:
        ModelLoadError: The sentence says what it is and the step that helps.
    """
    name = spec.model
    refuse_other_kind(name, checkpoint.config, is_gguf=bool(checkpoint.gguf))
    proportions.refuse_absurd_layers(name, checkpoint)
    if checkpoint.gguf:
        _refuse_unfit_gguf(spec, checkpoint)
        return
    unread.refuse_unmerged(name, checkpoint.tensors)
    quantised.refuse_inexact(name, checkpoint.config, checkpoint.tensors, checkpoint.folder)
    weight_files.refuse_no_tokenizer(checkpoint.folder)


def _refuse_unfit_gguf(spec: ModelSpec, checkpoint: Checkpoint) -> None:
    unread.refuse_unread_settings(spec.model, checkpoint)
    if spec.offload == "disk":
        raise ModelLoadError(
            f"“{spec.model}” cannot be kept on the disk (--offload disk), since it is a GGUF file: "
            "choose --offload none, or open the model's Hugging Face folder."
        )
    said = checkpoint.config
    if not said.get("tokenizer.ggml.model") or "tokenizer.ggml.tokens" not in said:
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded: it holds no tokenizer; fetch a GGUF file that does, "
            "or the model's Hugging Face folder."
        )
