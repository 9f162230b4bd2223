"""The model dialog: what fits this machine comes first, folders are remembered, things dropped."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton, QWidget

from desktop_app.contract.requests import (
    DeviceMemory,
    EstimateMemory,
    ListModels,
    LoadModel,
    MemoryEstimate,
    ModelRow,
)
from desktop_app.engine.memory import bytes_needed
from desktop_app.engine.suggestions import offered_models, suggested_rows
from desktop_app.window.models.dropped import model_place
from desktop_app.window.models.fitting import fit_sentence, fit_words, ordered, table_rows
from tests.finding import find
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

CPU = DeviceMemory("cpu", "CPU", 24_000_000_000, 6_000_000_000)
GPU = DeviceMemory("cuda:0", "GPU", 8_000_000_000, 2_000_000_000)


def row(name, parameters, *, installed=False, source="suggested", note=""):
    path = name if installed else None
    return ModelRow(name, name, path, installed, parameters, bytes_needed(parameters), source, note)


ROWS = (
    row("large", 7_000_000_000),
    row("middle", 2_000_000_000),
    row("small", 100_000_000),
    row("mine", 9_000_000_000, installed=True, source="hub cache"),
    row("toy", 1_000_000, installed=True, source="catalogue"),
)


class Shop(FakeService):
    """Lists models of many sizes, on a machine with a small GPU."""

    def perform(self, request, report):
        match request:
            case ListModels():
                self.asked.append(request)
                recent = tuple(
                    row(path, 1_000_000, installed=True, source="recent") for path in request.recent
                )
                return (*ROWS, *recent) if request.suggested else ROWS[4:]
            case EstimateMemory():
                self.asked.append(request)
                needed = bytes_needed(1_000_000)
                fits = {d.device: dict.fromkeys(needed, True) for d in (GPU, CPU)}
                return MemoryEstimate(1_000_000, needed, (GPU, CPU), fits, "")
        return super().perform(request, report)


@pytest.fixture
def service():
    return Shop(installed=("toy",))


def opened(qtbot, window):
    dialog = window.models.open_dialog()
    qtbot.waitUntil(lambda: bool(dialog.table.texts() and dialog.sentence.text()))
    settle(qtbot, window)
    qtbot.waitUntil(lambda: any("on" in text[4] for text in dialog.table.texts()))
    return dialog


@pytest.fixture
def dialog(qtbot, window):
    found = opened(qtbot, window)
    yield found
    found.close()


def names(dialog):
    return [text[0] for text in dialog.table.texts()]


def load(qtbot, window, path):
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load(str(path))
    settle(qtbot, window)


# What fits, as data.


def test_what_is_here_comes_first_then_what_fits_by_size():
    assert [r.name for r in ordered(ROWS, (CPU,))] == ["toy", "mine", "small", "middle", "large"]


def test_a_row_says_where_it_fits_or_by_how_much_it_does_not():
    assert fit_words(bytes_needed(100_000_000), (GPU, CPU)) == "✓ float32 on cuda:0"
    assert fit_words(bytes_needed(1_000_000_000), (GPU, CPU)) == "✓ float32 on cpu"
    assert fit_words(bytes_needed(2_000_000_000), (CPU,)) == "✓ bfloat16"
    assert fit_words(bytes_needed(7_000_000_000), (GPU, CPU)) == "✗ 10 GB short"
    tips = {r.key: r.tooltip for r in table_rows(ROWS, (GPU, CPU))}
    assert "Does not fit" in tips["large"]


def test_it_is_said_why_a_model_does_not_fit_and_what_would():
    needed = bytes_needed(2_000_000_000)
    told = fit_sentence(needed, (CPU,), "auto", "float32")
    assert told.startswith("✗ Does not fit as float32: it needs 9.40 GB")
    assert "6.00 GB free of 24 GB" in told
    assert told.endswith("As bfloat16 it needs 4.80 GB and fits.")
    assert "Choose a smaller model" in fit_sentence(
        bytes_needed(70_000_000_000), (GPU, CPU), "auto", "auto"
    )
    on_gpu = fit_sentence(needed, (GPU, CPU), "cuda", "bfloat16")
    assert "cuda:0 has 2.00 GB free" in on_gpu
    assert "on cpu" in on_gpu


def test_known_models_are_suggested_by_size_unless_they_are_here(tmp_path):
    rows = suggested_rows()
    sizes = [r.parameters for r in rows]
    assert sizes == sorted(sizes)
    assert sizes[0] < 100_000_000
    assert sizes[-1] > 7_000_000_000
    assert all(not r.installed and r.bytes_needed and "network" in r.note for r in rows)
    gone = str(tmp_path / "gone.gguf")
    listed = {r.name: r for r in offered_models((gone,), suggested=True)}
    assert not listed[gone].installed
    assert "not there" in listed[gone].note
    assert listed["toy"].installed
    assert not {r.name for r in rows} & {r.name for r in offered_models((), suggested=False)}


# The dialog.


def test_the_dialog_lists_what_fits_first(qtbot, dialog):
    found = names(dialog)
    assert found[:2] == ["toy", "mine"]
    assert found.index("small") < found.index("middle") < found.index("large")
    states = {text[0]: text[5] for text in dialog.table.texts()}
    assert states["toy"] == "installed"
    assert states["small"] == "suggested"


def test_choosing_a_row_by_mouse_says_why_it_does_not_fit(qtbot, dialog):
    place = names(dialog).index("large")
    rect = dialog.table.visualRect(dialog.table.model().index(place, 0))
    qtbot.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    qtbot.waitUntil(lambda: "Does not fit" in dialog.sentence.text())
    assert dialog.name.text() == "large"
    assert "short" in str(dialog.needs.texts())


def test_keys_alone_choose_and_load(qtbot, window, dialog, service):
    dialog.activateWindow()
    dialog.table.setFocus()
    dialog.table.selectRow(names(dialog).index("mine"))
    qtbot.keyClick(dialog.table, Qt.Key.Key_Up)
    assert dialog.name.text() == "toy"
    with qtbot.waitSignal(window.conductor.model_ready):
        qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    assert [r.spec.model for r in service.asked if isinstance(r, LoadModel)][-1] == "toy"
    assert not dialog.isVisible()


def test_every_control_is_reached_by_tab(qtbot, dialog):
    dialog.activateWindow()
    dialog.table.setFocus()
    reached = []
    for _ in range(14):
        reached.append(QApplication.focusWidget())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    wanted = [dialog.table, dialog.name, dialog.device, dialog.dtype, dialog.online]
    wanted += [*(find(dialog, QPushButton, n) for n in ("Open folder…", "Open .gguf…"))]
    wanted += [dialog.close_button, dialog.load_button]
    assert all(widget in reached for widget in wanted)


def test_it_is_whole_beside_a_small_screen(qtbot, dialog):
    smallest = dialog.minimumSizeHint()
    assert smallest.height() <= 620
    assert smallest.width() <= 1000
    dialog.resize(QSize(760, 600))
    QApplication.processEvents()
    inside = dialog.rect()
    for part in dialog.findChildren(QWidget):
        if part.isVisibleTo(dialog) and part.parentWidget() is dialog:
            assert inside.contains(part.geometry()), part
    parts = [dialog.table, dialog.name, dialog.needs, dialog.load_button, dialog.sentence]
    boxes = [QRect(part.mapTo(dialog, QPoint()), part.size()) for part in parts]
    for place, one in enumerate(boxes):
        assert not any(one.intersects(other) for other in boxes[place + 1 :])


# Dropping.


def mime(path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def drop(widget, path, *, leave=False):
    data, place = mime(path), QPoint(20, 20)
    actions, left, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier
    enter = QDragEnterEvent(place, actions, data, left, keys.NoModifier)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    if leave:
        QApplication.sendEvent(widget, QDragLeaveEvent())
        return
    event = QDropEvent(QPointF(place), actions, data, left, keys.NoModifier)
    QApplication.sendEvent(widget, event)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "my model"
    made.mkdir()
    (made / "config.json").write_text("{}", encoding="utf-8")
    (made / "notes.txt").write_text("x", encoding="utf-8")
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    return made


@pytest.mark.parametrize(
    ("dropped", "chosen"),
    [(".", "."), ("config.json", "."), ("../m.gguf", "../m.gguf")],
)
def test_a_dropped_folder_or_file_is_chosen(qtbot, dialog, folder, dropped, chosen):
    drop(dialog, (folder / dropped).resolve())
    assert dialog.name.text() == str((folder / chosen).resolve())
    assert dialog.banner.isHidden()


def test_what_is_no_model_is_said(qtbot, dialog, folder):
    before = dialog.name.text()
    drop(dialog, folder / "notes.txt")
    assert "is no model" in dialog.banner.text()
    assert dialog.name.text() == before


def test_a_drag_that_leaves_leaves_nothing(qtbot, dialog, folder):
    drop(dialog, folder, leave=True)
    assert dialog.banner.isHidden()


def test_the_window_takes_a_folder_and_a_gguf_too(qtbot, window, folder):
    for path in (folder, folder.parent / "m.gguf"):
        drop(window, path)
        assert window.models.dialog.isVisible()
        assert window.models.dialog.name.text() == str(path)
        window.models.dialog.close()


def test_parts_of_a_model_stand_for_its_folder(folder):
    assert model_place(folder / "config.json") == folder
    assert model_place(folder / "missing.safetensors") is None
    assert model_place(folder / "notes.txt") is None


# What is remembered.


def test_folders_that_were_opened_are_listed_again(qtbot, open_window, service, folder):
    window = open_window(service)
    load(qtbot, window, folder)
    window.session.has_unsaved = False
    with qtbot.waitSignal(window.closed):
        window.close()
    window = open_window(service)
    dialog = opened(qtbot, window)
    listed = next(text for text in dialog.table.texts() if "my model" in text[0])
    assert listed[5] == "opened before"
    dialog.close()


def test_browsing_begins_where_it_ended(qtbot, open_window, service, folder, monkeypatch):
    begun = []

    def ask(_parent, _title, start, *_kinds):
        begun.append(start)
        return (str(folder.parent / "m.gguf"), "") if _kinds else str(folder)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", ask)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", ask)
    window = open_window(service)
    dialog = opened(qtbot, window)
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(find(dialog, QPushButton, "Open folder…"), left)
    assert dialog.name.text() == str(folder)
    qtbot.mouseClick(find(dialog, QPushButton, "Open .gguf…"), left)
    assert begun == ["", str(folder.parent)]
    window.session.has_unsaved = False
    with qtbot.waitSignal(window.closed):
        window.close()
    window = open_window(service)
    dialog = opened(qtbot, window)
    qtbot.mouseClick(find(dialog, QPushButton, "Open folder…"), left)
    assert begun[-1] == str(folder.parent)
    dialog.close()
