"""Autoencoders for tests: folders in SAELens' layout, and plain formulas of every kind in numpy.

The formulas are written after SAELens' own source, one number after the other, and share nothing
with the program's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path

BIASES = {
    "gated": ("b_gate", "b_mag", "r_mag"),
    "jumprelu": ("b_enc", "threshold"),
    "jumprelu_transcoder": ("b_enc", "threshold"),
    "jumprelu_skip_transcoder": ("b_enc", "threshold"),
}
HOOK = "blocks.1.hook_resid_post"


def drawn(
    architecture: str, d_in: int, d_sae: int = 40, d_out: int | None = None, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return random weights of an architecture, float32."""
    random = np.random.default_rng(seed)

    def some(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32) / np.float32(max(shape) ** 0.5)

    d_out = d_out or d_in
    found = {"W_enc": some(d_in, d_sae), "W_dec": some(d_sae, d_out), "b_dec": some(d_out)}
    found |= {key: 3 * some(d_sae) for key in BIASES.get(architecture, ("b_enc",))}
    if "threshold" in found:
        found["threshold"] = np.abs(found["threshold"])
    if "skip" in architecture:
        found["W_skip"] = some(d_out, d_in)
    return found


def settings(architecture: str, weights: dict[str, np.ndarray], **others: Any) -> dict[str, Any]:
    """Return settings as version 6 of SAELens writes them; further ones may be given."""
    said: dict[str, Any] = {
        "architecture": architecture,
        "d_in": weights["W_enc"].shape[0],
        "d_sae": weights["W_enc"].shape[1],
        "dtype": "float32",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "hook_name": HOOK, "prepend_bos": True},
    }
    if "transcoder" in architecture:
        said |= {"apply_b_dec_to_input": False, "d_out": weights["b_dec"].shape[0]}
        said["metadata"] |= {
            "hook_name": "blocks.1.ln2.hook_normalized",
            "hook_name_out": "blocks.1.hook_mlp_out",
        }
    if architecture == "topk":
        said["k"] = 5
    said["metadata"] |= others.pop("metadata", {})
    return said | others


def save_folder(folder: Path, said: dict[str, Any], weights: dict[str, np.ndarray]) -> Path:
    """Write a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(said), encoding="utf-8")
    save_file(weights, folder / "sae_weights.safetensors")
    return folder


def save_drawn(
    folder: Path, architecture: str, d_in: int, **others: Any
) -> tuple[Path, dict[str, Any], dict[str, np.ndarray]]:
    """Write a random autoencoder; return its folder, settings and weights."""
    weights = drawn(architecture, d_in, d_out=others.pop("d_out", None))
    said = settings(architecture, weights, **others)
    return save_folder(folder, said, weights), said, weights


def plain_encode(x: np.ndarray, said: dict[str, Any], w: dict[str, np.ndarray]) -> np.ndarray:
    """Return activations `[N, d_sae]` of inputs `[N, d_in]`, float64."""
    w = {key: value.astype(np.float64) for key, value in w.items()}
    x = plain_scaled(x.astype(np.float64), said)[0]
    if said["apply_b_dec_to_input"]:
        x = x - w["b_dec"]
    kind = said["architecture"]
    if kind == "gated":
        gate = x @ w["W_enc"] + w["b_gate"] > 0
        size = x @ (w["W_enc"] * np.exp(w["r_mag"])) + w["b_mag"]
        return gate * np.maximum(size, 0)
    before = x @ w["W_enc"] + w["b_enc"]
    if said.get("rescale_acts_by_decoder_norm"):
        before = before * np.linalg.norm(w["W_dec"], axis=1)
    if kind == "topk":
        found = np.zeros_like(before)
        for row, own in zip(found, before, strict=True):
            most = np.argsort(own)[::-1][: said["k"]]
            row[most] = np.maximum(own[most], 0)
        return found
    threshold = w.get("threshold", w.get("topk_threshold", 0.0))
    return np.where(before > threshold, np.maximum(before, 0), 0.0)


def plain_decode(
    features: np.ndarray, x: np.ndarray, said: dict[str, Any], w: dict[str, np.ndarray]
) -> np.ndarray:
    """Return x̂ `[N, d_out]` of activations `[N, d_sae]` and of the inputs that they are of."""
    w = {key: value.astype(np.float64) for key, value in w.items()}
    if said.get("rescale_acts_by_decoder_norm"):
        features = features / np.linalg.norm(w["W_dec"], axis=1)
    if said.get("finetuning_scaling_factor"):
        features = features * w["scaling_factor"]
    found = features @ w["W_dec"] + w["b_dec"]
    if "transcoder" in said["architecture"]:
        return found + (x @ w["W_skip"].T if "W_skip" in w else 0)
    _scaled, mean, size = plain_scaled(x.astype(np.float64), said)
    return found * size + mean


def plain_scaled(x: np.ndarray, said: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the scaled input, and the mean and size by which it is scaled back."""
    if said["normalize_activations"] == "expected_average_only_in":
        return x * said["norm_scaling_factor"], 0.0, 1 / said["norm_scaling_factor"]
    if said["normalize_activations"] == "constant_norm_rescale":
        size = np.linalg.norm(x, axis=1, keepdims=True) / np.sqrt(x.shape[1])
        return x / size, 0.0, size
    if said["normalize_activations"] == "layer_norm":
        mean = x.mean(1, keepdims=True)
        size = (x - mean).std(1, ddof=1, keepdims=True)
        return (x - mean) / (size + 1e-5), mean, size
    return x, 0.0, 1.0
