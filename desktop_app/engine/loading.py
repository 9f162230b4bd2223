"""Loading a model: Hugging Face first, measured plainly, then TransformerLens around it."""

from __future__ import annotations

import math
import os
import shutil
import time
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.contract.requests import ModelReady, ModelSpec, Parity
from desktop_app.contract.result import ModelInfo
from desktop_app.engine import catalogue, causality, hub, norm_effects, norm_modules
from desktop_app.engine.attaching import attach, kept_norms, refuse_unhooked
from desktop_app.engine.catalogue import fingerprint
from desktop_app.engine.checkpoints import pickles, proportions, quantised, unread
from desktop_app.engine.checkpoints.fitness import refuse_unfit
from desktop_app.engine.checkpoints.unloadable import unloadable
from desktop_app.engine.checkpoints.weight_files import describe_names
from desktop_app.engine.devices import choose_device, choose_dtype, dtype_name
from desktop_app.engine.hook_axes import examine
from desktop_app.engine.loading_progress import weights_progress
from desktop_app.engine.memory import bytes_needed, free_bytes
from desktop_app.engine.model import LoadedModel
from desktop_app.engine.offloading import offload_folder, offload_options, remove_orphans
from desktop_app.engine.tokenizers.tokenizer_files import read_tokenizer
from desktop_app.engine.trying import reads_together, try_out
from desktop_app.support.errors import (
    LensbenchError,
    MemoryExhaustedError,
    ModelLoadError,
    is_out_of_memory,
)
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice
    from desktop_app.engine.checkpoints.checkpoint import Checkpoint
    from desktop_app.engine.norm_effects import Removed
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer

_TEXT = "The quick brown fox jumps over 1 2 3 4"
_LENGTH = 10
_PADS = 4
# Largest difference of log-probabilities that counts as equal: in float32 this, or as much of the
# largest logit, since deep and wide models add up longer sums; in half precision these.
_TOLERANCE, _OF_LARGEST = 1e-4, 1e-5
_HALF_TOLERANCE = {torch.bfloat16: 0.25, torch.float16: 0.05}


def load(spec: ModelSpec, report: Reporter) -> LoadedModel:
    """Load a model and measure its parity with plain Hugging Face.

    Raises:
        ModelLoadError: It is not here, damaged, of an unknown architecture, or too large.
    """
    if not spec.offline and catalogue.is_hub_id(spec.model):
        hub.download(spec.model, report)
    remove_orphans()
    report.step(0.02, "Reading the model's description")
    checkpoint = catalogue.locate(spec)
    checkpoint = pickles.described(checkpoint, spec.model, report.check)
    refuse_unfit(spec, checkpoint)
    device = choose_device(spec.device)
    dtype = choose_dtype(spec, device, checkpoint.parameters)
    _refuse_too_large(spec, checkpoint, device, dtype)
    try:
        return _load(spec, checkpoint, device, dtype, report)
    except LensbenchError:
        raise
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise MemoryExhaustedError(
                f"“{spec.model}” does not fit into the memory of {device}: choose --dtype "
                "bfloat16, --offload disk or a smaller model."
            ) from None
        raise ModelLoadError(unloadable(spec.model, error)) from error
    except Exception as error:
        raise ModelLoadError(unloadable(spec.model, error)) from error


def load_plain(spec: ModelSpec, report: Reporter) -> Any:
    """Return a model's Hugging Face module alone on its device, without TransformerLens around it.

    Raises:
        ModelLoadError: It is not here, or damaged.
    """
    checkpoint = pickles.described(catalogue.locate(spec), spec.model, report.check)
    refuse_unfit(spec, checkpoint)
    device = choose_device(spec.device)
    dtype = choose_dtype(spec, device, checkpoint.parameters)
    try:
        with proportions.stoppable(report):
            model, _notices = _load_weights(spec, checkpoint, dtype, {}, report)
            _move(model, device, report)
    except LensbenchError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelLoadError(unloadable(spec.model, error)) from error
    return model


