"""What every room of the window may use: the views, what is selected, and words to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES, serving
from desktop_app.pictures.words import without_flags
from desktop_app.support.errors import LensbenchError
from desktop_app.views.making import create_view, stand_in_for
from desktop_app.widgets.basics.explained_card import ExplainedCard
from desktop_app.widgets.basics.job_bar import JobBar
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Analysis, Intent
    from desktop_app.pictures.facts import Explained
    from desktop_app.views.base import AnalysisView

    Offer = tuple[str, Callable[[], object]]

STAYS_MS = 20_000
PICTURE = "picture"
"""What `whole_wanted` and `whole_changed` call the picture; a panel is called by its name."""


class ViewShelf(QObject):
    """A mapping from names to views; a view that nobody has asked for costs nothing.

    Attributes:
        current: The name of the analysis that is shown.

    Signals:
        built: The view that has just been made.
        opened: The view that is to be shown now.
        lodgers_changed: Analyses that are not installed came with a session, or went, or were
            installed meanwhile.
    """

    built = Signal(object)
    opened = Signal(object)
    lodgers_changed = Signal()

    def __init__(self, selection: Selection, parent: QObject) -> None:
        super().__init__(parent)
        self._selection = selection
        self._views: dict[str, AnalysisView] = {}
        self._lodgers: dict[str, Analysis] = {}
        self.current = next(iter(ANALYSES))

    def __getitem__(self, name: str) -> AnalysisView:
        if name not in self._views:
            view = create_view(self.analyses()[name], self._selection)
            if name in self._lodgers:
                view.forbid_running(self._lodgers[name].summary)
            self._views[name] = view
            self.built.emit(view)
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.analyses())

    def __contains__(self, name: str) -> bool:
        return name in self._lodgers or name in ANALYSES

    def analyses(self) -> dict[str, Analysis]:
        """Return what there are views of: what is installed, and what only a session brought."""
        return {**ANALYSES, **self._lodgers}

    def open(self, name: str) -> None:
        """Show the view of an analysis; one that there is not leaves the view that is shown."""
        if name in self:
            self.current = name
            self.opened.emit(self[name])

    def shown(self) -> AnalysisView:
        """Return the view that is shown."""
        return self[self.current]

    def there(self, name: str) -> AnalysisView | None:
        """Return a view where it is built already."""
        return self._views.get(name)

    def standing(self) -> list[AnalysisView]:
        """Return the views that are built."""
        return list(self._views.values())

    def lodge(self, result: Result) -> None:
        """Make room for a result, whether or not its analysis is installed."""
        if result.analysis not in self:
            self._lodgers[result.analysis] = stand_in_for(result)
            self.lodgers_changed.emit()

    def take_in(self, names: Iterable[str]) -> None:
        """Make room for analyses that are installed by now, in the place of stand-ins for them."""
        for name in names:
            if self._lodgers.pop(name, None) is not None and name in self._views:
                self._views.pop(name).deleteLater()
        self.lodgers_changed.emit()
        if self.current not in self._views:
            self.open(self.current)

    def dismiss_lodgers(self) -> None:
        """Let go of the analyses that are not installed, with their views."""
        names, self._lodgers = tuple(self._lodgers), {}
        for name in names:
            if name in self._views:
                self._views.pop(name).deleteLater()
        if names:
            self.lodgers_changed.emit()
        if self.current not in self:
            self.open(next(iter(self)))


class Hall(QObject):
    """Stands between the rooms, so that they need not know one another.

    Attributes:
        window: What dialogs belong to.
        selection: What all pictures have selected.
        views: The views of the analyses.
        banner: One sentence above the picture; the newest takes the place of the one before.
        job_bar: What runs, and short words that need no answer.

    Signals:
        problem_told: A sentence on what went wrong.
        help_wanted: The name of an analysis whose help page is asked for.
        heading_wanted: The same with a heading of that page.
        log_wanted: The log is to be seen.
        prompts_wanted: The prompt table is to be seen.
        whole_wanted: What is to take the whole window, or to give it back.
        whole_changed: What has the whole window now; empty: nothing has.
    """

    problem_told = Signal(str)
    help_wanted = Signal(str)
    heading_wanted = Signal(str, str)
    log_wanted = Signal()
    prompts_wanted = Signal()
    whole_wanted = Signal(str)
    whole_changed = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.window = window
        self.selection = Selection(self)
        self.views = ViewShelf(self.selection, self)
        self.banner = Banner()
        self.job_bar = JobBar()
        self._slots: Mapping[str, Callable[[], object]] = {}
        self.views.built.connect(self._on_view_built)
        self.banner.action_clicked.connect(self._on_banner_action)
        self.whole_changed.connect(self._on_whole_changed)
        self._whole = ""
        self._about = ""
        self._is_plain_problem = False
        self._staying = QTimer(self, singleShot=True, interval=STAYS_MS)
        self._staying.timeout.connect(self._on_stayed)

    def say(self, message: str, severity: str = "info") -> None:
        """Say something that needs no answer, in the job bar.

        Where something went well, a problem that offers nothing to be done is an old one.
        """
        self.job_bar.say(without_flags(message), severity)
        if severity == "good" and self._is_plain_problem:
            self.banner.dismiss()

    def show(
        self,
        sentence: str,
        severity: str = "bad",
        offers: Mapping[str, Offer] | None = None,
        about: str = "",
    ) -> None:
        """Say something over the picture; offers are buttons by their codes.

        A problem stays until it is read or what it is about is `over`; mere news goes by itself.
        """
        self._about = about
        self._is_plain_problem = severity == "bad" and not offers
        self._staying.stop()
        if severity in {"info", "good"}:
            self._staying.start()
        given = offers or {}
        self._slots = {code: slot for code, (_, slot) in given.items()}
        labels = [(code, label) for code, (label, _) in given.items()]
        self.banner.show_message(without_flags(sentence), severity, labels)
        if severity == "bad":
            self.problem_told.emit(sentence)

    def show_problem(self, sentence: str, about: str = "") -> None:
        """Say what went wrong."""
        self.show(sentence, about=about)

    def over(self, about: str) -> None:
        """Take the banner away where it speaks of something that is over now."""
        if about and about == self._about:
            self.banner.dismiss()

    def rest(self) -> None:
        """Wait for nothing any more: the window is closing."""
        self._staying.stop()

    def explain(self, told: Explained, place: QPoint) -> None:
        """Take a number apart beside it; what is asked further, the help tells."""
        card = ExplainedCard(told, self.window)
        card.more_wanted.connect(self.heading_wanted)
        card.open_at(place)

    def attempt(self, work: Callable[[], object], told: str) -> None:
        """Do what may be refused in a sentence; say `told` where it is done."""
        try:
            work()
        except LensbenchError as error:
            self.show_problem(str(error))
        else:
            self.say(told, "good")

    def copying(self, label: str, report: str) -> Offer:
        """Return the offer to copy a report."""

        def copy() -> None:
            QApplication.clipboard().setText(report)
            self.say("Copied.", "good")

        return label, copy

    def withdraw(self, code: str) -> None:
        """Take the banner away where it makes that offer."""
        if self.banner.offers(code):
            self.banner.dismiss()

    def answer(self, intent: Intent) -> None:
        """Open the first analysis that serves an intent, and let it answer."""
        for name in serving(intent.name)[:1]:
            self.views[name].answer(intent)
            self.views.open(name)

    def _on_view_built(self, view: AnalysisView) -> None:
        view.message_requested.connect(self.say)
        view.help_requested.connect(self.help_wanted)
        view.intent_raised.connect(self.answer)
        view.whole_requested.connect(self._on_whole_requested)
        view.show_whole(self._whole == PICTURE)

    def _on_whole_requested(self) -> None:
        self.whole_wanted.emit(PICTURE)

    def _on_whole_changed(self, what: str) -> None:
        self._whole = what
        for view in self.views.standing():
            view.show_whole(what == PICTURE)

    def _on_stayed(self) -> None:
        """Take news away, unless it is being read: the pointer or the keyboard is there."""
        focus = QApplication.focusWidget()
        if self.banner.underMouse() or (focus is not None and self.banner.isAncestorOf(focus)):
            self._staying.start()
        else:
            self.banner.dismiss()

    def _on_banner_action(self, code: str) -> None:
        if code in self._slots:
            self._slots[code]()
