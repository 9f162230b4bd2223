"""What an autoencoder is, as plain values: its model, hook, sizes, activation and data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.support.autoencoder_files import AutoencoderHead


def card_of(head: AutoencoderHead) -> dict[str, Any]:
    """Return what a folder says of its autoencoder, plain enough to be stored.

    Returns:
        `name` of the folder; `architecture`, and its `activation` in words; `model` that it was
        trained on, empty where it does not say; `hook`, `layer` and `site` that it reads; `writes`,
        the hook that a transcoder writes, empty otherwise; `d_in`, `d_sae`, `d_out`; `k`, 0 where
        none is fixed; `head`, −1 where it reads all; `b_dec_first`, `scaling`, `factor`,
        `rescaled`, `skip`, `finetuned` as in `AutoencoderHead`; and `facts`, all else that is
        said, in words.
    """
    facts = dict(head.facts)
    return {
        # A folder may be named by dots alone.
        "name": Path(os.path.abspath(head.folder)).name,
        "architecture": head.architecture,
        "activation": head.activation,
        "model": facts.pop("model", ""),
        "hook": head.reads.name,
        "layer": head.reads.layer,
        "site": head.reads.site,
        "writes": head.writes.name if head.is_transcoder else "",
        "d_in": head.d_in,
        "d_sae": head.d_sae,
        "d_out": head.d_out,
        "k": head.k,
        "head": -1 if head.head is None else head.head,
        "b_dec_first": head.b_dec_first,
        "scaling": head.scaling,
        "factor": head.factor,
        "rescaled": head.rescaled,
        "skip": head.skip,
        "finetuned": head.finetuned,
        "facts": facts,
    }
