"""The page of texts: all continuations step by step, their strength, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.steer.findings_picture import cards_of, headline
from desktop_app.analyses.steer.going_on import begun_anew, continued
from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.page import SteerPage
from desktop_app.analyses.steer.picture import begin_of, effect_badge, outcome_sentence
from desktop_app.analyses.steer.reading_pane import ReadingPane
from desktop_app.analyses.steer.said import NAMES, continuations, partings
from desktop_app.analyses.steer.scale_bar import ScaleBar
from desktop_app.analyses.steer.step_strips import StepStrips
from desktop_app.analyses.steer.strength import strength_of, with_strength
from desktop_app.analyses.steer.strength_row import StrengthRow
from desktop_app.analyses.steer.texts_figure import TextsFigure
from desktop_app.analyses.steer.tints import MEANINGS, TITLES, TintName, tint_of, tints_there
from desktop_app.analyses.steer.token_side import TokenSide
from desktop_app.analyses.steer.words import done_words
from desktop_app.pictures.shown import SoFar
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import plural, shorten
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.chip import ChipRow, ChipSpec
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout, PageStack, column_in, row_in
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.steer.said import Continuation
    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import Result
    from desktop_app.pictures.shown import Shown

_PROMPT = 60
_PLAIN = "no intervention, the model speaks for itself"


class TextsPage(SteerPage):
    """Strips at the left, the chosen token beside them."""

    name = "texts"
    title = "Texts"

    def __init__(self) -> None:
        super().__init__()
        self._result: Result | None = None
        self._params: SteerParams | None = None
        self._told: list[Continuation] = []
        self._prompt = 0
        self._by_itself = True
        self._grows = self._streams = False
        self._offered: list[TintName] = []
        self._figure: TextsFigure | None = None
        self._tint = tint_of("own", ())
        self._outcome, self._done = ElidedLabel("", "heading"), ElidedLabel("", "muted")
        self._badge, self._strength = Badge(), StrengthRow()
        self._badge.setVisible(False)
        self._outcome.setMinimumHeight(self._badge.sizeHint().height())
        self._findings = ChipRow()
        self._look = SegmentedControl([("strips", "Tokens"), ("text", "Text")])
        self._look.setToolTip("Token by token, aligned by step, or as texts to read and copy")
        self._colour = SegmentedControl([(name, title) for name, title in TITLES.items()])
        for name, meaning in MEANINGS.items():
            self._colour.set_option_enabled(name, True, f"Colour by {meaning}")
        self._more, self._anew = QPushButton("Continue"), QPushButton("Begin anew")
        bind_icon(self._more, "play")
        bind_icon(self._anew, "reset")
        self._anew.setToolTip(plain_tip("Generate again without the tokens that were given"))
        self._strips, self._text, self._scale = StepStrips(), ReadingPane(), ScaleBar()
        self._side = TokenSide()
        self._build()
        self._connect()
        self.forget()

    def _build(self) -> None:
        choices = QWidget()
        flow = FlowLayout(choices, 8)
        for part in (self._look, self._colour, self._more, self._anew):
            flow.addWidget(part)
        strips = QWidget()
        column_in(strips, (self._strips, 1), self._scale, spacing=4)
        self._stack = PageStack(strips, self._text)
        left = panel(choices, (self._stack, 1))
        split = Reflow((left, 3, 640, 330), (panel(self._side), 2, 320, 300))
        middle = Qt.AlignmentFlag.AlignVCenter
        said = (self._badge, 0, middle), (self._findings, 0, middle)
        head = row_in(None, (self._outcome, 1), *said, spacing=8)
        column_in(self, head, self._done, self._strength, (split, 1), spacing=4)

    def _connect(self) -> None:
        self._findings.chip_clicked.connect(self.turn_wanted)
        self._strength.chosen.connect(self._on_strength)
        self._look.changed.connect(self._on_look)
        self._colour.changed.connect(self._on_colour)
        self._more.clicked.connect(self._on_more)
        self._anew.clicked.connect(self._on_anew)
        self._strips.token_chosen.connect(self._on_chosen)
        self._strips.token_activated.connect(self._on_activated)
        self._strips.copy_wanted.connect(self.copy)
        self._side.id_wanted.connect(self._on_id)
        self._side.text_wanted.connect(self._on_text)
        self._side.copy_wanted.connect(self._on_copy)

    # What it is told.

    @override
    def take_params(self, params: SteerParams | None) -> None:
        self._params = params
        self._strength.show_strength(None if params is None else strength_of(params))

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        look = choices.get("look")
        if look in {"strips", "text"}:
            self._look.set_value(look)
            self._draw()

    @override
    def expect_run(self) -> None:
        self._grows = False

    @override
    def show_result(self, result: Result, prompt: int) -> None:
        self._result, self._grows, self._streams = result, False, False
        self._show(result, prompt, made_params(result.params), begin_of(result))
        self._show_findings(result)
        self._more.setEnabled(True)
        self._side.setEnabled(True)
        self._anew.setVisible(bool(begin_of(result)))
        if self._by_itself or self._strips.chosen() is None:
            self._choose_first()

    @override
    def show_so_far(self, data: Mapping[str, Any], prompt: int) -> None:
        begin = () if self._params is None else self._params.begin
        self._streams = True
        self._show(SoFar(data), prompt, self._params, begin)
        self._grows = True
        # What is not there yet cannot be gone on from.
        self._more.setEnabled(False)
        self._side.setEnabled(False)

    @override
    def forget(self) -> None:
        self._result, self._streams = None, False
        self._by_itself = True
        self._told = []
        self._outcome.set_full_text("")
        self._done.set_full_text("")
        self._badge.setVisible(False)
        self._anew.setVisible(False)
        self._show_findings(None)
        self._draw()

    @override
    def figure(self) -> QWidget | None:
        if not self._told:
            return None
        if self._figure is None:
            self._figure = TextsFigure(self)
        if self._look.value() == "text":
            self._figure.draw_text(self._text.document())
        else:
            self._figure.draw_strips(self._told, partings(self._told), self._tint, self._scale)
        said = self._outcome.full_text(), self._done.full_text()
        self._figure.fit(*said, self._stack.width())
        return self._figure

    @override
    def read(self) -> dict[str, Any]:
        return {
            "outcome": self._outcome.full_text(),
            "done": self._done.full_text(),
            "badge": "" if self._badge.isHidden() else self._badge.text(),
            "texts": self._strips.texts(),
            "numbers": self._strips.numbers(),
            "partings": dict(partings(self._told)),
            "said": {one.run: one.text for one in self._told},
            "chosen": self._strips.chosen(),
            "look": self._look.value(),
            "colour": self._colour.value(),
            "scale": self._scale.words(),
            "reading": self._text.toPlainText(),
            "findings_chip": [chip.text() for chip in self._findings.chips()],
            "strength": None if self._strength.isHidden() else self._strength.value(),
            "begun": not self._anew.isHidden(),
            **self._side.read(),
        }

    def copy(self, run: str) -> None:
        """Put the text of a run into the clipboard."""
        one = self._of(run)
        if one is not None:
            QGuiApplication.clipboard().setText(one.text)
            self.message.emit(f"{NAMES[one.run]}: the continuation is in the clipboard.")

    # Within.

    def _show_findings(self, result: Result | None) -> None:
        """Say how many of the experiments hold, where they were made; a click shows them."""
        found = () if result is None else cards_of(result.data)
        held = sum(card.holds is True for card in found)
        severity = "bad" if any(card.holds is False for card in found) else "good"
        text = f"{held} of {plural(len(found), 'experiment')}"
        chip = ChipSpec("findings", text, severity, headline(found) if found else "")
        self._findings.set_chips([chip] if found else [])
        self._findings.setVisible(bool(found))

    def _show(
        self, shown: Shown, prompt: int, params: SteerParams | None, begin: tuple[str, ...]
    ) -> None:
        self._prompt = prompt
        known = self._told if self._grows else ()
        self._told = continuations(shown, prompt, begin, known)
        self._outcome.set_full_text(outcome_sentence(self._told))
        before = ""
        if shown.prompts:
            record = shown.prompts[prompt]
            which = f" (prompt {prompt + 1} of {len(shown.prompts)})"
            which = which if len(shown.prompts) > 1 else ""
            before = f"After “{shorten(display_text(record.text), _PROMPT)}”{which}: "
        whole = self._result is not None and shown is self._result
        acts = shown.data.get("acts") or ()
        done = (done_words(params, acts) or _PLAIN) if whole or params is not None else ""
        self._done.set_full_text(f"{before}{done}")
        badge = effect_badge(self._told, params) if whole and params is not None else None
        self._badge.setVisible(badge is not None)
        if badge is not None:
            self._badge.set_badge(badge.text, badge.severity, badge.tooltip)
        self._draw()

    def _draw(self) -> None:
        there, parts = tints_there(self._told), partings(self._told)
        if self._streams:  # the choice and what is beneath it stay where they are
            there = [known for known in TITLES if known in there or known in self._offered]
        self._offered = there
        for known in TITLES:
            self._colour.set_option_shown(known, known in there)
        if self._colour.value() not in there:
            self._colour.set_value("own")
        self._colour.setVisible(len(there) > 1 and self._look.value() == "strips")
        name: TintName = self._colour.value()
        tint = self._tint = tint_of(name, self._told)
        self._strips.show_runs(self._told, parts, tint)
        self._scale.show_tint(
            tint,
            parts=any(at is not None for at in parts.values()),
            given=any(token.given for one in self._told for token in one.tokens),
        )
        reads = self._look.value() == "text"
        if reads:
            self._text.show_runs(self._text_before(), self._told, parts)
        self._stack.setCurrentIndex(int(reads))
        self._show_token()

    def _text_before(self) -> str:
        result = self._result
        if result is None or self._prompt >= len(result.prompts):
            return ""
        return result.prompts[self._prompt].text

    def _show_token(self) -> None:
        chosen = self._strips.chosen()
        one = None if chosen is None else self._of(chosen[0])
        if chosen is None or one is None:
            self._side.show_token(None, 0, None)
        else:
            self._side.show_token(one, chosen[1], partings(self._told).get(one.run))

    def _of(self, run: str) -> Continuation | None:
        return next((one for one in self._told if one.run == run), None)

    # What is done to it.

    def _choose_first(self) -> None:
        """Choose the token where the steered text parts from the plain one, else the first."""
        at = partings(self._told).get("steered")
        if at is not None and self._of("steered") is not None:
            self._strips.choose("steered", at)
        elif self._told:
            self._strips.choose(self._told[0].run, 0)
        self._by_itself = True
        self._show_token()

    def _on_look(self, look: str) -> None:
        self._draw()
        self.choice_made.emit({"look": look})

    def _on_colour(self, _name: object) -> None:
        self._draw()

    def _on_chosen(self, _run: str, _step: int) -> None:
        self._by_itself = False
        self._show_token()

    def _on_activated(self, _run: str, _step: int) -> None:
        self._show_token()
        self._side.begin_typing()

    def _on_strength(self, value: float) -> None:
        if self._params is not None:
            self.run_wanted.emit({**with_strength(self._params, value), "begin": ()})

    def _on_more(self) -> None:
        if self._result is None:
            return
        changes = continued(self._result)
        if isinstance(changes, str):
            self.message.emit(changes)
        else:
            self.run_wanted.emit(changes)

    def _on_anew(self) -> None:
        self.run_wanted.emit({"begin": ()})

    def _on_id(self, id_: int) -> None:
        self._say_instead((id_,), "")

    def _on_text(self, text: str) -> None:
        self._say_instead((), text)

    def _say_instead(self, ids: tuple[int, ...], text: str) -> None:
        chosen = self._strips.chosen()
        one = None if chosen is None else self._of(chosen[0])
        if self._result is not None and chosen is not None and one is not None:
            asked = begun_anew(self._result, one, self._prompt, chosen[1], ids, text)
            self.run_wanted.emit(asked)

    def _on_copy(self) -> None:
        chosen = self._strips.chosen()
        if chosen is not None:
            self.copy(chosen[0])
