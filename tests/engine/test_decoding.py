"""Texts that grow: equal to plain Hugging Face, with and without its cache, hooks and padding."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.contract.steering import SteerSite
from desktop_app.engine.bare import is_harmless
from desktop_app.engine.decoding import Changes, Decoder, checking, decoding
from desktop_app.engine.decoding_trials import require_cache, require_padding
from desktop_app.engine.interventions import Add, Edit, FromTable, Replace, Zero
from desktop_app.engine.loading import load
from desktop_app.engine.model import site_hook
from desktop_app.engine.padding import Layout
from desktop_app.methods.generating import Growing, Run, grow
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.growing import (
    RAGGED,
    STEPS,
    TEXTS,
    a_vector,
    adding,
    said_by_hugging_face,
    silent,
    steered_by_hugging_face,
)
from tests.engine.zoo import save_tiny, tiny_model
from tests.models import named, tiny

# Sliding windows (mistral, gemma2, gemma3_text, gpt_neo, gpt_oss), learned sinks (gpt_oss), alibi
# (bloom, mpt), experts (mixtral, gpt_oss), parallel parts (gpt_neox, gptj, phi, falcon).
ALL = (
    "gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "opt", "phi",
    "gptj", "gpt_neo", "mixtral", "olmo2", "falcon", "bloom", "mpt", "gpt_oss",
)  # fmt: skip
# New tokens stand behind the padding, and these measure distances by columns.
NOT_RIGHT = frozenset({"mistral", "gemma2", "gemma3_text", "gpt_neo", "mpt", "gpt_oss"})


def said(model, run, layers=(), **growing):
    """Return what a run's rows say, and the logits by which, `[row, step, V]`."""
    seen = {}

    def look(_run, rows, step, logits):
        seen.update({(row, step): one.clone() for row, one in zip(rows, logits, strict=True)})

    settings = {"steps": STEPS, "ignore_end": True, **growing}
    found = grow(model, [run], layers, Growing(logits=look, **settings), silent)[0]
    steps = settings["steps"]
    logits = [torch.stack([seen[row, step] for step in range(steps)]) for row in range(len(found))]
    return [one.ids for one in found], torch.stack(logits)


@pytest.mark.parametrize("architecture", ALL)
def test_it_equals_generate_token_for_token(architecture):
    model, plain = tiny(architecture), tiny_model(architecture)
    vector = a_vector()
    texts = RAGGED[:2]
    expected = [said_by_hugging_face(plain, ids) for ids in texts]
    ids, logits = said(model, Run(texts, [0, 1]))
    assert ids == [one for one, _logits in expected]
    torch.testing.assert_close(logits, torch.stack([x for _ids, x in expected]), atol=1e-5, rtol=0)
    steered = [
        steered_by_hugging_face(plain, ids, 1, vector, every=True, layers=model.info.n_layers)
        for ids in texts
    ]
    there = torch.stack([x for _ids, x in steered])
    for padding in ("none", "left", "right"):
        run = Run(texts, [0, 1], adding(1, vector, every=True))
        if padding == "right" and architecture in NOT_RIGHT:
            with pytest.raises(BadInputError, match=r"--padding right.*choose --padding left"):
                said(model, run, (1,), padding=padding)
            continue
        ids, logits = said(model, run, (1,), padding=padding)
        assert ids == [one for one, _logits in steered], padding
        torch.testing.assert_close(logits, there, atol=1e-5, rtol=0)
    assert is_harmless(model)
    assert model.hooks_left() == 0


@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.parametrize("cached", [True, False])
def test_padding_changes_nothing_whatever_is_changed_where(padding, cached):
    model = tiny("llama")
    vector = a_vector()
    values = torch.randn(2, 9, 4, 8, generator=torch.Generator().manual_seed(5))

    def planned(row, step, held):
        first = [p for p in (0, 2) if p in held]
        edits = [Edit(1, "resid_post", Add((1 + row) * vector[None]), None, (held.stop - 1,))]
        if first:
            edits.append(Edit(0, "attn_out", Zero(), None, tuple(first)))
        if step == 0:
            edits.append(Edit(2, "head_z", FromTable(values, row % 2), 1))
            edits.append(Edit(2, "resid_pre", Replace(vector[None]), None))
        return edits

    changes = Changes(planned)
    run = Run(RAGGED, [0, 1, 2], changes)
    ids, logits = said(model, run, (0, 1, 2), padding=padding, cached=cached)
    alone, expected = said(model, run, (0, 1, 2), cached=cached)
    assert ids == alone
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=0)


def test_a_padded_pass_says_where_tokens_stand():
    for side, columns in (("left", [3, 4, 7]), ("right", [0, 1, 2])):
        layout = Layout((2, 5), side, cached=True)
        assert layout.is_padded
        assert [range(2), range(5)] == list(layout.held(0))
        assert [range(2, 3), range(5, 6)] == list(layout.held(1))
        assert layout.columns(0) == range(5)
        assert layout.columns(1) == range(5, 6)
        assert [layout.column(0, 0), layout.column(0, 1)] == columns[:2]
        assert layout.column(0, 2) == 5  # a new token stands in one column for all
        assert layout.column(1, 4) == 4
    assert not Layout((4, 4), "left", cached=True).is_padded
    with pytest.raises(ValueError, match="several lengths"):
        Layout((2, 3), "none", cached=True)


