"""Words from the application: banners above a picture, empty places, badges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from desktop_app.pictures.words import clipped, number
from desktop_app.widgets.basics.icons import Sign, icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# From here on two rankings are said to agree.
_AGREE = 0.8
_BADGE = 60
_ESTIMATE_TIP = (
    "Gradient estimates: exact only where the metric is linear in the activation. Believe the "
    "order more than the numbers."
)
_GOING_TIP = "Estimates from gradients stand here until the exact values replace them."
_AGREEMENT_TIP = (
    "Spearman's rank correlation over all cells between the gradient estimate that came first and "
    "the exact values that are shown."
)


class Banner(QFrame):
    """One sentence with its severity, what can be done about it, and a way to dismiss it.

    Hidden until it has something to say.

    Signals:
        action_clicked: The code of the action that was chosen.
        spoken: It says something new.
    """

    action_clicked = Signal(str)
    spoken = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: list[QPushButton] = []
        self._mark, self._label = Sign(16), PlainLabel()
        self._close = icon_button("close", "Dismiss", "text_muted", words="Dismiss this notice")
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        middle = Qt.AlignmentFlag.AlignVCenter
        self._row = row_in(
            self,
            (self._mark, 0, middle),
            (self._label, 1),
            (self._close, 0, middle),
            margins=(12, 6, 8, 6),
        )
        self._close.clicked.connect(self.dismiss)
        self.setVisible(False)

    def show_message(
        self,
        text: str,
        severity: str = "info",
        actions: Sequence[tuple[str, str]] = (),
        *,
        dismissible: bool = True,
    ) -> None:
        """Say what is wrong and what to do, with a button for each (code, label) of the actions."""
        self.setProperty("severity", severity)
        set_role(self, "banner")
        self._mark.set_severity(severity)
        self._label.setText(text)
        self.setAccessibleName(f"{severity}: {clipped(text)}")
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = [self._add_action(code, label) for code, label in actions]
        self._close.setVisible(dismissible)
        self.setVisible(True)
        self.spoken.emit()

    def offers(self, code: str) -> bool:
        """Return whether it is shown with the action of that code."""
        codes = [button.property("code") for button in self._buttons]
        return not self.isHidden() and code in codes

    def text(self) -> str:
        """Return what it says."""
        return self._label.text()

    def dismiss(self) -> None:
        """Close it."""
        self.setVisible(False)

    def _add_action(self, code: str, label: str) -> QPushButton:
        button = QPushButton(label)
        button.setProperty("code", code)
        button.clicked.connect(self._on_action)
        self._row.insertWidget(self._row.count() - 1, button)
        return button

    @Slot()
    def _on_action(self) -> None:
        button = self.sender()
        if button is not None:
            self.action_clicked.emit(str(button.property("code")))


class EmptyState(QWidget):
    """What stands where there is nothing yet: a sign, a title, a sentence, the next step.

    Signals:
        action_clicked: The next step was chosen.
    """

    action_clicked = Signal()

    def __init__(self, icon_name: str, title: str, sentence: str, action_label: str = "") -> None:
        super().__init__()
        self._mark, self._title, self._sentence = Sign(32), PlainLabel(), PlainLabel()
        self._action = QPushButton()
        set_role(self._title, "title")
        set_role(self._sentence, "muted")
        set_role(self._action, "primary")
        # Not aligned but between two springs: for an aligned label the layout asks for its size
        # hint and not for its height at a width, and cuts the last line off.
        words = []
        for part in (self._title, self._sentence):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            part.setWordWrap(True)
            part.setMaximumWidth(420)
            words.append(row_in(None, None, (part, 1000), None))
        middle = Qt.AlignmentFlag.AlignHCenter
        self._column = column_in(self, (None, 2), (self._mark, 0, middle), *words, margins=24)
        column = self._column
        column.addSpacing(8)
        column.addWidget(self._action, 0, middle)
        column.addStretch(3)
        self._action.clicked.connect(self.action_clicked)
        self.set_content(icon_name, title, sentence, action_label)

    def set_content(
        self, icon_name: str, title: str, sentence: str, action_label: str = ""
    ) -> None:
        """Say something else; without a label there is no button."""
        self._mark.set_icon(icon_name, "text_muted")
        self._title.setText(title)
        self._sentence.setText(sentence)
        self._action.setText(action_label)
        self._action.setVisible(bool(action_label))
        self.setAccessibleName(title)
        self.setAccessibleDescription(sentence)

    def add_way(self, button: QPushButton) -> None:
        """Offer another step beneath the next one."""
        # Framed, as it stands alone beneath words and would pass for more of them.
        self._column.insertWidget(
            self._column.count() - 1, button, 0, Qt.AlignmentFlag.AlignHCenter
        )


class Badge(PlainLabel):
    """One or two words about a thing, such as `parity 2e-6`, in the colour of their severity."""

    def __init__(self, text: str = "", severity: str = "good", tooltip: str = "") -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(20)
        self.set_badge(text, severity, tooltip)

    def set_badge(self, text: str, severity: str = "good", tooltip: str = "") -> None:
        """Say something else."""
        text = clipped(text, _BADGE)
        self.setText(text)
        self.setToolTip(plain_tip(tooltip))
        self.setAccessibleName(f"{text} ({severity})")
        self.setProperty("severity", severity)
        set_role(self, "badge")


class EstimateBadge(Badge):
    """Shown only where there is something to say: `estimate`, or the agreement of both."""

    def __init__(self) -> None:
        super().__init__()
        self.setVisible(False)

    def show_data(self, data: Mapping[str, Any], *, filling: bool = False) -> None:
        """Say what a result is; `filling` while exact values replace an estimate."""
        if data.get("estimated") or filling:
            tip = _GOING_TIP if filling else _ESTIMATE_TIP
            self.set_badge("estimate", "warn", tip)
            self.setVisible(True)
            return
        rho = agreement(data)
        if rho is not None:
            self.set_badge(
                agreement_sentence(rho), "good" if rho >= _AGREE else "info", _AGREEMENT_TIP
            )
        self.setVisible(rho is not None)


def agreement(data: Mapping[str, Any]) -> float | None:
    """Return the rank correlation of estimate and exact values, or None where there is none."""
    value = data.get("preview_agreement")
    if value is None or not math.isfinite(float(value)):
        return None
    return float(value)


def agreement_sentence(rho: float) -> str:
    """Say how well the estimate ranked the cells."""
    words = "estimate and exact agree" if rho >= _AGREE else "estimate against exact"
    return f"{words}: ρ = {number(rho, 2)}"
