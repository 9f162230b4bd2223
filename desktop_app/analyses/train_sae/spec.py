"""Training of a small sparse autoencoder on activations of the loaded model."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from desktop_app.contract.params import Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec
from desktop_app.contract.text_setting import MAX_PATH, TextPath, text_setting

MEASURED_STOPPED = 20_000
"""Of a training that was stopped, so many tokens held out and as many trained on are measured."""
Site = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]


class TrainSaeParams(Params):
    """Settings of `train_sae`."""

    text: TextPath = text_setting(", whose activations it is trained on")
    layer: int | None = setting(
        None,
        "Layer",
        "The layer whose activations are taken; negative counts from the end, empty: the middle.",
        placeholder="the middle",
        narrow=True,
        spelling="layers",
        words={"None": "at the middle layer", "": "at layer {}"},
    )
    features: int = setting(
        0,
        "Features",
        "How many features it has; 0 takes four times the model's width.",
        ge=0,
        le=131_072,
        words={"0": "four times as many features as the model is wide", "": "{} features"},
    )
    site: Site = setting(
        "resid_pre",
        "Site",
        "The place in that layer: the stream before it, between attention and MLP or behind it, or "
        "what its attention or MLP gives.",
        words={"": "{}"},
        labels={
            "resid_pre": "before the block",
            "resid_mid": "inside the block",
            "resid_post": "behind the block",
            "attn_out": "attention output",
            "mlp_out": "MLP output",
        },
    )
    kind: Literal["standard", "topk"] = setting(
        "standard",
        "Kind",
        "How few features are active: by an L1 penalty (standard), or by taking the K largest of "
        "each token (topk).",
        words={"standard": "by an L1 penalty", "topk": "the K largest of each token"},
        labels={"standard": "L1 penalty", "topk": "top K"},
    )
    l1: float = setting(
        2.0,
        "L1",
        "Weight of the penalty of a standard one, l1 · Σ f beside ‖x − x̂‖², on activations scaled "
        "to a mean norm of √width; more: fewer features at a time, worse reconstruction. "
        "It rises over the first twentieth of the steps.",
        ge=0,
        le=1_000,
    )
    k: int = setting(16, "K", "Features of each token that a topk one keeps.", ge=1, le=4_096)
    out_sae: str = setting(
        "",
        "Folder",
        "The folder that it is written to, in SAELens' layout; empty puts it among the "
        "autoencoders of Lensbench.",
        placeholder="among the autoencoders",
        cli="new_path",
        metavar="FOLDER",
        max_length=MAX_PATH,
        words={"": ""},
        named={"": ""},
    )
    steps: int = setting(
        1_000, "Steps", "Steps of the optimiser.", ge=1, le=1_000_000, counted="step"
    )
    tokens: int = setting(
        20_000,
        "Tokens",
        "How many tokens of the text are read for activations, BOS not counted.",
        ge=16,
        le=10_000_000,
        words={"": "{} tokens"},
    )
    seed: int = setting(
        0, "Seed", "Draws the first weights and the batches.", ge=0, le=2**31 - 1, advanced=True
    )
    window: int = setting(
        128,
        "Window",
        "How many tokens the model reads at once, its BOS included.",
        ge=3,
        le=8_192,
        advanced=True,
    )
    batch: int = setting(512, "Batch", "Activations in each step.", ge=2, le=65_536, advanced=True)
    lr: float = setting(
        1e-3,
        "Learning rate",
        "Of Adam; it warms up over the first twentieth and falls over the last fifth.",
        gt=0,
        le=1,
        advanced=True,
    )

    def layer_in(self, count: int) -> int:
        """Return the layer as it was asked for; the middle one of `count` where none was."""
        return count // 2 if self.layer is None else self.layer

    @override
    def reads_prompts(self) -> bool:
        """Return that the prompt table plays no part."""
        return False

    @override
    def idle(self) -> frozenset[str]:
        """Return the setting of the kind that it is not."""
        return frozenset({"k"} if self.kind == "standard" else {"l1"})


ANALYSIS = Analysis(
    name="train_sae",
    title="Train SAE",
    summary="Train a small sparse autoencoder on activations of this model.",
    params=TrainSaeParams,
    group="does",
    noun="training of features",
    stored="activations, weights and what trains them",
    known_as="sae sparse autoencoder dictionary features",
    serves=frozenset({"train_features"}),
    fields=(
        FieldSpec(
            "loss",
            ("step",),
            "Loss of each step, of scaled activations: ‖x − x̂‖², and the penalty",
            telling=3,
        ),
        FieldSpec("l0", ("step",), "Active features per token", "features", telling=2),
        FieldSpec(
            "dead",
            ("step",),
            "Share of features that none of the last 20,000 tokens activated",
            telling=1,
        ),
        FieldSpec(
            "variance_explained", (), "Fraction of variance explained, on tokens not trained on"
        ),
        FieldSpec("variance_explained_trained", (), "The same on the tokens trained on"),
        FieldSpec("l0_end", (), "Active features per token at the end, tokens not trained on"),
        FieldSpec(
            "dead_end", (), "Share of features that no token trained on activates at the end"
        ),
        FieldSpec("mse", (), "Mean squared error per number, on tokens not trained on"),
        FieldSpec("scale", (), "What activations were multiplied by for training"),
        FieldSpec("d_in", (), "Width of the activations"),
        FieldSpec("d_sae", (), "Features"),
        FieldSpec("hook", (), "Where the activations are taken, as TransformerLens names it"),
        FieldSpec("tokens_read", (), "Tokens of the windows, BOS not counted"),
        FieldSpec("tokens_trained", (), "Tokens whose activations it was trained on"),
        FieldSpec("tokens_held_out", (), "Tokens that it was measured on alone"),
        FieldSpec("windows", (), "Windows of the text, every tenth of which is held out"),
        FieldSpec("lead", ("token",), "Ids that each window begins with"),
        FieldSpec("corpus", (), "Name of the text"),
        FieldSpec("corpus_sha256", (), "Which tokens of a text were read, to compare"),
        FieldSpec("file", (), "Its folder; a name alone: among the autoencoders of Lensbench"),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)  # fmt: skip
