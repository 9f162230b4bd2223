"""What the numbers of an attention pattern are, with those of the selected head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attention.picture import indices
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, part_name, percent

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("weight", "entropy", "sink", "kv_head")
_PAGE, _READING = "attention", "Reading a pattern"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, of the selected head on the selected prompt."""
    makers = {"weight": _weight, "entropy": _entropy, "sink": _sink, "kv_head": _shared}
    found = indices(result, place.layer, place.head)
    prompt = min(place.prompt, len(result.prompts) - 1)
    make = makers.get(what)
    return None if make is None else make(result, found, prompt, place)


def _weight(result: Result, found: tuple[int, int] | None, prompt: int, place: Place) -> Explained:
    working, query = "", place.position
    if found is not None and query is not None and "pattern" in result.data:
        row = np.asarray(result.data["pattern"][prompt][found][query], dtype=float)
        texts = result.prompts[prompt].tokens.texts
        if len(row) == len(texts):
            best = int(np.nan_to_num(row).argmax())
            working = (
                f"from “{display_text(texts[query])}” ({query}) most to “"
                f"{display_text(texts[best])}” ({best}): {number(row[best])} of "
                f"{number(float(np.nansum(row)))} in its row"
            )
    weighted = bool(result.params.get("value_weighted"))
    formula = "weight[query, key] = softmax over keys of q · k / √d"
    if weighted:
        formula += ", times ‖v·W_O‖ of the key, scaled to a largest entry of 1"
    return Explained(
        "Attention weight",
        formula,
        working,
        "What a token (row) takes from a token before it (column); a row sums to 1 with what a "
        "sink takes. Weight is not influence.",
        _PAGE,
        _READING,
    )


def _entropy(result: Result, found: tuple[int, int] | None, prompt: int, place: Place) -> Explained:
    working = ""
    if found is not None and place.layer is not None:
        value = float(np.asarray(result.data["entropy"])[(*found, prompt)])
        length = len(result.prompts[prompt].tokens)
        even = float(np.mean(np.log(np.arange(1, length + 1))))
        name = part_name(place.layer, place.head)
        working = f"{number(value)} nats; spread evenly it would be {number(even)}   ({name})"
    return Explained(
        "Entropy",
        "entropy = mean over queries of −Σ weight · ln weight, in nats",
        working,
        "0: each token looks at one place. ln n: it looks evenly at n places.",
        _PAGE,
        _READING,
    )


def _sink(
    result: Result, found: tuple[int, int] | None, prompt: int, _place: Place
) -> Explained | None:
    if "sink" not in result.data:
        return None
    working = ""
    if found is not None:
        share = 100 * float(np.asarray(result.data["sink"][prompt][found]).mean())
        working = percent(share)
    return Explained(
        "To the sink",
        "sink = 1 − sum of a row, mean over queries",
        working,
        "What the head gives to no token at all.",
        _PAGE,
        _READING,
    )


def _shared(
    result: Result, found: tuple[int, int] | None, _prompt: int, _place: Place
) -> Explained | None:
    size = result.model.n_heads // max(1, result.model.n_kv_heads)
    if size < 2:
        return None
    working = ""
    if found is not None:
        working = f"key-value head {int(result.data['kv_head'][found[1]])}"
    return Explained(
        "Key-value head",
        f"key-value head = head // {size}: so many heads share keys and values",
        working,
        "Heads of one group read the same keys and values; their patterns need not be the same.",
        _PAGE,
        "Pitfalls",
    )
