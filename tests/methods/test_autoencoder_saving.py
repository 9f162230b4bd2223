"""Writing an autoencoder: whole or not at all, and where it is nobody else's."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from desktop_app.methods import autoencoder_saving
from desktop_app.methods.autoencoder_saving import Made, place_for, save_autoencoder
from desktop_app.support import autoencoder_folder
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import HOME_VARIABLE
from tests.models import named

HOOK = "blocks.1.hook_resid_pre"
FILES = ["cfg.json", "sae_weights.safetensors"]


def weights(seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"W_enc": (128, 6), "b_enc": (6,), "W_dec": (6, 128), "b_dec": (128,)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def save(folder, seed=0, **facts):
    save_autoencoder(folder, weights(seed), Made(HOOK, 0, 16, True, facts), named("toy").info)


def test_it_is_written_to_the_letter(tmp_path):
    save(tmp_path / "new", l1_coefficient=2.0)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == FILES
    stored = load_file(tmp_path / "new/sae_weights.safetensors")
    assert all(torch.equal(stored[name], value) for name, value in weights().items())
    said = json.loads((tmp_path / "new/cfg.json").read_text("utf-8"))
    assert (said["architecture"], said["d_in"], said["d_sae"]) == ("standard", 128, 6)
    assert "k" not in said
    assert said["metadata"]["l1_coefficient"] == 2.0


@pytest.mark.parametrize("there", [False, True])
def test_where_the_disk_is_full_all_is_as_before(tmp_path, monkeypatch, there):
    folder = tmp_path / "one"
    if there:
        save(folder)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(autoencoder_saving.os, "fsync", full)
    with pytest.raises(BadInputError, match="The disk is full"):
        save(folder, seed=1)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    assert folder.exists() is there


def test_a_folder_that_is_empty_or_was_written_here_is_taken(tmp_path):
    info = named("toy").info
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        assert place_for(info, HOOK, str(tmp_path / name)) == tmp_path / name
    save(tmp_path / "own")
    assert place_for(info, HOOK, str(tmp_path / "own")) == tmp_path / "own"
    with pytest.raises(BadInputError, match=r"an autoencoder of toy at blocks\.1\.hook_resid_pre"):
        place_for(info, "blocks.2.hook_resid_pre", str(tmp_path / "own"))
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == FILES


def test_one_without_a_name_goes_among_the_autoencoders(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    info = named("toy").info
    first = place_for(info, "blocks.0.hook_mlp_out", "")
    assert first.parent == autoencoder_folder.folder()
    assert first.name == f"toy-{info.fingerprint[:8]}-0-mlp_out"
    save(first)
    assert place_for(info, "blocks.0.hook_mlp_out", "").name == f"{first.name}-2"


def test_two_that_train_at_once_end_in_two_folders(tmp_path, monkeypatch):
    """Both begin before either has written anything."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    info = named("toy").info
    places = [place_for(info, "blocks.1.hook_mlp_out", "") for _one in range(2)]
    assert places[0] == places[1]
    made = Made("blocks.1.hook_mlp_out", 0, 16, True)
    ended = [save_autoencoder(p, weights(n), made, info, anew=True) for n, p in enumerate(places)]
    assert [path.name for path in ended] == [places[0].name, f"{places[0].name}-2"]
    third = save_autoencoder(ended[1], weights(2), made, info, anew=True)
    assert third.name == f"{places[0].name}-3"
    for seed, path in enumerate((*ended, third)):
        stored = load_file(path / "sae_weights.safetensors")
        assert torch.equal(stored["W_enc"], weights(seed)["W_enc"])


def test_a_place_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="the folder does not exist"):
        place_for(named("toy").info, HOOK, str(Path(tmp_path, "no", "such")))
