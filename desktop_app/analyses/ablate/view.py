"""The ablation view: every part's effect as a picture, the most harmful ones as a list."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.ablate import picture as data_of
from desktop_app.pictures.certainty import evidence_of, whole
from desktop_app.pictures.facts import Place
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.sweep import LISTED, Choices, Details, SweepPicture
from desktop_app.pictures.words import part_name
from desktop_app.support.guard import override
from desktop_app.views.sweep import SweepView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Intent
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.sweep import Shown


_NOT_YET = "{} is selected: run the ablation of heads, and its effect is shown here."
_ONE_PROMPT = "The standard error is taken over prompts: run with two or more"


class AblateView(SweepView):
    """A map of heads, or bars per layer."""

    EMPTY = (
        "Which heads matter?",
        "Run the sweep to remove each part in turn, all others intact, and see what is lost.",
    )

    noun = "part"
    quantities = data_of.QUANTITIES

    @override
    def choices(self, result: Result) -> Choices:
        # The error is the spread over prompts, which one prompt does not have.
        withheld = {} if len(result.prompts) > 1 else {"sem": _ONE_PROMPT}
        return Choices(quantities=self.opens(result), withheld=withheld)

    @override
    def picture_of(self, result: Result, shown: Shown) -> SweepPicture:
        prompt, heads = shown.prompt, self.opens(result)
        ranking = data_of.ranking(result, prompt, shown.chosen, LISTED)
        ordered = "Most harmful first" if prompt is None else f"Most harmful on prompt {prompt + 1}"
        if prompt is None and (known := data_of.known_parts(result)):
            ordered = f"Most harmful of {known}"
        tip = bind(data_of.cell_tip, result, prompt)
        quantity = shown.quantity if heads else "effect"
        return SweepPicture(
            data_of.base_sentence(result),
            data_of.kept_sentence(result),
            data_of.gate_sentence(result),
            (data_of.part_map(result, quantity, prompt, tip),),
            None if heads else data_of.by_layer(ranking),
            ordered,
            data_of.drop_sentence(result),
            ranking,
        )

    @override
    def evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:
        known = evidence_of(result).get("effect")
        return () if known is None else (whole(known),)

    @override
    def picture_so_far(
        self, data: Mapping[str, Any], params: Mapping[str, Any], shown: Shown
    ) -> SweepPicture | None:
        values = data_of.partial_grid(data)
        if values is None:
            return None
        kind = str(params.get("component", "head")) if values.shape[1] == 1 else "head"
        ranking = data_of.partial_ranking(data, kind)
        return SweepPicture(
            "Sweeping: layers fill in as they are done",
            maps=(data_of.partial_map(data, values),),
            bars=None if kind == "head" else data_of.by_layer(ranking),
            title="Most harmful so far",
            ranking=ranking,
        )

    @override
    def details_of(self, result: Result, cell: Cell, shown: Shown, *, rows: bool) -> Details:
        layer, head = data_of.part_at(result, cell)
        return Details(
            part_name(layer, head, data_of.component(result)),
            data_of.part_sentence(result, *cell),
            data_of.prompt_rows(result, *cell) if rows else Ranking(),
        )

    @override
    def cell_of(self, result: Result, place: Place) -> Cell | None:
        return data_of.find_part(result, place.layer, place.head)

    @override
    def place_of(self, result: Result, cell: Cell) -> Place:
        layer, head = data_of.part_at(result, cell)
        return Place(layer=layer, head=head)

    @override
    def answer(self, intent: Intent) -> None:
        """Show what removing a head does; without a result of heads a run has to be asked for."""
        super().answer(intent)
        if intent.name != "head_effect" or self._busy:
            return
        if self._result is None or not self.opens(self._result):
            params = self.try_params()
            if params is not None:
                self.set_params(params.model_copy(update={"component": "head"}))
            name = part_name(int(intent.data["layer"]), int(intent.data["head"]))
            self.message_requested.emit(_NOT_YET.format(name))

    @override
    def parts_of(self, result: Result, cell: Cell) -> tuple[Part, ...]:
        # An MLP is a part of its own; a whole attention output is none.
        return () if data_of.component(result) == "attn" else (data_of.part_at(result, cell),)

    @override
    def opens(self, result: Result) -> bool:
        return data_of.component(result) == "head"


VIEW = AblateView
