"""Candidate words: each in the word's place, those of its token count read together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.candidates.notices import notices_of
from desktop_app.analyses.candidates.places import Swap, swap_of
from desktop_app.analyses.candidates.spec import ANALYSIS, CandidatesParams
from desktop_app.analyses.candidates.words import Spot, count_words, spot_of
from desktop_app.contract.grammar import resolve_heads
from desktop_app.contract.report import ShareReporter
from desktop_app.engine.memory import text_bytes, texts_per_pass, used_bytes
from desktop_app.engine.model import READ_HOOK, site_hook
from desktop_app.engine.sites import report_hooks, require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.finish import Clock, finish, not_finite
from desktop_app.methods.predictions import top_rows
from desktop_app.methods.prepare import encoder_of, prepare
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.engine.model import HookFn, LoadedModel
    from desktop_app.methods.prepare import Prepared

# What counting words takes of a run.
_COUNTING = 0.5
_SEARCHED = 3
# A message of which no chat template writes a word.
_MARKER = "Lensbench-asks-where"


def run(model: LoadedModel, params: CandidatesParams, report: Reporter) -> Result:
    """Put each candidate in the place of a word of one prompt, and see what else changes.

    Returns:
        A row per word, the prompt's own first. Those that leave the prompt as many tokens have
        `kl`, `next`, and with a head its attention; of the others these are missing (NaN, None).
    """
    clock = Clock(model)
    prepared = prepare(model, params, answers="inspected")
    if params.pair >= len(prepared.records):
        raise BadInputError(
            f"--pair {params.pair} is not there: the prompts are counted from 0 to "
            f"{len(prepared.records) - 1}."
        )
    record = prepared.records[params.pair]
    (spot, start), words = _spot(model, params, record), (params.replace, *params.with_)
    if not params.with_:
        raise BadInputError(
            "No candidate is named (--with): write them with | between, arg|self|size."
        )
    head = next(iter(resolve_heads(params.head, *_size(model), "--head")), None)
    if head is not None:
        require_shown(model, [head[0]], "pattern")
    swaps = _swaps(model, params, prepared, spot)
    counting = _COUNTING if params.text else 0.0
    data: dict[str, Any] = {
        "words": words,
        "token_count": np.array([swap.count for swap in swaps]),
        "fits": np.array([swap.fits for swap in swaps]),
        "tokens": tuple(swap.told() for swap in swaps),
        **_counted(params, words, ShareReporter(report, 0.0, counting)),
    }
    reading = _Reading(model, record, swaps, head)
    reading.run(report, counting)
    data |= reading.fields()
    data["span"] = np.array([(swap.own.start, swap.own.stop) for swap in swaps])
    data |= {"start": start, "read_position": record.read_position}
    told = [*_own_notices(prepared, params), *notices_of(params, swaps, data, record)]
    if reading.bad:
        ids = [swaps[place].ids for place in reading.bad[:_SEARCHED]]
        told.append(not_finite("The prediction", model, ids, params.pair))
    return finish(model, ANALYSIS, params, prepared.records, (data, told), clock)


def _size(model: LoadedModel) -> tuple[int, int]:
    return model.info.n_layers, model.info.n_heads


def _own_notices(prepared: Prepared, params: CandidatesParams) -> list[Any]:
    """Return what was said of the prompt that is worked on."""
    return [n for n in prepared.notices if n.prompt in {None, params.pair}]


def _spot(model: LoadedModel, params: CandidatesParams, record: PromptRecord) -> tuple[Spot, int]:
    """Return where the word stands in the text that the model is given, and in the prompt's own."""
    text, lead, first = record.text, 0, 0
    if params.chat:  # the template around the message may hold the word as well
        given = params.prompts[params.pair].text
        text, first = _message_in(model, given, record.text)
        lead = given.index(text)
    spot = spot_of(text, params.replace, params.occurrence, params.pair)
    return Spot(spot.start + first, spot.end + first), spot.start + lead


def _message_in(model: LoadedModel, given: str, text: str) -> tuple[str, int]:
    """Return a message as the chat template wrote it into a text, and where it begins there.

    The template may trim it. What it writes around any message is known from a marker's.
    """
    before, _marker, after = model.tokenizer.expand_chat(_MARKER).partition(_MARKER)
    if text.startswith(before) and _MARKER not in after:
        for message in (given, given.rstrip(), given.lstrip(), given.strip()):
            if text[len(before) :].startswith(message + after):
                return message, len(before)
    raise BadInputError(
        "The chat template changes the prompt, so that the word's place in it is not known: leave "
        "--chat out."
    )


def _swaps(
    model: LoadedModel, params: CandidatesParams, prepared: Prepared, spot: Spot
) -> list[Swap]:
    """Return the prompt's own word and each candidate as tokens in place."""
    encoder, base = encoder_of(model, params), prepared.encodings[params.pair]
    text = prepared.records[params.pair].text
    own = swap_of(params.replace, base, spot, None)
    if not own.count:
        raise BadInputError(
            f"“{params.replace}” has no token of its own in the prompt: choose another word."
        )
    changed = [
        swap_of(word, encoder.encode(spot.with_word(text, word)), spot, own)
        for word in params.with_
    ]
    return [own, *changed]


