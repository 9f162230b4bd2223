"""A run of steering on its way: what streams in, what a stop leaves, and what must be said."""

from __future__ import annotations

import gc
import math
from dataclasses import replace

import pytest
import torch
from typing_extensions import override

from desktop_app.analyses.steer.extras import Extras
from desktop_app.analyses.steer.picture import outcome_sentence
from desktop_app.analyses.steer.said import continuations, has_effect
from desktop_app.contract.report import Reporter
from desktop_app.session.store import Session
from desktop_app.support.errors import Cancelled
from tests.analyses.steer.asked import steer
from tests.analyses.steer.test_numbers import TEXT, ids_of, run
from tests.models import tiny
from tests.samples import stored


class Stopping(Reporter):
    """Is cancelled once a note begins with a text; `keeps` what is there or not."""

    def __init__(self, note, *, keeps=True):
        self.keeps_partial = keeps
        self.note = note
        self.partials = []
        self.fractions = []
        self.cancelled = False

    @override
    def step(self, fraction, note=""):
        self.fractions.append(fraction)
        self.cancelled = self.cancelled or note.startswith(self.note)
        self.check()

    @override
    def check(self):
        if self.cancelled:
            raise Cancelled

    @override
    def partial(self, data):
        self.partials.append(dict(data.items()))


