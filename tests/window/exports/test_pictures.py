"""Pictures as files and on the clipboard, tables, comparisons: from the window and without one."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QWidget

from desktop_app.support.errors import BadInputError
from desktop_app.support.guard import override
from desktop_app.window.exports import picture_desk
from desktop_app.window.exports.picture_desk import PictureDialog
from desktop_app.window.exports.pictures import draw_result, picture_of, save_picture
from desktop_app.window.frame import dialogs
from tests.finding import choose, press
from tests.samples import drawn
from tests.window.test_window import run

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
SVG = "{http://www.w3.org/2000/svg}"


class Drawing(QWidget):
    """Fills its left half red and writes a word."""

    def paintEvent(self, event):  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(QRect(0, 0, self.width() // 2, self.height()), QColor("#ff0000"))
        painter.drawText(60, 30, "Word")


@pytest.fixture
def drawing(qtbot):
    widget = Drawing()
    qtbot.addWidget(widget)
    widget.resize(100, 50)
    return widget


@pytest.mark.parametrize("scale", [1, 2, 3.5, 4])
def test_png_has_the_scale_and_the_sharpness_of_it(drawing, tmp_path, scale):
    save_picture(drawing, tmp_path / "p.png", scale=scale, title="Ünï")
    image = QImage(str(tmp_path / "p.png"))
    assert image.size() == QSize(round(124 * scale), round(74 * scale))
    assert image.text("Title") == "Ünï"
    edge = round((12 + 50) * scale)  # margin and half of the widget
    row = round(20 * scale)
    assert image.pixelColor(edge - 1, row) == QColor("#ff0000")
    assert image.pixelColor(edge + 1, row) != QColor("#ff0000")
    assert image.pixelColor(2, 2).lightness() > 200  # the margin is the ground, not transparent


def test_svg_is_lines_and_letters(drawing, tmp_path):
    save_picture(drawing, tmp_path / "p.svg", title="<&>")
    root = ET.parse(tmp_path / "p.svg").getroot()  # noqa: S314 - our own
    assert root.get("viewBox") == "0 0 124 74"
    assert [e.text for e in root.iter(f"{SVG}title")] == ["<&>"]
    assert "Word" in [e.text.strip() for e in root.iter(f"{SVG}text")]
    assert not list(root.iter(f"{SVG}image"))


class Steering(QWidget):
    """Writes what XML cannot hold."""

    @override
    def paintEvent(self, event):
        painter = QPainter(self)
        painter.drawText(5, 20, "a\x00\x01b\x1b[2Jc\x0b\ufffe<&")


def test_svg_is_xml_whatever_its_texts_hold(qtbot, tmp_path):
    widget = Steering()
    qtbot.addWidget(widget)
    widget.resize(100, 50)
    save_picture(widget, tmp_path / "p.svg", title="t\x02\x1bitle\uffff")
    root = ET.parse(tmp_path / "p.svg").getroot()  # noqa: S314 - our own
    text = "".join(e.text or "" for e in root.iter())
    assert "<&" in text
    assert "itle" in text


class Failing(QWidget):
    """Cannot be painted."""

    @override
    def paintEvent(self, event):
        QPainter(self).drawText(1 // 0, 0, "")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_that_lacks_a_part_is_no_picture(qtbot, tmp_path, ending):
    widget = Failing()
    qtbot.addWidget(widget)
    widget.resize(100, 50)
    with pytest.raises(BadInputError, match="incomplete"):
        save_picture(widget, tmp_path / f"p.{ending}")
    assert list(tmp_path.iterdir()) == []


def test_pdf_is_one_page_of_that_size_with_its_letters(drawing, tmp_path):
    save_picture(drawing, tmp_path / "p.pdf", title="t")
    content = (tmp_path / "p.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Type /Page\n") == 1
    assert b"/MediaBox [0 0 93" in content  # 124 pixels of 96 to the inch, in points
    assert b"/Font" in content


def test_what_cannot_be_written_is_refused_and_nothing_is_left(drawing, tmp_path):
    with pytest.raises(BadInputError, match=r"\.png, \.svg, \.pdf"):
        save_picture(drawing, tmp_path / "p.bmp")
    with pytest.raises(BadInputError, match="folder does not exist"):
        save_picture(drawing, tmp_path / "no" / "p.png")
    drawing.resize(20_000, 10)
    with pytest.raises(BadInputError, match="smaller scale"):
        picture_of(drawing, 4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["tokens", "rank", "ablate", "attention"])
@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_results_are_drawn_without_a_window(qapp, tmp_path, name, ending):
    result = getattr(drawn, f"{name}_result")()
    path = tmp_path / f"p{ending}"
    draw_result(result, path, scale=1)
    if ending == ".png":
        image = QImage(str(path))
        assert image.width() > 300
        places = ((x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3))
        colours = {image.pixel(x, y) for x, y in places}
        assert len(colours) > 4
    elif ending == ".svg":
        root = ET.parse(path).getroot()  # noqa: S314 - our own
        assert len(list(root.iter(f"{SVG}text"))) > 4


def test_an_unknown_analysis_has_no_picture(qapp, tmp_path):
    with pytest.raises(BadInputError, match="no picture"):
        draw_result(drawn.result_of("telepathy", {}), tmp_path / "p.png")


def test_an_incomplete_result_is_refused_in_a_sentence(qapp, tmp_path):
    with pytest.raises(BadInputError, match="incomplete"):
        draw_result(drawn.result_of("ablate", {}), tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_dialog_offers_kinds_and_scales(qtbot):
    dialog = PictureDialog(QSize(100, 50))
    qtbot.addWidget(dialog)
    assert dialog.choice() == (".png", 2.0)
    assert dialog.facts.text() == "248 × 148 pixels"
    press(dialog, "4×")
    assert dialog.facts.text() == "496 × 296 pixels"
    press(dialog, "SVG")
    assert not dialog.scale.isEnabled()
    assert "sharp" in dialog.facts.text()


def test_export_picture_asks_and_writes(window, answers, monkeypatch, tmp_path):
    window.views.open("ablate")
    monkeypatch.setattr(picture_desk, "ask_picture", lambda *a: (".svg", 1.0))
    answers["save"] = tmp_path / "map.svg"
    window.actions_by_name["save_picture"].trigger()
    assert b"<svg" in (tmp_path / "map.svg").read_bytes()
    monkeypatch.setattr(picture_desk, "ask_picture", lambda *a: None)
    answers["save"] = tmp_path / "never.png"
    window.actions_by_name["save_picture"].trigger()
    assert [p.name for p in tmp_path.glob("*.*g")] == ["map.svg"]


def test_a_place_that_cannot_be_written_is_told(window, answers, monkeypatch, tmp_path):
    monkeypatch.setattr(picture_desk, "ask_picture", lambda *a: (".png", 1.0))
    answers["save"] = tmp_path / "missing" / "p.png"
    window.actions_by_name["save_picture"].trigger()
    assert window.banner.isVisible()


def test_copies_go_to_the_clipboard(window):
    window.views.open("ablate")
    window.actions_by_name["copy_picture"].trigger()
    image = QGuiApplication.clipboard().image()
    assert image.width() > 300
    window.actions_by_name["copy_table"].trigger()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:2] == ["layer", "head"]
    assert len(lines) == 1 + 6 * 4


def test_the_table_of_a_head_follows_the_selection(window):
    window.views.open("attention")
    result = window.views["attention"].current_result
    window.selection.select_head(3, 2)
    assert picture_desk.head_of(result, window.selection) == (3, 2)
    window.actions_by_name["copy_table"].trigger()
    text = QGuiApplication.clipboard().text()
    value = float(text.splitlines()[-1].split("\t")[-1])
    assert value == pytest.approx(float(result.data["pattern"][0][3, 2][-1, -1]))


def test_a_tab_without_result_copies_nothing(open_window, service):
    window = open_window(service)
    window.views["rank"].clear()
    window.views.open("rank")
    QGuiApplication.clipboard().setText("before")
    window.actions_by_name["copy_table"].trigger()
    assert QGuiApplication.clipboard().text() == "before"
    assert window.banner.isVisible()


def test_every_view_offers_its_menu(window):
    menu = window.pictures.menu()
    texts = [action.text() for action in menu.actions()]
    assert texts[:5] == [
        "Copy picture",
        "Copy as Python",
        "Save picture as…",
        "Copy table",
        "Export data…",
    ]
    assert "What is “Effect of removal”?" in texts or any("What is" in text for text in texts)
    menu.close()


@pytest.mark.parametrize(
    ("typed", "chosen", "expected"),
    [
        ("a", "NumPy (*.npz)", "a.npz"),
        ("ablate.json", "Python script (*.py)", "ablate.py"),
        ("ablate.json", "JSON (*.json)", "ablate.json"),
        ("b.csv", "JSON (*.json)", "b.csv"),
        ("r.v2", "JSON (*.json)", "r.v2"),
        ("p", "Prompt tables (*.csv *.jsonl)", "p.csv"),
    ],
)
def test_the_chosen_kind_gives_the_ending(monkeypatch, tmp_path, typed, chosen, expected):
    monkeypatch.undo()
    monkeypatch.setattr(
        dialogs.QFileDialog,
        "getSaveFileName",
        staticmethod(lambda *a: (str(tmp_path / typed), chosen)),
    )
    assert dialogs.ask_save(None, "", "ablate.json", "") == tmp_path / expected


def marked(window, *numbers):
    panel = window.results
    panel.tree.clearSelection()
    for number in panel.listed():
        panel.item_of(number).setSelected(number in numbers)


def ids(window, analysis):
    return [row.id for row in window.session.rows() if row.analysis == analysis]


@pytest.fixture
def two_runs(qtbot, window):
    run(qtbot, window, "ablate")
    qtbot.waitUntil(lambda: len(ids(window, "ablate")) == 2)
    return window


def test_two_marked_results_are_compared(two_runs):
    window, (first, second) = two_runs, ids(two_runs, "ablate")
    marked(window, first, second)
    window.actions_by_name["compare"].trigger()
    dialog = window.comparisons.dialog
    assert dialog.isVisible()
    assert dialog.view.read_out()["field"] == "effect mean"
    assert dialog.view.pair().difference.shape == (6, 4)
    assert (dialog.first.currentIndex(), dialog.second.currentIndex()) == (0, 1)
    choose(dialog.first, 1)
    assert dialog.view.read_out()["heading"].startswith(f"{second} ·")
    dialog.close()
    assert window.comparisons.dialog is None


def test_one_marked_result_is_compared_with_the_one_before(two_runs):
    window, (first, second) = two_runs, ids(two_runs, "ablate")
    marked(window, second)
    window.results.asked.emit("compare", second)
    assert window.comparisons.dialog.view.read_out()["heading"].startswith(f"{first} ·")
    window.comparisons.close()


def test_what_cannot_be_compared_is_told(qtbot, window):
    # Results reach the history by way of the session's thread.
    qtbot.waitUntil(lambda: bool(ids(window, "rank") and ids(window, "ablate")))
    rank, ablate = ids(window, "rank")[0], ids(window, "ablate")[0]
    for chosen, words in (
        ((), "Mark a result"),
        ((rank, ablate), "one analysis"),
        ((rank,), "no other"),
    ):
        marked(window, *chosen)
        window.actions_by_name["compare"].trigger()
        assert words in window.job_bar.title()
    assert window.comparisons.dialog is None


def test_the_comparison_goes_with_its_session_and_its_window(two_runs, answers):
    window = two_runs
    marked(window, *ids(window, "ablate"))
    window.actions_by_name["compare"].trigger()
    assert window.comparisons.dialog is not None
    window.session.start_new()
    assert window.comparisons.dialog is None


def test_long_names_do_not_widen_the_comparison(two_runs):
    window = two_runs
    marked(window, *ids(window, "ablate"))
    window.actions_by_name["compare"].trigger()
    dialog = window.comparisons.dialog
    for box in (dialog.first, dialog.second):
        box.addItem("15 · Ablation · The quick brown fox jumps over the lazy dog" * 3)
    assert dialog.minimumSizeHint().width() < 1100
    dialog.close()
