"""Where dialogs for files begin: where the last one ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from desktop_app.window.frame import dialogs

real_save, real_open = dialogs.ask_save, dialogs.ask_open


@pytest.fixture
def begun(monkeypatch, tmp_path):
    """Return where each dialog began; all end with a file in a folder of its own."""
    places = []

    def answer(_parent, _title, place, *_rest):
        places.append(Path(place))
        return str(tmp_path / "there" / "a.lens"), "Session (*.lens)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    yield places
    dialogs.begin_in("")


def test_a_circuit_can_be_written_for_mib(monkeypatch, tmp_path):
    assert ".mib.json" not in dialogs.result_filter(".json")
    kinds = dialogs.result_filter(".json", circuit=True)
    assert "Circuit for MIB (*.mib.json)" in kinds.split(";;")
    for typed in ("c.mib.json", "c"):
        chosen = str(tmp_path / typed), "Circuit for MIB (*.mib.json)"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_asked, given=chosen: given)
        assert real_save(None, "Export data", "c.json", kinds) == tmp_path / "c.mib.json"


def test_a_dialog_begins_where_the_last_one_ended(begun, tmp_path):
    dialogs.begin_in("")
    (tmp_path / "there").mkdir()
    real_save(None, "Save", "session.lens", "Session (*.lens)")
    real_open(None, "Open", "Session (*.lens)")
    real_save(None, "Save", "b.csv", "Table (*.csv)")
    assert begun == [Path.home() / "session.lens", tmp_path / "there", tmp_path / "there" / "b.csv"]
    assert dialogs.files_folder() == str(tmp_path / "there")


def test_one_that_has_gone_gives_way_to_the_home(begun, tmp_path):
    dialogs.begin_in(str(tmp_path / "gone"))
    real_open(None, "Open", "Session (*.lens)")
    assert begun == [Path.home()]
