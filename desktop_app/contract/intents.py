"""What one part of the program asks of another without knowing who answers.

A view raises an `Intent`; the window hands it to the analysis whose spec says that it serves it
(`Analysis.serves`), opens its place in the rail where it is to be seen, and calls the view's
`answer`. An intent that nobody serves is not offered: ask `registry.serving` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

IntentName = Literal[
    "open_attention",  # show where a head looks: layer, head
    "next_tokens",  # what comes after a prompt, read at a position: prompt, position
    "attribution",  # what contributes to the logits read at a place: prompt, layer, position
    "hand_move",  # put an activation of one run into the other: move, in the grammar of moves
    "head_facts",  # what is known of a head: layer, head
    "prompts_from",  # prompts of a family or a text for the table
    "tokenize",  # the tokens of the prompt table as it is typed
]


@dataclass(frozen=True)
class Intent:
    """Something that is asked.

    Attributes:
        name: What is asked.
        data: Plain values, as the comment at its name says.
    """

    name: IntentName
    data: Mapping[str, Any] = field(default_factory=dict)
