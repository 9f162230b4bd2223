"""Tokenizer inspection: what goes into the model, and what to watch out for."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.tokens.spec import ANALYSIS, TokensParams
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load_tokenizer
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.prepare import Prepared, prepare
from desktop_app.methods.text_notices import decoded, differs_notices, tokenizer_facts
from desktop_app.support.errors import BadInputError
from desktop_app.text.encoding import Encoding
from desktop_app.text.warnings import length_notices, prompt_notices

if TYPE_CHECKING:
    import torch

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.tokenizers.tokenizing import TextTokenizer

_PADS = 4
# Logits closer than this count as equal in the padding demo, per dtype.
_AGREES = {"float32": 1e-3}
_AGREES_HALF = 0.5


def run(model: LoadedModel, params: TokensParams, report: Reporter) -> Result:
    """Tokenize every prompt and say what to watch out for.

    Returns:
        Fields as `analyses.tokens` declares them; answers that cannot be compared become the
        warning `answer_shared_prefix` here, where nothing is compared yet.
    """
    clock = Clock(model)
    prepared = prepare(model, params, answers="inspected", allow_too_long=not params.padding_demo)
    notices = list(prepared.notices)
    facts = tokenizer_facts(model)
    for index, (row, encoding) in enumerate(zip(prepared.rows, prepared.encodings, strict=True)):
        report.check()
        notices += prompt_notices(row, index, encoding, decoded(model, encoding), facts)
    notices += length_notices(prepared.encodings, prepared.corrupt)
    encodings = prepared.encodings
    data: dict[str, Any] = {
        **{f.name: tuple(getattr(e, f.name) for e in encodings) for f in fields(Encoding)},
        "lengths": np.array([len(e) for e in encodings]),
    }
    if params.compare:
        report.step(0.3, f"Reading the tokenizer of {params.compare}")
        other = load_tokenizer(ModelSpec(params.compare, offline=model.spec.offline))
        notices += differs_notices(params.compare, other)
        data["compare"] = _compare(other, params, prepared)
    if params.padding_demo:
        data["padding_demo"] = tuple(
            _padding_demo(model, prepared, index, report) for index in range(len(encodings))
        )
    report.step(1.0, "Tokenized")
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), clock)


def _compare(other: TextTokenizer, params: TokensParams, prepared: Prepared) -> dict[str, Any]:
    """Tokenize the same texts with a second model's tokenizer and align both by characters."""
    encoder = other.with_bos("no" if params.chat else params.bos)
    rows = []
    for row, own in zip(prepared.rows, prepared.encodings, strict=True):
        encoding = encoder.encode(row.text)
        parts = {name: list(getattr(encoding, name)) for name in ("ids", "pieces", "texts")}
        offsets = [list(span) for span in encoding.offsets]
        rows.append({**parts, "offsets": offsets, "groups": align(own, encoding)})
    return {"model": params.compare, "prompts": rows}


def _padding_demo(
    model: LoadedModel, prepared: Prepared, index: int, report: Reporter
) -> list[dict[str, Any]]:
    """Read one prompt's prediction in five ways; only reading its own last token is right."""
    ids = list(prepared.encodings[index].ids)
    if len(ids) + _PADS > model.info.n_ctx:
        raise BadInputError(
            f"Prompt {index + 1} has {len(ids)} tokens, with the {_PADS} of --padding-demo more "
            f"than the {model.info.n_ctx:,} that {model.info.name} reads: shorten it."
        )
    end = len(ids) - 1
    pads = [model.tokenizer.pad_id()] * _PADS
    right, left = ids + pads, pads + ids
    mask = [0] * _PADS + [1] * len(ids)
    cases = [
        ("alone", ids, None, end),
        ("right-padded, read at −1", right, None, len(right) - 1),
        ("right-padded, read at its own end", right, None, end),
        ("left-padded without a mask", left, None, len(left) - 1),
        ("left-padded with a mask", left, mask, len(left) - 1),
    ]
    answers = prepared.records[index].answers
    rows: list[dict[str, Any]] = []
    alone: torch.Tensor | None = None
    for number, (name, tokens, attention_mask, read) in enumerate(cases):
        report.step(number / len(cases), f"Padding: {name}")
        attended = None if attention_mask is None else model.ids([attention_mask])
        logits = model.run(model.ids([tokens]), attention_mask=attended)[0, read].float()
        alone = logits if alone is None else alone
        best = int(logits.argmax())
        piece, text = model.tokenizer.describe(best)
        difference = float((logits - alone).abs().max())
        probability = float(logits.softmax(-1)[best])
        rows.append(
            {
                "case": name,
                "read_position": read,
                "top": {"id": best, "piece": piece, "text": text, "prob": probability},
                "answer_logit": float(logits[answers[0].token_id]) if answers else None,
                "max_logit_difference": difference,
                "agrees": difference < _AGREES.get(model.info.dtype, _AGREES_HALF),
            }
        )
    return rows


def align(left: Encoding, right: Encoding) -> list[dict[str, Any]]:
    """Return the smallest stretches of text at whose ends both tokenizers cut.

    Returns:
        One dict per stretch in reading order: `start` and `end` characters, `left` and `right`
        positions, and `same`, whether both sides have one token there. Added specials are left out.
    """
    cuts = sorted(_ends(left) & _ends(right))
    groups, start = [], 0
    for end in cuts:
        one, two = _inside(left, start, end), _inside(right, start, end)
        same = len(one) == len(two) == 1
        groups.append({"start": start, "end": end, "left": one, "right": two, "same": same})
        start = end
    return groups


def _ends(encoding: Encoding) -> set[int]:
    """Return the characters at which a token ends and no other token covers both sides."""
    spans = [span for span in encoding.offsets if span[1] > span[0]]
    ends = {end for _, end in spans}
    return {e for e in ends if not any(a < e < b for a, b in spans)}


def _inside(encoding: Encoding, start: int, end: int) -> list[int]:
    return [i for i, (a, b) in enumerate(encoding.offsets) if b > a >= start and b <= end]
