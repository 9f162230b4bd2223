"""The model's tokenizer, nothing decided silently: which BOS, which pieces, which characters."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from desktop_app.contract.params import check_readable
from desktop_app.engine.tokenizers.chat import ChatTemplate
from desktop_app.engine.tokenizers.described import leading, stop_dropping
from desktop_app.support.errors import BadInputError
from desktop_app.text.encoding import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Bos = Literal["auto", "yes", "no"]
# Characters from which a text's tokens are remembered with few others: they take much memory.
_LONG = 4_000


class TextTokenizer:
    """A Hugging Face tokenizer as the workbench uses it.

    Attributes:
        raw: The Hugging Face tokenizer itself.
        bos_id: Id of the beginning-of-sequence token, or None.
        adds_bos: Whether the tokenizer itself puts one in front.
        differs: How it parts from what the model's files describe, empty where it does not.
        made: How it is made where `AutoTokenizer` makes another of the files; for scripts.
    """

    def __init__(self, raw: Any, differs: str = "", made: Mapping[str, Any] | None = None) -> None:
        self.raw = raw
        self.differs = differs
        drops = stop_dropping(getattr(raw, "backend_tokenizer", None))
        self.made = {**(made or {}), "dropout": "off"} if drops else made
        self.chat = ChatTemplate(raw)
        self.bos_id: int | None = raw.bos_token_id
        prefix = leading(self._plain("a", specials=True), self._plain("a", specials=False))
        if self.bos_id is None and prefix:  # the file adds one that its settings do not name
            self.bos_id = prefix[0]
        self._specials = frozenset({*raw.all_special_ids, *prefix})
        self.adds_bos = self.bos_id is not None and prefix[:1] == [self.bos_id]
        self.describe = lru_cache(maxsize=65_536)(self._describe)
        self._encoders: dict[Bos, BosEncoder] = {}

    def _plain(self, text: str, *, specials: bool) -> list[int]:
        return list(self.raw(text, add_special_tokens=specials).input_ids)

    def _describe(self, token_id: int) -> tuple[str, str]:
        """Return a token's piece and its text decoded alone."""
        piece = self.raw.convert_ids_to_tokens(token_id)
        text = self.raw.decode([token_id], clean_up_tokenization_spaces=False)
        return ("" if piece is None else str(piece)), text

    def pad_id(self) -> int:
        """Return an id to pad with: its own, else its EOS, else 0; masked in any case."""
        ids = (self.raw.pad_token_id, self.raw.eos_token_id, 0)
        return int(next(i for i in ids if i is not None))

    def is_special(self, token_id: int) -> bool:
        """Return whether the id is one of the tokenizer's special tokens."""
        return token_id in self._specials

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of the ids, spaces as they are."""
        return str(self.raw.decode(list(ids), clean_up_tokenization_spaces=False))

    def encode(self, text: str, bos: Bos = "auto") -> Encoding:
        """Tokenize a text to the letter under a BOS setting.

        Raises:
            BadInputError: The text holds a lone surrogate, or BOS is asked for and there is none.
        """
        try:
            check_readable(text)
        except ValueError as error:
            raise BadInputError(f"The text cannot be tokenized: {error}.") from None
        if bos == "auto":
            return self._strip_suffix(self._encode(text, specials=True))
        plain = self._encode(text, specials=False)
        if bos == "no":
            return plain
        if self.bos_id is None:
            raise BadInputError("This tokenizer has no BOS token: choose --bos auto or no.")
        return plain if plain.ids[:1] == (self.bos_id,) else self._with_bos(self.bos_id, plain)

    def _encode(self, text: str, *, specials: bool) -> Encoding:
        if not self.raw.is_fast:
            return self._encode_slow(text, specials=specials)
        batch = _read(self.raw, text, specials=specials, return_offsets_mapping=True)
        ids = list(batch.input_ids)
        texts = [self.describe(i)[1] for i in ids]
        return self._pack(ids, _fill_gaps(list(batch.offset_mapping), texts, text))

    def _encode_slow(self, text: str, *, specials: bool) -> Encoding:
        """Tokenize without offsets from the library: each token ends where decoding so far ends."""
        ids = list(_read(self.raw, text, specials=specials).input_ids)
        offsets, start = [], 0
        for count, token_id in enumerate(ids, start=1):
            if specials and self.is_special(token_id):
                offsets.append((start, start))
                continue
            body = [i for i in ids[:count] if not self.is_special(i)]
            end = max(start, min(len(text), len(self.decode(body))))
            offsets.append((start, end))
            start = end
        return self._pack(ids, offsets)

    def _pack(self, ids: list[int], offsets: list[tuple[int, int]]) -> Encoding:
        described = [self.describe(i) for i in ids]
        return Encoding(
            ids=tuple(ids),
            pieces=tuple(piece for piece, _ in described),
            texts=tuple(text for _, text in described),
            offsets=tuple((int(a), int(b)) for a, b in offsets),
            special=tuple(map(self.is_special, ids)),
        )

    def _strip_suffix(self, encoding: Encoding) -> Encoding:
        """Drop special tokens added at the end: predictions are read after the text, not EOS."""
        end = len(encoding)
        while end > 1 and encoding.special[end - 1] and len(set(encoding.offsets[end - 1])) == 1:
            end -= 1
        return Encoding(*(getattr(encoding, part.name)[:end] for part in fields(Encoding)))

    def _with_bos(self, bos_id: int, plain: Encoding) -> Encoding:
        piece, text = self.describe(bos_id)
        return Encoding(
            ids=(bos_id, *plain.ids),
            pieces=(piece, *plain.pieces),
            texts=(text, *plain.texts),
            offsets=((0, 0), *plain.offsets),
            special=(True, *plain.special),
        )

    def with_bos(self, bos: Bos) -> BosEncoder:
        """Return the encoder with the BOS setting settled, one that remembers texts."""
        return self._encoders.setdefault(bos, BosEncoder(self, bos))

    def expand_chat(self, text: str) -> str:
        """Return the text as a user message under the model's chat template."""
        return self.chat.expand([text])[0]


