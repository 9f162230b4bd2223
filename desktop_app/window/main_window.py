"""The main window: it puts the rooms together and introduces them to each other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from desktop_app.contract.registry import problems
from desktop_app.jobs.runner import JobRunner
from desktop_app.support import installed
from desktop_app.support.guard import override
from desktop_app.widgets.basics.focus_ring import FocusRing
from desktop_app.widgets.basics.theme import apply_theme, theme_hub
from desktop_app.window.about.about_desk import AboutDesk
from desktop_app.window.choices import Choices
from desktop_app.window.comparison.comparison_desk import ComparisonDesk
from desktop_app.window.exports.picture_desk import PictureDesk
from desktop_app.window.frame import dialogs, layout
from desktop_app.window.frame.actions import ActionBook, ActionSpec, in_menu
from desktop_app.window.frame.hall import Hall
from desktop_app.window.frame.panels import Panels
from desktop_app.window.frame.rail import TABS, Rail
from desktop_app.window.frame.rooms import RoomWalk
from desktop_app.window.frame.saved_layouts import LayoutDesk
from desktop_app.window.frame.top_bar import TopBar
from desktop_app.window.frame.undo import UndoDesk
from desktop_app.window.inspector.inspector import Inspector
from desktop_app.window.making.maker_desk import MakerDesk
from desktop_app.window.making.reference_desk import ReferenceDesk
from desktop_app.window.models.model_desk import ModelDesk
from desktop_app.window.plugins.plugin_desk import PluginDesk
from desktop_app.window.prompts.prompt_desk import PromptDesk
from desktop_app.window.prompts.prompt_panel import PromptPanel
from desktop_app.window.reading import ReadingDesk
from desktop_app.window.runs.conductor import Conductor, JobWords
from desktop_app.window.runs.gate_desk import GateDesk
from desktop_app.window.runs.looking import LookDesk
from desktop_app.window.runs.picking import PickDesk
from desktop_app.window.runs.run_desk import PRESETS, FirstStart, RunDesk, worked_example
from desktop_app.window.runs.showing import Showing
from desktop_app.window.runs.storing import StorageDesk
from desktop_app.window.search.search_desk import SearchDesk
from desktop_app.window.sessions.file_desk import Closer, FileDesk, Recovery
from desktop_app.window.sessions.history_desk import HistoryDesk
from desktop_app.window.sessions.lending import LendingDesk
from desktop_app.window.sessions.recent_desk import RecentDesk
from desktop_app.window.sessions.results_panel import ResultsPanel
from desktop_app.window.sessions.session_desk import SessionDesk
from desktop_app.window.settings import Memory, save_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import (
        QCloseEvent,
        QDragEnterEvent,
        QDropEvent,
        QKeyEvent,
        QResizeEvent,
        QShowEvent,
    )

    from desktop_app.jobs.worker import Service
    from desktop_app.support.logs import LogBook
    from desktop_app.widgets.basics.theme import ThemeChoice
    from desktop_app.window.settings import Settings

_THEMES: tuple[tuple[ThemeChoice, str, str], ...] = (
    ("system", "Follow the system", ""),
    ("light", "Light", "sun"),
    ("dark", "Dark", "moon"),
)
_METER_MS = 1_500

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
        theme_hub().dress(self)
        self.setWindowTitle("Lensbench")
        self.setAcceptDrops(True)
        self.config_dir = config_dir
        self.memory = Memory(config_dir)
        self.runner = JobRunner(service_factory, self)
        self.conductor = Conductor(self.runner, self)
        self.hall = hall = Hall(self)
        self.views, self.selection = hall.views, hall.selection
        self.banner, self.job_bar = hall.banner, hall.job_bar
        self.rail = Rail(self.views)
        self.top_bar = TopBar()
        self._build_rooms()
        self._build_frame(log_book)
        self.actions_by_name = ActionBook(self, self._action_specs())
        self.actions_by_name.fill(self.menuBar())
        rooms = (self.undo, self.top_bar, self.prompt_desk, self.pictures, self.search)
        for room in (*rooms, self.layouts):
            room.take(self.actions_by_name)
        self._restore()

    def _build_rooms(self) -> None:
        hall, conductor = self.hall, self.conductor
        self.undo, self.choices = UndoDesk(hall), Choices(hall, self.memory)
        self.prompts = prompts = PromptPanel(self.undo)
        self.prompt_desk = PromptDesk(hall, prompts)
        # Before the room that draws a view when it is built: then it may want to look at something.
        self.looks = LookDesk(hall, conductor)
        self.showing = showing = Showing(self.views, prompts, self)
        showing.state_changed.connect(self.rail.set_state)
        self.runs = RunDesk(hall, prompts, conductor, showing)
        self.references = ReferenceDesk(hall, self.memory, prompts, conductor)
        self.gate = GateDesk(hall, prompts, conductor, showing)
        self.maker = MakerDesk(hall, prompts, conductor, self.gate, self.references)
        self.models = ModelDesk(hall, self.memory, conductor, self.top_bar)
        self.storage = StorageDesk(hall, self.memory, conductor, prompts)
        conductor.model_ready.connect(self._on_model_ready)  # before the first start hears of it
        self.session, self.results = SessionDesk(self), ResultsPanel()
        self.files = FileDesk(hall, self.session, prompts, self.prompt_desk)
        self.files.model_dropped.connect(self.models.open_path)
        # Before the history, which shows it the results of a session that was opened.
        self.inspector = Inspector(hall, self.session, prompts, showing)
        self.history = HistoryDesk(hall, self.session, self.results, self.files, prompts, showing)
        conductor.run_began.connect(self.session.try_out)
        conductor.result_arrived.connect(self.history.keep)
        # After the history: its last result is kept when the start is over.
        self.first_start = FirstStart(conductor, self.runs.run_worked, self)
        self.first_start.model_chosen.connect(self._begin_worked_example)
        self.first_start.finished.connect(self.started)
        self.recovery = Recovery(self.session, self.files, self)
        self.recent = RecentDesk(
            *(hall, self.memory, self.session, self.files, self.results.start, self.recovery)
        )
        self.pictures = PictureDesk(hall, self.session, self.results)
        self.comparisons = ComparisonDesk(hall, self.session, self.results, self.pictures)
        self.picking, self.lending = PickDesk(hall), LendingDesk(hall, self.session)
        self.about = AboutDesk(hall, self.memory)
        self.started.connect(self.about.tell_at_start)
        self.closer = Closer(self.runner, self.session, hall)
        self.plugins = PluginDesk(hall)
        self.plugins.taken_in.connect(self._on_taken_in)

    def _build_frame(self, log_book: LogBook) -> None:
        sides = {"prompts": self.prompts, "results": self.results, "inspector": self.inspector}
        self.panels = Panels(self, self.hall, sides, log_book)
        self.docks, self.help = self.panels.docks, self.panels.help
        self.room_walk = RoomWalk(self, self.hall, self.top_bar, self.rail, self.docks)
        self.focus_ring = FocusRing(self)
        self.reading = ReadingDesk(self.hall, self.memory, self.panels, self.inspector.notes)
        rooms = self.prompts, self.results, self.inspector, self.panels, self.pictures
        self.search = SearchDesk(self.hall, self.top_bar.search, rooms, self.session)
        self.layouts = LayoutDesk(self.hall, self.panels, self.rail, self.config_dir)
        self._tool_bar = layout.make_tool_bar(self, self.top_bar)
        self.panels.whole.stand_beside(self._tool_bar, self.rail)
        banners = (self.recovery.banner, self.banner)
        self.setCentralWidget(layout.CentralArea(banners, self.rail, self.views))
        JobWords(self.conductor, self.job_bar)
        self._meter = QTimer(self, interval=_METER_MS)
        self._meter.timeout.connect(self._measure)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addPermanentWidget(self.job_bar, 1)

    def _action_specs(self) -> list[ActionSpec]:
        """Return what all rooms offer, and the little that belongs to none of them."""
        rooms = (
            *(self.undo, self.files, self.recent, self.pictures, self.comparisons),
            *(
                self.prompt_desk,
                self.maker,
                self.picking,
                self.models,
                self.storage,
                self.runs,
                self.rail,
            ),
            *(self.top_bar, self.panels, self.layouts, self.reading, self.room_walk),
            *(self.about, self.plugins),
        )
        themes = (
            ActionSpec(
                *(f"theme_{key}", f"Theme: {text}", "&View", 40, partial(self._choose_theme, key)),
                icon=icon,
                group="theme",
                submenu="Theme",
                chosen=key == self.settings.theme,
                separated=key == "system",
            )
            for key, text, icon in _THEMES
        )
        specs = [spec for room in rooms for spec in room.action_specs()]
        return [
            *map(self._reachable, specs),
            *themes,
            *in_menu("&File", ("quit", "Quit", 110, self.close, "Ctrl+Q", "", "", True)),
        ]

    def _reachable(self, spec: ActionSpec) -> ActionSpec:
        """Return an action that works where the bar that it needs is hidden."""
        if spec.key != "search":
            return spec
        lent = self.panels.whole.with_bar(self._tool_bar, self.top_bar.search, spec.slot)
        return replace(spec, slot=lent)

    def _restore(self) -> None:
        self.setMinimumSize(960, 620)
        self.resize(layout.first_size(self.screen().availableGeometry().size()))
        self._first_size = self.size()
        if layout.restore_geometry(self, self.config_dir):
            self.panels.take_over(*layout.kept_folded(self.config_dir))
        else:
            self.panels.place()
        chosen = self.settings
        dialogs.begin_in(chosen.files_folder)
        self.prompts.set_shared_settings(chosen.bos, chat=chosen.chat)
        self.prompts.set_rows(chosen.prompts)
        self.prompts.select_prompt(chosen.selected_prompt)
        self.rail.fold_by_hand(chosen.rail_folded)
        self.results.fold(chosen.folded_results)
        self.views.open(chosen.tab)

    # Starting.

    def start(self, session_file: Path | None = None) -> None:
        """Load the model and, on a first start, run the worked example; call it after `show`."""
        self._meter.start()
        self._measure()
        if problems():
            self.hall.show("\n".join(problems()), "warn", self.plugins.offers())
        opened = session_file is not None and self.session.open(session_file)
        self.recent.begin(offered=session_file is None)
        self.recovery.look()  # after it: only what is there is offered, and unsaved work first
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

    def _on_model_ready(self) -> None:
        if not self.first_start.is_under_way():
            self.started.emit()

    def _on_taken_in(self) -> None:
        """There are more analyses than at the start: they have their places everywhere."""
        self.actions_by_name.renew(TABS, self.rail.tab_specs())
        self.actions_by_name.renew(PRESETS, self.runs.preset_specs())
        self.search.renew()
        self.help.renew()

    # What others ask for.

    @property
    def settings(self) -> Settings:
        """What is remembered for the next start."""
        return self.memory.settings

    def show_crash_report(self, report: str) -> None:
        """Offer the report of a run that crashed."""
        told = "Lensbench ended unexpectedly last time. The report can be copied."
        self.hall.show(told, "warn", {"copy_report": self.hall.copying("Copy report", report)})

    def _choose_theme(self, choice: ThemeChoice) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, choice)
        self.memory.change(theme=choice)

    def _measure(self) -> None:
        """Say how much memory the program takes, of how much there is."""
        used, there_is = psutil.Process().memory_info().rss, psutil.virtual_memory().total
        self.job_bar.set_memory(f"RAM {used / 1e9:.1f} / {there_is / 1e9:.0f} GB")

    # Qt.

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        return self.room_walk.tab(forward=forward)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.panels.fit()
        if self.size() == self._first_size:
            QTimer.singleShot(_FRAME_MS, self._fit_frame)

    def _fit_frame(self) -> None:
        """Fit a first window into its screen as soon as its frame is known."""
        if self.size() == self._first_size:
            layout.fit_frame(self)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.panels.fit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the whole window by the key that leaves most things."""
        if event.key() == Qt.Key.Key_Escape and self.panels.whole.what:
            self.panels.whole.leave()
            return
        super().keyPressEvent(event)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
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
        self.models.close()
        self.maker.close()
        self.about.close()
        self.plugins.close()
        self._meter.stop()
        self.hall.rest()
        self.panels.log.stop()
        self.closer.finish()
        event.accept()
        self.closed.emit()

    def _remember(self) -> None:
        self.memory.change(
            tab=self.views.current,
            files_folder=dialogs.files_folder(),
            rail_folded=self.rail.is_folded_by_hand,
            folded_results=self.results.folded(),
            **self.prompts.shared_settings(),
            prompts=tuple(self.prompts.rows()),
            selected_prompt=self.selection.prompt,
            started_before=self.settings.started_before or self.conductor.model is not None,
        )
        save_settings(self.config_dir, self.settings)
        self.panels.whole.leave()
        layout.save_geometry(self, self.config_dir, self.panels.folded())