def test_kept_keys_give_what_whole_passes_give():
    model = tiny("gpt_oss")
    vector = a_vector()

    def planned(_row, step, held):  # at one absolute position, whenever a pass holds it
        return [Edit(1, "resid_post", Add(vector[None]), None, (2,))] if 2 in held else []

    run = Run(TEXTS, [0, 1], Changes(planned))
    cached, kept = said(model, run, (1,), steps=20)
    whole, anew = said(model, run, (1,), steps=20, cached=False)
    assert cached == whole
    torch.testing.assert_close(kept, anew, atol=2e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["opt", "gemma2", "falcon"])  # opt joins rows, positions
def test_every_site_is_changed_in_steps_as_in_a_whole_pass(architecture):
    model = tiny(architecture)
    tokens = torch.tensor([[5, 7, 9], [6, 8, 3]])
    for site in get_args(SteerSite):
        if site == "resid_mid" and architecture == "falcon":
            continue  # attention and MLP side by side: there is none
        name = site_hook(1, site)
        width = model.seen(torch.tensor(TEXTS), name).shape[2:]
        values = 2 * torch.randn(1, *width, generator=torch.Generator().manual_seed(1))

        def planned(_row, _step, held, site=site, values=values):
            found = tuple(p for p in (2, 7, 9) if p in held)
            return [Edit(1, site, Add(values), None, found)] if found else []

        def change(x, hook, values=values):
            by_row = x.view(2, -1, *x.shape[1:]) if x.ndim == 2 else x
            for position in (2, 7, 9):
                by_row[:, position] += values[0]
            return x

        found = []
        with decoding(model, (1,)):
            decoder = Decoder(model, TEXTS, Changes(planned))
            for step in range(4):
                found.append(decoder.advance())
                decoder.take(tokens[:, min(step, 2)])
        whole = torch.cat([torch.tensor(TEXTS), tokens], dim=1)
        expected = model.run(whole, [(name, change)])[:, 7:]
        torch.testing.assert_close(torch.stack(found, 1), expected, atol=1e-5, rtol=0)


def test_it_goes_on_for_as_long_as_the_model_reads():
    model, plain = tiny("gemma3_text"), tiny_model("gemma3_text")
    steps = model.info.n_ctx - len(TEXTS[0])
    ids, _logits = said(model, Run(TEXTS[:1], [0]), steps=steps)
    assert ids[0] == said_by_hugging_face(plain, TEXTS[0], steps)[0]


def test_shapes_are_the_prompt_first_and_then_one_token():
    model = tiny("llama")
    for cached, later in ((True, [1, 1]), (False, [9, 10])):
        shapes = []

        def watch(this, shapes=shapes):
            def look(x, hook):
                shapes.append((this.step, this.columns, tuple(x.shape)))

            return [("blocks.1.hook_out", look)]

        said(model, Run(TEXTS, [0, 1], Changes(watch=watch)), (1,), steps=3, cached=cached)
        assert [shape for _step, _columns, shape in shapes] == [
            (2, 8, 32), *((2, n, 32) for n in later)
        ]  # fmt: skip
        assert [step for step, _columns, _shape in shapes] == [0, 1, 2]


def test_a_wrapped_hook_knows_its_rows_and_columns():
    model = tiny("llama")
    seen = []

    def wrap(place, hook, this):
        seen.append((place, this.step, this.rows, [this.column(i, 2) for i in range(2)]))
        return hook

    changes = adding(1, a_vector())
    run = Run(RAGGED[:2], [0, 1], Changes(changes.planned, wrap))
    said(model, run, (1,), padding="left")
    assert seen == [((1, "resid_post"), 0, (0, 1), [2, 7])]


def test_a_model_without_a_cache_is_told_to_do_without():
    model, plain = tiny("openai-gpt"), tiny_model("openai-gpt")
    run = Run(TEXTS, [0, 1])
    with pytest.raises(BadInputError, match=r"openai-gpt.* choose --cache no"):
        said(model, run)
    with pytest.raises(BadInputError, match=r"keys and values: choose --cache no"):
        require_cache(model, (1,))
    with torch.no_grad():
        expected = plain.generate(
            torch.tensor(TEXTS), max_new_tokens=STEPS, do_sample=False, eos_token_id=None,
            pad_token_id=0,
        )  # fmt: skip
    assert said(model, run, cached=False)[0] == expected[:, 8:].tolist()


def test_a_cache_that_fails_in_changed_layers_alone_is_refused_for_them(tmp_path, own_memory):
    own_memory()
    model = loaded(tmp_path, "llama")
    attention = type(model.bridge.blocks[0].attn)
    own = attention.forward

    def forgetful(self, *args, **kwargs):
        kwargs["past_key_values"] = None  # only where TransformerLens' attention runs
        return own(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "forward", forgetful)
        require_cache(model, ())
        with pytest.raises(BadInputError, match=r"while its layers are changed: choose --cache no"):
            require_cache(model, (1,))


