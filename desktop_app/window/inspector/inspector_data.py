"""What the inspector says of a head or a token, gathered from the results on screen. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.ablate import picture as ablate_data
from desktop_app.analyses.attention import picture as attention_data
from desktop_app.analyses.detect import picture as detect_data
from desktop_app.analyses.detect.roles import TITLES
from desktop_app.analyses.patch.parts import find_place, part_at
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, percent

if TYPE_CHECKING:
    from desktop_app.contract.result import Result


@dataclass(frozen=True)
class Fact:
    """One line: what it is, its value, and what it means."""

    name: str
    value: str
    tip: str = ""


def ablation_facts(result: Result | None, layer: int, head: int | None, prompt: int) -> list[Fact]:
    """Return what removing a part does, as far as the ablation on screen says."""
    if result is None or "effect_mean" not in result.data:
        return []
    place = ablate_data.find_part(result, layer, head)
    if place is None:
        return []
    row, column = place
    mean = float(ablate_data.mean_grid(result, "effect_mean")[row, column])
    sem = float(ablate_data.mean_grid(result, "effect_sem")[row, column])
    share = float(ablate_data.mean_grid(result, "percent_mean")[row, column])
    spread = f" ± {number(sem)}" if np.isfinite(sem) and len(result.prompts) > 1 else ""
    over = f", mean of {len(result.prompts):,}" if len(result.prompts) > 1 else ""
    facts = [
        Fact(
            f"Effect of removal ({result.data['mode']}{over})",
            number(mean, sign=True) + spread,
            "ablated − base, mean over the prompts of the run; negative: removing it hurts",
        ),
        Fact("Kept without it", percent(share), "100 · ablated / base"),
    ]
    if 1 < len(result.prompts) > prompt:
        own = float(ablate_data.grid(result, "effect")[row, column, prompt])
        facts.insert(1, Fact("… on this prompt", number(own, sign=True), "ablated − base"))
    return facts


def attention_facts(result: Result | None, layer: int, head: int, prompt: int) -> list[Fact]:
    """Return a head's entropy and the key-value head it reads."""
    if result is None or prompt >= len(result.prompts):
        return []
    place = attention_data.indices(result, layer, head)
    if place is None:
        return []
    entropy = float(np.asarray(result.data["entropy"])[place[0], place[1], prompt])
    facts = [Fact("Entropy", f"{number(entropy, 2)} nats", "Mean over queries; 0: one key each")]
    if attention_data.group_size(result) > 1:
        shared = int(result.data["kv_head"][place[1]])
        facts.append(Fact("Key-value head", str(shared), "Shared by several query heads"))
    return facts


def detector_facts(result: Result | None, layer: int, head: int) -> list[Fact]:
    """Return a head's detector scores, with their spread where there are several seeds."""
    if result is None:
        return []
    place = detect_data.find_head(result.data, layer, head)
    if place is None:
        return []
    return [
        Fact(
            TITLES[name],
            detect_data.score_text(result.data, name, *place),
            detect_data.meaning(name),
        )
        for name in detect_data.score_names(result.data)
    ]


def patch_facts(
    result: Result | None, layer: int, head: int | None, prompt: int, position: int | None
) -> list[Fact]:
    """Return how far exchanging the selected part is enough, and needed."""
    if result is None or prompt >= len(result.prompts):
        return []
    place = find_place(result, layer, head, position, prompt)
    if place is None:
        return []
    part = part_at(result, place, prompt, position)
    site = result.params.get("site", "")
    shares = (
        (f"Enough ({site})", part.restored, "1: its clean activation alone restores the metric"),
        (f"Needed ({site})", part.broken, "1: its corrupt activation alone breaks the metric"),
    )
    return [
        Fact(name, number(value, 2), f"{part.name}: {tip}")
        for name, value, tip in shares
        if np.isfinite(value)
    ]


def head_pattern(
    result: Result | None, layer: int, head: int, prompt: int, longest: int
) -> tuple[np.ndarray, list[str]] | None:
    """Return a head's pattern [S, S] and the token texts, or None where it is not at hand.

    Args:
        result: Of the attention analysis.
        layer: The model's number.
        head: The model's number.
        prompt: Index in the result.
        longest: Prompts with more tokens are left to the attention tab.
    """
    if result is None or prompt >= len(result.prompts) or "pattern" not in result.data:
        return None
    place = attention_data.indices(result, layer, head)
    texts = [display_text(t) for t in result.prompts[prompt].tokens.texts]
    if place is None or len(texts) > longest:
        return None
    return attention_data.head_slice(result, "pattern", prompt, place), texts


def token_facts(
    tokens: tuple[Result | None, int], ranking: tuple[Result | None, int], position: int
) -> list[Fact]:
    """Return a token's id and pieces, and how well the model foresaw it.

    Args:
        tokens: Of the tokens analysis, and the prompt's number in it.
        ranking: Of the ranking, and the prompt's number in it.
        position: Of the token.
    """
    rank, place_in_rank = ranking
    source, prompt = tokens if tokens[0] is not None else ranking
    if source is None or prompt >= len(source.prompts):
        return []
    record = source.prompts[prompt]
    if position >= len(record.tokens):
        return []
    facts = [
        Fact("Text", display_text(record.tokens.texts[position]), "Decoded alone"),
        Fact("Piece", record.tokens.pieces[position], "The vocabulary's own string"),
        Fact("Id", str(record.tokens.ids[position])),
        Fact("Position", f"{position} of {len(record.tokens)}", "Counted from 0, BOS included"),
    ]
    foreseen = rank is not None and place_in_rank < len(rank.prompts)
    if rank is None or not foreseen or rank.prompts[place_in_rank].tokens.ids != record.tokens.ids:
        return facts
    logprob = np.asarray(rank.data["prompt_logprob"][place_in_rank])
    if 0 < position <= len(logprob):
        place = int(np.asarray(rank.data["prompt_rank"][place_in_rank])[position - 1])
        facts.append(Fact("Log-probability", f"{number(float(logprob[position - 1]), 3)} nats"))
        facts.append(Fact("Rank", str(place), "0: the model's first guess"))
    return facts
