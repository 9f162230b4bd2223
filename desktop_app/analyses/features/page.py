"""One page of the view of features: what it is told, and what it may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Signal

from desktop_app.views.pages import TurnedPage

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.features.found import Found


class FeaturesPage(TurnedPage):
    """A page under the choice above the picture; the view draws the one in sight.

    Attributes:
        name: Its key.
        title: What the choice between pages says.

    Signals:
        feature_chosen: Another feature, by its number.
        feature_opened: The same, and its own page is to come into sight.
        prompt_chosen: Another prompt, by its number.
        position_chosen: Another token of the prompt.
        choice_made: What is to be remembered between starts, as texts by name.
        look_wanted: A run for the feature that is shown is asked for.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    feature_chosen = Signal(object)
    feature_opened = Signal(object)
    prompt_chosen = Signal(object)
    position_chosen = Signal(int)
    choice_made = Signal(dict)
    look_wanted = Signal()

    def draw(self, found: Found, feature: int, prompt: int) -> None:
        """Show a feature and a prompt of what is known; −1: no feature is chosen."""
        raise NotImplementedError

    def mark_position(self, position: int | None) -> None:
        """Hear which token is selected."""

    def take_choices(self, choices: dict[str, str]) -> None:
        """Take over what was remembered; what is not known any more is passed over."""

    def figure(self) -> QWidget:
        """Return what an export draws: the picture without what steers it."""
        return self

    def read(self) -> dict[str, Any]:
        """Return what it shows, for `read_out`."""
        return {}