def load_tokenizer(spec: ModelSpec) -> TextTokenizer:
    """Return a model's tokenizer without its weights."""
    checkpoint = catalogue.locate(spec)
    try:
        return read_tokenizer(checkpoint, lambda: None, spec.model)
    except LensbenchError:
        raise
    except Exception as error:
        raise ModelLoadError(unloadable(spec.model, error)) from error


def ready(model: LoadedModel, seconds: float) -> ModelReady:
    """Return what the window is told of a loaded model."""
    raw = model.tokenizer.raw
    removed = model.removed
    return ModelReady(
        spec=model.spec,
        info=model.info,
        parity=model.parity,
        memory_bytes=model.memory_bytes,
        seconds=seconds,
        bos_token=raw.bos_token,
        chat_template=bool(raw.chat_template),
        layernorm_moved=None if removed is None else removed.damage.moved,
        layernorm_said="" if removed is None else removed.notice.message,
    )


def _load(
    spec: ModelSpec,
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    report: Reporter,
) -> LoadedModel:
    report.step(0.05, "Reading the tokenizer")
    tokenizer = read_tokenizer(checkpoint, report.check, spec.model)
    refuse_unhooked(spec, checkpoint)
    report.step(0.15, "Reading the weights")
    started = time.perf_counter()
    with proportions.stoppable(report), offload_folder(spec) as offloaded:
        options = offload_options(spec, checkpoint, device, offloaded)
        hf_model, notices = _load_weights(spec, checkpoint, dtype, options, report)
        if offloaded is None:
            _move(hf_model, device, report)
        else:
            weakref.finalize(hf_model, shutil.rmtree, offloaded, ignore_errors=True)
        report.step(0.75, "Measuring plain Hugging Face")
        sample = sample_ids(tokenizer, hf_model)
        plain = plain_logits(hf_model, sample)
        _refuse_two_way(spec, hf_model, sample, plain, dtype)
        removed = _without_norms(hf_model, spec, tokenizer, sample, report)
        if removed is not None:
            plain, notices = removed.after, (*notices, removed.notice)
        report.step(0.80, "Attaching TransformerLens")
        parameters = sum(p.numel() for p in hf_model.parameters())
        memory = sum(p.numel() * p.element_size() for p in hf_model.parameters())
        bridge, folded = attach(hf_model, spec)
        if removed is not None:
            norm_modules.hear(bridge)
        notices += kept_norms(bridge, spec)
        info = _describe(spec, checkpoint, bridge, hf_model, parameters, dtype)
        axes = examine(bridge, info)
        info = replace(info, n_kv_heads=axes.n_kv_heads)
        input_device = torch.device(str(bridge.cfg.device or device))
        report.step(0.92, "Comparing with plain Hugging Face")
        ids = sample.to(input_device)
        measured = measure(bridge, ids, plain, tokenizer, dtype)
        if removed is not None:
            norm_effects.require_heard(spec, removed, bridge_logprobs(bridge, ids), measured)
        allowed = measured.tolerance + measured.max_logprob_difference
        together = reads_together(bridge, ids, plain, allowed)
        model = LoadedModel(
            bridge, tokenizer, info, spec, measured, input_device, memory,
            notices=notices, unfit=axes.unfit, turned=axes.taken, widest_head=axes.widest_head,
            folded_biases=folded, unmixed=axes.unmixed, reads_together=together, removed=removed,
        )  # fmt: skip
        try_out(model, report, (0.94, 1.0))
    report.step(1.0, f"Loaded in {time.perf_counter() - started:.1f} s")
    return model


