"""Run by the Python of another environment: autoencoders made, saved, loaded and run by sae-lens.

Reads from standard input a list of jobs, does them in order, and writes arrays where they say.
Imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
import warnings
from contextlib import redirect_stdout

import numpy as np
import sae_lens
import torch
from sae_lens import SAE, HookedSAETransformer
from sae_lens.registry import get_sae_class, get_sae_training_class
from transformer_lens import HookedTransformerConfig
from transformer_lens.components import LayerNorm, RMSNorm
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import AutoModelForCausalLM


def made(job):
    """Save an autoencoder with random weights, as sae-lens does at the end of a training."""
    classes = get_sae_training_class if job["training"] else get_sae_class
    sae_class, config_class = classes(job["architecture"])
    own = {**job["settings"], "architecture": job["architecture"]}
    sae = sae_class(config_class.from_dict(own))
    generator = torch.Generator().manual_seed(job["seed"])
    with torch.no_grad():
        for name, value in sae.state_dict().items():
            drawn = torch.randn(value.shape, generator=generator) * 0.4
            drawn = drawn.abs() if "threshold" in name else drawn
            value.copy_(drawn.to(value.dtype))
        if job["factor"]:
            sae.fold_activation_norm_scaling_factor(job["factor"])
    if job["training"] and job["inference"]:
        sae.save_inference_model(job["folder"])
    else:
        sae.save_model(job["folder"])


def ran(job):
    """Write what an autoencoder of a folder makes of inputs."""
    sae = SAE.load_from_disk(job["folder"])
    if job["factor"]:
        sae.fold_activation_norm_scaling_factor(job["factor"])
    x = torch.from_numpy(np.load(job["x"]))
    with torch.no_grad():
        features, output = sae.encode(x), sae(x)
        sae.use_error_term = "transcoder" not in sae.cfg.architecture()
        spliced = sae(x)
    np.savez(job["out"], features=features, output=output, spliced=spliced)


def normed(job):
    """Write what a norm's `hook_normalized` shows."""
    x = torch.from_numpy(np.load(job["x"]))
    config = HookedTransformerConfig(
        n_layers=1,
        d_model=x.shape[-1],
        n_ctx=64,
        d_head=8,
        act_fn="relu",
        n_heads=4,
        d_vocab=8,
        eps=job["eps"],
    )
    norm = {"LN": LayerNorm, "RMS": RMSNorm}[job["norm"]](config)
    seen = []
    norm.hook_normalized.add_hook(lambda x, hook: seen.append(x.clone()))
    with torch.no_grad():
        norm.w.normal_()
        norm(x)
    np.savez(job["out"], normalized=seen[0])


def hooked(folder):
    """Return a GPT-2 of a folder as sae-lens hooks it, its weights as they are."""
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    own = plain.config
    config = HookedTransformerConfig(
        n_layers=own.n_layer,
        d_model=own.n_embd,
        n_ctx=own.n_positions,
        d_head=own.n_embd // own.n_head,
        d_mlp=4 * own.n_embd,
        act_fn="gelu_new",
        n_heads=own.n_head,
        d_vocab=own.vocab_size,
        eps=own.layer_norm_epsilon,
        normalization_type="LN",
    )
    model = HookedSAETransformer(config)
    missing = model.load_state_dict(convert_gpt2_weights(plain, config), strict=False)
    assert all(key.endswith((".mask", ".IGNORE", "b_U")) for key in missing.missing_keys), missing
    return model


def spliced(job):
    """Write logits of a model in which an autoencoder stands, without and with its error term."""
    model, ids = hooked(job["model"]), torch.tensor(job["ids"])
    found = {}
    with torch.no_grad():
        found["bare"] = model(ids)
        for number, folder in enumerate(job["folders"]):
            sae = SAE.load_from_disk(folder)
            for error in (False, True):
                logits, cache = model.run_with_cache_with_saes(
                    ids, saes=[sae], use_error_term=error
                )
                found[f"{number}-{error}"] = logits
                name = next(key for key in cache if key.endswith("hook_sae_acts_post"))
                found[f"{number}-features"] = cache[name]
    np.savez(job["out"], **found)


def main():
    warnings.simplefilter("ignore")
    with redirect_stdout(sys.stderr):
        for job in json.load(sys.stdin):
            {"make": made, "run": ran, "norm": normed, "model": spliced}[job["do"]](job)
    sys.stdout.write(json.dumps({"version": sae_lens.__version__}))


if __name__ == "__main__":
    main()
