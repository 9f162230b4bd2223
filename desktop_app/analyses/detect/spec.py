"""Head detectors: what each attention head does, told by a number per head."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from desktop_app.contract.grammar import CardText, NamesText
from desktop_app.contract.params import Params
from desktop_app.contract.spec import Analysis, FieldSpec, Preset

PATTERN_SCORES: tuple[str, ...] = (
    "induction",
    "duplicate_token",
    "previous_token",
    "first_token",
    "current_token",
)
FAMILY_SCORES: tuple[str, ...] = ("successor", "copy")
SCORES: tuple[str, ...] = (*PATTERN_SCORES, *FAMILY_SCORES)


class DetectParams(Params):
    """Settings of `detect`."""

    on: Literal["random", "prompts"] = Field(
        default="random",
        title="On",
        description="Random tokens twice over (BOS + r + r), or the prompt table, where a head is "
        "scored on the tokens that occur again.",
        json_schema_extra={"when_prompts": "prompts"},
    )
    batch: int = Field(
        default=30,
        ge=1,
        le=1000,
        title="Sequences",
        description="How many sequences of BOS + r + r are made.",
    )
    seq_len: int = Field(
        default=50,
        ge=2,
        le=4096,
        title="Length of r",
        description="How many distinct ordinary tokens r has; each sequence has 2·r + 1 tokens.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        title="Seed",
        description="The same seed makes the same sequences.",
        json_schema_extra={"advanced": True},
    )
    seeds: int = Field(
        default=1,
        ge=1,
        le=50,
        title="Seeds",
        description="How many times anew, with seeds counted up; with two or more each score is a "
        "mean and its spread is told.",
    )
    first_token: str = Field(
        default="",
        title="First token",
        description="The token that sequences begin with, such as <|endoftext|>; empty takes the "
        "model's BOS.",
        json_schema_extra={"advanced": True},
    )
    rare_tokens: bool = Field(
        default=False,
        title="Rare tokens too",
        description="Draw r from the whole vocabulary; else from its more common half, of whose "
        "tokens a model has seen enough.",
        json_schema_extra={"advanced": True},
    )
    whole_diagonal: bool = Field(
        default=False,
        title="Whole diagonal",
        description="Mean over all of a diagonal, queries without the offset included, as the "
        "source of these scores has it; a little lower.",
        json_schema_extra={"advanced": True},
    )
    embedding: Literal["layer0", "mlp0", "raw"] = Field(
        default="layer0",
        title="Embedding",
        description="What successor and copy feed the head: the stream after layer 0 behind a "
        "BOS, the MLP of layer 0 on the embedding alone, or the raw embedding.",
    )
    families: NamesText = Field(
        default="",
        title="Families",
        description="Which ordered families successor and copy are measured on, such as "
        "digits,days; empty takes the six standard ones.",
        json_schema_extra={"advanced": True},
    )
    pattern: tuple[tuple[float, ...], ...] = Field(
        default=(),
        max_length=4096,
        title="Painted pattern",
        description="A target painted by hand, one row per query, 0 to 1, nothing above the "
        "diagonal; its score is the attention that falls on it.",
        json_schema_extra={"hidden": True, "cli": "pattern_file"},
    )
    card: CardText = Field(
        default="",
        title="Circuit card",
        description="auto finds the pair of heads that makes the induction circuit and proves it "
        "by ablation; a pair such as 4.11,5.5 names it (previous-token head first).",
        json_schema_extra={"advanced": True},
    )
    keep_patterns: bool = Field(
        default=False,
        title="Keep patterns",
        description="Also give every head's attention on the first sequence.",
        json_schema_extra={"hidden": True},
    )

    def reads_prompts(self) -> bool:
        """Return whether the heads are scored on the prompt table."""
        return self.on == "prompts"


_HEAD = ("layer", "head")


def _fields() -> tuple[FieldSpec, ...]:
    meanings = {
        "induction": "Attention to the token after the same token one repeat earlier",
        "duplicate_token": "Attention to the same token one repeat earlier",
        "previous_token": "Attention to the token before",
        "first_token": "Attention to the first position",
        "current_token": "Attention to the token itself",
        "target": "Attention that falls on the painted pattern",
    }
    scores = [
        FieldSpec(n, _HEAD, m, nullable=True, telling=2 if n == "induction" else 0)
        for n, m in meanings.items()
    ]
    spreads = [
        FieldSpec(f"{n}_spread", _HEAD, f"Standard deviation over seeds of: {m}", nullable=True)
        for n, m in meanings.items()
    ]
    return (*scores, *spreads)


ANALYSIS = Analysis(
    name="detect",
    title="Heads",
    summary="What each head does: induction, previous token, duplicates, successors, copies.",
    params=DetectParams,
    group="does",
    serves=frozenset({"head_facts"}),
    noun="head detectors",
    presets=(
        Preset(
            "find_induction",
            "Find the induction circuit",
            DetectParams(card="auto", keep_patterns=True),
            "Score all heads on repeated tokens, name the pair, and prove it by ablation",
            "circuit",
            topic="induction",
        ),
        Preset(
            "find_successors",
            "Find successor heads",
            DetectParams(embedding="layer0"),
            "Score all heads on ordered families such as days and months",
            "heads",
            topic="successor",
        ),
    ),
    fields=(
        *_fields(),
        FieldSpec(
            "successor", _HEAD, "Share of members whose successor the head writes most", "", True
        ),
        FieldSpec("copy", _HEAD, "Share of members that the head itself writes most", "", True),
        FieldSpec(
            "successor_by_family", (*_HEAD, "family"), "The same, family by family", "", True
        ),
        FieldSpec("copy_by_family", (*_HEAD, "family"), "The same, family by family", "", True),
        FieldSpec("families", ("family",), "Names of the families", labels="family"),
        FieldSpec("family_pairs", ("family",), "Pairs of neighbours that were measured"),
        FieldSpec("family_left_out", ("family",), "Members of several tokens, left out"),
        FieldSpec("queries", (), "How many queries each score is a mean of, in each sequence"),
        FieldSpec("layers", ("layer",), "The model's numbers of the layers", labels="layer"),
        FieldSpec("lead", (), "The token that sequences begin with"),
        FieldSpec("embedding_lead", (), "The token before each member of a family in layer 0"),
        FieldSpec(
            "pattern",
            (*_HEAD, "query", "key"),
            "Attention on the first sequence, rows sum to 1",
            telling=1,
        ),
        FieldSpec("roles", ("role",), "The best heads of each score, best first"),
        FieldSpec("summary", ("sentence",), "What was found, in sentences"),
        FieldSpec("card", (), "The circuit card: both heads, scores, composition, ablation"),
        FieldSpec("card_previous_pattern", ("query", "key"), "The previous-token head's attention"),
        FieldSpec("card_induction_pattern", ("query", "key"), "The induction head's attention"),
    ),
)
