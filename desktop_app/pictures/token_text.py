"""Token texts made visible: spaces, line ends, control characters and bare bytes.

Pure functions; the signs are those of the bundled faces (see `fonts`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

SPACE = "␠"
RETURN = "↵"
TAB = "⇥"

_MARKERS = {"Ġ": SPACE, "Ċ": RETURN, "ĉ": TAB, "č": "␍"}
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
_LONG_RUN = 5
_MOST_CHARACTERS = 400
_MOST_IN_BOX = 80
_REMEMBERED = 2**16  # prompts say the same tokens again and again


def display_text(text: str) -> str:
    """Return a token's text or a vocabulary's piece with everything invisible made visible.

    Spaces become `␠`, line ends `↵`, tabs `⇥`, other control characters their picture; other
    invisible characters their code point and byte pieces such as `<0x0A>` their byte, both in
    single angle quotes. The space marks of vocabularies (`▁`, and `Ġ` at the start) become `␠` too.
    No whitespace is left. Of a text that nobody could read at once, both ends are returned.
    """
    if len(text) > _MOST_CHARACTERS:
        half = _MOST_CHARACTERS // 2
        text = f"{text[:half]}…{text[-half:]}"
    return _drawn(text)


@lru_cache(_REMEMBERED)
def _drawn(text: str) -> str:
    body = text.lstrip("Ġ")
    marks = SPACE * (len(text) - len(body))
    if body and all(character in _MARKERS for character in body):
        return marks + "".join(_MARKERS[character] for character in body)
    pieces = _BYTE.split(body)
    shown = [
        _quoted(part.upper()) if index % 2 else "".join(_sign(c) for c in part)
        for index, part in enumerate(pieces)
    ]
    joined = "".join(shown)
    if joined and unicodedata.category(joined[0]) in {"Mn", "Me"}:
        joined = "◌" + joined  # a combining mark needs something to stand on
    return marks + joined


def token_label(piece: str, text: str) -> str:
    """Return what a token's box shows: its text, or its bytes where they are no whole character.

    The piece is the vocabulary's own string, such as `Ġ2`, `<0x0A>` or `âĢ`.
    """
    short = len(piece) <= _MOST_CHARACTERS and len(text) <= _MOST_CHARACTERS
    return _remembered_label(piece, text) if short else _label(piece, text)


def _label(piece: str, text: str) -> str:
    if "\ufffd" in text:
        raw = _bytes_of(piece)
        if raw is not None:
            return _quoted(" ".join(f"{byte:02X}" for byte in raw))
    shown = display_text(text) or display_text(piece) or "∅"
    short = _shorten_runs(shown)
    return short if len(short) <= _MOST_IN_BOX else f"{short[: _MOST_IN_BOX - 1]}…"


_remembered_label = lru_cache(_REMEMBERED)(_label)


def _quoted(code: str) -> str:
    """Return a code in single angle quotes."""
    return f"\u2039{code}\u203a"


def _shorten_runs(shown: str) -> str:
    """Write a long run of one sign as `␠×16`."""
    return re.sub(
        rf"([{SPACE}{RETURN}{TAB}])\1{{{_LONG_RUN},}}",
        lambda match: f"{match.group(1)}×{len(match.group(0))}",
        shown,
    )


def _sign(character: str) -> str:
    """Return one character made visible."""
    code = ord(character)
    named = {" ": SPACE, "▁": SPACE, "\n": RETURN, "\t": TAB, "\u00a0": "⍽", "\x7f": "␡"}
    if character in named:
        return named[character]
    if code < 32:
        return chr(0x2400 + code)
    if unicodedata.category(character) in _HIDDEN_CATEGORIES:
        return _quoted(f"U+{code:04X}")
    return character


def _bytes_of(piece: str) -> bytes | None:
    """Return the bytes that a byte-level piece stands for, or None where it is not one."""
    match = _BYTE.fullmatch(piece)
    if match:
        return bytes([int(match.group(1), 16)])
    table = _byte_alphabet()
    if piece and all(character in table for character in piece):
        return bytes(table[character] for character in piece)
    return None


@cache
def _byte_alphabet() -> dict[str, int]:
    """Return GPT-2's alphabet: the printable stand-in of every byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in set(plain)]
    table = {chr(byte): byte for byte in plain}
    table.update({chr(256 + index): byte for index, byte in enumerate(rest)})
    return table
