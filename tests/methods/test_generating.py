"""Continuations in lock-step: what is kept of them, where they end, stop, and run out of memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.interventions import Add, Edit, Scale, Zero
from desktop_app.engine.kept_memory import grown_bytes
from desktop_app.methods import growing_rows
from desktop_app.methods.generating import (
    Growing,
    Run,
    at_once,
    grow,
    needed_bytes,
    require_room,
    scored,
)
from desktop_app.methods.sampling import Sampling
from desktop_app.support.errors import BadInputError, Cancelled, MemoryExhaustedError
from tests.engine.growing import RAGGED, TEXTS, a_vector, adding, silent
from tests.models import tiny

STEPS = 6


def several(model, runs, layers=(), **settings):
    growing = Growing(**{"steps": STEPS, "ignore_end": True, **settings})
    return grow(model, runs, layers, growing, silent)


def ids_of(rows):
    return [one.ids for one in rows]


def facts(rows):
    return [(one.ids, one.logprobs, one.top, one.ended) for one in rows]


def first_logits(kept):
    """Return what `Growing.logits` is given, so that it keeps the first step's by run and row."""

    def hear(run, rows, step, logits):
        if step == 0:
            kept.update({(run, row): own.clone() for row, own in zip(rows, logits, strict=True)})

    return hear


def test_each_step_tells_the_token_and_its_likeliest_rivals():
    model, first = tiny("llama"), {}
    (rows,) = several(model, [Run(TEXTS, [0, 1])], logits=first_logits(first))
    for row, one in enumerate(rows):
        whole = torch.tensor([[*TEXTS[row], *one.ids]])
        logprobs = model.run(whole)[0, 7:-1].log_softmax(-1)
        for step in range(STEPS):
            best = logprobs[step].topk(5)
            assert [token for token, _p in one.top[step]] == best.indices.tolist()
            assert [p for _t, p in one.top[step]] == pytest.approx(best.values.tolist(), abs=1e-5)
            assert one.ids[step] == best.indices[0]
            assert one.logprobs[step] == pytest.approx(float(best.values[0]), abs=1e-5)
        torch.testing.assert_close(first[0, row].log_softmax(-1), logprobs[0], atol=1e-5, rtol=0)
        assert one.constant is None
        assert one.broken is None
    assert len(several(model, [Run(TEXTS, [0, 1])], top=2)[0][0].top[0]) == 2


def test_scores_are_those_of_the_steps():
    model = tiny("gpt2")
    (rows,) = several(model, [Run(RAGGED, [0, 1, 2])])
    found = scored(model, [*RAGGED, RAGGED[0]], [*ids_of(rows), []])
    assert found.pop() == []
    for one, theirs in zip(rows, found, strict=True):
        assert theirs == pytest.approx(one.logprobs, abs=1e-5)


def test_runs_that_nothing_changes_are_equal_bit_for_bit():
    model = tiny("gpt2")
    vector = a_vector()

    def twice(row, step, held):  # written out: +v, then −v are no edit at all where they are summed
        return [Edit(1, "resid_post", Add(0 * vector[None]), None, (held.stop - 1,))]

    same = Changes(lambda row, step, held: [Edit(1, "resid_post", Scale(1.0))])
    runs = [
        Run(TEXTS, [0, 1]),
        Run(TEXTS, [0, 1], same),
        Run(TEXTS, [0, 1], adding(1, vector, every=True)),
        Run(TEXTS, [0, 1], Changes(twice)),
    ]
    for settings in ({}, {"sampling": Sampling(1.3, seed=3)}):
        first = {}
        heard = {**settings, "logits": first_logits(first)}
        plain, other, steered, none = several(model, runs, (1,), **heard)
        assert facts(plain) == facts(other) == facts(none)
        assert all(torch.equal(first[0, row], first[3, row]) for row in (0, 1))
        assert facts(steered) != facts(plain)
        again = several(model, runs, (1,), **settings)
        assert [facts(one) for one in again] == [
            facts(one) for one in (plain, other, steered, none)
        ]


