"""What kind of model a checkpoint is: what is no causal language model is refused by name.

No torch and no transformers, and before any weights are read: the words of config.json, or of a
GGUF file's metadata, decide. What they leave open is tried once the model is loaded
(`engine.causality`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENCODER = "an encoder{named}, which reads in both directions and predicts no next token"
_PAIR = "an encoder-decoder{named}, whose decoder answers to a second text"
_CLASSIFIER = "a classifier{named}, which gives scores of whole texts and no next token"
_BASE = "a bare base{named} without an unembedding, which predicts no token"
_MULTIMODAL = "a model{named} that reads images or sounds beside text"
_SOUND = "a model{named} of speech or sounds"
_DIFFUSION = "a diffusion model{named}, which reads in both directions"
_RECURRENT = "a recurrent or state-space model{named} without attention heads"
_HYBRID = "a hybrid{named}, of whose layers not all have attention heads"
_VOCABULARY = "a vocabulary alone, without weights"
_ADAPTER = "an adapter, which is nothing without its base model"

# By what the name of the model's class says, the first that fits.
_CLASSES = (
    (r"Diffusion|^LLaDA|^Dream|^BD3LM|^Gidd|^MDLM", _DIFFUSION),
    (r"For(Sequence|Token|Image|Video)Classification|ForQuestionAnswering|ForMultipleChoice"
     r"|ForNextSentencePrediction|Reward", _CLASSIFIER),
    (r"For(CTC|AudioClassification|AudioFrameClassification|SpeechSeq2Seq|XVector)"
     r"|ForTextTo(Waveform|Spectrogram)", _SOUND),
    (r"ForMaskedLM|ForPreTraining", _ENCODER),
    (r"ForVisionText2Text|ForImageTextToText|VisionEncoderDecoder", _MULTIMODAL),
    (r"ForConditionalGeneration|ForSeq2SeqLM|MTModel$|EncoderDecoderModel$|^T5WithLMHeadModel$",
     _PAIR),
    # BLOOM was published under its base's name; its unembedding is its embedding.
    (r"(?<!LMHead)(?<!DoubleHeads)(?<!Bloom)Model$", _BASE),
)  # fmt: skip
# Settings that only models which read more than text have.
_SENSES = (
    "vision_config", "audio_config", "visual", "vision_tower", "mm_vision_tower", "img_processor",
)  # fmt: skip
_SENSED = ("image_token_id", "image_token_index", "audio_token_id", "audio_token_index")
# Encoders, unless their settings make them decoders.
_TWO_WAY = frozenset((
    "albert", "bert", "big_bird", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2",
    "distilbert", "electra", "ernie", "esm", "eurobert", "megatron-bert", "modernbert", "mpnet",
    "nomic_bert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
))  # fmt: skip
_TYPES = {
    **dict.fromkeys(("fuyu", "chameleon", "emu3", "git", "phi4_multimodal"), _MULTIMODAL),
    **dict.fromkeys(("moshi", "musicgen", "musicgen_melody", "whisper", "trocr"), _SOUND),
    **dict.fromkeys(
        ("mamba", "mamba2", "falcon_mamba", "rwkv", "rwkv5", "rwkv6", "rwkv7", "xlstm", "hyena"),
        _RECURRENT,
    ),
    **dict.fromkeys(
        ("bamba", "falcon_h1", "jamba", "nemotron_h", "recurrent_gemma", "zamba", "zamba2", "zaya",
         "kimi_linear", "lfm2", "lfm2_moe", "lfm3", "qwen3_next", "olmo_hybrid", "bailing_hybrid"),
        _HYBRID,
    ),
    **dict.fromkeys(("llada", "llada_moe", "dream", "gidd", "bd3lm"), _DIFFUSION),
    **dict.fromkeys(
        ("t5", "mt5", "umt5", "longt5", "switch_transformers", "t5gemma", "marian", "m2m_100"),
        _PAIR,
    ),
}  # fmt: skip
_WITHOUT_HEADS = {
    "conv",
    "linear",
    "linear_attention",
    "mamba",
    "mamba2",
    "recurrent",
    "short_conv",
}
_LAYER_KINDS = ("layer_types", "layers_block_type", "block_types")

_GGUF_FILES = {
    "adapter": _ADAPTER,
    "mmproj": _MULTIMODAL,
    "vocab": _VOCABULARY,
    "imatrix": "a table of a quantiser's measurements and no model",
}
_GGUF = {
    **dict.fromkeys(
        ("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert",
         "neo-bert", "eurobert", "gemma-embedding", "t5encoder"),
        _ENCODER,
    ),
    "t5": _PAIR,
    **dict.fromkeys(
        ("clip", "qwen2vl", "qwen3vl", "qwen3vlmoe", "cogvlm", "chameleon"), _MULTIMODAL
    ),
    "wavtokenizer-dec": _SOUND,
    **dict.fromkeys(
        ("mamba", "mamba2", "rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"), _RECURRENT
    ),
    **dict.fromkeys(
        ("jamba", "falcon-h1", "lfm2", "lfm2moe", "qwen3next", "qwen35", "qwen35moe",
         "granitehybrid", "nemotron_h", "nemotron_h_moe", "plamo2", "plamo3", "kimi-linear"),
        _HYBRID,
    ),
    **dict.fromkeys(("dream", "llada", "llada-moe", "rnd1"), _DIFFUSION),
}  # fmt: skip


def refuse_other_kind(name: str, config: Mapping[str, Any], *, is_gguf: bool) -> None:
    """Refuse what is no causal language model with attention heads.

    Args:
        name: What the user calls it.
        config: What config.json says, or a GGUF file's metadata.
        is_gguf: Which of the two.

    Raises:
        ModelLoadError: The sentence says what it is.
    """
    kind = other_gguf_kind(config) if is_gguf else other_kind(config)
    if kind is not None:
        raise ModelLoadError(
            f"“{name}” cannot be loaded: it is {kind}; choose a causal language model."
        )


def other_kind(config: Mapping[str, Any]) -> str | None:
    """Return in words what a config.json describes; None where nothing speaks against it."""
    names = config.get("architectures")
    written = str(names[0]) if isinstance(names, list) and names else ""
    model_type = str(config.get("model_type") or "")
    kind = _by_settings(config, model_type) or _by_class(config, written)
    if kind is None:
        return None
    label = written or model_type
    return kind.format(named=f" ({label[:60]})" if label else "")


def other_gguf_kind(metadata: Mapping[str, Any]) -> str | None:
    """Return in words what a GGUF file holds; None where nothing speaks against it."""
    architecture = str(metadata.get("general.architecture") or "")
    kind = _GGUF_FILES.get(str(metadata.get("general.type"))) or _GGUF.get(architecture)
    return None if kind is None else kind.format(named=f" ({architecture[:60]})")


def _by_settings(config: Mapping[str, Any], model_type: str) -> str | None:
    if "_diffusers_version" in config:
        return _DIFFUSION
    if any(config.get(key) not in (None, False, {}) for key in _SENSES):
        return _MULTIMODAL
    if model_type in _TYPES:
        return _TYPES[model_type]
    if config.get("is_encoder_decoder") is True:
        return _PAIR
    kinds = [kind for key in _LAYER_KINDS if isinstance(kind := config.get(key), list)]
    without = [str(k) in _WITHOUT_HEADS for several in kinds for k in several]
    if without and all(without):
        return _RECURRENT
    return _HYBRID if any(without) else None


def _by_class(config: Mapping[str, Any], written: str) -> str | None:
    """Return what the class's name says; an encoder's class may be set up as a decoder."""
    kind = next((kind for pattern, kind in _CLASSES if re.search(pattern, written)), None)
    if kind is _PAIR and any(key in config for key in _SENSED):
        return _MULTIMODAL
    if kind is None and str(config.get("model_type")) in _TWO_WAY:
        return None if config.get("is_decoder") is True else _ENCODER
    return kind
