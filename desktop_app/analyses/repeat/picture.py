"""What the repeats' view shows, computed from a result without Qt."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.curves import Curves, Line, Mark, Region, Scale
from desktop_app.pictures.matrix import Axis, Matrix, centred_limits
from desktop_app.pictures.noise import is_lost, noise_mark, noise_of, noise_sentence, with_noise
from desktop_app.pictures.shown import SoFar
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, plural, random_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.shown import Shown

EFFECTS = (("mlp_effect", "MLP"), ("attn_effect", "Attention"))


# With more columns than these, words over them take more room than the cells.
_WORDS_MOST = 16


def joined(so_far: SoFar, data: Mapping[str, Any]) -> SoFar:
    """Return a run with what came since; the curve's fields come first, and begin a run."""
    return SoFar(dict(data) if "logprob" in data else {**so_far.data, **data})


def is_drawable(so_far: SoFar) -> bool:
    """Return whether the curve is known."""
    return {"logprob", "uniform", "author", "lead", "positions"} <= so_far.data.keys()


def sequence_count(result: Shown) -> int:
    """Return how many sequences were run."""
    return len(result.data["logprob"])


def curves(result: Shown, sequence: int | None) -> Curves:
    """Return log-probability along the sequences: the mean, and a chosen one (counted from 0).

    Entry t is the prediction made at position t; the band is the standard deviation over sequences.
    """
    values = np.asarray(result.data["logprob"], dtype=float)
    mean, wide = values.mean(axis=0), values.std(axis=0)
    low, high = mean - wide, np.minimum(mean + wide, 0.0)
    lines = [Line("mean", mean, low, high)]
    if sequence is not None:
        lines.append(Line(f"sequence {sequence + 1}", values[sequence], tone="warn", thin=True))
    half, uniform = values.shape[1] // 2, float(result.data["uniform"])
    least = min(float(low.min()), uniform, *(float(line.values.min()) for line in lines))
    return Curves(
        tuple(lines),
        Scale("position", whole=True),
        Scale("log-probability, nats", limits=(least - 0.04 * abs(least), 0.0)),
        tip=bind(position_text, result, mean, sequence),
        marks=(Mark(uniform, f"blind guess {number(uniform, 2)}"),),
        regions=(
            Region(-0.5, half - 0.5, "first half"),
            Region(half - 0.5, values.shape[1] - 0.5, "second half", "accent_soft"),
        ),
    )


def table_rows(result: Shown) -> list[tuple[str, ...]]:
    """Return (what, first half, second half, bound, author's first, author's second)."""
    data, rows = result.data, []
    for title, name, bound, digits in (
        ("log-probability, nats", "logprob", f"blind guess {number(float(data['uniform']))}", 3),
        ("accuracy", "accuracy", f"at best {number(float(data['ceiling']))}", 2),
    ):
        halves = (f"{name}_first", f"{name}_second")
        own = [number(float(data[half])) for half in halves]
        theirs = [number(float(data["author"][half]), digits) for half in halves]
        rows.append((title, *own, bound, *theirs))
    return rows


def gain_sentence(result: Shown) -> str:
    """Say what the second time gains."""
    data = result.data
    gain = float(data["logprob_second"]) - float(data["logprob_first"])
    better = "better" if gain >= 0 else "worse"
    return f"The second time is {number(abs(gain), 2)} nats per token {better}"


def made_sentence(result: Shown) -> str:
    """Say what was run."""
    data = result.data
    lead = display_text(str(data["lead"]["piece"]))
    size = np.asarray(data["logprob"]).shape[1] // 2
    count = plural(sequence_count(result), "sequence")
    return f"{count}: {lead}, then {plural(size, 'random token')}, twice over"


def effect_names(result: Shown) -> list[tuple[str, str]]:
    """Return (field, title) of the replacement maps that a result holds."""
    return [(name, title) for name, title in EFFECTS if name in result.data]


def effect_maps(result: Shown, sequence: int) -> dict[str, Matrix]:
    """Return the replacement maps by field, on one scale about 0; tokens are a sequence's own."""
    held = {name: np.asarray(result.data[name], dtype=float) for name, _ in effect_names(result)}
    scale = centred_limits(*held.values())
    rows = Axis("Layer", [str(int(n)) for n in result.data["layers"]])
    columns = Axis("Position in the second half", column_labels(result, sequence))
    return {
        name: with_noise(
            Matrix(
                values,
                rows,
                columns,
                name="rise of the loss, nats",
                scale=scale,
                tip=bind(effect_tip, result, name, sequence),
            ),
            noise_of(result.data),
        )
        for name, values in held.items()
    }


