"""A lone `tokenizer.model`: sentencepiece's own file, followed to the letter.

Classes that read it without a `tokenizer.json` drop the space mark in front, a leading space of the
text, or the BOS. Here the tokenizer is built from the file's vocabulary, scores and settings, and
held to what sentencepiece itself makes of texts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop_app.engine.tokenizers.described import Described, read_settings, token_text

if TYPE_CHECKING:
    from pathlib import Path

_SPACE = "▁"
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
_UNIGRAM, _BPE = 1, 2


def follow_sentence_pieces(folder: Path, raw: Any) -> tuple[Any, str]:
    """Return a folder's tokenizer held to its `tokenizer.model`, and an example of where it parts.

    Args:
        folder: The model's folder; without that file, or without sentencepiece, all stays.
        raw: What the library made of it.
    """
    path = folder / "tokenizer.model"
    try:
        from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2
    except ImportError:
        return raw, ""
    if not path.is_file():
        return raw, ""
    proto: Any = vars(sentencepiece_model_pb2)["ModelProto"]()
    try:
        proto.ParseFromString(path.read_bytes())
        processor = SentencePieceProcessor(model_file=str(path))
    except Exception:  # noqa: BLE001 - another library's file may bear that name
        return raw, ""
    settings = read_settings(folder)
    adds = settings.get("add_bos_token")
    bos_id = int(proto.trainer_spec.bos_id)
    has_bos = bos_id >= 0 and (adds if isinstance(adds, bool) else True)
    prefix = (bos_id,) if has_bos else ()
    described = Described(path.name, lambda text: list(processor.encode(text)), prefix)
    around = replace(described, probes=tuple(f"a {word} b" for word in _words(proto)[:1]))
    followed, differs = raw, described.differing(raw)
    if differs:
        built = _build(proto, settings, raw, has_bos=has_bos)
        if built is not None and not described.differing(built):
            followed, differs = built, ""
    differs = differs or around.differing(followed)
    told = f"the tokenizer made of its files gives other ids than they do: {differs}"
    return followed, told if differs else ""


def _build(proto: Any, settings: dict[str, Any], raw: Any, *, has_bos: bool) -> Any:
    """Return a tokenizer made of the file's own vocabulary and settings; None: of another kind."""
    from tokenizers import AddedToken, Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    trainer = proto.trainer_spec
    byte_fallback = bool(trainer.byte_fallback)
    if trainer.model_type == _UNIGRAM:
        scored = [(p.piece, p.score) for p in proto.pieces]
        model: Any = models.Unigram(scored, int(trainer.unk_id), byte_fallback)
    elif trainer.model_type == _BPE:
        vocabulary = {p.piece: number for number, p in enumerate(proto.pieces)}
        unknown = proto.pieces[trainer.unk_id].piece if trainer.unk_id >= 0 else None
        model = models.BPE(
            vocabulary,
            _merges(proto),
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=byte_fallback,
        )
    else:
        return None
    tokenizer = Tokenizer(model)
    _spell(tokenizer, proto.normalizer_spec)
    for piece in proto.pieces:
        if piece.type in {_CONTROL, _USER_DEFINED}:
            is_special = piece.type == _CONTROL
            token = AddedToken(piece.piece, normalized=False, special=is_special)
            (tokenizer.add_special_tokens if is_special else tokenizer.add_tokens)([token])
    size = len(proto.pieces)
    for number, token in sorted(raw.added_tokens_decoder.items()):
        if number >= size:
            tokenizer.add_tokens([token])
    named = {
        name: token_text(settings.get(name)) or _piece(proto, number)
        for name, number in (
            ("bos_token", trainer.bos_id),
            ("eos_token", trainer.eos_id),
            ("unk_token", trainer.unk_id),
            ("pad_token", trainer.pad_id),
        )
    }
    adds_eos = settings.get("add_eos_token") is True
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        add_bos_token=has_bos,
        add_eos_token=adds_eos,
        chat_template=raw.chat_template,
        model_max_length=raw.model_max_length,
        **{name: text for name, text in named.items() if text},
    )


def _words(proto: Any) -> list[str]:
    """Return the file's words of their own, around which libraries put other space marks."""
    words = (p.piece for p in proto.pieces if p.type == _USER_DEFINED)
    return [word for word in words if word.strip(f"{_SPACE} \n\t")]


def _piece(proto: Any, number: int) -> str:
    return str(proto.pieces[number].piece) if 0 <= number < len(proto.pieces) else ""


def _merges(proto: Any) -> list[tuple[str, str]]:
    """Return the merges that the scores stand for: the best-scored piece is made first."""
    scores = {p.piece: p.score for p in proto.pieces if p.type in {_NORMAL, _USER_DEFINED, _UNUSED}}
    found = [
        (-score, len(piece[:cut]), (piece[:cut], piece[cut:]))
        for piece, score in scores.items()
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    return [pair for _score, _cut, pair in sorted(found)]


def _spell(tokenizer: Any, said: Any) -> None:
    """Normalise and decode as the file says: its character map, extra spaces, the space mark."""
    from tokenizers import Regex, decoders, normalizers

    steps: list[Any] = []
    if said.precompiled_charsmap:
        steps.append(normalizers.Precompiled(said.precompiled_charsmap))
    if said.remove_extra_whitespaces:
        # Spaces alone: a line's end at the end of a text is part of it.
        steps += [normalizers.Replace(Regex(r"\A +| +\z"), "")]
        steps += [normalizers.Replace(Regex(" {2,}"), " ")]
    if said.add_dummy_prefix:
        steps.append(normalizers.Prepend(_SPACE))
    if said.escape_whitespaces:
        steps.append(normalizers.Replace(" ", _SPACE))
    tokenizer.normalizer = normalizers.Sequence(steps)
    strip = [decoders.Strip(content=" ", left=1)] if said.add_dummy_prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
