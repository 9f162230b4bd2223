"""A prompt and its corrupt twin whole, one below the other, where a table has no room for them."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from desktop_app.widgets.basics.theme import set_role

_SHORT = 30  # up to so many letters the table itself has room
_HEIGHT = 72
_NAMES = "prompt", "twin"


class PairPane(QPlainTextEdit):
    """Two texts that wrap, each behind its name; no height where the table has room for them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts = "", ""
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        set_role(self, "mono")
        self.setAccessibleName("The chosen prompt and its twin, whole")
        self.setFixedHeight(_HEIGHT)
        self.hide()

    def show_texts(self, prompt: str, twin: str) -> None:
        """Show two texts; short ones are in the table already."""
        if (prompt, twin) != self._texts:
            self._texts = prompt, twin
            width = max(map(len, _NAMES))
            told = zip(_NAMES, self._texts, strict=True)
            self.setPlainText("\n".join(f"{name:<{width}}  {text}" for name, text in told))
        self.setVisible(max(len(prompt), len(twin)) > _SHORT)

    def texts(self) -> tuple[str, str]:
        """Return what is shown; empty texts where the table has room."""
        return ("", "") if self.isHidden() else self._texts
