"""What a model's files say of texts, to hold a tokenizer to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROBES = (
    "a  5", "\n\n1. Mix", "x = [ 12,   345 ]", " a leading space", "12345", "\t7", "\u00a08",
    "bookkeeper  coffee", "Hello, world! It's 1.5 °C.", "é漢🙂", "two\n lines  ",
)  # fmt: skip
# The key among the settings of a converted folder under which stands what could not be followed.
DIFFERS = "tokenizer_differs"


@dataclass(frozen=True)
class Described:
    """What the files say of texts.

    Attributes:
        source: The file that says it.
        plain: Token ids of a text without special tokens.
        prefix: The special ids that go before a text.
        probes: Texts to try.
    """

    source: str
    plain: Callable[[str], list[int]]
    prefix: tuple[int, ...]
    probes: Sequence[str] = PROBES

    def differing(self, raw: Any) -> str:
        """Return an example of where a tokenizer parts from the files; empty where it does not."""
        for probe in self.probes:
            own, theirs = list(raw(probe, add_special_tokens=False).input_ids), self.plain(probe)
            if own != theirs:
                return f"{_quoted(probe)} is {_some(own)} and in {self.source} {_some(theirs)}"
        first = self.prefix_of(raw)
        if first != self.prefix:
            said, wanted = (_some(ids) or "nothing" for ids in (first, self.prefix))
            return f"before a text stands {said} and by {self.source} {wanted}"
        return ""

    def prefix_of(self, raw: Any) -> tuple[int, ...]:
        """Return the special ids that a tokenizer itself puts before a text."""
        probe = PROBES[0]
        full = list(raw(probe, add_special_tokens=True).input_ids)
        return tuple(leading(full, list(raw(probe, add_special_tokens=False).input_ids)))


def stop_dropping(backend: Any) -> bool:
    """Let a tokenizer take every merge; return whether it left some out at random.

    That is a means of training: with it the same text has other ids each time.
    """
    model = getattr(backend, "model", None)
    drops = bool(getattr(model, "dropout", None))
    if drops:
        setattr(model, "dropout", None)  # noqa: B010 - the kinds of models share no declared class
    return drops


def leading(full: list[int], plain: list[int]) -> list[int]:
    """Return what stands before a text's own ids; of a text without ids all that is added."""
    if not plain:
        return full
    for start in range(len(full) - len(plain) + 1):
        if full[start : start + len(plain)] == plain:
            return full[:start]
    return []


def read_settings(folder: Path) -> dict[str, Any]:
    """Return `tokenizer_config.json`; empty where there is none that can be read."""
    try:
        said = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def token_text(value: object) -> str:
    """Return the text of a token that settings give as a text or as an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _some(ids: Sequence[int]) -> str:
    return " ".join(map(str, ids[:8])) + (" …" if len(ids) > 8 else "")
