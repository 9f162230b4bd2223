"""Choosing a model: what there is, what it needs, where it should run; the old one stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.requests import ModelSpec
from desktop_app.pictures.ranking import Column, Ranking, ranked
from desktop_app.pictures.words import without_flags
from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.segmented import Toggle
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.frame.parts import human_count
from desktop_app.window.models.dropped import dropped_path, model_place
from desktop_app.window.models.fitting import (
    COLUMNS,
    estimate_of,
    fit_rows,
    fit_sentence,
    ordered,
    table_rows,
    this_machine,
)
from desktop_app.window.models.form import ModelForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QHideEvent

    from desktop_app.contract.requests import MemoryEstimate, ModelRow
    from desktop_app.jobs.events import JobProgress
    from desktop_app.widgets.basics.layouts import Part
    from desktop_app.window.settings import Settings

_ESTIMATE_DELAY_MS = 250
_SIZE = QSize(860, 640)
_NEEDS_HEIGHT = 124
_DROP = "Drop it here to choose this model."
_NO_MODEL = "“{}” is no model: drop a model's folder, a file in it, or a .gguf file."


class ModelDialog(QDialog):
    """A window beside the main one; nothing in it blocks.

    Signals:
        load_requested: A `ModelSpec` to load.
        estimate_requested: A `ModelSpec` whose needs should be told.
        fetch_requested: Name of a pack to fetch.
        cancel_requested: Stop loading or fetching.
        browsed: The folder in which a model was looked for.
    """

    load_requested = Signal(object)
    estimate_requested = Signal(object)
    fetch_requested = Signal(str)
    cancel_requested = Signal()
    browsed = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a model")
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - QSize(24, 56)))
        self.setAcceptDrops(True)
        self._rows: dict[str, ModelRow] = {}
        self._devices = this_machine()
        self._folder = settings.model_folder
        self._dropping = False
        self._is_working = False
        self.table = RankingList("Models at hand, and others by size", COLUMNS, sortable=True)
        self.name = QLineEdit(settings.model)
        self.device, self.dtype = QComboBox(), QComboBox()
        self.form = ModelForm(settings)
        self.online = Toggle()
        self.needs = RankingList("Memory needed against memory there is")
        self.sentence = label("", wrap=True)
        self.banner = Banner()
        self.progress = QProgressBar()
        self.progress_note = label("", "small")
        self.load_button, self.close_button = QPushButton("Load"), QPushButton("Close")
        self._delay = QTimer(self, singleShot=True, interval=_ESTIMATE_DELAY_MS)
        self.online.setChecked(not settings.offline)
        self._fill_choices(settings)
        self._build()
        self._connect()
        self._set_working(working=False)

    # What the window tells.

    def show_models(self, rows: Sequence[ModelRow]) -> None:
        """List the models at hand, and others by what fits."""
        self._rows = {row.name: row for row in rows}
        self._list()
        if not self.name.text() and rows:
            self.name.setText(ordered(rows, self._devices)[0].name)
        self.table.select_key(self.name.text())
        self._delay.start()

    def show_estimate(self, estimate: MemoryEstimate) -> None:
        """Show what the chosen model needs against what there is."""
        columns, rows = fit_rows(estimate)
        first = Column(columns[0], width=110)
        others = [Column(name, align="right", width="stretch") for name in columns[1:]]
        self.needs.set_ranking(ranked([first, *others], rows))
        self._say_fit(estimate)
        if estimate.devices != self._devices:
            self._devices = estimate.devices
            self._list()
        chosen = self.device.currentData()
        for device in estimate.devices:
            if self.device.findData(device.device) < 0:
                self.device.addItem(f"{device.device} · {device.name}", device.device)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))

    def show_problem(self, message: str) -> None:
        """Say what went wrong; the model that was open still is."""
        self._set_working(working=False)
        self.banner.show_message(without_flags(message), "bad")

    def show_no_estimate(self, message: str) -> None:
        """Say why the chosen model's needs are unknown."""
        self.needs.set_rows(())
        self.sentence.setText(message)

    def show_working(self, note: str) -> None:
        """A model is being loaded or fetched."""
        self.banner.dismiss()
        self._set_working(working=True)
        self.progress.setRange(0, 0)
        self.progress_note.setText(note)

    def show_progress(self, event: JobProgress) -> None:
        """Show how far it is."""
        if self._is_working:
            self.progress.setRange(0, 1000)
            self.progress.setValue(int(event.fraction * 1000))
            self.progress_note.setText(event.note)

    def show_done(self) -> None:
        """The model is ready."""
        self._set_working(working=False)
        self.hide()

    def show_idle(self) -> None:
        """Nothing is loaded or fetched any more; why, was told elsewhere."""
        self._set_working(working=False)

    def show_stopped(self) -> None:
        """Loading was cancelled."""
        self._set_working(working=False)
        self.progress_note.setText("Stopped; the model that was open still is.")
        self.progress_note.show()

    def spec(self) -> ModelSpec:
        """Return what is chosen."""
        return ModelSpec(
            model=self.name.text().strip(),
            device=str(self.device.currentData()),
            dtype=self.dtype.currentData(),
            weights=self.form.weights.currentData(),
            layernorm=self.form.layernorm.currentData(),
            offline=not self.online.isChecked(),
        )

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        # Closing leaves a running load alone; the job bar still shows it.
        self._delay.stop()
        super().hideEvent(event)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()
            self._dropping = True
            self.banner.show_message(_DROP, "info", dismissible=False)

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._end_drop()
        super().dragLeaveEvent(event)

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        path = dropped_path(event.mimeData())
        self._end_drop()
        if path is None:
            return
        event.acceptProposedAction()
        found = model_place(path)
        if found is None:
            self.banner.show_message(_NO_MODEL.format(path.name), "warn")
        else:
            self._choose(found)

    # Within.

    def _end_drop(self) -> None:
        if self._dropping:
            self._dropping = False
            self.banner.dismiss()

    def _list(self) -> None:
        rows = table_rows(tuple(self._rows.values()), self._devices)
        self.table.set_ranking(Ranking(COLUMNS, tuple(rows)))

    def _say_fit(self, estimate: MemoryEstimate) -> None:
        spec, row = self.spec(), self._rows.get(self.spec().model)
        told = fit_sentence(estimate.bytes_needed, estimate.devices, spec.device, spec.dtype)
        note = f" {row.note}" if row is not None and not row.installed and row.note else ""
        self.sentence.setText(f"{human_count(estimate.parameters)} parameters. {told}{note}")

    def _choose(self, path: Path) -> None:
        """Take a folder or a file as the model, and look there next time."""
        self._folder = str(path.parent)
        self.browsed.emit(self._folder)
        self.name.setText(str(path))
        self.load_button.setFocus()

    def _fill_choices(self, settings: Settings) -> None:
        self.device.addItem("auto", "auto")
        if settings.device != "auto":
            self.device.addItem(settings.device, settings.device)
            self.device.setCurrentIndex(1)
        for dtype in ("auto", "float32", "bfloat16", "float16"):
            self.dtype.addItem(dtype, dtype)
        self.dtype.setCurrentIndex(max(0, self.dtype.findData(settings.dtype)))

    def _build(self) -> None:
        self.table.set_empty_text("Looking for models …")
        self.needs.set_empty_text("Choose a model to see what it needs.")
        self.needs.setFixedHeight(_NEEDS_HEIGHT)
        # A path that is dropped is the dialog's: a line of text would write it as an address.
        self.name.setAcceptDrops(False)
        self.name.setPlaceholderText("Catalogue name, Hub id, folder or .gguf file")
        for widget, name in (
            (self.name, "Model name, folder or file"),
            (self.device, "Device"),
            (self.dtype, "Number format"),
            (self.online, "Allow the network"),
        ):
            widget.setAccessibleName(name)
        self.online.setToolTip("Off: no connection is opened; only what is on this disk is used")
        filled(
            QVBoxLayout(self),
            *(label("Models by what fits this machine", "heading"), (self.table, 1)),
            *(*self._lines(), self.form),
            *(label("Memory", "heading"), self.sentence, self.needs, self.banner, self.progress),
            _line(None, self.progress_note, self.close_button, self.load_button),
            margins=(16, 14, 16, 14),
            spacing=8,
        )
        set_role(self.load_button, "primary")
        self.load_button.setDefault(True)

    def _lines(self) -> tuple[QHBoxLayout, QHBoxLayout]:
        folder, gguf = QPushButton("Open folder…"), QPushButton("Open .gguf…")
        folder.clicked.connect(self._on_folder_clicked)
        gguf.clicked.connect(self._on_gguf_clicked)
        choices = (label("Device"), (self.device, 1), label("dtype"), (self.dtype, 1))
        return (
            _line(label("Model"), (self.name, 1), folder, gguf),
            _line(*choices, label("Allow the network"), self.online),
        )

    def _connect(self) -> None:
        self.table.row_selected.connect(self._on_row_selected)
        self.table.row_clicked.connect(self._on_row_selected)
        self.table.row_activated.connect(self._on_row_selected)
        self.table.row_activated.connect(self._on_load_clicked)
        self.name.textChanged.connect(self.form.keep_norms)
        self.name.textChanged.connect(self._on_choice_changed)
        self.dtype.currentIndexChanged.connect(self._on_choice_changed)
        self.form.changed.connect(self._on_choice_changed)
        self.online.toggled.connect(self._on_choice_changed)
        self.load_button.clicked.connect(self._on_load_clicked)
        self.close_button.clicked.connect(self._on_close_clicked)
        self._delay.timeout.connect(self._on_delay_over)

    def _set_working(self, *, working: bool) -> None:
        self._is_working = working
        self.progress.setVisible(working)
        self.progress_note.setVisible(working)
        self.close_button.setText("Cancel" if working else "Close")
        self._show_button()

    def _show_button(self) -> None:
        self.load_button.setText("Fetch and load" if self._must_be_fetched() else "Load")
        self.load_button.setEnabled(bool(self.spec().model) and not self._is_working)

    def _must_be_fetched(self) -> bool:
        row = self._rows.get(self.spec().model)
        return row is not None and not row.installed and row.source == "catalogue"

    def _on_row_selected(self, key: object) -> None:
        self.name.setText(str(key))

    def _on_choice_changed(self) -> None:
        self.banner.dismiss()
        self._show_button()
        self._delay.start()

    def _on_delay_over(self) -> None:
        spec = self.spec()
        row = self._rows.get(spec.model)
        if not spec.model:
            self.show_no_estimate("")
        elif row is not None and not row.installed and not row.bytes_needed:
            self.show_no_estimate(row.note or "Not installed yet.")
        elif row is not None and not row.installed:
            self.show_estimate(estimate_of(row, self._devices))
        else:
            self.estimate_requested.emit(spec)

    def _on_load_clicked(self) -> None:
        spec = self.spec()
        if self._must_be_fetched():
            self.fetch_requested.emit(spec.model)
            self.show_working(f"Fetching {spec.model} …")
        elif spec.model:
            self.load_requested.emit(spec)

    def _on_close_clicked(self) -> None:
        if self._is_working:
            self.cancel_requested.emit()
            self.progress_note.setText("Stops after this step …")
        else:
            self.reject()

    def _on_folder_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a model's folder", self._folder)
        if folder:
            self._choose(Path(folder))

    def _on_gguf_clicked(self) -> None:
        kinds = "GGUF (*.gguf)"
        file, _ = QFileDialog.getOpenFileName(self, "Open a model file", self._folder, kinds)
        if file:
            self._choose(Path(file))


def _line(*parts: Part) -> QHBoxLayout:
    return filled(QHBoxLayout(), *parts, spacing=8)
