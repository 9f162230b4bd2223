"""Settings survive, and damaged ones never block a start."""

from __future__ import annotations

import json

import pytest

from desktop_app.window.prompts.prompt_rows import TypedRow
from desktop_app.window.settings import SETTINGS_FILE, Settings, load_settings, save_settings


def test_round_trip(tmp_path):
    rows = (
        TypedRow("1 2 ", "2 1 ", "5|five", "4"),
        TypedRow("", "half typed", "5", "5"),
        TypedRow("half a character \ud83d"),
    )
    settings = Settings(theme="dark", model="toy", tab="rank", prompts=rows, started_before=True)
    save_settings(tmp_path / "new" / "folder", settings)
    assert load_settings(tmp_path / "new" / "folder") == settings


def test_missing_is_default(tmp_path):
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00", '{"a": 1}', '"text"'])
def test_a_damaged_file_gives_the_defaults(tmp_path, content):
    (tmp_path / SETTINGS_FILE).write_text(content, encoding="utf-8")
    assert load_settings(tmp_path) == Settings()


def _row(prompt):
    return {"prompt": prompt, "corrupt": "", "answer": "", "wrong": ""}


def test_rows_of_earlier_versions_are_read(tmp_path):
    row = {"text": "1 ", "corrupt": None, "answer": ["5", "five"], "wrong": []}
    (tmp_path / SETTINGS_FILE).write_text(json.dumps({"prompts": [row]}), encoding="utf-8")
    assert load_settings(tmp_path).prompts == (TypedRow("1 ", "", "5|five", ""),)


def test_bad_fields_are_dropped_one_by_one(tmp_path):
    stored = {
        "theme": "pink",
        "tab": "rank",
        "bos": 7,
        "chat": "yes",
        "offline": False,
        "prompts": [{"text": "good "}, {"nonsense": 1}, 5, _row(1)],
        "selected_prompt": True,
        "model": None,
    }
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(stored), encoding="utf-8")
    loaded = load_settings(tmp_path)
    expected = Settings(tab="rank", offline=False, prompts=(TypedRow("good "),))
    assert loaded == expected


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / SETTINGS_FILE).write_bytes(b"\xff\xfe\x00")
    assert load_settings(tmp_path) == Settings()


def test_saving_where_nothing_can_be_saved_is_no_error(tmp_path, caplog):
    (tmp_path / "file").write_text("x")
    save_settings(tmp_path / "file", Settings())
    assert "not saved" in caplog.text
