"""The five experiments: on many architectures, against plain Hugging Face, and where they fail."""

from __future__ import annotations

import pytest
import torch

from desktop_app.analyses.steer import equivalence
from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.steer.asked import Stops, plain, steer
from tests.analyses.steer.plain import Hook
from tests.models import named, tiny

NAMES = ["which_position", "persistence", "equivalence", "out_of_range", "differs"]


def findings(model, texts, **settings):
    """Return the findings by name; they come in their order."""
    found = steer(model, texts, preset="equivalence", **{"max_new_tokens": 6, **settings}).data
    assert [one["name"] for one in found["findings"]] == NAMES
    for one in found["findings"]:
        assert set(one) == {"name", "holds", "numbers", "words"}
        assert one["words"].endswith(".")
    return {one["name"]: one for one in found["findings"]}


def zeroed(position, steps=(0,)):
    def change(x, step, start):
        index = position + x.shape[1] if position < 0 else position - start
        if step in steps and 0 <= index < x.shape[1]:
            x[0, index] = 0

    return change


@pytest.mark.parametrize(
    "architecture",
    ["gpt2", "llama", "mistral", "gemma2", "opt", "gpt_neox", "mixtral", "bloom"],
)
def test_they_hold_of_many_architectures(architecture):
    found = findings(tiny(architecture), ["abc def"])
    assert {name: one["holds"] for name, one in found.items()} == dict.fromkeys(NAMES, True)
    assert found["which_position"]["numbers"]["largest_difference_earlier"] == 0.0


def test_continuations_are_what_hooks_on_plain_hugging_face_say():
    model = tiny("llama")
    hf, text = plain(model.spec.model), "abc def"
    ids = list(model.tokenizer.encode(text).ids)
    found = findings(model, [text], layer=1)
    rows = found["which_position"]["numbers"]["continuations"]
    assert [row["position"] for row in rows] == ["none", *range(len(ids)), *range(len(ids))]
    for row in rows:
        hooks = (
            []
            if row["layer"] is None
            else [Hook(row["layer"], "resid_post", zeroed(row["position"]))]
        )
        assert row["ids"] == hf.generate(ids, hooks, 6)[0]
    last = len(ids) - 1
    for row in found["persistence"]["numbers"]["schedules"]:
        steps = range(6) if row["when"] == "every" else (0,)
        hook = Hook(1, "resid_post", zeroed(last, steps))
        assert row["ids"] == hf.generate(ids, [hook], 6, cached=row["cache"] == "yes")[0]
    once, index, every = found["equivalence"]["numbers"]["continuations"]
    assert (
        once["ids"] == index["ids"] == hf.generate(ids, [Hook(1, "resid_post", zeroed(-1))], 6)[0]
    )
    hook = Hook(1, "resid_post", zeroed(-1, range(6)))
    assert every["ids"] == hf.generate(ids, [hook], 6)[0]
    whole = hf.logits([*ids, *once["ids"][:-1]], [Hook(1, "resid_post", zeroed(last))])
    told = found["persistence"]["numbers"]
    assert told["ids_in_one_pass"] == whole[last:].argmax(-1).tolist()
    assert told["max_logit_difference"] < 1e-4
    shapes = [row["shape"] for row in found["out_of_range"]["numbers"]["steps"]]
    assert shapes == [[1, len(ids), 32], *[[1, 1, 32]] * 5]


def test_prompt_only_without_the_cache_is_told_as_another_experiment():
    found = findings(tiny("llama"), ["abc def"])["persistence"]
    kept = {
        (row["when"], row["cache"]): row["keeps_the_change"]
        for row in found["numbers"]["schedules"]
    }
    assert kept == {
        ("prompt", "yes"): True,
        ("every", "yes"): True,
        ("prompt", "no"): False,
        ("every", "no"): True,
    }
    by_schedule = {(row["when"], row["cache"]): row for row in found["numbers"]["schedules"]}
    assert by_schedule["prompt", "no"]["difference"] > 0.01
    assert by_schedule["every", "no"]["difference"] < 1e-4
    assert "another experiment" in found["words"]


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox"])
def test_a_change_that_no_later_step_reads_does_not_persist(architecture):
    model = tiny(architecture)
    found = findings(model, ["abc def"], layer=model.info.n_layers - 1)
    told = found["persistence"]
    assert found["which_position"]["holds"] is True
    assert told["holds"] is None
    assert "no later step reads the change" in told["words"]
    assert "lives on" not in told["words"]
    assert "another experiment" not in told["words"]
    assert told["numbers"]["max_logit_difference"] < 1e-4


def test_a_site_that_the_last_block_still_reads_is_told_honestly():
    found = findings(tiny("llama"), ["abc def"], site="resid_pre", layer=1)["which_position"]
    assert found["holds"] is False
    assert found["numbers"]["largest_difference_earlier"] > 0
    assert "still reads them" in found["words"]
    assert "in every model" in found["words"]
    assert "choose resid_post" in found["words"]


@pytest.mark.parametrize("site", ["resid_post", "mlp_out", "resid_mid", "head_z"])
def test_behind_the_last_attention_nothing_is_there_to_persist(site):
    model = tiny("llama")
    found = findings(model, ["abc def"], site=site, layer=model.info.n_layers - 1)["persistence"]
    assert found["holds"] is None
    assert "nothing that could persist" in found["words"]
    assert "another experiment" not in found["words"]
    before = findings(model, ["abc def"], site="resid_pre", layer=2)["persistence"]
    assert before["holds"] is True
    assert "lives on" in before["words"]


