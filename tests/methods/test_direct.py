"""What a logit reads of the stream, against norms and unembeddings written out by hand."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.methods.direct import direction_of, linear_norm, way_into_stream
from desktop_app.methods.streams import Wanted, read_streams
from desktop_app.support.errors import BadInputError
from tests.methods.test_streams import IDS, MODULES, plain
from tests.models import tiny

READ = [5, 3]
AIMS = [((40, 50), (60,)), ((3,), ())]
# What becomes of logits behind the unembedding, and what is added to a norm's gain.
CAPPED = {"gemma2": 30.0}
TIMES = {"granite": 1 / 3.0, "cohere": 0.4}
OFFSET = {"gemma2": 1.0, "gemma3_text": 1.0}


def streams(model, **settings):
    return read_streams(model, IDS, Wanted(parts=True, read=READ, **settings))


@cache
def hugging(architecture):
    return AutoModelForCausalLM.from_pretrained(tiny(architecture).info.source).eval()


def at_read(x):
    return x[torch.arange(2), torch.tensor(READ)].double()


def by_hand(architecture, part):
    """Return what a part `[2, d]` adds to the targets, from the weights alone, scale held."""
    model = hugging(architecture)
    norm = model.get_submodule(MODULES[architecture][1])
    stream = at_read(plain(architecture)["stream"])
    centres = isinstance(norm, torch.nn.LayerNorm) or "LayerNorm" in type(norm).__name__
    eps = getattr(norm, "eps", None) or getattr(norm, "variance_epsilon", 1e-6)
    if centres:
        part = part - part.mean(-1, keepdim=True)
        stream = stream - stream.mean(-1, keepdim=True)
    size = (stream.square().mean(-1, keepdim=True) + eps).sqrt()
    gain = norm.weight.detach().double() + OFFSET.get(architecture, 0.0)
    bias = getattr(norm, "bias", None)
    bias = torch.zeros(1).double() if bias is None else bias.detach().double()
    head = model.get_output_embeddings()
    own = torch.zeros(1) if head.bias is None else head.bias.detach()
    read, given = gain * part / size, gain * stream / size + bias
    found = []
    for row, (right, wrong) in enumerate(AIMS):
        total = 0.0
        for group, sign in ((right, 1), (wrong, -1)):
            for token in group:
                u = head.weight[token].detach().double()
                raw = float(given[row] @ u) + float(own[token % len(own)])
                cap = CAPPED.get(architecture)
                factor = cap * float(torch.tanh(torch.tensor(raw / cap))) / raw if cap else 1.0
                factor *= TIMES.get(architecture, 1.0)
                total += sign * factor * float(read[row] @ u) / len(group)
        found.append(total)
    return torch.tensor(found).double()


@pytest.mark.parametrize(
    "architecture", ["gpt2", "llama", "gemma2", "gemma3_text", "granite", "cohere", "olmo2", "phi"]
)
def test_parts_contribute_what_the_weights_say(architecture):
    model, seen = tiny(architecture), plain(architecture)
    found = streams(model)
    direction = direction_of(model, found, READ, AIMS)
    parts = [("embed", found.stream[0])]
    for layer in range(model.info.n_layers):
        parts += [(("attn", layer), found.attn[layer]), (("mlp", layer), found.mlp[layer])]
    for name, ours in parts:
        expected = by_hand(architecture, at_read(seen[name]))
        torch.testing.assert_close(direction.of(at_read(ours)), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", MODULES)
def test_parts_and_biases_sum_to_hugging_faces_number(architecture):
    model, seen = tiny(architecture), plain(architecture)
    found = streams(model)
    direction = direction_of(model, found, READ, AIMS)
    parts = [found.stream[0], *found.attn, *found.mlp]
    total = direction.bias + sum(direction.of(at_read(part)) for part in parts)
    logits = at_read(seen["logits"])
    expected = [
        logits[row, list(right)].mean() - (logits[row, list(wrong)].mean() if wrong else 0.0)
        for row, (right, wrong) in enumerate(AIMS)
    ]
    torch.testing.assert_close(direction.own, torch.stack(expected), atol=1e-4, rtol=0)
    torch.testing.assert_close(total, direction.own, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2", "cohere", "granite"])
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_an_earlier_stream_is_read_as_the_lens_reads_it(architecture, layer):
    model = tiny(architecture)
    found = streams(model)
    direction = direction_of(model, found, READ, AIMS, layer)
    parts = [found.stream[0], *found.attn[:layer], *found.mlp[:layer]]
    total = direction.bias + sum(direction.of(at_read(part)) for part in parts)
    torch.testing.assert_close(total, direction.own, atol=1e-5, rtol=0)
    # The lens written out: the final norm's own module on that stream, and the model's own head.
    plain_model = hugging(architecture)
    norm = plain_model.get_submodule(MODULES[architecture][1])
    with torch.no_grad():
        logits = plain_model.get_output_embeddings()(norm(found.stream[layer]))
    logits = TIMES.get(architecture, 1.0) * at_read(logits)
    if architecture in CAPPED:
        logits = CAPPED[architecture] * torch.tanh(logits / CAPPED[architecture])
    expected = logits[0, [40, 50]].mean() - logits[0, 60]
    assert float(direction.own[0]) == pytest.approx(float(expected), abs=1e-4)
    assert float(direction.own[1]) == pytest.approx(float(logits[1, 3]), abs=1e-4)


def test_a_logit_near_0_takes_its_factor_from_others():
    """Its own would be one rounding divided by another."""
    model = tiny("granite")
    found = streams(model)
    logits = found.logits[1]
    smallest = int(logits.abs().argmin())
    direction = direction_of(model, found, READ, [AIMS[0], ((smallest,), ())])
    plain_model = hugging("granite")
    stream = at_read(plain("granite")["stream"])[1]
    gain = plain_model.model.norm.weight.detach().double()
    u = plain_model.lm_head.weight[smallest].detach().double() / 3.0
    expected = gain * u / (stream.square().mean() + 1e-6).sqrt()
    torch.testing.assert_close(direction.vector[1], expected, atol=1e-6, rtol=1e-4)


def test_what_is_no_norm_is_refused_by_name():
    model = tiny("llama")
    found = streams(model)
    x = found.stream[1][:, 3]
    with pytest.raises(BadInputError, match="final norm of llama is no norm"):
        linear_norm(model, model.bridge.ln_final, x, x.sin(), "final norm")
    assert way_into_stream(model, 1, x, x.sin(), x.norm(dim=-1, keepdim=True)) is None


@pytest.mark.parametrize(
    ("architecture", "kind"), [("llama", 1.0), ("granite", 0.3), ("gemma2", None), ("glm4", None)]
)
def test_the_way_into_the_stream_is_a_factor_or_a_norm(architecture, kind):
    model = tiny(architecture)
    name = "blocks.1.attn.o.hook_out"
    found = streams(model, names=(name,))
    gave, adds, size = (at_read(x) for x in (found.named[name], found.attn[1], found.stream[2]))
    way = way_into_stream(model, 1, gave, adds, size.norm(dim=-1, keepdim=True))
    torch.testing.assert_close(way.of_part(gave) + way.bias, adds, atol=1e-5, rtol=1e-4)
    some = torch.randn(2, model.info.d_model, generator=torch.Generator().manual_seed(0)).double()
    back = (way.back(some) * gave).sum(-1)
    torch.testing.assert_close(back, (some * way.of_part(gave)).sum(-1), atol=1e-6, rtol=1e-6)
    if kind is not None:
        assert way.scale.flatten().tolist() == pytest.approx([kind, kind], abs=1e-5)


def test_what_adds_next_to_nothing_is_no_reason_to_refuse():
    model = tiny("llama")
    found = streams(model)
    size = at_read(found.stream[1]).norm(dim=-1, keepdim=True)
    noise = 1e-9 * torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    assert way_into_stream(model, 0, noise, noise.flip(0), size) is not None
    assert way_into_stream(model, 0, 0 * noise, 0 * noise, size) is not None
