"""One name for one thing on every screen: no codes, no flags, no −0.00, one spelling of heads.

Every view is filled with a real result of the toy model, every form opened; what stands on them, in
their tips, tables and maps, in the help and in the specs is read and held to it.
"""

from __future__ import annotations

import re

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.pictures import words
from desktop_app.pictures.explained import explain, whats
from desktop_app.pictures.facts import Place
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.frame.help_pages import SESSION_FILE, passages, read_page, titles
from tests.samples.real import real_result
from tests.view_fixtures import make_view, selection, themed

__all__ = ["make_view", "selection", "themed"]

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

RULES = {
    "a nought has no sign": re.compile(r"(?<![\w.])[−-]0(\.0+)?(?![\d.\w])"),
    "options are for the command line": re.compile(r"(?<![-\w])--[a-z]"),
    "codes are not words": re.compile(r"\b[a-z]+(_[a-z]+)+\b"),
    "a head is L1H3": re.compile(
        r"\bL\d+ H\d|\b[Hh]ead \d+\.\d+|\blayer \d+,? head \d|\bLayer \d+ · Head \d|\bH\d+L\d"
    ),
    "signs are not words": re.compile(r"(^|\s)[|:](\s|$)"),
    "a site is the residual stream before the block": re.compile(
        r"(?<!residual )\bstream (before|after) (a |the )?block|\bresid_|stream before a block"
    ),
}
# The formulas of the help and the tables of the session's file name the fields of the data.
_SPANS = re.compile(r"`[^`]*`")
_LINKS = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def broken(text):
    """Return the rules that a text breaks."""
    return [rule for rule, sign in RULES.items() if sign.search(text)]


def texts_of(root):
    """Return everything that a widget and the parts in it say, in sight or not."""
    for part in [root, *root.findChildren(QWidget)]:
        yield from (part.toolTip(), part.accessibleName(), part.accessibleDescription())
        if isinstance(part, (QAbstractButton, QLabel, QLineEdit)):
            yield part.text()
        if isinstance(part, QLineEdit):
            yield part.placeholderText()
        if isinstance(part, QPlainTextEdit):
            yield part.toPlainText()
            yield part.placeholderText()
        if isinstance(part, QComboBox):
            yield from (part.itemText(place) for place in range(part.count()))
        if isinstance(part, QTabBar):
            yield from (part.tabText(place) for place in range(part.count()))
        if isinstance(part, RankingList):
            yield from (column.heading for column in part.ranking.columns)
            yield from (text for row in part.texts() for text in row)
            yield from (part.ranking.told(row) for row in range(len(part.ranking.rows)))
        if isinstance(part, Heatmap):
            for drawn in part.maps():
                yield from texts_of_map(drawn)


