"""What an analysis declares of itself: name, Params, the fields of its Result, its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from desktop_app.contract.params import Params

AbsentAxes = Callable[[Mapping[str, Any]], frozenset[str]]
"""From a result's settings to the axes that its arrays then lack."""

StoredBytes = Callable[["Params", Any, Sequence[int]], int]
"""From settings, a `ModelInfo` and the prompts' token counts to the bytes that a result keeps."""

Question = Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], object]
"""From a result's settings and prompts, as plain values, to what it asks, as JSON can hold it."""

Group = Literal["read", "part", "does", "change", "compare"]

GROUPS: dict[Group, str] = {
    "read": "Read",
    "part": "Which part",
    "does": "What it does",
    "change": "Change",
    "compare": "Compare",
}
"""The groups of the rail and their titles, from above."""

IntentName = Literal[
    "open_attention",  # show where a head looks: layer, head
    "next_tokens",  # what comes after a prompt, read at a position: prompt, position
    "attribution",  # what contributes to the logits read at a place: prompt, layer, position
    "hand_move",  # put an activation of one run into the other: move, in the grammar of moves;
    # prompt, run that is changed; where that run is a changed one already, all that makes it:
    # without, as settings write parts, mode (zero, or mean over the given prompts), moves
    "ablate_together",  # remove several heads and MLPs at once: parts, as settings write them
    "lens_without",  # read a run that lacks several heads and MLPs: parts, as settings write them
    "keep_parts",  # score a circuit of these parts: parts, as `--keep` writes them
    "pin_parts",  # pin parts on the board: parts, as settings write them
    "test_circuit",  # score a circuit of edges: edges, as `--circuit` writes them; name, of what
    "steer_with",  # steer along a vector: file; read, whether it is to be read along as well; coef,
    # what it is multiplied by, where that is known; why, what that strength is, in words
    "lens_with",  # read by a fitted lens: kind, file
    "features_with",  # read the features of an autoencoder: sae, its folder; feature, where one is
    # meant
    "train_features",  # train a sparse autoencoder on the open model
    "head_on_text",  # show what a head does on ordinary text: layer, head
    "head_effect",  # show what removing a head does on the prompts: layer, head
    "head_facts",  # what is known of a head: layer, head
    "prompts_from",  # prompts of a family or a text for the table
    "use_token",  # a text for the prompt table: use (answer, wrong, append, corrupt), text; whose
    # it is: prompt (the text as given), number
    "label_prompts",  # type labels into the prompt table
    "tokenize",  # the tokens of the prompt table as it is typed
]

MAX_NAME = 60
MAX_TEXT = 500
MAX_AXES = 8


@dataclass(frozen=True)
class FieldSpec:
    """One named field of a result.

    Attributes:
        name: Its key in the result object.
        axes: Names of its axes, outermost first; empty for a single value. `layer`, `head`,
            `kv_head`, `position`, `query`, `key`, `prompt`, `token`, `edge`, `feature`,
            `direction`, `kind` and `step` are drawn as what they are, others as plain counts.
        meaning: One phrase for column headings and help pages.
        unit: Its unit; `metric` stands for that of the chosen metric.
        nullable: Whether a missing value (NaN in memory, null in JSON) is a legitimate answer.
        labels: The axis whose places its values name (`layer` for the field `layers`), else empty.
        telling: How much it tells of the result: a comparison begins with the highest, and leaves
            those below 0 out.

    Raises:
        ValueError: A name that is none, or a text that is far too long.
    """

    name: str
    axes: tuple[str, ...]
    meaning: str
    unit: str = ""
    nullable: bool = False
    labels: str = ""
    telling: int = 0

    def __post_init__(self) -> None:
        names = (self.name, *self.axes, *((self.labels,) if self.labels else ()))
        if not all(name.isidentifier() and len(name) <= MAX_NAME for name in names):
            raise ValueError(f"field {self.name[:MAX_NAME]!r}: a name or an axis is no name")
        if len(self.axes) > MAX_AXES or len(set(self.axes)) < len(self.axes):
            raise ValueError(f"field {self.name}: axes that are too many or the same")
        if len(self.meaning) > MAX_TEXT or len(self.unit) > MAX_NAME:
            raise ValueError(f"field {self.name}: a text that is too long")


