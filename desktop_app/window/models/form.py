"""In which form a model is loaded: its weights as they are or processed, its norms kept or not."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from desktop_app.window.settings import Settings

_TIP = 80  # characters of a line: a tooltip does not wrap by itself
WEIGHTS = {
    "raw": (
        "raw · as in the files",
        "The model's own weights: logits equal plain Hugging Face's.",
    ),
    "processed": (
        "processed · folded, centred",
        "TransformerLens folds the norms' weights into what reads them and centres what is "
        "written: logits shift by a constant per position, log-probabilities do not.",
    ),
}
LAYERNORM = {
    "keep": ("keep · as trained", "Every norm stays as the model was trained with it."),
    "eps": (
        "eps · 1e12, weights × 1e6",
        "An eps of 1e12 with weights times 1e6 leaves x · w + b of each norm, as published models "
        "without LayerNorm have it; of an ordinary model it is an ablation, not an equivalent.",
    ),
    "identity": (
        "identity · x · w + b",
        "No division: each norm of the stream only centres (LayerNorm), weighs and adds its bias; "
        "of an ordinary model it is an ablation, not an equivalent.",
    ),
    "constant": (
        "constant · measured divisor",
        "Each norm of the stream divides by its mean deviation on a sample text, one number for "
        "position 0 and one for all others; of an ordinary model it is an ablation, not an "
        "equivalent.",
    ),
}


class ModelForm(QWidget):
    """Two choices in a row, and below them what the unusual ones do.

    Signals:
        changed: Another one was chosen.
    """

    changed = Signal()

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.weights, self.layernorm = QComboBox(), QComboBox()
        self.caption = label("", "small", wrap=True)
        for box, name, choices, chosen in (
            (self.weights, "Weights", WEIGHTS, settings.weights),
            (self.layernorm, "LayerNorm", LAYERNORM, settings.layernorm),
        ):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            for value, (words, told) in choices.items():
                box.addItem(words, value)
                tip, index = textwrap.fill(told, _TIP), box.count() - 1
                box.setItemData(index, plain_tip(tip), Qt.ItemDataRole.ToolTipRole)
            box.setCurrentIndex(max(0, box.findData(chosen)))
            box.currentIndexChanged.connect(self._on_chosen)
        line = filled(
            QHBoxLayout(),
            *(label("Weights"), (self.weights, 1), label("LayerNorm"), (self.layernorm, 1)),
            spacing=8,
        )
        filled(QVBoxLayout(self), line, self.caption, spacing=4)
        self._tell()

    def keep_norms(self) -> None:
        """Leave the norms alone: what was taken from one model is asked anew of another."""
        self.layernorm.setCurrentIndex(0)

    def _on_chosen(self) -> None:
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        told = []
        for box, choices in ((self.weights, WEIGHTS), (self.layernorm, LAYERNORM)):
            sentence = choices[box.currentData()][1]
            box.setToolTip(plain_tip(textwrap.fill(sentence, _TIP)))
            box.setAccessibleDescription(sentence)
            told += [sentence] if box.currentIndex() else []
        self.caption.setText(" ".join(told))
        self.caption.setVisible(bool(told))
