"""Questions to the user, each one function, so that tests can answer them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QMessageBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures.words import plural
from desktop_app.session.mib_circuits import ENDING as MIB
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled, keep_off_edge
from desktop_app.widgets.basics.words import PlainLabel

SESSION_FILTER = "Lensbench session (*.lens)"
PROMPT_FILTER = "Prompt tables (*.csv *.jsonl)"
TEXT_FILTER = "Prompt tables and lines of text (*.csv *.jsonl *.txt)"
_RESULTS = {
    ".json": "JSON",
    ".npz": "NumPy",
    ".csv": "CSV",
    ".py": "Python script",
    ".ipynb": "Jupyter notebook",
}
_PICTURES = {".png": "PNG picture", ".svg": "SVG picture", ".pdf": "PDF document"}
_EXPLANATION = (
    "A sweep computes many variants of a prompt in one pass, as many at a time as memory allows. "
    "Automatic takes a share of what is free beside the model. A smaller limit makes sweeps slower "
    "and changes no number; set one where other programs need the memory."
)
_STEP_MB = 100


def ask_save_before_closing(parent: QWidget) -> str:
    """Return save, discard or cancel."""
    box = _box(parent, "Keep the results of this session?", "They are in no file yet.")
    save = box.addButton("Save…", QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.exec()
    if box.clickedButton() is save:
        return "save"
    return "discard" if box.clickedButton() is discard else "cancel"


def ask_prompts(parent: QWidget, name: str, count: int) -> str:
    """Return replace, append or nothing for the prompts of a file, where the table has some."""
    what = f"“{name}” holds {plural(count, 'prompt')}."
    box = _box(parent, what, "Take the place of the table's prompts, or stand below them?")
    replace = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
    append = box.addButton("Append", QMessageBox.ButtonRole.AcceptRole)
    box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.exec()
    if box.clickedButton() is replace:
        return "replace"
    return "append" if box.clickedButton() is append else ""


def _box(parent: QWidget, text: str, more: str) -> QMessageBox:
    box = QMessageBox(QMessageBox.Icon.Question, "Lensbench", text, parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(more)
    return box


def ask_text(parent: QWidget, title: str, label: str, text: str) -> str:
    """Return a line as it was changed; empty: cancelled."""
    new, accepted = QInputDialog.getText(parent, title, label, text=text)
    return new if accepted else ""


def ask_delete(parent: QWidget, title: str) -> bool:
    """Return whether to delete a result."""
    undo = "This can be undone until the session is closed."
    box = _box(parent, f"Delete “{title}” from the session?", undo)
    delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton("Keep", QMessageBox.ButtonRole.RejectRole))
    box.exec()
    return box.clickedButton() is delete


def ask_plugin(parent: QWidget, text: str, more: str, verb: str) -> bool:
    """Return whether to remove or replace a plug-in."""
    box = _box(parent, text, more)
    agreed = box.addButton(verb, QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton("Keep", QMessageBox.ButtonRole.RejectRole))
    box.exec()
    return box.clickedButton() is agreed


def ask_sweep_memory(parent: QWidget, megabytes: int, most: int) -> int | None:
    """Return the memory that a sweep may take in megabytes, 0 for automatic; None: cancelled."""
    dialog = MemoryDialog(megabytes, most, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return dialog.box.value() if accepted else None


def ask_quit_hard(parent: QWidget) -> bool:
    """Return whether to leave although the computation does not end."""
    choice = "Finished results are safe. Wait for the step to end, or leave now?"
    box = _box(parent, "The current step is still being computed.", choice)
    box.setIcon(QMessageBox.Icon.Warning)
    leave = box.addButton("Leave now", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton("Wait", QMessageBox.ButtonRole.RejectRole)
    box.exec()
    return box.clickedButton() is leave


_files: dict[str, Path] = {}


def begin_in(folder: str) -> None:
    """Let dialogs for files begin in a folder, where that is there, until another is gone to."""
    _files.clear()
    if folder:
        _files["folder"] = Path(folder)


def files_folder() -> str:
    """Return the folder of the file that was opened or written last; empty: none was."""
    return str(_files["folder"]) if _files else ""


def _beginning(name: str = "") -> str:
    """Return where a dialog begins: where the last one ended, else at home."""
    folder = _files.get("folder", Path.home())
    return str((folder if folder.is_dir() else Path.home()) / name)


def ask_open(parent: QWidget, title: str, kinds: str) -> Path | None:
    """Return a file to open, or None."""
    name, _ = QFileDialog.getOpenFileName(parent, title, _beginning(), kinds)
    if not name:
        return None
    _files["folder"] = Path(name).parent
    return Path(name)


def ask_save(parent: QWidget, title: str, suggestion: str, kinds: str) -> Path | None:
    """Return where to write, with the chosen kind's ending added where it is missing."""
    name, chosen = QFileDialog.getSaveFileName(parent, title, _beginning(suggestion), kinds)
    if not name:
        return None
    path = Path(name)
    _files["folder"] = path.parent
    endings = [part.rstrip(") ") for part in chosen.split("*")[1:]]
    # Another kind was chosen, and the name that was proposed still ends as it did.
    is_proposed = path.suffix == Path(suggestion).suffix and path.suffix not in endings
    if endings and not path.name.endswith(tuple(endings)) and (not path.suffix or is_proposed):
        path = path.with_suffix(endings[0])
    return path


def picture_filter(ending: str) -> str:
    """Return the kinds of pictures to choose from, the one of `ending` first."""
    kinds = sorted(_PICTURES, key=lambda e: e != ending)
    return ";;".join(f"{_PICTURES[e]} (*{e})" for e in kinds)


def result_filter(ending: str, *, circuit: bool = False) -> str:
    """Return the kinds of data to choose from, the one of `ending` first.

    A `circuit` of edges can be written for MIB as well.
    """
    named = {**_RESULTS, **({MIB: "Circuit for MIB"} if circuit else {})}
    kinds = sorted(named, key=lambda e: e != ending)
    return ";;".join(f"{named[e]} (*{e})" for e in kinds)


def show_folder(path: Path) -> bool:
    """Show a folder in the system's own program for them; return whether there is one."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class MemoryDialog(QDialog):
    """Asks for a limit in megabytes; 0, the lowest value, reads Automatic."""

    def __init__(self, megabytes: int, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Memory for sweeps")
        self.box = QSpinBox()
        self.box.setRange(0, most)
        self.box.setSingleStep(_STEP_MB)
        self.box.setGroupSeparatorShown(True)
        self.box.setSuffix(" MB")
        self.box.setSpecialValueText("Automatic")
        self.box.setValue(megabytes)
        self.box.setMinimumWidth(140)
        keep_off_edge(self.box)
        self.box.setAccessibleName("Most memory that a sweep takes, in megabytes")
        line = filled(QHBoxLayout(), PlainLabel("A sweep may take"), self.box, None)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel | choices.RestoreDefaults)
        automatic = buttons.button(choices.RestoreDefaults)
        automatic.setText("Automatic")
        automatic.clicked.connect(partial(self.box.setValue, 0))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        parts = (label(_EXPLANATION, wrap=True), line, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 18, 20, 16), spacing=14)
        self.setMinimumWidth(440)
