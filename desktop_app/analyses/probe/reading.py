"""The activations that are probed, read from the prompts in as few passes as memory allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.engine.memory import budget_bytes
from desktop_app.methods.streams import Wanted, by_length, read_streams
from desktop_app.support.errors import BadInputError
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.probe.spec import ProbeSite
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

_STREAM = frozenset({"resid_pre", "resid_post"})
_SHARE_KEPT = 0.5
_ITEM = 4


def row_bytes_of(model: LoadedModel, texts: Sequence[Sequence[int]], at: int | None) -> int:
    """Return what the activations of one row take, of all prompts."""
    positions = len(texts[0]) if at is None else 1
    return len(texts) * positions * model.info.d_model * _ITEM


def row_groups(model: LoadedModel, texts: Sequence[Sequence[int]], at: int | None) -> list[range]:
    """Return the rows that are read in one go: all of them where memory allows.

    Raises:
        BadInputError: A single row does not fit.
    """
    rows, each = model.info.n_layers + 1, row_bytes_of(model, texts, at)
    budget = int(_SHARE_KEPT * budget_bytes(model))
    size = budget // each
    if not size:
        step = "choose one --position, or fewer prompts" if at is None else "give fewer prompts"
        raise BadInputError(
            f"The activations of one layer take {human_bytes(each)} and {human_bytes(budget)} are "
            f"there for them: {step}."
        )
    return [range(start, min(rows, start + size)) for start in range(0, rows, size)]


def read_rows(
    model: LoadedModel,
    texts: Sequence[Sequence[int]],
    place: tuple[ProbeSite, int | None],
    rows: range,
    report: Reporter,
) -> torch.Tensor:
    """Return the activations `[N, rows, positions, d_model]` as float32 on the CPU.

    Row 0 is what enters block 0 at every site; row l + 1 the site of block l, and of `resid_pre`
    and `resid_post` alike the stream behind it: what enters block l + 1 is what left block l.

    Args:
        model: The model.
        texts: Token ids, unpadded.
        place: The site, and the position, negative from the end; None: all of them.
        rows: Which rows.
        report: Told at every layer; may cancel there.
    """
    site, at = place
    found: list[torch.Tensor | None] = [None] * len(texts)
    sites = () if site in _STREAM else (site,)

    def read(numbers: list[int], ids: torch.Tensor, share: Reporter) -> None:
        wanted = Wanted(sites=sites, at=None if at is None else _one(at, ids.shape[1]))
        seen = read_streams(model, ids, wanted, report=share)
        kept = [
            seen.stream[row] if row == 0 or not sites else seen.sites[row - 1, site] for row in rows
        ]
        together = torch.stack([x.detach().cpu().float() for x in kept], 1)
        for number, own in zip(numbers, together, strict=True):
            found[number] = own

    for _numbers, _nothing in by_length(model, texts, read, report, kept=1 + bool(sites)):
        pass
    whole = torch.stack([own for own in found if own is not None])
    _make_alike(whole, texts, at)
    return whole


def _one(at: int, length: int) -> slice:
    start = at + length if at < 0 else at
    return slice(start, start + 1)


def _make_alike(whole: torch.Tensor, texts: Sequence[Sequence[int]], at: int | None) -> None:
    """Give prompts that begin alike one activation up to there, which batches round otherwise.

    An earlier token knows nothing of later ones: what differs is rounding, and a probe would find
    labels in it.
    """
    for place in range(whole.shape[2]):
        first: dict[tuple[int, ...], int] = {}
        for number, text in enumerate(texts):
            end = place + 1 if at is None else _one(at, len(text)).stop
            known = first.setdefault(tuple(text[:end]), number)
            if known != number:
                whole[number, :, place] = whole[known, :, place]
