"""The bar at the top: which model, run, stop, and the search."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from desktop_app.support.sizes import human_bytes
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.job_bar import duration
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_on_button, plain_tip
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.frame.parts import (
    action_tip,
    human_count,
)
from desktop_app.window.frame.search_box import SearchBox

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from desktop_app.contract.requests import ModelReady, Parity
    from desktop_app.window.frame.actions import ActionBook, ActionSpec

_TIP = 90  # characters of a line: a tooltip does not wrap by itself


class TopBar(QFrame):
    """Model button with parity badge, Run and Stop, search."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self.model_button = QPushButton("No model")
        set_role(self.model_button, "model")
        self.model_button.setMinimumHeight(32)
        self.model_button.setIconSize(QSize(16, 16))
        bind_icon(self.model_button, "model", "accent")
        self.badge = Badge("", "good", "")
        self.badge.hide()
        self.search = SearchBox()
        parts = (self.model_button, self.badge, 8, None, (self.search, 2))
        self._line = filled(QHBoxLayout(self), *parts, margins=(10, 6, 10, 6), spacing=8)
        self.show_no_model()

    def action_specs(self) -> list[ActionSpec]:
        """Return the search."""
        return in_menu("&View", ("search", "Search", 20, self.search.open, "Ctrl+K", "search"))

    def take(self, book: ActionBook) -> None:
        """Put Run and Stop beside the model."""
        self._line.insertWidget(3, _button(book["run"], "primary"))
        self._line.insertWidget(4, _button(book["stop"], ""))

    def show_no_model(self) -> None:
        """Say that no model is open."""
        self._say("Choose a model", "No model is open. Press to choose one.")
        self.badge.hide()

    def show_viewer(self) -> None:
        """Say that this installation can only show sessions."""
        self._say("Viewer", "This installation shows sessions; press to read what runs models.")

    def show_loading(self, name: str) -> None:
        """Say that a model is on its way."""
        self._say(f"Loading {name} …", f"{name} is being loaded; press to choose another model.")

    def show_model(self, ready: ModelReady) -> None:
        """Show the open model and how closely it follows plain Hugging Face."""
        info = ready.info
        size = human_bytes(ready.memory_bytes)
        tip = (
            f"{info.name}: {info.architecture}, {human_count(info.parameters)} parameters\n"
            f"{info.n_layers} layers × {info.n_heads} heads"
            f" ({info.n_kv_heads} key-value), d_model {info.d_model}, context {info.n_ctx:,}\n"
            f"on {info.device} as {info.dtype}, weights {info.weights}; loaded in "
            f"{duration(ready.seconds)}\n{textwrap.fill(ready.layernorm_said, _TIP)}\n".rstrip("\n")
            + "\nPress to choose another model."
        )
        unusual = [] if info.weights == "raw" else [f"{info.weights} weights"]
        parts = (info.label, info.device, info.dtype, *unusual, size)
        self._say(" · ".join(parts), tip)
        self._show_parity(ready.parity)

    def _say(self, text: str, tip: str) -> None:
        self.model_button.setText(f"{plain_on_button(text)}  ▾")
        self.model_button.setToolTip(plain_tip(tip))
        self.model_button.setAccessibleName(f"Model: {text}")

    def _show_parity(self, parity: Parity) -> None:
        measured = (
            ("to plain Hugging Face", parity.max_logprob_difference),
            ("left-padded against alone", parity.left_padding_difference),
            ("with one pad token", parity.single_pad_difference),
        )
        lines = [
            "Largest difference of log-probabilities, measured after loading:",
            *(f"{name} {value:.1e}" for name, value in measured if value is not None),
            f"equal means below {parity.tolerance:.0e}",
        ]
        failed = [value for _words, value in parity.failed()]
        text = f"parity off by {max(failed):.0e}" if failed else "✓ parity"
        self.badge.set_badge(text, "good" if parity.ok else "bad", "\n".join(lines))
        self.badge.show()


def _button(action: QAction, role: str) -> QPushButton:
    """Return a push button that stands for an action."""
    button = QPushButton(action.text().replace("&", ""))
    button.setMinimumHeight(32)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if role:
        set_role(button, role)
    bind_icon(button, action.objectName(), "accent_text" if role == "primary" else None)
    button.setToolTip(plain_tip(action_tip(action)))
    button.setAccessibleName(button.text())
    button.clicked.connect(action.trigger)
    button.setEnabled(action.isEnabled())
    action.enabledChanged.connect(button.setEnabled)
    return button
