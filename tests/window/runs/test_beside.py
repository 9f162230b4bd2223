"""Prompts of the table go along with a text, where there are any, and are asked for otherwise."""

from __future__ import annotations

import pytest

from desktop_app.analyses.features.spec import FeaturesParams
from desktop_app.contract.registry import ANALYSES
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ALONE, WITH_TEXT = FeaturesParams(sae="toy"), FeaturesParams(sae="toy", corpus="own")


@pytest.fixture
def sent(monkeypatch, window):
    """Return what is sent off: the settings, and how many rows of the table they speak of."""
    found = []
    monkeypatch.setattr(
        window.conductor,
        "run",
        lambda _name, params, places, **_more: found.append((params, len(places))),
    )
    return found


def test_settings_say_whether_they_need_prompts_or_take_them():
    assert (ALONE.reads_prompts(), ALONE.takes_prompts()) == (True, True)
    assert (WITH_TEXT.reads_prompts(), WITH_TEXT.takes_prompts()) == (False, True)
    for name in ("rank", "compose", "detect"):
        params = ANALYSES[name].params()
        assert params.takes_prompts() == params.reads_prompts()


def test_the_table_goes_along_with_a_text(qtbot, window, sent):
    window.prompts.table.prompts.set_rows([TypedRow("a b"), TypedRow("c d")])
    settle(qtbot, window)
    assert window.runs.run("features", WITH_TEXT)
    ((params, count),) = sent
    assert [row.text for row in params.prompts] == ["a b", "c d"]
    assert (count, params.corpus) == (2, "own")


def test_an_empty_table_is_no_hindrance_to_a_text(qtbot, window, sent):
    window.prompts.table.prompts.set_rows([TypedRow("")])
    settle(qtbot, window)
    assert window.runs.run("features", WITH_TEXT)
    ((params, count),) = sent
    assert (params.prompts, count) == ((), 0)
    assert not window.runs.run("features", ALONE)
    assert len(sent) == 1
