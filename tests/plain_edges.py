"""Edges by the plain loop: two runs with hooks for each, nothing of the program's own methods.

A sender's output is taken from the model's own modules; the receiver reads the changed stream in
one run, and what it makes of that goes into another. With `slope` the change is scaled by a number
that autograd differentiates by, at nothing: then these are the edges' gradients.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import torch

HOOKS = {
    "q": "attn.hook_q",
    "k": "attn.hook_k",
    "v": "attn.hook_v",
    "in": "hook_mlp_out",
}


def rows_of(x, rows, length):
    """Return `[rows, S, d]` where an architecture joins rows and positions."""
    return x.view(rows, length, -1) if x.ndim == 2 else x


class EnoughError(Exception):
    """All has been seen: the rest of the run is not needed."""


def seen(model, ids, names, hooks=()):
    """Return what hooks see in one run, which ends with the last of them."""
    kept = {}

    def keep(x, hook, name):
        kept[name] = rows_of(x, *ids.shape)
        if len(kept) == len(names):
            raise EnoughError

    keepers = [(name, partial(keep, name=name)) for name in names]
    with suppress(EnoughError):
        model.bridge.run_with_hooks(ids, fwd_hooks=[*hooks, *keepers])
    return kept


@torch.no_grad()
def senders_of(model, ids):
    """Return what each sender adds to the stream of a text, in the order of layers `[n, S, d]`."""
    layers, heads = model.info.n_layers, model.info.n_heads
    names = ["blocks.0.hook_in"]
    for layer in range(layers):
        at = f"blocks.{layer}."
        names += [f"{at}attn.hook_z", f"{at}hook_attn_out", f"{at}hook_mlp_out"]
    kept = {name: x.clone() for name, x in seen(model, ids, names).items()}
    found = [kept["blocks.0.hook_in"][0]]
    for layer in range(layers):
        project = model.bridge.blocks[layer].attn.o
        z, out = (kept[f"blocks.{layer}.{n}"] for n in ("attn.hook_z", "hook_attn_out"))
        z = z.view(1, ids.shape[1], heads, -1)
        nothing = project(torch.zeros_like(z).flatten(2))
        whole = project(z.flatten(2))
        gain = torch.where(whole.abs() > 1e-9, out / whole, torch.ones_like(out))
        for head in range(heads):
            alone = torch.zeros_like(z)
            alone[:, :, head] = z[:, :, head]
            found.append(((project(alone.flatten(2)) - nothing) * gain)[0])
        found.append(kept[f"blocks.{layer}.hook_mlp_out"][0])
    return torch.stack(found)


def is_parallel(model, layer):
    """Return whether a block's MLP reads what its attention reads."""
    return f"blocks.{layer}.hook_resid_mid" not in model.bridge.hook_dict


def changed(model, ids, place, changes, start=None):
    """Return next-token logits `[n, V]`, a row for each change of what one input reads.

    Args:
        model: The loaded model.
        ids: Token ids `[1, S]`.
        place: Layer, kind and head of the input; the number of layers for the logits.
        changes: `[n, S, d]`.
        start: What enters the first block instead `[S, d]`.
    """
    layer, kind, head = place
    rows, length = len(changes), ids.shape[1]
    batch = ids.expand(rows, -1)
    begin = [] if start is None else [("blocks.0.hook_in", lambda x, hook: start.expand_as(x))]

    def add(x, hook):
        return (rows_of(x, rows, length) + changes).view(x.shape)

    if layer == model.info.n_layers:
        last = f"blocks.{layer - 1}.hook_out"
        name = "ln_final.hook_in" if "ln_final.hook_in" in model.bridge.hook_dict else last
        return model.bridge.run_with_hooks(batch, fwd_hooks=[*begin, (name, add)])[:, -1]
    at = "hook_resid_mid" if kind == "in" and not is_parallel(model, layer) else "hook_in"
    site = f"blocks.{layer}.{HOOKS[kind]}"
    made = seen(model, batch, [site], [*begin, (f"blocks.{layer}.{at}", add)])[site]

    def put(x, hook):
        if kind == "in":
            return made.view(x.shape)
        x = x.clone()
        x[:, :, head] = made[:, :, head]
        return x

    return model.bridge.run_with_hooks(batch, fwd_hooks=[*begin, (site, put)])[:, -1]


def receivers_of(model):
    """Yield every input with how many senders come before it, in order."""
    info = model.info
    for layer in range(info.n_layers):
        before = 1 + layer * (info.n_heads + 1)
        for kind, count in (("q", info.n_heads), ("k", info.n_kv_heads), ("v", info.n_kv_heads)):
            yield from (((layer, kind, head), before) for head in range(count))
        own = 0 if is_parallel(model, layer) else info.n_heads
        yield (layer, "in", -1), before + own
    yield (info.n_layers, "in", -1), 1 + info.n_layers * (info.n_heads + 1)


@torch.no_grad()
def effects_of(model, ids, apart, metric):
    """Return what every edge does to a metric of next-token logits `[n, V]`, in order."""
    base = metric(model.bridge(ids)[:, -1])
    found = [
        metric(changed(model, ids, place, apart[:count])) - base
        for place, count in receivers_of(model)
    ]
    return torch.cat(found)


def slopes_of(model, ids, apart, metric, start=None):
    """Return the metric's gradient along every edge's change, in order, at nothing changed."""
    found = []
    with torch.enable_grad():
        for place, count in receivers_of(model):
            scale = torch.zeros(count, 1, 1, requires_grad=True)
            logits = changed(model, ids, place, scale * apart[:count], start)
            found.append(torch.autograd.grad(metric(logits).sum(), scale)[0].flatten())
    return torch.cat(found)
