"""Circuits of the model pack on five number prompts: plain hooks, and numbers that are known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from desktop_app.analyses.circuit import run as circuit
from desktop_app.analyses.circuit.spec import CircuitParams
from desktop_app.contract.kept import parse_kept
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from tests.analyses.circuit.plain import Plain, parts_of
from tests.models import named

pytestmark = pytest.mark.pack
ROWS = tuple(
    PromptRow(text=f"{i} {i + 1} {i + 2} {i + 3} ", answer=str(i + 4), wrong=str(i + 3))
    for i in range(1, 6)
)
KEEP = "6.1,23.3@-1,20.5@-1@5,m0,m29"


def in_random_order(count):
    """Return prompts of four digits in which the last does not follow the one before."""
    chance, texts = random.Random(0), []  # noqa: S311
    while len(texts) < count:
        digits = chance.sample(range(1, 10), 4)
        if digits[3] != digits[2] + 1:
            texts.append(" ".join(map(str, digits)) + " ")
    return tuple(texts)


def run(**settings):
    settings = {"prompts": ROWS, "controls": 0, **settings}
    return circuit.run(named("smollm2"), CircuitParams(**settings), SilentReporter())


def test_circuits_of_the_pack_equal_plain_hugging_face_hooks(smollm2_folder):
    model, plain = named("smollm2"), Plain(smollm2_folder, "llama", 9)
    reference = in_random_order(6)
    ids = [model.tokenizer.encode(text).ids for text in reference]
    heads, parts = parts_of(model, mlps=False), parts_of(model, mlps=True)
    values = plain.means(ids, parts)
    everything = dict.fromkeys(heads)
    but_one = ",".join(f"{layer}.{head}" for layer, head in heads if (layer, head) != (23, 3))
    results = [
        run(keep=but_one, reference=reference),
        run(keep=KEEP, mlps=True, reference=reference),
    ]
    np.testing.assert_allclose(
        results[0].data["full"], [5.889, 3.785, 4.669, 4.162, 4.684], atol=2e-3
    )
    for n, record in enumerate(results[0].prompts[:2]):
        for result, kept, of in (
            (results[0], {p: at for p, at in everything.items() if p != (23, 3)}, heads),
            (results[1], parse_kept(KEEP), parts),
        ):
            expected = plain.score(record, kept, values, of)
            assert result.data["score"][n] == pytest.approx(expected, abs=1e-3)
            expected = plain.score(record, {}, values, of)
            assert result.data["empty"][n] == pytest.approx(expected, abs=1e-3)
    assert results[0].data["percent_of_means"] < 20
    assert abs(100 * results[0].data["empty_mean"] / results[0].data["full_mean"]) < 5


@pytest.mark.slow
def test_of_all_heads_of_the_pack_23_3_matters_most_and_6_1_second(smollm2_folder):
    """The order holds for whatever random-order reference; the values are those of this one."""
    data = run(minus=True, reference=in_random_order(100)).data
    lost = dict(zip(data["kept"], data["minus_percent"] - 100, strict=True))
    assert sorted(lost, key=lost.__getitem__)[:4] == ["23.3", "6.1", "20.5", "5.8"]
    for name, value in {"23.3": -90.9, "6.1": -23.0, "20.5": -17.6, "5.8": -16.3}.items():
        assert lost[name] == pytest.approx(value, abs=0.3)
    assert 100 * data["empty_mean"] / data["full_mean"] == pytest.approx(0.64, abs=0.2)
    assert data["percent_of_means"] == 100.0
