"""Sessions of unknown origin in the window: what can be shown is shown, the rest is named."""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.session.store import Session
from tests.samples import drawn, patching
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
USELESS = ({"bos": "x" * 1000}, {"bos": 7, "chat": "never"}, {"chat": 3})


def write(path, *results, settings=None):
    with Session.create(path) as session:
        for result in results:
            session.add(result)
        session.set_prompts([PromptRow(text="1 2 3 4 ", answer="5", wrong="4")], settings or {})
    return path


def lacking(result, *names):
    data = {name: value for name, value in result.data.items() if name not in names}
    return dataclasses.replace(result, data=data, fields=())


def test_a_board_whose_reach_is_of_another_shape_is_refused(qtbot, window, tmp_path):
    reach = {"reach": np.zeros((3, 0), bool)}
    moved = patching.hand_result(moves=("clean:resid_post:1.4>1.4",), patched=1.0)
    moved = dataclasses.replace(moved, data={**moved.data, **reach})
    assert window.session.open(write(tmp_path / "a.lens", moved))
    settle(qtbot, window)
    assert "incomplete" in window.views["hand_patch"].read_out()["failure"]


def test_a_result_that_cannot_be_drawn_takes_no_other_with_it(qtbot, window, tmp_path, caplog):
    broken = lacking(patching.hand_result(), "patched", "top", "read_position")
    path = write(tmp_path / "a.lens", drawn.rank_result(), broken, drawn.tokens_result())
    assert window.session.open(path)
    settle(qtbot, window)
    for name in ("rank", "tokens"):
        assert window.views[name].read_out()["state"] == "result", name
    shown = window.views["hand_patch"].read_out()
    assert shown["state"] == "failure"
    assert "incomplete and cannot be drawn" in shown["failure"]
    assert not shown["drawn"]
    told = [record for record in caplog.records if record.name == "desktop_app.views.base"]
    assert all(record.levelno < logging.WARNING for record in told)  # a command would print it
    window.prompts.set_prompts([PromptRow(text="5 6 7 8 ")])
    settle(qtbot, window)
    assert window.views["hand_patch"].read_out()["failure"] == shown["failure"]
    window.selection.select_head(1, 0)
    window.selection.select_position(2)  # what is known of it is asked of every result
    window.views.open("hand_patch")
    assert window.session.open(write(tmp_path / "b.lens", patching.hand_result()))
    settle(qtbot, window)
    assert window.views["hand_patch"].read_out()["state"] == "result"


def test_patterns_without_the_numbers_of_their_heads_are_refused(qtbot, window, tmp_path):
    window.views.open("attention")
    for name, *missing in (("a", "layers"), ("b",), ("c", "head_indices")):
        result = lacking(drawn.attention_result(), *missing)
        assert window.session.open(write(tmp_path / f"{name}.lens", result))
        settle(qtbot, window)  # an error in the layout fails the test
        shown = window.views["attention"].read_out()
        assert ("incomplete" in shown["failure"]) == bool(missing)


def test_signs_of_qts_in_names_are_letters(qtbot, window, tmp_path):
    assert window.session.open(write(tmp_path / "R&D[*].lens", drawn.rank_result()))
    settle(qtbot, window)
    assert window.windowTitle() == "R&D[*][*] – Lensbench"
    window.top_bar.show_loading("R&D")
    assert "R&&D" in window.top_bar.model_button.text()


@pytest.mark.parametrize(
    "settings", [{"bos": "x" * 1000}, {"bos": 7, "chat": "never"}, {"chat": 3}]
)
def test_shared_settings_of_no_use_are_the_usual_ones(qtbot, window, tmp_path, settings):
    path = write(tmp_path / "a.lens", drawn.rank_result(), settings=settings)
    assert window.session.open(path)
    settle(qtbot, window)
    assert window.prompts.shared_settings() == {"bos": "auto", "chat": False}
    assert window.views["rank"].read_out()["state"] == "result"


def test_prompts_that_are_none_are_not_taken_over(qtbot, window, tmp_path):
    path = write(tmp_path / "a.lens", drawn.rank_result())
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute("SELECT document FROM results").fetchone()
        document = json.loads(text)
        document["params"]["prompts"] = [{"text": 7}, "x"]
        values = (json.dumps(document),)
        connection.execute("UPDATE results SET document = ?, crc = NULL", values)
        connection.commit()
    assert window.session.open(path)
    settle(qtbot, window)
    before = window.prompts.rows()
    window.results.asked.emit("reuse", 1)
    assert window.prompts.rows() == before
    assert "prompts are damaged" in window.banner.text()
