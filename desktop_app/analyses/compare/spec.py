"""Two models on the same prompts, or a model and its variant: where they part."""

from __future__ import annotations

from typing import Literal

from desktop_app.contract.params import Metric, Params, setting
from desktop_app.contract.spec import Analysis, FieldSpec, Preset

MAX_NAME = 4_096
NO_LN = "apollo-research/gpt2_noLN"
"""GPT-2 small, fine-tuned until its norms could be made constants; eps and weights say so."""


HARM_RISES = frozenset({"loss", "kl", "rank"})
"""Metrics that rise where removing a head hurts."""

TOP = 10
"""How many of the most harmful heads of both models are set beside each other."""


class CompareParams(Params):
    """Settings of `compare`."""

    with_model: str = setting(
        "",
        "With",
        "The second model: a name, a Hub id, a folder or a .gguf file; empty for the open model "
        "itself, with the settings beside this.",
        alias="with",
        placeholder="the same model",
        max_length=MAX_NAME,
        words={"": "with {}", ":": "with the same model"},
    )
    with_dtype: Literal["auto", "float32", "bfloat16", "float16"] = setting(
        "auto",
        "Its precision",
        "The number format of the second model's weights; auto takes that of the first.",
        words={"auto": "", "": "in {}"},
    )
    with_layernorm: Literal["keep", "eps", "identity", "constant"] = setting(
        "keep",
        "Its norms",
        "Whether the second model keeps its norms, or what stands in their place: x·w + b by a "
        "huge eps, the same by plain modules, or each norm with a constant divisor.",
        words={"keep": "", "": "norms: {}"},
    )
    with_weights: Literal["raw", "processed"] = setting(
        "raw",
        "Its weights",
        "The second model's own weights, or those that TransformerLens folds and centres.",
        words={"raw": "", "": "{} weights"},
    )
    rank_heads: bool = setting(
        False,
        "Rank heads",
        "Zero every head of both models in turn, and compare which ones matter.",
    )
    metric: Metric = setting(
        "logit_diff",
        "Metric",
        "The number that the ranking of heads watches, read at the last token of each prompt.",
        advanced=True,
        words={"": ""},
    )
    norm_steps: bool = setting(
        False,
        "Norms step by step",
        "Take the second model's norms away step by step, each of which must change something, and "
        "for eps from 1e4 to 1e14 measure how far it then is from plain x·w + b.",
        advanced=True,
    )


_PLACE = ("position", "prompt")
_HEAD = ("layer", "head", "prompt")
_STREAM = ("layer",)
_AVERAGED = "mean over all positions of all prompts"

