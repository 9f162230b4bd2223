"""Which conversion of a model pack is the present one: what an earlier one made says so."""

from __future__ import annotations

CONVERSIONS = {"smollm2": 2}
"""By pack. 2: the tokenizer cuts texts as the GGUF's own does; the weights were never others."""
