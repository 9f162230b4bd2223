"""What the view of features says, and its facts and tables, from a result without Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.features.card_words import card_facts
from desktop_app.analyses.features.found import NONE, Found
from desktop_app.analyses.features.words import (
    FAINT,
    TAKEN,
    TAKING,
    amount,
    listed,
    name_of,
    sae_name,
    share,
    token_words,
)
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.words import number, percent, plural
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.session.export_table import Table

_WRITTEN = 4
_LISTED = 3
_TOP = 10
_NOTHING = 0.0005  # nats: less is written as 0.000


def about(result: Result) -> str:
    """Return which autoencoder it is, and over which text, for the history."""
    told = sae_name(str(result.params.get("sae", "")))
    text = Found.of(result).text
    return f"{told} over {text}" if text else told


def named(result: Result) -> str:
    """Return which feature was looked at closely."""
    chosen = Found.of(result).chosen
    return "" if chosen == NONE else f"feature {chosen:,}"


def prompt_sentence(found: Found, prompt: int) -> str:
    """Say how well the autoencoder does on a prompt; empty where there is none."""
    if prompt >= found.prompts:
        return ""
    explained, active = (found.of_prompt(name, prompt) for name in ("variance_explained", "l0"))
    told = []
    if not math.isnan(explained):
        told.append(f"{percent(100 * explained)} of variance explained")
    if not math.isnan(active):
        told.append(f"{number(active, 1)} features per token")
    loss = loss_words(found, prompt)
    return " · ".join([*told, loss] if loss else told)


def loss_words(found: Found, prompt: int) -> str:
    """Say what the reconstruction in place of the activation does to the loss."""
    names = ("loss", "loss_spliced", "loss_change")
    plain, spliced, change = (found.of_prompt(name, prompt) for name in names)
    if math.isnan(change):
        return ""
    return (
        f"loss {number(plain, 3)} → {number(spliced, 3)} ({number(change, 3, sign=True)}) with x̂ "
        "in place of x"
    )


def corpus_sentence(found: Found) -> str:
    """Say what was read of the corpus, and how many features are active there."""
    if not found.has_corpus:
        return ""
    data = found.data
    density = np.asarray(data["density"])
    told = [f"{int((density > 0).sum()):,} of {plural(len(density), 'feature')} active"]
    if data.get("tokens_read") is not None:
        source = f" of {found.text}" if found.text else ""
        told.append(f"{plural(int(data['tokens_read']), 'token')}{source}")
    return " in ".join(told)


def feature_sentence(found: Found, feature: int) -> str:
    """Say what is known of a feature at a glance."""
    told, over = [], found.over(feature)
    if over is not None and over.density == 0:
        told.append("never active in the corpus")
    elif over is not None:
        told.append(f"at {share(over.density)} of tokens, up to {amount(over.largest)}")
    tokens = list(found.writes(feature))[:_WRITTEN]
    if tokens:
        told.append(f"writes {listed(tokens)}")
    return " · ".join(told)


def short_sentence(found: Found, feature: int) -> str:
    """Say the same where there is little room."""
    over, tokens = found.over(feature), list(found.writes(feature))[:2]
    told = [f"at {share(over.density)} of tokens"] if over is not None else []
    return " · ".join([*told, f"writes {listed(tokens)}"] if tokens else told)


def peak_of(found: Found, prompt: int) -> int:
    """Return where the chosen feature is read in a prompt; −1 where it is nowhere."""
    value = found.of_prompt("peak", prompt)
    return NONE if math.isnan(value) else int(value)


def ablated_title(found: Found, prompt: int) -> str:
    """Say what is taken away, and which change is read where."""
    at, taken = peak_of(found, prompt), TAKEN.get(found.ablates, "taken away")
    token = token_words(found.tokens(prompt)[at])
    return f"Each {taken} in turn: change at {token}, position {at}"


def ablated_changes(found: Found, prompt: int) -> np.ndarray | None:
    """Return the change when each token of the text itself is taken away, float64 `[S]`.

    Without a BOS all others stand elsewhere, and what they attend to at rest is gone: its change is
    of another kind and would outshine theirs. It is NaN here.
    """
    change = found.per_token("ablated_text", prompt)
    if change is None:
        return None
    return np.where(np.arange(len(change)) < found.lead(prompt), np.nan, change)


def ablated_sentence(found: Found, prompt: int) -> str:
    """Say which token changes the feature most when it is taken away; apart, what a BOS does."""
    change, at = found.per_token("ablated_text", prompt), peak_of(found, prompt)
    activation = found.per_token("activation", prompt)
    if change is None or activation is None or at < 0:
        return ""
    if activation[at] == 0:
        return f"It is not active at position {at}, so that nothing can take it away."
    own = ablated_changes(found, prompt)
    if own is None or not np.isfinite(own).any():
        told = f"Nothing stands before position {at} that could be taken away"
        lead = _lead_words(found, prompt, change, float(activation[at]))
        return f"{told} but {lead}" if lead else f"{told}."
    place, base = int(np.nanargmin(own)), float(activation[at])
    taking = TAKING.get(found.ablates, "Taking away")
    if own[place] > -FAINT:
        told = f"Without any one of them it stays at {amount(base)} or rises"
    else:
        token = token_words(found.tokens(prompt)[place])
        value = float(own[place])
        told = (
            f"{taking} {token} at position {place} changes it most: {amount(base)} → "
            f"{_left(base, value)} ({amount(value, sign=True)})"
        )
    lead = _lead_words(found, prompt, change, base)
    return f"{told}. Apart from them: {lead}" if lead else told


def _left(base: float, change: float) -> str:
    """Write what is left of an activation; what rounding left over is 0."""
    left = base + change
    return amount(0.0 if abs(left) < FAINT else left)


def _lead_words(found: Found, prompt: int, change: np.ndarray, base: float) -> str:
    """Say what the activation is without the BOS; empty where there is none."""
    if not found.lead(prompt) or not np.isfinite(change[0]):
        return ""
    token = token_words(found.tokens(prompt)[0])
    return f"{token}, which all that follow can attend to: {_left(base, float(change[0]))} without"


def next_changes(found: Found, prompt: int) -> np.ndarray | None:
    """Return the change of each token's log-probability without the feature, float64 `[S]`.

    The first token is predicted by none, and has none.
    """
    change = found.per_token("direction_ablated", prompt)
    if change is None:
        return None
    length = len(found.tokens(prompt))
    return np.concatenate([[np.nan], change[: length - 1]])


def direction_sentence(found: Found, prompt: int) -> str:
    """Say which next token is less likely without the feature, and which more likely."""
    change = next_changes(found, prompt)
    if change is None or not np.isfinite(change).any():
        return ""
    tokens = found.tokens(prompt)
    told = []
    for place, verb in (
        (int(np.nanargmin(change)), "loses"),
        (int(np.nanargmax(change)), "gains"),
    ):
        right = change[place] < 0 if verb == "loses" else change[place] > 0
        if right and abs(change[place]) >= _NOTHING:
            value = number(float(change[place]), sign=True)
            token = token_words(tokens[place])
            told.append(f"{token} at position {place} {verb} most ({value} nats)")
    if not told:
        return "Without the feature no token of the prompt is more or less likely."
    return f"Without the feature {' and '.join(told)}"


def token_facts(result: Result, place: Place) -> list[Fact]:
    """Return the selected token's strongest features, for the inspector."""
    found = Found.of(result)
    if place.position is None or place.prompt >= found.prompts:
        return []
    rows = found.listed(place.prompt, place.position)
    told = ", ".join(f"{feature} ({amount(value)})" for feature, value in rows[:_LISTED])
    facts = [Fact("Features", told or "none active", "The strongest features at this token")]
    activation = found.per_token("activation", place.prompt)
    if activation is not None and place.position < len(activation):
        value = amount(float(activation[place.position]))
        facts.append(Fact(name_of(found.chosen), value, "Its activation here", "activation"))
    return facts


