"""Repeated random tokens: does the model predict better what it has seen once, and through what."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, noise_spec

GPT2_SMALL: dict[str, float] = {
    "logprob_first": -13.898,
    "logprob_second": -0.644,
    "accuracy_first": 0.0,
    "accuracy_second": 0.93,
}
"""What the author of the experiment found with GPT-2 small, to stand beside one's own numbers."""


class RepeatParams(Params):
    """Settings of `repeat`."""

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
    effects: Literal["both", "mlp", "attn", "none"] = setting(
        "both",
        "Replacement maps",
        "Which outputs are replaced, layer by layer and position by position, by the "
        "layer's own output one repeat earlier, on the very same token.",
        words={"both": "both maps", "none": "no maps", "": "map of {}"},
    )
    effect_batch: int = setting(
        1,
        "Sequences for the maps",
        "How many of the sequences the maps take, which cost by far the most: those of one take a "
        "minute on a CPU; 0 takes all of them.",
        ge=0,
        le=1000,
        words={"0": "maps from all sequences", "": "maps from {}"},
        counted="sequence",
        zero="all",
    )

    @override
    def reads_prompts(self) -> bool:
        """Return False: the sequences are made, not taken from the prompt table."""
        return False


_MAP = ("layer", "position")

ANALYSIS = Analysis(
    name="repeat",
    title="Repeats",
    summary="Random tokens twice over: what the second time gains, and which layers carry it.",
    params=RepeatParams,
    group="does",
    fields=(
        FieldSpec("logprob", ("prompt", "position"), "Log-probability of each next token", "nats"),
        FieldSpec("correct", ("prompt", "position"), "Whether the next token was on top"),
        FieldSpec("logprob_first", (), "Mean log-probability in the first half", "nats"),
        FieldSpec("logprob_second", (), "Mean log-probability in the second half", "nats"),
        FieldSpec("accuracy_first", (), "Share of next tokens on top, first half"),
        FieldSpec("accuracy_second", (), "Share of next tokens on top, second half"),
        FieldSpec(
            "ceiling",
            (),
            "(n − 1)/n for n repeated tokens: the first token of the second half is a guess",
        ),
        FieldSpec("uniform", (), "Log-probability of a blind guess, −ln V", "nats"),
        FieldSpec(
            "mlp_effect",
            _MAP,
            "Rise of the second half's loss with the MLP's output of one repeat earlier",
            "nats",
            telling=1,
        ),
        FieldSpec(
            "attn_effect",
            _MAP,
            "Rise of the second half's loss with the attention's output of one repeat earlier",
            "nats",
        ),
        noise_spec((), "nats"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
        FieldSpec(
            "positions",
            ("position",),
            "Positions that are replaced, in the second half",
            telling=-1,
        ),
        FieldSpec("sources", ("position",), "Where the output is taken from; never the BOS"),
        FieldSpec("layers", ("layer",), "The model's numbers of the layers", labels="layer"),
        FieldSpec("lead", (), "The token that sequences begin with"),
        FieldSpec("effect_sequences", (), "How many sequences the maps are means of"),
        FieldSpec("author", (), "The author's own numbers for GPT-2 small"),
    ),
)
