"""The prompts over which each sender's mean output is taken, position by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.result import Notice
from desktop_app.methods.prepare import equal_length_groups
from desktop_app.methods.watching import reference_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from desktop_app.contract.params import Params
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.senders import Senders

TOKENS_PER_PASS = 1024
"""How many tokens of reference prompts share a pass."""


class Reference:
    """Reference prompts; the prompts themselves where no texts are given.

    Args:
        model: The model.
        params: How texts are read.
        prepared: The prompts.
        texts: The texts.

    Attributes:
        ids: The token ids of each.
        pooled: Whether lengths differ, so that means run over all positions.
        notices: What must be said of them.

    Raises:
        BadInputError: One of them is empty, or too long for the model.
    """

    def __init__(
        self,
        model: LoadedModel,
        params: Params,
        prepared: Prepared,
        texts: Sequence[str],
    ) -> None:
        self._model = model
        clean = [encoding.ids for encoding in prepared.encodings]
        self.ids = [list(ids) for ids in reference_ids(model, params, prepared, texts)]
        lengths = {len(ids) for ids in [*self.ids, *clean]}
        self.pooled = len(lengths) > 1
        self.notices: list[Notice] = []
        different = {tuple(ids) for ids in self.ids}
        if self.pooled:
            message = (
                f"Token lengths differ ({min(lengths)} to {max(lengths)}), so the means run over "
                "all positions instead of position by position."
            )
            self.notices.append(Notice("means_pooled", message))
        elif len(different) == 1 and different == {tuple(ids) for ids in clean}:
            message = (
                "The reference is the prompt alone, so its mean is its own value and nothing "
                "changes: give --reference, or choose --replace zero."
            )
            self.notices.append(Notice("reference_is_self", message))

    def mean(self, senders: Senders, report: Reporter) -> torch.Tensor:
        """Return the mean output of each sender, `[senders, S or 1, d_model]`."""
        lengths = [len(ids) for ids in self.ids]
        parts: list[torch.Tensor] = []
        count = 0
        for group in equal_length_groups(lengths, max(1, TOKENS_PER_PASS // max(lengths))):
            report.check()
            seen = senders.see(self._model.ids([self.ids[i] for i in group]))
            part = seen.sum((1, 2))[:, None] if self.pooled else seen.sum(1)
            parts = [parts[0] + part] if parts else [part]
            count += seen.shape[1] * (seen.shape[2] if self.pooled else 1)
        return parts[0] / count
