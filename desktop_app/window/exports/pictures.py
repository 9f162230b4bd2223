"""A widget as a file: PNG at any scale, SVG and PDF with its lines and letters as such.

What a widget paints with QPainter stays lines, shapes and text in SVG and PDF; cells of a matrix
are one small image that viewers enlarge without blurring it.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QEvent,
    QEventLoop,
    QIODevice,
    QLoggingCategory,
    QMarginsF,
    QPoint,
    QRect,
    QSize,
    QSizeF,
    Qt,
    QTimer,
)
from PySide6.QtGui import QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.contract.registry import ANALYSES
from desktop_app.pictures.naming import result_name
from desktop_app.support.errors import BadInputError, LensbenchError, unfit
from desktop_app.support.files import write_atomically
from desktop_app.support.guard import raising
from desktop_app.views.making import create_view, stand_in_for
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.basics.theme import apply_theme, theme_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtGui import QColor, QPaintDevice

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.theme import ThemeChoice

MAX_SCALE = 4
_DPI = 96
_POINTS = 72
_MARGIN = 12
# Beyond this many pixels a side, few programs open a picture.
_MAX_SIDE = 32_000
# A picture for a page: wide enough for forty layers' labels, and no side list is cut.
_SIZE = (1280, 900)
_SETTLE_MS = 150
# Characters of texts that XML knows no way to write.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def picture_of(widget: QWidget, scale: float = 1.0) -> QImage:
    """Return what a widget shows, drawn anew with `scale` pixels per point.

    Raises:
        BadInputError: It would be too large.
    """
    pixels = pixels_of(widget.size(), scale)
    if max(pixels.width(), pixels.height()) > _MAX_SIDE:
        raise BadInputError(
            f"A picture of {pixels.width():,} × {pixels.height():,} pixels is too large: choose a "
            "smaller scale, or SVG or PDF."
        )
    image = QImage(pixels, QImage.Format.Format_ARGB32_Premultiplied)
    if image.isNull():
        raise BadInputError("There is too little memory for this picture: choose a smaller scale.")
    image.setDevicePixelRatio(scale)
    # Programs that print it take its size from here.
    image.setDotsPerMeterX(round(_DPI * scale / 0.0254))
    image.setDotsPerMeterY(round(_DPI * scale / 0.0254))
    _draw(widget, image)
    return image


def pixels_of(size: QSize, scale: float) -> QSize:
    """Return the pixels of a picture of a widget of that size."""
    whole = size + QSize(2 * _MARGIN, 2 * _MARGIN)
    return QSize(round(whole.width() * scale), round(whole.height() * scale))


def save_picture(widget: QWidget, path: Path, *, scale: float = 1.0, title: str = "") -> None:
    """Write what a widget shows as the ending of `path` says; complete or not at all.

    The widget is laid out but need not be on screen; the scale is a PNG's pixels per point.

    Raises:
        BadInputError: The ending is another one, or the file cannot be written.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise BadInputError(f"“{path}” is no picture: end its name in {', '.join(_WRITERS)}.")
    content = writer(widget, scale, title)
    with write_atomically(path) as file:
        file.write(content)


def _png(widget: QWidget, scale: float, title: str) -> bytes:
    image = picture_of(widget, scale)
    image.setText("Title", title)
    image.setText("Software", "Lensbench")
    buffer = _buffer()
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())


def _svg(widget: QWidget, _scale: float, title: str) -> bytes:
    from PySide6.QtSvg import QSvgGenerator  # noqa: PLC0415 - when the first one is written

    buffer, size = _buffer(), pixels_of(widget.size(), 1)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(QPoint(0, 0), size))
    generator.setResolution(_DPI)
    generator.setTitle(title)
    generator.setDescription("Drawn by Lensbench")
    _draw(widget, generator)
    drawn = bytes(buffer.data().data()).decode("utf-8", "replace")
    return _NO_XML.sub("\ufffd", drawn).encode()


def _pdf(widget: QWidget, _scale: float, title: str) -> bytes:
    buffer, size = _buffer(), pixels_of(widget.size(), 1)
    writer = QPdfWriter(buffer)
    page = QSizeF(size) * _POINTS / _DPI
    exact = QPageSize.SizeMatchPolicy.ExactMatch
    writer.setPageSize(QPageSize(page, QPageSize.Unit.Point, "", exact))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(_DPI)
    writer.setTitle(title)
    writer.setCreator("Lensbench")
    _draw(widget, writer)
    del writer  # the file is whole once its writer is gone
    return bytes(buffer.data().data())


_WRITERS: dict[str, Callable[[QWidget, float, str], bytes]] = {
    ".png": _png,
    ".svg": _svg,
    ".pdf": _pdf,
}


def _buffer() -> QBuffer:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer


def _draw(widget: QWidget, device: QPaintDevice) -> None:
    """Draw a widget with a margin, on the ground that it stands on."""
    painter = QPainter(device)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRect(QPoint(0, 0), pixels_of(widget.size(), 1)), _ground(widget))
    # Moved by the painter: an offset given to `render` is lost on paged devices.
    painter.translate(_MARGIN, _MARGIN)
    try:
        with _whole():
            widget.render(painter, QPoint(0, 0), renderFlags=QWidget.RenderFlag.DrawChildren)
    finally:
        painter.end()


def _ground(widget: QWidget) -> QColor:
    """Return the colour behind a widget: a card's, or the window's."""
    above: QWidget | None = widget
    while above is not None and above.property("role") != "card":
        above = above.parentWidget()
    return theme_hub().current.color("window" if above is None else "panel")


def draw_result(
    result: Result,
    path: Path,
    *,
    scale: float = 2.0,
    theme: ThemeChoice = "light",
    title: str = "",
) -> None:
    """Write the picture of a result as the ending of `path` says; needs no screen and no model.

    Its title is what the history calls the result, else what made it.

    Raises:
        BadInputError: The analysis has no picture, or the file cannot be written.
    """
    analysis = ANALYSES.get(result.analysis) or stand_in_for(result)
    if not analysis.fields:
        raise BadInputError(
            f"Results of “{result.analysis}” have no picture: export them as .npz or .json."
        )
    app = _application(theme)
    view = create_view(analysis, Selection())
    view.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    view.resize(*_SIZE)
    try:
        with _whole():
            view.show_result(result)
            if view.current_result is None:  # it has said why
                raise BadInputError(view.read_out()["failure"])
            view.show()
            let_draw()
        save_picture(view.figure_widget(), path, scale=scale, title=title or result_name(result))
    finally:
        view.close()
        view.deleteLater()
        # Now, while nothing else runs: what is left is not to be found by a thread later.
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@contextlib.contextmanager
def _whole() -> Iterator[None]:
    """Refuse a picture of which a part cannot be drawn, wherever Qt asked for that part."""
    try:
        with raising():
            yield
    except LensbenchError:
        raise
    except Exception as error:
        raise BadInputError(unfit(error)) from error


def _application(theme: ThemeChoice) -> QApplication:
    """Return the application; made without a screen where there is none yet."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # That platform says of every window that it cannot pass on its smallest size.
    QLoggingCategory.setFilterRules("default.warning=false")
    app = QApplication(["lensbench"])
    apply_theme(app, theme)
    return app


def let_draw() -> None:
    """Give what is shown time to lay itself out and draw."""
    loop = QEventLoop()
    QTimer.singleShot(_SETTLE_MS, loop.quit)
    loop.exec()
    QApplication.sendPostedEvents()
