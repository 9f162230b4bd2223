"""Banners that lie over a picture instead of pushing it, and let a click under way pass through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal

from desktop_app.support.guard import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

    from desktop_app.widgets.basics.messages import Banner

_WIDEST = 760
_EDGE, _GAP = 10, 6
# So long a click belongs to what was there before: about as long as it takes to see what came.
LETS_THROUGH_MS = 600


class BannerLayer(QObject):
    """Lays banners over the lower end of a widget, one above the other, those given first lowest.

    Nothing beneath moves. A banner that has just come, or says something else now, does not hear
    the mouse for a moment: a click that was aimed at the picture still reaches the picture.

    Signals:
        changed: Banners came, went or take another room.
    """

    changed = Signal()

    def __init__(
        self, host: QWidget, banners: Sequence[Banner], lift: Callable[[], int] | None = None
    ) -> None:
        super().__init__(host)
        self._host = host
        self._banners = list(banners)
        self._lift = lift
        self._height = 0
        self._arming = QTimer(self, singleShot=True, interval=LETS_THROUGH_MS)
        self._arming.timeout.connect(self._arm)
        host.installEventFilter(self)
        for banner in self._banners:
            banner.setProperty("floating", "true")
            banner.setParent(host)
            banner.setVisible(False)
            banner.installEventFilter(self)
            banner.spoken.connect(self._on_spoken)

    def height(self) -> int:
        """Return how much of the widget's lower end is covered."""
        return self._height

    def place(self) -> None:
        """Put the banners that are shown where they belong."""
        room = self._host.width() - 2 * _EDGE
        lift = self._lift() if self._lift is not None else 0
        bottom = self._host.height() - max(_EDGE, lift + _GAP if lift else 0)
        end = bottom
        for banner in self._banners:
            if banner.isHidden():
                continue
            width = max(min(room, _WIDEST), 1)
            tall = max(banner.heightForWidth(width), banner.minimumSizeHint().height())
            banner.resize(width, tall)
            banner.move(QPoint((self._host.width() - width) // 2, end - tall))
            banner.raise_()
            end -= tall + _GAP
        height = 0 if end == bottom else self._host.height() - end - _GAP
        if height != self._height:
            self._height = height
            self.changed.emit()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        match event.type():
            case QEvent.Type.Resize if watched is self._host:
                self.place()
            case QEvent.Type.ShowToParent | QEvent.Type.HideToParent | QEvent.Type.LayoutRequest:
                if watched is not self._host:
                    self.place()
        if event.type() == QEvent.Type.Hide and not any(b.isVisible() for b in self._banners):
            self._arming.stop()
        return super().eventFilter(watched, event)

    def _on_spoken(self) -> None:
        for banner in self._banners:
            banner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, True)
        self._arming.start()
        self.place()

    def _arm(self) -> None:
        for banner in self._banners:
            banner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