def test_a_prompt_of_one_token_has_no_earlier_position():
    found = findings(tiny("gpt2"), ["a"], bos="no")
    assert found["which_position"]["holds"] is None
    assert "single token" in found["which_position"]["words"]
    assert found["equivalence"]["holds"] is True


def test_a_model_without_a_cache_is_told_so():
    model = tiny("openai-gpt")
    shared = {"cache": "no"}
    found = findings(model, ["abc def"], **shared)
    assert found["persistence"]["holds"] is None
    assert found["out_of_range"]["holds"] is None
    assert "keeps no keys and values" in found["persistence"]["words"]
    assert {row["cache"] for row in found["persistence"]["numbers"]["schedules"]} == {"no"}
    assert found["which_position"]["numbers"]["difference_last"] > 0


def test_what_has_no_effect_is_told_so():
    model = tiny("llama")
    block = model.bridge.blocks[0].mlp
    weights = [p for name, p in block.named_parameters() if "down_proj" in name or "out" in name]
    kept = [p.detach().clone() for p in weights]
    try:
        with torch.no_grad():
            for p in weights:
                p.zero_()
        found = findings(model, ["abc def"], site="mlp_out", layer=0)
    finally:
        with torch.no_grad():
            for p, was in zip(weights, kept, strict=True):
                p.copy_(was)
    assert found["differs"]["holds"] is False
    assert "No effect" in found["differs"]["words"]
    assert found["differs"]["numbers"]["difference"] == 0.0


def test_several_prompts_are_counted():
    found = findings(tiny("llama"), ["abc def", "the sea is"])
    told = found["which_position"]
    assert told["holds"] is True
    assert told["words"].startswith("Holds on 2 of 2 prompts. Prompt 1: ")
    assert [one["prompt"] for one in told["numbers"]["prompts"]] == [1, 2]
    assert {row["prompt"] for row in told["numbers"]["continuations"]} == {1, 2}


def test_long_prompts_and_many_are_tried_in_part(monkeypatch):
    monkeypatch.setattr(equivalence, "MOST_PROMPTS", 1)
    found = findings(tiny("llama"), ["abc def ghi jkl mno pqr", "the sea is"])["which_position"]
    assert "the first 1 of 2 were tried" in found["words"]
    rows = [row for row in found["numbers"]["continuations"] if row["layer"] == 2]
    assert len(rows) == 16
    length = len(tiny("llama").tokenizer.encode("abc def ghi jkl mno pqr").ids)
    assert (rows[0]["position"], rows[-1]["position"]) == (0, length - 1)


def test_they_are_greedy_and_go_on_behind_the_end():
    model = tiny("llama")
    usual = findings(model, ["abc def"])["which_position"]["numbers"]
    drawn = findings(model, ["abc def"], temperature=2.0, seed=3, max_new_tokens=2)
    assert drawn["which_position"]["numbers"] == usual


def test_no_room_and_no_such_layer_are_refused_before_anything_is_said():
    model = tiny("llama")
    full = "a" * (model.info.n_ctx - 1)
    while len(model.tokenizer.encode(full).ids) > model.info.n_ctx - 1:
        full = full[1:]
    with pytest.raises(BadInputError, match="room for 2 more"):
        findings(model, [full], max_new_tokens=1)
    with pytest.raises(BadInputError, match="--layer 7"):
        findings(model, ["abc def"], layer=7)


def test_they_can_be_stopped():
    stops = Stops("Experiment", after=1)
    found = steer(tiny("llama"), ["abc def"], stops, preset="equivalence", max_new_tokens=2)
    assert "findings" not in found.data
    assert found.data["plain"][0]["ids"]
    assert any(n.code == "partial" for n in found.warnings)
    stops = Stops("Experiment", after=1)
    stops.keeps_partial = False
    with pytest.raises(Cancelled):
        steer(tiny("llama"), ["abc def"], stops, preset="equivalence", max_new_tokens=2)


@pytest.mark.pack
@pytest.mark.usefixtures("smollm2_folder")
def test_the_packs_known_numbers():
    found = findings(named("smollm2"), ["The weather today is"], max_new_tokens=6, layer=0)
    assert {name: one["holds"] for name, one in found.items()} == dict.fromkeys(NAMES, True)
    rows = found["which_position"]["numbers"]["continuations"]
    said = {(row["layer"], row["position"]): row["ids"] for row in rows}
    assert all(
        said[key][:5] == [216, 34, 32, 34, 34]
        for key in [(None, "none"), (29, 0), (29, 1), (29, 2)]
    )
    assert said[29, 3][:5] == [0, 198, 198, 504, 216]
    assert said[0, 3] == [30, 198, 198, 504, 3947, 1834]
    assert all(said[0, p][:5] != [216, 34, 32, 34, 34] for p in range(4))
    told = found["persistence"]["numbers"]
    assert told["ids_in_one_pass"] == told["ids_by_steps"] == [30, 198, 198, 504, 3947, 1834]
    assert told["max_logit_difference"] < 1e-3
    shapes = [row["shape"] for row in found["out_of_range"]["numbers"]["steps"]]
    assert shapes == [[1, 4, 576], *[[1, 1, 576]] * 5]
    assert "all its logits are equal" in found["which_position"]["words"]
