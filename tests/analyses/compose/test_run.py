"""Composition: against dense matrices, the circuit set by hand, and the model pack."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from desktop_app.analyses.compose import picture
from desktop_app.analyses.compose import run as circuits
from desktop_app.analyses.compose.run import run
from desktop_app.analyses.compose.spec import ComposeParams
from desktop_app.contract.report import SilentReporter
from desktop_app.engine.weights import head_weights
from desktop_app.methods.composition import composition_scores, random_baseline
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.tind import VOCABULARY, tind
from tests.models import named, tiny


def compose(model, **settings):
    return run(model, ComposeParams(**settings), SilentReporter())


def dense(model, kind, early, late, *, fold=False):
    """Return one score from full d_model × d_model matrices."""
    (l1, h1), (l2, h2) = early, late
    a, b = head_weights(model, l1, fold=fold), head_weights(model, l2, fold=fold)
    first = a.v[h1] @ a.o[h1]
    second = {
        "Q": b.q[h2] @ b.k[h2].T,
        "K": b.k[h2] @ b.q[h2].T,
        "V": b.v[h2] @ b.o[h2],
    }[kind]
    return float((first @ second).norm() / first.norm() / second.norm())


@pytest.mark.parametrize(
    "architecture", ["gpt2", "llama", "qwen3", "phi3", "gemma2", "gemma4_text:wide"]
)
@pytest.mark.parametrize("fold", [False, True])
def test_factored_scores_equal_dense_ones(architecture, fold):
    model = tiny(architecture)
    score = composition_scores(model, ("Q", "K", "V"), SilentReporter(), fold=fold)
    for number, kind in enumerate("QKV"):
        for early, late in (((0, 1), (1, 3)), ((0, 2), (2, 0)), ((1, 3), (2, 2))):
            expected = dense(model, kind, early, late, fold=fold)
            assert score[(number, *early, *late)] == pytest.approx(expected, rel=1e-4)


def test_only_earlier_layers_compose():
    score = compose(tiny("llama")).data["score"]
    assert score.shape == (3, 3, 4, 3, 4)
    for early in range(3):
        for late in range(3):
            assert (score[:, early, :, late] > 0).all() == (early < late)
            assert (score[:, early, :, late] == 0).all() == (early >= late)


def test_the_circuit_set_by_hand_composes_through_keys_alone():
    score = compose(tind()).data["score"]
    assert score[1, 0, 0, 1, 0] == pytest.approx(VOCABULARY**-0.5, rel=1e-5)
    assert (score[[0, 2], 0, 0, 1, 0] == 0).all()
    assert np.count_nonzero(score) == 1


def test_one_kind_alone_is_the_same_number():
    alone = compose(tiny("gpt2"), kind="V").data
    assert alone["kinds"] == ("V",)
    assert alone["score"].shape[0] == 1
    np.testing.assert_allclose(alone["score"][0], compose(tiny("gpt2")).data["score"][2])


def test_chance_is_that_of_random_matrices():
    model = tiny("gpt2")
    means, spreads = random_baseline(model, ("Q", "K", "V"), 0)
    random = torch.Generator().manual_seed(7)
    draws = []
    for _ in range(200):
        a, b, c, d = (torch.randn(32, 8, generator=random) for _ in range(4))
        first, second = a @ b.T, c @ d.T
        draws.append(float((first @ second).norm() / first.norm() / second.norm()))
    assert means == pytest.approx([np.mean(draws)] * 3, rel=0.02)
    assert all(0 < spread < 0.05 for spread in spreads)


def test_the_full_circuit_set_by_hand_is_perfect_and_a_wrong_head_is_not():
    found = compose(tind(), full_circuit="0.0,1.0", ov="1.0").data
    assert found["top1"].tolist() == found["ov_top1"].tolist() == [1.0, 1.0]
    assert found["n"] == found["ov_n"] == VOCABULARY
    wrong = compose(tind(successor=True), ov="1.0").data
    # Each token writes the next, and the last writes nothing, where all tie.
    assert wrong["top1"].max() <= 2 / VOCABULARY
    layer0 = compose(tind(), full_circuit="0.0,1.0", embedding="layer0").data
    assert layer0["top1"].tolist() == [1.0, 1.0]
    assert layer0["lead"]["piece"] == "<s>"


def test_blocks_agree_with_the_whole_matrix_in_both_directions(monkeypatch):
    model = tiny("gpt2")
    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn(300, 5, generator=random) for _ in range(2))
    circuit = circuits.Circuit(torch.arange(300), left, (left + 0.7 * right).T)
    matrix = circuit.left @ circuit.right
    rows = [
        float((matrix.topk(k, dim=1).indices == torch.arange(300)[:, None]).any(1).double().mean())
        for k in (1, 5)
    ]
    columns = [
        float((matrix.topk(k, dim=0).indices == torch.arange(300)).any(0).double().mean())
        for k in (1, 5)
    ]
    monkeypatch.setattr(circuits, "_BLOCK_CELLS", 300 * 7)
    found = circuits.accuracy(circuit, SilentReporter())
    assert found["top1"].tolist() == pytest.approx([rows[0], columns[0]])
    assert found["top5"].tolist() == pytest.approx([rows[1], columns[1]])
    assert rows[0] != columns[0]
    turned = circuits.Circuit(circuit.ids, circuit.right.T, circuit.left.T)
    swapped = circuits.accuracy(turned, SilentReporter())
    assert swapped["top1"].tolist() == pytest.approx([columns[0], rows[0]])
    assert model.hooks_left() == 0


def test_the_circuit_is_the_formula_with_the_right_key_value_heads():
    model = tiny("llama")
    ids = circuits.choose_tokens(model, 0, 0)
    tokens = circuits.embed(model, ids, "raw", 0)
    circuit = circuits.induction_circuit(tokens, ((0, 1), (2, 3)))
    x = model.bridge.original_model.get_input_embeddings().weight.detach()
    layers = model.bridge.original_model.model.layers
    late, early = layers[2].self_attn, layers[0].self_attn
    q, k = late.q_proj.weight[24:32].T, late.k_proj.weight[8:16].T  # head 3 reads key head 1
    v, o = early.v_proj.weight[0:8].T, early.o_proj.weight[:, 8:16].T  # head 1 reads value head 0
    with torch.no_grad():
        expected = (x @ q) @ (x @ v @ o @ k).T
    torch.testing.assert_close(circuit.left @ circuit.right, expected, atol=1e-5, rtol=1e-4)


def test_drawn_tokens_are_counted_and_shown():
    found = compose(named("toy"), full_circuit="0.3,1.3", tokens=200, seed=1).data
    assert found["n"] == 200
    assert found["block"].shape == (40, 40)
    assert len(found["block_tokens"]) == 40
    again = compose(named("toy"), full_circuit="0.3,1.3", tokens=200, seed=1).data
    assert again["block_tokens"] == found["block_tokens"]


def test_pairs_and_heads_that_do_not_exist_are_refused():
    model = tiny("gpt2")
    for settings, words in (
        ({"full_circuit": "1.0,0.0"}, "earlier layer"),
        ({"full_circuit": "0.0,9.0"}, "does not exist"),
        ({"ov": "0.9"}, "does not exist"),
    ):
        with pytest.raises(BadInputError, match=words):
            compose(model, **settings)
    with pytest.raises(ValueError, match="pair of heads"):
        ComposeParams(full_circuit="5.3")


@pytest.mark.model
@pytest.mark.pack
@pytest.mark.slow
def test_the_packs_composition(smollm2_folder):
    model = named("smollm2")
    folded = compose(model, fold=True, kind="K").data["score"][0, :, :, 18, 6]
    assert folded[16, 0] == pytest.approx(0.161, abs=0.001)
    assert folded[11, 1] == pytest.approx(0.058, abs=0.001)
    assert folded[2, 1] == pytest.approx(0.054, abs=0.001)
    raw = compose(model).data
    assert raw["score"].shape == (3, 30, 9, 30, 9)
    assert np.unravel_index(raw["score"][1, :, :, 18, 6].argmax(), (30, 9)) == (16, 0)


@pytest.mark.model
@pytest.mark.pack
@pytest.mark.slow
def test_the_packs_full_circuit_needs_effective_embeddings(smollm2_folder):
    model = named("smollm2")
    ids = circuits.choose_tokens(model, 400, 0)

    def top1(pair, source):
        tokens = circuits.embed(model, ids, source, 0)
        circuit = circuits.induction_circuit(tokens, pair)
        return circuits.accuracy(circuit, SilentReporter())["top1"][0]

    assert top1(((16, 0), (18, 6)), "layer0") >= 0.70
    assert top1(((16, 0), (18, 6)), "raw") <= 0.35
    assert top1(((11, 1), (18, 6)), "layer0") <= 0.05


def test_a_circuit_that_writes_nothing_finds_nothing():
    ids = torch.arange(6)
    nothing = circuits.Circuit(ids, torch.zeros(6, 2), torch.ones(2, 6))
    found = circuits.accuracy(nothing, SilentReporter())
    assert found["top1"].tolist() == [0, 0]
    assert found["top5"].tolist() == [0, 0]
    own = circuits.accuracy(circuits.Circuit(ids, torch.eye(6), torch.eye(6)), SilentReporter())
    assert own["top1"].tolist() == [1, 1]


def test_a_run_that_is_stopped_before_its_circuits_keeps_the_scores():
    model = tiny("llama")
    params = ComposeParams(full_circuit="0.1,2.3", ov="2.3", tokens=64)

    class Impatient(SilentReporter):
        keeps_partial = True

        def step(self, fraction, note=""):
            if note.startswith("Embedding"):
                raise Cancelled

    class Unwilling(Impatient):
        keeps_partial = False

    part = run(model, params, Impatient())
    np.testing.assert_array_equal(part.data["score"], compose(model).data["score"])
    assert part.partial.startswith("Stopped before the circuits over the vocabulary.")
    assert "top1" not in part.data
    assert all("top-1" not in line for line in picture.lines(part))
    with pytest.raises(Cancelled):
        run(model, params, Unwilling())