def texts_of_map(drawn):
    yield from (drawn.name, drawn.title, drawn.sentence, drawn.short)
    yield from (drawn.rows.name, drawn.columns.name)
    rows, columns = drawn.values.shape
    for row in range(0, rows, max(1, rows // 6)):
        for column in range(0, columns, max(1, columns // 6)):
            yield drawn.tip_text(row, column)
            yield drawn.cell_text(row, column)


def plainly(texts, own=()):
    """Return each text that breaks a rule; the user's own texts and tokens are passed over."""
    found = []
    for text in dict.fromkeys(filter(None, texts)):
        said = "" if len(text) < 2 else text  # a token alone
        for mine in own:
            said = said.replace(mine, "")
        found += [(rule, text[:160]) for rule in broken(said)]
    return found


def names_of_places(data):
    """Return the hooks and files that a result names: they are to be found under these names."""
    card = data.get("card") if isinstance(data.get("card"), dict) else {}
    return [str(one) for one in (data.get("hook"), card.get("hook"), data.get("file")) if one]


@pytest.mark.parametrize("name", list(ANALYSES))
def test_a_filled_view_and_its_form_speak_plainly(make_view, name):
    view = make_view(name)
    view.show_result(real_result(name))
    view.selection.select_head(1, 0)
    view.selection.select_position(3)
    first = next(iter(view.analysis.params.own_fields()))
    view.show_setting(first)
    assert view.current_result is not None
    # Terms stand in the tips of choices on purpose: that is where they are looked up.
    terms = [term for term in words.SITES if "_" in term]
    told = list(texts_of(view))
    assert len(set(told)) > 40
    assert plainly(told, [*terms, "logit_diff"]) == []


@pytest.mark.parametrize("name", list(ANALYSES))
def test_what_numbers_are_is_said_plainly(name):
    shown = real_result(name)
    place = Place(0, 1, 0, 3)
    told = [explain(shown, what, place) for what in whats(shown)]
    assert [one for one in told if one is not None], name
    assert plainly(one.text() for one in told if one is not None) == []
    for one in told:
        if one is not None and one.heading:
            headings = {p.heading for p in passages() if p.page == one.page}
            assert one.heading in headings, one


@pytest.mark.parametrize("name", list(ANALYSES))
def test_terminals_facts_and_tables_speak_plainly(name):
    shown = real_result(name)
    lines = list(hook(name, "picture", "lines")(shown))
    listed = [str(move) for move in shown.params.get("moves") or ()]
    listed += [row["text"] for rows in shown.data.get("top", ()) for row in rows if name == "rank"]
    listed += names_of_places(shown.data)
    assert plainly(lines, [text for text in listed if not text.isalnum()]) == []
    tell = hook(name, "picture", "head_facts")
    facts = tell(shown, Place(0, 1, 0, 3)) if tell else []
    assert plainly(text for fact in facts for text in (fact.name, fact.value, fact.tip)) == []
    for fact in facts:
        assert fact.what, fact.name
        assert explain(shown, fact.what, Place(0, 1, 0, 3)) is not None


@pytest.mark.parametrize("name", list(ANALYSES))
def test_specs_speak_plainly(name):
    analysis = ANALYSES[name]
    told = [analysis.title, analysis.summary, words.settings_sentence(analysis.params())]
    for field in analysis.params.own_fields().values():
        told += [field.title, field.description]
    told += [preset.title + " " + preset.tip for preset in analysis.presets]
    assert plainly(told) == []
    meanings = [spec.meaning for spec in analysis.fields]
    # A formula may name the fields that it is made of.
    fields = [spec.name for spec in analysis.fields if "_" in spec.name]
    assert plainly(meanings, fields) == []


@pytest.mark.parametrize("page", list(titles()))
def test_help_pages_speak_plainly(page):
    if page == SESSION_FILE:
        return  # it is about columns of a file, which have the names they have
    said = [_SPANS.sub("x", _LINKS.sub(r"\1", line)) for line in read_page(page).splitlines()]
    told = [line for line in said if not line.lstrip().startswith("|")]
    assert plainly(told) == []
    cells = [c.strip() for line in said if line.lstrip().startswith("|") for c in line.split("|")]
    assert plainly(cells) == []


def test_the_maps_say_their_cells_plainly(make_view):
    view = make_view("ablate")
    view.show_result(real_result("ablate"))
    canvas = view.findChildren(MatrixCanvas)[0]
    assert canvas is not None
    maps = view.findChildren(Heatmap)[0].maps()
    assert "L1H2" in maps[0].place_text(1, 2)


@pytest.mark.parametrize(
    ("form", "value", "said"),
    [
        ("{:.2f}", -0.001, "0.00"),
        ("{:+.2f}", -0.001, "0.00"),
        ("{:+.2f}", 0.0, "0.00"),
        ("{:+.4f}", 0.2, "+0.2000"),
        ("{:.1f} %", -0.04, "0.0 %"),
        ("{:.2e}", -2e-7, "−2.00e−07"),
        ("{:+.8g}", -0.0, "0"),
        ("{:>8.3f}", -0.0001, "  0.000"),
    ],
)
def test_a_nought_never_has_a_sign(form, value, said):
    assert words.written(form, value).strip() == said.strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("choose --dtype bfloat16", "choose precision bfloat16"),
        ("give --answer, or choose --metric loss", "give answer, or choose metric loss"),
        ("needs logit_diff", "needs logit difference"),
        ("a prompt of a_user stays", "a prompt of a_user stays"),
    ],
)
def test_messages_name_what_the_window_calls_it(text, said):
    assert words.without_flags(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (":", "all layers"),
        ("0:4", "layers 0 to 3"),
        ("2:3", "layer 2"),
        ("7", "layer 7"),
        ("-4:", "from layer −4"),
        (":-1", "up to layer −1, without it"),
    ],
)
def test_layers_are_said_in_words(text, said):
    assert words.layers_words(text) == said


@pytest.mark.parametrize(
    ("given", "kept"),
    [("all layers", ":"), ("", ":"), ("0 to 3", "0:4"), ("layer 7", "7"), ("-4:", "-4:")],
)
def test_other_spellings_of_layers_are_read(given, kept):
    assert ANALYSES["ablate"].params(layers=given).layers == kept


@pytest.mark.parametrize("given", ["L5H3,L16H0", "5.3,16.0", "l5 h3,L16.H0"])
def test_other_spellings_of_heads_are_read(given):
    assert ANALYSES["attention"].params(heads=given).heads == "5.3,16.0"


@pytest.mark.parametrize(
    ("value", "spelling", "shown"),
    [
        (":", "layers", "all layers"),
        ("0:4", "layers", "0 to 3"),
        ("0:1", "layers", "0:1"),
        (":4", "layers", ":4"),
        ("5.3,16.0", "heads", "L5H3,L16H0"),
        ("5.3, 16.0", "heads", "L5H3, L16H0"),
        ("auto", "heads", "auto"),
    ],
)
def test_what_a_form_shows_it_reads_again_to_the_letter(value, spelling, shown):
    assert words.spelled(value, spelling) == shown
    if spelling == "layers":
        assert ANALYSES["ablate"].params(layers=shown).layers == value
    elif value != "auto":
        assert ANALYSES["attention"].params(heads=shown).heads == value
