"""Ordered families such as days and months, shipped as data, as single tokens of a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import resource

Encode = Callable[[str], Sequence[tuple[int, str]]]
"""From a text to its tokens, without special ones: id and text of each."""


@dataclass(frozen=True)
class Family:
    """An ordered family.

    Attributes:
        name: As it is chosen.
        title: As it is shown.
        members: In order.
        cyclic: Whether the first follows the last.
        standard: Whether it is taken where none is named.
    """

    name: str
    title: str
    members: tuple[str, ...]
    cyclic: bool
    standard: bool


@dataclass(frozen=True)
class FamilyTokens:
    """A family as single tokens of one tokenizer.

    Attributes:
        family: Which.
        members: Those that are single tokens, in order.
        ids: Their tokens.
        left_out: Members of several tokens, or of a token that an earlier member has.
        pairs: Indices `(member, its successor)` of neighbours that are both there.
    """

    family: Family
    members: tuple[str, ...]
    ids: tuple[int, ...]
    left_out: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]


@cache
def load_families() -> tuple[Family, ...]:
    """Return the families that are shipped, in their order."""
    text = resource("families", "families.json").read_text(encoding="utf-8")
    return tuple(
        Family(e["name"], e["title"], tuple(e["members"]), bool(e["cyclic"]), bool(e["standard"]))
        for e in json.loads(text)["families"]
    )


def choose_families(names: str) -> tuple[Family, ...]:
    """Return the families that a list names, or the standard ones.

    Raises:
        BadInputError: There is none of that name.
    """
    shipped = {family.name: family for family in load_families()}
    if not names:
        return tuple(f for f in shipped.values() if f.standard)
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in shipped:
            raise BadInputError(
                f"--families {name} does not exist: choose among {', '.join(shipped)}."
            )
    return tuple(shipped[name] for name in dict.fromkeys(chosen))


def as_tokens(family: Family, encode: Encode) -> FamilyTokens:
    """Return a family's single tokens: behind a space, or bare where more are single so.

    A leading token that holds nothing but a space is dropped.
    """
    forms = [[_single(prefix + m, encode) for m in family.members] for prefix in (" ", "")]
    form = max(forms, key=lambda tokens: sum(t is not None for t in tokens))
    places: dict[int, int] = {}
    left_out: list[str] = []
    members: list[str] = []
    ids: list[int] = []
    for place, (member, token) in enumerate(zip(family.members, form, strict=True)):
        if token is None or token in ids:
            left_out.append(member)
            continue
        places[place] = len(ids)
        members.append(member)
        ids.append(token)
    count = len(family.members)
    last = count if family.cyclic else count - 1
    pairs = [
        (places[i], places[(i + 1) % count])
        for i in range(last)
        if i in places and (i + 1) % count in places
    ]
    return FamilyTokens(family, tuple(members), tuple(ids), tuple(left_out), tuple(pairs))


def _single(text: str, encode: Encode) -> int | None:
    tokens = list(encode(text))
    if len(tokens) > 1 and not tokens[0][1].strip(" ▁Ġ"):
        tokens = tokens[1:]
    return tokens[0][0] if len(tokens) == 1 else None
