"""Packs of earlier versions are brought up to date in their place, and said to be others."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from tokenizers import pre_tokenizers

from desktop_app.contract.requests import ModelSpec
from desktop_app.contract.result import has_earlier_tokenizer
from desktop_app.engine.catalogue import fingerprint, inspect_folder, locate
from desktop_app.engine.loading import load_tokenizer
from desktop_app.engine.packs import pack
from desktop_app.engine.packs.pack import Pack, PackError
from desktop_app.pictures.words import provenance_sentence
from desktop_app.session.diff import compare_results
from tests.engine import token_files as made
from tests.samples import stored


@pytest.fixture
def old_pack(tmp_path, monkeypatch):
    """A pack as version 1 converted it: plain byte-level, whatever its GGUF said."""
    monkeypatch.setenv("LENSBENCH_HOME", str(tmp_path))
    entry = Pack("tiny", "Tiny", "pack", "MIT", pre_tokenizer="smollm")
    monkeypatch.setattr(pack, "_catalogue", lambda: {"tiny": entry})
    folder = tmp_path / "data" / "models" / "tiny"
    plain = made.byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    made.save_folder(folder, plain, "llama", tokenizer_class="TokenizersBackend")
    header = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"0000")
    pack._write_manifest(folder, entry)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["conversion"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_an_earlier_conversion_is_made_anew_where_it_lies(old_pack):
    before = fingerprint(inspect_folder(old_pack))
    assert made.read_folder(old_pack).encode("a  5").pieces == ("a", "Ġ", "Ġ", "5")
    assert pack.pack_problem("tiny") is None
    assert pack.require_pack("tiny") == old_pack
    plain = made.byte_level(made.digits_alone())
    tokenizer = made.read_folder(old_pack)
    for text in ("a  5", "\n\n1", "1 2 3 4 ", "12345"):
        assert list(tokenizer.encode(text).ids) == plain.encode(text).ids
    pack.verify_pack("tiny")
    after = fingerprint(inspect_folder(old_pack))
    assert (after, len(before)) == (f"{before}-2", 16)
    # Again there is nothing to do.
    stamp = (old_pack / "tokenizer.json").stat().st_mtime_ns
    pack.require_pack("tiny")
    assert (old_pack / "tokenizer.json").stat().st_mtime_ns == stamp


def test_a_conversion_that_died_half_way_is_ended(old_pack):
    """The tokenizer is written first; the manifest of old then names another size."""
    path = old_pack / "tokenizer.json"
    made.byte_level(made.digits_alone()).save(str(path), pretty=False)
    assert pack.pack_problem("tiny") is None
    pack.require_pack("tiny")
    pack.verify_pack("tiny")


def test_an_earlier_conversion_named_by_its_path_is_made_anew_too(old_pack, tmp_path):
    """A copy is somebody's own folder: it stays, and what is wrong with it is said."""
    copy = tmp_path / "copy"
    shutil.copytree(old_pack, copy)
    assert locate(ModelSpec(str(copy))).folder == copy
    told = load_tokenizer(ModelSpec(str(copy)))
    assert told.encode("a  5").pieces == ("a", "Ġ", "Ġ", "5")
    assert "an earlier version of Lensbench converted wrongly" in told.differs
    for _again in range(2):
        tokenizer = load_tokenizer(ModelSpec(str(old_pack)))
        assert tokenizer.encode("a  5").pieces == ("a", "ĠĠ", "5")
        assert not tokenizer.differs


def test_other_damage_is_still_damage(old_pack):
    (old_pack / "config.json").write_text("{}")
    with pytest.raises(PackError, match=r"config.json has 2 bytes.*lensbench fetch tiny"):
        pack.require_pack("tiny")


def test_a_tokenizer_that_cannot_be_read_is_said(old_pack):
    (old_pack / "tokenizer.json").write_text("{")
    with pytest.raises(PackError, match=r"damaged besides .*; run `lensbench fetch tiny` again"):
        pack.require_pack("tiny")


@pytest.mark.parametrize(
    ("source", "fingerprint", "is_earlier"),
    [
        ("/home/a/.local/share/Lensbench/models/smollm2", "00ff", True),
        (r"C:\Users\a\AppData\Local\Lensbench\models\smollm2", "00ff", True),
        ("/home/a/.local/share/Lensbench/models/smollm2", "00ff-2", False),
        ("/home/a/mine/smollm2", "00ff", False),
    ],
)
def test_a_result_of_the_earlier_tokenizer_says_so_by_itself(source, fingerprint, is_earlier):
    one = stored.ablate_result()
    info = replace(one.model, name="smollm2", source=source, fingerprint=fingerprint)
    said = provenance_sentence(replace(one, model=info))
    assert ("made with the pack's earlier tokenizer" in said) is is_earlier


def test_sessions_of_the_earlier_tokenizer_say_so():
    one = stored.ablate_result()
    later = replace(one, model=replace(one.model, fingerprint="00ff-2"))
    assert has_earlier_tokenizer(one.model, later.model)
    assert not has_earlier_tokenizer(later.model, one.model)
    assert not has_earlier_tokenizer(one.model, one.model)
    other = replace(one.model, fingerprint="beef-2")
    assert not has_earlier_tokenizer(one.model, other)
    (change,) = compare_results(one, later)[0]
    assert change.left == "00ff (made with the pack's earlier tokenizer)"
    assert change.right == "00ff-2"


@pytest.mark.pack
def test_the_real_pack_cuts_as_its_model_was_trained(smollm2_folder):
    tokenizer = made.read_folder(smollm2_folder)
    assert tokenizer.encode("a  5").pieces == ("a", "ĠĠ", "5")
    assert tokenizer.encode("\n\n1").pieces == ("ĊĊ", "1")
    assert tokenizer.encode("1 2 3 4 ").ids == (33, 216, 34, 216, 35, 216, 36, 216)
    assert not tokenizer.differs


@pytest.mark.pack
@pytest.mark.model
def test_what_a_text_costs_the_real_pack(smollm2_folder):
    """62.8 nats as it was cut before, 28.9 as the model was trained."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(smollm2_folder, local_files_only=True)
    text = "The values are:  1,  2,  3,  4,  5"
    ids = torch.tensor([made.read_folder(smollm2_folder).encode(text).ids])
    with torch.no_grad():
        logprobs = model(ids).logits[0, :-1].log_softmax(-1)
    cost = -float(logprobs.gather(1, ids[0, 1:, None]).sum())
    assert cost == pytest.approx(28.92, abs=0.01)