def test_what_is_drawn_is_the_same_in_any_company():
    model = tiny("llama")
    sampling = Sampling(1.5, top_k=40, top_p=0.95, seed=11)
    (together,) = several(model, [Run(RAGGED, [4, 9, 2])], sampling=sampling)
    alone = [several(model, [Run([t], [p])], sampling=sampling)[0][0] for t, p in
             zip(RAGGED, (4, 9, 2), strict=True)]  # fmt: skip
    (padded,) = several(model, [Run(RAGGED, [4, 9, 2])], sampling=sampling, padding="left")
    assert ids_of(together) == ids_of(alone) == ids_of(padded)
    (other,) = several(model, [Run(RAGGED, [4, 9, 3])], sampling=sampling)
    assert ids_of(other)[:2] == ids_of(together)[:2]
    assert ids_of(other)[2] != ids_of(together)[2]
    (hot,) = several(model, [Run(RAGGED, [4, 9, 2])], sampling=Sampling(1.5, seed=12))
    assert ids_of(hot) != ids_of(together)


def test_a_text_ends_where_the_model_says_so_and_the_others_go_on(monkeypatch):
    model = tiny("llama")
    runs = [Run(TEXTS, [0, 1]), Run(TEXTS, [0, 1], adding(1, a_vector()))]
    whole, steered = several(model, runs, (1,))
    end = whole[0].ids[2]
    assert end not in whole[1].ids
    monkeypatch.setattr(growing_rows, "ending_tokens", lambda model: frozenset({end}))
    stopped, others = several(model, runs, (1,), ignore_end=False)
    assert stopped[0].ids == whole[0].ids[: whole[0].ids.index(end) + 1]
    assert len(stopped[0].ids) == len(stopped[0].logprobs) == len(stopped[0].top)
    assert stopped[0].ended
    assert facts(stopped)[1] == facts(whole)[1]
    assert not stopped[1].ended
    for one, other in zip(others, steered, strict=True):
        assert one.ids == other.ids[: len(one.ids)]
    assert several(model, runs, (1,), ignore_end=True)[0][0].ids == whole[0].ids
    # All have ended: no pass is made for nothing.
    several(model, [Run(TEXTS[:1], [0])], steps=1)  # what is tried of a model is tried here
    before = model.forward_passes
    several(model, [Run(TEXTS[:1], [0])], ignore_end=False, steps=50)
    assert model.forward_passes - before == whole[0].ids.index(end) + 1


def test_it_ends_where_hugging_face_ends():
    model = tiny("llama")
    (rows,) = several(model, [Run(TEXTS[:1], [0])], steps=30)
    end = rows[0].ids[7]
    settings = model.bridge.original_model.generation_config
    was = settings.eos_token_id
    try:
        settings.eos_token_id = [2, end]
        (found,) = several(model, [Run(TEXTS[:1], [0])], steps=30, ignore_end=False)
        with decoding(model, ()):
            expected = model.bridge.original_model.generate(
                torch.tensor(TEXTS[:1]), max_new_tokens=30, do_sample=False, pad_token_id=0
            )
    finally:
        settings.eos_token_id = was
    assert found[0].ids == expected[0, 8:].tolist()
    assert found[0].ended


