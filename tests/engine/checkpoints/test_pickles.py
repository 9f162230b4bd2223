"""Checkpoints that are pickles: read only as far as they can be weights, and no further."""

from __future__ import annotations

import zipfile

import pytest
import torch
from safetensors.torch import load_file

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading
from desktop_app.support.errors import Cancelled, ModelLoadError
from tests.engine.folders import folder_of, load, set_config
from tests.engine.zoo import tiny_model

IDS = torch.tensor([[1, 20, 30, 40]])
MARKS = 5_000_000


def pickled(tmp, make, **how):
    """Return a folder whose weights are a pickle of what `make` makes of them."""
    folder = folder_of(tmp)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(make(weights), folder / "pytorch_model.bin", **how)
    return folder


def written(tmp, content):
    folder = folder_of(tmp)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(content)
    return folder


def one_number_repeated(tmp):
    """A file of a few bytes whose embedding would take 12 GB."""
    many = torch.zeros(1).expand(10**8, 32)
    folder = pickled(tmp, lambda w: {**w, "model.embed_tokens.weight": many})
    return set_config(folder, vocab_size=10**8)


def numbers_shared_by_many(tmp):
    shared = torch.ones(10**6)
    return pickled(tmp, lambda w: {**w, **{f"e{i}": shared for i in range(100)}})


def endless_program(tmp):
    folder = written(tmp, b"")
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"(" * MARKS)
        archive.writestr("archive/version", "3")
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (one_number_repeated, "are larger than the file .*embed_tokens"),
        (numbers_shared_by_many, "are larger than the file"),
        (endless_program, "holds far more than weights"),
        (lambda tmp: written(tmp, b"\x80\x02]" + b"(" * MARKS), "damaged or holds more"),
        (lambda tmp: pickled(tmp, lambda w: {"state_dict": w}), "under “state_dict”, as training"),
        (lambda tmp: pickled(tmp, lambda w: list(w.items())), "does not hold weights by their"),
    ],
)
def test_what_cannot_be_weights_is_refused(tmp_path, make, words):
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(make(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_sound_pickle_is_read_in_either_layout(tmp_path, is_zip):
    folder = pickled(tmp_path, dict, _use_new_zipfile_serialization=is_zip)
    with torch.no_grad():
        torch.testing.assert_close(load(folder).run(IDS), tiny_model("llama")(IDS).logits)


def test_reading_a_pickle_can_be_stopped(tmp_path):
    class Stopped(SilentReporter):
        asked = 0

        def check(self):
            self.asked += 1
            if self.asked > 100:
                raise Cancelled

    folder = written(tmp_path, b"\x80\x02]" + b"(" * MARKS)
    with pytest.raises(Cancelled):
        loading.load(ModelSpec(str(folder), device="cpu"), Stopped())
