"""Steering's numbers against plain Hugging Face: hooks on its modules and its own `generate`."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from desktop_app.analyses.steer import run as steer
from desktop_app.analyses.steer.control import direction
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.steering import acts_at
from desktop_app.engine.decoding import Decoder
from desktop_app.support.errors import BadInputError
from tests.analyses.steer.plain import SITES, Hook, Plain
from tests.models import tiny

TEXT, STEPS, COEF = "abcdef", 4, 2.5
TOLERANCE = 1e-5
REFERENCE = ("ghijkl", "mnopqr")
WHEN = (
    ("-1", "prompt"), ("-1", "every"), ("all", "prompt"), ("all", "every"), ("2", "every"),
    ("0,-2", "0,2:"), ("7", "1:"), ("last", "1,3"),
)  # fmt: skip
SCHEDULES = tuple(itertools.product(WHEN, ("yes", "no")))


def run(model, text=TEXT, reporter=None, **settings):
    rows = [text] if isinstance(text, (str, PromptRow)) else text
    prompts = tuple(row if isinstance(row, PromptRow) else PromptRow(text=row) for row in rows)
    settings = {"max_new_tokens": STEPS, "ignore_eos": True, **settings}
    params = SteerParams(prompts=prompts, **settings)
    return steer.run(model, params, reporter or SilentReporter())


def ids_of(model, text):
    return list(model.tokenizer.encode(text).ids)


@pytest.fixture(scope="module")
def plain():
    found = {}

    def get(model):
        return found.setdefault(model.info.source, Plain(model.info.source))

    return get


@pytest.fixture
def vector_file(tmp_path):
    """Write a vector and return its file."""

    def write(vector, name="v"):
        path = tmp_path / f"{name}.safetensors"
        save_file({"vector": np.asarray(vector, dtype=np.float32)}, path)
        return str(path)

    return write


def places(position, when, step, start, count):
    """Return which positions of a pass an intervention touches, as a notebook counts them."""
    if not acts_at(when, step):
        return []
    if position == "all":
        return list(range(count))
    named = [-1 if p == "last" else int(p) for p in position.split(",")]
    absolute = {start + count + p if p < 0 else p for p in named}
    return sorted(p - start for p in absolute if start <= p < start + count)


def hook(layer, site, where, change):
    """Return a hook that changes activations `[touched, width]` at absolute positions."""

    def act(x, step, start):
        at = places(*where, step, start, x.shape[1])
        if at:
            x[0, at] = change(x[0, at].clone(), [start + p for p in at])

    return Hook(layer, site, act)


def operations(model, reference, site, write, vector):
    """Yield for each operation its settings and what it does to activations."""
    unit = vector / vector.norm()
    start, end = (reference.seen(ids_of(model, t), 1, site)[-1] for t in ("qr", "xyz"))
    file = write(vector.numpy())
    coef = {"coef": (COEF,)}
    yield {"zero": True}, lambda x, _at: 0 * x
    yield {"scale": 1.7}, lambda x, _at: 1.7 * x
    yield {"add": (file,), **coef}, lambda x, _at: x + COEF * vector
    yield {"set_to": file, **coef}, lambda x, _at: (COEF * vector).expand_as(x)
    yield {"project_out": file}, lambda x, _at: x - (x @ unit)[:, None] * unit
    texts = {"from_texts": ("qr",), "to_texts": ("xyz",)}
    yield {**texts, **coef}, lambda x, _at: x + COEF * (end - start)
    if site == "head_z":
        seen = [reference.seen(ids_of(model, text), 1, site) for text in REFERENCE]
        mean = torch.stack(seen).mean(0)
        beyond = mean.mean(0)
        width = len(beyond) // model.info.n_heads

        def ablate(x, at):
            new = torch.stack([mean[p] if p < len(mean) else beyond for p in at])
            for head in (0, 2):
                x[:, head * width : (head + 1) * width] = new[:, head * width : (head + 1) * width]
            return x

        yield {"ablate_heads": "1.0,1.2", "reference": REFERENCE}, ablate


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2"])
def test_every_operation_site_and_schedule_is_that_of_plain_hooks(name, plain, vector_file):
    """Which schedule an operation meets goes round, so that every pair comes up over the models."""
    model = tiny(name)
    reference, ids = plain(model), ids_of(model, TEXT)
    turn = ["llama", "gpt2", "gemma2"].index(name) * 5
    for site in SITES:
        width = reference.seen(ids, 1, site).shape[-1]
        vector = torch.randn(width, generator=torch.Generator().manual_seed(1))
        for settings, change in operations(model, reference, site, vector_file, vector):
            (position, when), cache = SCHEDULES[turn % len(SCHEDULES)]
            turn += 7
            where = {"layer": 1, "site": site, "position": position, "when": when, "cache": cache}
            found = run(model, **settings, **where, control="no").data
            hooks = [hook(1, site, (position, when), change)]
            tokens, logits = reference.generate(ids, hooks, STEPS, cached=cache == "yes")
            said, told = found["steered"][0], (name, site, settings, where)
            assert said["ids"] == tokens, told
            expected = logits.log_softmax(-1)
            for step, token in enumerate(tokens):
                own = float(expected[step, token])
                assert said["logprobs"][step] == pytest.approx(own, abs=TOLERANCE), told
                for other, _text, logprob in said["top"][step]:
                    assert logprob == pytest.approx(float(expected[step, other]), abs=TOLERANCE)
            untouched = reference.logits([*ids, *tokens[:-1]], [])[len(ids) - 1 :].log_softmax(-1)
            losses = [-float(untouched[step, token]) for step, token in enumerate(tokens)]
            assert said["plain_logprobs"] == pytest.approx([-x for x in losses], abs=TOLERANCE)
            assert found["steered_loss"][0] == pytest.approx(np.mean(losses), abs=TOLERANCE)
            base = reference.logits(ids, [])[-1].log_softmax(-1)
            kl = (base.exp() * (base - expected[0])).sum()
            assert found["changed"][0] == pytest.approx(float(kl), abs=TOLERANCE)


def test_plain_generation_is_hugging_faces_own(plain):
    model = tiny("llama")
    found = run(model, max_new_tokens=8).data
    tokens, logits = plain(model).generate(ids_of(model, TEXT), [], 8)
    assert found["plain"][0]["ids"] == tokens
    expected = logits.log_softmax(-1).gather(-1, torch.tensor(tokens)[:, None])[:, 0]
    assert found["plain"][0]["logprobs"] == pytest.approx(expected.tolist(), abs=TOLERANCE)
    assert found["plain"][0]["plain_logprobs"] == found["plain"][0]["logprobs"]
    assert not {"steered", "control", "said", "recompute", "timeline", "shapes"} & found.keys()


def test_several_at_one_place_act_in_the_order_that_is_stated(plain, vector_file):
    model = tiny("llama")
    width = model.info.d_model
    one, two = torch.randn(2, width, generator=torch.Generator().manual_seed(3)).unbind()
    file, other = vector_file(one, "one"), vector_file(two, "two")
    also = ({"op": "project_out", "file": other}, {"op": "scale", "factor": 0.5})
    found = run(model, layer=1, position="all", add=(file,), coef=(3.0,), scale=1.5, also=also)
    unit = two / two.norm()

    def change(x, _at):
        x = 0.75 * x + 3.0 * one
        return x - (x @ unit)[:, None] * unit

    hooks = [hook(1, "resid_post", ("all", "prompt"), change)]
    tokens, _logits = plain(model).generate(ids_of(model, TEXT), hooks, STEPS)
    assert found.data["steered"][0]["ids"] == tokens


def test_what_is_projected_out_together_leaves_nothing_of_either(plain, vector_file):
    model = tiny("llama")
    pair = torch.randn(2, model.info.d_model, generator=torch.Generator().manual_seed(4))
    files = [vector_file(one, f"v{n}") for n, one in enumerate(pair)]
    also = ({"op": "project_out", "file": files[1]},)
    found = run(model, layer=1, position="all", project_out=files[0], also=also, when="every")
    q, _r = torch.linalg.qr(pair.T)
    hooks = [hook(1, "resid_post", ("all", "every"), lambda x, _at: x - x @ q @ q.T)]
    tokens, _logits = plain(model).generate(ids_of(model, TEXT), hooks, STEPS)
    assert found.data["steered"][0]["ids"] == tokens


def test_the_control_adds_a_random_vector_of_equal_norm(plain, vector_file):
    model = tiny("llama")
    vector = torch.randn(model.info.d_model, generator=torch.Generator().manual_seed(5))
    settings = {"add": (vector_file(vector),), "coef": (-4.0,), "layer": 1, "when": "every"}
    found = run(model, **settings, seed=7)
    drawn = direction(1, "resid_post", (model.info.d_model,), 7)
    assert float(drawn.norm()) == pytest.approx(1.0, abs=1e-6)
    put = 4.0 * vector.norm() * drawn
    hooks = [hook(1, "resid_post", ("-1", "every"), lambda x, _at: x + put)]
    tokens, logits = plain(model).generate(ids_of(model, TEXT), hooks, STEPS)
    said = found.data["control"][0]
    assert said["ids"] == tokens
    expected = logits.log_softmax(-1).gather(-1, torch.tensor(tokens)[:, None])[:, 0]
    assert said["logprobs"] == pytest.approx(expected.tolist(), abs=TOLERANCE)
    assert run(model, **settings, seed=7).data["control"] == found.data["control"]
    assert run(model, **settings, seed=8).data["control"] != found.data["control"]


def test_the_control_of_other_changes_is_as_long_as_they_are_at_each_position(plain):
    model = tiny("gpt2")
    found = run(model, layer=1, zero=True, position="all", site="head_z", when="every")
    heads, width = model.info.n_heads, model.info.d_head
    drawn = direction(1, "head_z", (heads, width), 0).flatten()
    where = ("all", "every")
    hooks = [hook(1, "head_z", where, lambda x, _at: x + x.norm(dim=-1, keepdim=True) * drawn)]
    tokens, _logits = plain(model).generate(ids_of(model, TEXT), hooks, STEPS)
    assert found.data["control"][0]["ids"] == tokens


@pytest.mark.parametrize(
    "settings",
    [
        {"coef": (0.0,)},
        {"coef": (1.0, -1.0)},
        {"coef": (0.1, 0.2, -0.3)},
        {"scale": 1.0},
    ],
)
def test_strength_zero_is_unsteered_bit_for_bit(settings, vector_file):
    model = tiny("llama")
    file = vector_file(torch.randn(model.info.d_model))
    adds = (file,) * len(settings.get("coef", ()))
    found = run(model, ("abcdef", "ghi"), layer=1, add=adds, when="every", say="x", **settings)
    assert found.data["plain"] == found.data["steered"] == found.data["control"]
    assert found.data["steered_loss"].tolist() == found.data["plain_loss"].tolist()
    (told,) = [w for w in found.warnings if w.code == "no_effect"]
    assert "does nothing here" in told.message


def test_a_difference_and_its_opposite_are_nothing():
    model = tiny("llama")
    texts = {"from_texts": ("qr", "s"), "to_texts": ("xyz",)}
    also = ({"op": "difference", "from": ["xyz"], "to": ["qr", "s"], "coef": 2.0},)
    found = run(model, layer=1, **texts, coef=(2.0,), also=also).data
    assert found["plain"] == found["steered"]


def test_nothing_changes_where_nobody_reads():
    """Behind the last block no earlier position is read."""
    model = tiny("llama")
    found = run(model, layer=2, zero=True, position="0,1,2,3,4").data
    assert found["plain"] == found["steered"]
    assert not found["differs"][0]
    assert found["changed"][0] == found["base"][0] == 0


@pytest.mark.parametrize("cache", ["yes", "no"])
def test_a_full_pass_at_the_same_absolute_positions_gives_the_same(cache):
    model = tiny("qwen3")
    where = {"layer": 0, "zero": True, "position": "6,7", "when": "every", "cache": cache}
    found = run(model, max_new_tokens=6, **where)
    assert found.data["recompute"][0]["same_tokens"] is True
    assert found.data["recompute"][0]["max_logit_difference"] < TOLERANCE
    assert "cache_forgets" not in {w.code for w in found.warnings}


LATE = {"position": "1", "when": "2:", "cache": "no"}


@pytest.mark.parametrize("where", [{}, LATE, {"position": "-1,0", "when": "every"}])
def test_a_full_pass_whose_logits_are_read_bit_by_bit_gives_the_same(where):
    model = tiny("qwen3")
    settings = {"layer": 0, "scale": -2.0, "max_new_tokens": 7, **where}
    whole = run(model, ("abcdef", "fedcba"), **settings).data["recompute"]
    little = replace(model, budget_bytes=4 * 8 * 3 * model.info.d_vocab)  # three positions at once
    some = run(little, ("abcdef", "fedcba"), **settings).data["recompute"]
    least = run(replace(model, budget_bytes=1), ("abcdef", "fedcba"), **settings)
    for own in (some, least.data["recompute"]):
        for left, right in zip(whole, own, strict=True):
            assert left["same_tokens"] == right["same_tokens"]
            assert left["first_apart"] == right["first_apart"]
            assert left["max_logit_difference"] == pytest.approx(
                right["max_logit_difference"], abs=TOLERANCE
            )
    assert not {w.code for w in least.warnings} & {"not_recomputed"}


def test_a_text_is_not_lost_where_memory_is_too_short_for_its_full_pass(monkeypatch):
    model = tiny("qwen3")
    settings = {"layer": 0, "zero": True, "max_new_tokens": 6}
    whole = run(model, **settings)
    read, tried = Decoder.read, []

    def short(most):
        def held(self, keep):
            # Behind the prompt's own pass, and not of the plain model, which reads one more.
            if self.step == 0 and len(self.coming.columns) > 8 and keep <= 6:
                tried.append(keep)
                if keep > most:
                    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return read(self, keep)

        return held

    monkeypatch.setattr(Decoder, "read", short(most=2))
    fewer = run(model, **settings)
    assert tried[:2] == [6, 3]
    assert fewer.data["recompute"][0]["same_tokens"] is True
    monkeypatch.setattr(Decoder, "read", short(most=0))
    found = run(model, **settings, control="no")
    assert found.data["steered"] == whole.data["steered"]
    assert found.data["recompute"][0]["same_tokens"] is None
    (told,) = [w.message for w in found.warnings if w.code == "not_recomputed"]
    assert "the texts are whole" in told
    assert "--max-new-tokens" in told


def test_both_caches_say_the_same_where_the_same_position_is_edited_in_every_pass():
    model = tiny("qwen3")
    kept = run(model, layer=0, zero=True, max_new_tokens=6).data["steered"][0]
    anew = run(model, layer=0, zero=True, position="6", when="every", cache="no", max_new_tokens=6)
    assert anew.data["steered"][0]["ids"] == kept["ids"]
    logprobs = anew.data["steered"][0]["logprobs"]
    assert logprobs == pytest.approx(kept["logprobs"], abs=TOLERANCE)


def test_prompt_only_without_the_cache_is_another_experiment_and_said_so():
    model = tiny("qwen3")
    found = run(model, layer=0, zero=True, cache="no", max_new_tokens=6)
    assert found.data["recompute"][0]["max_logit_difference"] > 1e-2
    (told,) = [w.message for w in found.warnings if w.code == "cache_forgets"]
    assert "another experiment" in told
    assert "--cache yes" in told


def test_where_both_experiments_agree_it_is_said():
    model = tiny("llama")
    for layer, agree in ((2, True), (0, False)):
        found = run(model, layer=layer, zero=True, cache="no", max_new_tokens=6)
        (told,) = [w.message for w in found.warnings if w.code == "cache_forgets"]
        assert ("Here the two agree" in told) is agree
        assert (found.data["recompute"][0]["max_logit_difference"] < 1e-3) is agree


def test_an_answer_that_a_metric_needs_is_asked_for_with_a_way_that_leads_on():
    for metric in ("logit_diff", "logprob"):
        with pytest.raises(BadInputError, match=r"no answer.*--metric kl\.") as caught:
            run(tiny("llama"), metric=metric)
        assert "loss" not in str(caught.value)
    with pytest.raises(BadInputError, match="with answers logit_diff or logprob"):
        run(tiny("llama"), metric="loss")


def test_what_changes_nothing_is_in_no_timeline_as_a_change():
    model = tiny("llama")
    opposite = ({"op": "scale", "factor": 1.0, "layer": 1},)
    found = run(model, layer=1, also=opposite, zero=False, scale=1.0).data
    assert not np.isin(found["timeline"][0], (3, 4)).any()
    real = run(model, layer=1, scale=0.5, also=({"op": "scale", "factor": 1.0, "layer": 0},)).data
    assert (real["timeline"][0] == 3).sum() == 1
    two = run(model, layer=1, scale=0.5, also=({"op": "scale", "factor": 2.0, "layer": 1},)).data
    assert two["plain"] == two["steered"]
    assert not np.isin(two["timeline"][0], (3, 4)).any()


@pytest.mark.parametrize(("position", "when"), [("1", "2:"), ("all", "1:")])
def test_a_change_that_comes_late_without_the_cache_is_another_experiment(position, when):
    settings = {"layer": 0, "zero": True, "position": position, "when": when}
    found = run(tiny("qwen3"), cache="no", max_new_tokens=6, **settings)
    assert found.data["recompute"][0]["max_logit_difference"] > 1e-2
    (told,) = [w.message for w in found.warnings if w.code == "cache_forgets"]
    assert "another experiment" in told
    assert "earlier ones have computed unchanged" in told
    kept = run(tiny("qwen3"), max_new_tokens=6, **settings)
    assert "cache_forgets" not in {w.code for w in kept.warnings}


def test_a_model_without_a_cache_is_not_told_to_use_it():
    found = run(tiny("openai-gpt"), layer=0, zero=True, cache="no")
    (told,) = [w.message for w in found.warnings if w.code == "cache_forgets"]
    assert "--cache yes" not in told
    assert "with --when every" in told


def test_a_position_in_the_cache_is_explained_and_drawn():
    model = tiny("llama")
    found = run(model, layer=0, zero=True, position="3", when="every")
    (told,) = [w.message for w in found.warnings if w.code == "position_cached"]
    assert "Position 3 lives in the cache from step 1 on" in told
    assert "goes on acting" in told
    assert found.data["timeline"][0].tolist()[:2] == [
        [1, 1, 1, 3, 1, 1, 1, 0, 0, 0],
        [2, 2, 2, 5, 2, 2, 2, 1, 0, 0],
    ]


@pytest.mark.parametrize(
    ("position", "when", "lives", "never"),
    [
        ("2", "1:", "Position 2 lives in the cache from step 1 on", "let --when hold step 0"),
        ("2", "3:", "Position 2 lives in the cache from step 1 on", "let --when hold step 0"),
        ("8", "3:", "Position 8 lives in the cache from step 3 on", "let --when hold step 2"),
        ("-2", "1:", "Position 6 lives in the cache from step 1 on", "let --when hold step 0"),
    ],
)
def test_a_position_that_is_only_asked_for_in_the_cache_is_never_changed_and_that_is_said(
    position, when, lives, never
):
    settings = {"layer": 0, "zero": True, "position": position, "when": when}
    found = run(tiny("llama"), max_new_tokens=5, ignore_eos=True, **settings)
    (told,) = [w.message for w in found.warnings if w.code == "position_cached"]
    assert lives in told
    assert never in told
    assert "nothing is ever done to it" in told
    assert "goes on acting" not in told
    assert not (found.data["timeline"][0] == 3).any()
    assert "no_effect" in {w.code for w in found.warnings}


@pytest.mark.parametrize(("cache", "second"), [("yes", 1), ("no", 8)])
def test_shapes_are_those_of_the_hooked_tensor_at_each_step(cache, second):
    model = tiny("llama")
    found = run(model, layer=1, zero=True, cache=cache, max_new_tokens=2).data
    assert found["shapes"] == ([[1, 7, 32], [1, second, 32]],)
    heads = run(model, ablate_heads="1.0", reference=REFERENCE, max_new_tokens=1).data
    assert heads["shapes"] == ([[1, 7, 4, 8]],)


def test_metrics_are_of_the_first_new_token(plain):
    model = tiny("llama")
    row = PromptRow(text=TEXT, answer="g", wrong="h")
    found = run(model, row, layer=1, zero=True).data
    ids = ids_of(model, TEXT)
    hooks = [hook(1, "resid_post", ("-1", "prompt"), lambda x, _at: 0 * x)]
    logits = {"base": plain(model).logits(ids, []), "changed": plain(model).logits(ids, hooks)}
    answer, wrong = (ids_of(model, text)[-1] for text in "gh")
    assert found["metric"] == "logit_diff"
    for name, values in logits.items():
        difference = float(values[-1, answer] - values[-1, wrong])
        assert found[name][0] == pytest.approx(difference, abs=TOLERANCE)
        logprob = float(values[-1].log_softmax(-1)[answer])
        alone = run(model, PromptRow(text=TEXT, answer="g"), layer=1, zero=True).data
        assert alone["metric"] == "logprob"
        assert alone[name][0] == pytest.approx(logprob, abs=TOLERANCE)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_padded_prompts_are_steered_at_their_own_last_token(padding):
    model = tiny("llama")
    texts = ("abcdefghij", "klm", "nopqrs")
    settings = {"layer": 1, "scale": 3.0, "when": "every", "max_new_tokens": 5}
    together = run(model, texts, padding=padding, **settings).data
    for prompt, text in enumerate(texts):
        alone = run(model, text, **settings).data
        for name in ("plain", "steered", "control"):
            one, other = together[name][prompt], alone[name][0]
            assert one["ids"] == other["ids"]
            assert one["logprobs"] == pytest.approx(other["logprobs"], abs=TOLERANCE)
        assert together["timeline"][prompt].tolist() == alone["timeline"][0].tolist()


def test_a_seed_repeats_what_is_drawn_whatever_else_is_in_the_batch():
    model = tiny("llama")
    drawn = {"temperature": 1.5, "top_k": 50, "top_p": 0.9, "seed": 3, "layer": 1, "scale": 2.0}
    first = run(model, ("abcdef", "ghijkl"), max_new_tokens=8, **drawn).data
    again = run(model, ("abcdef", "ghijkl"), max_new_tokens=8, **drawn).data
    alone = run(model, "abcdef", max_new_tokens=8, **drawn).data
    assert first["steered"] == again["steered"]
    assert first["plain"][0]["ids"] == alone["plain"][0]["ids"]
    assert first["steered"][0]["ids"] == alone["steered"][0]["ids"]
    other = run(model, "abcdef", max_new_tokens=8, **{**drawn, "seed": 4}).data
    assert other["plain"][0]["ids"] != alone["plain"][0]["ids"]
    assert first["recompute"][0]["same_tokens"]


@pytest.mark.parametrize("say", ["Be kind.", "Be kind. "])
def test_what_is_said_stands_before_the_prompt(say, plain):
    model = tiny("llama")
    found = run(model, say=say).data["said"][0]
    assert found["prompt"] == (say + TEXT if say.endswith(" ") else f"{say}\n{TEXT}")
    ids = ids_of(model, found["prompt"])
    assert found["prompt_ids"] == ids
    tokens, _logits = plain(model).generate(ids, [], STEPS)
    assert found["ids"] == tokens
    own = plain(model).logits([*ids_of(model, TEXT), *tokens[:-1]], []).log_softmax(-1)
    behind = own[len(ids_of(model, TEXT)) - 1 :].gather(-1, torch.tensor(tokens)[:, None])[:, 0]
    assert found["plain_logprobs"] == pytest.approx(behind.tolist(), abs=TOLERANCE)


def test_a_continuation_that_begins_goes_on_as_it_would_have(plain):
    model = tiny("llama")
    steered = {"layer": 1, "scale": 3.0, "when": "every"}
    whole = run(model, max_new_tokens=6, **steered).data["steered"][0]
    begin = ",".join(map(str, whole["ids"][:3]))
    again = run(model, max_new_tokens=6, begin=(f"steered:0:{begin}",), **steered).data
    assert again["steered"][0] == {**whole, "given": []}  # each is what it would have said
    edited = run(model, max_new_tokens=6, begin=("steered:0:50,51",), **steered).data
    assert edited["steered"][0]["ids"][:2] == [50, 51]
    last = hook(1, "resid_post", ("all", "0"), _only_last)
    tokens, _logits = plain(model).generate([*ids_of(model, TEXT), 50, 51], [last], 1)
    assert edited["steered"][0]["ids"][2] == tokens[0]
    assert edited["recompute"][0]["same_tokens"]


def _only_last(x, at):
    """Scale the prompt's last token and all that follow it."""
    scaled = x.clone()
    scaled[[i for i, p in enumerate(at) if p >= 6]] *= 3.0
    return scaled


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"zero": True}, "--layer is not given"),
        ({"zero": True, "layer": 3}, "--layer 3 does not exist"),
        ({"zero": True, "layer": 0, "position": "-8"}, "--position -8 does not exist"),
        ({"zero": True, "layer": 0, "position": "7"}, "--position 7 is never there"),
        ({"ablate_heads": "0.9"}, "--ablate-heads 0.9: head 9 does not exist"),
        ({"metric": "loss"}, "--metric loss is of the prompt"),
        ({"metric": "prob"}, "no answer, which prob needs"),
        ({"max_new_tokens": 60}, "--max-new-tokens 60 makes texts of 67 tokens"),
        ({"begin": ("steered:0:5",)}, "there is no steered continuation"),
        ({"begin": ("plain:1:5",)}, "there is no prompt 1"),
        ({"begin": ("plain:0:300",)}, "token 300"),
        ({"begin": ("plain:0:5,6,7,8,9",)}, "counts them too"),
        ({"from_texts": ("a",), "layer": 0}, "without --to"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(settings, words):
    with pytest.raises(BadInputError, match=words):
        run(tiny("llama"), **settings)


def test_hooks_are_gone_and_the_next_run_is_the_same():
    model = tiny("llama")
    first = run(model, layer=1, zero=True)
    assert model.hooks_left() == 0
    assert run(model, layer=1, zero=True).data["steered"] == first.data["steered"]
    with pytest.raises(BadInputError):
        run(model, layer=1, zero=True, position="99", when="0")
    assert model.hooks_left() == 0
    assert run(model).data["plain"] == first.data["plain"]