def test_begun_continuations_go_on_from_what_is_given(monkeypatch):
    model = tiny("gpt2")
    (rows,) = several(model, [Run(TEXTS, [0, 1])])
    first = rows[0].ids
    # Going on: the same text as if it had been said at once.
    (more,) = several(model, [Run(TEXTS, [0, 1], begin=[first[:3], ()])])
    assert facts(more) == facts(rows)
    # Another token in the second place: what comes before stays, what follows is said anew.
    other = (first[1] + 1) % 300
    (edited,) = several(model, [Run(TEXTS, [0, 1], begin=[(first[0], other), ()])])
    assert edited[0].ids[:2] == [first[0], other]
    expected = several(model, [Run([[*TEXTS[0], first[0], other]], [0])], steps=STEPS - 2)[0][0]
    assert edited[0].ids[2:] == expected.ids
    assert facts(edited)[1] == facts(rows)[1]
    assert edited[0].logprobs[1] == pytest.approx(
        float(model.run(torch.tensor([[*TEXTS[0], first[0]]]))[0, -1].log_softmax(-1)[other]),
        abs=1e-5,
    )
    # Edited with a seed: the later tokens draw the numbers of their own steps.
    hot = Sampling(1.2, seed=5)
    (drawn,) = several(model, [Run(TEXTS, [0, 1])], sampling=hot)
    (again,) = several(model, [Run(TEXTS, [0, 1], begin=[drawn[0].ids[:4], ()])], sampling=hot)
    assert facts(again) == facts(drawn)
    # An end-of-text token among those that are given does not end it, but as the last of them.
    monkeypatch.setattr(growing_rows, "ending_tokens", lambda model: frozenset({other}))
    (kept,) = several(model, [Run(TEXTS[:1], [0], begin=[(other, 5)])], ignore_end=False)
    assert len(kept[0].ids) > 2
    (ended,) = several(model, [Run(TEXTS[:1], [0], begin=[(5, other)])], ignore_end=False)
    assert ended[0].ids == [5, other]
    assert ended[0].ended


@pytest.mark.parametrize("stop", [1, 3])
def test_what_is_there_stays_when_it_is_cancelled(stop):
    model = tiny("llama")
    runs = [Run(TEXTS, [0, 1]), Run(TEXTS, [0, 1], adding(1, a_vector()))]
    whole = several(model, runs, (1,))
    heard = []

    def listen(share, step, grown):
        heard.append((share, step, grown))
        if step == stop:
            raise Cancelled

    with pytest.raises(Cancelled):
        grow(model, runs, (1,), Growing(STEPS, ignore_end=True), listen)
    assert [step for _share, step, _grown in heard] == list(range(1, stop + 1))
    _share, _step, grown = heard[-1]
    for rows, all_rows in zip(grown, whole, strict=True):
        assert ids_of(rows) == [one.ids[:stop] for one in all_rows]
    assert model.hooks_left() == 0
    assert [facts(rows) for rows in several(model, runs, (1,))] == [facts(rows) for rows in whole]


def test_shares_rise_to_one_over_all_lengths():
    model = tiny("llama")
    model.budget_bytes = grown_bytes(model, 8, STEPS, cached=True)
    heard = []
    try:
        runs = [Run([*RAGGED, *RAGGED], range(6))]
        grow(model, runs, (), Growing(STEPS, ignore_end=True),
             lambda share, step, grown: heard.append(share))  # fmt: skip
    finally:
        model.budget_bytes = None
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1.0)
    assert len(heard) == 6 * STEPS  # one at a time


def test_running_out_of_memory_halves_what_grows_together(monkeypatch):
    model = tiny("llama")
    runs = [
        Run([*TEXTS, *TEXTS], range(4)),
        Run([*TEXTS, *TEXTS], range(4), adding(1, a_vector())),
    ]
    whole = several(model, runs, (1,))
    advance, tried = Decoder.advance, []

    def short(self, check=None):
        rows = len(self.coming.rows)
        if rows > 1 and self.step == 3:
            tried.append(rows)
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return advance(self, check)

    monkeypatch.setattr(Decoder, "advance", short)
    halved = several(model, runs, (1,))
    assert tried == [4, 2]
    assert [ids_of(rows) for rows in halved] == [ids_of(rows) for rows in whole]
    assert all(len(one.top) == len(one.ids) == STEPS for rows in halved for one in rows)
    assert model.hooks_left() == 0

    def never(self, check=None):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(Decoder, "advance", never)
    with pytest.raises(MemoryExhaustedError, match="shorten"):
        several(model, runs, (1,))


