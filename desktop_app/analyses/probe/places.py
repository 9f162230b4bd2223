"""Which place of the model each row of a probe is, in numbers and in words. No Qt, no torch.

Row 0 is what enters block 0 at every site; row l + 1 the site of block l. What enters block l + 1
is what left block l, so that `resid_pre` has the very rows of `resid_post`.
"""

from __future__ import annotations

from typing import Literal, cast

from desktop_app.pictures.words import SITES

StreamSite = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
FIRST = "in"
"""What row 0 is called on an axis."""
_SHORT = {
    "resid_pre": "after block",
    "resid_post": "after block",
    "resid_mid": "between attention and MLP of block",
    "attn_out": "attention output of block",
    "mlp_out": "MLP output of block",
}


def vector_place(site: str, row: int, layers: int) -> tuple[int, StreamSite]:
    """Return the layer and the site of a row, as an intervention there names them."""
    if row == 0:
        return 0, "resid_pre"
    if site == "resid_pre":
        return (row, "resid_pre") if row < layers else (layers - 1, "resid_post")
    return row - 1, cast("StreamSite", site)


def row_labels(rows: int) -> tuple[str, ...]:
    """Return what rows are called on an axis: row 0, then blocks by their numbers."""
    return (FIRST, *(str(layer) for layer in range(rows - 1)))


def place_words(site: str, row: int) -> str:
    """Say which place a row is, as the end of a sentence: `after block 11`."""
    return "before block 0" if row == 0 else f"{_SHORT.get(site, site)} {row - 1}"


def axis_words(site: str) -> str:
    """Say what the rows are, for an axis."""
    return f"{_SHORT.get(site, site)} (in: before block 0)"


def site_words(site: str) -> str:
    """Return what is read, in words."""
    return "residual stream" if site in {"resid_pre", "resid_post"} else SITES.get(site, site)


def block_of(row: int) -> int | None:
    """Return the block that a row is of; None for what enters block 0."""
    return row - 1 if row else None
