"""The scan: each position's text and logits are what hooks on plain Hugging Face give."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.steer.asked import Stops, plain, steer
from tests.analyses.steer.plain import Hook
from tests.models import tiny

PROMPTS = ("abc def", "the sea is")
STEPS = 4


def zeroed(position, steps=(0,)):
    def change(x, step, start):
        if step in steps and 0 <= position - start < x.shape[1]:
            x[0, position - start] = 0

    return change


def together(left, right):
    """Return the largest difference of a logit over the steps before which both say the same."""
    (left_ids, left_logits), (right_ids, right_logits) = left, right
    pairs = enumerate(zip(left_ids, right_ids, strict=True), 1)
    until = next((i for i, (a, b) in pairs if a != b), len(left_ids))
    return float((left_logits[:until] - right_logits[:until]).abs().max())


@pytest.mark.parametrize(
    ("architecture", "layer", "settings"),
    [
        ("llama", 1, {}),
        ("gpt2", 0, {}),
        ("gemma2", 2, {}),
        ("mixtral", 1, {}),
        ("llama", 1, {"cache": "no"}),
        ("llama", 1, {"cache": "no", "when": "1:"}),
        ("llama", 1, {"when": "every"}),
    ],
)
def test_positions_are_what_hooks_on_plain_hugging_face_say(architecture, layer, settings):
    model = tiny(architecture)
    hf, cached = plain(model.spec.model), settings.get("cache", "yes") == "yes"
    steps = {"1:": range(1, STEPS), "every": range(STEPS)}.get(settings.get("when"), (0,))
    found = steer(
        model,
        PROMPTS,
        layer=layer,
        zero=True,
        scan=True,
        max_new_tokens=STEPS,
        ignore_eos=True,
        **settings,
    ).data
    for prompt, text in enumerate(PROMPTS):
        ids = list(model.tokenizer.encode(text).ids)
        base = hf.generate(ids, [], STEPS, cached=cached)
        assert len(found["scan"][prompt]) == len(ids)
        for position in range(len(ids)):
            hook = Hook(layer, "resid_post", zeroed(position, steps))
            other = hf.generate(ids, [hook], STEPS, cached=cached)
            assert found["scan"][prompt][position] is (other[0] != base[0])
            expected = together(base, other)
            assert found["scan_difference"][prompt][position] == pytest.approx(expected, abs=1e-4)
            whole = model.tokenizer.decode([*ids, *other[0]])
            assert whole.endswith(found["scan_texts"][prompt][position])


@pytest.mark.parametrize("architecture", ["llama", "mixtral", "gpt_neox", "opt", "mistral"])
def test_behind_the_last_block_nobody_reads_earlier_positions(architecture):
    model = tiny(architecture)
    last = model.info.n_layers - 1
    found = steer(
        model, PROMPTS, layer=last, zero=True, scan=True, max_new_tokens=3, ignore_eos=True
    ).data
    for row in found["scan_difference"]:
        assert row[:-1].tolist() == [0.0] * (len(row) - 1)
        assert row[-1] > 0


def test_a_vector_is_scanned_like_a_zero_and_drawn_tokens_like_the_likeliest():
    model = tiny("llama")
    shared = {
        "layer": 1,
        "from": ["bad"],
        "to": ["good"],
        "coef": (8.0,),
        "max_new_tokens": 3,
        "temperature": 1.0,
        "seed": 4,
    }
    found = steer(model, PROMPTS[:1], scan=True, **shared).data
    alone = [
        steer(model, PROMPTS[:1], position=str(p), **shared).data["steered"][0]
        for p in range(len(found["scan"][0]))
    ]
    assert found["scan_texts"][0] == [one["text"] for one in alone]
    assert found["scan"][0] == [one["ids"] != found["plain"][0]["ids"] for one in alone]


def test_batches_change_no_position():
    model = tiny("llama")
    shared = {"layer": 1, "zero": True, "scan": True, "max_new_tokens": 3}
    one = steer(model, PROMPTS, **shared).data
    other = steer(replace(model, budget_bytes=1), PROMPTS, **shared).data
    assert one["scan"] == other["scan"]
    assert one["scan_texts"] == other["scan_texts"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "nothing to try"),
        ({"layer": 1, "zero": True, "when": "1:"}, "choose --when prompt or every"),
    ],
)
def test_what_cannot_be_scanned_is_refused(settings, told):
    with pytest.raises(BadInputError, match=told):
        steer(tiny("llama"), PROMPTS, scan=True, max_new_tokens=3, **settings)


def test_positions_stay_where_it_is_stopped():
    model = replace(tiny("llama"), budget_bytes=1)  # a position at a time
    shared = {"layer": 1, "zero": True, "scan": True, "max_new_tokens": 2}
    stops = Stops("Scan", after=5)
    found = steer(model, PROMPTS, stops, **shared)
    known = [one is not None for one in found.data["scan"][0]]
    assert known[0]
    assert not known[-1]
    assert found.data["scan"][1] == [None] * len(found.data["scan"][1])
    (notice,) = [n for n in found.warnings if n.code == "partial"]
    total = sum(len(row) for row in found.data["scan"])
    assert f"stopped at {sum(known)} of {total} positions" in notice.message
    assert any("scan" in one and "steered" in one for one in stops.told)
    stops = Stops("Scan", after=2)
    stops.keeps_partial = False
    with pytest.raises(Cancelled):
        steer(model, PROMPTS, stops, **shared)