def test_rows_of_a_single_run_may_be_cells_of_a_sweep():
    model = tiny("gpt2")
    vector = a_vector()
    cells = [
        (layer, coef, text) for layer in (0, 2) for coef in (-1.0, 0.0, 2.0) for text in (0, 1)
    ]

    def planned(row, step, held):
        layer, coef, _text = cells[row]
        if step or not coef:
            return []
        return [Edit(layer, "resid_post", Add(coef * vector[None]), None, (held.stop - 1,))]

    run = Run([TEXTS[t] for *_cell, t in cells], [t for *_cell, t in cells], Changes(planned))
    (rows,) = several(model, [run], (0, 2))
    for row, (layer, coef, text) in enumerate(cells):
        alone = several(model, [Run([TEXTS[text]], [text], adding(layer, coef * vector))], (layer,))
        assert rows[row].ids == alone[0][0].ids
        assert rows[row].logprobs == pytest.approx(alone[0][0].logprobs, abs=1e-5)


def test_equal_logits_are_noted_with_their_step_and_numbers_that_are_none_end_a_row():
    model = tiny("llama")
    last = model.info.n_layers - 1

    def zeroed(row, step, held):
        return [Edit(last, "resid_post", Zero())] if row == 0 and step == 2 else []

    (rows,) = several(model, [Run(TEXTS, [0, 1], Changes(zeroed))], (last,))
    assert rows[0].constant == 2
    assert rows[0].ids[2] == 0
    assert rows[1].constant is None

    huge = torch.full((1, 32), float("nan"))

    def wild(row, step, held):
        return [Edit(1, "resid_post", Add(huge), None, (held.stop - 1,))] if not row else []

    for sampling in (Sampling(), Sampling(1.0)):
        run = Run(TEXTS, [0, 1], Changes(wild))
        plain, rows = several(model, [Run(TEXTS, [0, 1]), run], (1,), sampling=sampling)
        assert rows[0].broken == 0
        assert rows[0].ids == []
        assert facts(rows)[1] == facts(plain)[1]


def test_said_with_other_lengths_keeps_step_with_its_prompts():
    model = tiny("llama")
    said = [[*text[:1], 77, 78, *text[1:]] for text in RAGGED]
    said[1] = [*said[1], 5]
    runs = [Run(RAGGED, [0, 1, 2]), Run(said, [0, 1, 2])]
    plain, told = several(model, runs)
    for row in range(3):
        assert ids_of(several(model, [Run([RAGGED[row]], [row])])[0]) == [plain[row].ids]
        assert ids_of(several(model, [Run([said[row]], [row])])[0]) == [told[row].ids]


def test_texts_that_would_change_each_other_grow_each_by_itself():
    model = replace(tiny("llama"), reads_together=False)
    runs = [Run(TEXTS, [0, 1]), Run(TEXTS, [0, 1])]
    assert at_once(model, runs, Growing(STEPS)) == 1
    several(model, runs, steps=1)  # what is tried of a model is tried here
    before = model.forward_passes
    plain, _again = several(model, runs)
    assert model.forward_passes - before == 2 * 2 * STEPS
    scored(model, TEXTS, ids_of(plain))
    assert model.forward_passes - before == 2 * 2 * STEPS + 2


def test_memory_is_told_before_it_is_taken():
    model = tiny("llama")
    runs = [Run(TEXTS, [0, 1]), Run(TEXTS, [0, 1])]
    short, long = (needed_bytes(model, runs, Growing(steps)) for steps in (4, 40))
    assert 0 < short < long
    assert needed_bytes(model, runs[:1], Growing(4)) == short / 2
    ragged = [Run(RAGGED, [0, 1, 2])]
    left, right = (needed_bytes(model, ragged, Growing(4, padding=p)) for p in ("left", "right"))
    assert right - left == 3 * 5 * 8 * 1.5 * model.info.d_vocab  # logits of five columns more
    assert grown_bytes(model, 8, 40, cached=True) > grown_bytes(model, 8, 4, cached=True)
    model.budget_bytes = 1
    try:
        assert at_once(model, runs, Growing(4)) == 1
    finally:
        model.budget_bytes = None


def test_more_than_a_model_reads_is_refused_by_name():
    model = tiny("llama")
    require_room(model, [8], 56, "--max-new-tokens")
    with pytest.raises(BadInputError, match=r"--max-new-tokens 57 .* at most 64: generate fewer"):
        require_room(model, [8], 57, "--max-new-tokens")
