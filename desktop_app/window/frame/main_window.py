"""The main window: it puts the parts together and introduces them to each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QWidget

from desktop_app.contract.registry import ANALYSES, serving
from desktop_app.jobs.runner import JobRunner
from desktop_app.support import installed
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.job_bar import JobBar
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.window.comparison.comparison_desk import ComparisonDesk
from desktop_app.window.exports.picture_desk import PictureDesk
from desktop_app.window.frame import dialogs, layout
from desktop_app.window.frame.closing import Closer
from desktop_app.window.frame.first_start import FirstStart
from desktop_app.window.frame.help_panel import HelpPanel
from desktop_app.window.frame.log_panel import LogPanel
from desktop_app.window.frame.memory_meter import MemoryMeter
from desktop_app.window.frame.settings import MOST_SWEEP_MB, load_settings, save_settings
from desktop_app.window.frame.top_bar import TopBar
from desktop_app.window.frame.window_actions import make_actions
from desktop_app.window.frame.window_slots import WindowSlots
from desktop_app.window.frame.wiring import Wiring
from desktop_app.window.inspector.inspector import Inspector
from desktop_app.window.models.model_desk import ModelDesk
from desktop_app.window.prompts.examples import worked_example
from desktop_app.window.prompts.prompt_panel import PromptPanel
from desktop_app.window.runs.conductor import Conductor
from desktop_app.window.runs.run_desk import RunDesk
from desktop_app.window.sessions.file_desk import FileDesk
from desktop_app.window.sessions.recovery import Recovery
from desktop_app.window.sessions.results_panel import ResultsPanel
from desktop_app.window.sessions.session_desk import SessionDesk

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent

    from desktop_app.contract.intents import Intent
    from desktop_app.contract.spec import Preset
    from desktop_app.jobs.worker import Service
    from desktop_app.support.logs import LogBook
    from desktop_app.window.frame.settings import Settings

_FRAME_MS = 100  # until a window manager has put its frame around the window
_PANEL_BUTTONS = (
    "new_prompt",
    "copy_prompt",
    "remove_prompt",
    "paste_prompts",
    "open_prompts",
    "save_prompts",
)


class MainWindow(QMainWindow):
    """The workbench.

    Signals:
        started: The start is over: the model is open and, on a first start, every tab is filled.
        closed: The window has closed and the compute thread has ended.
    """

    started = Signal()
    closed = Signal()

    def __init__(
        self,
        service_factory: Callable[[], Service],
        config_dir: Path,
        log_book: LogBook,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Lensbench")
        self.setAcceptDrops(True)
        self.config_dir = config_dir
        self.settings: Settings = load_settings(config_dir)
        self.runner = JobRunner(service_factory, self)
        self.conductor = Conductor(self.runner, self)
        self.conductor.budget_bytes = self.settings.sweep_mb * 1_000_000 or None
        self.selection = Selection(self)
        self.session = SessionDesk(self)
        self._build_parts(log_book)
        self.files = FileDesk(self.session, self.prompts, self)
        self.recovery = Recovery(self.session, self.files, self)
        self._build_window()
        self.pictures = PictureDesk(self)
        self.comparisons = ComparisonDesk(self.session, self.results, self.pictures, self)
        self.slots = WindowSlots(self)
        self.actions_by_name = make_actions(self)
        self.actions_by_name.fill(self.menuBar())
        self.pictures.offer_menu(self.views.values(), self.actions_by_name)
        self.top_bar = TopBar(self.actions_by_name)
        layout.make_tool_bar(self, self.top_bar)
        self.prompts.add_tools([self.actions_by_name[key] for key in _PANEL_BUTTONS])
        self.models = ModelDesk(self.conductor, self.top_bar, self.settings, self)
        self.runs = RunDesk(self.views, self.prompts, self.conductor, self.selection, self)
        self.first_start = FirstStart(self.conductor, self)
        self.closer = Closer(self.runner, self.session, self)
        self._wiring = Wiring(self)
        self._restore()

    def _build_parts(self, log_book: LogBook) -> None:
        self.banner = Banner()
        self.banner.hide()
        self.prompts = PromptPanel()
        self.results = ResultsPanel()
        self.inspector = Inspector(self.selection)
        self.help = HelpPanel()
        self.log = LogPanel(log_book)
        self.job_bar = JobBar()
        self.meter = MemoryMeter(self)
        self.views = {name: create_view(name, self.selection) for name in ANALYSES}

    def _build_window(self) -> None:
        self.central = layout.CentralArea((self.recovery.banner, self.banner), self.views)
        self.setCentralWidget(self.central)
        self.docks = {
            key: layout.make_dock(key, title, widget, self)
            for key, title, widget in (
                ("prompts", "Prompts", self.prompts),
                ("results", "Results", self.results),
                ("inspector", "Inspector", self.inspector),
                ("help", "Help", self.help),
                ("log", "Log", self.log),
            )
        }
        status = self.statusBar()
        status.setSizeGripEnabled(False)
        status.addPermanentWidget(self.job_bar, 1)
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def _restore(self) -> None:
        self.setMinimumSize(960, 620)
        self.resize(layout.first_size(self.screen().availableGeometry().size()))
        self._first_size = self.size()
        if not layout.restore_geometry(self, self.config_dir):
            self.place_docks()
        chosen = self.settings
        self.prompts.set_shared_settings(chosen.bos, chat=chosen.chat)
        self.prompts.set_rows(chosen.prompts)
        self.prompts.select_prompt(chosen.selected_prompt)
        self.open_tab(chosen.tab)
        self.actions_by_name[f"theme_{chosen.theme}"].setChecked(True)

    # Starting.

    def start(self, session_file: Path | None = None) -> None:
        """Load the model and, on a first start, run the worked example; call it after `show`."""
        self.meter.start()
        opened = session_file is not None and self.session.open(session_file)
        self.recovery.look()
        if installed.compute_problem() is not None:
            self.top_bar.show_viewer()
            self.started.emit()
        elif self.settings.model and (opened or self.settings.started_before):
            self.models.load(self.settings.model)
        else:
            self.first_start.begin(with_example=not opened)

    def begin_worked_example(self, model: str) -> None:
        """Fill the table with the worked example of a model and load it."""
        if all(row.is_empty for row in self.prompts.rows()):
            self.prompts.set_prompts(worked_example(model))
        self.models.load(model)

    # What other parts ask for.

    def current_tab(self) -> str:
        """Return the name of the analysis that is shown."""
        return list(self.views)[self.central.tabs.currentIndex()]

    def open_tab(self, name: str) -> None:
        """Show the tab of an analysis."""
        if name in self.views:
            self.central.tabs.setCurrentWidget(self.views[name])

    def answer(self, intent: Intent) -> None:
        """Open the first analysis that serves an intent, and let it answer."""
        for name in serving(intent.name)[:1]:
            self.open_tab(name)
            self.views[name].answer(intent)

    def run_preset(self, name: str, preset: Preset) -> None:
        """Ask a question that has a name."""
        self.open_tab(name)
        self.runs.run_preset(name, preset)

    def place_docks(self) -> None:
        """Put all docks back to where they belong."""
        layout.place_docks(self, self.docks)

    def show_help(self, page: str) -> None:
        """Show a help page beside the picture."""
        self.help.show_page(page)
        self.docks["help"].show()
        self.docks["help"].raise_()

    def say(self, message: str, severity: str = "info") -> None:
        """Say something that needs no answer, in the job bar."""
        self.job_bar.say(message, severity)

    def show_problem(self, message: str) -> None:
        """Say what went wrong, above the tabs, until it is read."""
        self.banner.show_message(message, "bad")

    def show_crash_report(self, report: str) -> None:
        """Offer the report of a run that crashed."""
        self._wiring.offer_report(report)

    def choose_sweep_memory(self) -> None:
        """Ask how much memory sweeps may take."""
        now = self.settings.sweep_mb
        chosen = dialogs.ask_sweep_memory(self, now, MOST_SWEEP_MB)
        if chosen is not None:
            self.settings = replace(self.settings, sweep_mb=chosen)
            self.conductor.budget_bytes = chosen * 1_000_000 or None

    def remember_theme(self, choice: str) -> None:
        """Keep the chosen theme for the next start."""
        self.settings = replace(self.settings, theme=choice)
        self.actions_by_name[f"theme_{choice}"].setChecked(True)

    # Qt.

    def showEvent(self, event: QShowEvent) -> None:
        """Fit a first window into its screen as soon as its frame is known."""
        super().showEvent(event)
        if self.size() == self._first_size:
            QTimer.singleShot(_FRAME_MS, self._fit_frame)

    def _fit_frame(self) -> None:
        if self.size() == self._first_size:
            layout.fit_frame(self)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files from the desktop."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.files.open_any(Path(url.toLocalFile()))
                return

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel what runs, wait for it without blocking, then close and lose nothing."""
        if not self.closer.is_waiting and not self.files.may_leave():
            event.ignore()
            return
        self.session.has_unsaved = False
        if not self.closer.is_ready():
            event.ignore()
            return
        self.conductor.close()
        self._remember()
        self.inspector.flush_notes()
        self.files.flush()
        self.comparisons.close()
        self.meter.stop()
        self.log.stop()
        self.closer.finish()
        event.accept()
        self.closed.emit()

    def _remember(self) -> None:
        shared = self.prompts.shared_settings()
        kept = replace(
            self.settings,
            tab=self.current_tab(),
            bos=shared["bos"],
            chat=shared["chat"],
            prompts=tuple(self.prompts.rows()),
            selected_prompt=self.selection.prompt,
            started_before=self.settings.started_before or self.conductor.model is not None,
        )
        self.settings = self.models.remembered(kept)
        save_settings(self.config_dir, self.settings)
        layout.save_geometry(self, self.config_dir)

    def _on_theme_changed(self) -> None:
        self.central.tint()

    def close_when_idle(self) -> None:
        """Close once the event loop is free again."""
        QTimer.singleShot(0, self.close)
