"""The changed run: parts removed and activations moved, against plain hook loops."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support.errors import BadInputError
from tests.models import tiny

ROW = PromptRow(text="ab cd g", corrupt="ab xd g", answer=("h",), wrong=("i",))
SECOND = PromptRow(text="g cd ab", corrupt="x cd ab", answer=("h",), wrong=("i",))
ALONE = PromptRow(text="ab cd g", answer=("h",), wrong=("i",))
LONGER = PromptRow(text="one two abc", answer=("q",), wrong=("r",))
KINDS = ("llama", "gptj", "phi", "opt", "olmo2", "falcon", "bloom")
HOOKS = {"resid_pre": "hook_in", "resid_post": "hook_out"}


def run(model, *rows, **settings):
    return lens.run(model, LensParams(prompts=rows or (ROW,), **settings), SilentReporter())


def rows_of(x):
    return x if x.ndim == 2 else x[0]


def plain_last(model, ids, hooks):
    """Return log-probabilities [S, V] of a run with hooks: the last row of its lens."""
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks, use_cache=False)
    return logits[0].float().log_softmax(-1)


def zeroing(layer, head):
    def zero_head(x, hook):
        x[0, :, head] = 0
        return x

    def zero_mlp(x, hook):
        return torch.zeros_like(x)

    if head is None:
        return f"blocks.{layer}.hook_mlp_out", zero_mlp
    return f"blocks.{layer}.attn.hook_z", zero_head


def taken(model, ids, site, layer, position):
    found = []
    name = f"blocks.{layer}.{HOOKS.get(site, f'hook_{site}')}"
    hooks = [(name, lambda x, hook: found.append(rows_of(x)[position].clone()))]
    plain_last(model, ids, hooks)
    return found[0]


def putting(site, layer, position, value):
    def put(x, hook):
        rows_of(x)[position] = value
        return x

    return f"blocks.{layer}.{HOOKS.get(site, f'hook_{site}')}", put


def assert_ends(result, logprobs, number=0):
    """The last row of the changed grid is what the plain changed run says."""
    record = result.prompts[number]
    answer = record.answers[0].token_id
    got = result.data["changed_answer_logprob"][-1, :, number]
    np.testing.assert_allclose(got, logprobs[:, answer], atol=1e-4)
    best = logprobs.argmax(-1)
    np.testing.assert_array_equal(result.data["changed_top"][number][-1, :, 0], best)


@pytest.mark.parametrize("architecture", KINDS)
def test_parts_are_removed_from_the_clean_run(architecture):
    model = tiny(architecture)
    result = run(model, without="0.1, 1.3, m1")
    hooks = [zeroing(0, 1), zeroing(1, 3), zeroing(1, None)]
    ids = result.prompts[0].tokens.ids
    assert_ends(result, plain_last(model, ids, hooks))
    # Nothing changes before what is removed first, and something does behind it.
    before, after = result.data["answer_logprob"], result.data["changed_answer_logprob"]
    np.testing.assert_allclose(before[0], after[0], atol=1e-6)
    assert np.abs(before[-1] - after[-1]).max() > 1e-4
    assert result.data["end_difference"].max() < 1e-4


@pytest.mark.parametrize("architecture", KINDS)
@pytest.mark.parametrize(
    ("into", "source", "site", "there", "here"),
    [
        ("corrupt", "clean", "resid_post", (1, 1), (1, 1)),
        ("corrupt", "clean", "resid_pre", (0, 1), (2, 3)),
        ("clean", "corrupt", "mlp_out", (1, 2), (0, 2)),
        ("clean", "clean", "attn_out", (2, 0), (1, 1)),
    ],
)
def test_activations_move_between_runs(architecture, into, source, site, there, here):
    model = tiny(architecture)
    move = f"{source}:{site}:{there[0]}.{there[1]}>{here[0]}.{here[1]}"
    result = run(model, run=into, moves=(move,))
    record = result.prompts[0]
    ids = {"clean": record.tokens.ids, "corrupt": record.corrupt_tokens.ids}
    value = taken(model, ids[source], site, *there)
    assert_ends(result, plain_last(model, ids[into], [putting(site, *here, value)]))


def test_moves_come_after_what_is_removed_and_means_run_over_the_prompts():
    model = tiny("llama")
    rows = (ROW, SECOND)
    moves = ("clean:mlp_out:0.1>1.2",)
    result = run(model, *rows, moves=moves, without="1.0,m1", mode="mean")
    names = ("blocks.1.attn.hook_z", "blocks.1.hook_mlp_out")
    sums = dict.fromkeys(names, 0)

    def keep(x, hook, name):
        sums[name] = sums[name] + rows_of(x).double() / 2

    for record in result.prompts:
        hooks = [(name, partial(keep, name=name)) for name in names]
        plain_last(model, record.tokens.ids, hooks)

    def head(x, hook):
        x[0, :, 0] = sums[names[0]][:, 0].float()
        return x

    def mlp(x, hook):
        x[0] = sums[names[1]].float()
        return x

    for number, record in enumerate(result.prompts):
        value = taken(model, record.tokens.ids, "mlp_out", 0, 1)
        hooks = [(names[0], head), (names[1], mlp), putting("mlp_out", 1, 2, value)]
        assert_ends(result, plain_last(model, record.corrupt_tokens.ids, hooks), number)


def test_a_run_that_is_given_its_own_is_itself():
    model = tiny("gpt2")
    result = run(model, run="clean", moves=("clean:resid_post:1.2>1.2", "clean:mlp_out:0.0>0.0"))
    for name in ("top", "top_prob"):
        np.testing.assert_allclose(
            result.data[f"changed_{name}"][0], result.data[name][0], atol=1e-6
        )
    whole = tuple(f"clean:resid_post:1.{p}>1.{p}" for p in range(len(result.prompts[0].tokens)))
    over = run(model, moves=whole).data
    np.testing.assert_allclose(over["changed_logit_diff"][2:], over["logit_diff"][2:], atol=1e-5)
    np.testing.assert_allclose(
        over["changed_logit_diff"][:2], over["corrupt_logit_diff"][:2], atol=1e-5
    )


def test_prompts_that_the_moves_do_not_fit_have_no_changed_run():
    model = tiny("llama")
    result = run(model, ROW, ALONE, LONGER, moves=("clean:resid_post:1.1>1.1",))
    shapes = [grid.shape[1] for grid in result.data["changed_top"]]
    assert shapes[0] > 0
    assert shapes[1:] == [0, 0]
    assert np.isnan(result.data["changed_logit_diff"][1]).all()
    told = [w for w in result.warnings if w.code == "moves_not_fitting"]
    assert len(told) == 1
    assert "2, 3" in told[0].message
    gone = run(model, ROW, LONGER, without="0.1").data
    assert all(grid.shape[1] for grid in gone["changed_top"])
    assert "changed_top" not in run(model, ROW).data


@pytest.mark.parametrize(
    ("rows", "settings", "told"),
    [
        ((ROW,), {"moves": ("clean:resid_post:9.1>1.1",)}, "layer 9"),
        ((ROW,), {"moves": ("clean:resid_post:1.1>1.99",)}, "position 99"),
        ((ALONE,), {"moves": ("clean:resid_post:1.1>1.1",)}, "corrupt twin"),
        ((ALONE,), {"run": "clean", "moves": ("corrupt:resid_post:1.1>1.1",)}, "corrupt twin"),
        ((ROW,), {"without": "9.0"}, "--without"),
        ((ROW,), {"without": "0.77"}, "--without"),
    ],
)
def test_what_is_not_there_is_refused(rows, settings, told):
    with pytest.raises(BadInputError, match=told):
        run(tiny("llama"), *rows, **settings)


def test_sites_that_a_model_lacks_are_refused():
    with pytest.raises(BadInputError, match="resid_mid"):
        run(tiny("gptj"), moves=("clean:resid_mid:1.1>1.1",))
    with pytest.raises(ValidationError):
        LensParams(moves=("nonsense",))


def test_a_mean_of_the_prompt_alone_is_said():
    result = run(tiny("llama"), ALONE, without="0.1", mode="mean")
    assert "reference_is_self" in {w.code for w in result.warnings}
    np.testing.assert_allclose(
        result.data["changed_logit_diff"], result.data["logit_diff"], atol=1e-5
    )
