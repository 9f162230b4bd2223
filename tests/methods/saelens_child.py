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
from sae_lens import SAE
from sae_lens.registry import get_sae_class, get_sae_training_class
from transformer_lens import HookedTransformerConfig
from transformer_lens.components import LayerNorm, RMSNorm


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


def main():
    warnings.simplefilter("ignore")
    with redirect_stdout(sys.stderr):
        for job in json.load(sys.stdin):
            {"make": made, "run": ran, "norm": normed}[job["do"]](job)
    sys.stdout.write(json.dumps({"version": sae_lens.__version__}))


if __name__ == "__main__":
    main()
