"""Whether an autoencoder belongs to a model: its places, its sizes, and whose it says it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import torch

from desktop_app.contract.result import Notice
from desktop_app.engine.memory import free_bytes
from desktop_app.engine.model import site_hook
from desktop_app.engine.packs import pack
from desktop_app.engine.sites import require_acting, require_shown
from desktop_app.methods.autoencoder_weights import bytes_of
from desktop_app.methods.watching import watch
from desktop_app.support.errors import BadInputError
from desktop_app.support.lens_files import same_weights

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.support.autoencoder_files import AutoencoderHead
    from desktop_app.support.autoencoder_kinds import Hook

_TOKENS = 4
_NOTICED = 1e-5
_SHOWN = 80
_STATES = {"weights": "raw", "layernorm": "keep"}


def hook_name(hook: Hook) -> str:
    """Return the name under which a loaded model has a place."""
    return hook.name if hook.by_name else site_hook(hook.layer, cast("Site", hook.site))


def rows_at(x: torch.Tensor, ids: torch.Tensor, head: int | None) -> torch.Tensor:
    """Return activations `[N, S, width]` of a hook, heads side by side, or one head's alone."""
    if head is not None:
        return x[..., head, :]
    return x.reshape(*ids.shape, -1)


def refuse_misfit(model: LoadedModel, head: AutoencoderHead) -> None:
    """Refuse an autoencoder that does not fit a model; of its weights nothing is read.

    Raises:
        BadInputError: The sentence says what does not fit, and what to do.
    """
    _refuse_other_weights(model, head)
    for hook in (head.reads, head.writes):
        _refuse_missing(model, head, hook)
    _refuse_other_sizes(model, head)
    needed, free = bytes_of(head), free_bytes(model.device)
    if needed > free:
        raise BadInputError(
            f"{head.told} has {head.d_sae:,} features and needs {needed / 1e9:.1f} GB of memory, "
            f"and {free / 1e9:.1f} GB are free: choose a smaller one."
        )


def require_writable(model: LoadedModel, head: AutoencoderHead) -> None:
    """Refuse an autoencoder whose place only shows what the model does.

    Raises:
        BadInputError: Whatever is put in there, the model goes on with its own.
    """
    hook = head.writes
    if not hook.by_name:
        instead = "choose an autoencoder of another place"
        require_acting(model, [hook.layer], cast("Site", hook.site), instead)
    elif not _acts(model, hook_name(hook)):
        raise BadInputError(
            f"{model.info.name} only shows {hook.name}, and goes on with its own whatever is put "
            "in: choose an autoencoder of another place."
        )


def notices_of(model: LoadedModel, head: AutoencoderHead) -> tuple[Notice, ...]:
    """Return what must be said of an autoencoder that is used with a model."""
    found = []
    whose, name = head.facts.get("model", ""), model.info.name
    if whose and not head.facts.get("fingerprint") and not _same_name(whose, model):
        found.append(
            Notice(
                "sae_of_other_model",
                f"The autoencoder names the model “{whose[:_SHOWN]}”, and {name} is loaded: where "
                "they are different models, what its features say is not so.",
            )
        )
    processed = head.facts.get("processed", "")
    if processed and model.info.weights == "raw":
        found.append(
            Notice(
                "sae_of_processed_weights",
                f"The autoencoder was trained on weights that were processed ({processed[:_SHOWN]})"
                f", and {name} is loaded as it is, where activations may be others: load it with "
                "--weights processed.",
            )
        )
    return tuple(found)


def _refuse_other_weights(model: LoadedModel, head: AutoencoderHead) -> None:
    """Refuse an autoencoder whose fingerprint is another model's, or of another state of it."""
    known, info = head.facts.get("fingerprint", ""), model.info
    if not known:
        return
    if not same_weights(known, info.fingerprint):
        whose = head.facts.get("model", "")[:_SHOWN] or "another model"
        raise BadInputError(
            f"{head.told} is an autoencoder of {whose}, and the loaded model is {info.name}: its "
            "fingerprint differs; train one for this model, or load that one."
        )
    for name, usual in _STATES.items():
        there, here = head.facts.get(name, usual)[:20], getattr(info, name)
        if there != here:
            raise BadInputError(
                f"{head.told} was trained with --{name} {there} and the model is loaded with "
                f"{here}, where activations are others: load it with --{name} {there}."
            )


