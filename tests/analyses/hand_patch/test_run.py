"""Moves by hand, held to the sweep and to plain hooks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from desktop_app.analyses.hand_patch import run as hand_patch
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support.errors import BadInputError
from tests.models import tiny

ROW = PromptRow(text="ab cd g", corrupt="ab xd g", answer=("h",), wrong=("i",))


def run(*moves, model=None, **settings):
    params = HandPatchParams(prompts=(ROW,), moves=moves, **settings)
    return hand_patch.run(model or tiny("llama"), params, SilentReporter())


def test_one_move_is_one_cell_of_the_sweep():
    model = tiny("llama")
    swept = patch.run(model, PatchParams(prompts=(ROW,), site="resid_post"), SilentReporter()).data
    for layer, position in ((0, 4), (1, 6), (2, 7)):
        move = f"{{}}:resid_post:{layer}.{position}>{layer}.{position}"
        denoised = run(move.format("clean"), run="corrupt").data
        assert denoised["patched"] == pytest.approx(
            swept["patched_denoise"][layer, position, 0], abs=1e-5
        )
        noised = run(move.format("corrupt"), run="clean").data
        assert noised["patched"] == pytest.approx(
            swept["patched_noise"][layer, position, 0], abs=1e-5
        )
        assert (denoised["clean"], denoised["corrupt"]) == pytest.approx(
            (swept["clean"][0], swept["corrupt"][0]), abs=1e-6
        )


def test_moves_between_layers_and_positions_equal_plain_hooks():
    model = tiny("llama")
    result = run("clean:resid_post:0.4>1.6", "corrupt:mlp_out:1.5>1.7", run="corrupt")
    record = result.prompts[0]
    clean, corrupt = (torch.tensor([t.ids]) for t in (record.tokens, record.corrupt_tokens))
    with torch.no_grad():
        _x, of_clean = model.bridge.run_with_cache(clean)
        _x, of_corrupt = model.bridge.run_with_cache(corrupt)
        stream = of_clean["blocks.0.hook_out"][0, 4].clone()
        mlp = of_corrupt["blocks.1.hook_mlp_out"][0, 5].clone()

        def put(value, at):
            def hook_fn(x, hook):
                x[0, at] = value
                return x

            return hook_fn

        logits = model.bridge.run_with_hooks(
            corrupt,
            fwd_hooks=[
                ("blocks.1.hook_out", put(stream, 6)),
                ("blocks.1.hook_mlp_out", put(mlp, 7)),
            ],
        )[0, -1]
    answer, wrong = record.answers[0].token_id, record.wrongs[0].token_id
    assert result.data["patched"] == pytest.approx(float(logits[answer] - logits[wrong]), abs=1e-4)
    assert result.data["top"][0]["id"] == int(logits.argmax())


def test_what_is_predicted_depends_on_no_metric():
    move = "clean:resid_post:0.4>0.4"
    of_loss, plain = run(move, run="corrupt", metric="loss").data, run(move, run="corrupt").data
    assert plain["top"] != plain["base_top"]
    for field in ("top", "base_top"):
        for one, other in zip(of_loss[field], plain[field], strict=True):
            assert one["id"] == other["id"]
            assert one["logit"] == pytest.approx(other["logit"], abs=1e-5)


def test_no_move_changes_nothing():
    data = run().data
    assert data["patched"] == data["base"] == data["corrupt"]
    assert data["top"] == data["base_top"]
    assert not data["reach"].any()


def test_the_cone_holds_every_change():
    """Where the stream changes, the cone must be; the cells outside are bitwise untouched."""
    model = tiny("llama")
    result = run("clean:attn_out:1.5>1.5", run="corrupt")
    record = result.prompts[0]
    corrupt = torch.tensor([record.corrupt_tokens.ids])
    names = [f"blocks.{i}.hook_out" for i in range(model.info.n_layers)]

    def streams(hooks):
        seen = {}
        with torch.no_grad():
            model.bridge.run_with_hooks(
                corrupt,
                fwd_hooks=[*hooks, *((n, lambda x, hook, n=n: seen.update({n: x})) for n in names)],
            )
        return np.stack([seen[n][0].numpy() for n in names])

    def disturb(x, hook):
        x[0, 5] += 1.0
        return x

    changed = (streams([]) != streams([("blocks.1.hook_attn_out", disturb)])).any(-1)
    assert not (changed & ~result.data["reach"]).any()
    assert (changed | ~result.data["reach"]).all()


def test_bad_moves_are_refused():
    with pytest.raises(BadInputError, match="names layer 9"):
        run("clean:resid_post:9.0>0.0")
    with pytest.raises(BadInputError, match="position 99"):
        run("clean:resid_post:0.0>0.99")
    with pytest.raises(ValidationError, match="is not a move"):
        run("clean:nowhere:0.0>0.0")
    params = HandPatchParams(prompts=(ROW.model_copy(update={"corrupt": None}),))
    with pytest.raises(BadInputError, match="no corrupt twin"):
        hand_patch.run(tiny("llama"), params, SilentReporter())


def test_the_pair_is_chosen_and_the_others_may_lack_a_twin():
    other = PromptRow(text="g cd ab", corrupt="x cd ab", answer=("h",), wrong=("i",))
    alone = PromptRow(text="ab", answer=("h",), wrong=("i",))
    move = "clean:resid_post:0.2>0.2"
    params = HandPatchParams(prompts=(alone, other, ROW), moves=(move,), pair=1)
    found = hand_patch.run(tiny("llama"), params, SilentReporter())
    own = HandPatchParams(prompts=(other,), moves=(move,))
    expected = hand_patch.run(tiny("llama"), own, SilentReporter())
    assert found.data["patched"] == pytest.approx(expected.data["patched"], abs=1e-6)
    assert [record.text for record in found.prompts] == ["ab", "g cd ab", "ab cd g"]


def test_a_pair_that_is_not_there_or_has_no_twin_is_refused():
    alone = PromptRow(text="ab", answer=("h",), wrong=("i",))
    for pair, words in ((2, "--pair 2"), (1, "Prompt 2 has no corrupt twin")):
        params = HandPatchParams(prompts=(ROW, alone), pair=pair)
        with pytest.raises(BadInputError, match=words):
            hand_patch.run(tiny("llama"), params, SilentReporter())
