"""The results by what made them: names, groups that fold, the one on screen, tries on one line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication

from desktop_app.cli import cli
from desktop_app.session.store import Session
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import find
from tests.samples import drawn, patching
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

CTRL = Qt.KeyboardModifier.ControlModifier
MOVES = ((), ("clean:resid_post:5.4>5.4",), ("clean:resid_post:6.4>6.4",))


def press(qtbot, window, key, keys=Qt.KeyboardModifier.NoModifier, part=None):
    """Press a key on the window, or on a part of it that has the focus."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    if part is not None:
        part.setFocus()
    qtbot.keyClick(part or window, key, keys)


def lines(window):
    return dict(window.results.lines())


def middle(panel, number):
    tree = panel.tree
    tree.scrollToItem(panel.item_of(number))
    return tree.visualItemRect(panel.item_of(number)).center()


def click(qtbot, panel, number, keys=Qt.KeyboardModifier.NoModifier):
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(panel.tree.viewport(), left, keys, middle(panel, number))


def heading(panel, title):
    tree = panel.tree
    items = [tree.topLevelItem(place) for place in range(tree.topLevelItemCount())]
    spoken = Qt.ItemDataRole.AccessibleTextRole
    return next(i for i in items if i.data(0, spoken).startswith(title))


def run(qtbot, window, name, **settings):
    window.views.open(name)
    window.views[name].set_params(window.views[name].params().model_copy(update=settings))
    press(qtbot, window, Qt.Key.Key_F5)
    settle(qtbot, window)


def newest(window, name):
    return [row.id for row in window.session.rows() if row.analysis == name][-1]


def several(window, count=3):
    rows = [TypedRow(f"{i} {i + 1} {i + 2} ", "7 9 6 ", "5", "4") for i in range(count)]
    window.prompts.set_rows(rows)
    window.prompts.flush()


def test_results_are_named_by_what_made_them_beneath_their_analysis(qtbot, window):
    several(window)
    run(qtbot, window, "ablate", layers="0:2")
    run(qtbot, window, "attention", no_first=True)
    found = lines(window)
    assert list(found) == ["Tokens", "Ranking", "Attention", "Ablation"]  # as in the rail
    assert found["Ablation"] == ["zero · layers 0 to 1 · 3 prompts", "zero · “1 2 3 4 ”"]
    assert found["Attention"][0] == "without first position · 3 prompts"
    titles = [row.title for row in window.session.rows()]
    assert "Ablation · zero · layers 0 to 1 · 3 prompts" in titles


def test_two_that_would_read_alike_are_told_apart(qtbot, window):
    several(window)
    for first in ("1 1 1 ", "2 2 2 "):
        window.prompts.table.prompts.set_rows(
            [TypedRow(first, "7 9 6 ", "5", "4"), TypedRow("3 4 5 ", "7 9 6 ", "5", "4")]
        )
        window.prompts.flush()
        run(qtbot, window, "rank")
    run(qtbot, window, "rank")
    assert lines(window)["Ranking"][:3] == [
        "with “2 2 2 ” · 2 prompts · run 2",
        "with “2 2 2 ” · 2 prompts",
        "2 prompts",
    ]
    titles = [row.title for row in window.session.rows()]
    assert len(set(titles)) == len(titles)


def test_the_command_line_and_the_exports_call_them_the_same(qtbot, window, tmp_path):
    several(window)
    run(qtbot, window, "ablate", layers="0:2")
    window.session.save_as(tmp_path / "a.lens")
    window.session.wait()
    told = CliRunner().invoke(cli, ["results", str(tmp_path / "a.lens"), "--json"])
    rows = json.loads(told.stdout)
    assert [row["title"] for row in rows] == [row.title for row in window.session.rows()]
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    assert set(rows[0]) == {"id", "analysis", "title", "created", "model"}
    with Session.open(tmp_path / "a.lens") as session:
        assert session.rows()[-1].title == "Ablation · zero · layers 0 to 1 · 3 prompts"


def test_the_one_on_screen_is_highlighted_and_only_it(qtbot, window):
    several(window)
    run(qtbot, window, "rank")
    rank, panel = newest(window, "rank"), window.results
    assert panel.highlighted() == [rank]
    older = next(row.id for row in window.session.rows() if row.analysis == "rank")
    click(qtbot, panel, older)
    assert panel.highlighted() == [older]
    assert window.views["rank"].current_result.prompts[0].text == "1 2 3 4 "
    press(qtbot, window, Qt.Key.Key_4, CTRL)  # another tab, by its keys
    assert panel.highlighted() == [newest(window, window.views.current)]
    press(qtbot, window, Qt.Key.Key_2, CTRL)
    assert window.views.current == "rank"
    assert panel.highlighted() == [older]
    assert [row.id for row in panel.marked()] == [older]


