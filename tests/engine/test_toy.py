"""The toy model that ships: it loads, it is small, and its card tells the truth."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from desktop_app.support.paths import resource


def listed(text):
    return text.split()


FOLDER = resource("toy")
STRETCH = 40
MONTHS = listed(
    "January February March April May June July August September October November December"
)
DAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
NUMBER_WORDS = listed(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
AWKWARD = [
    "",
    " ",
    "1 2 3 4 ",
    "  two  spaces\tand a tab",
    "line\nbreak\r\n\n\n end ",
    "don't , stop . now !",
    "naïve café ÅÆØ ß",
    "日本語 and עברית",
    "🙂 👩‍👩‍👧 🇳🇴",
    "\x00\x7f control",
    "1234567 3.14 12abc",
    "Wednesdays Januaryfebruary",
]

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def card():
    return json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    loaded = AutoModelForCausalLM.from_pretrained(FOLDER, attn_implementation="eager")
    return loaded.eval()


@pytest.fixture(scope="module")
def repeats(tokenizer):
    """`BOS r r`: 24 rows of distinct ordinary tokens, other ones than the card's."""
    rng = np.random.default_rng(77)
    special = set(tokenizer.all_special_ids)
    ordinary = [token for token in range(len(tokenizer)) if token not in special]
    halves = np.stack([rng.choice(ordinary, STRETCH, replace=False) for _ in range(24)])
    bos = np.full((24, 1), tokenizer.bos_token_id)
    return torch.tensor(np.concatenate([bos, halves, halves], axis=1))


@pytest.fixture(scope="module")
def patterns(model, repeats):
    """Mean attention of every head, `[layer, head, query, key]`."""
    with torch.no_grad():
        attentions = model(repeats, output_attentions=True).attentions
    return torch.stack(attentions).mean(dim=1).numpy()


def top_token(model, tokenizer, text):
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer.encode(text)])).logits
    return tokenizer.decode([int(logits[0, -1].argmax())])


def without(model, layer, head):
    """Zero what one head hands to its layer's output matrix."""
    width = model.config.n_embd // model.config.n_head

    def zero(_module, inputs):
        changed = inputs[0].clone()
        changed[..., head * width : (head + 1) * width] = 0.0
        return (changed,)

    return model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(zero)


def second_half_accuracy(model, repeats):
    with torch.no_grad():
        guesses = model(repeats).logits.argmax(-1)
    return float((guesses[:, STRETCH:-1] == repeats[:, STRETCH + 1 :]).float().mean())


def pattern_row(patterns, offset):
    """Mean attention from the second r to the key `offset` before."""
    queries = np.arange(STRETCH + 1, 2 * STRETCH + 1)
    return patterns[:, :, queries, queries - offset].mean(axis=-1)


def test_files_are_small_and_the_card_is_about_them(card, model):
    weights = (FOLDER / "model.safetensors").read_bytes()
    assert len(weights) <= 6_000_000
    assert card["weights_bytes"] == len(weights)
    assert card["weights_sha256"] == hashlib.sha256(weights).hexdigest()
    assert card["parameters"] == sum(weight.numel() for weight in model.parameters())
    assert not list(FOLDER.glob("*.bin"))
    assert card["weights_sha256"] in (FOLDER / "card.md").read_text(encoding="utf-8")


def test_weights_are_float32_and_finite(model):
    for weight in model.parameters():
        assert weight.dtype == torch.float32
        assert bool(torch.isfinite(weight).all())


def test_bos_is_added_once_and_pad_is_its_own(tokenizer, model):
    ids = tokenizer.encode("1 2 3")
    assert ids[0] == tokenizer.bos_token_id == model.config.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1
    assert len({tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id}) == 3
    assert tokenizer.model_max_length == model.config.n_positions == 256
    assert len(tokenizer) == model.config.vocab_size


@pytest.mark.parametrize("text", AWKWARD)
def test_every_text_survives_the_round_trip(tokenizer, text):
    with_bos = tokenizer.encode(text)
    assert tokenizer.decode(with_bos, skip_special_tokens=True) == text
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_offsets_cover_the_text(tokenizer):
    text = "The cat 12, Monday"
    offsets = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    pieces = [text[start:end] for start, end in offsets["offset_mapping"]]
    assert pieces == ["The", " cat", " 12", ",", " Monday"]


