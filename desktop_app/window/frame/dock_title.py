"""The title of a dock: its name, and a clear button to close it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QToolButton

from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.theme import set_role


class DockTitle(QFrame):
    """Stands in for Qt's own title bar; dragging it or a double click floats the dock."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._name = label(dock.windowTitle(), "heading")
        self._close = _button("close", f"Close {dock.windowTitle()}")
        set_role(self, "dock_title")
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 3, 6, 3)
        line.setSpacing(2)
        line.addWidget(self._name)
        line.addStretch(1)
        line.addWidget(self._close)
        self._close.clicked.connect(dock.close)
        dock.windowTitleChanged.connect(self._name.setText)

    def minimumSizeHint(self) -> QSize:
        """Return a size that lets a dock become narrow."""
        return QSize(80, 34)


def _button(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIconSize(QSize(14, 14))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    bind_icon(button, name, "text_muted")
    return button