def test_it_stays_so_after_deleting_and_undoing(qtbot, window):
    several(window)
    run(qtbot, window, "rank")
    rank, panel = newest(window, "rank"), window.results
    other = next(row.id for row in window.session.rows() if row.analysis == "ablate")
    panel.tree.setCurrentItem(panel.item_of(other))
    press(qtbot, window, Qt.Key.Key_Delete, part=panel.tree)
    settle(qtbot, window)
    assert other not in panel.listed()
    assert panel.highlighted() == [rank]
    window.actions_by_name["undo"].trigger()
    settle(qtbot, window)
    assert other in panel.listed()
    assert panel.highlighted() == [rank]
    panel.tree.setCurrentItem(panel.item_of(rank))
    press(qtbot, window, Qt.Key.Key_Delete, part=panel.tree)
    settle(qtbot, window)
    assert panel.highlighted() == []
    window.actions_by_name["undo"].trigger()
    settle(qtbot, window)
    assert panel.highlighted() == [rank]


def test_it_stays_so_while_two_are_marked_and_compared(qtbot, window):
    several(window)
    run(qtbot, window, "rank")
    panel = window.results
    older, rank = (row.id for row in window.session.rows() if row.analysis == "rank")
    click(qtbot, panel, rank)
    click(qtbot, panel, older, CTRL)
    assert panel.highlighted() == [rank]
    assert {row.id for row in panel.marked()} == {rank, older}
    window.actions_by_name["compare"].trigger()
    assert window.comparisons.dialog is not None
    assert panel.highlighted() == [rank]
    assert [row.id for row in panel.marked()] == [rank]
    window.comparisons.close()
    assert panel.highlighted() == [rank]


def test_groups_fold_by_mouse_and_keys_and_stay_folded(qtbot, open_window, service):
    window = open_window(service)
    panel, tree = window.results, window.results.tree
    run(qtbot, window, "rank")
    group = heading(panel, "Ranking")
    left, port = Qt.MouseButton.LeftButton, tree.viewport()
    tree.scrollToItem(group)
    qtbot.mouseClick(port, left, pos=tree.visualItemRect(group).center())
    assert panel.folded() == ("rank",)
    run(qtbot, window, "rank")
    assert not heading(panel, "Ranking").isExpanded()
    tree.setCurrentItem(heading(panel, "Ablation"))
    press(qtbot, window, Qt.Key.Key_Left, part=tree)
    assert panel.folded() == ("ablate", "rank")
    press(qtbot, window, Qt.Key.Key_Right, part=tree)
    press(qtbot, window, Qt.Key.Key_Down, part=tree)
    press(qtbot, window, Qt.Key.Key_Return, part=tree)
    assert window.views.current == "ablate"
    press(qtbot, window, Qt.Key.Key_Left, part=tree)
    assert tree.currentItem() is heading(panel, "Ablation")
    press(qtbot, window, Qt.Key.Key_Return, part=tree)
    assert panel.folded() == ("ablate", "rank")
    window.session.has_unsaved = False
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(service)
    assert again.results.folded() == ("ablate", "rank")


def test_a_search_opens_what_it_finds(qtbot, window):
    panel = window.results
    panel.fold(["rank", "ablate"])
    qtbot.keyClicks(panel.search, "ranking")
    assert list(lines(window)) == ["Ranking"]
    assert heading(panel, "Ranking").isExpanded()
    panel.search.clear()
    assert not heading(panel, "Ranking").isExpanded()


# By hand.


def with_tries(path):
    """Write a session of a ranking, some tries by hand, and one on another pair."""
    with Session.create(path) as session:
        session.add(drawn.rank_result())
        for place, moves in enumerate(MOVES):
            made = {"created": f"2026-11-20T10:00:0{place}+00:00"}
            session.add(patching.hand_result(moves=moves, patched=float(place), provenance=made))
        session.add(patching.hand_result(prompts=(patching.OTHER,)))
    return path


@pytest.fixture
def tried(qtbot, window, tmp_path):
    window.files.open_any(with_tries(tmp_path / "tries.lens"))
    settle(qtbot, window)
    return window


def test_tries_by_hand_are_one_entry_and_all_stay_within_reach(qtbot, tried):
    panel = tried.results
    assert len(tried.session.rows()) == 5
    assert len(lines(tried)["By hand"]) == 2
    assert panel.tries_of(3) == (2, 3, 4)
    click(qtbot, panel, 4)
    assert tried.views.current == "hand_patch"
    view = tried.views["hand_patch"]
    put_in = [row[0] for row in view.read_out()["tried"]]
    assert put_in == ["nothing", "L5·4", "L6·4"]
    assert panel.highlighted() == [4]


