"""The lens against plain Hugging Face, TransformerLens' own function, and models known by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis import logit_lens
from transformers import AutoModelForCausalLM

from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.grid import highest
from desktop_app.analyses.lens.picture import lines
from desktop_app.analyses.lens.spec import ANALYSIS, LensParams, stored_bytes
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.zoo import ARCHITECTURES, FURTHER, save_tiny, tiny_model, tiny_tokenizer
from tests.models import named, tiny

ROW = PromptRow(text="ab cd g", corrupt="ab xd g", answer=("h", "k"), wrong=("i",))
OTHER = PromptRow(text="g cd ab", answer=("h",), wrong=("i", "j"))
LONGER = PromptRow(text="one two abc", corrupt="ab", answer=("q",))
SCORES = ("answer_rank", "answer_logprob", "logit_diff")
# LayerNorm, RMSNorm, soft caps, parallel blocks (one norm and two), a scaled unembedding's input.
NORMS = {
    "gpt2": "transformer.ln_f",
    "llama": "model.norm",
    "gemma2": "model.norm",
    "gptj": "transformer.ln_f",
    "gpt_neox": "gpt_neox.final_layer_norm",
    "phi": "model.final_layernorm",
    "falcon": "transformer.ln_f",
    "olmo2": "model.norm",
}


def run(model, *rows, **settings):
    params = LensParams(prompts=rows or (ROW,), **settings)
    return lens.run(model, params, SilentReporter())


def plain_streams(plain, ids):
    """Return the streams [L+1, S, d] of a Hugging Face model, before its final norm."""
    seen = []
    norm = plain.get_submodule(NORMS[plain.config.model_type])
    handle = norm.register_forward_pre_hook(lambda _module, given: seen.append(given[0].clone()))
    with torch.no_grad():
        out = plain(torch.tensor([ids]), output_hidden_states=True)
    handle.remove()
    return torch.stack([*out.hidden_states[:-1], seen[0]])[:, 0], out


def plain_tail(plain, streams):
    """Return what a Hugging Face model makes of streams: its norm, unembedding and soft cap."""
    with torch.no_grad():
        normed = plain.get_submodule(NORMS[plain.config.model_type])(streams)
        logits = plain.get_output_embeddings()(normed)
    cap = getattr(plain.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


@pytest.mark.parametrize("architecture", NORMS)
def test_every_cell_equals_plain_hugging_face(architecture):
    model = tiny(architecture)
    plain = AutoModelForCausalLM.from_pretrained(model.info.source, attn_implementation="eager")
    result = run(model, top=7)
    record, data = result.prompts[0], result.data
    ids = {"": record.tokens.ids, "corrupt_": record.corrupt_tokens.ids}
    answers, wrongs = ([a.token_id for a in some] for some in (record.answers, record.wrongs))
    for name, own in ids.items():
        streams, out = plain_streams(plain, own)
        logits = plain_tail(plain, streams)
        # Hugging Face's last hidden state has been through the norm: it is never read as a stream.
        torch.testing.assert_close(logits[-1], out.logits[0], atol=1e-5, rtol=0)
        logprobs = logits.log_softmax(-1)
        best = logits.topk(7).indices
        np.testing.assert_array_equal(data[f"{name}top"][0], best)
        got = data[f"{name}top_prob"][0]
        np.testing.assert_allclose(got, logprobs.exp().gather(-1, best), atol=1e-5)
        ranks = torch.stack([(logits > logits[..., [a]]).sum(-1) for a in answers]).min(0).values
        np.testing.assert_array_equal(data[f"{name}answer_rank"][..., 0], ranks)
        found = data[f"{name}answer_logprob"][..., 0]
        np.testing.assert_allclose(found, logprobs[..., answers].mean(-1), atol=1e-4)
        difference = logits[..., answers].mean(-1) - logits[..., wrongs].mean(-1)
        np.testing.assert_allclose(data[f"{name}logit_diff"][..., 0], difference, atol=1e-4)


def test_the_last_hidden_state_is_no_stream():
    """Normed twice it would give other logits: the guard against the usual mistake."""
    model = tiny("llama")
    plain = AutoModelForCausalLM.from_pretrained(model.info.source, attn_implementation="eager")
    result = run(model, top=3)
    ids = result.prompts[0].tokens.ids
    with torch.no_grad():
        out = plain(torch.tensor([ids]), output_hidden_states=True)
        once = plain.get_output_embeddings()(out.hidden_states[-1][0])
        twice = plain_tail(plain, out.hidden_states[-1][0])
    np.testing.assert_array_equal(result.data["top"][0][-1], once.topk(3).indices)
    assert float((once - twice).abs().max()) > 1e-2


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *FURTHER])
def test_the_end_is_the_models_own_at_every_position(architecture):
    model = tiny(architecture)
    result = run(model, top=5)
    assert result.data["end_difference"].max() < 1e-4
    logits = model.run(model.ids([result.prompts[0].tokens.ids]))[0].float()
    np.testing.assert_array_equal(result.data["top"][0][-1], logits.topk(5).indices)
    assert len(result.data["top"][0]) == model.info.n_layers + 1


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "gptj", "gpt_neox", "olmo2"])
def test_it_equals_transformer_lens_own(architecture):
    model = tiny(architecture)
    result = run(model, top=6)
    record, data = result.prompts[0], result.data
    tokens = torch.tensor([record.tokens.ids])
    answer = record.answers[0].token_id
    found = logit_lens(model.bridge, tokens, positions=None, return_type="probs", top_k=6)
    np.testing.assert_array_equal(data["top"][0], found.readout.top_ids[:, 0])
    np.testing.assert_allclose(data["top_prob"][0], found.values[:, 0], atol=1e-5)
    one = run(model, dataclass_row(ROW, answer=("h",)))
    assert one.prompts[0].answers[0].token_id == answer
    ranks = logit_lens(model.bridge, tokens, positions=None, targets=answer).rank_trajectory()
    np.testing.assert_array_equal(one.data["answer_rank"][..., 0], ranks[:, 0])
    logprobs = logit_lens(
        model.bridge, tokens, positions=None, targets=answer, return_type="log_probs"
    )
    np.testing.assert_allclose(
        one.data["answer_logprob"][..., 0], logprobs.values[:, 0, :, 0], atol=1e-4
    )


def dataclass_row(row, **changes):
    return row.model_copy(update=changes)


@pytest.mark.parametrize(
    ("architecture", "silent"),
    [("gpt2", ("c_proj",)), ("llama", ("o_proj", "down_proj")), ("gptj", ("out_proj", "fc_out"))],
)
def test_blocks_that_add_nothing_give_one_row_over_and_over(architecture, silent, tmp_path):
    plain = tiny_model(architecture, 3)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            if any(f".{part}." in name for part in silent):
                parameter.zero_()
    plain.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    model = load(ModelSpec(str(tmp_path), device="cpu"), SilentReporter())
    data = run(model, ROW, top=4).data
    for name in ("top", "corrupt_top"):
        assert (data[name][0] == data[name][0][:1]).all()
    for name in SCORES:
        np.testing.assert_allclose(data[name], data[name][:1].repeat(4, axis=0), atol=1e-6)


@pytest.mark.pack
def test_the_rank_of_five_falls_to_nothing(smollm2_folder):
    row = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4")
    result = run(named("smollm2"), row)
    ranks = result.data["answer_rank"][:, -1, 0]
    assert len(ranks) == 31
    assert ranks[:20].min() > 5
    assert ranks[-1] == 0
    assert result.data["end_difference"].max() < 1e-4
    assert result.data["top"][0][-1, -1, 0] == 37
    assert result.data["top_prob"][0][-1, -1, 0] == pytest.approx(0.919, abs=0.005)
    assert result.data["corrupt_answer_rank"][-1, -1, 0] > 0
    texts = dict(zip(result.data["token_ids"], result.data["token_texts"], strict=True))
    assert texts[37] == "5"


def test_prompts_of_several_lengths_come_one_by_one():
    model = tiny("llama")
    result = run(model, ROW, LONGER, OTHER, PromptRow(text="x"), top=3)
    data, layers = result.data, model.info.n_layers + 1
    lengths = [len(record.tokens) for record in result.prompts]
    assert len(set(lengths)) > 1
    assert "answer_rank_mean" not in data
    for name in SCORES:
        assert [grid.shape for grid in data[name]] == [(layers, n) for n in lengths]
        alone = run(model, OTHER, top=3).data[name][..., 0]
        np.testing.assert_allclose(data[name][2], alone, atol=1e-5)
    assert [grid.shape for grid in data["top"]] == [(layers, n, 3) for n in lengths]
    # An answer without a wrong one has no difference, and none has no score at all.
    assert np.isfinite(data["answer_rank"][1]).all()
    assert np.isnan(data["logit_diff"][1]).all()
    assert np.isnan(data["answer_logprob"][3]).all()
    # Only the first has a twin of its own length.
    assert [grid.shape[1] for grid in data["corrupt_top"]] == [lengths[0], 0, 0, 0]
    assert np.isnan(data["corrupt_answer_rank"][1]).all()
    assert not {w.code for w in result.warnings} & {"not_finite"}


def test_means_over_prompts_of_one_length():
    result = run(tiny("gpt2"), ROW, OTHER)
    data = result.data
    for name in SCORES:
        values = data[name]
        assert values.shape[-1] == 2
        np.testing.assert_allclose(data[f"{name}_mean"], values.mean(-1))
        sem = values.std(-1, ddof=1) / math.sqrt(2)
        np.testing.assert_allclose(data[f"{name}_sem"], sem, atol=1e-9)
        twin = data[f"corrupt_{name}"]
        np.testing.assert_allclose(data[f"corrupt_{name}_mean"], twin[..., 0])


def test_pieces_change_no_number():
    model = tiny("gemma2")
    whole = run(model, ROW, OTHER, without="0.1").data
    narrow = dataclasses.replace(model, budget_bytes=2 * 3 * 4 * model.info.d_vocab)
    pieces = run(narrow, ROW, OTHER, without="0.1").data
    for name, value in whole.items():
        if name.endswith("top"):
            for one, other in zip(value, pieces[name], strict=True):
                np.testing.assert_array_equal(one, other)
        elif name in {"logit_diff", "changed_answer_logprob"}:
            np.testing.assert_allclose(value, pieces[name], atol=1e-5)


class Stops(SilentReporter):
    """Cancels at the given step."""

    def __init__(self, at=10**9, *, keeps=False):
        self.at, self.count, self.keeps_partial = at, 0, keeps
        self.notes, self.fractions = [], []

    def step(self, fraction, note=""):
        self.count += 1
        self.notes.append(note)
        self.fractions.append(fraction)
        if self.count >= self.at:
            raise Cancelled


def test_progress_rises_to_the_end_and_speaks_of_layers():
    report = Stops()
    lens.run(tiny("llama"), LensParams(prompts=(ROW, LONGER)), report)
    assert report.fractions == sorted(report.fractions)
    assert report.fractions[-1] == 1.0
    assert any("layer 2 of 3" in note for note in report.notes)
    assert any("reading" in note for note in report.notes)


def test_it_stops_at_every_layer_and_piece():
    whole = Stops()
    lens.run(tiny("llama"), LensParams(prompts=(ROW,)), whole)
    for at in range(1, whole.count):
        report = Stops(at)
        with pytest.raises(Cancelled):
            lens.run(tiny("llama"), LensParams(prompts=(ROW,)), report)
        assert report.count == at
    assert tiny("llama").hooks_left() == 0


def test_a_stopped_run_keeps_the_prompts_that_are_whole():
    model = dataclasses.replace(tiny("llama"), reads_together=False)
    rows = (ROW, LONGER, OTHER)
    whole = Stops()
    expected = lens.run(model, LensParams(prompts=rows), whole).data
    report = Stops(whole.count - 3, keeps=True)
    result = lens.run(model, LensParams(prompts=rows), report)
    assert len(result.prompts) == 2
    assert "prompt 3 of 3" in result.partial
    assert result.data["partial"] == result.partial
    np.testing.assert_allclose(result.data["logit_diff"][0], expected["logit_diff"][0], atol=1e-6)
    with pytest.raises(Cancelled):
        lens.run(model, LensParams(prompts=rows), Stops(2, keeps=True))


def test_ties_go_to_the_smaller_id():
    logits = torch.tensor([[0.0, 2.0, 1.0, 1.0, 1.0, 2.0], [0.0] * 6])
    ids, values = highest(logits, 4)
    assert ids.tolist() == [[1, 5, 2, 3], [0, 1, 2, 3]]
    assert values[0].tolist() == [2, 2, 1, 1]


def test_numbers_that_are_none_are_named(tmp_path):
    plain = tiny_model("llama")
    with torch.no_grad():
        plain.model.layers[1].mlp.down_proj.weight[0, 0] = math.inf
    plain.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    model = load(ModelSpec(str(tmp_path), device="cpu"), SilentReporter())
    result = run(model, ROW)
    told = [w.message for w in result.warnings if w.code == "not_finite"]
    assert len(told) == 1
    assert "prompt 1, row 2" in told[0]
    assert "layer 1" in told[0]
    assert np.isfinite(result.data["answer_logprob"][:2]).all()
    # Of no numbers nothing is on top, least of all the answer.
    for name in ("answer_rank", "wrong_rank", "answer_logprob", "logit_diff"):
        assert np.isnan(result.data[name][2:]).all(), name
    assert (result.data["top"][0][2:] == -1).all()
    assert np.isnan(result.data["top_prob"][0][2:]).all()
    told = " ".join(lines(result))
    assert "nan" not in told
    assert "no number" in told


def test_a_twin_of_another_length_is_said_not_to_be_read():
    rows = (ROW, dataclass_row(ROW, corrupt="ab cd efg"))
    result = run(tiny("gpt2"), *rows)
    told = [(w.prompt, w.message) for w in result.warnings if w.code == "lengths_differ"]
    lengths = [len(t) for t in (result.prompts[1].tokens, result.prompts[1].corrupt_tokens)]
    assert lengths[0] != lengths[1]
    assert [prompt for prompt, _message in told] == [1]
    assert f"has {lengths[0]} tokens and its corrupt twin {lengths[1]}" in told[0][1]


def test_more_than_may_be_kept_is_refused_and_said_before():
    model = tiny("llama")
    params = LensParams(prompts=(ROW, LONGER), without="0.1", top=100)
    heard = EstimatingReporter()
    assert heard.listen(lambda: lens.run(model, params, heard)) > 0
    result = lens.run(model, params, SilentReporter())
    kept = [value for value in result.data.values() if isinstance(value, (np.ndarray, tuple))]
    arrays = [a for value in kept for a in (value if isinstance(value, tuple) else (value,))]
    real = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))
    assert 0.5 * heard.stored_bytes < real <= heard.stored_bytes + 8 * 1024
    small = dataclasses.replace(model)
    small.keep(1000, must_fit=False)
    with pytest.raises(BadInputError, match="--top"):
        lens.run(small, params, SilentReporter())
    assert stored_bytes(params, model.info, [3, 3]) > stored_bytes(params, model.info, [3])


@pytest.mark.parametrize(
    "settings",
    [{"dtype": "bfloat16"}, {"weights": "processed"}, {"offload": "disk"}, {"layernorm": "eps"}],
)
@pytest.mark.parametrize("architecture", ["gpt2", "qwen2", "gemma2"])
def test_other_states_of_a_model_end_in_their_own_logits(architecture, settings, tmp_path):
    folder = save_tiny(architecture, tmp_path / architecture)
    spec = ModelSpec(str(folder), device="cpu", **settings)
    model = load(spec, SilentReporter())
    result = run(model, ROW, top=5, without="0.1")
    logits = model.run(model.ids([result.prompts[0].tokens.ids]))[0].float()
    record = result.prompts[0]
    difference = logits[:, [a.token_id for a in record.answers]].mean(-1) - logits[
        :, [w.token_id for w in record.wrongs]
    ].mean(-1)
    most = 0.1 if "dtype" in settings else 1e-4
    np.testing.assert_allclose(result.data["logit_diff"][-1, :, 0], difference, atol=most)
    plain = run(tiny(architecture), ROW, top=5)
    if not {"dtype", "layernorm"} & settings.keys():
        # Centred and folded weights change streams, and no probability at the end.
        np.testing.assert_allclose(
            result.data["answer_logprob"][-1], plain.data["answer_logprob"][-1], atol=1e-4
        )
    if "offload" in settings:
        np.testing.assert_array_equal(result.data["top"][0], plain.data["top"][0])


def test_what_cannot_be_compared_is_told():
    found = run(tiny("gpt2"), dataclass_row(ROW, answer=("h",)))
    assert {w.code for w in found.warnings} <= {"answer_not_near"}
    fields = ANALYSIS.describe(found.data, found.params)
    assert {spec.name for spec in fields} == found.data.keys()


def test_texts_are_there_without_a_tokenizer():
    model = tiny("llama")
    data = run(model, ROW, without="m1").data
    ids = data["token_ids"].tolist()
    every = np.unique(np.concatenate([data[f"{n}top"][0].ravel() for n in ("", "changed_")]))
    assert set(every.tolist()) <= set(ids)
    described = [model.tokenizer.describe(i) for i in ids]
    assert data["token_texts"] == tuple(text for _piece, text in described)
    assert data["token_pieces"] == tuple(piece for piece, _text in described)
