"""The tokenizer that a GGUF describes: its own pre-tokenizer, space prefix, BOS and EOS.

transformers builds vocabulary and merges and knows a few names of pre-tokenizers; a name that it
does not know falls through to plain byte-level in silence. Of sentencepiece vocabularies it never
asks whether a space goes first, and it drops one of the text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from desktop_app.engine.checkpoints.stored import gguf_header
from desktop_app.engine.tokenizers.pre_tokenizers import splitting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_KEY = "tokenizer.ggml."
_EXAMPLE = "a  5"
_SPACE = "▁"


def gguf_tokenizer(path: Path) -> tuple[Any, str]:
    """Return a GGUF's tokenizer, and what about it cannot be followed, empty where all can.

    Args:
        path: The file.

    Raises:
        ValueError: Its header cannot be read.
    """
    from transformers import AutoTokenizer

    raw = AutoTokenizer.from_pretrained(
        str(path.parent), gguf_file=path.name, local_files_only=True, trust_remote_code=False
    )
    facts = gguf_header(path).metadata
    kind = facts.get(f"{_KEY}model")
    if kind == "gpt2":
        return raw, _follow_byte_level(raw, facts)
    is_gemma = str(facts.get("general.architecture", "")).startswith("gemma")
    if kind == "llama" and not is_gemma:  # Gemma's prefix is settled by its own class
        _follow_sentence_pieces(raw, facts)
    return raw, ""


def backend_parts(raw: Any) -> dict[str, Any]:
    """Return what cuts, spells and frames texts, as `tokenizer.json` has it."""
    whole = json.loads(raw.backend_tokenizer.to_str())
    parts = {name: whole[name] for name in PARTS}
    return {**parts, "ignore_merges": bool(whole["model"].get("ignore_merges"))}


def _follow_byte_level(raw: Any, facts: Mapping[str, Any]) -> str:
    name = str(facts.get(f"{_KEY}pre", ""))
    known, backend = splitting(name), raw.backend_tokenizer
    if known is not None:
        backend.pre_tokenizer = known.build()
        backend.model.ignore_merges = known.ignore_merges
    if facts.get(f"{_KEY}add_space_prefix"):
        _prefix_byte_level(backend)
    _set_ends(raw, facts, adds_bos=known is not None and known.adds_bos)
    if known is not None:
        return ""
    which = (
        f"the pre-tokenizer “{name}”, which Lensbench does not know"
        if name
        else ("no pre-tokenizer")
    )
    pieces = raw.convert_ids_to_tokens(raw(_EXAMPLE, add_special_tokens=False).input_ids)
    shown = ", ".join(f"“{piece}”" for piece in pieces)
    return (
        f"the GGUF names {which}, so texts are cut in GPT-2's way and may get other ids than in "
        f"training, around digits and spaces above all (“{_EXAMPLE}” becomes {shown})"
    )


def _prefix_byte_level(backend: Any) -> None:
    """Put a space before a text that does not begin with one, before anything is cut."""
    from tokenizers import Regex, normalizers

    # One more in front, and away with it where the text has its own: a pattern of no width panics.
    prefix = [normalizers.Prepend(" "), normalizers.Replace(Regex(r"\A  "), " ")]
    own = backend.normalizer
    backend.normalizer = normalizers.Sequence([*([] if own is None else [own]), *prefix])


def _follow_sentence_pieces(raw: Any, facts: Mapping[str, Any]) -> None:
    """Escape spaces, with one more in front of each stretch of text unless the file forbids it."""
    has_prefix = bool(facts.get(f"{_KEY}add_space_prefix", True))
    spell_spaces(raw.backend_tokenizer, has_prefix=has_prefix)
    _set_ends(raw, facts, adds_bos=True)


def spell_spaces(backend: Any, *, has_prefix: bool) -> None:
    """Let a tokenizer spell spaces as sentencepiece does, a leading one of the text included.

    The other way, `Metaspace`, adds no prefix where the text begins with a space of its own.
    """
    from tokenizers import decoders, normalizers

    prefix = [normalizers.Prepend(_SPACE)] if has_prefix else []
    backend.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", _SPACE)])
    # There is no assigning of None through the library's setter in every version.
    backend.pre_tokenizer = None
    strip = [decoders.Strip(content=" ", left=1)] if has_prefix else []
    backend.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )


def _set_ends(raw: Any, facts: Mapping[str, Any], *, adds_bos: bool) -> None:
    """Carry over whether BOS and EOS are added; `adds_bos` holds where the file does not say."""
    for key, default in (("add_bos_token", adds_bos), ("add_eos_token", False)):
        chosen = bool(facts.get(f"{_KEY}{key}", default))
        raw.init_kwargs[key] = chosen
        setattr(raw, key, chosen)
