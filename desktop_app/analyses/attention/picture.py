"""What the attention view shows, computed from a result without Qt.

Patterns may lie on disk and be large: one head is read at a time, never the whole array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.analyses.attention.weights import (
    WEIGHTS,
    Taste,
    can_remake,
    can_weigh,
    is_weighted,
    seen_so,
    small_pictures,
)
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.stretch import LINEAR, LOG, PERCENTILE, stretch_of
from desktop_app.pictures.text_tables import show_space
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, part_name, percent, plural
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.stretch import Stretch
    from desktop_app.session.export_table import Table


_AS_RUN = Taste()
# Layers that see a few tokens alone give the others the least number of their format.
_MASKED = -6e4


@dataclass(frozen=True)
class HeadPicture:
    """One head drawn large: `values` [S, S], rows are queries, columns are keys."""

    values: np.ndarray
    limits: tuple[float, float]
    diverging: bool
    name: str
    title: str


# The pictures of a head there can be: field, name, the setting that makes a run give it, meaning.
ARRAYS: tuple[tuple[str, str, str, str], ...] = (
    ("pattern", "Pattern", "", "Attention weights; a row sums to 1, less what a sink takes."),
    ("scores", "Scores", "scores", "The scores before the softmax."),
    ("difference", "Clean − corrupt", "difference", "The pattern minus that of the corrupt twin."),
    ("corrupt_pattern", "Corrupt", "difference", "The pattern on the corrupt twin."),
    ("mean", "Mean", "mean", "Mean over prompts of one token length."),
)


def numbers(result: Result) -> tuple[list[int], list[int]]:
    """Return the model's numbers of the layers and of the heads kept."""
    layers, heads = ([int(x) for x in result.data[name]] for name in ("layers", "head_indices"))
    return layers, heads


def indices(result: Result, layer: int | None, head: int | None) -> tuple[int, int] | None:
    """Return where a head lies in the arrays, or None where the result does not hold it."""
    layers, heads = numbers(result)
    if layer not in layers or head not in heads:
        return None
    return layers.index(layer), heads.index(head)


