"""The second model of a comparison: which one is meant, whether it fits, and loading it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app.contract.result import Notice
from desktop_app.engine import catalogue, hub, loading
from desktop_app.engine.memory import (
    BYTES_PER_ITEM,
    bytes_needed,
    free_bytes,
    row_bytes,
    rows_per_pass,
    text_bytes,
    used_bytes,
)
from desktop_app.engine.packs import pack
from desktop_app.engine.sweep_pass import SweepPlan
from desktop_app.methods.prepare import encoder_of
from desktop_app.support.errors import BadInputError, LensbenchError, ModelLoadError
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.analyses.compare.spec import CompareParams
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
    from desktop_app.methods.prepare import Prepared

_SHOWN = 60
_FLAG = re.compile(r"--(dtype|layernorm|weights)\b")
# Logits are compared in doubles, a few millions at a time: both, and what is made of them.
MOST_NUMBERS, _COPIES = 8_000_000, 8


def spec_of(model: LoadedModel, params: CompareParams) -> ModelSpec:
    """Return the second model as it would be loaded, on the device of the first."""
    dtype: Any = model.info.dtype if params.with_dtype == "auto" else params.with_dtype
    return replace(
        model.spec,
        model=params.with_model.strip() or model.spec.model,
        dtype=dtype,
        layernorm=params.with_layernorm,
        weights=params.with_weights,
    )


def plain_spec(model: LoadedModel, params: CompareParams) -> ModelSpec:
    """Return the second model as its files are, with its norms and its own weights."""
    return replace(spec_of(model, params), layernorm="keep", weights="raw")


def is_same(model: LoadedModel, spec: ModelSpec) -> bool:
    """Return whether a spec asks for the very model that is loaded: it need not be loaded twice."""
    info = model.info
    asked = (spec.model, spec.dtype, spec.layernorm, spec.weights)
    return asked == (model.spec.model, info.dtype, info.layernorm, info.weights)


def require_second(model: LoadedModel, params: CompareParams, report: Reporter) -> None:
    """Make sure of the second model before its weights are read for the first time.

    It is fetched where it is not here, its vocabulary is looked at, and whether both fit.

    Raises:
        BadInputError: Its vocabulary is another.
        ModelLoadError: It is not here, damaged, or does not fit beside the first.
    """
    spec = spec_of(model, params)
    if is_same(model, spec) and not params.norm_steps:
        return
    report.step(0.0, f"Reading the vocabulary of {spec.model}")
    with second_named(spec):
        if not spec.offline and catalogue.is_hub_id(spec.model):
            hub.download(spec.model, report)
        if spec.model != model.spec.model:
            refuse_other_vocabulary(model, loading.load_tokenizer(spec), spec.model)
        refuse_too_large(model, spec)


def second_of(
    model: LoadedModel, params: CompareParams, prepared: Prepared, report: Reporter
) -> LoadedModel:
    """Return the second model, loaded beside the first; the first itself where it is the same.

    `require_second` has made sure of it.

    Raises:
        BadInputError: A prompt is longer than it reads.
        ModelLoadError: It is damaged.
    """
    spec = spec_of(model, params)
    if is_same(model, spec):
        return model
    with second_named(spec):
        pack.make_ready(spec.model, report)
        other = loading.load(spec, report)
    other.budget_bytes = model.budget_bytes
    texts = [encoding.ids for encoding in prepared.encodings]
    refuse_too_long(other.info.label, other.info.n_ctx, texts)
    return other


def of_second(text: str) -> str:
    """Return a sentence about loading a model with the options that the second one has."""
    return _FLAG.sub(r"--with-\1", text)


@contextmanager
def second_named(spec: ModelSpec) -> Iterator[None]:
    """Let errors speak of the options of the second model."""
    try:
        yield
    except LensbenchError as error:
        raise type(error)(of_second(str(error))) from None
    except OSError as error:  # such as a name that no file can have
        raise ModelLoadError(
            f"--with {spec.model[:_SHOWN]} cannot be looked for ({error.strerror or 'no file'}): "
            "give a catalogue name, a Hub id, a folder or a .gguf file."
        ) from None


def memory_needed(model: LoadedModel, params: CompareParams, prepared: Prepared) -> int:
    """Return what the comparison takes at its peak, in bytes, before the second model is loaded.

    Raises:
        ModelLoadError: The second model is not here, and cannot be fetched.
    """
    spec, length = spec_of(model, params), max(map(len, prepared.encodings))
    with second_named(spec):
        second = 0 if is_same(model, spec) and not params.norm_steps else _bytes_of(model, spec)
    info, item = model.info, BYTES_PER_ITEM.get(model.info.dtype, 4)
    streams = 2 * item * length * (info.n_layers + 1) * info.d_model
    logits = 2 * 4 * length * info.d_vocab
    doubles = 8 * _COPIES * min(max(MOST_NUMBERS, info.d_vocab), length * info.d_vocab)
    work = text_bytes(model, length, length) + streams + logits + doubles
    if params.rank_heads:
        rows = rows_per_pass(model, length, (1, length), SweepPlan((length - 1,)))
        rows = 1 + min(rows, info.n_layers * info.n_heads)
        work = max(work, rows * row_bytes(model, length, length, read_all=False))
    return used_bytes(model.device) + second + work


def _bytes_of(model: LoadedModel, spec: ModelSpec) -> int:
    """Return what a model takes that is loaded beside the first; none where it lies on the disk.

    One that is still to be fetched is taken to be as large as the first.
    """
    if spec.offload != "none":
        return 0
    parameters: int | None = model.info.parameters
    if spec.offline or not catalogue.is_hub_id(spec.model) or _is_here(spec):
        checkpoint = catalogue.locate(spec)
        parameters = checkpoint.parameters
        if parameters is None:  # pickled: two bytes a number
            parameters = sum(file.stat().st_size for file in checkpoint.files) // 2
    return bytes_needed(parameters or 0)[str(spec.dtype)]


def _is_here(spec: ModelSpec) -> bool:
    return catalogue.hub_cache_folder(spec.model) is not None


def same_files(model: LoadedModel, other: LoadedModel) -> bool:
    """Return whether two models were loaded from the same place, whose files are as they were.

    The fingerprint alone does not say so: it is made of samples of the files.
    """
    one, two = (Path(m.info.source).resolve() for m in (model, other))
    return one == two and model.info.fingerprint == other.info.fingerprint


def refuse_other_vocabulary(model: LoadedModel, other: TextTokenizer, name: str) -> None:
    """Refuse a second tokenizer whose ids stand for other pieces.

    Tokens that were added to one of both alone are let pass: no prompt holds them, and the ids are
    left out of what is compared.

    Raises:
        BadInputError: It names the first id that differs.
    """
    own, theirs = pieces_of(model.tokenizer), pieces_of(other)
    both = own.keys() & theirs.keys()
    differing = sorted(i for i in both if own[i] != theirs[i])
    if differing:
        first = differing[0]
        raise BadInputError(
            f"--with {name}: its vocabulary is another, {len(differing):,} of {len(both):,} ids "
            f"stand for other pieces (id {first} is “{own[first]}” in {model.info.label} and "
            f"“{theirs[first]}” there): choose a model with the same tokenizer."
        )
    for pieces, tokenizer in ((own, model.tokenizer), (theirs, other)):
        added = set(tokenizer.raw.get_added_vocab().values())
        lone = sorted(pieces.keys() - both - added)
        if lone:
            raise BadInputError(
                f"--with {name}: its vocabulary has {len(theirs):,} pieces and that of "
                f"{model.info.label} {len(own):,} (“{pieces[lone[0]]}”, id {lone[0]}, is in one "
                "alone): choose a model with the same tokenizer."
            )


def pieces_of(tokenizer: TextTokenizer) -> dict[int, str]:
    """Return the piece of every id."""
    return {int(i): str(piece) for piece, i in tokenizer.raw.get_vocab().items()}


def left_out(model: LoadedModel, other: LoadedModel) -> list[int]:
    """Return the ids for which both have logits, and only one a token."""
    both = min(model.info.d_vocab, other.info.d_vocab)
    own, theirs = pieces_of(model.tokenizer), pieces_of(other.tokenizer)
    return sorted(i for i in own.keys() ^ theirs.keys() if i < both)


def common_ids(model: LoadedModel, other: LoadedModel) -> list[int] | None:
    """Return the ids whose logits both have; None where these are all."""
    if model is other:
        return None
    lone, both = set(left_out(model, other)), min(model.info.d_vocab, other.info.d_vocab)
    if model.info.d_vocab == other.info.d_vocab and not lone:
        return None
    return [i for i in range(both) if i not in lone]


def reading_notices(
    model: LoadedModel, other: LoadedModel, params: CompareParams, prepared: Prepared
) -> list[Notice]:
    """Return what must be said of how the second model reads the prompts."""
    notices = []
    kept = common_ids(model, other)
    if kept is not None:
        message = (
            f"{model.info.label} has {model.info.d_vocab:,} logits and {other.info.label} "
            f"{other.info.d_vocab:,}: they are compared over the {len(kept):,} ids that both have."
        )
        notices.append(Notice("vocabulary_cropped", message))
    encoder = encoder_of(other, params)
    for index, (row, encoding) in enumerate(zip(prepared.rows, prepared.encodings, strict=True)):
        try:
            theirs = encoder.encode(row.text).ids
        except BadInputError:  # such as a BOS that it does not have
            theirs = ()
        if theirs != encoding.ids:
            message = (
                f"The tokenizer of {other.info.label} would split prompt {index + 1} otherwise "
                f"({len(theirs)} tokens, not {len(encoding.ids)}): both models are given the "
                f"tokens of {model.info.label}."
            )
            notices.append(Notice("tokenizers_part", message, None, index))
            break
    return notices


def refuse_too_large(model: LoadedModel, spec: ModelSpec) -> None:
    """Refuse a second model for which there is no room beside the first.

    Raises:
        ModelLoadError: It says how much it needs, and what there is.
    """
    parameters = catalogue.locate(spec).parameters
    if spec.offload != "none" or parameters is None:
        return
    need = bytes_needed(parameters)[str(spec.dtype)]
    free = free_bytes(model.device)
    if need > free:
        raise ModelLoadError(
            f"“{spec.model}” as {spec.dtype} needs {human_bytes(need)} beside {model.info.label}, "
            f"and {model.device} has {human_bytes(free)} free: choose --dtype bfloat16, a smaller "
            "model, or load the first one smaller."
        )


def refuse_too_long(name: str, most: int, texts: Sequence[Sequence[int]]) -> None:
    """Refuse prompts that are longer than the second model reads.

    Raises:
        BadInputError: It names the first of them.
    """
    for index, ids in enumerate(texts):
        if len(ids) > most:
            raise BadInputError(
                f"Prompt {index + 1} has {len(ids):,} tokens and {name} reads at most {most:,}: "
                "shorten it."
            )
