"""Moves: one activation taken from a cell of a run and put into a cell, and how they are written.

`RUN:SITE:LAYER.POSITION>LAYER.POSITION`, such as `clean:resid_post:5.3>5.3`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from typing_extensions import override

HandSite = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
RunName = Literal["clean", "corrupt"]

_MOVE = re.compile(r"^(clean|corrupt):(\w+):(\d+)\.(\d+)>(\d+)\.(\d+)$")


@dataclass(frozen=True)
class Move:
    """One activation taken from a cell of a run and put into a cell.

    Attributes:
        run: The untouched run that it is taken from.
        site: The place in the block.
        source: Layer and position that it is taken from.
        target: Layer and position that it is put into.
    """

    run: RunName
    site: HandSite
    source: tuple[int, int]
    target: tuple[int, int]

    @override
    def __str__(self) -> str:
        """Return the move as it is written, `clean:resid_post:5.3>5.3`."""
        source, target = ".".join(map(str, self.source)), ".".join(map(str, self.target))
        return f"{self.run}:{self.site}:{source}>{target}"


def parse_move(text: str) -> Move:
    """Read a move.

    Raises:
        ValueError: It is not written as `RUN:SITE:LAYER.POSITION>LAYER.POSITION`.
    """
    match = _MOVE.match(text)
    if match is None or match[2] not in get_args(HandSite):
        raise ValueError(
            f"“{text}” is not a move: write clean:resid_post:5.3>5.3, with one of the sites "
            f"{', '.join(get_args(HandSite))}"
        )
    run: RunName = "clean" if match[1] == "clean" else "corrupt"
    site: HandSite = match[2]  # type: ignore[assignment]
    return Move(run, site, (int(match[3]), int(match[4])), (int(match[5]), int(match[6])))
