"""The tokenizer that a model's files describe, which is not always the one that a library makes.

transformers chooses a class by the model's type or by a name in the settings, and some classes
rebuild the tokenizer from its vocabulary alone: other pre-tokenizer, other normalizer, no BOS. So
what was made is compared with the files on texts where tokenizers part; the files win.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.engine.tokenizers.described import (
    DIFFERS,
    PROBES,
    Described,
    leading,
    read_settings,
    stop_dropping,
    token_text,
)
from desktop_app.engine.tokenizers.gguf_tokenizer import backend_parts, gguf_tokenizer
from desktop_app.engine.tokenizers.sentence_pieces import follow_sentence_pieces
from desktop_app.engine.tokenizers.tokenizer_guard import refuse_hostile
from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
from desktop_app.support.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from desktop_app.engine.checkpoints.checkpoint import Checkpoint

_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token")
# Classes that take the file as it is; the others heed `add_bos_token` in the settings.
_GENERIC = frozenset({"", "PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"})
# Of a copy: the pack itself is converted again where it lies.
_OUTDATED = (
    "its tokenizer.json is the copy of one that an earlier version of Lensbench converted wrongly: "
    "digits after spaces have other ids than in training; open the pack by its name"
)
_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def read_tokenizer(
    checkpoint: Checkpoint, check: Callable[[], None], name: str = ""
) -> TextTokenizer:
    """Return a model's tokenizer as its files describe it, or with the words for where it parts.

    Args:
        checkpoint: The model's files.
        check: Called while a tokenizer is tried; raises where the user asked to stop.
        name: The model's name for people.

    Raises:
        ModelLoadError: The files would take endless time or memory.
    """
    if checkpoint.gguf:
        raw, differs = gguf_tokenizer(checkpoint.folder / checkpoint.gguf)
        return TextTokenizer(raw, differs, {"made": "gguf", "parts": backend_parts(raw)})
    refuse_hostile(checkpoint.folder, check, name)
    return folder_tokenizer(checkpoint.folder, _OUTDATED if checkpoint.outdated else "")


def folder_tokenizer(folder: Path, known: str = "") -> TextTokenizer:
    """Return a Hugging Face folder's tokenizer, and in words where it parts from its files.

    Args:
        folder: The folder.
        known: What is known of its files, and they do not tell.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    path = folder / "tokenizer.json"
    raw: Any = None
    differs = ""
    try:
        raw = AutoTokenizer.from_pretrained(str(folder), **_LOCAL)
    except Exception as error:
        if not path.is_file():
            raise
        differs = first_line(error, 120)
    if not path.is_file():
        followed, differs = follow_sentence_pieces(folder, raw)
        return TextTokenizer(followed, differs, None if followed is raw else {"made": "pieces"})
    said = read_settings(folder)
    declared = str(said.get("tokenizer_class") or "")
    # Made of the file itself, nothing was rebuilt.
    if type(raw) is PreTrainedTokenizerFast and declared in _GENERIC:
        return TextTokenizer(raw, known or token_text(said.get(DIFFERS)))
    described = _described(folder, path, raw)
    if raw is not None:
        made_by_library = TextTokenizer(raw)
        differs = described.differing(raw)
        if not differs:
            return made_by_library
    followed = PreTrainedTokenizerFast.from_pretrained(str(folder), **_LOCAL)
    drops = stop_dropping(followed.backend_tokenizer)
    if raw is not None:
        _name_specials(followed, raw)
    made: dict[str, Any] = {"made": "file", **({"dropout": "off"} if drops else {})}
    if described.prefix != described.prefix_of(followed):
        followed.add_bos_token = made["add_bos_token"] = bool(described.prefix)
    remains = described.differing(followed)
    told = f"the tokenizer made of its files gives other ids than they do: {remains}"
    return TextTokenizer(followed, told if remains else "", made)


def _described(folder: Path, path: Path, raw: Any) -> Described:
    """Return what `tokenizer.json` says, with what the settings beside it say of the BOS."""
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(str(path))
    stop_dropping(whole)
    whole.no_truncation()
    whole.no_padding()

    def plain(text: str) -> list[int]:
        return list(whole.encode(text, add_special_tokens=False).ids)

    said = read_settings(folder)
    bos, eos = (
        token_text(said.get(name)) or str(getattr(raw, name, None) or "")
        for name in ("bos_token", "eos_token")
    )
    bos_id = whole.token_to_id(bos) if bos else None
    adds = said.get("add_bos_token")
    prefix = leading(list(whole.encode("a").ids), plain("a"))
    if isinstance(adds, bool) and str(said.get("tokenizer_class") or "") not in _GENERIC:
        if not adds:
            prefix = []
        elif bos_id is not None:  # else none is named, and the file's own stays
            prefix = [bos_id]
    added = {token.content for token in whole.get_added_tokens_decoder().values()}
    special = (f"the{eos} cat", f"the{eos}cat") if eos in added else ()
    return Described(path.name, plain, tuple(prefix), (*PROBES, *special))


def _name_specials(followed: Any, raw: Any) -> None:
    """Let the special tokens that a class knows by itself be known of the file's tokenizer too."""
    for name in _NAMED:
        text = str(getattr(raw, name, None) or "")
        is_there = bool(text) and followed.backend_tokenizer.token_to_id(text) is not None
        if is_there and getattr(followed, name) is None:
            setattr(followed, name, text)