def _refuse_missing(model: LoadedModel, head: AutoencoderHead, hook: Hook) -> None:
    layers, name = model.info.n_layers, model.info.name
    if hook.layer >= layers:
        raise BadInputError(
            f"{head.told} is of layer {hook.layer}, and {name} has the layers 0 to {layers - 1}: "
            "load the model that it was trained on."
        )
    if not hook.by_name:
        instead = "choose an autoencoder of another place"
        require_shown(model, [hook.layer], cast("Site", hook.site), instead)
    if not model.has_hook(hook_name(hook)):
        raise BadInputError(
            f"{head.told} is of {hook.name}, and {name} has no such place: load the model that it "
            "was trained on."
        )


def _refuse_other_sizes(model: LoadedModel, head: AutoencoderHead) -> None:
    """Run a few tokens, and refuse an autoencoder of other widths than its places have."""
    ids = _few(model)
    seen: list[tuple[str, torch.Size]] = []
    names = hook_name(head.reads), hook_name(head.writes)
    watch(
        model,
        ids,
        [(name, lambda x, hook, name=name: seen.append((name, x.shape))) for name in set(names)],
    )
    shapes = dict(seen)
    for name, hook in zip(names, (head.reads, head.writes), strict=True):
        if name not in shapes:
            raise BadInputError(
                f"{head.told} is of {hook.name}, which {model.info.name} never shows: load the "
                "model that it was trained on."
            )
    order = [name for name, _shape in seen]
    if order.index(names[0]) > order.index(names[1]):
        raise BadInputError(
            f"{head.told} reads at {head.reads.name}, which comes behind {head.writes.name}, where "
            "it writes: correct its settings."
        )
    for hook, size, does in (
        (head.reads, head.d_in, "reads"),
        (head.writes, head.d_out, "gives"),
    ):
        _refuse_width(model, head, hook, (size, does, shapes[hook_name(hook)]))


def _refuse_width(
    model: LoadedModel, head: AutoencoderHead, hook: Hook, at: tuple[int, str, torch.Size]
) -> None:
    size, does, shape = at
    width = shape[-1]
    if hook.site == "head_z":
        heads = shape[-2]
        if head.head is not None and head.head >= heads:
            raise BadInputError(
                f"{head.told} is of head {head.head}, and {model.info.name} has the heads 0 to "
                f"{heads - 1}: load the model that it was trained on."
            )
        if head.head is None and size == width != heads * width:
            raise BadInputError(
                f"{head.told} {does} {size:,} numbers, which is one head of {hook.name}, and does "
                "not say which (hook_head_index): add it to its settings."
            )
        width = width if head.head is not None else heads * width
    if size != width:
        raise BadInputError(
            f"{head.told} {does} {size:,} numbers, and {model.info.name} has {width:,} at "
            f"{hook.name}: load the model that it was trained on."
        )


def _few(model: LoadedModel) -> torch.Tensor:
    length = min(_TOKENS, model.info.n_ctx)
    return model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(length)]])


def _acts(model: LoadedModel, name: str) -> bool:
    """Return whether disturbing a hook changes what is predicted."""
    ids = _few(model)

    def disturb(x: torch.Tensor, hook: object) -> torch.Tensor:
        ramp = torch.linspace(-1, 1, x.numel(), device=x.device).view(x.shape)
        return (ramp * x.abs().max().clamp_min(1.0)).to(x.dtype)

    before, behind = model.run(ids), model.run(ids, [(name, disturb)])
    change = (behind - before).float().abs().max()
    return not bool(change <= _NOTICED * before.float().abs().max())


def _same_name(whose: str, model: LoadedModel) -> bool:
    """Return whether two names are one model's, as far as names tell."""
    info = model.info
    titles = [pack.find_pack(info.name).title] if info.name in pack.pack_names() else []
    return _plain(whose) in {_plain(name) for name in (info.name, info.source, *titles)}


def _plain(name: str) -> str:
    """Return the last part of a name, letters and digits alone; GPT-2's small one is GPT-2."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^(gpt2)-small$", r"\1", last))
