"""Heads over text: what every head does on ordinary text, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.contract.text_setting import TextPath, text_setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import ModelInfo

MOST_TOKENS = 10_000_000
PLACES = 10
"""Places kept of each head: those of largest weight, and one per tenth; tokens it attends to."""


class CorpusParams(Params):
    """Settings of `corpus`."""

    text: TextPath = text_setting()
    window: int = setting(
        256,
        "Window",
        "How many tokens the model reads at once, its BOS included; a shorter last window of a "
        "file is left out.",
        ge=3,
        le=8_192,
        words={"": "windows of {} tokens"},
    )
    tokens: int = setting(
        20_000,
        "Tokens",
        "How many tokens of the text are read, BOS not counted; windows are whole.",
        ge=1,
        le=MOST_TOKENS,
        words={"": "{} tokens"},
    )
    seed: int = setting(
        0,
        "Seed",
        "Draws the place of each tenth.",
        ge=0,
        le=2**31 - 1,
        advanced=True,
    )

    @override
    def reads_prompts(self) -> bool:
        """Return that the prompt table plays no part."""
        return False


_HEADS = ("layer", "head")
_PLACES = (*_HEADS, "place", "part")


def stored_bytes(params: Params, model: ModelInfo, lengths: Sequence[int]) -> int:
    """Return the bytes that a result of these settings keeps at most."""
    if not isinstance(params, CorpusParams):
        return 0
    heads = model.n_layers * model.n_heads
    return 2 * PLACES * heads * (4 * params.window + 32) + 4 * params.tokens


ANALYSIS = Analysis(
    name="corpus",
    title="Over text",
    summary="What every head does on ordinary text, over a file or a folder.",
    params=CorpusParams,
    group="does",
    noun="heads over text",
    known_as="what does this head do on text corpus induction previous token",
    serves=frozenset({"head_on_text", "head_facts"}),
    stores=stored_bytes,
    stored="patterns of places",
    fields=(
        FieldSpec("previous", _HEADS, "Mean attention to the token before", telling=6),
        FieldSpec("first", _HEADS, "Mean attention to position 0", telling=5),
        FieldSpec("current", _HEADS, "Mean attention to the token itself", telling=3),
        FieldSpec(
            "duplicate",
            _HEADS,
            "Mean attention to earlier places of the same token, over queries that have one",
            nullable=True,
            telling=4,
        ),
        FieldSpec(
            "induction",
            _HEADS,
            "Mean attention to the places right after those, over queries that have one",
            nullable=True,
            telling=7,
        ),
        FieldSpec("entropy", _HEADS, "Mean entropy of a row", "nats", telling=2),
        FieldSpec("distance", _HEADS, "Mean expected distance q − k", "tokens", telling=2),
        FieldSpec("largest", _HEADS, "Mean of a row's largest weight", telling=1),
        FieldSpec("n", (), "Queries counted per measure"),
        FieldSpec(
            "top",
            _PLACES,
            "Places of largest weight off position 0 and off the query: window, q, k, weight",
            nullable=True,
            telling=-1,
        ),
        FieldSpec(
            "deciles",
            _PLACES,
            "One place per tenth of the queries by their largest such weight, the least first: "
            "window, q, k, weight",
            nullable=True,
            telling=-1,
        ),
        FieldSpec(
            "decile_edges",
            (*_HEADS, "edge_of"),
            "Where the tenths part: 11 quantiles of that weight",
            nullable=True,
            telling=-1,
        ),
        FieldSpec(
            "top_row", (*_HEADS, "place", "key"), "The attention row of each top place", "", True,
            telling=-1,
        ),
        FieldSpec(
            "decile_row", (*_HEADS, "place", "key"), "The same of the tenths", "", True, telling=-1
        ),
        FieldSpec(
            "attended", (*_HEADS, "rank"), "Ids of largest summed weight off position 0", telling=-1
        ),
        FieldSpec(
            "attended_weight",
            (*_HEADS, "rank"),
            "Their shares of all weight off position 0",
            "", True,
            telling=-1,
        ),
        FieldSpec("ids", ("window", "position"), "Token ids of the windows", telling=-1),
        FieldSpec("window_file", ("window",), "Which file a window is of", telling=-1),
        FieldSpec(
            "window_start", ("window",), "The character of the file where it begins", telling=-1
        ),
        FieldSpec("files", (), "Names of the files"),
        FieldSpec("token_ids", ("token",), "Ids that occur in the windows", telling=-1),
        FieldSpec("token_texts", ("token",), "Their texts, decoded alone", telling=-1),
        FieldSpec("token_pieces", ("token",), "Their pieces in the vocabulary", telling=-1),
        FieldSpec("lead", ("token",), "Ids that each window begins with", telling=-1),
        FieldSpec("windows", (), "Windows that were read"),
        FieldSpec("tokens_read", (), "Their tokens, BOS not counted"),
        FieldSpec("corpus", (), "Name of the file or folder"),
        FieldSpec("corpus_sha256", (), "Which tokens of a text were read, to compare"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)  # fmt: skip
