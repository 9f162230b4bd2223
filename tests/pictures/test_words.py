from __future__ import annotations

import math

import pytest

from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.analyses.compose.spec import ComposeParams
from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.repeat.spec import RepeatParams
from desktop_app.analyses.tokens.spec import TokensParams
from desktop_app.contract.registry import ANALYSES
from desktop_app.pictures import words
from tests.samples.drawn import tokens_result


@pytest.mark.parametrize(
    ("value", "text"),
    [(-1.2345, "−1.234"), (0.0, "0.000"), (-0.0001, "0.000"), (math.nan, "–"), (None, "–")],
)
def test_number(value, text):
    assert words.number(value) == text


def test_signed_number_has_no_sign_at_zero():
    assert words.number(2.5, 1, sign=True) == "+2.5"
    assert words.number(0.0, 1, sign=True) == "0.0"


def test_percent_is_withheld_as_a_dash():
    assert words.percent(2.24) == "2.2 %"
    assert words.percent(math.nan) == "–"


def test_small_probabilities_stay_readable():
    assert words.probability(0.9187) == "0.919"
    assert words.probability(0.00002) == "2e−05"


def test_parts_are_named_as_the_field_does():
    assert words.part_name(23, 3) == "L23H3"
    assert words.part_name(5, None, "mlp") == "L5 MLP"


def test_tail_draws_spaces_and_says_that_more_precedes():
    assert words.tail(("1", " ", "2", " "), 4, 3) == "…␠2␠"
    assert words.tail(("1", " "), 2, 3) == "1␠"


def test_settings_are_summed_up_in_words():
    assert words.settings_sentence(AblateParams()) == (
        "heads · auto replacement · logit difference · all positions · all layers"
    )
    changed = AblateParams(component="mlp", mode="zero", layers="2:5", reference=("a", "b"))
    assert words.settings_sentence(changed) == (
        "MLPs · zero · logit difference · all positions · layers 2 to 4 · 2 reference prompts"
    )
    assert words.settings_sentence(AttentionParams(no_first=True)) == (
        "all layers · all heads · without first position"
    )
    assert words.settings_sentence(TokensParams()) == "default settings"


def test_provenance_names_what_made_the_numbers():
    assert words.provenance_sentence(tokens_result()) == (
        "smollm2 · cpu · float32 · without BOS · raw weights · 1.2 s · 3 forward passes"
    )


def test_options_are_named_as_the_form_names_them():
    text = "Prompt 1 has no answer: give --answer, or choose --value-weighted."
    assert words.without_flags(text) == (
        "Prompt 1 has no answer: give answer, or choose value-weighted."
    )


@pytest.mark.parametrize(
    "name",
    [
        "“toy-bc9786a8-1-resid_pre”",
        "“/tmp/of mine/--dtype/toy-1-resid_pre”",
        "(“/tmp/of mine/attn_out of/it”)",
        "/home/of/toy-1-resid_pre/cfg.json",
        "C:\\autoencoders\\mlp_out",
    ],
)
def test_names_of_files_stay_as_they_are_where_options_are_named(name):
    told = f"sae {name} is of resid_pre: choose --dtype for {name}, or attn_out."
    said = (
        f"sae {name} is of residual stream before the block: choose precision for {name}, "
        "or attention output."
    )
    assert words.without_flags(told) == said
    assert words.without_flags("“" * 50_000 + "x" * 50_000).endswith("x")


@pytest.mark.parametrize(
    ("params", "told"),
    [
        (PatchParams(), "both ways · residual stream before the block · one position at a time · "),
        (
            PatchParams(direction="denoise", by="all"),
            "enough (denoising) · residual stream before the block · all",
        ),
        (
            HandPatchParams(pair=1),
            "prompt 2 · into the corrupt run · removed parts zero · logit difference · top 10",
        ),
        (ComposeParams(), "Q-, K- and V-composition · raw embedding · the whole vocabulary · seed"),
        (
            ComposeParams(kind="K", embedding="layer0", tokens=500),
            "K-composition · embedding after ",
        ),
        (
            RepeatParams(),
            "30 sequences · 50 tokens twice over · seed 0 · both maps · maps from 1",
        ),
        (
            RepeatParams(effects="mlp", effect_batch=0),
            "30 sequences · 50 tokens twice over · seed 0 · map",
        ),
        (
            DetectParams(),
            "random tokens · 30 sequences · 50 tokens twice over · seed 0 · embedding after",
        ),
    ],
)
def test_settings_use_the_words_of_a_newcomer(params, told):
    sentence = words.settings_sentence(params)
    assert sentence.startswith(told)
    assert "_" not in sentence


def test_run_buttons_are_sentences():
    assert words.run_words(ANALYSES["hand_patch"]) == "Run patching by hand"
    assert words.run_words(ANALYSES["ablate"]) == "Run ablation"
