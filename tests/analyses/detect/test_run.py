"""Head detectors: the circuit set by hand, closed forms, and the model pack."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from desktop_app.analyses.detect import pattern_scores
from desktop_app.analyses.detect.run import run
from desktop_app.analyses.detect.spec import PATTERN_SCORES, DetectParams
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.sequences import lead_token, ordinary_tokens, repeated_sequences
from desktop_app.pictures.text_tables import as_text
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.tind import SEQ_LEN, tind
from tests.engine.zoo import save_tiny
from tests.models import named, tiny

LENGTH = 2 * SEQ_LEN + 1
UNIFORM = (0, 1)  # a head whose attention is 1/(q + 1) everywhere


def detect(model, **settings):
    return run(model, DetectParams(**settings), SilentReporter())


@pytest.fixture(scope="module")
def by_hand():
    return detect(tind(), batch=3, seq_len=SEQ_LEN, keep_patterns=True)


def uniform_mean(queries):
    return np.mean([1 / (q + 1) for q in queries])


def test_the_circuit_set_by_hand_is_seen(by_hand):
    assert by_hand.data["induction"][1, 0] >= 0.999
    assert by_hand.data["previous_token"][0, 0] >= 0.999
    others = [by_hand.data["induction"][place] for place in ((0, 0), (0, 1), (1, 1))]
    assert max(others) < 0.05


def test_masks_take_exactly_the_queries_with_the_offset(by_hand):
    second = uniform_mean(range(SEQ_LEN + 1, LENGTH))
    expected = {
        "induction": second,
        "duplicate_token": second,
        "previous_token": uniform_mean(range(1, LENGTH)),
        "first_token": uniform_mean(range(LENGTH)),
        "current_token": uniform_mean(range(LENGTH)),
    }
    for name, value in expected.items():
        assert by_hand.data[name][UNIFORM] == pytest.approx(value, abs=1e-6), name
    assert by_hand.data["queries"]["induction"] == SEQ_LEN


def test_the_whole_diagonal_counts_queries_before_the_second_half():
    found = detect(tind(), batch=2, seq_len=SEQ_LEN, whole_diagonal=True).data
    expected = {
        "induction": uniform_mean(range(SEQ_LEN - 1, LENGTH)),
        "duplicate_token": uniform_mean(range(SEQ_LEN, LENGTH)),
    }
    for name, value in expected.items():
        assert found[name][UNIFORM] == pytest.approx(value, abs=1e-6), name


def test_scores_equal_those_of_a_cached_pattern():
    model = tiny("llama")
    found = detect(model, batch=3, seq_len=6, keep_patterns=True)
    ids = torch.tensor([p.tokens.ids for p in found.prompts])
    _logits, cache = model.bridge.run_with_cache(ids)
    for layer in range(model.info.n_layers):
        pattern = cache[f"blocks.{layer}.attn.hook_pattern"]
        rows = range(7, 13)
        expected = torch.stack([pattern[:, :, q, q - 5] for q in rows]).mean((0, 1))
        np.testing.assert_allclose(found.data["induction"][layer], expected.numpy(), atol=1e-6)
        np.testing.assert_allclose(found.data["pattern"][layer], pattern[0].numpy(), atol=1e-6)


def test_memory_for_one_sequence_at_a_time_changes_nothing(monkeypatch):
    whole = detect(tiny("gpt2"), batch=5, seq_len=6)
    monkeypatch.setattr(pattern_scores, "_CPU_TOKENS_PER_PASS", 1)
    single = detect(tiny("gpt2"), batch=5, seq_len=6)
    assert single.timing.forward_passes == 6  # one of them for the families
    for name in PATTERN_SCORES:
        np.testing.assert_allclose(single.data[name], whole.data[name], atol=1e-6)


def test_running_out_of_memory_halves_the_batch(monkeypatch):
    model, plain, tried = tiny("gpt2"), detect(tiny("gpt2"), batch=4, seq_len=6), []
    own = pattern_scores._one_pass

    def fail_above_two(model, ids, rows, *rest):
        tried.append(rows.stop - rows.start)
        if rows.stop - rows.start > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return own(model, ids, rows, *rest)

    monkeypatch.setattr(pattern_scores, "_one_pass", fail_above_two)
    found = detect(model, batch=4, seq_len=6)
    assert tried == [4, 2, 2]
    np.testing.assert_allclose(found.data["induction"], plain.data["induction"], atol=1e-6)


def test_sequences_are_lead_r_r_of_distinct_ordinary_tokens():
    model = named("toy")
    lead = lead_token(model, DetectParams())
    ids = repeated_sequences(model, 4, 50, 0, lead)
    assert ids.shape == (4, 101)
    assert bool((ids[:, 0] == model.tokenizer.bos_id).all())
    assert torch.equal(ids[:, 1:51], ids[:, 51:])
    ordinary = set(ordinary_tokens(model).tolist())
    for row in ids[:, 1:51].tolist():
        assert len(set(row)) == 50
        assert set(row) <= ordinary
    assert torch.equal(repeated_sequences(model, 2, 50, 0, lead), ids[:2])
    assert not torch.equal(repeated_sequences(model, 4, 50, 1, lead), ids)


def test_seeds_give_a_mean_and_a_spread():
    single = [detect(tiny("gpt2"), batch=2, seq_len=5, seed=s).data["induction"] for s in (3, 4, 5)]
    found = detect(tiny("gpt2"), batch=2, seq_len=5, seed=3, seeds=3).data
    np.testing.assert_allclose(found["induction"], np.mean(single, 0), atol=1e-7)
    np.testing.assert_allclose(found["induction_spread"], np.std(single, 0, ddof=1), atol=1e-7)


def test_a_painted_stripe_scores_like_the_detector_it_copies(by_hand):
    stripe = np.zeros((LENGTH, LENGTH))
    for q in range(SEQ_LEN + 1, LENGTH):
        stripe[q, q - SEQ_LEN + 1] = 1
    found = detect(tind(), batch=3, seq_len=SEQ_LEN, pattern=stripe.tolist()).data
    np.testing.assert_allclose(found["target"], by_hand.data["induction"], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p[:-1], "rows"),
        (lambda p: p + 2, "outside"),
        (lambda p: p.T, "above the diagonal"),
        (lambda p: p * 0, "empty"),
    ],
)
def test_a_painted_pattern_that_does_not_fit_is_refused(change, words):
    pattern = np.tril(np.ones((LENGTH, LENGTH)), -1)
    with pytest.raises(BadInputError, match=words):
        detect(tind(), batch=1, seq_len=SEQ_LEN, pattern=change(pattern).tolist())


def test_prompts_that_repeat_score_like_sequences_do(by_hand):
    texts = [" ".join(p.tokens.texts[1:]) for p in by_hand.prompts]
    rows = [{"text": text} for text in texts]
    found = detect(tind(), on="prompts", prompts=rows, bos="yes")
    assert found.prompts[0].tokens.ids == by_hand.prompts[0].tokens.ids
    for name in PATTERN_SCORES:
        np.testing.assert_allclose(found.data[name], by_hand.data[name], atol=1e-6)


def test_prompts_without_repeats_have_no_induction_score():
    found = detect(tind(), on="prompts", prompts=[{"text": "A B C D"}])
    assert np.isnan(found.data["induction"]).all()
    assert np.isfinite(found.data["previous_token"]).all()
    assert "no_repeats" in [n.code for n in found.warnings]


def test_families_tell_copying_from_succession():
    copying = detect(tind(), batch=1, seq_len=5, families="letters,digits", embedding="raw").data
    assert copying["copy"][1, 0] == 1.0
    assert copying["successor"][1, 0] == 0.0
    assert copying["copy"][UNIFORM] == 0.0  # it writes nothing: no member is the greatest
    found = detect(
        tind(successor=True), batch=1, seq_len=5, families="letters,digits", embedding="layer0"
    ).data
    assert found["successor"][1, 0] == 1.0
    assert found["copy"][1, 0] == 0.0
    assert found["family_pairs"].tolist() == [25, 9]


def test_members_of_several_tokens_are_told_by_name():
    found = detect(tiny("gpt2"), batch=1, seq_len=5, families="days,letters")
    assert found.data["family_left_out"][0][0] == "Monday"
    notice = next(n for n in found.warnings if n.code == "family_left_out")
    assert "Monday" in notice.message
    assert np.isnan(found.data["successor_by_family"][..., 0]).all()
    assert np.isfinite(found.data["successor_by_family"][..., 1]).all()


def test_what_cannot_be_is_refused_in_a_sentence():
    cases = {
        "reads at most": {"seq_len": 60},
        "does not exist": {"families": "planets"},
        "is no token": {"first_token": "<nothing>"},
        "--bos no": {"bos": "no"},
    }
    for words, settings in cases.items():
        with pytest.raises(BadInputError, match=words):
            detect(tiny("gpt2"), **{"batch": 1, "seq_len": 5, **settings})


def test_nothing_is_left_behind_and_passes_stay_few():
    model = named("toy")
    detect(model, batch=1, seq_len=2)  # hooks are tried out in the first one
    found = detect(model, batch=30, seq_len=50)
    assert found.timing.forward_passes == 2  # the sequences at once, and the families
    assert model.hooks_left() == 0
    assert found.data["induction"][1].min() > 0.8
    assert found.data["previous_token"][0, 3] > 0.9


def test_the_circuit_card_finds_the_toys_circuit_and_ablation_agrees():
    found = detect(named("toy"), batch=6, seq_len=30, card="auto")
    card = found.data["card"]
    assert (card["previous"]["layer"], card["previous"]["head"]) == (0, 3)
    assert card["induction"]["layer"] == 1
    assert card["induction"]["induction"] > 0.8
    rise = {row["title"]: row["rise"] for row in card["ablation"]}
    assert rise["previous-token head"] > 3
    assert rise["all induction heads"] > 3
    assert card["composition"]["K"] > card["composition"]["baseline_K"] * 1.5
    assert found.data["card_induction_pattern"].shape == (61, 61)
    told = found.data["summary"][-3:]
    assert told[0].startswith("L0H3, the previous-token head, carries the circuit: the loss rises ")
    assert told[1].startswith("Induction heads back each other up: without L1H")
    assert told[2].startswith("Loss on the second half")
    assert rise["induction head"] < 1 < rise["all induction heads"]
    pairs = [row["heads"] for row in card["controls"]]
    assert len(pairs) == 20 == len({str(pair) for pair in pairs})
    playing = [[0, 3], *([1, head] for head in range(4))]
    assert not any(head in playing for pair in pairs for head in pair)


def test_a_card_in_half_precision_says_its_noise_floor(tmp_path):
    spec = ModelSpec(str(save_tiny("llama", tmp_path / "tiny")), device="cpu", dtype="bfloat16")
    found = detect(load(spec, SilentReporter()), batch=2, seq_len=6, card="0.0,1.0")
    noise = found.data["card"]["noise"]
    assert 0 <= noise < 1
    assert any("noise floor" in sentence for sentence in found.data["summary"])
    whole = detect(tiny("llama"), batch=2, seq_len=6, card="0.0,1.0")
    assert "noise" not in whole.data["card"]


def test_the_circuit_cards_numbers_are_those_set_by_hand():
    card = detect(tind(), batch=4, seq_len=SEQ_LEN, card="0.0,1.0").data["card"]
    assert card["composition"]["K"] == pytest.approx(48**-0.5, rel=1e-4)
    assert card["composition"]["Q"] == card["composition"]["V"] == 0
    rise = {row["title"]: row["rise"] for row in card["ablation"]}
    assert rise["induction head"] > 3
    assert [row["rise"] for row in card["controls"]] == pytest.approx([0.0], abs=1e-6)
    with pytest.raises(BadInputError, match="earlier layer"):
        detect(tind(), batch=1, seq_len=5, card="1.0,0.0")


@pytest.mark.model
@pytest.mark.pack
@pytest.mark.slow
def test_the_packs_heads(smollm2_folder):
    found = detect(named("smollm2"), batch=6, seq_len=50).data

    def best(name):
        return divmod(int(np.nanargmax(found[name])), 9)

    assert best("induction") == (18, 6)
    assert best("previous_token") == (16, 0)
    assert best("duplicate_token") in {(14, 3), (8, 0)}
    assert best("successor") == (23, 3)
    assert found["induction"][18, 6] == pytest.approx(0.9, abs=0.03)
    assert found["previous_token"][16, 0] == pytest.approx(0.90, abs=0.02)
    assert found["successor"][23, 3] == pytest.approx(0.239, abs=0.001)
    assert found["family_pairs"].sum() == 71


@pytest.mark.model
@pytest.mark.pack
@pytest.mark.slow
def test_the_packs_successor_head_is_blind_to_raw_embeddings(smollm2_folder):
    found = detect(named("smollm2"), batch=1, seq_len=5, embedding="raw").data
    assert found["successor"][23, 3] == pytest.approx(0.014, abs=0.001)


class Steps(SilentReporter):
    """Keeps what was reported."""

    def __init__(self):
        self.steps = []

    def step(self, fraction, note=""):
        self.steps.append((fraction, note))


@pytest.mark.parametrize(
    ("settings", "most", "least"),
    [({"card": "auto"}, 0.2, 0.1), ({"card": "auto", "seeds": 3}, 0.4, 0.3), ({}, 1.0, 0.9)],
)
def test_progress_is_proportional_to_time(settings, most, least):
    # With a card the card takes most of the time, and with several seeds the patterns take more.
    heard = Steps()
    run(tind(), DetectParams(batch=3, seq_len=SEQ_LEN, **settings), heard)
    fractions = [fraction for fraction, _ in heard.steps]
    assert fractions == sorted(fractions)
    families = [fraction for fraction, note in heard.steps if note.startswith("Families")]
    assert least < families[0] < most + 0.01
    assert fractions[-1] == 1.0


class Impatient(SilentReporter):
    """Cancels when the first part of a later stage begins, or after some seeds."""

    keeps_partial = True

    def __init__(self, note="", seeds=99):
        self.note, self.seeds, self.is_cancelled = note, seeds, False

    def step(self, fraction, note=""):
        self.is_cancelled = self.is_cancelled or bool(self.note and note.startswith(self.note))
        self.check()

    def check(self):
        if self.is_cancelled:
            raise Cancelled

    def partial(self, data):
        self.seeds -= 1
        self.is_cancelled = self.is_cancelled or not self.seeds
        self.check()


def test_seeds_that_were_done_are_kept_when_it_is_stopped():
    settings = {"batch": 2, "seq_len": 6}
    whole = detect(tind(), seeds=2, **settings)
    params = DetectParams(seeds=4, **settings)
    part = run(tind(), params, Impatient(seeds=2))
    assert part.partial == "Stopped after 2 of 4 seeds. Run again for the rest."
    np.testing.assert_array_equal(part.data["induction"], whole.data["induction"])
    np.testing.assert_array_equal(part.data["induction_spread"], whole.data["induction_spread"])
    assert "copy" not in part.data
    assert part.data["summary"]
    assert part.partial in as_text(part)
    unwilling = Impatient(seeds=2)
    unwilling.keeps_partial = False
    with pytest.raises(Cancelled):
        run(tind(), params, unwilling)


def test_scores_are_kept_when_it_is_stopped_at_the_card():
    part = run(tind(), DetectParams(batch=2, seq_len=6, card="0.0,1.0"), Impatient("Composition"))
    assert part.partial == "Stopped before the circuit card. Run again for the rest."
    assert "card" not in part.data
    assert "copy" in part.data
    part = run(tind(), DetectParams(batch=2, seq_len=6), Impatient("Families"))
    assert part.partial == "Stopped before the scores on families. Run again for the rest."
    assert "induction" in part.data
