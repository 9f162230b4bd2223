"""The main window: it puts the parts together and introduces them to each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QWidget
from typing_extensions import override

from desktop_app.contract.registry import problems, serving
from desktop_app.jobs.runner import JobRunner
from desktop_app.support import installed
from desktop_app.widgets.basics.job_bar import JobBar
from desktop_app.widgets.basics.selection import Selection
from desktop_app.window.comparison.comparison_desk import ComparisonDesk
from desktop_app.window.exports.picture_desk import PictureDesk
from desktop_app.window.frame import dialogs, layout
from desktop_app.window.frame.actions import ActionBook, in_menu
from desktop_app.window.frame.closing import Closer
from desktop_app.window.frame.first_start import FirstStart
from desktop_app.window.frame.help_panel import HelpPanel
from desktop_app.window.frame.log_panel import LogPanel
from desktop_app.window.frame.memory_meter import MemoryMeter
from desktop_app.window.frame.notices import Notices
from desktop_app.window.frame.panels import Panels
from desktop_app.window.frame.parts import app_version
from desktop_app.window.frame.rail import Rail
from desktop_app.window.frame.settings import load_settings, save_settings
from desktop_app.window.frame.shelf import ViewShelf
from desktop_app.window.frame.themes import theme_actions
from desktop_app.window.frame.top_bar import TopBar
from desktop_app.window.inspector.inspector import Inspector
from desktop_app.window.models.model_desk import ModelDesk
from desktop_app.window.prompts.examples import worked_example
from desktop_app.window.prompts.prompt_desk import PromptDesk
from desktop_app.window.prompts.prompt_panel import PromptPanel
from desktop_app.window.runs.conductor import Conductor
from desktop_app.window.runs.job_words import JobWords
from desktop_app.window.runs.run_desk import RunDesk
from desktop_app.window.runs.showing import Showing
from desktop_app.window.sessions.file_desk import FileDesk
from desktop_app.window.sessions.history_desk import HistoryDesk
from desktop_app.window.sessions.recovery import Recovery
from desktop_app.window.sessions.results_panel import ResultsPanel
from desktop_app.window.sessions.session_desk import SessionDesk

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent

    from desktop_app.contract.intents import Intent
    from desktop_app.jobs.worker import Service
    from desktop_app.support.logs import LogBook
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.settings import Settings

_FRAME_MS = 100  # until a window manager has put its frame around the window


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
        self.selection = Selection(self)
        self.session = SessionDesk(self)
        self.notices = Notices(self)
        self.banner = self.notices.banner
        self.views = ViewShelf(self.selection, self)
        self.views.built.connect(self._on_view_built)
        self._build_widgets(log_book)
        self._build_rooms()
        self.actions_by_name = ActionBook(self, self._action_specs())
        self.actions_by_name.fill(self.menuBar())
        self.top_bar.take(self.actions_by_name)
        self.prompt_desk.add_buttons(self.actions_by_name)
        self._restore()

    def _build_widgets(self, log_book: LogBook) -> None:
        self.prompts = PromptPanel()
        self.results = ResultsPanel()
        self.help = HelpPanel()
        self.log = LogPanel(log_book)
        self.job_bar = JobBar()
        self.meter = MemoryMeter(self)
        self.meter.measured.connect(self.job_bar.set_memory)
        self.rail = Rail(self.views)
        self.top_bar = TopBar()
        layout.make_tool_bar(self, self.top_bar)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addPermanentWidget(self.job_bar, 1)

    def _build_rooms(self) -> None:
        self.showing = Showing(self.views, self.prompts, self)
        self.showing.state_changed.connect(self.rail.set_state)
        JobWords(self.conductor, self.job_bar)
        self.prompt_desk = PromptDesk(self)
        self.models = ModelDesk(self)
        self.models.model_changed.connect(self._on_model_changed)
        self.runs = RunDesk(self)
        self.inspector = Inspector(self)
        self.files = FileDesk(self)
        self.history = HistoryDesk(self)
        self.recovery = Recovery(self.session, self.files, self)
        self.pictures = PictureDesk(self)
        self.comparisons = ComparisonDesk(self)
        self.first_start = FirstStart(self.conductor, self.runs, self)
        self.first_start.model_chosen.connect(self._begin_worked_example)
        self.first_start.finished.connect(self.started)
        self.closer = Closer(self.runner, self.session, self)
        self.closer.waiting_began.connect(self._on_waiting_began)
        self.closer.may_close.connect(self._close_when_idle)
        sides = {"prompts": self.prompts, "results": self.results, "inspector": self.inspector}
        self.panels = Panels(self, sides, self.help, self.log)
        self.docks = self.panels.docks
        banners = (self.recovery.banner, self.banner)
        self.central = layout.CentralArea(banners, self.rail, self.views)
        self.setCentralWidget(self.central)

    def _action_specs(self) -> list[ActionSpec]:
        """Return what all rooms offer, and the little that belongs to none of them."""
        rooms = (
            *(self.files, self.history, self.pictures, self.comparisons, self.prompt_desk),
            *(self.models, self.runs, self.rail, self.top_bar, self.panels),
        )
        return [
            *(spec for room in rooms for spec in room.action_specs()),
            *theme_actions(self),
            *in_menu("&File", ("quit", "Quit", 110, self.close, "Ctrl+Q", "", "", True)),
            *in_menu(
                "&Help",
                ("help", "Help on this tab", 0, self._help_here, "F1", "help"),
                ("about", "About Lensbench", 30, self._show_about, "", "info"),
            ),
        ]

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
        self.rail.fold_by_hand(chosen.rail_folded)
        self.open_tab(chosen.tab)

    # Starting.

    def start(self, session_file: Path | None = None) -> None:
        """Load the model and, on a first start, run the worked example; call it after `show`."""
        self.meter.start()
        if problems():
            self.notices.show("\n".join(problems()), "warn")
        opened = session_file is not None and self.session.open(session_file)
        self.recovery.look()
        if installed.compute_problem() is not None:
            self.top_bar.show_viewer()
            self.started.emit()
        elif self.settings.model and (opened or self.settings.started_before):
            self.models.load(self.settings.model)
        else:
            self.first_start.begin(with_example=not opened)

    def _begin_worked_example(self, model: str) -> None:
        """Fill the table with the worked example of a model and load it."""
        if all(row.is_empty for row in self.prompts.rows()):
            self.prompts.set_prompts(worked_example(model))
        self.models.load(model)

    def _on_model_changed(self) -> None:
        if not self.first_start.is_under_way():
            self.started.emit()

    # What other parts ask for.

    def current_tab(self) -> str:
        """Return the name of the analysis that is shown."""
        return self.rail.current()

    def current_view(self) -> AnalysisView:
        """Return the view that is shown."""
        return self.views[self.current_tab()]

    def open_tab(self, name: str) -> None:
        """Show the view of an analysis."""
        self.central.open(name)

    def answer(self, intent: Intent) -> None:
        """Open the first analysis that serves an intent, and let it answer."""
        for name in serving(intent.name)[:1]:
            self.views[name].answer(intent)
            self.open_tab(name)

    def place_docks(self) -> None:
        """Put all docks back to where they belong."""
        self.panels.place()

    def say(self, message: str, severity: str = "info") -> None:
        """Say something that needs no answer, in the job bar."""
        self.job_bar.say(message, severity)

    def show_problem(self, message: str) -> None:
        """Say what went wrong, above the picture, until it is read."""
        self.notices.show_problem(message)

    def show_crash_report(self, report: str) -> None:
        """Offer the report of a run that crashed."""
        told = "Lensbench ended unexpectedly last time. The report can be copied."
        copy = self.notices.copying("Copy report", report)
        self.notices.show(told, "warn", {"copy_report": copy})

    def _on_view_built(self, view: AnalysisView) -> None:
        view.message_requested.connect(self.say)
        view.help_requested.connect(self.panels.show_help)
        view.intent_raised.connect(self.answer)

    def _help_here(self) -> None:
        self.panels.show_help(self.current_tab())

    def _show_about(self) -> None:
        dialogs.show_about(self, app_version())

    def _on_waiting_began(self) -> None:
        self.job_bar.show_job("Finishing the current step, then closing")

    # Qt.

    @override
    def showEvent(self, event: QShowEvent) -> None:
        """Fit a first window into its screen as soon as its frame is known."""
        super().showEvent(event)
        if self.size() == self._first_size:
            QTimer.singleShot(_FRAME_MS, self._fit_frame)

    def _fit_frame(self) -> None:
        if self.size() == self._first_size:
            layout.fit_frame(self)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files from the desktop."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.files.open_any(Path(url.toLocalFile()))
                return

    @override
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
        self.settings = replace(
            self.settings,
            tab=self.current_tab(),
            rail_folded=self.rail.is_folded_by_hand,
            bos=shared["bos"],
            chat=shared["chat"],
            prompts=tuple(self.prompts.rows()),
            selected_prompt=self.selection.prompt,
            started_before=self.settings.started_before or self.conductor.model is not None,
        )
        save_settings(self.config_dir, self.settings)
        layout.save_geometry(self, self.config_dir)

    def _close_when_idle(self) -> None:
        """Close once the event loop is free again."""
        QTimer.singleShot(0, self.close)
