"""The pictures of features as data: tables of them, tokens, histogram, embedding test. No Qt."""

from __future__ import annotations

from functools import partial
from itertools import compress, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.features.found import Token
from desktop_app.analyses.features.words import amount, listed, share, token_words
from desktop_app.pictures.curves import Curves, Key, Line, Scale, Scatter, thinned
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, number, percent, plural, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.features.found import Example, Examples, Found

MOST_ROWS = 1_000
"""Rows of the table of features; more are found by searching."""
IN_TEXT = frozenset({"density", "largest", "mean", "strongest"})
"""Columns of that table that need a text."""
_TEXT = 60
_WRITTEN = 5
_ROOM = 0.04
DENSITY, LARGEST, MEAN, NUMBER = "density", "largest", "mean_active", "number"
ORDERS = {
    DENSITY: "Most often active",
    LARGEST: "Largest activation",
    MEAN: "Largest mean where active",
    NUMBER: "Number",
}
"""How features can be ordered."""


def token_features(found: Found, prompt: int, position: int) -> Ranking:
    """Return a token's strongest features, with what each of them writes where that is known."""
    columns = (
        Column("feature", "name", title="Feature", width=70),
        Column("activation", "number", title="Activation", format=amount, width=84, bar=True),
        Column("density", "number", title="Active", format=share, width=70, priority=2,
            tooltip="Share of the corpus' tokens at which it is active"),
        Column("writes", "mono", title="Writes", width="stretch", least=110, priority=1,
            tooltip="Tokens whose logits its decoder row raises most"),
    )  # fmt: skip
    known = [True, True, found.has_corpus, found.lists_all]
    rows = found.listed(prompt, position) if prompt < found.prompts else []
    made = (
        Row(feature, tuple(compress((f"{feature:,}", value, *_seen(found, feature)), known)))
        for feature, value in rows
    )
    return Ranking(tuple(compress(columns, known)), tuple(made))


def _seen(found: Found, feature: int) -> tuple[float, str]:
    over = found.over(feature)
    density = float("nan") if over is None else over.density
    return density, listed(list(found.writes(feature))[:_WRITTEN])


def prompts(found: Found, feature: int) -> Ranking:
    """Return the prompts with how strong a feature is in each, and how well x̂ does there."""
    columns = (
        Column("prompt", "number", title="", width=34, muted=True, tooltip="Its number"),
        Column("text", "text", title="Prompt", width="stretch", least=100),
        Column("strongest", "number", title="Strongest", format=amount, width=78, bar=True,
            tooltip="The largest activation of the chosen feature in the prompt"),
        Column("explained", "number", title="Explained", format=_percent, width=78, priority=1,
            tooltip="Share of the variance over the prompt's tokens that x̂ explains"),
        Column("l0", "number", title="L0", format=partial(number, digits=1), width=56, priority=2,
            tooltip="Active features per token"),
        Column("loss", "number", title="Loss", format=partial(number, digits=2, sign=True),
            width=60, priority=1, tooltip="Change of the mean next-token loss, in nats, with x̂ in "
            "place of x"),
    )  # fmt: skip
    return Ranking(columns, tuple(_prompt_row(found, n, feature) for n in range(found.prompts)))


def _prompt_row(found: Found, prompt: int, feature: int) -> Row:
    text = display_text(found.shown.prompts[prompt].text)
    on = found.on_prompt(prompt, feature)
    strongest = float(np.nanmax(on)) if np.isfinite(on).any() else float("nan")
    names = ("variance_explained", "l0", "loss_change")
    numbers = (found.of_prompt(name, prompt) for name in names)
    return Row(prompt, (prompt + 1, shorten(text, _TEXT), strongest, *numbers))


def _percent(value: float) -> str:
    return percent(100 * value)


