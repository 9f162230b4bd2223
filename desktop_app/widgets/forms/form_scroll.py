"""The open form of a view: never so high that it crushes the picture below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from desktop_app.widgets.basics.theme import set_role

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.widgets.forms.params_form import ParamsForm

# How much of a view its open form may take, and what a row of fields needs in any case.
_SHARE = 0.36
_LEAST = 90
_MARGIN = 10


class FormScroll(QFrame):
    """A form as high as it needs to be, up to a share of the view; beyond that it scrolls."""

    def __init__(self, form: ParamsForm) -> None:
        super().__init__()
        set_role(self, "card")
        self._form = form
        self._view: QWidget | None = None
        self._wanted = _LEAST
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(form)
        self._scroll.viewport().setAutoFillBackground(False)
        form.setAutoFillBackground(False)
        inner = QVBoxLayout(self)
        inner.setContentsMargins(12, _MARGIN, 4, _MARGIN)
        inner.addWidget(self._scroll)
        form.installEventFilter(self)

    def watch(self, view: QWidget) -> None:
        """Take the share from this widget's height."""
        self._view = view
        view.installEventFilter(self)
        self.fit()

    def fit(self) -> None:
        """Take the height that the form needs, or the share of the view."""
        # As wide as with a scroll bar, or the bar would come and go with the width it takes.
        bar = self._scroll.verticalScrollBar().sizeHint().width()
        width = max(self.width() - 16 - bar, 1)
        needed = self._form.heightForWidth(width) + 2 * _MARGIN + 2
        most = needed if self._view is None else int(_SHARE * self._view.height())
        self._wanted = min(needed, max(most, _LEAST))
        self.setMaximumHeight(self._wanted)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the height that the form needs, or the share of the view."""
        return QSize(super().sizeHint().width(), self._wanted)

    def minimumSizeHint(self) -> QSize:
        """Return the height of a row of fields: where it is tight, the form scrolls first."""
        return QSize(super().minimumSizeHint().width(), min(self._wanted, _LEAST))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew for the new size."""
        super().resizeEvent(event)
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the height of the view, and fields that come and go."""
        kind = QEvent.Type.LayoutRequest if watched is self._form else QEvent.Type.Resize
        if event.type() == kind:
            self.fit()
        return super().eventFilter(watched, event)
