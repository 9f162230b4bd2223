"""What a script must know of a result: model, prompts and settings as plain, checked values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.registry import hook
from desktop_app.session.export_literals import Code
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import AnswerRecord, PromptRecord, Result

_DTYPES = frozenset({"float32", "float16", "bfloat16", "float64"})
_DEVICE = re.compile(r"cuda(:\d+)?\Z", re.ASCII)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*\Z", re.ASCII)
_VERSIONS = ("lensbench", "torch", "transformers", "transformer_lens", "python", "created")


def context(result: Result, params: Params) -> dict[str, Any]:
    """Return the values that the templates print.

    Raises:
        BadInputError: The result is damaged, or of a kind that cannot be repeated.
    """
    try:
        facts = hook(result.analysis, "script", "facts")
        own = params.model_dump(mode="json", include=set(params.own_fields()))
        return _shared(result, params) | own | (facts(result, params) if facts else {})
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(
            f"No script can be written: the result is incomplete ({error}); export it as .json."
        ) from error


def _shared(result: Result, params: Params) -> dict[str, Any]:
    model = result.model
    if model.dtype not in _DTYPES:
        raise BadInputError(f"No script can be written for numbers of type {model.dtype[:20]!r}.")
    source = model.name if _HUB_ID.match(model.name) else model.source
    made_with = {k: str(v) for k in _VERSIONS if (v := result.provenance.get(k)) is not None}
    return {
        "model": str(source),
        "gguf": str(source).lower().endswith(".gguf"),
        "dtype": Code(model.dtype),
        "device": model.device if _DEVICE.match(model.device) else _fallback(model.device),
        "processed": model.weights == "processed",
        # Chat templates bring their own BOS, and the recorded texts are the expanded ones.
        "bos": "no" if params.chat and params.bos == "auto" else params.bos,
        "prompts": [_prompt(p) for p in result.prompts],
        "settings": _settings(params),
        "made_with": {"model": str(model.name), "fingerprint": str(model.fingerprint), **made_with},
        "needs_model": True,
        "sequences": None,
        "compare": "",
        "softmax_inputs": False,
    }


def _fallback(device: str) -> str:
    return "mps" if device.startswith("mps") else "cpu"


def _prompt(record: PromptRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "text": record.text,
        "ids": _ids(record.tokens.ids),
        "read_position": int(record.read_position),
    }
    if record.corrupt_tokens is not None:
        found["corrupt"] = record.corrupt_text
        found["corrupt_ids"] = _ids(record.corrupt_tokens.ids)
    found["answers"] = [_answer(a) for a in record.answers]
    found["wrongs"] = [_answer(w) for w in record.wrongs]
    found["answer_ids"] = [int(a.token_id) for a in record.answers]
    found["wrong_ids"] = [int(w.token_id) for w in record.wrongs]
    return found


def _answer(answer: AnswerRecord) -> dict[str, Any]:
    return {"text": answer.text, "ids": _ids(answer.tokens.ids)}


def _ids(ids: tuple[int, ...]) -> list[int]:
    return [int(i) for i in ids]


def _settings(params: Params) -> dict[str, Any]:
    return params.model_dump(mode="json", exclude={"prompts"})


def numbers(result: Result, name: str) -> list[int]:
    """Return a field of whole numbers as a list."""
    return [int(n) for n in np.asarray(result.data[name])]


def swept_layers(result: Result) -> list[int]:
    """Return the swept layers, each of which the model must have."""
    layers = numbers(result, "layers")
    if not layers or not all(0 <= n < result.model.n_layers for n in layers):
        raise ValueError("its layers are not the model's")
    return layers


def sequences(result: Result) -> list[list[int]]:
    """Return the token ids that went into the model, prompt by prompt."""
    return [_ids(p.tokens.ids) for p in result.prompts]
