"""What heads do, by the field's names, and who has them: a table between models.

Whoever knows what the heads of a model do offers it in its picture as `head_roles(result)`: per
role the heads that deserve the name, best first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.words import part_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from desktop_app.contract.grammar import Part

BORROWED = "head_roles"
"""What other analyses' pictures offer: heads by role."""

ROLES = {
    "previous_token": "previous token",
    "duplicate_token": "duplicate token",
    "induction": "induction",
    "similar_member": "similar members",
    "sequence_member": "sequence members",
    "successor": "successor",
    "copy": "copy",
    "name_mover": "name mover",
    "backup_name_mover": "backup name mover",
    "negative_name_mover": "negative name mover",
    "s_inhibition": "S-inhibition",
}
"""Roles as tables name them, from those that look things up to those that write the answer."""

_MEANINGS = {
    "previous_token": "looks at the token before",
    "duplicate_token": "looks at an earlier copy of the same token",
    "induction": "looks at what followed an earlier copy of the token",
    "similar_member": "looks at earlier members of the same kind of sequence",
    "sequence_member": "the last token looks at the members of the sequence",
    "successor": "writes what follows its input in an ordered family",
    "copy": "writes its own input",
    "name_mover": "copies the name that it looks at to the end",
    "backup_name_mover": "does so where name movers are removed",
    "negative_name_mover": "writes against the name that it looks at",
    "s_inhibition": "keeps name movers from looking at the subject",
}
_MOST = 12


@dataclass(frozen=True)
class Roles:
    """The heads of one model by what they do.

    Attributes:
        owner: The model, and where its roles come from where that is not said elsewhere.
        heads: Heads by role, the surest first.
        source: Who says so.
    """

    owner: str
    heads: Mapping[str, Sequence[Part]]
    source: str = ""


def role_title(role: str) -> str:
    """Return what a role is called."""
    return ROLES.get(role, role.replace("_", " "))


def role_table(known: Iterable[Roles]) -> Ranking:
    """Return a row per role that anybody has, and a column per model; keys are roles."""
    models = [one for one in known if any(one.heads.values())]
    found = dict.fromkeys(role for one in models for role, heads in one.heads.items() if heads)
    order = [*(role for role in ROLES if role in found), *(r for r in found if r not in ROLES)]
    columns = (
        Column("role", "name", "Role", width=148),
        *(Column(f"model{i}", "text", m.owner, tooltip=m.source) for i, m in enumerate(models)),
    )
    rows = [
        Row(
            role,
            (role_title(role), *(_listed(one.heads.get(role, ())) for one in models)),
            _MEANINGS.get(role, ""),
        )
        for role in order
    ]
    return Ranking(columns, tuple(rows)) if models else Ranking()


def _listed(heads: Sequence[Part]) -> str:
    more = f" +{len(heads) - _MOST}" if len(heads) > _MOST else ""
    return ", ".join(part_name(*head, "mlp") for head in heads[:_MOST]) + more
