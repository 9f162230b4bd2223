"""Head detectors: what each attention head does, told by a number per head."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from desktop_app.contract.grammar import CardText, NamesText
from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, Preset

_MEANINGS = {
    "induction": "Attention to the token after the same token one repeat earlier",
    "duplicate_token": "Attention to the same token one repeat earlier",
    "previous_token": "Attention to the token before",
    "first_token": "Attention to the first position",
    "current_token": "Attention to the token itself",
    "target": "Attention that falls on the painted pattern",
}
PATTERN_SCORES: tuple[str, ...] = tuple(name for name in _MEANINGS if name != "target")
FAMILY_SCORES: tuple[str, ...] = ("successor", "copy")


class DetectParams(Params):
    """Settings of `detect`."""

    on: Literal["random", "prompts"] = setting(
        "random",
        "On",
        "Random tokens twice over, or the prompt table, where a head is "
        "scored on the tokens that occur again.",
        words={"random": "random tokens", "prompts": "the prompts of the table"},
        when_prompts="prompts",
        named={"": ""},
    )
    batch: int = setting(
        30,
        "Sequences",
        "How many sequences are made, each a BOS and the same random tokens twice over.",
        ge=1,
        le=1000,
        counted="sequence",
        named={"": ""},
    )
    seq_len: int = setting(
        50,
        "Tokens repeated",
        "How many distinct random tokens a sequence has; after its BOS it has them twice over.",
        ge=2,
        le=4096,
        words={"": "{} tokens twice over"},
        named={"": ""},
    )
    seed: int = setting(
        0,
        "Seed",
        "The same seed makes the same sequences.",
        ge=0,
        advanced=True,
        named={"": ""},
    )
    seeds: int = setting(
        1,
        "Seeds",
        "How many times anew, with seeds counted up; with two or more each score is a "
        "mean and its spread is told.",
        ge=1,
        le=50,
        words={"1": ""},
        counted="seed",
    )
    first_token: str = setting(
        "",
        "First token",
        "The token that sequences begin with, such as <|endoftext|>; empty takes the model's BOS.",
        advanced=True,
    )
    rare_tokens: bool = setting(
        False,
        "Rare tokens too",
        "Draw them from the whole vocabulary; else from its more common half, of whose "
        "tokens a model has seen enough.",
        advanced=True,
    )
    whole_diagonal: bool = setting(
        False,
        "Whole diagonal",
        "Mean over all of a diagonal, queries without the offset included, as the "
        "source of these scores has it; a little lower.",
        advanced=True,
    )
    embedding: Literal["layer0", "mlp0", "raw"] = setting(
        "layer0",
        "Embedding",
        "What successor and copy feed the head: the stream after layer 0 behind a "
        "BOS, the MLP of layer 0 on the embedding alone, or the raw embedding.",
        words={"raw": "raw embedding", "": "embedding {}"},
    )
    families: NamesText = setting(
        "",
        "Families",
        "Which ordered families successor and copy are measured on, such as "
        "digits,days; empty takes the six standard ones.",
        advanced=True,
    )
    pattern: tuple[tuple[float, ...], ...] = setting(
        (),
        "Painted pattern",
        "A target painted by hand, one row per query, 0 to 1, nothing above the "
        "diagonal; its score is the attention that falls on it.",
        max_length=4096,
        hidden=True,
        cli="pattern_file",
    )
    card: CardText = setting(
        "",
        "Circuit card",
        "auto finds the pair of heads that makes the induction circuit and proves it "
        "by ablation; a pair such as L4H11,L5H5 names it (previous-token head first).",
        words={"auto": "finds the circuit"},
        spelling="heads",
        advanced=True,
    )
    keep_patterns: bool = setting(
        False,
        "Keep patterns",
        "Also give every head's attention on the first sequence.",
        hidden=True,
    )

    @override
    def reads_prompts(self) -> bool:
        """Return whether the heads are scored on the prompt table."""
        return self.on == "prompts"


_HEAD = ("layer", "head")


_SPREAD = "Standard deviation over seeds of: "

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
        *(
            FieldSpec(n, _HEAD, m, nullable=True, telling=2 if n == "induction" else 0)
            for n, m in _MEANINGS.items()
        ),
        *(
            FieldSpec(f"{n}_spread", _HEAD, _SPREAD + m, nullable=True)
            for n, m in _MEANINGS.items()
        ),
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
        FieldSpec(
            "family_left_out", ("family",), "Words of several tokens, which cannot be scored"
        ),
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
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
        FieldSpec("card", (), "The circuit card: both heads, scores, composition, ablation"),
        FieldSpec("card_previous_pattern", ("query", "key"), "The previous-token head's attention"),
        FieldSpec("card_induction_pattern", ("query", "key"), "The induction head's attention"),
    ),
)