def _load_weights(
    spec: ModelSpec,
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    more: dict[str, Any],
    report: Reporter,
) -> tuple[Any, tuple[Notice, ...]]:
    """Return the Hugging Face model in evaluation mode with eager attention, and what to say of it.

    `more` are options for layers that are offloaded.
    """
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {
        "dtype": dtype,
        "attn_implementation": "eager",
        "local_files_only": True,
        "trust_remote_code": False,
        **more,
    }
    if checkpoint.gguf:
        options["gguf_file"] = checkpoint.gguf
    else:
        options["use_safetensors"] = not checkpoint.pickled
        options |= quantised.loader_options(checkpoint.config)
    with (
        weights_progress(report, is_gguf=bool(checkpoint.gguf)) as mapped,
        proportions.in_proportion(checkpoint),
    ):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            str(checkpoint.folder), output_loading_info=True, **options
        )
    model, told = loaded
    if "quantization_config" in options:
        quantised.bring_to(dtype, model)
    _refuse_incomplete(spec, told.get("missing_keys") or (), checkpoint)
    unread.refuse_two_sets(spec.model, checkpoint.tensors, model)
    passed = told.get("unexpected_keys") or ()
    notices = unread.unread_notices(_short_name(spec), checkpoint, model, passed, mapped)
    model.eval()
    return model, notices


def _move(model: Any, device: torch.device, report: Reporter) -> None:
    """Bring a model to its device, part by part, so that it can be stopped between them."""
    for module in model.modules():
        report.check()
        if next(module.children(), None) is None:
            module.to(device)
    model.to(device)


def _without_norms(
    hf_model: Any,
    spec: ModelSpec,
    tokenizer: TextTokenizer,
    sample: torch.Tensor,
    report: Reporter,
) -> Removed | None:
    """Take a model's norms away as the spec says; None where they are kept."""
    if spec.layernorm == "keep":
        return None
    report.step(0.78, "Taking its norms away")
    logits = partial(plain_logits, hf_model, sample)
    return norm_effects.take_away(hf_model, spec, _short_name(spec), tokenizer, logits)


def _refuse_two_way(
    spec: ModelSpec, model: Any, sample: torch.Tensor, plain: torch.Tensor, dtype: torch.dtype
) -> None:
    def logprobs(ids: torch.Tensor) -> torch.Tensor:
        return plain_logits(model, ids).log_softmax(-1)

    context = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2
    if sample.shape[1] < 2 <= context:  # a model of few positions
        sample = sample.repeat(1, 2)
        plain = plain_logits(model, sample)
    causality.refuse_two_way(spec.model, logprobs, sample, plain.log_softmax(-1), dtype)


def _refuse_incomplete(spec: ModelSpec, missing: Iterable[str], checkpoint: Checkpoint) -> None:
    """Refuse weights with holes in them, which the library would fill with random numbers."""
    names = sorted(missing)
    if names:
        which = describe_names(names)
        longer = next((n for n in checkpoint.tensors if n.endswith(f".{names[0]}")), None)
        if longer is not None:
            raise ModelLoadError(
                f"“{spec.model}” cannot be loaded: its files hold weights under longer names "
                f"(“{longer[:80]}” for {which}), as training scripts save them; save the model "
                "anew with transformers."
            )
        raise ModelLoadError(
            f"“{spec.model}” cannot be loaded: its files lack the weights {which}; fetch it again."
        )


def _describe(
    spec: ModelSpec,
    checkpoint: Checkpoint,
    bridge: Any,
    hf_model: Any,
    parameters: int,
    dtype: torch.dtype,
) -> ModelInfo:
    cfg = bridge.cfg
    source = str(checkpoint.folder / checkpoint.gguf) if checkpoint.gguf else str(checkpoint.folder)
    return ModelInfo(
        name=_short_name(spec),
        source=source,
        fingerprint=fingerprint(checkpoint),
        n_layers=int(cfg.n_layers),
        n_heads=int(cfg.n_heads),
        n_kv_heads=int(cfg.n_key_value_heads or cfg.n_heads),
        d_model=int(cfg.d_model),
        d_head=int(cfg.d_head),
        d_vocab=int(cfg.d_vocab),
        n_ctx=int(cfg.n_ctx),
        parameters=parameters,
        architecture=type(hf_model).__name__,
        device=str(cfg.device),
        dtype=dtype_name(dtype),
        weights=spec.weights,
        layernorm=spec.layernorm,
    )


