"""Successor and copy scores: what a head writes when it reads a member of an ordered family.

For each member: embedding → norm of the head's layer → W_V, W_O → final norm → unembedding, among
the members of its own family. A head scores where the successor (or the member itself) is highest.
After Gould et al., Successor heads (arXiv 2312.09230).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.contract.result import Notice
from desktop_app.engine import weights
from desktop_app.text.families import Encode, FamilyTokens, as_tokens, choose_families

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

_LEFT_OUT_NAMED = 6


@dataclass(frozen=True)
class FamilyScores:
    """What heads do with families.

    Attributes:
        families: As single tokens of this model.
        successor: Hits per head and family, `[L, H, F]`.
        copy: The same.
        notices: Families of which members were left out.
    """

    families: tuple[FamilyTokens, ...]
    successor: np.ndarray
    copy: np.ndarray
    notices: tuple[Notice, ...]

    def fields(self) -> dict[str, object]:
        """Return the fields of a result: shares over all pairs, and family by family."""
        pairs = np.array([len(f.pairs) for f in self.families])
        found: dict[str, object] = {}
        for name, hits in (("successor", self.successor), ("copy", self.copy)):
            total = int(pairs.sum())
            whole = hits.sum(-1) / total if total else np.full(hits.shape[:-1], np.nan)
            share = np.full(hits.shape, np.nan)
            np.divide(hits, pairs, out=share, where=np.broadcast_to(pairs > 0, hits.shape))
            found |= {name: whole, f"{name}_by_family": share}
        return {
            **found,
            "families": tuple(f.family.name for f in self.families),
            "family_pairs": pairs,
            "family_left_out": tuple(f.left_out for f in self.families),
        }


def family_scores(
    model: LoadedModel, names: str, embedding: str, lead: int, report: Reporter
) -> FamilyScores:
    """Return how often each head turns a member into its successor, or writes the member itself.

    Args:
        model: The model.
        names: Families, comma-separated; empty takes the standard ones.
        embedding: `layer0`, `mlp0` or `raw`: what the head is fed.
        lead: The token that stands before each member for `layer0`.
        report: Told after every layer.

    Returns:
        Counts over pairs: a member without a successor counts for neither score.
    """
    families = tuple(as_tokens(family, _encoder(model)) for family in choose_families(names))
    shape = (model.info.n_layers, model.info.n_heads, len(families))
    successor, copy = np.zeros(shape), np.zeros(shape)
    ids = torch.tensor([i for f in families for i in f.ids], dtype=torch.long)
    if len(ids):
        stream = weights.embeddings(model, ids, embedding, lead)
        columns = weights.unembedding(model, ids)
        for layer in range(model.info.n_layers):
            best = _best_members(model, layer, stream, columns, families)
            for number, (family, choice) in enumerate(zip(families, best, strict=True)):
                here = [i for i, _ in family.pairs]
                after = np.array([j for _, j in family.pairs])
                successor[layer, :, number] = (choice[:, here] == after).sum(-1)
                copy[layer, :, number] = (choice[:, here] == np.array(here)).sum(-1)
            report.step((layer + 1) / model.info.n_layers, f"Families: layer {layer + 1}")
    return FamilyScores(families, successor, copy, _notices(families))


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
) -> list[np.ndarray]:
    """Return per family which member each head writes most at each member, `[head, member]`."""
    read = weights.normed(model, layer, stream)
    written = weights.values(model, layer, read) @ model.output_weights(layer)
    logits = weights.final_normed(model, written.flatten(0, 1)) @ columns
    logits = logits.view(model.info.n_heads, len(stream), -1)
    found, start = [], 0
    for family in families:
        own = slice(start, start + len(family.ids))
        start = own.stop
        found.append(_single_best(logits[:, own, own]))
    return found


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
        found.append(
            Notice(
                "family_left_out",
                f"{family.family.title}: {names} are no single tokens of this model and are left "
                f"out; {len(family.pairs)} pairs are measured.",
            )
        )
    return tuple(found)