@pytest.mark.parametrize("space", ["", " "])
def test_members_are_single_tokens(tokenizer, space):
    numbers = [str(number) for number in range(101)]
    words = ["cat", "dog", "house", "the", "and"]
    for member in [*numbers, *NUMBER_WORDS, *MONTHS, *DAYS, *words]:
        ids = tokenizer.encode(space + member, add_special_tokens=False)
        assert len(ids) == 1, member


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("1 2 3 4", " 5"),
        ("one two three", " four"),
        ("January February March", " April"),
        ("Monday Tuesday", " Wednesday"),
        ("7, 8, 9, 10,", " 11"),
        ("Saturday Sunday", " Monday"),
        ("9 8 7 6", " 5"),
        ("here the cat sat on the", " cat"),
    ],
)
def test_worked_prompts(model, tokenizer, prompt, answer):
    assert top_token(model, tokenizer, prompt) == answer


def test_induction_works_as_the_card_says(card, model, repeats):
    ceiling = (STRETCH - 1) / STRETCH
    accuracy = second_half_accuracy(model, repeats)
    assert accuracy >= 0.95 * ceiling
    stated = card["repeat"]["accuracy_second"] / card["repeat"]["ceiling"]
    assert accuracy / ceiling == pytest.approx(stated, abs=0.02)


def test_next_items_come_out_as_the_card_says(card, model, tokenizer):
    numbers = [str(number) for number in range(101)]
    lists = [
        members[start : start + 5]
        for members in (MONTHS + MONTHS[:4], DAYS + DAYS[:4], NUMBER_WORDS, numbers)
        for start in range(len(members) - 4)
    ]
    ids = torch.tensor([tokenizer.encode(" ".join(members)) for members in lists])
    assert ids.shape == (12 + 7 + 16 + 97, 6)
    with torch.no_grad():
        top = model(ids).logits[:, -2].argmax(-1)
    accuracy = float((top == ids[:, -1]).float().mean())
    assert accuracy == pytest.approx(card["next_item"]["all"], abs=0.05)


@pytest.mark.parametrize(
    ("score", "offset"),
    [("previous_token", 1), ("induction", STRETCH - 1), ("duplicate_token", STRETCH)],
)
def test_pattern_scores_are_those_of_the_card(card, patterns, score, offset):
    for row in card["heads"]:
        layer, head = (int(part) for part in row["head"].split("."))
        assert pattern_row(patterns, offset)[layer, head] == pytest.approx(row[score], abs=0.06)


def test_a_previous_token_head_feeds_an_induction_head(card, patterns):
    previous = pattern_row(patterns, 1)
    induction = pattern_row(patterns, STRETCH - 1)
    assert previous.max() >= 0.8
    assert induction.max() >= 0.8
    first, second = (
        int(np.unravel_index(grid.argmax(), grid.shape)[0]) for grid in (previous, induction)
    )
    assert first < second
    assert card["roles"]["previous_token"]
    assert card["roles"]["induction"]


def test_without_the_previous_token_head_induction_is_gone(card, model, repeats):
    rows = {row["head"]: row for row in card["heads"]}
    name = max(rows, key=lambda head: rows[head]["previous_token"])
    layer, head = (int(part) for part in name.split("."))
    handle = without(model, layer, head)
    try:
        left = second_half_accuracy(model, repeats)
    finally:
        handle.remove()
    assert left <= 0.2
    assert left == pytest.approx(rows[name]["zero"]["accuracy_second"], abs=0.05)


def test_long_prompts_up_to_the_context_work(model, tokenizer):
    rng = np.random.default_rng(5)
    half = rng.choice(np.arange(3, len(tokenizer)), 127, replace=False)
    ids = torch.tensor([[tokenizer.bos_token_id, *half, *half]])
    with torch.no_grad():
        logits = model(ids).logits
    right = (logits[0, 128:-1].argmax(-1) == ids[0, 129:]).float().mean()
    assert float(right) >= 0.8