def table(result: Result, prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return all features over the corpus; of a run without one the tokens of a prompt."""
    found = Found.of(result)
    if found.has_corpus:
        names = ("density", "largest", "mean_active")
        columns = [np.asarray(found.data[name], dtype=float) for name in names]
        rows = [
            [str(n), *(cell_text(float(c[n])) for c in columns), listed(found.writes(n))]
            for n in range(found.count)
        ]
        return ["feature", *names, "writes"], rows
    return _token_table(found, prompt)


def _token_table(found: Found, prompt: int) -> Table:
    head = ["position", "token", "place", "feature", "activation"]
    rows = []
    for position, token in enumerate(found.tokens(prompt) if prompt < found.prompts else ()):
        for rank, (feature, value) in enumerate(found.listed(prompt, position)):
            rows.append([str(position), token.text, str(rank), str(feature), cell_text(value)])
    return head, rows


def lines(result: Result) -> Iterator[str]:
    """Yield what a terminal is told: the autoencoder, each prompt's tokens, the feature."""
    found = Found.of(result)
    yield " · ".join(f"{title} {value}" for title, value, _tip in card_facts(found))
    for prompt in range(found.prompts):
        yield from _prompt_lines(found, prompt)
    if found.has_corpus:
        yield corpus_sentence(found)
        yield from _corpus_lines(found)
    if found.chosen != NONE:
        yield from _feature_lines(found)


def _prompt_lines(found: Found, prompt: int) -> Iterator[str]:
    yield f"prompt {prompt + 1}: {prompt_sentence(found, prompt)}"
    activation = found.per_token("activation", prompt)
    for position, token in enumerate(found.tokens(prompt)):
        rows = found.listed(prompt, position)
        told = "  ".join(f"{feature}:{amount(value)}" for feature, value in rows)
        own = "" if activation is None else f"{amount(float(activation[position])):>9}  "
        yield f"  {position:>4} {token_words(token):<16} {own}{told or '–'}"
    for told in (ablated_sentence(found, prompt), direction_sentence(found, prompt)):
        if told:
            yield f"  {told}"


def _corpus_lines(found: Found) -> Iterator[str]:
    yield f"  {'feature':>8} {'density':>9} {'largest':>9} {'mean':>9}  writes"
    order = np.argsort(-np.asarray(found.data["density"], dtype=float), kind="stable")
    for feature in order[:_TOP].tolist():
        over = found.over(feature)
        if over is not None:
            yield (
                f"  {feature:>8} {share(over.density):>9} {amount(over.largest):>9} "
                f"{amount(over.mean):>9}  {listed(found.writes(feature))}"
            )


def _feature_lines(found: Found) -> Iterator[str]:
    yield f"{name_of(found.chosen)}: {feature_sentence(found, found.chosen) or 'no corpus'}"
    for name in ("write", "read"):
        rows = found.data.get(name)
        if rows is None:
            continue
        for end in ("top", "bottom"):
            told = "  ".join(f"{row['text']!r} {amount(float(row['value']))}" for row in rows[end])
            yield f"  {name} direction, {end}: {told}"
    examples = found.examples(found.chosen)
    if examples is None:
        return
    counts = ", ".join(f"{int(count):,}" for count in examples.counts)
    yield f"  tokens by interval, from 0 to {amount(float(examples.edges[-1]))}: {counts}"
    for one in examples.top:
        token = found.window_tokens(one.window)[one.position]
        where = f"{found.file_of(one.window)}, window {one.window}, position {one.position}"
        yield f"  {amount(one.value):>9} {token_words(token):<16} {where}"
