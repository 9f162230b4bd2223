"""How a page of ours looks: Markdown in the letters, sizes and lines of the window."""

from __future__ import annotations

from PySide6.QtGui import (
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)

from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub

MARGIN = 4
_HEADING_PIXELS = {1: 19, 2: 15, 3: 13}
_BODY_PIXELS = 13


def show_page(document: QTextDocument, markdown: str, zoom: int = 100) -> None:
    """Show a page that comes with the program; `zoom` is how large letters are, in percent."""
    document.setDefaultFont(ui_font(_pixels(_BODY_PIXELS, zoom)))
    document.setDocumentMargin(MARGIN)
    document.setIndentWidth(16)
    document.setMarkdown(markdown, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
    _set_blocks(document, zoom)
    _set_tables(document)


def _pixels(usual: int, zoom: int) -> int:
    return max(6, round(usual * zoom / 100))


def _set_blocks(document: QTextDocument, zoom: int) -> None:
    """Give headings and paragraphs the sizes and distances of the window."""
    block = document.begin()
    while block.isValid():
        level = block.blockFormat().headingLevel()
        shape = QTextBlockFormat()
        shape.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        in_table = QTextCursor(block).currentTable() is not None
        shape.setTopMargin(12 if level > 1 else 0)
        below = 4 if level or block.textList() is not None else 8
        shape.setBottomMargin(0 if in_table else below)
        cursor = QTextCursor(block)
        cursor.mergeBlockFormat(shape)
        if level:
            end = QTextCursor.MoveOperation.EndOfBlock
            cursor.movePosition(end, QTextCursor.MoveMode.KeepAnchor)
            look = QTextCharFormat()
            look.setFont(ui_font(_pixels(_HEADING_PIXELS.get(level, 13), zoom), "semibold"))
            # Replaced, not merged: a heading's relative size would win over the font.
            cursor.setCharFormat(look)
        block = block.next()


def _set_tables(document: QTextDocument) -> None:
    """Draw tables with thin lines over the whole width."""
    for frame in document.rootFrame().childFrames():
        if not isinstance(frame, QTextTable):
            continue
        shape = frame.format()
        shape.setBorder(1)
        shape.setBorderCollapse(True)
        shape.setBorderBrush(theme_hub().current.color("border"))
        shape.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        shape.setCellPadding(5)
        shape.setCellSpacing(0)
        shape.setTopMargin(4)
        shape.setBottomMargin(8)
        shape.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        frame.setFormat(shape)