def column_labels(result: Shown, sequence: int) -> list[str]:
    """Return the tokens of a sequence at the positions that are replaced; many: their numbers."""
    positions = [int(p) for p in result.data["positions"]]
    if len(positions) > _WORDS_MOST:
        return [str(p) for p in positions]
    return [position_token(result, sequence, p) for p in positions]


def position_token(result: Shown, sequence: int, position: int) -> str:
    """Return the token at a position of a sequence, or the number while the tokens are unknown."""
    texts = result.prompts[sequence].tokens.texts if result.prompts else ()
    return display_text(texts[position]) if position < len(texts) else str(position)


def effect_tip(result: Shown, name: str, sequence: int, row: int, column: int) -> str:
    """Return what the pointer says over a cell: which output takes whose place, on which token."""
    data = result.data
    value = float(np.asarray(data[name], dtype=float)[row, column])
    kind = dict(EFFECTS)[name]
    layer = int(data["layers"][row])
    here, there = int(data["positions"][column]), int(data["sources"][column])
    token = position_token(result, sequence, here)
    lost = ", below the noise floor" if is_lost(value, noise_of(data)) else ""
    return (
        f"L{layer} {kind}: {number(value, 4, sign=True)} nats{lost}\n"
        f"position {here} takes the output of position {there}, the same token "
        f"({token} in sequence {sequence + 1})"
    )


def position_text(result: Shown, mean: np.ndarray, sequence: int | None, position: int) -> str:
    """Return a position of the curve in words."""
    half = "first half" if position < len(mean) // 2 else "second half"
    told = f"position {position}, {half}: mean {number(float(mean[position]))} nats"
    texts = result.prompts[sequence or 0].tokens.texts if result.prompts else ()
    if sequence is not None and position + 1 < len(texts):
        after, token = display_text(texts[position]), display_text(texts[position + 1])
        own = number(float(result.data["logprob"][sequence][position]))
        told += f" · sequence {sequence + 1}: {after} → {token} {own}"
    return told


def best_cells(result: Shown, name: str, count: int = 5) -> list[tuple[str, float]]:
    """Return the places whose replacement raises the loss most."""
    data, values = result.data, np.asarray(result.data[name], dtype=float)
    return [
        (f"L{data['layers'][row]} position {data['positions'][column]}", float(values[row, column]))
        for row, column in lowest(-values, count)
        if np.isfinite(values[row, column])
    ]


def effect_sentence(result: Shown, name: str) -> str:
    """Say how many sequences a map is the mean of, and where it is strongest."""
    held, count = int(result.data.get("effect_sequences", 1)), sequence_count(result)
    of = f"{held} of {count} sequences" if held < count else f"all {plural(count, 'sequence')}"
    best = best_cells(result, name, 1)
    most = f" · most at {best[0][0]}: {number(best[0][1], sign=True)} nats" if best else ""
    noise = noise_mark(noise_of(result.data))
    return " · ".join(filter(None, (f"mean of {of}{most}", noise)))


def lines(result: Result) -> Iterator[str]:
    """Yield both halves beside the author's numbers, and the strongest cells of the maps."""
    data = result.data
    made = f"{data['lead']['piece']}, then {result.params['seq_len']} tokens twice over"
    yield f"{len(data['logprob'])} sequences: {made}"
    yield f"  {'':<20} {'first half':>11} {'second half':>12}   GPT-2 small (author)"
    for title, name in (("log-probability", "logprob"), ("accuracy", "accuracy")):
        first, second = f"{name}_first", f"{name}_second"
        yield (
            f"  {title:<20} {number(data[first]):>11} {number(data[second]):>12}"
            f"   {number(data['author'][first])}, {number(data['author'][second])}"
        )
    guess, ceiling = number(data["uniform"]), number(data["ceiling"])
    yield f"  blind guess {guess} nats; ceiling of the accuracy {ceiling}"
    if noise := noise_sentence(result):
        yield noise
    for name, title in EFFECTS:
        if name in data and np.isfinite(data[name]).any():
            count = plural(int(data["effect_sequences"]), "sequence")
            yield f"{title} replaced: rise of the second half's loss, {count}"
            yield from _strongest(np.asarray(data[name]), data)


def _strongest(effect: np.ndarray, data: Mapping[str, Any]) -> Iterator[str]:
    for layer, column in lowest(-effect):
        if not np.isfinite(effect[layer, column]):
            continue  # of a run that was stopped
        place = f"L{data['layers'][layer]} position {data['positions'][column]}"
        value = number(effect[layer, column], 4, sign=True)
        yield f"  {place:<18} from {data['sources'][column]:<4} {value}"


def about(result: Result) -> str:
    """Return what was made in place of prompts, for the history."""
    return random_tokens(result.params)
