"""What is removed of a run: heads and MLPs, each as one change, beside moves that are put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from desktop_app.contract.result import Notice
from desktop_app.engine.interventions import Edit, Replace, Zero
from desktop_app.engine.model import site_hook
from desktop_app.methods.precision import processed_biases
from desktop_app.methods.watching import mean_activations, other_reference
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.moves import Move
    from desktop_app.contract.params import Params
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.watching import Means

_SELF = "reference_is_self"


@dataclass(frozen=True)
class Removal:
    """What is to be removed.

    Attributes:
        parts: Heads and MLPs.
        mode: What they become.
        reference: The texts that a mean runs over; none: the given prompts.
        moves: What is put into the same run, after what is removed.
    """

    parts: Sequence[Part]
    mode: Literal["zero", "mean"] = "zero"
    reference: Sequence[str] = ()
    moves: Sequence[Move] = ()


class Removals:
    """What parts become, settled once for all runs that lose them.

    Args:
        model: The model.
        params: How texts are read, as for an ablation.
        prepared: The prompts.
        removal: What is removed.
        report: Told after every pass over the reference.

    Raises:
        BadInputError: The model does not show one of the parts.
    """

    def __init__(
        self,
        model: LoadedModel,
        params: Params,
        prepared: Prepared,
        removal: Removal,
        report: Reporter,
    ) -> None:
        self._removal, self._prepared = removal, prepared
        self._other = other_reference(params)
        self._means: dict[Site, Means] = {}
        self._notices: dict[str, Notice] = {}
        layers = _layers_by_site(model, removal.parts)
        if removal.mode == "mean":
            for site, found in layers.items():
                taken = removal.reference, (sorted(found), site)
                self._means[site], told = mean_activations(model, params, prepared, taken, report)
                self._notices |= {notice.code: notice for notice in told}
        elif "head_z" in layers:
            self._notices |= {notice.code: notice for notice in processed_biases(model)}

    def edits(self, length: int) -> tuple[Edit, ...]:
        """Return an edit per removed part, in their order, for a run of so many tokens."""
        return tuple(self._removed(part, length) for part in self._removal.parts)

    def notices(self, changed: Sequence[tuple[int, ...]]) -> list[Notice]:
        """Return what must be said of them.

        Args:
            changed: The token ids of the runs that lose them.
        """
        notices = dict(self._notices)
        own = {encoding.ids for encoding in self._prepared.encodings}
        # Said otherwise where the mean is one prompt's own value but other runs are changed.
        if _SELF in notices and not own & set(changed):
            message = (
                "The reference is the clean prompt alone, so its mean is the clean prompt's own "
                f"value, and that is put into the corrupt run: {self._other}, or choose --mode "
                "zero."
            )
            notices[_SELF] = Notice(_SELF, message)
        return list(notices.values())

    def _removed(self, part: Part, length: int) -> Edit:
        """Return the edit that removes a part; a move into the same MLP output comes after it."""
        layer, head = part
        means = self._means.get(_site(head))
        if means is None:
            return Edit(layer, _site(head), Zero(), head)
        values = means.by_layer[layer]
        if head is not None:
            values = values[head] if means.pooled else values[:, head]
            return Edit(layer, "head_z", Replace(values), head)
        into = [m.target for m in self._removal.moves if m.site == "mlp_out"]
        taken = {position for target, position in into if target == layer}
        at = tuple(p for p in range(length) if p not in taken)
        if not at:  # moves take all of its places, after this
            return Edit(layer, "mlp_out", Zero())
        value = Replace(values if means.pooled else values[list(at)])
        return Edit(layer, "mlp_out", value, None, at)


def _layers_by_site(model: LoadedModel, parts: Sequence[Part]) -> dict[Site, list[int]]:
    layers: dict[Site, list[int]] = {}
    for layer, head in parts:
        site = _site(head)
        if not model.has_hook(site_hook(layer, site)):
            raise BadInputError(f"--without: {model.info.name} has no {site} in layer {layer}.")
        if layer not in (known := layers.setdefault(site, [])):
            known.append(layer)
    return layers


def _site(head: int | None) -> Site:
    return "mlp_out" if head is None else "head_z"
