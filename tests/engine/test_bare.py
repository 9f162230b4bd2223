"""TransformerLens' modules come out of the way and always back, whatever happens in between."""

from __future__ import annotations

import pytest
import torch

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.bare import bare, is_harmless, require_open
from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.interventions import Edit, Zero
from desktop_app.engine.loading import load
from desktop_app.support.errors import Cancelled
from tests.engine.growing import TEXTS, a_vector, adding
from tests.engine.zoo import save_tiny
from tests.models import tiny


def modules(model):
    """Return every module of a model by its place."""
    return [(name, id(module)) for name, module in model.bridge.original_model.named_modules()]


def wrapped(model):
    return [name for name, _id in modules(model) if "_original_component" in name]


def test_all_but_the_named_layers_are_the_models_own():
    model = tiny("llama")
    before, blocks = modules(model), list(model.bridge.blocks)
    with bare(model, (1,)):
        assert wrapped(model)
        assert all(".1." in name or name.endswith(".1") for name in wrapped(model))
        block = model.bridge.original_model.model.layers
        assert block[1] is blocks[1]
        assert type(block[0]).__name__ == "LlamaDecoderLayer"
    assert modules(model) == before
    with bare(model, ()):
        assert not wrapped(model)
    assert modules(model) == before


class Whim(Exception):  # noqa: N818
    """Anything that may go wrong."""


@pytest.mark.parametrize("kind", [Whim, Cancelled, KeyboardInterrupt])
def test_what_goes_wrong_leaves_the_model_as_it_was(kind):
    model = tiny("gpt2")
    before, ids = modules(model), torch.tensor(TEXTS)
    logits = model.run(ids)

    def fail(this):
        def raise_it(x, hook):
            raise kind

        return [("blocks.1.hook_out", raise_it)] if this.step else []

    def generate():
        with decoding(model, (1,)):
            decoder = Decoder(model, TEXTS, Changes(adding(1, a_vector()).planned, watch=fail))
            decoder.advance()
            decoder.take(torch.tensor([4, 5]))
            decoder.advance()

    with pytest.raises(kind):
        generate()
    assert modules(model) == before
    assert model.hooks_left() == 0
    assert torch.equal(model.run(ids), logits)
    require_open(model, ["blocks.0.hook_out"])  # nothing is out of the way


def test_one_within_another_holds_alone():
    model = tiny("llama")
    before, blocks = modules(model), list(model.bridge.blocks)
    with bare(model, (1,)):
        outer = modules(model)
        with bare(model, (2,)):
            now = list(model.bridge.original_model.model.layers)
            assert [one is other for one, other in zip(now, blocks, strict=True)] == [0, 0, 1]
            require_open(model, ["blocks.2.hook_out"])
        assert modules(model) == outer
        with pytest.raises(Whim), bare(model, ()):
            raise Whim
        assert modules(model) == outer
        require_open(model, ["blocks.1.hook_out"])
    assert modules(model) == before


def test_a_hook_that_is_out_of_the_way_is_an_error():
    model = tiny("llama")
    vector = a_vector()
    for name in ("blocks.0.hook_out", "blocks.x.hook_out", "unembed.hook_in", "hook_embed"):
        with bare(model, (1,)), pytest.raises(ValueError, match="out of the way"):
            require_open(model, [name])
    with decoding(model, (1,)):
        decoder = Decoder(model, TEXTS, adding(0, vector))
        with pytest.raises(ValueError, match="out of the way"):
            decoder.advance()
    assert model.hooks_left() == 0


def test_what_is_twice_done_is_equal_bit_for_bit():
    model = tiny("gemma2")

    def run():
        found = []
        with decoding(model, (1,)):
            decoder = Decoder(model, TEXTS, adding(1, a_vector(), every=True))
            for _step in range(5):
                found.append(decoder.advance())
                decoder.take(found[-1].argmax(-1))
        return torch.stack(found)

    assert torch.equal(run(), run())


def test_zeroing_the_last_block_before_the_last_position_changes_nothing():
    """Nobody reads those positions any more: equal to the bit, as both are of one shape."""
    model = tiny("llama")
    last = model.info.n_layers - 1
    found = []
    for position in (None, 0, 3, 6, 7):

        def planned(_row, step, held, position=position):
            if step or position is None:
                return []
            return [Edit(last, "resid_post", Zero(), None, (position,))]

        with decoding(model, (last,)):
            found.append(Decoder(model, TEXTS, Changes(planned)).advance())
    plain, *early, own = found
    assert all(torch.equal(one, plain) for one in early)
    assert not torch.equal(own, plain)


def test_a_model_that_says_otherwise_keeps_all_in_its_place(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu"), SilentReporter())
    own = model.run(torch.tensor(TEXTS))[:, -1]
    # What TransformerLens' module makes of the logits goes with it.
    model.bridge.unembed.register_forward_hook(lambda module, given, out: 1.5 * out)
    before = modules(model)
    assert not is_harmless(model)
    with bare(model, ()):
        assert modules(model) == before
        require_open(model, ["blocks.0.hook_out", "hook_embed"])
    with decoding(model, ()):
        grown = Decoder(model, TEXTS).advance()
    torch.testing.assert_close(grown, 1.5 * own, atol=1e-5, rtol=0)
    assert modules(model) == before
