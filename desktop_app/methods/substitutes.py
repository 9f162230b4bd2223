"""What the parts outside a circuit become: means by template group, zero, values of the twins.

Each is a table that all edits of one place share. Means come from the intact model, per position
and per template group. *As published* (apartresearch/seqcont_circuits) they depend on the order in
which hooks were set: all templates are one group, and the means of MLPs are taken while the heads
outside the circuit are replaced already.

At positions beyond those of the reference, which only a longer text than it has, the mean over its
positions stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from typing_extensions import override

from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.methods.prepare import equal_length_groups
from desktop_app.methods.watching import capture_all, means_over, other_reference, reference_ids
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.grid import Group
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.watching import Means, Places

Mode = Literal["mean", "zero", "resample"]
RULE = "Positions beyond those of the reference take the mean over its positions."


@dataclass(frozen=True)
class Reference:
    """Over what means run.

    Attributes:
        texts: Reference prompts; without any, the prompts themselves.
        groups: The template group of each; empty: none is named.
        joined: Whether all templates are one group whatever is named.
    """

    texts: Sequence[str]
    groups: Sequence[str] = ()
    joined: bool = False


class Substitutes:
    """Zero: what every part becomes where nothing else is said.

    Attributes:
        notices: What must be said of them.
        groups: The template groups, with how many prompts and reference prompts each has.
    """

    notices: tuple[Notice, ...] = ()
    groups: tuple[dict[str, object], ...] = ()
    size = 0

    def table(self, group: Group, layer: int, site: Site) -> torch.Tensor:
        """Return `[entry, position, ...]`, or what broadcasts behind these axes.

        Args:
            group: Prompts of one length, and the text so far where it grows.
            layer: Of which block.
            site: The place.
        """
        key = group.length, site
        if key not in self._zeros:
            heads = self._heads if site == "head_z" else ()
            self._zeros[key] = torch.zeros(1, group.length, *heads, 1)
        return self._zeros[key]

    def entry(self, _group: Group, _row: int) -> int:
        """Return which entry the prompt in a row of its group takes."""
        return 0

    def __init__(self, model: LoadedModel) -> None:
        self._heads: tuple[int, ...] = (model.info.n_heads,)
        self._zeros: dict[tuple[int, Site], torch.Tensor] = {}


class TwinValues(Substitutes):
    """What the parts give on the corrupt twins, position by position."""

    def __init__(self, model: LoadedModel, places: Places) -> None:
        super().__init__(model)
        self._model, self._places = model, places
        self._found: dict[tuple[int, ...], dict[tuple[int, Site], torch.Tensor]] = {}

    @override
    def table(self, group: Group, layer: int, site: Site) -> torch.Tensor:
        if group.prompts not in self._found:
            twins = group.ids[len(group.prompts) :]
            self._found[group.prompts] = capture_all(self._model, twins, self._places)
        return extended(self._found[group.prompts][layer, site], group.length)

    @override
    def entry(self, _group: Group, row: int) -> int:
        return row


class MeanValues(Substitutes):
    """Means over reference prompts, of each template group its own.

    Args:
        model: The model.
        labels: The template group of each prompt.
        references: The token ids of each group's reference prompts.
        lengths: The token count of each prompt.
    """

    def __init__(
        self,
        model: LoadedModel,
        labels: Sequence[str],
        references: Mapping[str, Sequence[tuple[int, ...]]],
        lengths: Sequence[int],
    ) -> None:
        super().__init__(model)
        self.model, self.labels, self.references = model, tuple(labels), references
        names = sorted(set(self.labels))
        own = {n: {s for s, at in zip(lengths, labels, strict=True) if at == n} for n in names}
        self.size = sum(map(len, references.values()))
        self.pooled = {n: len(own[n] | set(map(len, references[n]))) > 1 for n in names}
        self.means: dict[str, dict[Site, Means]] = {name: {} for name in names}
        self._tables: dict[tuple[int, int, Site], torch.Tensor] = {}
        # Of one length only those groups whose prompts have it: all others lie elsewhere.
        self._of_length = {s: [n for n in names if s in own[n]] for s in set(lengths)}
        self._lengths = tuple(lengths)
        self.groups = tuple(
            {
                "group": name,
                "prompts": self.labels.count(name),
                "reference": len(references[name]),
                "pooled": self.pooled[name],
            }
            for name in names
        )

    def read(self, places: Places, report: Reporter) -> None:
        """Take the means of the intact model."""
        for done, name in enumerate(self.means):
            texts, pooled = self.references[name], self.pooled[name]
            share = ShareReporter(report, done / len(self.means), 1 / len(self.means))
            self.means[name] = means_over(self.model, texts, places, share, pooled=pooled)

    @override
    def table(self, group: Group, layer: int, site: Site) -> torch.Tensor:
        own = self._lengths[group.prompts[0]]
        key = own, layer, site
        if key not in self._tables:
            rows = []
            for name in self._of_length[own]:
                means = self.means[name][site]
                values = means.by_layer[layer]
                rows.append(values.expand(own, *values.shape) if means.pooled else values)
            self._tables[key] = torch.stack(rows)
        return extended(self._tables[key], group.length)

    @override
    def entry(self, group: Group, row: int) -> int:
        prompt = group.prompts[row]
        return self._of_length[self._lengths[prompt]].index(self.labels[prompt])


def extended(values: torch.Tensor, length: int) -> torch.Tensor:
    """Return values `[entry, position, ...]` for so many positions: beyond them, their mean."""
    more = length - values.shape[1]
    if more <= 0:
        return values
    mean = values.mean(1, keepdim=True)
    return torch.cat([values, mean.expand(-1, more, *mean.shape[2:])], dim=1)


def make_means(
    model: LoadedModel, params: Params, prepared: Prepared, reference: Reference
) -> MeanValues:
    """Return means to be read, with what must be said of them.

    Raises:
        BadInputError: The groups of prompts and reference do not fit together.
    """
    if reference.groups and not reference.texts:
        raise BadInputError(
            "--reference-groups names groups of no reference: give --reference as well, or leave "
            "it out."
        )
    ids = reference_ids(model, params, prepared, reference.texts)
    labels = [row.group for row in prepared.rows]
    named = list(reference.groups) if reference.texts else labels
    notices = []
    if named and len(named) != len(ids):
        raise BadInputError(
            f"--reference-groups names {len(named)} groups for {len(ids)} reference prompts: name "
            "one for each, or none."
        )
    if not any(named) or not any(labels) or reference.joined:
        if len(set(labels)) > 1 and not reference.joined:
            notices.append(Notice("means_ungrouped", _ungrouped(labels)))
        labels, named = [""] * len(labels), [""] * len(ids)
    by_group: dict[str, list[tuple[int, ...]]] = {name: [] for name in sorted(set(labels))}
    for name, one in zip(named, ids, strict=True):
        if name in by_group:
            by_group[name].append(one)
    empty = next((name for name, found in by_group.items() if not found), None)
    if empty is not None:
        raise BadInputError(
            f"No reference prompt belongs to the group “{empty[:60]}” of prompts: add some, or "
            "name no groups."
        )
    lengths = [len(e) for e in prepared.encodings]
    found = MeanValues(model, labels, by_group, lengths)
    found.notices = (*notices, *_told(params, prepared, found))
    return found


def _ungrouped(labels: Sequence[str]) -> str:
    return (
        f"The prompts come from {len(set(labels))} groups and the reference prompts name none, so "
        "that all groups share one mean: give the reference a column group."
    )


def _told(params: Params, prepared: Prepared, found: MeanValues) -> list[Notice]:
    """Return the warnings of means that are pooled, or of a prompt alone."""
    notices = []
    encodings = prepared.encodings
    for name in found.means:
        texts = set(found.references[name])
        own = {e.ids for e, at in zip(encodings, found.labels, strict=True) if at == name}
        of = f" of group “{name[:60]}”" if name else ""
        if found.pooled[name]:
            lengths = {len(ids) for ids in texts | own}
            message = (
                f"Token lengths{of} differ ({min(lengths)} to {max(lengths)}), so the means run "
                "over all positions instead of position by position."
            )
            notices.append(Notice("means_pooled", message))
        elif len(texts) == 1 and own == texts:
            message = (
                f"The reference{of} is the prompt alone, so its mean is its own value and nothing "
                f"changes: {other_reference(params)}, or choose --replace zero."
            )
            notices.append(Notice("reference_is_self", message))
    return notices


def means_watched(
    references: Sequence[tuple[int, ...]],
    watched: Callable[[Sequence[tuple[int, ...]]], Mapping[int, torch.Tensor]],
    *,
    pooled: bool,
) -> dict[int, torch.Tensor]:
    """Return means of what is seen of reference runs that are changed on the way.

    Args:
        references: Their token ids.
        watched: Gives, of token ids of one length, each layer's `[prompt, position, ...]`.
        pooled: Whether the mean runs over all positions.
    """
    totals: dict[int, torch.Tensor] = {}
    for rows in equal_length_groups([len(r) for r in references], 16):
        for layer, values in watched([references[i] for i in rows]).items():
            fine = values.float() if values.device.type == "mps" else values.double()
            total = fine.sum((0, 1) if pooled else 0)
            totals[layer] = totals[layer] + total if layer in totals else total
    count = sum(map(len, references)) if pooled else len(references)
    return {layer: (total / count).float() for layer, total in totals.items()}