def _short_name(spec: ModelSpec) -> str:
    """Return what results call a model: of a folder or file its last name, links keeping theirs."""
    path = Path(spec.model).expanduser()
    return Path(os.path.abspath(path)).name if path.exists() else spec.model


def _refuse_too_large(
    spec: ModelSpec, checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype
) -> None:
    if spec.offload != "none" or checkpoint.parameters is None:
        return
    need = bytes_needed(checkpoint.parameters)[dtype_name(dtype)]
    free = free_bytes(device)
    if need > free:
        raise ModelLoadError(
            f"“{spec.model}” needs {human_bytes(need)} as {dtype_name(dtype)} and {device} has "
            f"{human_bytes(free)} free: choose --dtype bfloat16, --offload disk or a smaller model."
        )


def sample_ids(tokenizer: TextTokenizer, hf_model: Any) -> torch.Tensor:
    """Return a few token ids `[1, S]` that the model can take, with the padding where it can."""
    config = hf_model.config.get_text_config()
    ids = [i for i in tokenizer.encode(_TEXT).ids if i < config.vocab_size]
    context = getattr(config, "max_position_embeddings", None) or _LENGTH + _PADS
    length = max(1, min(_LENGTH, int(context) - _PADS))
    device = next(hf_model.parameters()).device
    if device.type == "meta":
        device = torch.device("cpu")
    return torch.tensor([ids[:length] or [0]], device=device)


def plain_logits(hf_model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return plain Hugging Face's logits `[S, V]`, float32, on the CPU."""
    with torch.no_grad():
        logits: torch.Tensor = hf_model(ids, use_cache=False).logits
    return logits[0].float().cpu()


def measure(
    bridge: Any,
    ids: torch.Tensor,
    plain: torch.Tensor,
    tokenizer: TextTokenizer,
    dtype: torch.dtype,
) -> Parity:
    """Compare the bridge with plain Hugging Face's logits, and its padding with itself alone."""
    with torch.no_grad():
        alone = bridge_logprobs(bridge, ids)
        padded = [_padded_difference(bridge, ids, alone, tokenizer, n) for n in (_PADS, 1)]
    difference = float((alone - plain.log_softmax(-1)).abs().max())
    tolerance = tolerance_of(dtype, float(plain.abs().max()))
    known = [difference, *(p for p in padded if p is not None)]
    return Parity(
        max_logprob_difference=difference,
        left_padding_difference=padded[0],
        single_pad_difference=padded[1],
        tolerance=tolerance,
        ok=all(d < tolerance for d in known),
    )


def bridge_logprobs(bridge: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return a bridge's log-probabilities `[S, V]` of token ids `[1, S]`, on the CPU."""
    with torch.no_grad():
        return _logprobs(bridge(ids, use_cache=False))[0]


def tolerance_of(dtype: torch.dtype, largest: float) -> float:
    """Return which difference of log-probabilities counts as none; `largest` is the logit's."""
    least = max(_TOLERANCE, _OF_LARGEST * largest) if math.isfinite(largest) else _TOLERANCE
    return _HALF_TOLERANCE.get(dtype, least)


def _padded_difference(
    bridge: Any, ids: torch.Tensor, alone: torch.Tensor, tokenizer: TextTokenizer, pads: int
) -> float | None:
    """Return the difference that left padding makes; None where the model cannot take it."""
    pad = torch.full((1, pads), tokenizer.pad_id(), device=ids.device)
    mask = torch.ones(1, pads + ids.shape[1], dtype=torch.long, device=ids.device)
    mask[:, :pads] = 0
    try:
        logits = bridge(torch.cat([pad, ids], dim=1), attention_mask=mask, use_cache=False)
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
        return None
    return float((_logprobs(logits)[0, pads:] - alone).abs().max())


def _logprobs(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(-1).cpu()