def noise_spec(axes: tuple[str, ...] = ("prompt",), unit: str = "metric") -> FieldSpec:
    """Return the field `noise` of an analysis that sweeps; only half precision has it."""
    meaning = "Spread of the untouched metric over batch sizes; smaller effects mean nothing"
    return FieldSpec("noise", axes, meaning, unit, telling=-1)


@dataclass(frozen=True)
class Intent:
    """What one part of the program asks of another without knowing who answers.

    A view raises it; the window hands it to the analysis whose spec says that it serves it, opens
    its place in the rail where it is to be seen, and calls the view's `answer`. An intent that
    nobody serves is not offered: ask `registry.serving` first.

    Attributes:
        name: What is asked.
        data: Plain values, as the comment at its name says.
    """

    name: IntentName
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """A question with a name: settings of an analysis that answer it, as an entry of the Run menu.

    Attributes:
        key: Its name among actions.
        title: What the menu says.
        params: The settings.
        tip: One sentence.
        icon: The name of its icon.
        topic: What the view sums up when the result comes, in the view's own terms.
        needs: Hub ids whose weights must be in the local cache; else it cannot be chosen.
    """

    key: str
    title: str
    params: Params
    tip: str
    icon: str
    topic: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """One analysis: from this, forms, options, exports and menus follow by themselves.

    Attributes:
        name: Its name in the contract.
        title: Its name in the rail.
        summary: One sentence.
        params: Its settings.
        fields: What its result may hold.
        needs_answers: Whether its default metric needs an answer.
        compares_answers: Whether answers that share their leading tokens must be refused.
        absent: Which axes are left out under which settings.
        group: Where it stands in the rail.
        noun: What a button runs, where the title does not say it.
        known_as: Further words that a search finds it by.
        serves: The intents that it answers.
        example: Its turn in the worked example, from 0; None where it has none.
        presets: Questions that the Run menu offers.
        stores: What the arrays of a result take, where that can be much.
        stored: What they are, in a word.
        question: What a result asks, of its settings and its prompts as plain values: those that
            ask the same of one model are tries of one entry of the history. None: each stands for
            itself.
    """

    name: str
    title: str
    summary: str
    params: type[Params]
    fields: tuple[FieldSpec, ...]
    needs_answers: bool = False
    compares_answers: bool = False
    absent: AbsentAxes = lambda _params: frozenset()
    group: Group = "part"
    noun: str = ""
    known_as: str = ""
    serves: frozenset[IntentName] = frozenset()
    example: int | None = None
    presets: tuple[Preset, ...] = ()
    stores: StoredBytes | None = None
    stored: str = "patterns"
    question: Question | None = None

    def axes(self, name: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the axes of a field in a result made with these settings, outermost first."""
        spec = self.field(name)
        absent = self.absent(params)
        return () if spec is None else tuple(axis for axis in spec.axes if axis not in absent)

    def describe(self, data: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[FieldSpec, ...]:
        """Return what the fields of a result are, with the axes that they have in it."""
        found = []
        for name, value in data.items():
            spec = self.field(name)
            if spec is not None:
                axes = self.axes(name, params)
                # Where the settings do not tell which axes are left out, the array itself does.
                fits = getattr(value, "ndim", len(axes)) == len(axes)
                found.append(replace(spec, axes=axes) if fits else spec)
        return tuple(found)

    def field(self, name: str) -> FieldSpec | None:
        """Return the spec of a field; `_mean` and `_sem` twins inherit theirs."""
        for spec in self.fields:
            if spec.name == name:
                return spec
        stem, _, twin = name.rpartition("_")
        origin = self.field(stem) if twin in {"mean", "sem"} else None
        if origin is None or origin.axes[-1:] != ("prompt",):
            return None
        meaning = ("Mean of " if twin == "mean" else "Standard error of ") + origin.meaning
        telling = origin.telling if twin == "mean" else 0
        return FieldSpec(name, origin.axes[:-1], meaning, origin.unit, True, telling=telling)
