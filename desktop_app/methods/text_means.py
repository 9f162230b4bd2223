"""Vectors made of two sets of texts.

A *difference of means* is the mean activation over the texts that it leads to, minus that over the
texts that it starts from; every text counts alike, read at its last token or as the mean over all
its tokens, at one layer and site. Texts are read as prompts are: with the same beginning token, and
as user messages where prompts are.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch

from desktop_app.contract.result import Notice
from desktop_app.engine.model import site_hook
from desktop_app.engine.sites import report_hooks, require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.prepare import encoder_of
from desktop_app.methods.streams import by_length
from desktop_app.methods.vectors import Vector, nothing
from desktop_app.pictures.set_words import difference_words
from desktop_app.support.errors import BadInputError
from desktop_app.text.text_sets import looks_like_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import Intervention, SteerSite
    from desktop_app.engine.model import LoadedModel

ReadAt = Literal["last", "mean"]
# A first position this many times longer than the median of the others rules a mean over all.
_RULES = 10.0


@dataclass(frozen=True)
class Sets:
    """Two sets of texts, and how they are read.

    Attributes:
        start: Where the difference starts: their mean is subtracted.
        end: Where it leads.
        site: The place in the block.
        at: At which of its tokens a text is read.
    """

    start: tuple[str, ...]
    end: tuple[str, ...]
    site: SteerSite = "resid_post"
    at: ReadAt = "last"

    @property
    def made(self) -> str:
        """How a vector is made of them, in words."""
        return difference_words(self.end, self.start, self.at)


def sets_of(one: Intervention, at: ReadAt) -> Sets:
    """Return the sets of a difference of means.

    Raises:
        BadInputError: A set is empty, or holds an empty text.
    """
    start, end = one.from_texts, one.to_texts
    for option, texts in (("--from", start), ("--to", end)):
        if not texts:
            raise BadInputError(f"{option} has no text: a difference of means needs both sets.")
        for number, text in enumerate(texts, 1):
            if not text:
                raise BadInputError(f"{option} text {number} is empty: type one, or leave it out.")
    return Sets(start, end, one.site, at)


def difference_of_means(
    model: LoadedModel, params: Params, sets: Sets, layers: Iterable[int], report: Reporter
) -> dict[int, Vector]:
    """Return mean over `end` − mean over `start` at each of some layers, all of the same passes.

    Args:
        model: The model.
        params: How texts are read: BOS and chat template.
        sets: The texts.
        layers: The blocks.
        report: Told at every layer; may cancel there.

    Raises:
        BadInputError: A text is too long, or the model does not show the place.
    """
    wanted = sorted(set(layers))
    require_shown(model, wanted, sets.site)
    read = {
        option: _encoded(model, params, texts, option)
        for option, texts in (("--from", sets.start), ("--to", sets.end))
    }
    sums = _Sums(model, sets, wanted, [Counter(texts) for texts in read.values()])
    sums.read(report)
    notices = [*_named(sets), *sums.notices()]
    found = {}
    for layer in wanted:
        start, end = sums.means(layer)
        values = (end - start).float()
        if not bool(torch.isfinite(values).all()):
            raise BadInputError(
                f"The difference of means at layer {layer} of {model.info.name} holds numbers that "
                "are not finite: choose another layer or --dtype float32."
            )
        own = notices if bool(values.any()) else [*notices, nothing("the difference of means")]
        found[layer] = Vector(
            values.flatten(), layer, sets.site, tuple(values.shape), sets.made, tuple(own)
        )
    return found


class _EnoughError(Exception):
    """Raised once all that was asked for has been seen: the rest of the pass is not needed."""


@dataclass
class _Sums:
    """Sums over two sets of texts at a place of some layers, float64 on the CPU.

    A text that occurs several times, or in both sets, is read once: what the sets share leaves
    exactly nothing, and of no text more is kept than its share of the sums.

    Attributes:
        counts: How often each text occurs in the first set, and in the second.
        totals: By layer the sums of both sets `[2, ...]`.
        ruled: How many times longer the first position is than the median of the others, at most.
    """

    model: LoadedModel
    sets: Sets
    layers: Sequence[int]
    counts: Sequence[Counter[tuple[int, ...]]]
    totals: dict[int, torch.Tensor] = field(default_factory=dict)
    ruled: float = 0.0

    def read(self, report: Reporter) -> None:
        """Read the texts, those of one length together."""
        texts = sorted(self.counts[0] | self.counts[1])

        def work(numbers: list[int], ids: torch.Tensor, share: Reporter) -> dict[int, torch.Tensor]:
            return self._pass(ids, share)

        kept = -(-len(self.layers) // (self.model.info.n_layers + 1))
        for numbers, values in by_length(self.model, texts, work, report, kept=kept):
            weights = [[count[texts[n]] for n in numbers] for count in self.counts]
            shares = torch.tensor(weights, dtype=torch.float64)
            for layer, rows in values.items():
                total = torch.tensordot(shares, rows, 1)
                self.totals[layer] = self.totals[layer] + total if layer in self.totals else total

    def means(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean over each set."""
        start, end = self.totals[layer]
        return start / self.counts[0].total(), end / self.counts[1].total()

    def notices(self) -> list[Notice]:
        """Return what must be said of means over all tokens of texts of several lengths."""
        lengths = [sum(len(t) * n for t, n in c.items()) / c.total() for c in self.counts]
        if self.ruled < _RULES or lengths[0] == lengths[1]:
            return []
        message = (
            f"The activation at the first position is up to {self.ruled:,.0f} times as long as at "
            "the others and is part of every text's mean, in the texts of --from by one in "
            f"{lengths[0]:.3g} tokens, in those of --to by one in {lengths[1]:.3g}: the vector "
            "mostly tells short texts from long ones. Read texts at their last token, or make them "
            "equally long."
        )
        return [Notice("vector_first_token", message)]

    def _pass(self, ids: torch.Tensor, report: Reporter) -> dict[int, torch.Tensor]:
        kept: dict[int, torch.Tensor] = {}

        def keep(x: torch.Tensor, hook: object, layer: int) -> None:
            # OPT joins rows and positions to one axis around its MLP.
            kept[layer] = self._reduced(x.view(*ids.shape, -1) if x.ndim == 2 else x)
            if len(kept) == len(self.layers):
                raise _EnoughError

        hooks = [*report_hooks(self.model, report)]
        hooks += [(site_hook(n, self.sets.site), partial(keep, layer=n)) for n in self.layers]
        with no_hooks_left(self.model), suppress(_EnoughError):
            self.model.run(ids, hooks)
        return kept

    def _reduced(self, x: torch.Tensor) -> torch.Tensor:
        """Return `[row, ...]` of what is seen `[row, position, ...]`."""
        if self.sets.at == "last":
            return x[:, -1].detach().cpu().double()
        whole = x.detach().float()
        if whole.shape[1] > 1:
            norms = whole.flatten(2).norm(dim=-1)
            ratio = norms[:, 0] / norms[:, 1:].median(1).values.clamp_min(1e-12)
            self.ruled = max(self.ruled, float(ratio.max()))
        return whole.cpu().double().mean(1)


def _encoded(
    model: LoadedModel, params: Params, texts: Sequence[str], option: str
) -> list[tuple[int, ...]]:
    """Return the token ids of texts, read as prompts are."""
    encoder = encoder_of(model, params)
    read = model.tokenizer.chat.expand(list(texts)) if params.chat else texts
    found = [tuple(encoder.encode(text).ids) for text in read]
    for number, ids in enumerate(found, 1):
        if not 0 < len(ids) <= model.info.n_ctx:
            raise BadInputError(
                f"{option} text {number} has {len(ids):,} tokens and {model.info.name} reads 1 to "
                f"{model.info.n_ctx:,}: change it."
            )
    return found


def _named(sets: Sets) -> list[Notice]:
    """Return a warning for each text that looks like the name of a file."""
    found = []
    for option, texts in (("--from", sets.start), ("--to", sets.end)):
        for text in texts:
            if looks_like_file(text):
                message = (
                    f"{option} “{_brief(text)}” is read as a text: it looks like the name of a "
                    "file, and none of that name was opened."
                )
                found.append(Notice("text_names_no_file", message))
    return found


def _brief(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