def test_a_try_chosen_within_the_view_is_what_its_entry_stands_for(qtbot, tried):
    panel, view = tried.results, tried.views["hand_patch"]
    click(qtbot, panel, 4)
    listed = find(view, RankingList, "What was tried")
    place = listed.visualRect(listed.model().index(1, 0)).center()
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.current_result.params["moves"] == list(MOVES[1])
    assert panel.highlighted() == [3]
    assert lines(tried)["By hand"][1] == "L5·4 · “1 2 3 4 ”"


def test_a_job_that_ends_leaves_the_keyboard_where_it_is(qtbot, window):
    panel = window.results
    other = next(row.id for row in window.session.rows() if row.analysis == "ablate")
    window.views.open("rank")
    panel.tree.setCurrentItem(panel.item_of(other))
    window.showing.source_changed.emit()
    assert panel.current_id() == other
    assert panel.highlighted() == [newest(window, "rank")]


def test_ids_and_rows_of_the_command_line_stay(tried):
    path = str(tried.session.session.path)
    rows = json.loads(CliRunner().invoke(cli, ["results", path, "--json"]).stdout)
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
    titles = [row["title"] for row in rows if row["analysis"] == "hand_patch"]
    assert titles[1] == "By hand · L5·4 · “1 2 3 4 ”"
    assert len(set(titles)) == 4


def test_deleting_the_entry_takes_its_tries_and_undo_brings_all_back(qtbot, tried, answers):
    panel = tried.results
    click(qtbot, panel, 4)
    row = tried.session.row(4)
    menu = panel.menu_of(row)
    assert "Delete all 3 tries…" in [action.text() for action in menu.actions()]
    menu.deleteLater()
    press(qtbot, tried, Qt.Key.Key_Delete, part=panel.tree)
    settle(qtbot, tried)
    assert [row.id for row in tried.session.rows()] == [1, 5]
    tried.actions_by_name["undo"].trigger()
    settle(qtbot, tried)
    assert [row.id for row in tried.session.rows()] == [1, 2, 3, 4, 5]
    assert panel.highlighted() == [4]


def test_a_damaged_try_stands_alone(qtbot, window, tmp_path):
    path = with_tries(tmp_path / "a.lens")
    with Session.open(path) as session:
        session.query("UPDATE results SET document = '{}' WHERE id = 3")
    window.files.open_any(path)
    settle(qtbot, window)
    assert window.results.tries_of(3) == (3,)
    assert window.results.tries_of(2) == (2, 4)


def test_the_menu_key_opens_the_menu_of_the_marked_result(qtbot, window):
    panel, opened = window.results, []
    row = window.session.rows()[0]
    panel.tree.setFocus()
    panel.tree.setCurrentItem(panel.item_of(row.id))

    def close_it():
        menu = QApplication.activePopupWidget()
        opened.extend(action.text() for action in menu.actions() if action.text())
        menu.close()

    QTimer.singleShot(0, close_it)
    place = panel.tree.rect().center()
    by_key = QContextMenuEvent.Reason.Keyboard
    event = QContextMenuEvent(by_key, place, panel.tree.mapToGlobal(place))
    QApplication.sendEvent(panel, event)
    assert opened[0] == "Show"
    assert opened[-1] == "Delete…"


def test_exports_carry_the_name_that_the_history_has(qtbot, window, answers, tmp_path):
    several(window)
    run(qtbot, window, "ablate", layers="0:2")
    named = "Ablation · zero · layers 0 to 1 · 3 prompts"
    result = window.views["ablate"].current_result
    window.session.export(result, tmp_path / "a.py")
    window.session.wait()
    assert (tmp_path / "a.py").read_text("utf-8").startswith(f'"""{named}\n')
    window.session.rename(newest(window, "ablate"), 'mine """ + \\ evil\n#')
    settle(qtbot, window)
    window.session.export(result, tmp_path / "b.py")
    window.session.wait()
    text = (tmp_path / "b.py").read_text("utf-8")
    assert text.startswith('"""mine ??? + ? evil??\n')
    compile(text, "b.py", "exec")


def test_a_picture_of_the_command_line_has_the_same_title(qtbot, window, tmp_path):
    several(window)
    run(qtbot, window, "rank")
    window.session.save_as(tmp_path / "a.lens")
    window.session.wait()
    number, out = newest(window, "rank"), tmp_path / "p.svg"
    given = ["export", str(tmp_path / "a.lens"), "--result", str(number), "--out", str(out)]
    assert CliRunner().invoke(cli, given).exit_code == 0
    assert "Ranking · 3 prompts" in out.read_text("utf-8")
