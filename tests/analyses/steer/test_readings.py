"""Readings: each new token's activation, projected, as plain Hugging Face's hooks see it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from desktop_app.engine.decoding import Decoder
from desktop_app.methods.vectors import Vector, save_vector
from desktop_app.support.errors import BadInputError
from tests.analyses.steer.asked import Stops, add, plain, steer
from tests.analyses.steer.plain import Hook
from tests.models import tiny

PROMPTS = ("abc def", "the sea is")
STEPS = 4


def made(model, folder, layer=2, site="resid_post"):
    generator = torch.Generator().manual_seed(9)
    values = 3 * torch.randn(model.info.d_model, generator=generator)
    path = folder / f"direction-{layer}.safetensors"
    save_vector(path, model, Vector(values, layer, site, (model.info.d_model,), "drawn"))
    return str(path), values


def steering(model, folder, layer=1):
    file, vector = made(model, folder, layer)
    return {"add": [file], "coef": (2.0,)}, 2 * vector


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "opt"])
@pytest.mark.parametrize("when", ["prompt", "every"])
def test_new_tokens_are_read_where_they_are_read(architecture, when, tmp_path):
    model = tiny(architecture)
    hf = plain(model.spec.model)
    given, vector = steering(model, tmp_path)
    file, direction = made(model, tmp_path)
    shared = {"read_direction": file, "max_new_tokens": STEPS, "ignore_eos": True, "when": when}
    found = steer(model, PROMPTS, say="Be kind.", **shared, **given).data
    unit = direction / direction.norm()
    for prompt, text in enumerate(PROMPTS):
        ids = list(model.tokenizer.encode(text).ids)
        new = found["steered"][prompt]["ids"]

        def change(x, _step, _start, ids=ids):
            x[0, len(ids) - 1] += vector
            if when == "every":
                x[0, len(ids) :] += vector

        whole = hf.seen([*ids, *new], 2, "resid_post", [Hook(1, "resid_post", change)])
        told = found["steered"][prompt]["reading"]
        assert told == pytest.approx((whole[-STEPS:] @ unit).tolist(), abs=1e-4)
        for name, before in (("plain", ids), ("said", found["said"][prompt]["prompt_ids"])):
            new = found[name][prompt]["ids"]
            whole = hf.seen([*before, *new], 2, "resid_post")
            told = found[name][prompt]["reading"]
            assert told == pytest.approx((whole[-STEPS:] @ unit).tolist(), abs=1e-4)
        assert len(found["control"][prompt]["reading"]) == STEPS
    at = found["read_at"]
    assert (at["layer"], at["site"]) == (2, "resid_post")
    assert at["norm"] == pytest.approx(float(direction.norm()))


def test_the_reading_is_behind_what_is_done_at_its_own_place(tmp_path):
    model = tiny("llama")
    file, _direction = made(model, tmp_path)
    shared = {"read_direction": file, "max_new_tokens": 2, "ignore_eos": True, "when": "every"}
    found = steer(model, PROMPTS[:1], project_out=file, **shared).data
    assert found["steered"][0]["reading"] == pytest.approx([0.0, 0.0], abs=1e-5)
    assert max(map(abs, found["plain"][0]["reading"])) > 0.01


def test_without_the_cache_a_forgotten_change_is_not_read(tmp_path):
    model = tiny("llama")
    hf = plain(model.spec.model)
    given, vector = steering(model, tmp_path)
    file, direction = made(model, tmp_path)
    shared = {"read_direction": file, "max_new_tokens": STEPS, "ignore_eos": True}
    found = steer(model, PROMPTS, cache="no", when="every", **shared, **given).data
    unit = direction / direction.norm()
    for prompt, text in enumerate(PROMPTS):
        ids = list(model.tokenizer.encode(text).ids)
        new = found["steered"][prompt]["ids"]
        expected = []
        for count in range(1, STEPS + 1):
            hook = Hook(1, "resid_post", add(vector))
            seen = hf.seen([*ids, *new[:count]], 2, "resid_post", [hook])
            expected.append(float(seen[-1] @ unit))
        assert found["steered"][prompt]["reading"] == pytest.approx(expected, abs=1e-4)


def test_without_the_cache_a_change_that_comes_late_is_read_where_it_is_made(tmp_path):
    model = tiny("llama")
    hf = plain(model.spec.model)
    given, vector = steering(model, tmp_path)
    file, direction = made(model, tmp_path)
    shared = {"read_direction": file, "max_new_tokens": STEPS, "ignore_eos": True}
    late = {"position": "1", "when": "2:", "cache": "no"}
    found = steer(model, PROMPTS[:1], **late, **shared, **given).data["steered"][0]
    ids, expected = list(model.tokenizer.encode(PROMPTS[0]).ids), []
    for count in range(1, STEPS + 1):
        hooks = [Hook(1, "resid_post", add(vector, 1))] if count >= 2 else []
        seen = hf.seen([*ids, *found["ids"][:count]], 2, "resid_post", hooks)
        expected.append(float(seen[-1] @ direction / direction.norm()))
    assert found["reading"] == pytest.approx(expected, abs=1e-4)


def test_batches_change_no_reading(tmp_path):
    model = tiny("llama")
    given, _vector = steering(model, tmp_path)
    file, _direction = made(model, tmp_path)
    texts = ("abc def", "abd eef", "the sea is")
    for cache in ("yes", "no"):
        shared = {"read_direction": file, "max_new_tokens": 3, "when": "every", "cache": cache}
        one = steer(model, texts, **shared, **given).data
        other = steer(replace(model, budget_bytes=1), texts, **shared, **given).data
        for name in ("plain", "steered", "control"):
            for left, right in zip(one[name], other[name], strict=True):
                assert left["reading"] == pytest.approx(right["reading"], abs=1e-4)


def test_running_out_of_memory_on_the_way_reads_no_token_twice(tmp_path, monkeypatch):
    model = tiny("llama")
    given, _vector = steering(model, tmp_path)
    file, _direction = made(model, tmp_path)
    texts = ("abc def", "abd eef", "abe dda")
    shared = {"read_direction": file, "max_new_tokens": STEPS, "ignore_eos": True, "cache": "no"}
    whole = steer(model, texts, **shared, **given).data
    advance, tried, reading = Decoder.advance, [], []

    class Hears(Stops):
        def step(self, fraction, note=""):
            reading.extend([note] if "Reading along" in note else [])

    def short(self, check=None):
        if reading and len(self.coming.rows) > 1 and self.step == 2:
            tried.append(self.step)
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return advance(self, check)

    monkeypatch.setattr(Decoder, "advance", short)
    halved = steer(model, texts, Hears("nothing"), **shared, **given).data
    assert tried
    for name in ("steered", "control"):
        for left, right in zip(whole[name], halved[name], strict=True):
            assert len(right["reading"]) == len(right["ids"]) == STEPS
            assert left["reading"] == pytest.approx(right["reading"], abs=1e-4)


def test_a_text_that_ended_is_read_as_far_as_it_goes(tmp_path):
    model = tiny("llama")
    file, _direction = made(model, tmp_path)
    shared = {"temperature": 100.0, "max_new_tokens": 40, "read_direction": file}
    for seed in range(200):
        found = steer(model, PROMPTS[:1], seed=seed, **shared).data["plain"][0]
        if found["ended"] and len(found["ids"]) < 40:
            break
    assert found["ended"]
    assert len(found["reading"]) == len(found["ids"])


def test_a_direction_that_does_not_fit_is_refused_before_anything_is_said(tmp_path):
    class Heard(Stops):
        def step(self, fraction, note=""):
            assert "Token" not in note

    model = tiny("llama")
    other, _values = made(tiny("gpt2"), tmp_path)
    with pytest.raises(BadInputError, match="--read-direction"):
        steer(model, PROMPTS, Heard("nothing"), read_direction=other, max_new_tokens=2)
    with pytest.raises(BadInputError, match="--read-direction"):
        steer(model, PROMPTS, Heard("nothing"), read_direction="nowhere.safetensors")
    path = tmp_path / "zero.safetensors"
    nothing = Vector(torch.zeros(model.info.d_model), 1, "resid_post", (model.info.d_model,))
    save_vector(path, model, nothing)
    with pytest.raises(BadInputError, match="points nowhere"):
        steer(model, PROMPTS, Heard("nothing"), read_direction=str(path))


def test_texts_stay_where_readings_are_stopped(tmp_path):
    model = tiny("llama")
    file, _direction = made(model, tmp_path)
    stops = Stops("Reading along", after=0)
    found = steer(model, PROMPTS, stops, read_direction=file, max_new_tokens=2)
    assert found.data["plain"][0]["ids"]
    assert "reading" not in found.data["plain"][0]
    (notice,) = [n for n in found.warnings if n.code == "partial"]
    assert "readings" in notice.message
