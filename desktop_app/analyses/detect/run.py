"""Head detectors: pattern scores by hooks that reduce at once, successor and copy from weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.detect import pattern_scores
from desktop_app.analyses.detect.circuit_card import make_card
from desktop_app.analyses.detect.picture import roles, summary
from desktop_app.analyses.detect.spec import ANALYSIS, PATTERN_SCORES, DetectParams
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.contract.result import PARTIAL, Notice, PromptRecord, Result
from desktop_app.engine import weights
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, not_finite
from desktop_app.methods.prepare import equal_length_groups, prepare
from desktop_app.methods.sequences import Lead, lead_token, records, repeated_sequences
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.sizes import human_bytes
from desktop_app.text.families import Encode, FamilyTokens, as_tokens, choose_families

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

_PROMPTS_PER_GROUP = 64
# How the time divides, measured with SmolLM2 at the usual settings: the families and the card
# beside the patterns of one seed.
_FAMILY_TIME, _CARD_TIME = 0.1, 6.0
_LEFT_OUT_NAMED = 6
_SEARCHED_PROMPTS = 4


def run(model: LoadedModel, params: DetectParams, report: Reporter) -> Result:
    """Score every head by where it looks, and by what it writes on ordered families.

    Returns:
        Each score `[L, H]`: the mean attention over the batch and over exactly the queries that
        have the offset; with several seeds their mean, and `_spread`, the standard deviation.
    """
    clock = Clock(model)
    lead, alone = lead_token(model, params), lead_token(model, params, alone=True)
    kept = _Kept(model) if params.keep_patterns else None
    with no_hooks_left(model):
        patterns, families = _shares(params)
        share = ShareReporter(report, 0.0, patterns)
        if params.on == "prompts":
            prompts, data, notices = _on_prompts(model, params, share, kept)
        else:
            prompts, data, notices = _on_repeats(model, params, lead, share, kept)
        share = ShareReporter(report, patterns, families)
        found, left_out, missing = _families(model, params, alone, share)
        data |= found
        data["lead"] = {"id": lead.token_id, "piece": lead.piece}
        data["embedding_lead"] = {"id": alone.token_id, "piece": alone.piece}
        data["layers"] = np.arange(model.info.n_layers)
        data["roles"] = roles(data)
        data["summary"] = summary(data)
        if kept is not None and kept.fits:
            data["pattern"] = kept.array
        if params.card and not missing:
            start = patterns + families
            share = ShareReporter(report, start, 1 - start)
            try:
                data |= make_card(model, params, lead, data, share)
            except Cancelled:
                missing = stopped.before("the circuit card", report)
    stopped.tell_end(report)
    large = () if kept is None else kept.notices()
    notices = (*notices, *left_out, *large, *_lost(model, data, prompts))
    if not any(notice.code == PARTIAL for notice in notices):
        notices = (*notices, *missing)
    result = finish(model, ANALYSIS, params, prompts, (data, notices), clock)
    if params.on == "prompts":
        return result
    return replace(result, provenance={**result.provenance, "bos": f"added ({lead.piece})"})


def _families(
    model: LoadedModel, params: DetectParams, lead: Lead, report: Reporter
) -> tuple[dict[str, Any], tuple[Notice, ...], tuple[Notice, ...]]:
    """Return the scores on families and what was left out, or that it was stopped before them."""
    try:
        found = family_scores(model, params.families, params.embedding, lead.token_id, report)
    except Cancelled:
        return {}, (), stopped.before("the scores on families", report)
    return *found, ()


def _shares(params: DetectParams) -> tuple[float, float]:
    """Return which fractions of the work the patterns and the families are."""
    whole = params.seeds + _FAMILY_TIME + (_CARD_TIME if params.card else 0.0)
    return params.seeds / whole, _FAMILY_TIME / whole


class _Kept:
    """Keeps every head's attention on the first sequence, up to what a result may keep."""

    def __init__(self, model: LoadedModel) -> None:
        self._heads = (model.info.n_layers, model.info.n_heads)
        self._limit = model.storage.limit_bytes
        self.array = np.empty(0, dtype=np.float32)
        self.wanted = 0

    @property
    def fits(self) -> bool:
        """Whether it is kept at all."""
        return self.wanted <= self._limit

    def notices(self) -> tuple[Notice, ...]:
        """Return the warning where it is not."""
        if self.fits:
            return ()
        message = (
            f"The patterns of a sequence take {human_bytes(self.wanted)} and at most "
            f"{human_bytes(self._limit)} are stored: they are left out; choose a shorter --seq-len."
        )
        return (Notice("patterns_left_out", message),)

    def __call__(self, layer: int, pattern: torch.Tensor) -> None:
        self.wanted = 4 * self._heads[0] * pattern.numel()
        if not self.fits:
            return
        if not self.array.size:
            self.array = np.zeros((*self._heads, *pattern.shape[-2:]), dtype=np.float32)
        self.array[layer] = torch.tril(pattern.float()).cpu().numpy()


