"""Questions to the user, each one function, so that tests can answer them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QMessageBox, QWidget

from desktop_app.window.frame.memory_dialog import MemoryDialog

SESSION_FILTER = "Lensbench session (*.lens)"
PROMPT_FILTER = "Prompt tables (*.csv *.jsonl)"
RESULT_FILTER = (
    "JSON (*.json);;NumPy (*.npz);;CSV (*.csv);;Python script (*.py);;Jupyter notebook (*.ipynb)"
)
_PICTURES = {".png": "PNG picture", ".svg": "SVG picture", ".pdf": "PDF document"}


def ask_save_before_closing(parent: QWidget) -> str:
    """Return save, discard or cancel."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Lensbench")
    box.setText("Keep the results of this session?")
    box.setInformativeText("They are in no file yet.")
    save = box.addButton("Save…", QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.exec()
    if box.clickedButton() is save:
        return "save"
    return "discard" if box.clickedButton() is discard else "cancel"


def ask_text(parent: QWidget, title: str, label: str, text: str) -> str:
    """Return a line as it was changed; empty: cancelled."""
    new, accepted = QInputDialog.getText(parent, title, label, text=text)
    return new if accepted else ""


def ask_delete(parent: QWidget, title: str) -> bool:
    """Return whether to delete a result."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Lensbench")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"Delete “{title}” from the session?")
    box.setInformativeText("This can be undone until the session is closed.")
    delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton("Keep", QMessageBox.ButtonRole.RejectRole))
    box.exec()
    return box.clickedButton() is delete


def ask_sweep_memory(parent: QWidget, megabytes: int, most: int) -> int | None:
    """Return the memory that a sweep may take in megabytes, 0 for automatic; None: cancelled."""
    dialog = MemoryDialog(megabytes, most, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return dialog.megabytes() if accepted else None


def ask_quit_hard(parent: QWidget) -> bool:
    """Return whether to leave although the computation does not end."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Lensbench")
    box.setText("The current step is still being computed.")
    box.setInformativeText("Finished results are safe. Wait for the step to end, or leave now?")
    leave = box.addButton("Leave now", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton("Wait", QMessageBox.ButtonRole.RejectRole)
    box.exec()
    return box.clickedButton() is leave


def ask_open(parent: QWidget, title: str, kinds: str) -> Path | None:
    """Return a file to open, or None."""
    name, _ = QFileDialog.getOpenFileName(parent, title, "", kinds)
    return Path(name) if name else None


def ask_save(parent: QWidget, title: str, suggestion: str, kinds: str) -> Path | None:
    """Return where to write, with the chosen kind's ending added where it is missing."""
    name, chosen = QFileDialog.getSaveFileName(parent, title, suggestion, kinds)
    if not name:
        return None
    path = Path(name)
    endings = [part.rstrip(") ") for part in chosen.split("*")[1:]]
    # Another kind was chosen, and the name that was proposed still ends as it did.
    is_proposed = path.suffix == Path(suggestion).suffix and path.suffix not in endings
    if endings and (not path.suffix or is_proposed):
        path = path.with_suffix(endings[0])
    return path


def picture_filter(ending: str) -> str:
    """Return the kinds of pictures to choose from, the one of `ending` first."""
    kinds = sorted(_PICTURES, key=lambda e: e != ending)
    return ";;".join(f"{_PICTURES[e]} (*{e})" for e in kinds)


def show_about(parent: QWidget, version: str) -> None:
    """Say what this program is."""
    QMessageBox.about(
        parent,
        "About Lensbench",
        f"<h3>Lensbench {version}</h3><p>A desktop workbench for mechanistic interpretability: "
        "tokens, ranking, ablation and attention of language models, on your own machine, "
        "offline.</p><p>Built with TransformerLens, Hugging Face transformers, PyTorch, Qt and "
        "pyqtgraph.</p>",
    )
