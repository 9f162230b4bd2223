"""The pictures of an attribution: bars, running sum, map of the heads, table of neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.attribute import plots
from desktop_app.analyses.attribute.split import over
from desktop_app.views.frame import gap_splitter
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import PageStack, column_in
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot

if TYPE_CHECKING:
    from desktop_app.analyses.attribute.split import Bar, Split

LOOKS = (
    ("bars", "Bars"),
    ("map", "Heads"),
    ("curve", "Sum"),
    ("neurons", "Neurons"),
    ("all", "All"),
)
TIPS = {
    "bars": "What embeddings, each attention, each MLP and the final bias add",
    "map": "What each head adds, layer by head",
    "curve": "How the sum grows over the layers to the model's own number",
    "neurons": "The MLP neurons that add or take away most",
    "all": "Bars, sum and heads at once",
}
_LEAST_PLOT = 150


class PartsStage(QWidget):
    """One of the pictures, or bars, sum and map at once.

    Signals:
        bar_clicked: The `Bar` that was clicked, in the bars or on the sum.
    """

    bar_clicked = Signal(object)

    def __init__(self, heads: QWidget, neurons: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._split: Split | None = None
        self._prompt: int | None = None
        self._look = ""
        self._bars, self._curve, self._legend = Plot(), Plot(), Legend()
        self._bars.setAccessibleName("What each part adds, over the layers")
        self._curve.setAccessibleName("The sum of the parts, over the layers")
        self._heads, self._over = heads, QWidget()
        column_in(self._over, (self._bars, 1), self._legend, spacing=4)
        for plot in (self._bars, self._curve):
            plot.setMinimumHeight(_LEAST_PLOT)
            plot.point_clicked.connect(self._on_point_clicked)
        upright = Qt.Orientation.Vertical
        self._plots = gap_splitter(upright, (self._over, 3, 300), (self._curve, 2, 200))
        self._pictures = Reflow((self._plots, 1, 460, 400), (heads, 1, 380, 260))
        self._pages = PageStack(self._pictures, neurons)
        column_in(self, self._pages)

    def show_look(self, look: str) -> None:
        """Show one of the pictures, by its name in `LOOKS`."""
        self._look = look
        shown = {"bars", "curve", "map"} if look == "all" else {look}
        self._over.setVisible("bars" in shown)
        self._curve.setVisible("curve" in shown)
        self._plots.setVisible(bool({"bars", "curve"} & shown))
        self._heads.setVisible("map" in shown)
        self._pages.setCurrentIndex(int(look == "neurons"))
        self._pages.updateGeometry()

    def show_split(self, split: Split, prompt: int | None, words: str) -> None:
        """Draw what each part adds, on a prompt or on average."""
        self._split, self._prompt = split, prompt
        bars = plots.bars(split, prompt, words)
        self._bars.show_picture(bars)
        self._legend.show_keys(bars.entries())
        self._curve.show_picture(plots.cumulative(split, prompt, words))

    def mark(self, bar: Bar | None) -> None:
        """Mark a part in bars and sum; None marks none."""
        split = self._split
        place = split.bars.index(bar) if split is not None and bar in split.bars else None
        for plot in (self._bars, self._curve):
            plot.set_selected(place)

    def picture(self) -> QWidget:
        """Return what an export draws: the picture in sight."""
        single = {"bars": self._over, "curve": self._curve, "map": self._heads}
        return single.get(self._look, self._pages)

    def read(self) -> dict[str, Any]:
        """Return what is drawn, by the names of the parts."""
        split, drawn = self._split, self._curve.picture()
        if split is None or drawn is None:
            return {"bars": {}, "sum": []}
        values = over(split.bar_values, self._prompt).tolist()
        names = [bar.name for bar in split.bars]
        marked = self._bars.selected()
        return {
            "bars": dict(zip(names, values, strict=True)),
            "sum": drawn.points()[1].tolist(),
            "legend": self._legend.texts(),
            "marked": names[marked] if marked >= 0 else "",
        }

    def _on_point_clicked(self, index: int) -> None:
        if self._split is not None:
            self.bar_clicked.emit(self._split.bars[index])