ANALYSIS = Analysis(
    name="compare",
    title="Models",
    summary="Two models, or a model and its variant, on the same prompts: where they part.",
    params=CompareParams,
    group="compare",
    noun="the comparison",
    presets=(
        Preset(
            "compare_bfloat16",
            "bfloat16 against float32",
            CompareParams(with_dtype="bfloat16", rank_heads=True),
            "What the short number format does to logits, and to the ranking of heads",
            "compare",
            topic="dtype",
        ),
        Preset(
            "compare_processed",
            "What processing changes: raw and processed",
            CompareParams(with_weights="processed"),
            "Logits shift by a constant at each position, log-probabilities do not",
            "compare",
            topic="processed",
        ),
        Preset(
            "compare_without_norms",
            "The model without LayerNorm",
            CompareParams(with_layernorm="eps", norm_steps=True),
            "Every norm becomes x·w + b: an ablation of an ordinary model, not its equal",
            "compare",
            topic="layernorm",
        ),
        Preset(
            "compare_gpt2_noln",
            "GPT-2 without LayerNorm (gpt2_noLN)",
            CompareParams(with_model=NO_LN, norm_steps=True),
            "GPT-2 small, which must be open, against the checkpoint tuned to do without norms",
            "compare",
            topic="layernorm",
            needs=(NO_LN,),
        ),
    ),
    fields=(
        FieldSpec(
            "max_logit_difference", (), "Largest |second − first| of a logit", "logits", telling=9
        ),
        FieldSpec("mean_logit_difference", (), "Mean |second − first| over all logits", "logits"),
        FieldSpec(
            "max_logprob_difference",
            (),
            "Largest |second − first| of a log-probability",
            "nats",
            telling=8,
        ),
        FieldSpec(
            "kl", _PLACE, "KL(first ‖ second) of the next token, per position", "nats", telling=7
        ),
        FieldSpec(
            "kl_of_prompt", ("prompt",), "The same, mean over the prompt's positions", "nats"
        ),
        FieldSpec("top1_agreement", (), "Share of positions with the same top token", telling=6),
        FieldSpec("top1_same", _PLACE, "Whether both have the same top token"),
        FieldSpec("logit_difference", _PLACE, "Largest |second − first| of a logit", "logits"),
        FieldSpec(
            "logprob_difference", _PLACE, "Largest |second − first| of a log-probability", "nats"
        ),
        FieldSpec("logit_shift", _PLACE, "second − first, mean over the vocabulary", "logits"),
        FieldSpec(
            "logit_shift_spread",
            _PLACE,
            "Largest distance of a logit's difference from it",
            "logits",
        ),
        FieldSpec(
            "resid_cosine", _STREAM, f"Cosine of both streams, {_AVERAGED}", "", True, telling=4
        ),
        FieldSpec(
            "resid_relative_error",
            _STREAM,
            f"‖second − first‖ / ‖first‖ of the streams, {_AVERAGED}",
            "",
            True,
            telling=5,
        ),
        FieldSpec(
            "resid_error", ("layer", *_PLACE), "The relative error of the streams, place by place"
        ),
        FieldSpec(
            "first_apart", (), "The first stream whose relative error is above tolerance", "", True
        ),
        FieldSpec("tolerance", (), "What counts as equal: logits, log-probabilities, the stream"),
        FieldSpec("verdict", (), "identical, equal, shifted or apart"),
        FieldSpec("with_model", (), "The second model"),
        FieldSpec("same_files", (), "Whether both are of the same files"),
        FieldSpec("steps", ("step",), "What taking the norms away did, step by step"),
        FieldSpec("step_norms", ("norm",), "The norms that were taken away", telling=-1),
        FieldSpec("inert", (), "Whether its norms divide by nothing that they read"),
        FieldSpec("eps", ("eps",), "eps in place of the norms' own", labels="eps"),
        FieldSpec(
            "eps_error",
            ("eps",),
            "Largest |logit − that of plain x·w + b|, weights rescaled",
            "logits",
        ),
        FieldSpec(
            "eps_unscaled", ("eps",), "The same with eps alone: what destroys the model", "logits"
        ),
        FieldSpec("base", ("prompt",), "The metric untouched, first model", "metric"),
        FieldSpec("with_base", ("prompt",), "The metric untouched, second model", "metric"),
        FieldSpec("head_effect", _HEAD, "Zeroed − untouched, first model", "metric", telling=2),
        FieldSpec(
            "with_head_effect",
            ("with_layer", "with_head", "prompt"),
            "Zeroed − untouched, second model",
            "metric",
            telling=1,
        ),
        FieldSpec(
            "head_spearman",
            (),
            "Spearman correlation of both mean effects of heads",
            "",
            True,
            telling=3,
        ),
        FieldSpec(
            "head_overlap", (), "How many of both top ten most harmful heads are the same", "", True
        ),
        FieldSpec(
            "noise",
            ("prompt",),
            "Spread of the untouched metric over batch sizes",
            "metric",
            telling=-1,
        ),
        FieldSpec("with_noise", ("prompt",), "The same, second model", "metric", telling=-1),
        FieldSpec("read_position", ("prompt",), "Where the heads' metric was read", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
