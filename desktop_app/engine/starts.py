"""Where passes begin: the fewest tokens to compute for the fewest passes over the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# More choices than this are thinned out: the plan must not take longer than what it saves.
_MOST_STARTS = 192


def choose_starts(
    weights: Mapping[int, float], length: int, untouched: int, pass_cost: float
) -> dict[int, int]:
    """Return at which position the pass begins that computes each first position.

    A pass from `start` computes `length − start` tokens of every row in it, and costs something by
    itself: the weights are read once more.

    Args:
        weights: Per first position touched, the runs that begin there, in rows through the whole
            depth of the model.
        length: The prompt's token count.
        untouched: Rows that every pass carries besides.
        pass_cost: What a pass costs by itself, in tokens through the whole depth.

    Returns:
        For 0 and each given position a start that is not after it.
    """
    positions = sorted({0, *weights})  # the first pass computes untouched rows from 0 on
    step = -(-len(positions) // _MOST_STARTS)
    groups = [positions[i : i + step] for i in range(0, len(positions), step)]
    loads = [sum(weights.get(p, 0.0) for p in group) for group in groups]
    # best[i]: the least cost of the groups from i on, and where the pass after theirs begins.
    best: list[tuple[float, int]] = [(0.0, 0)] * (len(groups) + 1)
    for i in range(len(groups) - 1, -1, -1):
        load, choices = float(untouched), []
        for j in range(i + 1, len(groups) + 1):
            load += loads[j - 1]
            choices.append((pass_cost + (length - groups[i][0]) * load + best[j][0], j))
        best[i] = min(choices)
    begins: dict[int, int] = {}
    i = 0
    while i < len(groups):
        j = best[i][1]
        begins.update({p: groups[i][0] for group in groups[i:j] for p in group})
        i = j
    return begins
