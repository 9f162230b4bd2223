"""Training step by step: against plain numpy, on features that are known, and what is dead."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from desktop_app.analyses.train_sae import training
from desktop_app.analyses.train_sae.spec import TrainSaeParams
from desktop_app.analyses.train_sae.training import Trainer, act, measure, scale_of
from desktop_app.contract.report import SilentReporter

WIDTH, FEATURES, BATCH = 6, 11, 8


def draw(count, width=WIDTH, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(count, width, generator=generator) + 1


def trainer_of(x, features, **settings):
    params = TrainSaeParams(**settings)
    return Trainer(x, scale_of(x), features, params, torch.device("cpu"))


class Plain:
    """The same by loops and by hand in float64: gradients, Adam, and what revives features."""

    def __init__(self, x, scale, params, features, recent):
        self.x, self.scale, self.params, self.recent = x.double().numpy(), scale, params, recent
        self.random = torch.Generator().manual_seed(params.seed)
        rows = torch.randn(features, x.shape[1], generator=self.random).double().numpy()
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        centre = self.x.mean(0) * scale
        self.w = {"E": rows.T.copy(), "e": np.zeros(features), "D": rows, "d": centre}
        self.m = {name: np.zeros_like(v) for name, v in self.w.items()}
        self.v = {name: np.zeros_like(v) for name, v in self.w.items()}
        self.quiet, self.done, self.order = np.zeros(features, dtype=int), 0, np.empty(0, dtype=int)

    def step(self):
        p, w, n = self.params, self.w, self.params.batch
        z = self._batch() * self.scale
        rise = min(1, (self.done + 1) / (p.steps / 20))
        rate = p.lr * min(rise, (p.steps - self.done) / (p.steps / 5), 1)
        scores = (z - w["d"]) @ w["E"] + w["e"]
        on = scores > 0
        if p.kind == "topk":
            largest = np.zeros_like(on)
            np.put_along_axis(largest, np.argsort(-scores, axis=1)[:, : p.k], True, axis=1)
            on &= largest
        f = scores * on
        missing = z - (f @ w["D"] + w["d"])
        penalty = 0.0 if p.kind == "topk" else p.l1 * rise
        loss = (missing**2).sum(1).mean() + penalty * f.sum(1).mean()
        self.quiet += n
        self.quiet[on.any(0)] = 0
        dead_share = (self.quiet >= min(self.recent, (self.done + 1) * n)).mean()
        back = -2 * missing / n
        to_scores = (back @ w["D"].T + penalty / n) * on
        again, revived = self._revival(scores, missing)
        slopes = {"D": f.T @ back + revived.T @ again, "d": back.sum(0)}
        to_scores += (again @ w["D"].T) * (revived != 0)
        slopes |= {"E": (z - w["d"]).T @ to_scores, "e": to_scores.sum(0)}
        slopes["d"] -= (to_scores @ w["E"].T).sum(0)
        slopes["D"] -= (slopes["D"] * w["D"]).sum(1, keepdims=True) * w["D"]
        self._move(slopes, rate)
        return loss, on.sum(1).mean(), dead_share

    def _batch(self):
        n = self.params.batch
        while len(self.order) < n:
            drawn = torch.randperm(len(self.x), generator=self.random).numpy()
            self.order = np.concatenate([self.order, drawn])
        chosen, self.order = self.order[:n], self.order[n:]
        return self.x[chosen]

    def _revival(self, scores, missing):
        """Return the slope at what dead features reconstruct, and their activations there."""
        dead, some = np.flatnonzero(self.quiet >= self.recent), np.zeros_like(scores)
        half = self.x.shape[1] // 2
        few = min(half, len(dead))
        for row in range(len(scores) if few else 0):
            best = dead[np.argsort(-scores[row, dead])[:few]]
            some[row, best] = scores[row, best]
        rest = missing - some @ self.w["D"]
        return -2 * rest / len(scores) * (few / half) / 32, some

    def _move(self, slopes, rate):
        self.done += 1
        for name, slope in slopes.items():
            self.m[name] = 0.9 * self.m[name] + 0.1 * slope
            self.v[name] = 0.999 * self.v[name] + 0.001 * slope**2
            mean = self.m[name] / (1 - 0.9**self.done)
            spread = self.v[name] / (1 - 0.999**self.done)
            self.w[name] = self.w[name] - rate * mean / (np.sqrt(spread) + 1e-8)
        self.w["D"] /= np.linalg.norm(self.w["D"], axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["standard", "topk"])
def test_every_step_is_that_of_plain_numpy(kind, monkeypatch):
    monkeypatch.setattr(training, "DEAD_TOKENS", 3 * BATCH)
    x = draw(20)
    settings = {"kind": kind, "k": 2, "l1": 12.0, "steps": 40, "batch": BATCH, "lr": 0.02}
    trainer = trainer_of(x, FEATURES, **settings)
    plain = Plain(x, scale_of(x), TrainSaeParams(**settings), FEATURES, 3 * BATCH)
    dead = []
    for _step in range(25):
        seen, (loss, l0, share) = trainer.step(), plain.step()
        assert seen.loss == pytest.approx(loss, rel=1e-4)
        assert seen.l0 == pytest.approx(l0)
        assert seen.dead == pytest.approx(share)
        dead.append(share)
    assert max(dead[3:]) > 0  # so that what revives was at work
    found = trainer.weights()
    np.testing.assert_allclose(found["W_enc"], plain.w["E"], atol=2e-3)
    np.testing.assert_allclose(found["W_dec"], plain.w["D"], atol=2e-3)
    np.testing.assert_allclose(found["b_enc"] * trainer.scale, plain.w["e"], atol=2e-3)
    np.testing.assert_allclose(found["b_dec"] * trainer.scale, plain.w["d"], atol=2e-3)
    np.testing.assert_allclose(found["W_dec"].norm(dim=1), 1, atol=1e-6)


def test_the_scale_brings_activations_to_a_mean_norm_of_the_root_of_their_width():
    x = draw(5_000)  # more than are measured at once
    assert float((x * scale_of(x)).norm(dim=-1).mean()) == pytest.approx(WIDTH**0.5, rel=1e-5)


def test_finished_weights_give_for_activations_what_training_gave_for_scaled_ones():
    x = draw(40)
    trainer = trainer_of(x, FEATURES, steps=30, batch=16, l1=0.5)
    for _step in range(30):
        trainer.step()
    w = trainer.weights()
    features = act((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 0)
    back = features @ w["W_dec"] + w["b_dec"]
    told = measure(w, 0, x)
    mean = x.mean(0)
    explained = 1 - float(((x - back) ** 2).sum() / ((x - mean) ** 2).sum())
    assert told.explained == pytest.approx(explained, rel=1e-4)
    assert told.mse == pytest.approx(float(((x - back) ** 2).mean()), rel=1e-4)
    assert told.l0 == pytest.approx(float((features > 0).sum(1).float().mean()))
    assert told.dead == pytest.approx(1 - float((features > 0).any(0).float().mean()))
    again = x * 7  # the same text in other units: the same autoencoder in those units
    other = trainer_of(again, FEATURES, steps=30, batch=16, l1=0.5)
    for _step in range(30):
        other.step()
    np.testing.assert_allclose(other.weights()["b_dec"], 7 * w["b_dec"], rtol=1e-2, atol=1e-2)
    assert measure(other.weights(), 0, again).explained == pytest.approx(explained, abs=1e-3)


@pytest.mark.parametrize(("kind", "settings"), [("standard", {"l1": 0.4}), ("topk", {"k": 2})])
def test_features_that_activations_were_made_of_are_found(kind, settings):
    generator = torch.Generator().manual_seed(3)
    true = torch.nn.functional.normalize(torch.randn(10, 16, generator=generator), dim=1)
    active = torch.rand(4_000, 10, generator=generator) < 0.12
    x = (active * (1 + torch.rand(4_000, 10, generator=generator))) @ true
    x = x[active.any(1)]
    trainer = trainer_of(x, 20, kind=kind, steps=500, batch=128, lr=5e-3, **settings)
    for _step in range(500):
        trainer.step()
    w = trainer.weights()
    alike = (true @ w["W_dec"].T).amax(1)
    assert float(alike.min()) > 0.95
    assert measure(w, 2 if kind == "topk" else 0, x).explained > 0.85


def test_the_largest_are_kept_and_none_below_nothing():
    scores = torch.tensor([[3.0, -1.0, 2.0, 5.0], [-4.0, -1.0, -2.0, 0.5]])
    assert act(scores, 2).tolist() == [[3, 0, 0, 5], [0, 0, 0, 0.5]]
    assert act(scores, 0).tolist() == [[3, 0, 2, 5], [0, 0, 0, 0.5]]


class Hears(SilentReporter):
    def __init__(self):
        self.told = []

    def step(self, fraction, note=""):
        self.told.append((round(fraction, 2), note))


def test_many_features_are_measured_in_small_passes_with_the_same_end():
    x, report = draw(70), Hears()
    w = trainer_of(x, 2**20, steps=1, batch=2).weights()
    told = measure(w, 3, x, report)
    assert report.told[:2] == [
        (0.0, "measuring, 0 of 70 tokens"),
        (0.23, "measuring, 16 of 70 tokens"),
    ]
    assert len(report.told) == 5
    features = act((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 3)
    missing = (x - features @ w["W_dec"] - w["b_dec"]).double()
    assert told.mse == pytest.approx(float(missing.square().mean()), rel=1e-5)
    assert told.l0 == float((features > 0).sum()) / 70
    assert told.dead == pytest.approx(1 - float((features > 0).any(0).double().mean()), rel=1e-6)


def test_tokens_that_are_all_alike_have_no_variance_to_explain():
    w = trainer_of(draw(4), FEATURES).weights()
    assert np.isnan(measure(w, 0, torch.ones(5, WIDTH)).explained)