def _counted(params: CandidatesParams, words: Sequence[str], report: Reporter) -> dict[str, Any]:
    if not params.text:
        return {}
    found = count_words(Path(params.text).expanduser(), report)
    counts, ranks = [found.of(word) for word in words], [found.rank(word) for word in words]
    return {
        "frequency": np.array(counts, dtype=np.float64),
        "frequency_rank": np.array(ranks, dtype=np.float64),
        "text_words": found.total,
        "text_different": len(found.counts),
    }


@dataclass(frozen=True)
class _Row:
    """What is read of one changed prompt."""

    logits: torch.Tensor
    received: np.ndarray | None = None
    last: np.ndarray | None = None


class _Reading:
    """The prompt and what it becomes with each word that fits, read in few passes.

    Attributes:
        bad: The words with which the prediction is no number.
    """

    def __init__(
        self,
        model: LoadedModel,
        record: PromptRecord,
        swaps: Sequence[Swap],
        head: tuple[int, int] | None,
    ) -> None:
        self._model, self._record, self._swaps, self._head = model, record, swaps, head
        self._fitting = [i for i, swap in enumerate(swaps) if swap.fits]
        self._kl = np.full(len(swaps), np.nan)
        self._diff = np.full(len(swaps), np.nan)
        self._next: list[dict[str, Any] | None] = [None] * len(swaps)
        self.bad: list[int] = []
        length = len(record.tokens)
        shape = (len(swaps), length) if head is not None else (0, 0)
        self._received, self._last = np.full(shape, np.nan), np.full(shape, np.nan)

    def run(self, report: Reporter, begun: float) -> None:
        """Read the prompt, and beside it in each pass as many of the others as memory allows."""
        model, others = self._model, self._fitting[1:]
        length, together = len(self._record.tokens), model.reads_together
        limit = max(1, texts_per_pass(model, length, 1) - 1) if together else 1
        rows = 1 + min(limit, len(others))
        report.needs(used_bytes(model.device) + rows * text_bytes(model, length, 1))
        passes = max(1, -(-len(others) // limit))
        share = (1 - begun) / passes
        base: _Row | None = None
        if not (together and others):
            once = in_batches(model, 1, 1, lambda _row: self._pass([0], report))
            base = next(found[0] for _row, found in once)
            self._take(0, base, base)

        def read(some: slice) -> None:
            part = ShareReporter(report, begun + share * (some.start // limit), share)
            places = others[some] if base is not None else [0, *others[some]]
            found = self._pass(places, part)
            for place, row in zip(places, found, strict=True):
                self._take(place, row, base or found[0])

        for _rows, _found in in_batches(model, len(others), limit, read):
            report.check()

    def _pass(self, places: Sequence[int], report: Reporter) -> list[_Row]:
        """Return what is read of some rows in one pass."""
        model, read = self._model, self._record.read_position
        ids = model.ids([self._swaps[place].ids for place in places])
        hooks: list[tuple[str, HookFn]] = list(report_hooks(model, report))
        kept: list[tuple[np.ndarray, np.ndarray]] = []
        if self._head is not None:
            layer, head = self._head
            spans = [self._swaps[place].own for place in places]

            def keep(x: torch.Tensor, hook: object) -> None:
                pattern = torch.tril(x[:, head].float())
                for row, span in zip(pattern, spans, strict=True):
                    received = row[:, span.start : span.stop].sum(-1)
                    kept.append((received.cpu().numpy(), row[read].cpu().numpy()))

            hooks.append((site_hook(layer, "pattern"), keep))
        hooks.append((READ_HOOK, lambda x, hook: x[:, read : read + 1]))
        with no_hooks_left(model):
            logits = model.run(ids, hooks)[:, -1].float().cpu()
        if not kept:
            return [_Row(row) for row in logits]
        return [_Row(row, *seen) for row, seen in zip(logits, kept, strict=True)]

    def _take(self, place: int, row: _Row, base: _Row) -> None:
        """Take over what was read of a word."""
        if not bool(torch.isfinite(row.logits).all()):
            self.bad.append(place)
        before, after = (r.logits.double().log_softmax(-1) for r in (base, row))
        self._kl[place] = float((before.exp() * (before - after)).sum().clamp_min(0))
        self._next[place] = top_rows(self._model, row.logits, 1)[0]
        right = [answer.token_id for answer in self._record.answers]
        wrong = [answer.token_id for answer in self._record.wrongs]
        if right and wrong:
            self._diff[place] = float(row.logits[right].mean() - row.logits[wrong].mean())
        if row.received is not None and row.last is not None:
            self._received[place], self._last[place] = row.received, row.last

    def fields(self) -> dict[str, Any]:
        """Return what was read, one entry per word."""
        found: dict[str, Any] = {"kl": self._kl, "next": tuple(self._next)}
        if self._record.answers and self._record.wrongs:
            found["logit_diff"] = self._diff
        if self._head is not None:
            found |= {
                "attention_to": self._mean_received(),
                "attention_from_last": self._received[:, self._record.read_position],
                "received": self._received,
                "last_row": self._last,
            }
        return found

    def _mean_received(self) -> np.ndarray:
        """Return the mean attention of the tokens after each word to it."""
        means = np.full(len(self._swaps), np.nan)
        for place in self._fitting:
            after = self._received[place, self._swaps[place].own.stop :]
            means[place] = after.mean() if after.size else np.nan
        return means