def group_size(result: Result) -> int:
    """Return how many query heads share one key-value head; 1 where none is shared."""
    shared = max(1, result.model.n_kv_heads)
    return max(1, result.model.n_heads // shared)


def header(result: Result, layer: int, head: int) -> str:
    """Name a head, and the key-value head that it reads where heads share one."""
    place = indices(result, layer, head)
    name = part_name(layer, head)
    if place is None:
        return f"{name} is not in this result"
    if group_size(result) == 1:
        return name
    return f"{name} reads key-value head {int(result.data['kv_head'][place[1]])}"


def entropy_sentence(result: Result, layer: int, head: int, prompt: int) -> str:
    """Return a head's mean entropy against what evenly spread attention would have."""
    place = indices(result, layer, head)
    if place is None:
        return ""
    length = len(result.prompts[prompt].tokens)
    even = float(np.mean(np.log(np.arange(1, length + 1))))
    entropy = f"entropy {number(_entropy(result, place, prompt), 2)} of {number(even, 2)} nats"
    return f"{entropy}{_sink_words(result, place, prompt)}"


def sink_share(result: Result, place: tuple[int, int], prompt: int) -> float | None:
    """Return what a head's rows give to the attention sink, in percent; None without sinks."""
    if "sink" not in result.data:
        return None
    return 100 * float(np.asarray(result.data["sink"][prompt][place]).mean())


def _sink_words(result: Result, place: tuple[int, int], prompt: int) -> str:
    share = sink_share(result, place, prompt)
    return "" if share is None else f" · {number(share, 0)} % goes to the sink"


def head_slice(result: Result, key: str, prompt: int, place: tuple[int, int]) -> np.ndarray:
    """Return one head's array [S, S] as float32, reading nothing else from the disk."""
    stored: Any = result.data[key]
    per_prompt = stored if key == "mean" else stored[prompt]
    return np.array(per_prompt[place[0], place[1]], dtype=np.float32)


def can_drop_first(key: str) -> bool:
    """Return whether dropping the first position means something for an array."""
    return key in WEIGHTS


def picture(
    result: Result, key: str, prompt: int, place: tuple[int, int], taste: Taste = _AS_RUN
) -> HeadPicture:
    """Return one head drawn large.

    Weights run from 0 to 1; differences are symmetric about 0.
    """
    stored = head_slice(result, key, prompt, place)
    values = seen_so(result, stored, key, prompt, place, taste)
    diverging = key == "difference"
    name = {"scores": "score", "difference": "clean − corrupt"}.get(key, "attention")
    if key == "pattern" and shows_weighted(result, key, taste):
        name = "value-weighted"
    title = _head_name(result, *place)
    return HeadPicture(values, _limits(values, key), diverging, name, title)


def shows_weighted(result: Result, key: str, taste: Taste) -> bool:
    """Return whether a picture is weighted by values."""
    chosen = taste.weighted if can_weigh(result, key) else None
    return is_weighted(result) if chosen is None else chosen


def stretch(kind: str, pictures: Sequence[HeadPicture], key: str) -> Stretch:
    """Return how the weights of one head, or of two together, are laid along the colours.

    Scores may lie on either side of 0 and have no logarithm: they are then laid evenly.
    """
    first = pictures[0]
    limits = (
        min(shown.limits[0] for shown in pictures),
        max(shown.limits[1] for shown in pictures),
    )
    if key == "scores" and kind == LOG:
        kind = LINEAR
    seen = []
    if kind == PERCENTILE:
        seen = [shown.values[np.tril_indices(len(shown.values))] for shown in pictures]
        seen = [values[values > _MASKED] for values in seen] if key == "scores" else seen
    return stretch_of(kind, limits, seen, diverging=first.diverging)


def _head_name(result: Result, row: int, column: int) -> str:
    layers, heads = numbers(result)
    return part_name(layers[row], heads[column])


def _limits(values: np.ndarray, key: str) -> tuple[float, float]:
    if key not in {"difference", "scores"}:
        return 0.0, 1.0
    below = values[np.tril_indices(values.shape[0])] if key == "scores" else values
    finite = below[np.isfinite(below) & (below > _MASKED)]
    if not finite.size:
        return 0.0, 1.0
    if key == "difference":
        reach = float(np.abs(finite).max()) or 1.0
        return -reach, reach
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def thumbnails(
    result: Result, prompt: int, taste: Taste = _AS_RUN, kind: str = LINEAR
) -> np.ndarray:
    """Return the small pictures of one prompt as uint8 [L, H, t, t], 255 for the strongest.

    All heads are on one scale.
    """
    small = small_pictures(result, prompt, taste)
    laid = stretch_of(kind, (0.0, 1.0), [small]).share(small)
    return np.rint(np.clip(np.nan_to_num(laid), 0, 1) * 255).astype(np.uint8)


def looks_at(values: np.ndarray, query: int) -> np.ndarray:
    """Return what a query gives to every position [S], NaN after itself."""
    row: np.ndarray = values[query].astype(float)
    row[query + 1 :] = np.nan
    return row


def looked_at_by(values: np.ndarray, key: int) -> np.ndarray:
    """Return what every position gives to a key [S], NaN before it."""
    column: np.ndarray = values[:, key].astype(float)
    column[:key] = np.nan
    return column


def strongest(row: np.ndarray, texts: Sequence[str], count: int = 3) -> str:
    """Name the positions that hold most of a row or a column."""
    filled = np.nan_to_num(row, nan=-np.inf)
    best = [int(i) for i in np.argsort(-filled)[:count] if np.isfinite(filled[i])]
    return ", ".join(f"“{display_text(texts[i])}” ({i}) {number(float(row[i]), 2)}" for i in best)


def default_head(result: Result) -> tuple[int, int]:
    """Return the head shown first: the most focused one that does not merely rest on the start.

    Entropy alone would choose a head that looks at position 0 whatever comes, so heads whose
    small picture is mostly its first column are passed over where others remain.
    """
    entropy = np.asarray(result.data["entropy"], dtype=float).mean(axis=2)
    small = np.asarray(result.data["thumbnail"][0], dtype=np.float32)
    resting = small[..., 0].mean(axis=-1) > 0.5
    score = np.where(np.isfinite(entropy), entropy, np.inf) + np.where(resting, 1e6, 0.0)
    row, column = divmod(int(np.argmin(score)), score.shape[1])
    layers, heads = numbers(result)
    return layers[row], heads[column]


def grid_sentence(result: Result) -> str:
    """Say how many heads there are, and how they share keys and values."""
    layers, heads = map(len, numbers(result))
    size = group_size(result)
    shared = f", {size} to a key-value head" if size > 1 else ""
    return f"{plural(layers * heads, 'head')} in {plural(layers, 'layer')}{shared}"


def taste_words(result: Result, prompt: int, taste: Taste) -> str:
    """Say how the small pictures are looked at, where it is not as the model has them."""
    exact, said = can_remake(result, prompt), ""
    if result.params.get("no_first"):
        said = " · without first"
    elif taste.no_first:
        said = " · without first" if exact else " · about, without first"
    weighted = shows_weighted(result, "pattern", taste) if exact else is_weighted(result)
    return said + (" · value-weighted" if weighted else "")


def neighbour(result: Result, head: tuple[int, int]) -> tuple[int, int]:
    """Return the next head of the layer, or the first; the head itself where it is alone."""
    layers, heads = numbers(result)
    at = heads.index(head[1])
    if len(heads) > 1:
        return head[0], heads[(at + 1) % len(heads)]
    return layers[(layers.index(head[0]) + 1) % len(layers)], head[1]


def head_tip(result: Result, prompt: int, row: int, column: int) -> str:
    """Return what the pointer says over a small picture."""
    shared = ""
    if group_size(result) > 1:
        shared = f" · key-value head {int(result.data['kv_head'][column])}"
    entropy = number(_entropy(result, (row, column), prompt), 2)
    sink = _sink_words(result, (row, column), prompt)
    return f"{_head_name(result, row, column)}{shared} · entropy {entropy}{sink}"


def _entropy(result: Result, place: tuple[int, int], prompt: int) -> float:
    return float(np.asarray(result.data["entropy"])[(*place, prompt)])


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return the selected head's entropy and the key-value head it reads."""
    found = indices(result, place.layer, place.head)
    if found is None or place.prompt >= len(result.prompts):
        return []
    entropy = number(_entropy(result, found, place.prompt), 2)
    facts = [Fact("Entropy", f"{entropy} nats", "Mean over queries; 0: one key each", "entropy")]
    share = sink_share(result, found, place.prompt)
    if share is not None:
        facts.append(Fact("To the sink", percent(share), "What its rows give to no token", "sink"))
    if group_size(result) > 1:
        shared = int(result.data["kv_head"][found[1]])
        facts.append(
            Fact("Key-value head", str(shared), "Shared by several query heads", "kv_head")
        )
    return facts


def small_pattern(result: Result, place: Place) -> tuple[np.ndarray, list[str]] | None:
    """Return the selected head's pattern [S, S] and the token texts; None where it is not kept."""
    found = indices(result, place.layer, place.head)
    if found is None or place.prompt >= len(result.prompts) or "pattern" not in result.data:
        return None
    texts = [display_text(text) for text in result.prompts[place.prompt].tokens.texts]
    return head_slice(result, "pattern", place.prompt, found), texts


def lines(result: Result) -> Iterator[str]:
    """Yield where each head looks most from each prompt's read position, for a terminal."""
    layers, heads = result.data["layers"], result.data["head_indices"]
    for index, prompt in enumerate(result.prompts):
        texts, read = prompt.tokens.texts, prompt.read_position
        if "pattern" not in result.data:
            yield from _small_lines(result, index)
            continue
        yield f"prompt {index + 1}: where each head looks most from “{show_space(texts[read])}”"
        pattern = result.data["pattern"][index]
        for row, layer in enumerate(layers):
            cells = []
            for column, head in enumerate(heads):
                weights = np.asarray(pattern[row, column])[read]
                best, name = int(weights.argmax()), part_name(int(layer), int(head))
                share = sink_share(result, (row, column), index)
                sink = "" if share is None else f" (sink {number(share, 0)} %)"
                weight = number(weights[best], 2)
                cells.append(f"{name} {show_space(texts[best])}@{best} {weight}{sink}")
            yield "  " + " · ".join(cells)


def _small_lines(result: Result, index: int) -> Iterator[str]:
    """Yield the entropies of a prompt whose patterns are too large to be kept."""
    yield f"prompt {index + 1}: patterns are not kept; the entropy of each head in nats"
    entropy = np.asarray(result.data["entropy"], dtype=float)[..., index]
    heads = result.data["head_indices"]
    for layer, values in zip(result.data["layers"], entropy, strict=True):
        cells = (
            f"{part_name(int(layer), int(head))} {number(float(value), 2)}"
            for head, value in zip(heads, values, strict=True)
        )
        yield "  " + " · ".join(cells)


def table(result: Result, prompt: int, head: tuple[int, int] | None) -> Table:
    """Return one head's attention with its tokens along both sides, and what its sink takes.

    Where patterns are not kept: the entropy of every head.
    """
    if "pattern" not in result.data:
        return _entropies(result, prompt)
    place = head or (0, 0)
    values = np.asarray(result.data["pattern"][prompt][place])
    tokens = result.prompts[prompt].tokens.texts
    named = len(tokens) == len(values)
    texts = [f"{i} {tokens[i]}" if named else str(i) for i in range(len(values))]
    headings = ["query \\ key", *texts]
    if "sink" in result.data:
        own = np.asarray(result.data["sink"][prompt][place], dtype=values.dtype)
        values, headings = np.column_stack((values, own)), [*headings, "sink"]
    rows = [
        [text, *(cell_text(v) for v in row)]
        for text, row in zip(texts, values.tolist(), strict=True)
    ]
    return headings, rows


def _entropies(result: Result, prompt: int) -> Table:
    layers, heads = numbers(result)
    rows = [
        [str(layer), str(head), cell_text(_entropy(result, (row, column), prompt))]
        for row, layer in enumerate(layers)
        for column, head in enumerate(heads)
    ]
    return ["layer", "head", "entropy"], rows


def keeps_patterns(result: Result) -> bool:
    """Return whether heads can be drawn large at once; else each is computed when looked at."""
    return "pattern" in result.data


def look_params(result: Result, prompt: int, layer: int, head: int) -> AttentionParams:
    """Return the settings of the small run that computes one head of one prompt.

    All prompts where their mean is wanted.
    """
    wanted = {**result.params, "layers": f"{layer}:{layer + 1}", "heads": f"{layer}.{head}"}
    if not wanted.get("mean"):
        wanted["prompts"] = [wanted["prompts"][prompt]]
    return AttentionParams.model_validate(wanted)