class BosEncoder:
    """A tokenizer under one BOS setting; remembers texts, since answers repeat their prompt."""

    def __init__(self, tokenizer: TextTokenizer, bos: Bos) -> None:
        self._tokenizer = tokenizer
        self._bos: Bos = bos
        self._cached = lru_cache(maxsize=512)(self._encode)
        self._cached_long = lru_cache(maxsize=4)(self._encode)

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(text, self._bos)

    def encode(self, text: str) -> Encoding:
        """Tokenize a prompt with its special tokens."""
        return (self._cached if len(text) < _LONG else self._cached_long)(text)

    def encode_plain(self, text: str) -> Encoding:
        """Tokenize a text alone, without special tokens."""
        return self._tokenizer.encode(text, "no")


def _read(raw: Any, text: str, *, specials: bool, **options: bool) -> Any:
    """Tokenize a text; a pattern that gives up on it panics, which is no Exception.

    Raises:
        BadInputError: The tokenizer cannot read the text.
    """
    try:
        # Not verbose: what is longer than the model reads is cut or refused by whoever asks.
        return raw(text, add_special_tokens=specials, verbose=False, **options)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise BadInputError(
            "This model's tokenizer gives up on the text, since one of its patterns does not come "
            "to an end: shorten or change it."
        ) from None


def _fill_gaps(
    offsets: list[tuple[int, int]], texts: list[str], text: str
) -> list[tuple[int, int]]:
    """Give whitespace that a tokenizer trims from its spans back to the token that holds it.

    That is the token that follows it, or one of whitespace alone, whose span comes out empty.
    """
    filled, last = [], 0
    for (start, end), own in zip(offsets, texts, strict=True):
        if start == end and own.isspace() and text.startswith(own, last):
            start, end = last, last + len(own)  # noqa: PLW2901 - what the span should have been
        elif end > start > last and text[last:start].isspace():
            start = last  # noqa: PLW2901
        filled.append((start, end))
        last = max(last, end)
    return filled
