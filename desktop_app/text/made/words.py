"""The words that prompts are made of, shipped as data."""

from __future__ import annotations

import json
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def made_words() -> Mapping[str, tuple[str, ...]]:
    """Return lists of words by what they are: names, things, places, objects, spans, words."""
    text = resource("families", "prompt_words.json").read_text(encoding="utf-8")
    return MappingProxyType({name: tuple(words) for name, words in json.loads(text).items()})
