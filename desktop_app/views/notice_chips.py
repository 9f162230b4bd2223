"""Notices as chips: how grave each is, and one chip for all that share a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.pictures.words import without_flags
from desktop_app.widgets.basics.chip import ChipSpec

if TYPE_CHECKING:
    from desktop_app.contract.result import Notice

# Notices that tell rather than warn.
_CALM = frozenset({"bos_added", "reference_is_self", "answer_multi_token", "means_pooled"})
_GRAVE = frozenset({"not_finite", "parity", "answer_shared_prefix", "answer_unusable", "too_long"})
OTHER_PROMPTS = "other_prompts"


def severity(code: str) -> str:
    """Return how grave a notice is, for the colour of its chip."""
    if code in _GRAVE:
        return "bad"
    return "info" if code in _CALM else "warn"


def by_code(notices: tuple[Notice, ...]) -> dict[str, list[Notice]]:
    """Gather notices under their codes, in the order in which the codes first come."""
    found: dict[str, list[Notice]] = {}
    for notice in notices:
        found.setdefault(notice.code, []).append(notice)
    return found


def notice_chip(code: str, group: list[Notice]) -> ChipSpec:
    """Return one chip for all notices of a code; its fix repairs every prompt that has one."""
    fixes = sum(notice.fix is not None for notice in group)
    told = list(dict.fromkeys(without_flags(notice.message) for notice in group))
    more = f"\n… and {len(told) - 4} more" if len(told) > 4 else ""
    return ChipSpec(
        code=code,
        text=code.replace("_", " ") + (f" ×{len(group)}" if len(group) > 1 else ""),
        severity=severity(code),
        tooltip="\n".join(told[:4]) + more,
        fix_label="" if not fixes else "Fix" if fixes == 1 else f"Fix all {fixes}",
    )


def other_prompts_chip() -> ChipSpec:
    """Return the chip of a picture that was made for other prompts than those of the table."""
    return ChipSpec(
        code=OTHER_PROMPTS,
        text="Made for other prompts",
        severity="warn",
        tooltip="The prompt table holds other prompts, corrupt twins or answers now than when this "
        "was computed. Run it again, or set the table back.",
        fix_label="Run again",
    )