def matching(found: Found, query: str) -> np.ndarray:
    """Return the features that a search means, int64: by number, or by a token's text.

    A number means that feature first; a text those whose strongest token or one of the tokens that
    they write holds it, in small or capital letters. An empty search means all.
    """
    everything = np.arange(found.count)
    wanted = query.strip().casefold()
    if not wanted:
        return everything
    digits = wanted.replace(",", "")
    own = int(digits) if digits.isdecimal() and len(digits) < 10 else -1
    ids = [i for i in found.known_ids() if wanted in found.word(i).text.casefold()]
    hit = np.zeros(found.count, dtype=bool)
    table = found.data.get("write_top")
    if table is not None and ids:
        hit |= np.isin(np.asarray(table), ids).any(-1)
    if ids:
        hit |= np.isin(found.strongest_ids, ids)
    hit[everything == own] = False
    first = [own] if 0 <= own < found.count else []
    return np.concatenate([np.array(first, dtype=np.int64), everything[hit]])


def ordered(found: Found, features: np.ndarray, order: str) -> np.ndarray:
    """Return features in an order, largest first; those that are never active come last."""
    if order == NUMBER or not found.has_corpus:
        return features
    values = np.asarray(found.data[order], dtype=float)[features]
    return features[np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")]


def all_features(found: Found, features: np.ndarray, order: str) -> Ranking:
    """Return features in an order, the first `MOST_ROWS`; without a text what they write alone."""
    columns = (
        Column("feature", "name", title="Feature", width=74),
        Column("density", "number", title="Active", format=share, width=72, bar=True,
            tooltip="Share of the corpus' tokens at which it is active"),
        Column("largest", "number", title="Largest", format=amount, width=72, priority=2,
            tooltip="Its largest activation over the corpus"),
        Column("mean", "number", title="Mean", format=amount, width=72, priority=3,
            tooltip="Its mean activation where it is active"),
        Column("strongest", "token", title="Strongest on", width=132, priority=1,
            tooltip="The token at which its activation is largest in the corpus"),
        Column("writes", "mono", title="Writes", width="stretch", least=120,
            tooltip="Tokens whose logits its decoder row raises most"),
    )  # fmt: skip
    rows = (_feature_row(found, int(n)) for n in ordered(found, features, order)[:MOST_ROWS])
    if found.has_corpus:
        return Ranking(columns, tuple(rows))
    known = [column.key not in IN_TEXT for column in columns]
    short = (Row(row.key, tuple(compress(row.values, known))) for row in rows)
    return Ranking(tuple(compress(columns, known)), tuple(short))


def _feature_row(found: Found, feature: int) -> Row:
    over = found.over(feature)
    numbers = (float("nan"),) * 3 if over is None else (over.density, over.largest, over.mean)
    token = found.strongest_token(feature)
    writes = listed(list(found.writes(feature))[:_WRITTEN])
    dead = over is None or over.density == 0
    values = (f"{feature:,}", *numbers, "" if token is None else token_words(token), writes)
    return Row(feature, values, faint=dead)


def directions(
    top: Sequence[Mapping[str, object]],
    bottom: Sequence[Mapping[str, object]],
    titles: tuple[str, str],
) -> Ranking:
    """Return the tokens at both ends of a direction beside each other, with their logits."""
    columns = []
    for end, title in zip(("top", "bottom"), titles, strict=True):
        columns += [
            Column(end, "token", title=title, width="stretch", least=60),
            Column(f"{end} logit", "number", title="Logit", width=56,
                format=partial(number, digits=2, sign=True)),
        ]  # fmt: skip
    rows = []
    for rank, pair in enumerate(zip_longest(top, bottom)):
        cells = [cell for one in pair for cell in _direction_cells(one)]
        tip = "\n".join(_direction_words(one) for one in pair if one is not None)
        rows.append(Row(rank, tuple(cells), tip))
    return Ranking(tuple(columns), tuple(rows))


def raised(tokens: Sequence[Token]) -> Ranking:
    """Return the tokens that a feature writes most, where nothing more is known of it."""
    column = Column("top", "token", title="Raises", width="stretch", least=60)
    return Ranking((column,), tuple(Row(n, (token_words(t),)) for n, t in enumerate(tokens)))


def _direction_cells(row: Mapping[str, object] | None) -> tuple[str, float]:
    if row is None:
        return "", float("nan")
    return token_words(_token_of(row)), float(str(row["value"]))


def _direction_words(row: Mapping[str, object]) -> str:
    token, value = _token_of(row), amount(float(str(row["value"])), sign=True)
    return f"{token_words(token)} · id {token.id} · piece {clipped(token.piece, 40)!r} · {value}"


def _token_of(row: Mapping[str, object]) -> Token:
    return Token(int(str(row["id"])), str(row["piece"]), str(row["text"]))


def histogram(examples: Examples) -> Curves:
    """Return how many tokens lie in each interval of activation, on a scale that shows few."""
    edges = np.asarray(examples.edges, dtype=float)
    counts = np.asarray(examples.counts, dtype=float)
    names = tuple(amount(float(edge)) for edge in edges[1:])
    return Curves(
        (Line("", counts, bars=True),),
        Scale("activation up to", labels=names, limits=(-0.5, len(counts) - 0.5)),
        Scale("count", log=True, zero=True),
        tip=partial(interval_words, examples),
    )


def interval_words(examples: Examples, interval: int) -> str:
    """Say of an interval where it lies and how many tokens are in it."""
    low, high = (amount(float(examples.edges[interval + n])) for n in (0, 1))
    drawn = len(examples.drawn[interval]) if interval < len(examples.drawn) else 0
    count = int(examples.counts[interval])
    return f"{low} to {high} · {plural(count, 'token')}{f', {drawn} drawn' if count else ''}"


def example_words(found: Found, one: Example) -> str:
    """Say where an example stands in the corpus."""
    where = f"window {one.window + 1}, position {one.position}"
    file = clipped(" ".join(found.file_of(one.window).split()), 60)
    return f"{file} · {where}" if file else where


def embedding(found: Found, prompt: int) -> Scatter:
    """Return each token's activation alone and in its context, those of one prompt stand out."""
    alone, within, whose = _pairs(found)
    kept = thinned(np.abs(alone - within))
    tones = tuple("accent" if whose[n][0] == prompt else "text_muted" for n in kept)
    own = any(tone == "accent" for tone in tones)
    keys = (Key("this prompt", "accent", "bar"), Key("other prompts", "text_muted", "bar"))
    return Scatter(
        alone[kept],
        within[kept],
        Scale("alone", limits=_from_zero(alone[kept])),
        Scale("in its context", limits=_from_zero(within[kept])),
        tip=lambda n: _pair_words(found, *whose[int(kept[n])]),
        diagonal=True,
        tones=tones,
        legend=keys if own and found.prompts > 1 else (),
    )


def _from_zero(values: np.ndarray) -> tuple[float, float] | None:
    """Return the ends of an axis of activations, none of which is negative; None: of no values."""
    if not values.size:
        return None
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = _ROOM * ((high - low) or 1.0)  # a point at 0 is whole as well
    return low - room, high + room


def _pairs(found: Found) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Return activations alone and in context of all prompts' tokens, and which token each is."""
    alone: list[float] = []
    within: list[float] = []
    whose = []
    for prompt in range(found.prompts):
        first, second = (found.per_token(name, prompt) for name in ("alone", "activation"))
        if first is None or second is None:
            continue
        for position, pair in enumerate(zip(first, second, strict=False)):
            if np.isfinite(pair).all():
                alone.append(float(pair[0]))
                within.append(float(pair[1]))
                whose.append((prompt, position))
    return np.array(alone), np.array(within), whose


def _pair_words(found: Found, prompt: int, position: int) -> str:
    tokens = found.tokens(prompt)
    first, second = (found.per_token(name, prompt) for name in ("alone", "activation"))
    if first is None or second is None:
        return ""
    before = "".join(display_text(t.text) for t in tokens[max(0, position - 6) : position])
    return "\n".join(
        [
            f"{token_words(tokens[position])} behind {before or 'nothing'}",
            f"prompt {prompt + 1}, position {position}",
            f"alone {amount(float(first[position]))}, in its context "
            f"{amount(float(second[position]))}",
        ]
    )
