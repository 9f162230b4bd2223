"""Tokenizer files that would take endless time or memory are refused before they are read.

A normalizer may make each letter a thousand, thirty times over; a pattern may try every way of
cutting a line. What can be seen is seen in the file; patterns that are not known are tried in a
process of their own, which can be stopped.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

from desktop_app.engine.bounded import Answer, BoundedWorker, Bounds
from desktop_app.engine.tokenizers.pre_tokenizers import known_patterns
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "tokenizer.model",
)  # fmt: skip
_MOST_BYTES = 100_000_000
# Ordinary normalizers make a character three at most; unicode's longest decomposition is 18.
_MOST_GROWTH = 1_000
_MOST_STEPS = 1_000
_MOST_SPECIALS = 100
_BOUNDS = Bounds()
_PARTS = ("normalizer", "pre_tokenizer", "decoder")
_LISTS = {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers", "decoder": "decoders"}


def refuse_hostile(folder: Path, check: Callable[[], None], name: str = "") -> None:
    """Refuse a folder whose `tokenizer.json` goes out of bounds.

    Args:
        folder: The model's folder.
        check: Called many times a second while it is tried; raises where the user asked to stop.
        name: The model's name for people, that of the folder where there is no other.

    Raises:
        ModelLoadError: With what is wrong in one sentence.
    """
    name = name or folder.name
    for file_name in _FILES:
        file = folder / file_name
        if file.is_file() and file.stat().st_size > _MOST_BYTES:
            raise _refusal(name, file, f"is {file.stat().st_size / 1e6:,.0f} MB long")
    path = folder / "tokenizer.json"
    if not path.is_file():
        return
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadError(
            f"{path.name} of “{name}” cannot be read ({type(error).__name__}): fetch the "
            "model again."
        ) from None
    if not isinstance(said, dict):
        raise _refusal(name, path, "holds no JSON object")
    problem = _visible_problem(said)
    if problem:
        raise _refusal(name, path, problem)
    if any(pattern not in known_patterns() for pattern in _patterns(said)):
        _try_apart(name, path, check)


def _visible_problem(said: dict[str, Any]) -> str:
    """Return what the file itself says that cannot be, empty for nothing."""
    for part in _PARTS:
        steps = list(_steps(said.get(part), _LISTS[part]))
        if len(steps) > _MOST_STEPS:
            return f"has {len(steps):,} steps in its {part}"
        growth = 1.0
        for step in steps:
            growth *= _growth(step)
        if growth > _MOST_GROWTH:
            return f"has a {part} that can make a text over {_MOST_GROWTH:,} times as long"
    specials = _template_length(said.get("post_processor"))
    if specials > _MOST_SPECIALS:
        return f"adds {specials:,} special tokens to every text"
    return ""


def _steps(part: object, list_name: str) -> Iterator[dict[str, Any]]:
    """Give the single steps of a part, however they are nested."""
    waiting = [part]
    while waiting:
        step = waiting.pop()
        if isinstance(step, list):
            waiting += step
        elif isinstance(step, dict):
            inner = step.get(list_name)
            if isinstance(inner, list):
                waiting += inner
            else:
                yield step


def _growth(step: dict[str, Any]) -> float:
    """Return how many times as long one step can make a text of some length, at most."""
    kind = step.get("type")
    if kind == "Replace":
        content, pattern = str(step.get("content", "")), step.get("pattern")
        text = pattern.get("String") if isinstance(pattern, dict) else None
        if isinstance(text, str) and text:
            return max(1.0, len(content) / len(text))
        return max(1.0, len(content))  # a pattern that matches nothing is seen when it is tried
    if kind == "Prepend":
        # Once a stretch of text, which may be as short as one character between two specials.
        return max(1.0, len(str(step.get("prepend", ""))) / 8)
    if kind == "Precompiled":
        return max(1.0, _longest_replacement(step.get("precompiled_charsmap")) / 36)
    return 1.0


def _longest_replacement(charsmap: object) -> int:
    """Return the bytes of the longest text in sentencepiece's character map."""
    try:
        stored = base64.b64decode(str(charsmap or ""))
        (size,) = struct.unpack_from("<I", stored)
    except (ValueError, struct.error):
        return 0
    return max(map(len, stored[4 + size :].split(b"\0")), default=0)


def _template_length(part: object) -> int:
    """Return how many special tokens a post-processor adds to one text."""
    total = 0
    for step in _steps(part, "processors"):
        pieces, known = step.get("single"), step.get("special_tokens")
        for piece in pieces if isinstance(pieces, list) else ():
            special = piece.get("SpecialToken") if isinstance(piece, dict) else None
            name = special.get("id") if isinstance(special, dict) else None
            token = known.get(str(name)) if isinstance(known, dict) else None
            ids = token.get("ids") if isinstance(token, dict) else None
            total += len(ids) if isinstance(ids, list) else 1
    return total


def _patterns(said: dict[str, Any]) -> Iterator[str]:
    """Give every pattern that is a regular expression of the file's own."""
    for part in _PARTS:
        for step in _steps(said.get(part), _LISTS[part]):
            pattern = step.get("pattern")
            if isinstance(pattern, dict) and isinstance(pattern.get("Regex"), str):
                yield pattern["Regex"]


def _try_apart(name: str, path: Path, check: Callable[[], None]) -> None:
    worker = BoundedWorker("desktop_app.engine.tokenizers.tokenizer_child", _BOUNDS)
    try:
        found = worker.ask({"path": str(path)}, check)
    finally:
        worker.close()
    if found.failed:
        raise _refusal(name, path, _outcome(found))


def _outcome(found: Answer) -> str:
    if found.failed == "time":
        return f"holds a pattern that does not come to an end within {_BOUNDS.seconds:g} seconds"
    if found.failed == "memory":
        return f"wants more than {_BOUNDS.megabytes} MB of memory for a short text"
    return f"cannot be used ({found.message})"


def _refusal(name: str, path: Path, what: str) -> ModelLoadError:
    return ModelLoadError(
        f"“{name}” cannot be loaded: its {path.name} {what}; use the tokenizer "
        "that the model was published with."
    )
