"""Fitted lenses: what they read against TransformerLens, and which files are refused."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformer_lens.tools.analysis import JacobianLens, logit_lens

from desktop_app.analyses.lens import run as lens
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import file_of
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import save_tiny
from tests.models import named, tiny

ROW = PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4")


def run(model, **settings):
    return lens.run(model, LensParams(prompts=(ROW,), **settings), SilentReporter())


def random_matrices(info, *, rows, biased=False, seed=0):
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for layer in range(rows):
        found[f"{layer}.weight"] = torch.randn(info.d_model, info.d_model, generator=generator)
        if biased:
            found[f"{layer}.bias"] = torch.randn(info.d_model, generator=generator)
    return found


def written(path, loaded, tensors, **facts):
    facts = {"kind": "jacobian", "fingerprint": loaded.info.fingerprint, **facts}
    save_file(tensors, path, {k: v for k, v in facts.items() if v})
    return str(path)


@pytest.fixture
def jacobian(tmp_path):
    model = named("toy")
    tensors = random_matrices(model.info, rows=model.info.n_layers - 1)
    return written(tmp_path / "j.safetensors", model, tensors), tensors


def test_the_jacobian_lens_equals_transformer_lens_readout(jacobian):
    model, (file, tensors) = named("toy"), jacobian
    result = run(model, kind="jacobian", lens_file=file, top=6)
    matrices = {int(name.split(".")[0]): matrix for name, matrix in tensors.items()}
    own = JacobianLens(matrices, n_prompts=1, d_model=model.info.d_model)
    record = result.prompts[0]
    for name, ids in (("", record.tokens.ids), ("corrupt_", record.corrupt_tokens.ids)):
        found = own.readout(model.bridge, torch.tensor([ids]), top_k=6, return_full_logits=True)
        for layer, logits in found.lens_logits.items():
            row = layer + 1  # what is behind block l stands before block l + 1
            best = found.lens_topk_indices[layer]
            np.testing.assert_array_equal(result.data[f"{name}top"][0][row], best)
            probs = logits.softmax(-1).gather(-1, best)
            np.testing.assert_allclose(result.data[f"{name}top_prob"][0][row], probs, atol=1e-5)
            answer, wrong = (a[0].token_id for a in (record.answers, record.wrongs))
            np.testing.assert_allclose(
                result.data[f"{name}logit_diff"][row, :, 0],
                logits[:, answer] - logits[:, wrong],
                atol=1e-4,
            )
        assert sorted(found.lens_logits) == [0, 1, 2]


def test_it_reads_nothing_of_the_embeddings_and_says_so(jacobian):
    file, _tensors = jacobian
    result = run(named("toy"), kind="jacobian", lens_file=file)
    assert (result.data["top"][0][0] == -1).all()
    assert np.isnan(result.data["top_prob"][0][0]).all()
    assert np.isnan(result.data["answer_rank"][0]).all()
    assert np.isfinite(result.data["answer_rank"][1:]).all()
    codes = [w.code for w in result.warnings]
    assert "lens_row_missing" in codes
    assert "not_finite" not in codes
    assert -1 not in result.data["token_ids"]


def test_a_tuned_lens_is_an_affine_map_of_each_stream(tmp_path):
    model = named("toy")
    tensors = random_matrices(model.info, rows=model.info.n_layers, biased=True)
    file = written(tmp_path / "t.safetensors", model, tensors, kind="tuned")
    result = run(model, kind="tuned", lens_file=file, top=5)

    def translate(entry, index):
        if index == model.info.n_layers:
            return entry
        return entry @ tensors[f"{index}.weight"].T + tensors[f"{index}.bias"]

    tokens = torch.tensor([result.prompts[0].tokens.ids])
    found = logit_lens(
        model.bridge, tokens, positions=None, top_k=5, lens=translate, return_type="probs"
    )
    np.testing.assert_array_equal(result.data["top"][0], found.readout.top_ids[:, 0])
    np.testing.assert_allclose(result.data["top_prob"][0], found.values[:, 0], atol=1e-5)
    assert "lens_row_missing" not in [w.code for w in result.warnings]


def test_a_lens_of_the_tuned_lens_package_is_converted_as_the_help_says(tmp_path):
    """It adds what its translators make of a stream to the stream: what it stores is map − 1."""
    page = file_of("lens", "help.md").read_text("utf-8")
    assert "add 1 to the diagonal of each of its weights" in page
    model = named("toy")
    tensors = random_matrices(model.info, rows=model.info.n_layers, biased=True)
    one = torch.eye(model.info.d_model)
    converted = {k: v + one if k.endswith("weight") else v for k, v in tensors.items()}
    file = written(tmp_path / "t.safetensors", model, converted, kind="tuned")
    result = run(model, kind="tuned", lens_file=file, top=5)

    def translate(entry, index):
        if index == model.info.n_layers:
            return entry
        weight, bias = (tensors[f"{index}.{part}"] for part in ("weight", "bias"))
        return entry + torch.nn.functional.linear(entry, weight, bias)

    tokens = torch.tensor([result.prompts[0].tokens.ids])
    found = logit_lens(model.bridge, tokens, positions=None, top_k=5, lens=translate)
    np.testing.assert_array_equal(result.data["top"][0], found.readout.top_ids[:, 0])


def test_the_identity_is_the_logit_lens(tmp_path):
    model = named("toy")
    one = torch.eye(model.info.d_model)
    tensors = {f"{layer}.weight": one.clone() for layer in range(model.info.n_layers - 1)}
    file = written(tmp_path / "one.safetensors", model, tensors)
    plain = run(model, without="0.1").data
    found = run(model, kind="jacobian", lens_file=file, without="0.1").data
    for name in ("top", "changed_top", "corrupt_top"):
        np.testing.assert_array_equal(found[name][0][1:], plain[name][0][1:])
    np.testing.assert_allclose(found["logit_diff"][1:], plain["logit_diff"][1:], atol=1e-5)
    assert "fitted" not in found


def test_names_may_have_a_beginning_and_a_file_may_keep_silent(tmp_path):
    model = named("toy")
    tensors = random_matrices(model.info, rows=model.info.n_layers - 1)
    long = {f"lens.layers.{name}": tensor for name, tensor in tensors.items()}
    signed = written(tmp_path / "a.safetensors", model, tensors)
    silent = written(tmp_path / "b.safetensors", model, long, fingerprint="")
    one, other = (run(model, kind="jacobian", lens_file=f) for f in (signed, silent))
    np.testing.assert_array_equal(one.data["top"][0], other.data["top"][0])
    assert "lens_unsigned" not in [w.code for w in one.warnings]
    assert "lens_unsigned" in [w.code for w in other.warnings]


def test_all_layers_may_lie_together(tmp_path):
    model = named("toy")
    tensors = random_matrices(model.info, rows=model.info.n_layers, biased=True)
    together = {
        part: torch.stack([tensors[f"{layer}.{part}"] for layer in range(model.info.n_layers)])
        for part in ("weight", "bias")
    }
    named_so = {f"layer_{name}": tensor for name, tensor in tensors.items()}
    files = [
        written(tmp_path / f"{n}.safetensors", model, some, kind="tuned")
        for n, some in enumerate((tensors, together, named_so))
    ]
    first, *others = (run(model, kind="tuned", lens_file=file).data for file in files)
    for other in others:
        np.testing.assert_array_equal(first["top"][0], other["top"][0])
        np.testing.assert_array_equal(first["logit_diff"], other["logit_diff"])


def refused(kind, file):
    with pytest.raises(BadInputError) as caught:
        run(named("toy"), kind=kind, lens_file=str(file))
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_no_file_and_no_lens(tmp_path):
    assert "--lens-file" in refused("jacobian", "")
    assert "no such file" in refused("tuned", tmp_path / "none.safetensors")
    pickle = tmp_path / "lens.pt"
    torch.save({"J": {}}, pickle)
    assert "safetensors alone" in refused("jacobian", pickle)
    for stored in (b"", b"\0" * 7, b"\xff" * 40, struct.pack("<Q", 5) + b"[1,2]", b"x" * 4096):
        path = tmp_path / "bad.safetensors"
        path.write_bytes(stored)
        assert "damaged" in refused("jacobian", path)
    nested = b"[" * 100_000
    path.write_bytes(struct.pack("<Q", len(nested)) + nested)
    assert "damaged" in refused("jacobian", path)
    (tmp_path / "folder.safetensors").mkdir()
    refused("jacobian", tmp_path / "folder.safetensors")


def test_lenses_of_others(tmp_path):
    model, info = named("toy"), named("toy").info
    good = random_matrices(info, rows=info.n_layers - 1)
    path = tmp_path / "lens.safetensors"
    cases = {
        "fingerprint differs": (good, {"fingerprint": "0" * 40, "model": "other"}),
        "choose --kind tuned": (good, {"kind": "tuned"}),
        "--weights processed": (good, {"weights": "processed"}),
        "--layernorm identity": (good, {"layernorm": "identity"}),
        "no matrix for layer 1": ({"0.weight": good["0.weight"]}, {}),
        "ends with layer 1": (random_matrices(info, rows=info.n_layers), {}),
        "another model's lens": ({n: t[:, :-1].clone() for n, t in good.items()}, {}),
        "no Jacobian lens": ({**good, "0.bias": torch.zeros(info.d_model)}, {}),
        "is no lens": ({**good, "embed": torch.zeros(2)}, {}),
        "two matrices": ({**good, "x.0.weight": good["0.weight"].clone()}, {}),
    }
    for told, (tensors, facts) in cases.items():
        assert told in refused("jacobian", written(path, model, tensors, **facts)), told
    tuned = random_matrices(info, rows=info.n_layers)
    assert "no bias" in refused("tuned", written(path, model, tuned, kind="tuned"))


def test_a_file_that_is_not_whole(tmp_path, jacobian):
    _file, _tensors = jacobian
    stored = (tmp_path / "j.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(stored[:-64])
    assert "not whole" in refused("jacobian", cut)
    head = json.loads(stored[8 : 8 + struct.unpack("<Q", stored[:8])[0]])
    head["0.weight"]["dtype"] = "I64"
    text = json.dumps(head).encode()
    cut.write_bytes(struct.pack("<Q", len(text)) + text + stored[-64:])
    refused("jacobian", cut)


def test_a_lens_of_processed_weights_is_not_that_of_the_raw_ones(tmp_path):
    folder = save_tiny("gpt2", tmp_path / "gpt2")
    raw = tiny("gpt2")
    processed = load(ModelSpec(str(folder), device="cpu", weights="processed"), SilentReporter())
    tensors = random_matrices(raw.info, rows=raw.info.n_layers - 1)
    # The weights lie in one file, so that the fingerprint does not tell them apart.
    assert processed.info.fingerprint == raw.info.fingerprint
    file = written(tmp_path / "l.safetensors", processed, tensors, corpus="text.txt")
    params = LensParams(prompts=(PromptRow(text="ab cd"),), kind="jacobian", lens_file=file)
    with pytest.raises(BadInputError, match="--weights raw"):
        lens.run(processed, params, SilentReporter())
    assert lens.run(raw, params, SilentReporter()).data["fitted"] == {"corpus": "text.txt"}


def test_the_kind_and_the_file_stand_in_no_logit_lens():
    result = run(named("toy"), lens_file="nowhere.safetensors")
    assert "fitted" not in result.data
    assert result.params["kind"] == "logit"
