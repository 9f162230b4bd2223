"""Runs made for what hooks see on the way: unembedded at one position, in batches that fit.

And what a removed part is replaced by: the mean of what was seen over reference prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from desktop_app.contract.result import Notice
from desktop_app.engine.memory import fewer_rows
from desktop_app.engine.model import READ_HOOK, LoadedModel, Site, site_hook
from desktop_app.engine.sites import require_shown
from desktop_app.methods.prepare import encoder_of, equal_length_groups
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import Hooks
    from desktop_app.methods.prepare import Prepared

T = TypeVar("T")
# Tokens captured in one pass.
_TOKENS_PER_PASS = 8192

Activations = dict[int, torch.Tensor]
"""Per layer: `[prompt, position, ...]` of captured runs, `[position, ...]` or `[...]` of means."""
Places = tuple[tuple[Site, "Sequence[int]"], ...]
"""Sites with their layers."""


def watch(model: LoadedModel, ids: torch.Tensor, hooks: Hooks) -> None:
    """Run prompts `[N, S]` for their hooks' sake: of the logits one position alone is computed."""
    model.run(ids, [*hooks, (READ_HOOK, lambda x, hook: x[:, -1:])])


def in_batches(
    model: LoadedModel, count: int, limit: int, work: Callable[[slice], T]
) -> Iterator[tuple[slice, T]]:
    """Yield what is made of sequences, as many at once as memory allows.

    Args:
        model: The model.
        count: How many sequences there are.
        limit: The most at once; half as many where memory runs out.
        work: Reads the sequences of a slice.

    Raises:
        MemoryExhaustedError: Not even a single one fits.
    """
    start = 0
    while start < count:
        rows = slice(start, min(count, start + limit))
        try:
            found = work(rows)
        except (RuntimeError, MemoryError) as error:
            limit = fewer_rows(model, error, rows.stop - start, ("sequence", "sequences"))
            continue
        yield rows, found
        start = rows.stop


@dataclass(frozen=True)
class Means:
    """Mean activations over a reference set.

    Attributes:
        by_layer: `[position, ...]`, or `[...]` where pooled.
        pooled: Whether lengths differed, so that the mean runs over all positions.
    """

    by_layer: Activations
    pooled: bool


def capture(
    model: LoadedModel, ids: torch.Tensor, layers: Sequence[int], site: Site
) -> Activations:
    """Return the activations of one site, `[N, S, ...]` per layer, of prompts of one length."""
    found = capture_all(model, ids, ((site, layers),))
    return {layer: values for (layer, _site), values in found.items()}


def capture_all(
    model: LoadedModel, ids: torch.Tensor, places: Places
) -> dict[tuple[int, Site], torch.Tensor]:
    """Return the activations of several sites by layer and site, all of one run."""
    for site, layers in places:
        require_shown(model, layers, site)
    kept: dict[tuple[int, Site], torch.Tensor] = {}

    def keep(x: torch.Tensor, hook: object, place: tuple[int, Site]) -> None:
        # OPT joins rows and positions to one axis around its MLP.
        kept[place] = (x.view(*ids.shape, -1) if x.ndim == 2 else x).clone()

    every = [(layer, site) for site, layers in places for layer in layers]
    watch(model, ids, [(site_hook(*place), partial(keep, place=place)) for place in every])
    return kept


def means_over(
    model: LoadedModel,
    references: Sequence[Sequence[int]],
    places: Places,
    report: Reporter,
    *,
    pooled: bool,
) -> dict[Site, Means]:
    """Return the mean of sites over prompts, per position or, where pooled, over all positions."""
    lengths = [len(r) for r in references]
    groups = equal_length_groups(lengths, max(1, _TOKENS_PER_PASS // len(places) // max(lengths)))
    totals: dict[tuple[int, Site], torch.Tensor] = {}
    for done, group in enumerate(groups):
        report.step(done / len(groups), f"Reference prompts {done + 1} of {len(groups)}")
        taken = capture_all(model, model.ids([references[i] for i in group]), places)
        for place, values in taken.items():
            axes = (0, 1) if pooled else (0,)
            total = values.double().sum(axes) if _has_double(values) else values.float().sum(axes)
            totals[place] = totals[place] + total if place in totals else total
    count = sum(lengths) if pooled else len(references)
    return {
        site: Means({n: (totals[n, site] / count).float() for n in layers}, pooled)
        for site, layers in places
    }


def mean_activations(
    model: LoadedModel,
    params: Params,
    prepared: Prepared,
    taken: tuple[Sequence[str], tuple[Sequence[int], Site]],
    report: Reporter,
) -> tuple[Means, list[Notice]]:
    """Return the means that removed parts are replaced by, and what must be said of them.

    Args:
        model: The model.
        params: How texts are read.
        prepared: The prompts, which are their own reference where no other is given.
        taken: The texts of the reference prompts; layers and site.
        report: Told after every pass.
    """
    texts, (layers, site) = taken
    prompts = prepared.encodings
    references = reference_ids(model, params, prepared, texts)
    lengths = {len(r) for r in references} | {len(e) for e in prompts}
    pooled = len(lengths) > 1
    notices = []
    if pooled:
        message = (
            f"Token lengths differ ({min(lengths)} to {max(lengths)}), so the means run over "
            "all positions instead of position by position."
        )
        notices.append(Notice("means_pooled", message))
    if not pooled and len(set(references)) == 1 and {e.ids for e in prompts} == set(references):
        message = (
            "The reference is the prompt alone, so its mean is its own value and nothing "
            f"changes: {other_reference(params)}, or choose --mode zero."
        )
        notices.append(Notice("reference_is_self", message))
    means = means_over(model, references, ((site, layers),), report, pooled=pooled)
    return means[site], notices


def reference_ids(
    model: LoadedModel, params: Params, prepared: Prepared, texts: Sequence[str]
) -> list[tuple[int, ...]]:
    """Return the token ids of reference texts; without any, those of the prompts themselves.

    Raises:
        BadInputError: One is empty or too long.
    """
    references = [e.ids for e in prepared.encodings]
    if texts:
        encoder = encoder_of(model, params)
        read = model.tokenizer.chat.expand(texts) if params.chat else texts
        references = [encoder.encode(text).ids for text in read]
    for index, reference in enumerate(references):
        if not 0 < len(reference) <= model.info.n_ctx:
            raise BadInputError(
                f"--reference prompt {index + 1} has {len(reference)} tokens and the model reads 1 "
                f"to {model.info.n_ctx}: change it."
            )
    return references


def other_reference(params: Params) -> str:
    """Say how an analysis is given another reference than the prompts themselves."""
    has_own = "reference" in type(params).model_fields
    return "give --reference" if has_own else "give several prompts"


def _has_double(values: torch.Tensor) -> bool:
    return values.device.type != "mps"
