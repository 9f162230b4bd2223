from __future__ import annotations

import pytest

from desktop_app.support.hub_cache import hub_cache, is_cached


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in ("HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_model_is_here_with_its_settings_and_weights(cache):
    assert not is_cached("some/model")
    folder = cache / "models--some--model" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", "utf-8")
    assert not is_cached("some/model")
    (folder / "model.safetensors").write_bytes(b"")
    assert is_cached("some/model")


def test_the_cache_lies_where_the_library_has_it(cache, monkeypatch, tmp_path):
    assert hub_cache() == tmp_path
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert hub_cache() == tmp_path / "home" / "hub"
    monkeypatch.delenv("HF_HOME")
    assert hub_cache().parts[-2:] == ("huggingface", "hub")