def _on_repeats(
    model: LoadedModel, params: DetectParams, lead: Lead, report: Reporter, kept: _Kept | None
) -> tuple[tuple[PromptRecord, ...], dict[str, Any], tuple[Notice, ...]]:
    batch, size = params.batch, params.seq_len
    scores = pattern_scores.repeat_scores(batch, size, whole_diagonal=params.whole_diagonal)
    if params.pattern:
        mask = pattern_scores.target_mask(params.pattern, 2 * size + 1)
        scores["target"] = pattern_scores.mask_score(mask, batch)
    shown: list[PromptRecord] = []
    means: dict[str, list[np.ndarray]] = {name: [] for name in scores}

    def score_seed(number: int) -> None:
        ids = repeated_sequences(
            model, batch, size, params.seed + number, lead, rare=params.rare_tokens
        )
        shown.extend([] if shown else records(model, ids.tolist()))
        share = ShareReporter(report, number / params.seeds, 1 / params.seeds)
        sums = pattern_scores.head_scores(model, ids, scores, share, None if number else kept)
        for name, score in scores.items():
            means[name].append(sums[name] / score.count)
        report.partial({name: np.mean(values, axis=0) for name, values in means.items()})

    notices: tuple[Notice, ...] = ()
    try:
        for number in range(params.seeds):
            score_seed(number)
    except Cancelled:
        done = len(means["induction"])
        if not (report.keeps_partial and done):
            raise
        if done < params.seeds:
            told = f"Stopped after {done} of {params.seeds} seeds. Run again for the rest."
            notices = (Notice(PARTIAL, told),)
    data: dict[str, Any] = {name: np.mean(values, axis=0) for name, values in means.items()}
    if len(means["induction"]) > 1:
        data |= {f"{name}_spread": np.std(v, axis=0, ddof=1) for name, v in means.items()}
    data["queries"] = {name: score.count // batch for name, score in scores.items()}
    return tuple(shown), data, notices


def _on_prompts(
    model: LoadedModel, params: DetectParams, report: Reporter, kept: _Kept | None
) -> tuple[tuple[PromptRecord, ...], dict[str, Any], tuple[Notice, ...]]:
    if params.whole_diagonal or params.seeds > 1:
        option = "--whole-diagonal" if params.whole_diagonal else "--seeds"
        raise BadInputError(f"{option} speaks of random sequences: leave it out on prompts.")
    if params.card:
        raise BadInputError("--card is made on random sequences: leave it out on prompts.")
    prepared = prepare(model, params, answers="inspected")
    ids = [r.tokens.ids for r in prepared.records]
    shape = (model.info.n_layers, model.info.n_heads)
    names = [*PATTERN_SCORES, *(["target"] if params.pattern else [])]
    sums = {name: np.zeros(shape) for name in names}
    counts = dict.fromkeys(names, 0)
    groups = equal_length_groups([len(row) for row in ids], _PROMPTS_PER_GROUP)
    for number, group in enumerate(groups):
        rows = model.ids([ids[i] for i in group]).cpu()
        scores = pattern_scores.prompt_scores(rows)
        if params.pattern:
            mask = pattern_scores.target_mask(params.pattern, rows.shape[1])
            scores["target"] = pattern_scores.mask_score(mask, len(rows))
        share = ShareReporter(report, number / len(groups), 1 / len(groups))
        own = kept if 0 in group else None
        for name, found in pattern_scores.head_scores(model, rows, scores, share, own).items():
            sums[name] += found
            counts[name] += scores[name].count
    data: dict[str, Any] = {
        name: sums[name] / counts[name] if counts[name] else np.full(shape, np.nan)
        for name in names
    }
    data["queries"] = counts
    notices = prepared.notices if params.fix else ()  # no answer is compared here
    return prepared.records, data, (*notices, *_no_repeats(counts))


def _lost(
    model: LoadedModel, data: dict[str, Any], prompts: tuple[PromptRecord, ...]
) -> tuple[Notice, ...]:
    """Return the warning for scores that are not finite though there was something to score."""
    there = {name for name, count in data.get("queries", {}).items() if count}
    if int(np.sum(data.get("family_pairs", 0))):  # of a run that was stopped there are none
        there |= {"successor", "copy"}
    bad = [n for n in sorted(there) if n in data and not np.isfinite(data[n]).all()]
    if not bad:
        return ()
    ids = [record.tokens.ids for record in prompts[:_SEARCHED_PROMPTS]]
    return (not_finite(", ".join(bad), model, ids),)


def _no_repeats(counts: dict[str, int]) -> tuple[Notice, ...]:
    if counts["induction"]:
        return ()
    message = (
        "No token of the prompts occurs again, so induction and duplicates have no score: "
        "repeat something, or choose random sequences."
    )
    return (Notice("no_repeats", message),)


def family_scores(
    model: LoadedModel, names: str, embedding: str, lead: int, report: Reporter
) -> tuple[dict[str, Any], tuple[Notice, ...]]:
    """Return how often each head turns a member into its successor, or writes the member itself.

    Args:
        model: The model.
        names: Families, comma-separated; empty takes the standard ones.
        embedding: `layer0`, `mlp0` or `raw`: what the head is fed.
        lead: The token that stands before each member for `layer0`.
        report: Told after every layer.

    Returns:
        Fields of a result, shares over all pairs and family by family (a member without a successor
        counts for neither score), and which families had members left out.
    """
    families = tuple(as_tokens(family, _encoder(model)) for family in choose_families(names))
    shape = (model.info.n_layers, model.info.n_heads, len(families))
    successor, copy = np.zeros(shape), np.zeros(shape)
    ids = torch.tensor([i for f in families for i in f.ids], dtype=torch.long)
    shown = weights.shows_values(model, embedding)
    if len(ids) and shown:
        stream = weights.embeddings(model, ids, embedding, lead)
        columns = weights.unembedding(model, ids)
        for layer in range(model.info.n_layers):
            best, lost = _best_members(model, layer, stream, columns, families)
            for number, (family, choice) in enumerate(zip(families, best, strict=True)):
                here = [i for i, _ in family.pairs]
                after = np.array([j for _, j in family.pairs])
                successor[layer, :, number] = (choice[:, here] == after).sum(-1)
                copy[layer, :, number] = (choice[:, here] == np.array(here)).sum(-1)
            successor[layer, lost] = copy[layer, lost] = np.nan
            report.step((layer + 1) / model.info.n_layers, f"Families: layer {layer + 1}")
    pairs = np.array([len(f.pairs) if shown else 0 for f in families])
    total = int(pairs.sum())
    data: dict[str, Any] = {}
    for name, hits in (("successor", successor), ("copy", copy)):
        whole = hits.sum(-1) / total if total else np.full(hits.shape[:-1], np.nan)
        share = np.full(hits.shape, np.nan)
        np.divide(hits, pairs, out=share, where=np.broadcast_to(pairs > 0, hits.shape))
        data |= {name: whole, f"{name}_by_family": share}
    data["families"] = tuple(f.family.name for f in families)
    data |= {"family_pairs": pairs, "family_left_out": tuple(f.left_out for f in families)}
    return data, (*_notices(families), *(() if shown else (_no_values(model),)))


def _no_values(model: LoadedModel) -> Notice:
    message = (
        f"{model.info.name} does not show what its heads are fed, or how they make their values, "
        "so successors and copies have no score."
    )
    return Notice("values_not_shown", message)


def _encoder(model: LoadedModel) -> Encode:
    def encode(text: str) -> list[tuple[int, str]]:
        found = model.tokenizer.encode(text, "no")
        if any(found.special):  # a tokenizer that does not know the text writes a special token
            return []
        return list(zip(found.ids, found.pieces, strict=True))

    return encode


def _best_members(
    model: LoadedModel,
    layer: int,
    stream: torch.Tensor,
    columns: torch.Tensor,
    families: tuple[FamilyTokens, ...],
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return per family which member each head writes most at each member, `[head, member]`.

    And of which heads `[head]` nothing can be told, since what they write is not finite.
    """
    read = weights.normed(model, layer, stream)
    written = weights.values(model, layer, read) @ model.output_weights(layer)
    logits = weights.final_normed(model, written.flatten(0, 1)) @ columns
    logits = logits.view(model.info.n_heads, len(stream), -1)
    found, start = [], 0
    for family in families:
        own = slice(start, start + len(family.ids))
        start = own.stop
        found.append(_single_best(logits[:, own, own]))
    lost = ~torch.isfinite(logits).all(-1).all(-1)
    return found, lost.cpu().numpy()


def _single_best(logits: torch.Tensor) -> np.ndarray:
    """Return where each row `[head, member, member]` is greatest, −1 where several are."""
    if logits.shape[-1] < 2:
        return np.zeros(logits.shape[:-1], dtype=np.int64)
    best = logits.topk(2, dim=-1)
    tied = best.values[..., 0] == best.values[..., 1]
    return best.indices[..., 0].masked_fill(tied, -1).cpu().numpy()


def _notices(families: tuple[FamilyTokens, ...]) -> tuple[Notice, ...]:
    found = []
    for family in families:
        if not family.left_out:
            continue
        names = ", ".join(family.left_out[:_LEFT_OUT_NAMED])
        if len(family.left_out) > _LEFT_OUT_NAMED:
            names += f" and {len(family.left_out) - _LEFT_OUT_NAMED} more"
        message = (
            f"{family.family.title}: {names} are several tokens each in this model and cannot be "
            f"scored; {len(family.pairs)} pairs of words that can be are measured."
        )
        found.append(Notice("family_left_out", message))
    return tuple(found)
