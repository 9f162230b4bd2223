"""The bar at the top: which model, run, stop, and the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.job_bar import duration
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.theme import set_role
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.frame.palette import SearchBox
from desktop_app.window.frame.parts import action_tip, human_bytes, human_count

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from desktop_app.contract.requests import ModelReady, Parity
    from desktop_app.window.frame.actions import ActionBook, ActionSpec


class TopBar(QFrame):
    """Model button with parity badge, Run and Stop, search.

    Signals:
        model_clicked: The model button was pressed.
    """

    model_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self.model_button = QPushButton("No model")
        set_role(self.model_button, "model")
        self.model_button.setMinimumHeight(32)
        self.model_button.setIconSize(QSize(16, 16))
        bind_icon(self.model_button, "model", "accent")
        self.model_button.clicked.connect(self.model_clicked)
        self.badge = Badge("", "good", "")
        self.badge.hide()
        self.search = SearchBox()
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(10, 6, 10, 6)
        self._line.setSpacing(8)
        self._line.addWidget(self.model_button)
        self._line.addWidget(self.badge)
        self._line.addSpacing(8)
        self._line.addStretch(1)
        self._line.addWidget(self.search, 2)
        self.show_no_model()

    def action_specs(self) -> list[ActionSpec]:
        """Return the search."""
        return in_menu(
            "&View", ("search", "Search actions", 20, self.search.open, "Ctrl+K", "search")
        )

    def take(self, book: ActionBook) -> None:
        """Put Run and Stop beside the model, and all actions into the search."""
        for place, (key, role) in enumerate((("run", "primary"), ("stop", "")), start=3):
            self._line.insertWidget(place, _button(book[key], role))
        self.search.book = book

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
            f"{duration(ready.seconds)}\nPress to choose another model."
        )
        self._say(f"{info.name} · {info.device} · {info.dtype} · {size}", tip)
        self._show_parity(ready.parity)

    def _say(self, text: str, tip: str) -> None:
        self.model_button.setText(f"{text}  ▾")
        self.model_button.setToolTip(tip)
        self.model_button.setAccessibleName(f"Model: {text}")

    def _show_parity(self, parity: Parity) -> None:
        lines = [
            "Largest difference of log-probabilities, measured after loading:",
            f"to plain Hugging Face {parity.max_logprob_difference:.1e}",
        ]
        for name, value in (
            ("left-padded against alone", parity.left_padding_difference),
            ("with one pad token", parity.single_pad_difference),
        ):
            if value is not None:
                lines.append(f"{name} {value:.1e}")
        lines.append(f"equal means below {parity.tolerance:.0e}")
        text = "✓ parity" if parity.ok else f"parity off by {parity.max_logprob_difference:.0e}"
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
    button.setToolTip(action_tip(action))
    button.setAccessibleName(button.text())
    button.clicked.connect(action.trigger)
    button.setEnabled(action.isEnabled())
    action.enabledChanged.connect(button.setEnabled)
    return button
