"""Fitting a lens: what a stream does to the end on average, over the user's own text."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.support.lens_files import NAMES

MAX_PATH = 4_096


class FitLensParams(Params):
    """Settings of `fit_lens`."""

    kind: Literal["jacobian"] = setting(
        "jacobian",
        "Lens",
        "Which lens is fitted: the Jacobian lens, by TransformerLens' own estimator.",
        words={"jacobian": NAMES["jacobian"]},
        advanced=True,
    )
    text: str = setting(
        "",
        "Text",
        "A text file in UTF-8 that the lens is fitted on; texts like those that it will read "
        "serve best.",
        placeholder="a .txt file",
        cli="path",
        max_length=MAX_PATH,
        words={"": ""},
        named={"": ""},
    )
    out_lens: str = setting(
        "",
        "Lens file",
        "Where the lens is written, as .safetensors; empty puts it among the lenses of Lensbench.",
        placeholder="among the lenses",
        cli="new_path",
        max_length=MAX_PATH,
        words={"": ""},
        named={"": ""},
    )
    windows: int = setting(
        10,
        "Windows",
        "How many windows of text are read; about 100 make a usable lens, and each costs about "
        "as many passes as the model is wide, divided by the dimensions at once.",
        ge=1,
        le=10_000,
        counted="window",
    )
    max_seq_len: int = setting(
        128,
        "Tokens a window",
        "How long a window is, its BOS included; a last one that is shorter than this is left "
        "out, unless it is the only one.",
        ge=2,
        le=8_192,
        words={"": "{} tokens each"},
    )
    skip_first_positions: int = setting(
        16,
        "Skip first",
        "How many positions of each window are left out at its beginning, where streams are "
        "unlike all others.",
        ge=0,
        le=8_191,
        advanced=True,
    )
    dim_batch: int = setting(
        8,
        "Dimensions at once",
        "How many output dimensions a backward pass takes; more is faster, takes more memory, and "
        "changes no number.",
        ge=1,
        le=1_024,
        advanced=True,
    )

    @override
    def reads_prompts(self) -> bool:
        """Return that the prompt table plays no part."""
        return False

    @override
    def missing(self) -> str:
        """Return the text, until one is named."""
        return "" if self.text else "text"


ANALYSIS = Analysis(
    name="fit_lens",
    title="Lens fit",
    summary="Fit a Jacobian lens of this model on your own text, for the lens to read with.",
    params=FitLensParams,
    group="does",
    noun="fit of a lens",
    fields=(
        FieldSpec(
            "size", ("layer",), "Size of each matrix, ‖J‖ / √width; 1: that of the identity",
            telling=1,
        ),
        FieldSpec(
            "from_identity",
            ("layer",),
            "Distance from the logit lens, ‖J − 1‖ / √width; 0: the logit lens",
            telling=2,
        ),
        FieldSpec(
            "agreement",
            ("layer",),
            "Cosine between the matrices of every other window; near 1: enough text",
            "",
            True,
            telling=3,
        ),
        FieldSpec("layers", ("layer",), "Blocks behind which it is read", labels="layer"),
        FieldSpec("windows", (), "Windows that it was fitted on"),
        FieldSpec("tokens_read", (), "Tokens of these windows, BOS included"),
        FieldSpec("seconds_each", (), "Time of a window", "s"),
        FieldSpec("lead", ("token",), "Ids that each window begins with"),
        FieldSpec("corpus", (), "Name of the text file"),
        FieldSpec("corpus_sha256", (), "Which tokens of a text were read, to compare"),
        FieldSpec("file", (), "Where the lens lies"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)  # fmt: skip
