"""Small pieces that several parts of the window are made of."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QAction


def tool_button(action: QAction, *, size: int = 18) -> QToolButton:
    """Return a flat button for an action, with its name and shortcut in the tooltip."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIconSize(QSize(size, size))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAccessibleName(action.text().replace("&", ""))
    button.setToolTip(action_tip(action))
    return button


def action_tip(action: QAction) -> str:
    """Return an action's name with its shortcut."""
    name = action.text().replace("&", "").rstrip("…")
    keys = action.shortcut().toString()
    return f"{name} ({keys})" if keys else name


def human_bytes(count: float) -> str:
    """Return a number of bytes in words, in powers of ten as models are counted."""
    if count >= 1e8:
        return f"{count / 1e9:.2f} GB" if count < 1e10 else f"{count / 1e9:.0f} GB"
    return f"{count / 1e6:.0f} MB"


def human_count(count: int) -> str:
    """Return a number of parameters in words."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f} B"
    return f"{count / 1e6:.0f} M" if count >= 10_000_000 else f"{count / 1e6:.1f} M"


def app_version() -> str:
    """Return the program's version, `unknown` where it was never installed."""
    try:
        return version("lensbench")
    except PackageNotFoundError:
        return "unknown"


def line_of(*parts: QWidget | tuple[QWidget, int]) -> QHBoxLayout:
    """Return widgets side by side, each with a share of the room where it is given one."""
    line = QHBoxLayout()
    line.setSpacing(8)
    for part in parts:
        widget, stretch = part if isinstance(part, tuple) else (part, 0)
        line.addWidget(widget, stretch, Qt.AlignmentFlag.AlignVCenter)
    return line
