"""What the tokens view shows, computed from a result without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from desktop_app.pictures.predictions import token_text
from desktop_app.pictures.ranking import Column, Ranking, ranked
from desktop_app.pictures.text_tables import show_space
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, plural, probability, written
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from desktop_app.contract.result import Notice, Result, TokenList
    from desktop_app.session.export_table import Table


def _difference(value: float) -> str:
    """Write a difference of logits: `0`, `4.0e−05` or `14.20`."""
    if value == 0:
        return "0"
    return written("{:.1e}" if value < 0.01 else "{:.2f}", value)


TOKEN_COLUMNS = (
    Column("position", "mono", align="right", width=76),
    Column("id", "mono", align="right", width=76),
    Column("piece", "mono", width=140),
    Column("text", "mono", width="stretch"),
    Column("characters", "mono", align="right", width=100),
    Column("special", width=80),
)
COMPARE_COLUMNS = (
    Column("characters", "mono", align="right", width=96),
    Column("text", "mono", width=120),
    Column("this model", "mono", width="stretch"),
    Column("its tokens", "mono", "tokens", align="right", width=64),
    Column("the other", "mono", width="stretch"),
    Column("others", "mono", "tokens", align="right", width=64),
    Column("same", align="center", width=56),
)
PADDING_COLUMNS = (
    Column("case", width=226),
    Column("read at", "mono", align="right", width=64),
    Column("top-1", "mono", format="“{}”".format, width=112),
    Column("prob", "number", format=probability, width=64),
    Column(
        "Δ logit", "number", format=_difference, width=76, tooltip="Largest difference to alone"
    ),
    Column("agrees", align="center", width=64),
    Column("why", width="stretch"),
)
_MARKS = "✗✓"


_MOST_ROWS = 32_768


@dataclass(frozen=True)
class AlignedRow:
    """A stretch of characters that both tokenizers bound, and their tokens within it."""

    start: int
    end: int
    text: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    same: bool


@dataclass(frozen=True)
class Match:
    """A token found by id or by text, and how often it stands in the prompts."""

    id: int
    piece: str
    text: str
    places: int


def token_table(result: Result, prompt: int) -> Ranking:
    """Return a row per token of a prompt, of very many the first; keys are positions."""
    data, names = result.data, ("ids", "pieces", "texts", "offsets", "special")
    columns = (data[name][prompt][:_MOST_ROWS] for name in names)
    return ranked(
        TOKEN_COLUMNS,
        (
            (at, int(id_), piece, display_text(text), f"{start}–{end}", "special" * bool(special))
            for at, (id_, piece, text, (start, end), special) in enumerate(
                zip(*columns, strict=True)
            )
        ),
    )


def first_difference(left: Sequence[int], right: Sequence[int]) -> int | None:
    """Return the first position where two id sequences part, or None where they are equal."""
    pairs = enumerate(zip_longest(left, right))
    return next((position for position, (a, b) in pairs if a != b), None)


def pair_sentence(clean: TokenList, corrupt: TokenList | None) -> str:
    """Say how a prompt and its corrupt twin compare; empty without a twin."""
    if corrupt is None:
        return ""
    place = first_difference(clean.ids, corrupt.ids)
    if place is None:
        return "corrupt twin is the same, token for token"
    differing = sum(a != b for a, b in zip(clean.ids, corrupt.ids, strict=False))
    if len(clean) == len(corrupt):
        verb = "differs" if differing == 1 else "differ"
        return f"corrupt twin parts at position {place}, {plural(differing, 'token')} {verb}"
    return f"corrupt twin has {plural(len(corrupt), 'token')} and parts at position {place}"


def card_sentence(result: Result, prompt: int) -> str:
    """Sum up a prompt: how many tokens, where it is read, how its twin compares."""
    record = result.prompts[prompt]
    parts = [plural(len(record.tokens), "token"), f"read at position {record.read_position}"]
    twin = pair_sentence(record.tokens, record.corrupt_tokens)
    if twin:
        parts.append(twin)
    if "compare" in result.data:
        other = result.data["compare"]
        count = len(other["prompts"][prompt]["ids"])
        parts.append(f"{plural(count, 'token')} with {other['model']}")
    return " · ".join(parts)


def overview_sentence(result: Result) -> str:
    """Sum up all prompts: how many, and whether they share one token length."""
    lengths = [len(p.tokens) for p in result.prompts]
    if len(set(lengths)) <= 1:
        each = plural(lengths[0], "token") if lengths else ""
        return f"{plural(len(lengths), 'prompt')} of {each}" if lengths else "no prompts"
    return f"{plural(len(lengths), 'prompt')} of {min(lengths):,} to {max(lengths):,} tokens"


def prompt_notices(result: Result, prompt: int) -> list[Notice]:
    """Return the notices that speak of one prompt."""
    return [notice for notice in result.warnings if notice.prompt == prompt]


def aligned_rows(result: Result, prompt: int) -> list[AlignedRow]:
    """Return the stretches between character positions where both tokenizers have a boundary."""
    compare = result.data.get("compare")
    if not compare:
        return []
    other = compare["prompts"][prompt]
    text = result.prompts[prompt].text
    left, right = result.data["texts"][prompt], other["texts"]
    return [
        AlignedRow(
            start=int(group["start"]),
            end=int(group["end"]),
            text=display_text(text[group["start"] : group["end"]]),
            left=tuple(display_text(left[p]) for p in group["left"]),
            right=tuple(display_text(right[p]) for p in group["right"]),
            same=bool(group["same"]),
        )
        for group in other["groups"]
    ]


def compare_table(result: Result, prompt: int) -> Ranking:
    """Return a row per stretch: both splits, and whether they are the same."""
    rows = []
    for r in aligned_rows(result, prompt):
        splits = (" | ".join(r.left), len(r.left), " | ".join(r.right), len(r.right))
        rows.append((f"{r.start}–{r.end}", r.text, *splits, _MARKS[r.same]))
    return ranked(COMPARE_COLUMNS, rows)


def compare_sentence(result: Result, prompt: int) -> str:
    """Say how the second tokenizer's split compares with the model's own."""
    rows = aligned_rows(result, prompt)
    if not rows:
        return ""
    other = result.data["compare"]["model"]
    split = sum(not row.same for row in rows)
    if split == 0:
        return f"{result.model.name} and {other} split this prompt alike."
    return f"{result.model.name} and {other} split {split} of {len(rows)} stretches differently."


_WHY = (
    (("alone",), "The reference: the prompt by itself, nothing padded."),
    (
        ("right", "-1"),
        "The last column is padding, so this reads what follows a pad token, not the prompt.",
    ),
    (("right",), "Read at the prompt's own last token; causal attention never sees what follows."),
    *(
        (
            ("left", unmasked),
            "Without a mask the prompt attends to the padding before it, so its numbers change.",
        )
        for unmasked in ("without", "no mask")
    ),
    (
        ("left",),
        "The mask hides the padding and positions count from the prompt's first token.",
    ),
)


def padding_why(case: str, *, agrees: bool) -> str:
    """Return the sentence that explains a padding case, by the words of its name."""
    name = case.lower().replace("−", "-").replace("last column", "-1")
    for words, sentence in _WHY:
        if all(word in name for word in words):
            return sentence
    return "Equal to the prompt alone." if agrees else "Differs from the prompt alone."


def padding_table(result: Result, prompt: int) -> Ranking:
    """Return the cases of the padding demo for one prompt; keys are the reasons."""
    demo = result.data.get("padding_demo")
    rows = [_padding_row(case) for case in demo[prompt]] if demo else []
    return ranked(PADDING_COLUMNS, rows, [row[-1] for row in rows])


def padding_sentence(result: Result, prompt: int) -> str:
    """Say how many of the readings agree with the prompt alone."""
    agree = padding_table(result, prompt).values("agrees")[1:]
    if not agree:
        return ""
    count = agree.count(_MARKS[True])
    return f"{count} of {len(agree)} padded readings agree with the prompt alone"


def _padding_row(case: Mapping[str, Any]) -> tuple[str, int, str, float, float, str, str]:
    name, agrees, top = str(case["case"]), bool(case["agrees"]), case["top"]
    shown = (token_text(top), float(top["prob"]), float(case["max_logit_difference"]))
    why = padding_why(name, agrees=agrees)
    return name, int(case["read_position"]), *shown, _MARKS[agrees], why


def find_tokens(result: Result, query: str) -> list[Match]:
    """Look a token up by its id or by its text, among all tokens of the result.

    A number finds the token of that id first, and then tokens whose text is that number. Spaces
    may be typed as they are or as the sign that draws them.
    """
    if not query:
        return []
    known = _known_tokens(result)
    wanted = display_text(query)
    exact = [m for m in known if str(m.id) == query.strip()]
    same = [m for m in known if m not in exact and wanted in {m.text, display_text(m.piece)}]
    holding = [m for m in known if m not in exact + same and wanted in m.text]
    return exact + same + holding


def _known_tokens(result: Result) -> list[Match]:
    counts: dict[int, int] = {}
    names: dict[int, tuple[str, str]] = {}
    for record in result.prompts:
        extras = [answer.tokens for answer in (*record.answers, *record.wrongs)]
        twins = [record.corrupt_tokens] if record.corrupt_tokens is not None else []
        for tokens in [record.tokens, *twins, *extras]:
            for id_, piece, text in zip(tokens.ids, tokens.pieces, tokens.texts, strict=True):
                names.setdefault(id_, (piece, display_text(text)))
        for id_ in record.tokens.ids:
            counts[id_] = counts.get(id_, 0) + 1
    return [Match(id_, *names[id_], counts.get(id_, 0)) for id_ in sorted(names)]


def lookup_sentence(result: Result, query: str, limit: int = 4) -> str:
    """Return what a looked-up id or text is, in one line."""
    if not query:
        return ""
    matches = find_tokens(result, query)
    if not matches:
        return f"“{display_text(query)}” is not a token of these prompts"
    shown = [f"{m.id} = “{m.text}” ({m.piece}), {m.places}×" for m in matches[:limit]]
    more = len(matches) - limit
    return "   ".join(shown) + (f"   and {more} more" if more > 0 else "")


def lines(result: Result) -> Iterator[str]:
    """Yield each prompt's tokens with their ids, and its padding cases, for a terminal."""
    for index, prompt in enumerate(result.prompts):
        yield f"prompt {index + 1}: {len(prompt.tokens)} tokens, read at {prompt.read_position}"
        yield " ".join(
            f"{show_space(text)}({token})"
            for text, token in zip(prompt.tokens.texts, prompt.tokens.ids, strict=True)
        )
        for row in result.data.get("padding_demo", [()] * len(result.prompts))[index]:
            mark = "agrees" if row["agrees"] else "differs"
            yield (
                f"  {row['case']:<36} {show_space(row['top']['text']):<10} "
                f"p {number(row['top']['prob'])}"
                f"  Δ {written('{:.2e}', row['max_logit_difference'])}  {mark}"
            )


def table(result: Result, prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return a prompt's tokens, one a row."""
    columns = [n for n in ("ids", "pieces", "texts", "special") if n in result.data]
    parts = [list(result.data[n][prompt]) for n in columns]
    rows = [
        [str(i), *(cell_text(v) for v in values)]
        for i, values in enumerate(zip(*parts, strict=True))
    ]
    return ["position", *columns], rows
