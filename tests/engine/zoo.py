"""Random tiny models of many architectures, made in memory: no download, fixed seeds.

Weights get extra noise, so that biases and norms differ from their initial zeros and ones and a
forgotten term shows.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = 300

_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_LLAMA = {**_COMMON, "num_key_value_heads": 2, "intermediate_size": 48}

SETTINGS: dict[str, dict[str, object]] = {
    "gpt2": {
        "vocab_size": VOCABULARY,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 64,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "gpt_neox": {**_COMMON, "intermediate_size": 48, "rotary_pct": 0.5},
    "llama": _LLAMA,
    "mistral": {**_LLAMA, "sliding_window": 5},
    "qwen2": _LLAMA,
    "qwen3": {**_LLAMA, "head_dim": 8},
    "gemma2": {**_LLAMA, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 5},
    "gemma3_text": {**_LLAMA, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 5},
    "opt": {**_COMMON, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "phi": {**_COMMON, "intermediate_size": 48, "partial_rotary_factor": 0.5},
    "phi3": {**_LLAMA, "sliding_window": None},
    "gptj": {
        "vocab_size": VOCABULARY,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 64,
        "rotary_dim": 4,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "gpt_neo": {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "num_layers": 4,
        "num_heads": 4,
        "max_position_embeddings": 64,
        "attention_types": [[["global", "local"], 2]],
        "window_size": 5,
        "intermediate_size": 48,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "mixtral": {**_LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2},
    "olmo2": _LLAMA,
    "stablelm": {**_LLAMA, "partial_rotary_factor": 0.5},
    "falcon": {**_COMMON, "new_decoder_architecture": True, "num_kv_heads": 2},
    # The rows of these cannot grow in the middle of a pass.
    "bloom": {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "n_layer": 3,
        "n_head": 4,
        "seq_length": 64,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    },
    "gpt_bigcode": {
        "vocab_size": VOCABULARY,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 64,
        "multi_query": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "xglm": {
        "vocab_size": VOCABULARY,
        "d_model": 32,
        "num_layers": 3,
        "attention_heads": 4,
        "ffn_dim": 48,
        "max_position_embeddings": 64,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    },
}
ARCHITECTURES = tuple(SETTINGS)

# DeepSeek's attention: values of another width than the rotary part and than queries and keys.
_LATENT: dict[str, object] = {
    **_COMMON,
    "num_key_value_heads": 4,
    "intermediate_size": 48,
    "moe_intermediate_size": 24,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 12,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 6,
    "qk_nope_head_dim": 10,
    "v_head_dim": 14,
}
# Tests of their own: what holds of these is not what holds of all the others.
FURTHER: dict[str, dict[str, object]] = {
    "deepseek_v2": {**_LATENT, "topk_method": "greedy", "norm_topk_prob": False},
    "deepseek_v3": _LATENT,
    # As published (128 and 64): the width of the values is a multiple of the rotary one.
    "deepseek_v3:published": {**_LATENT, "v_head_dim": 12},
    "deepseek_v2:published": {
        **_LATENT, "v_head_dim": 12, "topk_method": "greedy", "norm_topk_prob": False,
    },
    "openai-gpt": {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 3, "n_head": 4,
                   "n_positions": 64},
    "olmo": _LLAMA,
    # The biases of its norms stay where they are when weights are processed.
    "nemotron": _LLAMA,
    # Wider heads in its last layer.
    "gemma4_text:wide": {
        **_LLAMA,
        "head_dim": 8,
        "global_head_dim": 16,
        "sliding_window": 5,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
    },
    # Its layers read the token ids once more, beside the stream.
    "gemma4_text": {
        **_LLAMA,
        "head_dim": 8,
        "global_head_dim": 8,
        "sliding_window": 5,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "vocab_size_per_layer_input": VOCABULARY,
        "hidden_size_per_layer_input": 8,
        "num_kv_shared_layers": 0,
    },
    # Multipliers: of what the parts add to the stream, of the embeddings, of the logits.
    "granite": {
        **_LLAMA,
        "residual_multiplier": 0.3,
        "embedding_multiplier": 2.5,
        "attention_multiplier": 0.2,
        "logits_scaling": 3.0,
    },
    # Attention and MLP side by side behind one norm, and logits with a multiplier.
    "cohere": {**_LLAMA, "logit_scale": 0.4},
    # Experts, and one beside them with a gate of its own.
    "qwen2_moe": {
        **_LLAMA,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 20,
    },
    # Experts, and one beside them that TransformerLens does not show.
    "glm4_moe": {
        **_LLAMA,
        "head_dim": 8,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "n_group": 2,
        "topk_group": 1,
        "moe_intermediate_size": 24,
        "first_k_dense_replace": 1,
    },
    # A norm before each part and one behind it; a norm behind each part alone.
    "glm4": {**_LLAMA, "head_dim": 8},
    "exaone4": {**_LLAMA, "sliding_window": 5, "sliding_window_pattern": 2},
    "starcoder2": {**_LLAMA, "sliding_window": None},
    # Its MLP adds the stream by itself.
    "mpt": {"vocab_size": VOCABULARY, "d_model": 32, "n_layers": 3, "n_heads": 4,
            "max_seq_len": 64},
    # Learned attention sinks, and every other layer sees a few tokens alone.
    "gpt_oss": {
        **_LLAMA,
        "head_dim": 8,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "sliding_window": 5,
    },
}  # fmt: skip


@cache
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer that reads any text and adds a BOS: 3 specials, 256 bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<pad>", "<s>", "</s>"]
    vocabulary = {piece: index for index, piece in enumerate([*specials, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
    )


def tiny_model(architecture: str, seed: int = 0) -> PreTrainedModel:
    """Return a fresh tiny random model, eager attention, float32, the same for the same seed."""
    torch.manual_seed(seed)
    settings = (SETTINGS | FURTHER)[architecture]
    config = AutoConfig.for_model(architecture.partition(":")[0], **settings)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    model.config.architectures = [type(model).__name__]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def save_tiny(architecture: str, folder: Path, seed: int = 0) -> Path:
    """Write a tiny model with its tokenizer as a Hugging Face folder and return it."""
    tiny_model(architecture, seed).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
