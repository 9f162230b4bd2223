"""Differences of means: what plain Hugging Face has at the same place of the same texts."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.steering import Intervention
from desktop_app.methods.prepare import encoder_of
from desktop_app.methods.text_means import Sets, difference_of_means, sets_of
from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.steer.plain import SITES, Plain
from tests.models import named, tiny

pytestmark = pytest.mark.model

START = ("a b c", "dog", "it was then")
END = ("the end of it", "x y", "a b c d e", "no")
QUIET = SilentReporter()


@cache
def plain(architecture):
    return Plain(tiny(architecture).info.source)


def by_hand(model, own, sets, layer, params):
    encoder = encoder_of(model, params)

    def mean(texts):
        found = []
        for text in texts:
            x = own.seen(list(encoder.encode(text).ids), layer, sets.site).double()
            found.append(x[-1] if sets.at == "last" else x.mean(0))
        return torch.stack(found).mean(0)

    return (mean(sets.end) - mean(sets.start)).float()


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox", "opt", "mistral"])
@pytest.mark.parametrize("at", ["last", "mean"])
def test_every_layer_equals_plain_hooks(architecture, at):
    model, params = tiny(architecture), SteerParams(bos="yes")
    for site in SITES if architecture == "llama" else ("resid_post",):
        sets = Sets(START, END, site, at)
        layers = range(model.info.n_layers)
        found = difference_of_means(model, params, sets, layers, QUIET)
        assert sorted(found) == list(layers)
        for layer, vector in found.items():
            expected = by_hand(model, plain(architecture), sets, layer, params)
            assert (vector.layer, vector.site) == (layer, site)
            assert vector.values.dtype == torch.float32
            assert torch.Size(vector.shape).numel() == len(vector.values)
            assert torch.allclose(vector.values, expected, atol=2e-6, rtol=1e-5)
            assert vector.notices == ()
    assert not model.hooks_left()


def test_heads_keep_their_axis():
    model = tiny("llama")
    found = difference_of_means(model, SteerParams(), Sets(START, END, "head_z"), [1], QUIET)[1]
    assert found.shape == (4, 8)
    assert found.values.shape == (32,)


def test_a_layer_alone_is_the_same_bit_for_bit():
    model, sets = tiny("llama"), Sets(START, END)
    together = difference_of_means(model, SteerParams(), sets, range(3), QUIET)
    for layer in range(3):
        alone = difference_of_means(model, SteerParams(), sets, [layer], QUIET)[layer]
        assert torch.equal(alone.values, together[layer].values)


def test_one_set_twice_is_exactly_nothing():
    sets = Sets(START, tuple(reversed(START)))
    found = difference_of_means(tiny("llama"), SteerParams(), sets, [1], QUIET)[1]
    assert not found.values.any()
    assert [notice.code for notice in found.notices] == ["vector_zero"]


def test_texts_one_by_one_are_the_same(monkeypatch):
    model, sets = tiny("llama"), Sets(START, END)
    together = difference_of_means(model, SteerParams(), sets, [2], QUIET)[2]
    monkeypatch.setattr(model, "reads_together", False)
    alone = difference_of_means(model, SteerParams(), sets, [2], QUIET)[2]
    assert torch.allclose(alone.values, together.values, atol=1e-6)


def test_texts_are_to_the_letter_also_where_one_is_the_name_of_a_file(tmp_path):
    """Files were opened where they were named: a line of one is a text."""
    file = tmp_path / "end.txt"
    file.write_text("\n".join(END))
    one = Intervention.model_validate({"op": "difference", "from": START, "to": [*END, str(file)]})
    assert sets_of(one, "mean") == Sets(START, (*END, str(file)), "resid_post", "mean")
    assert "5 texts" in sets_of(one, "last").made


def test_how_a_vector_was_made_counts_its_texts():
    single = Sets(("B",), ("A",)).made
    assert single == (
        "difference of means: 1 text (“A”) minus 1 text (“B”), read at their last token"
    )
    assert (
        "2 texts (“A” …) minus 1 text (“B”), read as the mean"
        in Sets(("B",), ("A", "C"), at="mean").made
    )


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ((), ("a",), "--from has no text"),
        (("a",), (), "--to has no text"),
        (("a", ""), ("a",), "--from text 2 is empty"),
        (("a",), ("b", "c" * 400), "--to text 2 has"),
    ],
)
def test_sets_that_cannot_be_read(start, end, says):
    one = Intervention.model_validate({"op": "difference", "from": start, "to": end})
    with pytest.raises(BadInputError) as caught:
        difference_of_means(tiny("llama"), SteerParams(), sets_of(one, "last"), [1], QUIET)
    assert says in str(caught.value)


def test_a_name_of_no_file_is_told():
    sets = Sets(START, ("happy.txt",))
    found = difference_of_means(tiny("llama"), SteerParams(), sets, [1], QUIET)[1]
    assert [notice.code for notice in found.notices] == ["text_names_no_file"]
    assert "“happy.txt” is read as a text" in found.notices[0].message


def test_cancelling_leaves_no_hook():
    class Impatient(Reporter):
        def step(self, fraction, note=""):
            if "layer 2" in note:
                raise Cancelled

    model = tiny("llama")
    with pytest.raises(Cancelled):
        difference_of_means(model, SteerParams(), Sets(START, END), [2], Impatient())
    assert not model.hooks_left()


def test_no_pass_goes_further_than_it_must():
    """What lies behind the last layer that is asked for is never computed."""
    seen = []

    class Watching(Reporter):
        def step(self, fraction, note=""):
            seen.append(note)

    difference_of_means(tiny("llama"), SteerParams(), Sets(("a",), ("b",)), [0], Watching())
    assert seen
    assert not any("layer 2" in note for note in seen)


@pytest.mark.pack
def test_pack_chat_and_first_token(smollm2_folder):
    """With the chat template the last token is the template's; a mean holds the first position."""
    model = named("smollm2")
    own = Plain(str(smollm2_folder))
    params = SteerParams(chat=True)
    sets = Sets(("I hate this", "Awful."), ("I love this very much", "Lovely."))
    found = difference_of_means(model, params, sets, [10], QUIET)[10]
    expand = model.tokenizer.expand_chat
    expanded = Sets(tuple(map(expand, sets.start)), tuple(map(expand, sets.end)))
    expected = by_hand(model, own, expanded, 10, params)
    assert torch.allclose(found.values, expected, atol=1e-3, rtol=1e-4)
    assert found.notices == ()
    longer = tuple(f"{text} That is all I have to say." for text in sets.end)
    mean = Sets(sets.start, longer, "resid_post", "mean")
    told = difference_of_means(model, SteerParams(), mean, [20], QUIET)[20].notices
    assert [notice.code for notice in told] == ["vector_first_token"]
    assert "short texts from long ones" in told[0].message
