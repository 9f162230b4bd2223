from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit

from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.circuits import resolve_circuit, written_edges
from desktop_app.contract.edges import Graph
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.origin import Difference
from desktop_app.widgets.graph.board import GraphBoard
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import choose, find, in_sight, press
from tests.samples import edged
from tests.samples.drawn import model

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore(r"does not support")]
GRAPH = Graph(*edged.TOY)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(make_view):
    view = make_view("edges")
    view.show_result(edged.edges_result())
    return view


@pytest.fixture
def circuit(make_view):
    view = make_view("edges")
    view.show_result(edged.edges_result(circuit=12))
    return view


def board_of(view):
    return find(view, GraphBoard, "Circuit board")


def edges_of(text):
    return resolve_circuit(text, GRAPH).edges.tolist()


def wanted(asked):
    """Return the circuit that was asked for last."""
    return edges_of(asked[-1][0].circuit)


def take_out(view, edge):
    """Click an edge in the list and press Delete there."""
    rows = find(view, RankingList, "Edges by effect")
    index = rows.model().index(rows.ranking.row_of(edge), 0)
    rows.scrollTo(index)
    QTest.mouseClick(rows.viewport(), LEFT, pos=rows.visualRect(index).center())
    QTest.keyClick(rows, Qt.Key.Key_Delete)


def answer(view, asked, score=4.0, **data):
    """Give the view what it asked for."""
    params = asked[-1][0]
    view.show_busy(True)
    result = edged.try_result(params.circuit, like=edged.edges_result(), score=score, **data)
    view.show_result(result)
    return result


def test_the_tab_serves_the_board(view):
    assert {name for intent in ("pin_parts", "test_circuit") for name in serving(intent)} == {
        "edges"
    }


def test_a_measurement_is_drawn_listed_and_told(view):
    told = view.read_out()
    assert told["failure"] == ""
    assert told["headline"].startswith("Logit difference 5.500, with every edge exchanged −1.000")
    assert told["keys"] == told["board"]["edges"]
    assert told["keys"][0] == 0
    assert len(told["keys"]) == len(GRAPH)
    assert told["board"]["nodes"][0] == "embed"
    assert "Take an edge" in told["circuit"]
    assert not told["scored"]


def test_more_edges_are_drawn_on_demand(make_view):
    view = make_view("edges")
    view.show_result(edged.edges_result(edged.PACK))
    assert len(view.read_out()["board"]["edges"]) == 300
    assert view.read_out()["note"] == "300 of 70,651 edges"
    press(view, "More")
    assert len(view.read_out()["board"]["edges"]) == 1_000
    choose(find(view, QComboBox, "Edges on the board"), "30 edges")
    assert len(view.read_out()["board"]["edges"]) == 30


def test_a_search_brings_a_node_onto_the_board_with_its_edges(make_view):
    view = make_view("edges")
    view.show_result(edged.edges_result(edged.PACK))
    told = view.read_out()["board"]
    missing = next(
        f"{i}.{h}" for i in range(30) for h in range(9) if f"{i}.{h}" not in told["nodes"]
    )
    line = find(view, QLineEdit, "Find a node")
    QTest.keyClicks(line, missing)
    QTest.keyClick(line, Qt.Key.Key_Return)
    told = view.read_out()["board"]
    assert missing in told["nodes"]
    assert missing in told["named"]
    layer, head = map(int, missing.split("."))
    assert (view.selection.layer, view.selection.head) == (layer, head)
    assert len(told["edges"]) > 300
    line.clear()
    QTest.keyClicks(line, "L99H1")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert "no node of this model" in view.read_out()["told"]


