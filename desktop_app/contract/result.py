"""What every analysis answers with: a frozen result that anything can read without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.conversions import CONVERSIONS

if TYPE_CHECKING:
    from desktop_app.contract.spec import FieldSpec

SCHEMA = 1

PARTIAL = "partial"
"""The code of the warning on a result whose run was stopped: what it lacks is not known."""


@dataclass(frozen=True)
class Notice:
    """A warning with its repair.

    Attributes:
        code: Its name in the contract, such as `space_token`.
        message: One sentence.
        fix: The repaired prompt row as data (`index`, `prompt`, `corrupt`, `answer`, `wrong`), or
            None where no repair is known.
        prompt: Which prompt it speaks of, or None for all.
        positions: Which tokens it speaks of.
    """

    code: str
    message: str
    fix: dict[str, Any] | None = None
    prompt: int | None = None
    positions: tuple[int, ...] = ()


@dataclass(frozen=True)
class TokenList:
    """A text as tokens.

    Attributes:
        ids: The very ids that went into the model, BOS included.
        pieces: The vocabulary's own strings.
        texts: Each token decoded alone.
    """

    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class AnswerRecord:
    """A continuation resolved to the token that metrics compare.

    Attributes:
        text: As given.
        tokens: Its own tokens, read as the continuation of its prompt.
    """

    text: str
    tokens: TokenList

    @property
    def token_id(self) -> int:
        """The token that metrics compare: the first of the continuation."""
        return self.tokens.ids[0]


@dataclass(frozen=True)
class PromptRecord:
    """A prompt as the model was given it."""

    text: str
    tokens: TokenList
    read_position: int
    corrupt_text: str | None = None
    corrupt_tokens: TokenList | None = None
    answers: tuple[AnswerRecord, ...] = ()
    wrongs: tuple[AnswerRecord, ...] = ()


@dataclass(frozen=True)
class ModelInfo:
    """The model behind a result, as far as a result must know it."""

    name: str
    source: str
    fingerprint: str
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int
    d_vocab: int
    n_ctx: int
    parameters: int
    architecture: str
    device: str
    dtype: str
    weights: str = "raw"
    layernorm: str = "keep"

    @property
    def variant(self) -> str:
        """What of it is not as it was trained, in words; empty where all of it is."""
        return "" if self.layernorm == "keep" else f"without LayerNorm ({self.layernorm[:20]})"

    @property
    def label(self) -> str:
        """Its name, with what is not as it was trained: never that of the model itself."""
        return f"{self.name} {self.variant}".rstrip() if self.variant else self.name


def same_model(one: ModelInfo, other: ModelInfo) -> bool:
    """Return whether two loaded models give the same numbers, wherever they run."""
    first, second = ((m.fingerprint, m.dtype, m.weights, m.layernorm) for m in (one, other))
    return first == second


EARLIER_TOKENIZER = "made with the pack's earlier tokenizer"


def has_earlier_tokenizer(then: ModelInfo, now: ModelInfo) -> bool:
    """Return whether a model is the one there is now, before its pack was converted again.

    The fingerprint of a pack names its conversion behind a dash: the weights are the same, and the
    tokens of some texts are others.
    """
    weights, _dash, conversion = then.fingerprint.partition("-")
    later, _dash, latest = now.fingerprint.partition("-")
    return weights == later and _number(conversion) < _number(latest)


def is_of_earlier_pack(model: ModelInfo) -> bool:
    """Return whether a result says of itself that an earlier conversion of a pack made it.

    The place tells a pack from somebody's folder of that name.
    """
    place = PureWindowsPath(model.source).parts[-2:]  # reads the paths of every system
    conversion = model.fingerprint.partition("-")[2]
    return place == ("models", model.name) and _number(conversion) < CONVERSIONS.get(model.name, 1)


def _number(conversion: str) -> int:
    return int(conversion) if conversion.isdecimal() else 1


@dataclass(frozen=True)
class Timing:
    """What a result cost: seconds, passes over the weights, peak memory in bytes."""

    seconds: float
    forward_passes: int
    peak_memory_bytes: int


@dataclass(frozen=True)
class Result:
    """A finished analysis: plain values and read-only arrays, safe to hand to any thread.

    Attributes:
        data: Fields by name; arrays are read-only, ragged ones are tuples with one array a prompt.
        fields: What they are, with the axes that they have here. Of these and the schema the result
            object of the contract says nothing; a session keeps them, so that a result can be read
            where its analysis is not installed.
        params_schema: The JSON schema of `params`.
    """

    analysis: str
    params: dict[str, Any]
    model: ModelInfo
    prompts: tuple[PromptRecord, ...]
    data: Mapping[str, Any]
    warnings: tuple[Notice, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    timing: Timing = field(default_factory=lambda: Timing(0.0, 0, 0))
    schema: int = SCHEMA
    version: str = ""
    fields: tuple[FieldSpec, ...] = ()
    params_schema: dict[str, Any] = field(default_factory=dict)

    def array(self, name: str, prompt: int | None = None) -> np.ndarray:
        """Return a field as an array; `prompt` picks one of a ragged field's arrays."""
        value = self.data[name]
        return np.asarray(value if prompt is None else value[prompt])

    @property
    def partial(self) -> str:
        """What a run that was stopped has left out, in words; empty for a whole result."""
        return next((notice.message for notice in self.warnings if notice.code == PARTIAL), "")

    def to_json(self) -> dict[str, Any]:
        """Return the result object of the contract: plain values, not-a-number as null."""
        return {
            "analysis": self.analysis,
            "schema": self.schema,
            "version": self.version,
            "model": asdict(self.model),
            "params": plain(self.params),
            "prompts": [_prompt_json(p) for p in self.prompts],
            "result": {name: plain(value) for name, value in self.data.items()},
            "warnings": [plain(asdict(n)) for n in self.warnings],
            "provenance": plain(self.provenance),
            "timing": asdict(self.timing),
        }


def freeze(array: np.ndarray) -> np.ndarray:
    """Return the array made read-only."""
    array.flags.writeable = False
    return array


def plain(value: Any) -> Any:
    """Return `value` as what JSON holds: lists, dicts, numbers; NaN and infinities as None."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def _answer_json(answer: AnswerRecord) -> dict[str, Any]:
    return {
        "text": answer.text,
        "id": answer.token_id,
        "piece": answer.tokens.pieces[0],
        "tokens": plain(asdict(answer.tokens)),
    }


def _prompt_json(prompt: PromptRecord) -> dict[str, Any]:
    corrupt = None
    if prompt.corrupt_text is not None and prompt.corrupt_tokens is not None:
        corrupt = {"text": prompt.corrupt_text, "tokens": plain(asdict(prompt.corrupt_tokens))}
    answers = [_answer_json(a) for a in prompt.answers]
    wrongs = [_answer_json(a) for a in prompt.wrongs]
    return {
        "text": prompt.text,
        "tokens": plain(asdict(prompt.tokens)),
        "corrupt": corrupt,
        "answer": answers[0] if answers else None,
        "wrong": wrongs[0] if wrongs else None,
        "answers": answers,
        "wrongs": wrongs,
        "read_position": prompt.read_position,
    }
