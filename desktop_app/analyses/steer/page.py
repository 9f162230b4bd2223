"""One page of the steering view: what it is told, and what it may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Signal

from desktop_app.views.pages import TurnedPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import Result


class SteerPage(TurnedPage):
    """A page under the choice above the picture; the view tells it everything, in this order.

    Subclasses build themselves in their `__init__` and say in `read` what they show.

    Attributes:
        name: Its key.
        title: What the choice between pages says.
        draws_alone: Whether it has something to show before there is any result.

    Signals:
        run_wanted: Settings by name that change; a run with them is asked for.
        settings_wanted: The same, for the form alone.
        turn_wanted: The name of the page to turn to.
        message: A sentence for the status bar.
        intent: An `Intent`.
        choice_made: What is to be remembered between starts, as texts by name.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    draws_alone: ClassVar[bool] = False

    run_wanted = Signal(dict)
    settings_wanted = Signal(dict)
    turn_wanted = Signal(str)
    message = Signal(str)
    intent = Signal(object)
    choice_made = Signal(dict)

    def run_changes(self) -> dict[str, object]:
        """Return what Run adds to the settings while this page is in sight, such as a sweep."""
        return {}

    def shows_setting(self, name: str) -> bool:
        """Return whether a setting has its control here and not in the form."""
        return False

    def show_setting(self, name: str) -> None:
        """Give the control of a setting the keyboard."""

    def trouble(self) -> str:
        """Return why nothing can be run yet, as a sentence; empty where it can."""
        return ""

    def take_labelled(self, labelled: Mapping[str, tuple[str, ...]]) -> None:
        """Take note of the prompt table's texts by their label; those without one under ""."""

    def offer_family(self, title: str, tip: str) -> None:
        """Offer the reference set of the table's family; no title: there is none."""

    def take_params(self, params: SteerParams | None) -> None:
        """Hear what the form says; None where a setting is bad."""

    def take_choices(self, choices: Mapping[str, str]) -> None:
        """Take over what was remembered; what is not known any more is passed over."""

    def expect_run(self) -> None:
        """Hear that a run begins that fills the page anew."""

    def show_result(self, result: Result, prompt: int) -> None:
        """Show a finished result, the prompt of that number."""

    def show_so_far(self, data: Mapping[str, Any], prompt: int) -> None:
        """Show the fields known so far of a run that is under way."""

    def figure(self) -> QWidget | None:
        """Return what an export draws, whole and without controls; None where there is nothing."""
        return None

    def forget(self) -> None:
        """Show nothing: there is no result any more."""

    def read(self) -> dict[str, Any]:
        """Return what it shows, for `read_out`; keys begin with the page's name."""
        return {}
