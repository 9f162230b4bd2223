"""Numbers of bytes, as people read them."""

from __future__ import annotations


def human_bytes(count: float) -> str:
    """Return a number of bytes in powers of ten, as models are counted, such as `0.54 GB`."""
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    if count < 1e8:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.2f} GB" if count < 1e10 else f"{count / 1e9:.0f} GB"