def test_an_edge_that_is_taken_out_is_run_at_once_as_a_circuit(view, heard):
    asked = heard(view.run_requested)
    take_out(view, 0)
    params = asked[-1][0]
    assert (params.method, params.controls, params.resamples) == ("none", 0, 0)
    assert wanted(asked) == list(range(1, len(GRAPH)))
    assert view.params() == EdgesParams()  # the form stays that of the measurement
    assert "not scored yet" in view.read_out()["circuit"]
    answer(view, asked, 3.0)
    told = view.read_out()
    assert told["circuit"].startswith("189 edges: logit difference 5.500 → 3.000, faithfulness 0.6")
    assert told["scored"]
    assert told["board"]["edges"] == sorted(told["board"]["edges"], key=told["keys"].index)
    assert 0 in told["board"]["edges"]  # it stays, dotted
    assert told["list"][0][3] == "×"


def test_it_is_put_back_by_the_same_key(view, heard):
    asked = heard(view.run_requested)
    take_out(view, 0)
    answer(view, asked)
    assert view.read_out()["toggle"] == "Put back"
    take_out(view, 0)
    assert asked[-1][0].circuit == str(len(GRAPH))
    assert view.read_out()["inside"] == list(range(len(GRAPH)))


def test_undo_and_redo_show_what_was_scored_without_running_it_again(circuit, heard):
    asked = heard(circuit.run_requested)
    start = circuit.read_out()
    assert start["scored"]
    take_out(circuit, start["keys"][0])
    answer(circuit, asked, 2.0)
    changed = circuit.read_out()["circuit"]
    press(circuit, "Undo the last change of the circuit (Ctrl+Z)")
    assert circuit.read_out()["circuit"] == start["circuit"]
    press(circuit, "Redo it")
    assert circuit.read_out()["circuit"] == changed
    press(circuit, "Back to the circuit that it began with")
    assert circuit.read_out()["circuit"] == start["circuit"]
    assert len(asked) == 1
    QTest.keyClick(board_of(circuit), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert circuit.read_out()["circuit"] == changed


def test_delete_on_a_node_of_the_board_takes_its_edges_out(circuit, heard):
    asked = heard(circuit.run_requested)
    board = board_of(circuit)
    node = next(n for n in board.picture().nodes if n.key == "embed")
    gone = board.picture().edges[board.picture().edges_of(board.picture().place_of(node.number))]
    before = circuit.read_out()["inside"]
    QTest.mouseClick(board, LEFT, pos=board.node_point(node.number).toPoint())
    QTest.keyClick(board, Qt.Key.Key_Delete)
    assert wanted(asked) == sorted(set(before) - set(gone.tolist()))
    assert set(gone.tolist()) <= set(circuit.read_out()["board"]["edges"])


def test_a_late_answer_does_not_undo_what_was_asked_since(view, heard):
    asked = heard(view.run_requested)
    take_out(view, 0)
    first = asked[-1][0].circuit
    second = view.read_out()["keys"][1]
    take_out(view, second)
    view.show_result(edged.try_result(first, like=edged.edges_result()))
    assert {0, second} & set(view.read_out()["inside"]) == set()
    assert "not scored yet" in view.read_out()["circuit"]
    view.show_result(edged.try_result(asked[-1][0].circuit, like=edged.edges_result()))
    assert view.read_out()["scored"]


def test_an_answer_that_comes_after_all_was_undone_changes_nothing(circuit, heard):
    asked, start = heard(circuit.run_requested), circuit.read_out()
    take_out(circuit, start["keys"][0])
    press(circuit, "Undo the last change of the circuit (Ctrl+Z)")
    answer(circuit, asked)
    assert circuit.read_out()["inside"] == start["inside"]
    press(circuit, "Redo it")
    assert len(asked) == 1
    assert circuit.read_out()["scored"]


def test_a_circuit_is_tested_against_random_ones_of_as_many_edges(circuit, heard):
    asked = heard(circuit.run_requested)
    press(circuit, "Test against chance")
    assert asked[-1][0].controls == 20
    assert wanted(asked) == circuit.read_out()["inside"]
    answer(circuit, asked, control_faithfulness=np.linspace(0, 0.2, 20))
    assert (
        "20 random circuits of as many edges: 0.10 (0.00 … 0.20)" in circuit.read_out()["circuit"]
    )


def test_a_hypothesis_is_kept_under_a_name(circuit, heard):
    named = heard(circuit.title_wanted)
    line = find(circuit, QLineEdit, "Name of the hypothesis")
    QTest.keyClicks(line, "Number heads")
    QTest.keyClick(line, Qt.Key.Key_Return)
    ((result, name),) = named
    assert name == "Number heads"
    assert result is circuit.current_result


def test_what_was_never_scored_is_not_kept(view, heard):
    asked, named = heard(view.run_requested), heard(view.title_wanted)
    take_out(view, 0)
    line = find(view, QLineEdit, "Name of the hypothesis")
    assert not line.isEnabled()
    assert len(asked) == 1
    assert named == []


def test_a_click_on_a_head_selects_it_everywhere_and_a_double_click_opens_its_attention(
    view, heads_opened
):
    opened = heads_opened(view)
    board = board_of(view)
    node = next(n for n in board.picture().nodes if n.key == "1.2")
    board.centre_on(node.number)
    QTest.mouseClick(board, LEFT, pos=board.node_point(node.number).toPoint())
    assert (view.selection.layer, view.selection.head) == (1, 2)
    place = board.node_point(node.number).toPoint()
    QTest.mouseDClick(board, LEFT, Qt.KeyboardModifier.NoModifier, place)
    assert opened == [("open_attention", 1, 2)]
    QTest.mouseClick(board, LEFT, Qt.KeyboardModifier.ShiftModifier, place)
    assert view.selection.picked == ((1, 2),)


def test_a_head_that_is_selected_elsewhere_is_marked(view):
    view.selection.select_head(2, 1)
    board = board_of(view)
    assert board.picture().nodes[board.picture().place_of(board.chosen()[0])].key == "2.1"


def test_the_list_shows_all_edges_of_the_selected_node(circuit):
    circuit.selection.select_head(1, 0)
    before = circuit.read_out()["keys"]
    press(circuit, "Selected node")
    keys = circuit.read_out()["keys"]
    assert set(keys) != set(before)
    assert all("L1H0" in row[0] for row in circuit.read_out()["list"])


def test_several_rows_are_taken_out_together(view, heard):
    asked = heard(view.run_requested)
    rows = find(view, RankingList, "Edges by effect")
    first, second = (rows.visualRect(rows.model().index(i, 0)).center() for i in (1, 2))
    QTest.mouseClick(rows.viewport(), LEFT, pos=first)
    QTest.mouseClick(rows.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, second)
    keys = view.read_out()["keys"]
    press(view, "Take out")
    assert set(range(len(GRAPH))) - set(wanted(asked)) == {keys[1], keys[2]}


def test_picked_heads_are_pinned_and_taken_out_again(make_view):
    view = make_view("edges")
    view.show_result(edged.edges_result(edged.PACK, circuit=30))
    view.answer(Intent("pin_parts", {"parts": "5.3,m4,99.1"}))
    told = view.read_out()
    assert told["pinned"] == ["5.3", "m4", "99.1"]
    assert {"5.3", "m4"} <= set(told["board"]["nodes"])
    pinned = [n.key for n in board_of(view).picture().nodes if n.pinned]
    assert pinned == ["m4", "5.3"]
    board = board_of(view)
    board.unpin_asked.emit(next(n.number for n in board.picture().nodes if n.key == "5.3"))
    assert view.read_out()["pinned"] == ["m4", "99.1"]


def test_pins_wait_for_a_result(make_view, heard):
    view = make_view("edges")
    said = heard(view.message_requested)
    view.answer(Intent("pin_parts", {"parts": "1.2"}))
    assert "run it" in said[-1][0]
    view.show_result(edged.edges_result())
    assert "1.2" in [n.key for n in board_of(view).picture().nodes if n.pinned]


def test_a_circuit_of_another_view_is_tested_here(view, heard):
    asked = heard(view.run_requested)
    text = written_edges(GRAPH, np.arange(40, 60))
    view.answer(Intent("test_circuit", {"edges": text, "name": "x"}))
    assert wanted(asked) == list(range(40, 60))
    assert asked[-1][0].controls == 20
    assert view.read_out()["inside"] == list(range(40, 60))


def test_roles_of_heads_stand_beside_their_names(view, monkeypatch):
    class Told:
        analysis = "x"
        model = model(n_layers=3, n_heads=4, n_kv_heads=2)

    def roles(_result):
        return {"induction": [(1, 2)], "copy": [(1, 2), (2, 0)]}

    monkeypatch.setattr("desktop_app.analyses.edges.marks.hook", lambda *_names: roles)
    view.take_lent([("Heads", Told())])
    told = {n.key: n.role for n in board_of(view).picture().nodes if n.role}
    assert told == {"1.2": "induction", "2.0": "copy"}


def test_a_published_circuit_of_the_same_shape_is_laid_over(make_view):
    view = make_view("edges")
    shape = (12, 12, 12)
    small = model(name="gpt2", n_layers=12, n_heads=12, n_kv_heads=12, d_model=768, d_vocab=50_257)
    view.show_result(edged.edges_result(shape, circuit=30, model=small))
    box = find(view, QComboBox, "Published circuit laid over")
    titles = [box.itemText(i) for i in range(box.count())]
    assert titles[0] == "No published circuit"
    assert len(titles) > 1
    assert not any("Llama" in title for title in titles)
    key = next(i for i, title in enumerate(titles) if "Numeral sequences" in title)
    choose(box, key)
    marked = {n.key: n.published for n in board_of(view).picture().nodes if n.published}
    assert {"7.11", "9.1"} <= set(marked)
    assert "precision" in view.read_out()["note"]
    assert "published" in view.read_out()["board"]["legend"]
    choose(box, 0)
    assert view.read_out()["board"]["legend"].count("published") == 0


def test_no_other_models_circuit_is_offered(view):
    assert view.read_out()["overlay"] == ""
    assert find(view, QComboBox, "Published circuit laid over").isHidden()


def test_estimates_come_at_once_and_exact_effects_take_their_place(make_view):
    view = make_view("edges")
    view.expect_run(EdgesParams())
    view.show_busy(True)
    view.show_partial(edged.edges_result(exact=0).data)
    told = view.read_out()["headline"]
    assert told.startswith("Logit difference 5.500")
    assert told.endswith("all 190 edges estimated")
    assert {row[2] for row in view.read_out()["list"]} | {
        row[3] for row in view.read_out()["list"]
    } >= {"≈"}
    view.show_partial(edged.edges_result(exact=50).data)
    assert "50 of 190 edges exact" in view.read_out()["headline"]
    assert "still being measured" in view.read_out()["circuit"]
    view.show_result(edged.edges_result())
    assert "all 190 edges exact" in view.read_out()["headline"]


def test_while_edges_are_measured_no_circuit_is_tried(make_view, heard):
    view = make_view("edges")
    view.show_busy(True)
    view.show_partial(edged.edges_result(exact=0).data)
    asked, said = heard(view.run_requested), heard(view.message_requested)
    take_out(view, 0)
    assert asked == []
    assert "still being measured" in said[-1][0]


@pytest.mark.parametrize("kept", [None, 12])
def test_a_run_that_was_stopped_gives_back_what_there_was(make_view, heard, kept):
    view = make_view("edges")
    view.show_result(edged.edges_result(circuit=kept) if kept else edged.edges_result())
    before = view.read_out()
    view.show_busy(True)
    view.show_partial(edged.edges_result(exact=0).data)
    view.show_busy(False)
    after = view.read_out()
    for name in ("headline", "keys", "inside", "circuit", "board"):
        assert after[name] == before[name], name


def test_a_measurement_that_waits_is_not_cancelled_by_a_try(circuit, heard):
    asked, said = heard(circuit.run_requested), heard(circuit.message_requested)
    circuit.expect_run(EdgesParams(method="exact"))
    circuit.show_busy(True)
    take_out(circuit, circuit.read_out()["keys"][0])
    assert asked == []
    assert "still being measured" in said[-1][0]
    press(circuit, "Test against chance")
    assert asked == []


def test_a_node_that_is_no_head_stays_chosen_when_the_score_comes(circuit, heard):
    asked, board = heard(circuit.run_requested), board_of(circuit)
    circuit.selection.select_head(1, 2)
    number = next(n.number for n in board.picture().nodes if n.key == "embed")
    board.choose(number)
    QTest.keyClick(board, Qt.Key.Key_Delete)
    answer(circuit, asked)
    assert board.chosen()[0] == number


def test_a_try_alone_is_drawn_without_effects(make_view):
    view = make_view("edges")
    view.show_result(edged.try_result("embed>m0, m0>logits, embed>1.0.q"))
    told = view.read_out()
    assert told["failure"] == ""
    assert len(told["board"]["edges"]) == 3
    assert told["circuit"].startswith("3 edges: logit difference 5.500 → 4.000")


def test_tries_of_the_history_are_drawn_with_the_effects_of_their_measurement(make_view):
    view = make_view("edges")
    measured, tried = edged.edges_result(), edged.try_result("embed>m0, m0>logits")
    view.set_params(EdgesParams(method="none", circuit="embed>m0", metric="prob"))
    assert view.params() == EdgesParams(metric="prob")
    view.learn_tries((measured, tried))
    view.show_result(tried)
    assert len(view.read_out()["board"]["edges"]) == 2
    assert np.isfinite(board_of(view).picture().values).all()
    assert "all 190 edges exact" in view.read_out()["headline"]


def test_that_a_try_only_scores_is_no_other_setting(view, heard):
    asked = heard(view.run_requested)
    take_out(view, 0)
    answer(view, asked)
    told = ("Method: none, now auto", "Circuit: x, now none", "Metric: loss, now prob")
    assert view.settings_that_matter(told, {"method": "none"}) == told[2:]
    assert view.settings_that_matter(told, {"method": "exact"}) == told


def test_a_circuit_is_scored_as_its_edges_were_measured(make_view, heard):
    view = make_view("edges")
    view.show_result(edged.edges_result(params={"metric": "prob", "replace": "zero"}))
    asked = heard(view.run_requested)
    take_out(view, 0)
    assert (asked[-1][0].metric, asked[-1][0].replace) == ("prob", "zero")


@pytest.mark.parametrize(
    ("difference", "word"),
    [(Difference("another model, x"), "model is another"), (Difference(prompts=True), "prompts")],
)
def test_on_other_prompts_or_another_model_no_circuit_is_tried(view, heard, difference, word):
    asked, said = heard(view.run_requested), heard(view.message_requested)
    view.mark_source(difference)
    take_out(view, 0)
    assert asked == []
    assert word in said[-1][0]
    assert len(view.read_out()["board"]["edges"]) == len(GRAPH)


def test_pages_are_offered_for_what_there_is(view):
    control = view.pages.choice
    assert view.read_out()["page"] == "board"
    view.show_result(edged.edges_result(curves=True, nodes=True))
    for title, page in (
        ("By size", "curves"),
        ("Estimate and exact", "agreement"),
        ("Nodes", "nodes"),
    ):
        press(control, title)
        assert view.read_out()["page"] == page
    assert "won by EAP-IG" in view.read_out()["curves"]["sentence"]
    assert "ρ = 0.790" in view.read_out()["agreement"]["sentence"]
    view.show_result(edged.edges_result(exact=0))
    assert view.read_out()["page"] == "board"


def test_a_dot_of_the_scatter_chooses_its_edge(view):
    press(view.pages.choice, "Estimate and exact")
    edges = view.read_out()["agreement"]["edges"]
    assert view.read_out()["agreement"]["told"].startswith("190 edges; on the line")
    view.pages.choice.setFocus()
    rows = find(view, RankingList, "Edges whose estimates err most")
    rows.select_key(0)
    QTest.keyClick(rows, Qt.Key.Key_Return)
    assert view.read_out()["board"]["edge"] == 0
    assert 0 in edges


def test_an_edge_that_is_not_drawn_comes_onto_the_board_when_it_is_chosen(make_view):
    view = make_view("edges")
    view.show_result(edged.edges_result(edged.PACK))
    press(view.pages.choice, "Estimate and exact")
    told = view.read_out()
    drawn, dots = set(told["board"]["edges"]), told["agreement"]["edges"]
    place = next(place for place, edge in enumerate(dots) if edge not in drawn)
    edge = dots[place]
    (plot,) = in_sight(view, Plot)
    plot.point_clicked.emit(place)
    assert view.read_out()["board"]["edge"] == edge
    assert edge in view.read_out()["board"]["edges"]


def test_each_prompt_has_values_of_its_own(view):
    mean = view.read_out()["list"][0]
    press(view, "This prompt")
    view.selection.select_prompt(1)
    assert view.read_out()["headline"].startswith("Logit difference 6.000")
    press(view, "Mean")
    assert view.read_out()["list"][0] == mean


def test_no_model_and_no_torch_leave_the_board_and_say_so(view, heard):
    asked, said = heard(view.run_requested), heard(view.message_requested)
    view.forbid_running("Torch is not here: results can be read.")
    take_out(view, 0)
    assert asked == []
    assert said[-1][0].startswith("Torch is not here")
    assert 0 not in view.read_out()["inside"]
    press(view, "Undo the last change of the circuit (Ctrl+Z)")
    assert view.read_out()["inside"] is None


def test_a_failed_try_leaves_what_was_drawn(view, heard):
    asked = heard(view.run_requested)
    take_out(view, 0)
    view.show_failure("No model is open: choose one at the top left.")
    assert view.read_out()["failure"].startswith("No model is open")
    assert len(view.read_out()["board"]["edges"]) == len(GRAPH)
    take_out(view, 0)
    assert len(asked) == 2


def test_results_of_the_wrong_form_are_refused_in_a_sentence(make_view):
    view = make_view("edges")
    good = edged.edges_result()
    for bad in (
        {"layers": None},
        {"layers": {"layers": 3, "heads": 4, "kv_heads": 3}},
        {"effect": np.zeros((5, 2))},
        {"kept": np.zeros(5, dtype=bool)},
    ):
        view.show_result(edged.edges_result(data=bad))
        assert "cannot be drawn" in view.read_out()["failure"]
    view.show_result(good)
    assert view.read_out()["failure"] == ""


def test_a_result_without_any_effect_is_drawn_empty(make_view):
    view = make_view("edges")
    nothing = np.full((len(GRAPH), 2), np.nan)
    view.show_result(edged.edges_result(data={"effect": nothing, "estimate": nothing}))
    assert view.read_out()["failure"] == ""
    assert view.read_out()["keys"] == []


def test_the_board_is_what_is_exported(view):
    assert view.picture_widget() is board_of(view)
    press(view.pages.choice, "Estimate and exact")
    assert view.picture_widget().accessibleName() == "Estimates against exact effects"


def test_another_measurement_begins_anew(circuit, heard):
    asked = heard(circuit.run_requested)
    take_out(circuit, circuit.read_out()["keys"][0])
    answer(circuit, asked)
    circuit.show_result(edged.edges_result(edged.PACK))
    assert circuit.read_out()["inside"] is None
    assert not circuit.read_out()["undo"]
    circuit.clear()
    assert circuit.read_out()["state"] == "empty"
