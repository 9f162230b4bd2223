"""Parts of a picture beside each other, or one below the other where the room is too narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QWidget

from desktop_app.support.guard import override

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

Part = tuple[QWidget, int, int, int]
"""A widget, its share of the room that is added, the pixels that it begins with beside the others,
and the height that it needs at least below them, with which it begins there."""

# What of a picture is seen at least above and below its scroll bar: an open form goes first.
_LEAST_SEEN = 48


class Reflow(QSplitter):
    """Cards beside each other with gaps to drag; below each other where they do not fit.

    What is then higher than the room is scrolled by the view around it: so no card is cut.
    """

    def __init__(self, *parts: Part, upright: bool = False) -> None:
        """Take the parts; upright, they stand below each other at any width and begin so high."""
        super().__init__(Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        self.setStyleSheet("QSplitter::handle { background: transparent; }")
        self._parts, self._upright = parts, upright
        self._told: list[int] = []
        self._beside = 0
        # What the user has dragged stays, of each way to stand.
        self._sizes = {
            Qt.Orientation.Horizontal: [size for _part, _share, size, _tall in parts],
            Qt.Orientation.Vertical: [
                size if upright else tall for _part, _share, size, tall in parts
            ],
        }
        for place, (widget, share, _size, _tall) in enumerate(parts):
            self.addWidget(widget)
            self.setStretchFactor(place, share)
        self.setSizes(self._sizes[self.orientation()])
        self.splitterMoved.connect(self._give)

    def is_stacked(self) -> bool:
        """Return whether the parts stand below each other."""
        return self.orientation() == Qt.Orientation.Vertical

    def stand_beside_from(self, width: int) -> None:
        """Let the parts stand below each other where less than this is there, though they fit."""
        self._beside = width
        self._choose()
        self._tell()
        self._give()

    @override
    def minimumSizeHint(self) -> QSize:
        # Narrower than all parts side by side, they go below each other.
        widest = max(map(_least_width, self._shown()), default=0)
        needed = self._needed()
        if not self.is_stacked():
            return QSize(widest, max(needed, default=0))
        return QSize(widest, sum(needed) + self.handleWidth() * max(0, len(needed) - 1))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._choose()
        super().resizeEvent(event)
        self._tell()
        self._give()

    @override
    def event(self, event: QEvent) -> bool:
        asked = event.type() == QEvent.Type.LayoutRequest
        if asked:
            self._choose()
        done = super().event(event)
        if asked:  # a part may need more than before, or less
            self._tell()
            self._give()
        return done

    def _shown(self) -> list[QWidget]:
        return [part for part, *_rest in self._parts if not part.isHidden()]

    def _needed(self) -> list[int]:
        """Return the height that each part needs; a splitter does not ask for bent lines."""
        stacked = self.is_stacked()
        return [
            max(least if stacked else 0, _least_height(part))
            for part, _share, _size, least in self._parts
            if not part.isHidden()
        ]

    def _tell(self) -> None:
        """Tell what is needed at another width."""
        needed = self._needed()
        if needed == self._told:
            return
        self._told = needed
        self.updateGeometry()

    @Slot()
    def _give(self) -> None:
        """Give each part below another what it needs, from those that have more."""
        shown, sizes = self._shown(), self.sizes()
        if not self.is_stacked() or not any(sizes):
            return
        needs = dict(zip(shown, self._needed(), strict=True))
        needed = [needs.get(part, 0) for part, *_rest in self._parts]
        more = [max(size - least, 0) for size, least in zip(sizes, needed, strict=True)]
        spare = sum(sizes) - sum(needed)
        if spare >= 0 and sum(more) > spare:  # some have less
            self.setSizes(
                [least + own * spare // sum(more) for least, own in zip(needed, more, strict=True)]
            )

    def _choose(self) -> None:
        """Stand beside or below each other, as the width has it."""
        shown = self._shown()
        gaps = self.handleWidth() * max(0, len(shown) - 1)
        needed = max(self._beside, sum(map(_least_width, shown)) + gaps)
        stacked = self._upright or self.width() < needed
        if stacked == self.is_stacked():
            return
        self._sizes[self.orientation()] = self.sizes()
        self.setOrientation(Qt.Orientation.Vertical if stacked else Qt.Orientation.Horizontal)
        self.setSizes(self._sizes[self.orientation()])
        self._told = []


class Room(QScrollArea):
    """The room of a picture, in which that scrolls which has no place on the screen.

    Qt's own gives what is inside the height that it would like; here it gets all that there is, and
    only below what it needs does it scroll.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self._content = content
        self.setFrameShape(QFrame.Shape.NoFrame)
        # What is inside takes the focus and is scrolled into sight with it.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)
        for part in (self.viewport(), content):
            part.setAutoFillBackground(False)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, _LEAST_SEEN)

    @override
    def sizeHint(self) -> QSize:
        return self._content.sizeHint()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Give the content the whole room, or what it needs; the bar takes its width first."""
        whole = self.maximumViewportSize()
        if self._needed(whole.width()).height() > whole.height():
            whole.setWidth(whole.width() - self.verticalScrollBar().sizeHint().width())
        needed = self._needed(whole.width())
        if needed.width() > whole.width():
            whole.setHeight(whole.height() - self.horizontalScrollBar().sizeHint().height())
        self._content.resize(needed.expandedTo(whole))

    def _needed(self, width: int) -> QSize:
        layout = self._content.layout()
        if layout is None:
            return self._content.minimumSizeHint()
        needed = layout.totalMinimumSize()
        if layout.hasHeightForWidth():
            tall = layout.totalMinimumHeightForWidth(max(width, needed.width()))
            needed.setHeight(max(tall, needed.height()))
        return needed


def _least_width(widget: QWidget) -> int:
    """Return the width below which a widget is cut."""
    return widget.minimumWidth() or widget.minimumSizeHint().width()


def _least_height(widget: QWidget) -> int:
    """Return the height below which a widget is cut at its width."""
    layout = widget.layout()
    if layout is not None and layout.hasHeightForWidth():
        return max(widget.minimumHeight(), layout.totalMinimumHeightForWidth(widget.width()))
    return widget.minimumHeight() or widget.minimumSizeHint().height()
