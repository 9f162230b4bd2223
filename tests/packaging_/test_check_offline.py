"""The check of wheelhouses, without a wheelhouse."""

from __future__ import annotations

from pathlib import Path

from tests.packaging_.scripts import script

check_offline = script("check_offline")


def test_a_wheelhouse_is_named_from_where_one_stands(tmp_path, monkeypatch):
    """Its commands run in folders of their own, where a relative path leads elsewhere."""
    asked = []

    def run(name, command, _folder, home=None, log=None):
        asked.append(command[-1])
        if name == "git clone":
            (tmp_path / "work" / "lensbench" / "out").mkdir(parents=True)
            (tmp_path / "work" / "lensbench" / "out" / "worked_example.lens").touch()
        elif name == "run --from":
            (home / "pack").mkdir()
            (home / "pack" / "model.safetensors").touch()
        elif name == "test --from":
            log.write_text("3 passed")

    monkeypatch.setattr(check_offline, "run", run)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "house").mkdir()
    (tmp_path / "work").mkdir()
    check_offline.check(tmp_path / "work", Path("house"), [])
    assert asked[1] == str(tmp_path / "house") == asked[3]
