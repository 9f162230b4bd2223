"""The parts of the frame around every analysis: heading, settings, notices, dimmed picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QToolButton,
    QWidget,
)

from desktop_app.pictures.origin import OTHER_MODEL, OTHER_PROMPTS, OTHER_SETTINGS, listed
from desktop_app.pictures.words import (
    clipped,
    notice_words,
    run_words,
    settings_sentence,
    without_flags,
)
from desktop_app.support import installed
from desktop_app.support.guard import override
from desktop_app.widgets.basics.chip import ChipSpec
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.widgets.forms.params_form import FormScroll, ParamsForm

if TYPE_CHECKING:
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Notice
    from desktop_app.contract.spec import Analysis
    from desktop_app.pictures.origin import Difference
    from desktop_app.widgets.basics.layouts import Part

# Notices that tell rather than warn.
_CALM = frozenset(
    {"bos_added", "reference_is_self", "answer_multi_token", "answer_respelt", "means_pooled"}
)
_GRAVE = frozenset({"not_finite", "parity", "answer_shared_prefix", "answer_unusable", "too_long"})
# What is left of a picture where the form above it is high.
# A code that is longer than any of ours stands in a stranger's file.
_CODE = 60


class ElidedLabel(PlainLabel):
    """One line that gives up its end rather than its neighbours' room; the tooltip has it all."""

    def __init__(self, text: str = "", role: str = "muted", parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._full = self._short = ""
        set_role(self, role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_full_text(text)

    def full_text(self) -> str:
        """Return the text without the cut."""
        return self._full

    def set_full_text(self, text: str, short: str = "") -> None:
        """Show a text as far as there is room; a shorter one where it would be cut."""
        self._full, self._short = clipped(text), clipped(short)
        self.setAccessibleName(self._full)
        self._elide()

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().sizeHint().height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics = QFontMetrics(self.font())
        width = max(0, self.width())
        is_cut = metrics.horizontalAdvance(self._full) > width
        text = self._short if is_cut and self._short else self._full
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
        self.setText(shown)
        self.setToolTip(plain_tip(self._full if shown != self._full else ""))


class Heading(QWidget):
    """Title, one sentence, the whole window, help and the Run button."""

    def __init__(self, analysis: Analysis, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = PlainLabel(analysis.title)
        set_role(title, "title")
        self.summary = ElidedLabel(analysis.summary, "muted")
        told = f"What {analysis.title.lower()} means: formula, signs, pitfalls"
        self.help_button = icon_button("help", told, words=f"Help on {analysis.title}")
        self.run_button = QPushButton("Run")
        set_role(self.run_button, "primary")
        bind_icon(self.run_button, "run", "accent_text")
        self.run_button.setAccessibleName(run_words(analysis))
        self.run_button.setToolTip(plain_tip(f"{run_words(analysis)} with these settings"))
        self.whole_button = QToolButton()
        self.show_whole(False)
        buttons = row_in(None, self.whole_button, self.help_button, spacing=2)
        row_in(self, title, (self.summary, 1), buttons, self.run_button, spacing=10)

    def show_whole(self, whole: bool) -> None:
        """Have the button offer the whole window to the picture, or the panels again."""
        bind_icon(self.whole_button, "whole-back" if whole else "whole")
        words = "Show panels and bars again" if whole else "Give the picture the whole window"
        self.whole_button.setToolTip(plain_tip(f"{words} (F11)"))
        self.whole_button.setAccessibleName(words)


class SettingsFold(QWidget):
    """The settings as one line of words that opens into the form."""

    def __init__(self, analysis: Analysis, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = ParamsForm(analysis.params)
        words = f"Settings of {analysis.title}"
        self._toggle = icon_button("sliders", "Show or hide the settings", words=words)
        self._toggle.setCheckable(True)
        self.sentence = ElidedLabel("", "muted")
        self.sentence.setCursor(Qt.CursorShape.PointingHandCursor)
        self.sentence.installEventFilter(self)
        self._box = FormScroll(self.form)
        self._box.setVisible(False)
        line = row_in(None, self._toggle, (self.sentence, 1), spacing=6)
        column_in(self, line, self._box, spacing=6)
        self._extra = ""
        self._toggle.toggled.connect(self.set_open)
        self.form.changed.connect(self._on_changed)
        self._on_changed()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._box.watch(self.parentWidget() or self)

    def is_open(self) -> bool:
        """Return whether the form is shown."""
        return not self._box.isHidden()

    def set_open(self, value: bool) -> None:
        """Show or hide the form; the sentence stays."""
        if not value and self._box.isAncestorOf(self.window().focusWidget()):
            self._toggle.setFocus()  # hidden it would hand the keyboard on to another room
        self._toggle.setChecked(value)
        self._box.setVisible(value)

    def show_field(self, name: str, *, unfold: bool = True) -> None:
        """Open the form, unfold its options, and give a field the keyboard."""
        self.set_open(True)
        if unfold:
            self.form.set_folded(False)
        self._box.show_part(self.form.editor(name))
        self.form.editor(name).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_params(self, params: Params) -> None:
        """Fill the form."""
        self.form.set_value(params)
        self._on_changed()

    def set_extra(self, words: str) -> None:
        """Say something beside the settings; empty: nothing."""
        if words != self._extra:
            self._extra = words
            self._on_changed()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.sentence and event.type() == QEvent.Type.MouseButtonRelease:
            self.set_open(not self.is_open())
            return True
        return super().eventFilter(watched, event)

    def _on_changed(self) -> None:
        params = self.form.try_value()
        if params is None:
            self.sentence.set_full_text("A setting needs attention")
        else:
            words = filter(None, (settings_sentence(params), self._extra))
            self.sentence.set_full_text(" · ".join(words))


class RunButton(QPushButton):
    """A button of a picture that leads to a run: off, with the reason, where nothing can run."""

    _lacking = ""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._lacking = installed.compute_problem() or ""
        self.setEnabled(True)

    @override
    def setEnabled(self, value: bool, /) -> None:
        super().setEnabled(value and not self._lacking)
        self._say_why()

    @override
    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.ToolTipChange:
            self._say_why()
        return done

    def _say_why(self) -> None:
        if self._lacking and self.toolTip() != plain_tip(self._lacking):
            self.setToolTip(plain_tip(self._lacking))


class Veil(QWidget):
    """A wash over a picture that is being computed anew; the old one stays readable below."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._covered = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setVisible(False)
        parent.installEventFilter(self)

    def set_shown(self, shown: bool, text: str = "Computing…") -> None:
        """Lay the wash over the picture, or take it away."""
        self.setAccessibleName(text)
        self.setGeometry(self._covered.rect())
        self.setVisible(shown)
        self.update()
        if shown:
            self.raise_()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._covered and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._covered.rect())
        return super().eventFilter(watched, event)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wash = QColor(theme.color("window"))
        wash.setAlpha(165)
        painter.fillRect(self.rect(), wash)
        painter.setFont(ui_font(13, "medium"))
        text = self.accessibleName()
        width = painter.fontMetrics().horizontalAdvance(text) + 36
        box = QRect(0, 0, width, 34)
        box.moveCenter(self.rect().center())
        painter.setPen(theme.color("border_strong"))
        painter.setBrush(theme.color("raised"))
        painter.drawRoundedRect(box, 8, 8)
        painter.setPen(theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def gap_splitter(orientation: Qt.Orientation, *parts: tuple[QWidget, int, int]) -> QSplitter:
    """Return a splitter whose handle is the empty room between two cards.

    Each part has its share of the room that is added, and the pixels it begins with.
    """
    splitter = QSplitter(orientation)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(8)
    splitter.setStyleSheet("QSplitter::handle { background: transparent; }")
    for place, (widget, share, _size) in enumerate(parts):
        splitter.addWidget(widget)
        splitter.setStretchFactor(place, share)
    splitter.setSizes([size for _widget, _share, size in parts])
    return splitter


def scrolled(inside: QWidget, name: str = "") -> QScrollArea:
    """Return a widget in a frameless room that scrolls up and down."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    area.setAccessibleName(name)
    if not name:  # what is inside takes the keyboard, and is scrolled into sight with it
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    # What lies beneath shows through, a card or the window.
    for part in (area.viewport(), inside):
        part.setAutoFillBackground(False)
    return area


def panel(*parts: Part, margins: int = 12, spacing: int = 8) -> QFrame:
    """Return a framed panel with parts one below the other."""
    frame = QFrame()
    set_role(frame, "card")
    column_in(frame, *parts, spacing=spacing, margins=margins)
    return frame


def label(text: str = "", role: str = "muted", *, wrap: bool = False) -> QLabel:
    """Return a label in one of the theme's roles; texts are never read as markup."""
    made = PlainLabel(text)
    set_role(made, role)
    made.setWordWrap(wrap)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return made


def severity(code: str) -> str:
    """Return how grave a notice is, for the colour of its chip."""
    if code in _GRAVE:
        return "bad"
    return "info" if code in _CALM else "warn"


def by_code(notices: tuple[Notice, ...]) -> dict[str, list[Notice]]:
    """Gather notices under their codes, in the order in which the codes first come."""
    found: dict[str, list[Notice]] = {}
    for notice in notices:
        found.setdefault(notice.code, []).append(notice)
    return found


def notice_chip(code: str, group: list[Notice]) -> ChipSpec:
    """Return one chip for all notices of a code; its fix repairs every prompt that has one."""
    fixes = sum(notice.fix is not None for notice in group)
    told = list(dict.fromkeys(clipped(without_flags(notice.message)) for notice in group))
    more = f"\n… and {len(told) - 4} more" if len(told) > 4 else ""
    return ChipSpec(
        code=code,
        text=clipped(notice_words(code), _CODE) + (f" ×{len(group)}" if len(group) > 1 else ""),
        severity=severity(code),
        tooltip="\n".join(told[:4]) + more,
        fix_label="" if not fixes else "Fix" if fixes == 1 else f"Fix all {fixes}",
    )


def source_chips(difference: Difference) -> list[ChipSpec]:
    """Return a chip for what made a picture and is another now; the first offers to run again."""
    model, again = difference.model, "Run it again"
    told = {
        OTHER_MODEL: (f"Made with {model}", f"{again}, or open that model."),
        OTHER_SETTINGS: (
            "Made with other settings",
            f"{listed(difference.settings)}\n{again}, or set the form back.",
        ),
        OTHER_PROMPTS: (
            "Made for other prompts",
            "The prompt table holds other prompts, corrupt twins or answers now than when this "
            f"was computed. {again}, or set the table back.",
        ),
    }
    codes = difference.codes()
    return [
        ChipSpec(code, told[code][0], "warn", told[code][1], "" if place else "Run again")
        for place, code in enumerate(codes)
    ]
