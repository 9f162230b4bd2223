"""Texts grown by plain Hugging Face, with hooks of its own: what generation is compared with."""

from __future__ import annotations

import torch
from torch import nn

from desktop_app.engine.decoding import Changes
from desktop_app.engine.interventions import Add, Edit

TEXTS = ([1, 30, 40, 50, 60, 70, 80, 90], [1, 31, 44, 52, 69, 7, 77, 99])
RAGGED = ([1, 30, 40, 50, 60, 70, 80, 90], [1, 31, 44], [1, 31, 44, 52, 69])
STEPS = 8


def a_vector(width=32, scale=3.0):
    return scale * torch.randn(width, generator=torch.Generator().manual_seed(3))


def layers_of(hf_model, count):
    """Return a model's blocks, whatever they are called."""
    modules = hf_model.modules()
    return next(m for m in modules if isinstance(m, nn.ModuleList) and len(m) == count)


def said_by_hugging_face(hf_model, ids, steps=STEPS):
    """Return the new tokens of one text, and the logits that each was chosen by, `[step, V]`."""
    with torch.no_grad():
        found = hf_model.generate(
            torch.tensor([ids]),
            max_new_tokens=steps,
            do_sample=False,
            use_cache=True,  # MPT's own settings say no
            output_logits=True,
            return_dict_in_generate=True,
            eos_token_id=None,
            pad_token_id=0,
        )
    return found.sequences[0, len(ids) :].tolist(), torch.stack([one[0] for one in found.logits])


def steered_by_hugging_face(hf_model, ids, layer, vector, *, every, layers=3):
    """Do the same with a vector added at the last position behind a block, by torch's own hook."""

    def hook(_module, _args, out):
        hidden = out[0] if isinstance(out, tuple) else out
        if every or hidden.shape[1] > 1:
            hidden = hidden.clone()
            hidden[:, -1] += vector
        return (hidden, *out[1:]) if isinstance(out, tuple) else hidden

    handle = layers_of(hf_model, layers)[layer].register_forward_hook(hook)
    try:
        return said_by_hugging_face(hf_model, ids)
    finally:
        handle.remove()


def adding(layer, vector, *, every=False, site="resid_post"):
    """Return the same as changes: at the last position, of the prompt pass or of every step."""

    def planned(_row, step, held):
        if step and not every:
            return []
        return [Edit(layer, site, Add(vector[None]), None, (held.stop - 1,))]

    return Changes(planned)


def silent(_share, _step, _grown):
    """Listen to nothing."""