def test_a_window_is_refused_only_where_padding_reaches_it():
    model = tiny("mistral")  # five columns
    with decoding(model, ()):
        require_padding(model, Layout((2, 3), "right", cached=True), 1)
        with pytest.raises(BadInputError, match="choose --padding left or none"):
            require_padding(model, Layout((2, 3), "right", cached=True), 4)
        with pytest.raises(BadInputError, match="choose --padding left or none"):
            require_padding(model, Layout((2, 3), "right", cached=False), 4)
        # The first tokens are off, and those that follow far behind them see nothing of it.
        with pytest.raises(BadInputError, match="choose --padding left or none"):
            require_padding(model, Layout((2, 3), "right", cached=True), 40)
        require_padding(model, Layout((2, 3), "left", cached=True), 40)


def loaded(tmp_path, architecture="gpt2", **settings):
    folder = save_tiny(architecture, tmp_path / architecture)
    return load(ModelSpec(str(folder), device="cpu", **settings), SilentReporter())


@pytest.mark.parametrize(
    ("settings", "bare"),
    [
        ({"weights": "processed"}, False),
        ({"offload": "disk"}, False),
        ({"layernorm": "constant"}, True),
        ({"layernorm": "identity"}, True),
    ],
)
def test_models_that_were_changed_grow_as_their_own_whole_passes(tmp_path, settings, bare):
    model = loaded(tmp_path, **settings)
    vector = a_vector()
    run = Run(RAGGED, [0, 1, 2], adding(1, vector))
    ids, logits = said(model, run, (1,), steps=4)
    assert is_harmless(model) is bare
    for row, text in enumerate(RAGGED):
        whole, at = torch.tensor([[*text, *ids[row][:-1]]]), len(text) - 1

        def add(x, hook, at=at):
            x[:, at] += vector

        expected = model.run(whole, [("blocks.1.hook_out", add)])[0, at:]
        torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-5)
    for padding in ("left", "right"):
        padded, theirs = said(model, run, (1,), steps=4, padding=padding)
        assert padded == ids
        torch.testing.assert_close(theirs, logits, atol=1e-4, rtol=1e-5)
    assert model.hooks_left() == 0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_says_what_hugging_face_says(tmp_path, dtype):
    model = loaded(tmp_path, "llama", dtype=dtype)
    plain = tiny_model("llama").to(getattr(torch, dtype))
    _ids, logits = said(model, Run(TEXTS[:1], [0]))
    expected = said_by_hugging_face(plain, TEXTS[0])[1].float()
    torch.testing.assert_close(logits[0, 0], expected[0], atol=0.05, rtol=0)
    both = [Run(TEXTS, [0, 1], adding(1, 0 * a_vector(), every=True)), Run(TEXTS, [0, 1])]
    one, other = (said(model, run, (1,))[1] for run in both)
    assert torch.equal(one, other)


def test_a_large_pass_can_be_cancelled_between_layers():
    model = tiny("llama")
    asked = []

    def stop():
        asked.append(True)
        if len(asked) == 2:
            raise Cancelled

    with decoding(model, (1,)):
        decoder = Decoder(model, [[1] * 40, [1] * 40], adding(1, a_vector()))
        with pytest.raises(Cancelled):
            decoder.advance(stop)
        assert len(asked) == 2
        decoder = Decoder(model, [[1] * 40, [1] * 40], adding(1, a_vector()))
        assert len(decoder.advance()) == 2  # nobody asks any more
        decoder.take(torch.tensor([3, 3]))
        decoder.advance(stop)  # a small pass is over before anybody could
    assert len(asked) == 2
    assert model.hooks_left() == 0
    with checking(model, None):
        pass


def test_offloaded_layers_can_be_cancelled_between(tmp_path):
    model = loaded(tmp_path, "llama", offload="disk")
    asked = []
    with decoding(model, ()):
        Decoder(model, [[1] * 64]).advance(lambda: asked.append(True))
    assert len(asked) == model.info.n_layers


@pytest.mark.pack
@pytest.mark.model
def test_the_pack_says_what_generate_says(smollm2_folder):
    model = named("smollm2")
    texts = [model.tokenizer.encode(text).ids for text in ("The weather today is", "1 2 3 4")]
    ids, logits = said(model, Run(texts, [0, 1]), steps=6)
    original = model.bridge.original_model
    padded, theirs = said(model, Run(texts, [0, 1]), steps=6, padding="left")
    assert ids[0][:5] == [216, 34, 32, 34, 34]
    with decoding(model, ()):
        expected = [said_by_hugging_face(original, list(text), 6) for text in texts]
    assert ids == padded == [one for one, _logits in expected]
    for row, (_ids, one) in enumerate(expected):
        torch.testing.assert_close(logits[row], one, atol=2e-3, rtol=0)
        torch.testing.assert_close(theirs[row], one, atol=2e-3, rtol=0)