class Weighing(Stopping):
    """Counts after each step how many prompts' worth of a whole vocabulary are held."""

    def __init__(self, d_vocab):
        super().__init__("never")
        self.d_vocab, self.held = d_vocab, []

    @override
    def step(self, fraction, note=""):
        if note.startswith("Token"):
            found = [one for one in gc.get_objects() if isinstance(one, torch.Tensor)]
            own = [one for one in found if one.shape and one.shape[-1] == self.d_vocab]
            # A row that is cut out of a pass holds the whole of it.
            wholes = {one.untyped_storage().data_ptr(): one.untyped_storage() for one in own}
            self.held.append(sum(one.nbytes() for one in wholes.values()) // (4 * self.d_vocab))


def test_no_vocabulary_is_kept_of_every_prompt():
    """What is measured of the first new token is measured as it comes."""
    model = tiny("llama")
    rows = [{"text": f"{TEXT} {n}", "answer": "abc", "wrong": "def"} for n in "abcdefghij"]
    weighing = Weighing(model.info.d_vocab)
    one_by_one = replace(model, budget_bytes=1)
    found = steer(one_by_one, rows, weighing, say="Be kind.", metric="logit_diff", max_new_tokens=1)
    first, last = weighing.held[0], weighing.held[-1]
    assert len(weighing.held) == 2 * len(rows)
    assert last - first < len(rows) // 2
    together = steer(model, rows, say="Be kind.", metric="logit_diff", max_new_tokens=1)
    for name in ("base", "said_metric"):
        assert found.data[name] == pytest.approx(together.data[name], abs=1e-5)


def test_a_stop_between_tokens_keeps_what_is_there():
    model = tiny("llama")
    settings = {"layer": 1, "zero": True, "max_new_tokens": 6}
    whole = run(model, **settings).data
    found = run(model, reporter=Stopping("Token 3"), **settings)
    for name in ("plain", "steered", "control"):
        assert found.data[name][0]["ids"] == whole[name][0]["ids"][:3]
    assert found.data["plain"][0]["plain_logprobs"] == whole["plain"][0]["logprobs"][:3]
    assert found.data["changed"] == whole["changed"]
    assert "9 of 18 tokens" in found.partial
    assert len(found.data["timeline"][0]) == 3
    assert model.hooks_left() == 0
    assert run(model, **settings).data["steered"] == whole["steered"]


def test_what_the_plain_model_was_not_asked_is_not_known():
    model = tiny("llama")
    settings = {"layer": 1, "scale": -6.0, "max_new_tokens": 6}
    found = run(model, reporter=Stopping("Token 6"), **settings).data
    plain, steered = found["plain"][0], found["steered"][0]
    same = [a == b for a, b in zip(plain["ids"], steered["ids"], strict=True)]
    assert not all(same)
    known = same.index(False)
    assert steered["plain_logprobs"][:known] == plain["logprobs"][:known]
    assert all(map(math.isnan, steered["plain_logprobs"][known:]))
    assert math.isnan(found["steered_loss"][0])


def test_a_stop_behind_the_texts_keeps_all_that_is_known_of_them(monkeypatch):
    model = tiny("llama")
    settings = {"layer": 1, "scale": -6.0, "max_new_tokens": 6}
    whole = run(model, **settings).data

    def stop(*_args):
        raise Cancelled

    monkeypatch.setattr(Extras, "make", stop)
    found = run(model, reporter=Stopping("never"), scan=True, **settings)
    assert found.partial
    for name in ("plain", "steered", "control"):
        assert found.data[name] == whole[name]
    assert found.data["steered_loss"] == whole["steered_loss"]


def test_a_sweep_without_a_layer_steers_its_texts_in_the_middle():
    texts = {"from_texts": ("ab",), "to_texts": ("cd",)}
    found = run(tiny("llama"), **texts, sweep_layers="0:3", sweep_coefs=(1.0, 2.0))
    (told,) = [w.message for w in found.warnings if w.code == "layer_of_sweep"]
    assert "at layer 1, the middle of --sweep-layers" in told
    assert [one["layer"] for one in found.data["acts"]] == [1]
    assert found.data["sweep_metric"].shape == (3, 2)
    assert found.data["sweep_metric"][1, 0] == pytest.approx(found.data["changed"][0], abs=1e-5)


class StopsInside(Stopping):
    """Somebody who stops within a step, at the n-th time that the work asks."""

    def __init__(self, left):
        super().__init__("never")
        self.left = left

    @override
    def check(self):
        self.left -= 1
        if self.left <= 0:
            raise Cancelled


def test_a_stop_between_the_runs_of_a_step_claims_no_difference():
    model = tiny("llama")
    settings = {"layer": 1, "scale": 1.0, "cache": "no", "max_new_tokens": 4}
    uneven = 0
    for left in range(1, 40):
        try:
            found = run(model, ("abcdef" * 8,) * 2, reporter=StopsInside(left), **settings)
        except Cancelled:
            continue
        if not found.partial:
            break
        told = continuations(found, 0)
        counts = [len(found.data[name][0]["ids"]) for name in ("plain", "steered")]
        whole = counts == [4, 4]
        assert found.data["differs"][0] == (False if whole else None)
        assert has_effect(told) is (False if whole else None)
        uneven += counts[0] > counts[1]
        assert "parts from plain" not in outcome_sentence(told)
    assert uneven


def test_prompts_that_were_not_begun_differ_in_nothing_that_is_known(tmp_path):
    found = run(tiny("llama"), ("abcdef", "gh"), layer=1, scale=-6.0, reporter=Stopping("Token 2"))
    begun = [len(one["ids"]) for one in found.data["steered"]]
    nothing = begun.index(0)
    assert found.data["differs"][nothing] is None
    assert "Steered has no tokens" in outcome_sentence(continuations(found, nothing))
    with Session.create(tmp_path / "stopped.lens") as session:
        session.add(found)
    with Session.open(tmp_path / "stopped.lens") as session:
        stored.assert_same_result(found, session.load(1))


def test_tokens_that_an_end_left_out_are_not_missing(monkeypatch):
    model = tiny("llama")
    settings = {"layer": 2, "zero": True, "max_new_tokens": 3, "ignore_eos": False}
    monkeypatch.setattr(model.bridge.original_model.generation_config, "eos_token_id", 0)
    whole = run(model, **settings).data
    assert [len(whole[name][0]["ids"]) for name in ("plain", "steered")] == [3, 1]
    count = 4 + len(whole["control"][0]["ids"])
    stopped = Stopping("Scan")
    found = run(model, reporter=stopped, scan=True, preset="equivalence", **settings)
    assert found.partial.startswith("The scan was stopped at")
    assert found.partial.endswith("Missing: the experiments.")
    found = run(model, reporter=Stopping("Experiment"), preset="equivalence", **settings)
    assert found.partial == (
        f"Stopped behind the texts, all {count} tokens of which are there. Missing: the "
        "experiments. Run again for more."
    )


def test_parts_behind_one_that_was_stopped_are_told_to_be_missing():
    settings = {"layer": 1, "scale": 0.5, "max_new_tokens": 3, "scan": True}
    stopped = Stopping("Experiment 2")
    found = run(tiny("llama"), reporter=stopped, preset="equivalence", **settings)
    assert "scan" in found.data
    assert "Missing: the experiments." in found.partial
    found = run(tiny("llama"), reporter=Stopping("Token 2"), preset="equivalence", **settings)
    assert found.partial == (
        "Stopped at 6 of 9 tokens. Missing: the scan, the experiments. Run again for more."
    )


def test_prompts_that_were_not_begun_are_empty():
    model = tiny("llama")
    reporter = Stopping("Token 2")
    found = run(model, ("abcdef", "gh"), layer=1, zero=True, reporter=reporter)
    begun = [len(one["ids"]) for one in found.data["steered"]]
    assert sorted(begun) == [0, 2]
    nothing = begun.index(0)
    assert found.data["recompute"][nothing]["same_tokens"] is None
    assert math.isnan(found.data["base"][nothing])


@pytest.mark.parametrize(("note", "keeps"), [("Token 2", False), ("Reading", True)])
def test_a_stop_that_leaves_nothing_is_a_stop(note, keeps):
    with pytest.raises(Cancelled):
        run(tiny("llama"), layer=1, zero=True, reporter=Stopping(note, keeps=keeps))


def test_texts_that_go_on_are_never_kept_shorter_than_they_were():
    model = tiny("llama")
    settings = {"layer": 1, "zero": True}
    plain = run(model, max_new_tokens=4, **settings).data["plain"][0]["ids"]
    on = {"begin": (f"plain:0:{','.join(map(str, plain))}",), "max_new_tokens": 8, **settings}
    early = run(model, reporter=Stopping("Token 3"), **on)
    assert early.data["plain"][0]["ids"] == plain
    assert len(early.data["steered"][0]["ids"]) == 3
    found = run(model, reporter=Stopping("Token 5"), **on)
    assert found.data["plain"][0]["ids"][:4] == plain
    assert len(found.data["plain"][0]["ids"]) == 5
    assert found.partial


def test_tokens_stream_in_one_by_one():
    model, reporter = tiny("llama"), Stopping("never")
    whole = run(model, layer=1, zero=True, say="x", reporter=reporter).data
    counts = [len(partial["steered"][0]["ids"]) for partial in reporter.partials]
    assert counts == [1, 2, 3, 4, 4, 4, 4, 4]
    said = [len(partial["said"][0]["ids"]) for partial in reporter.partials]
    assert said == [0, 0, 0, 0, 1, 2, 3, 4]
    for partial in reporter.partials:
        one = partial["plain"][0]
        assert one["ids"] == whole["plain"][0]["ids"][: len(one["ids"])]
        assert one["logprobs"] == one["plain_logprobs"]
    assert reporter.fractions == sorted(reporter.fractions)


def test_logits_that_are_all_equal_are_told_with_the_token_that_came_of_it(monkeypatch):
    model = tiny("llama")
    settings = {"layer": 2, "zero": True, "max_new_tokens": 3}
    found = run(model, **settings)
    (told,) = [w.message for w in found.warnings if w.code == "constant_logits"]
    assert "of the steered continuation" in told
    assert "at step 0" in told
    assert "token 0 “<pad>”" in told
    assert [row[0] for row in found.data["steered"][0]["top"][0]] == [0, 1, 2, 3, 4]
    assert "--ignore-eos" not in told
    config = model.bridge.original_model.generation_config
    monkeypatch.setattr(config, "eos_token_id", 0)
    ended = run(model, ignore_eos=False, **settings)
    assert ended.data["steered"][0]["ids"] == [0]
    assert ended.data["steered"][0]["ended"] is True
    assert ended.data["plain"][0]["ended"] is False
    (told,) = [w.message for w in ended.warnings if w.code == "constant_logits"]
    assert "use --ignore-eos to go on" in told
    assert len(run(model, **settings).data["steered"][0]["ids"]) == 3


def test_numbers_that_are_none_end_a_text_and_name_the_layer():
    model = tiny("gpt2")
    found = run(model, layer=1, scale=1e38, position="all", when="1:")
    broken = found.data["steered"][0]["ids"]
    told = [w.message for w in found.warnings if w.code == "not_finite"]
    assert len(broken) < 4
    assert any("first in layer 1" in message for message in told)
    assert all("numbers, in no" not in message for message in told)
    assert found.data["plain"][0]["ids"] == run(model).data["plain"][0]["ids"]


def test_the_text_is_what_the_tokens_add_to_the_prompt():
    model = tiny("llama")
    found = run(model, max_new_tokens=6).data["plain"][0]
    whole = model.tokenizer.decode([*ids_of(model, TEXT), *found["ids"]])
    assert whole.endswith(found["text"])
    assert found["loss"] == pytest.approx(-sum(found["logprobs"]) / 6)
    assert len(found["top"]) == 6
    assert all(len(step) == 5 for step in found["top"])
    assert [step[0][0] for step in found["top"]] == found["ids"]


def test_heads_of_a_prompt_alone_are_told_to_keep_their_value():
    found = run(tiny("llama"), ablate_heads="1.0")
    (told,) = [w.message for w in found.warnings if w.code == "reference_is_self"]
    assert "give --reference" in told
    assert found.data["plain"] == found.data["steered"]


def test_what_was_done_is_kept_with_its_layers():
    found = run(tiny("llama"), ablate_heads="0.1,2.3", reference=("ghijkl",), layer=1, zero=True)
    acts = found.data["acts"]
    assert [(one["op"], one["layer"], one["site"], one["heads"]) for one in acts] == [
        ("zero", 1, "resid_post", []),
        ("ablate_heads", 0, "head_z", [1]),
        ("ablate_heads", 2, "head_z", [3]),
    ]
