"""What the numbers of activation patching are, with the values of the selected cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.patch.cells import directions, ends, find_place, is_ragged, part_at
from desktop_app.analyses.patch.picture import evidence
from desktop_app.pictures.certainty import explained
from desktop_app.pictures.explained import difference, share
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import ENOUGH, MINUS, NEEDED, metric_name, number

if TYPE_CHECKING:
    from desktop_app.analyses.patch.cells import PatchPart
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("restored", "broken", "asymmetry", "clean", "corrupt")
_KEYS = {
    "raw": "clean",
    "restored bar": "restored",
    "broken bar": "broken",
    "into corrupt": "restored",
    "into clean": "broken",
    "patched_denoise": "restored",
    "patched_noise": "broken",
}
_SIGN = "Formula and sign"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, of the selected cell of the selected prompt."""
    shared = (
        *evidence(result, "share", place.position),
        *evidence(result, "asymmetry", place.position),
    )
    cell = find_place(result, place.layer, place.head, place.position, None) if shared else None
    if told := explained(what, shared, cell, "patch"):
        return told
    what = directions(result.data)[0] if what == "share" else _KEYS.get(what, what)
    prompt = place.prompt if len(result.prompts) > 1 or is_ragged(result.data) else 0
    prompt = min(prompt, len(result.prompts) - 1)
    part = _part(result, place, prompt)
    if what in {"restored", "broken"} and what in directions(result.data):
        return _share(result, what, part, prompt)
    if what == "asymmetry":
        return _asymmetry(part)
    if what in {"clean", "corrupt"}:
        return _end(result, what, prompt)
    return None


def _part(result: Result, place: Place, prompt: int) -> PatchPart | None:
    cell = find_place(result, place.layer, place.head, place.position, prompt)
    return None if cell is None else part_at(result, cell, prompt, place.position)


def _share(result: Result, what: str, part: PatchPart | None, prompt: int) -> Explained:
    clean, corrupt = ends(result, prompt)
    value = math.nan if part is None else float(getattr(part, what))
    span, working = clean - corrupt, ""
    whole = difference(clean, corrupt).split(" = ")[0]
    if part is not None and math.isfinite(value) and math.isfinite(span):
        if what == "restored":
            above = difference(corrupt + value * span, corrupt)
        else:
            above = difference(clean, clean - value * span)
        told = share(above.split(" = ")[0], whole, value)
        working = f"{told}   ({part.name}, prompt {prompt + 1})"
    if what == "restored":
        return Explained(
            f"{ENOUGH[0].upper()}{ENOUGH[1:]}",
            "restored = (patched − corrupt) / (clean − corrupt), the clean activation put into the "
            "corrupt run",
            working,
            "1: this activation alone brings the answer back. 0: it does nothing.",
            "patch",
            _SIGN,
        )
    return Explained(
        f"{NEEDED[0].upper()}{NEEDED[1:]}",
        "broken = (clean − patched) / (clean − corrupt), the corrupt activation put into the clean "
        "run",
        working,
        "1: without it the answer is gone. 0: nobody misses it.",
        "patch",
        _SIGN,
    )


def _asymmetry(part: PatchPart | None) -> Explained:
    working = "" if part is None else difference(part.broken, part.restored)
    return Explained(
        "Asymmetry",
        "asymmetry = broken − restored",
        f"{working}   ({part.name})" if part is not None and working else "",
        f"Towards +1: needed but not enough, as in an AND. Towards {MINUS}1: enough but not "
        "needed, as in an OR.",
        "patch",
        "Needed or enough: AND and OR",
    )


def _end(result: Result, what: str, prompt: int) -> Explained:
    clean, corrupt = ends(result, prompt)
    value = clean if what == "clean" else corrupt
    return Explained(
        f"{what.capitalize()} run",
        f"the {metric_name(result)} of the {what} run as it is, read where the clean prompt ends",
        f"{number(value)}   (prompt {prompt + 1})" if math.isfinite(value) else "",
        "Both runs are the ends of the scale that the shares are measured on.",
        "patch",
        _SIGN,
    )
