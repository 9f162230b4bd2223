"""Steering: text generated plainly and under interventions, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator
from typing_extensions import override

from desktop_app.contract.grammar import HeadsText, PositionsText, SomeLayersText
from desktop_app.contract.params import Metric, Params, Readable, setting
from desktop_app.contract.spec import Analysis, FieldSpec, Preset
from desktop_app.contract.steering import (
    MAX_PATH,
    MAX_TEXTS,
    BeginText,
    Further,
    Intervention,
    SteerSite,
    Strength,
    WhenText,
    read_intervention,
)
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_COEFS = 1_000
MAX_INTERVENTIONS = 64
MAX_VECTORS = 16
_USUAL_SITE: SteerSite = "resid_post"
_WHERE = ("layer", "site", "position", "when")
PathText = Annotated[str, Field(max_length=MAX_PATH)]


class SteerParams(Params):
    """Settings of `steer`."""

    layer: int | None = setting(
        None,
        "Layer",
        "The block at which the intervention acts; empty: where the vector's file says.",
        placeholder="the vector's",
    )
    site: SteerSite = setting(
        _USUAL_SITE,
        "Site",
        "The place in the block at which it acts. Where Layer is empty, the usual one stands for "
        "what the vector's file says.",
        words={"": "{}"},
    )
    position: PositionsText = setting(
        "-1",
        "Position",
        "Which positions of a pass are changed: all, or a list; -1 is the prompt's last token at "
        "step 0 and the new token at later steps.",
        words={"all": "all positions", "": "position {}"},
    )
    zero: bool = setting(False, "Zero", "The activation becomes 0.")
    scale: Strength | None = setting(
        None,
        "Scale",
        "The activation is multiplied by this.",
        placeholder="not scaled",
        hidden=True,
    )
    max_new_tokens: int = setting(
        20, "New tokens", "How many tokens are generated at most.", ge=1, le=2_000
    )
    when: WhenText = setting(
        "prompt",
        "When",
        "At which steps it acts: prompt (step 0, which reads the prompt), every, or a list such "
        "as 0,2 or 1: of steps.",
        words={"prompt": "on the prompt pass", "every": "at every step", "": "at steps {}"},
    )
    add: tuple[PathText, ...] = setting(
        (),
        "Add",
        "Files of vectors that are added, each times its coefficient; FOLDER:12 is feature 12 of a "
        "sparse autoencoder.",
        max_length=MAX_VECTORS,
        counted="added vector",
        cli="texts",
        metavar="FILE",
        hidden=True,
    )
    project_out: PathText = setting(
        "",
        "Project out",
        "The file of a vector whose direction is removed from the activation.",
        cli="path",
        words={"": ""},
        named={"": ""},
        hidden=True,
    )
    set_to: PathText = setting(
        "",
        "Set to",
        "The file of a vector that the activation becomes, times its coefficient.",
        cli="path",
        words={"": ""},
        named={"": ""},
        hidden=True,
    )
    from_texts: tuple[Readable, ...] = setting(
        (),
        "From texts",
        "Texts, or prompt files that hold them, whose mean activation is subtracted.",
        alias="from",
        max_length=MAX_TEXTS,
        cli="text_sets",
        metavar="TEXT|FILE",
        hidden=True,
    )
    to_texts: tuple[Readable, ...] = setting(
        (),
        "To texts",
        "Texts, or prompt files that hold them, towards whose mean activation it leads.",
        alias="to",
        max_length=MAX_TEXTS,
        cli="text_sets",
        metavar="TEXT|FILE",
        hidden=True,
    )
    vector_at: Literal["last", "mean"] = setting(
        "last",
        "Read texts at",
        "Where the texts of both sets are read: at their last token, or the mean over all of them.",
        hidden=True,
        words={"last": "", "mean": "mean over all tokens of the texts"},
    )
    coef: tuple[Strength, ...] = setting(
        (1.0,),
        "Coefficients",
        "What the vector is multiplied by; several vectors may have one each.",
        listed=True,
        max_length=MAX_VECTORS,
        hidden=True,
    )
    ablate_heads: HeadsText = setting(
        "",
        "Ablate heads",
        "Heads whose output becomes its mean over the reference prompts: 5.3,16.0.",
        spelling="heads",
        hidden=True,
    )
    also: tuple[Further, ...] = setting(
        (),
        "Also",
        "Further interventions.",
        counted="further intervention",
        max_length=MAX_INTERVENTIONS,
        cli="written",
        metavar="JSON",
        hidden=True,
    )
    temperature: float = setting(
        0.0,
        "Temperature",
        "0 takes the likeliest token; above, tokens are drawn, the flatter the higher.",
        ge=0,
        le=100,
        words={"0.0": "greedy"},
    )
    top_k: int = setting(
        0,
        "Top k",
        "Tokens are drawn from so many likeliest alone; 0: from all.",
        ge=0,
        advanced=True,
        words={"0": ""},
    )
    top_p: float = setting(
        1.0,
        "Top p",
        "Tokens are drawn from the likeliest that together have this probability.",
        gt=0,
        le=1,
        advanced=True,
        words={"1.0": ""},
    )
    seed: int = setting(
        0, "Seed", "Of what is drawn, and of the random control.", ge=0, advanced=True
    )
    cache: Literal["yes", "no"] = setting(
        "yes",
        "Cache",
        "Whether keys and values of earlier positions are kept; without, every step computes the "
        "whole text anew.",
        hidden=True,
        words={"yes": "", "no": "without cache"},
    )
    ignore_eos: bool = setting(
        False,
        "Ignore end",
        "Whether generation goes on behind an end-of-text token.",
        advanced=True,
    )
    say: Readable = setting(
        "",
        "Just say it",
        "An instruction in words, put before the prompt: what steering has to beat.",
        max_length=100_000,
        wide=True,
    )
    control: Literal["yes", "no"] = setting(
        "yes",
        "Random control",
        "Whether the same is done with a random vector of equal norm.",
        words={"yes": "", "no": "no random control"},
    )
    metric: Literal["auto", Metric] = setting(
        "auto",
        "Metric",
        "What is watched of the first new token; auto: the logit difference where there are "
        "answers, else the KL divergence.",
        advanced=True,
        words={"auto": ""},
    )
    sweep_layers: SomeLayersText = setting(
        "",
        "Sweep layers",
        "Layers at which the intervention is tried in turn: 0:30.",
        placeholder="no sweep",
        spelling="layers",
        words={"": "sweep of {}"},
        hidden=True,
    )
    sweep_coefs: tuple[Strength, ...] = setting(
        (),
        "Sweep coefficients",
        "Coefficients that are tried in turn: -4,-2,0,2,4. Each stands in the place of the "
        "coefficient; where several are given, it multiplies them.",
        max_length=MAX_COEFS,
        hidden=True,
    )
    scan: bool = setting(
        False,
        "Scan positions",
        "For each prompt position: does steering it change the output?",
        hidden=True,
    )
    read_direction: PathText = setting(
        "",
        "Read direction",
        "The file of a vector along which the stream is read at every token.",
        cli="path",
        words={"": ""},
        named={"": ""},
        hidden=True,
    )
    reference: tuple[str, ...] = setting(
        (),
        "Reference prompts",
        "Prompts over which heads' means are taken; the given prompts where none are named.",
        cli="prompt_file",
        hidden=True,
    )
    elsewhere: bool = setting(
        False,
        "Vector elsewhere",
        "Whether a vector may act at another layer or site than it was made at.",
        hidden=True,
    )
    padding: Literal["none", "left", "right"] = setting(
        "none",
        "Padding",
        "How prompts of several lengths share a pass: each length by itself, or padded.",
        hidden=True,
        words={"none": "", "": "{} padding"},
    )
    out_vector: PathText = setting(
        "",
        "Save vector",
        "A .safetensors file for the difference of means.",
        cli="new_path",
        words={"": ""},
        named={"": ""},
        hidden=True,
    )
    preset: Literal["none", "equivalence"] = setting(
        "none",
        "Experiments",
        "equivalence: five experiments on where and when an intervention acts.",
        words={"none": ""},
        named={"none": ""},
        hidden=True,
    )
    begin: tuple[BeginText, ...] = setting(
        (),
        "Given beginning",
        "Tokens with which continuations begin, and a text behind a + to follow them.",
        max_length=MAX_TEXTS,
        hidden=True,
        cli="texts",
        metavar="RUN:PROMPT:IDS",
    )

    @override
    def idle(self) -> frozenset[str]:
        vectors = self.add or self.to_texts or self.from_texts or self.set_to
        moves = self.zero or self.scale is not None or self.project_out
        # A file says where its vector acts, unless something else was chosen.
        filed = self.layer is None and self.site == _USUAL_SITE
        filed = filed and bool(self.add or self.set_to or self.project_out)
        others = self.to_texts or self.from_texts or self.zero or self.scale is not None
        unused = {"site"} if filed and not others else set()
        if vectors:
            return frozenset(unused)
        if moves:
            return frozenset({"coef", *unused})
        # Heads name their layers, and are replaced at their own output.
        placed = {"layer", "site"} if self.ablate_heads else set(_WHERE)
        return frozenset({"coef", *placed})

    def interventions(self) -> tuple[Intervention, ...]:
        """Return what is done, the settings' own first; coefficients in the order of vectors.

        Raises:
            BadInputError: Coefficients and vectors do not fit each other.
        """
        vectors = len(self.add) + bool(self.to_texts or self.from_texts) + bool(self.set_to)
        coefs = list(self.coef) if len(self.coef) != 1 else list(self.coef) * vectors
        if vectors and len(coefs) != vectors:
            raise BadInputError(
                f"--coef is given {len(self.coef)} times, for {plural(vectors, 'vector')}: give "
                "one for all, or one for each (those of --add first, then --to, then --set-to)."
            )
        if bool(self.from_texts) != bool(self.to_texts):
            given, other = ("from", "to") if self.from_texts else ("to", "from")
            raise BadInputError(
                f"--{given} is given without --{other}: a difference of means needs texts for both."
            )
        return (*self._own(iter(coefs)), *self.also)

    def _own(self, coefs: Iterator[float]) -> Iterator[Intervention]:
        where = {name: getattr(self, name) for name in _WHERE}
        if self.zero:
            yield Intervention(op="zero", **where)
        if self.scale is not None:
            yield Intervention(op="scale", factor=self.scale, **where)
        for file in self.add:
            yield Intervention(op="add", file=file, coef=next(coefs), **where)
        if self.to_texts:
            texts = {"from": self.from_texts, "to": self.to_texts}
            told = {"op": "difference", "coef": next(coefs), **texts, **where}
            yield Intervention.model_validate(told)
        if self.set_to:
            yield Intervention(op="set", file=self.set_to, coef=next(coefs), **where)
        if self.project_out:
            yield Intervention(op="project_out", file=self.project_out, **where)
        if self.ablate_heads:
            heads = {"heads": self.ablate_heads, "site": "head_z"}
            yield Intervention(op="ablate_heads", **{**where, **heads})

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, given: Any) -> Any:
        """Give further interventions the place and the steps of the settings, where they have none.

        What is stored says all of it, so that nothing changes when it is read again.
        """
        also = given.get("also") if isinstance(given, dict) else None
        if not also:
            return given
        place = {name: given[name] for name in _WHERE if name in given}
        whole = []
        for one in also:
            try:
                told = read_intervention(one)
            except ValueError:
                return given  # the field itself says what is wrong, by its name
            whole.append({**place, **told} if isinstance(told, dict) else told)
        return {**given, "also": tuple(whole)}


_MOVED = frozenset({"coef", "scale", "begin", "max_new_tokens", "out_vector", "prompts"})
_MOVED_ALSO = frozenset({"coef", "factor"})
_PROMPT = ("prompt",)
_STEPS = ("prompt", "step")


def _question(params: Mapping[str, Any], prompts: Sequence[Mapping[str, Any]]) -> object:
    """Return what is done where, to which prompts: another strength or length is another try."""
    kept = {name: value for name, value in params.items() if name not in _MOVED}
    also = [
        {name: value for name, value in dict(one).items() if name not in _MOVED_ALSO}
        for one in params.get("also") or ()
    ]
    scales = params.get("scale") is not None
    return [sorted({**kept, "also": also}.items()), scales, [one.get("text") for one in prompts]]


ANALYSIS = Analysis(
    name="steer",
    title="Steering",
    summary="Generate text, plainly and under interventions, side by side.",
    params=SteerParams,
    group="change",
    serves=frozenset({"steer_with"}),
    noun="steering",
    question=_question,
    presets=(
        Preset(
            "equivalence",
            "Where and when steering acts",
            SteerParams(preset="equivalence"),
            "Five experiments: which position, persistence, equivalence, shapes, and whether it "
            "does anything",
            "steer",
            topic="findings",
        ),
    ),
    fields=(
        FieldSpec("plain", _STEPS, "The continuation without intervention", telling=-1),
        FieldSpec("steered", _STEPS, "The continuation under the interventions", telling=-1),
        FieldSpec("control", _STEPS, "The same with random vectors of equal norm", telling=-1),
        FieldSpec("said", _STEPS, "The continuation behind the instruction", telling=-1),
        FieldSpec("recompute", _PROMPT, "The steered text in one full pass", telling=-1),
        FieldSpec("differs", _PROMPT, "Whether the steered continuation differs from the plain"),
        FieldSpec("base", _PROMPT, "The metric of the first new token, untouched", "metric"),
        FieldSpec(
            "changed", _PROMPT, "The metric of the first new token, steered", "metric", telling=1
        ),
        FieldSpec("control_metric", _PROMPT, "The same under the random control", "metric"),
        FieldSpec("said_metric", _PROMPT, "The same behind the instruction", "metric"),
        FieldSpec("metric", (), "The metric that is watched"),
        FieldSpec("plain_loss", _PROMPT, "Mean loss of the plain continuation", "nats"),
        FieldSpec(
            "steered_loss",
            _PROMPT,
            "Mean loss of the steered continuation under the plain model",
            "nats",
        ),
        FieldSpec("control_loss", _PROMPT, "The same of the random control", "nats"),
        FieldSpec(
            "said_loss",
            _PROMPT,
            "Mean loss of the instructed continuation, behind the prompt alone",
            "nats",
        ),
        FieldSpec("shapes", ("prompt", "step"), "The shape of the hooked tensor", telling=-1),
        FieldSpec(
            "timeline",
            ("prompt", "step", "position"),
            "Where interventions act, and where touched positions live",
            telling=-1,
        ),
        FieldSpec("acts", ("intervention",), "What was done, and where", telling=-1),
        FieldSpec(
            "vector",
            ("intervention", "dimension"),
            "The vectors, times nothing",
            nullable=True,
            telling=-1,
        ),
        FieldSpec("vector_norm", ("intervention",), "Their lengths", nullable=True),
        FieldSpec(
            "scan", ("prompt", "position"), "Whether steering there changes the tokens", telling=-1
        ),
        FieldSpec(
            "scan_difference",
            ("prompt", "position"),
            "Largest change of a logit while the texts are the same",
            "logits",
            telling=-1,
        ),
        FieldSpec("scan_texts", ("prompt", "position"), "What is said then", telling=-1),
        FieldSpec(
            "sweep_metric", ("layer", "coefficient"), "Mean metric of the first new token", "metric"
        ),
        FieldSpec(
            "sweep_loss",
            ("layer", "coefficient"),
            "Mean loss of the continuations under the plain model",
            "nats",
        ),
        FieldSpec(
            "sweep_control_metric",
            ("layer", "coefficient"),
            "Mean metric with random vectors of equal norm",
            "metric",
        ),
        FieldSpec(
            "sweep_control_loss",
            ("layer", "coefficient"),
            "Mean loss of their continuations under the plain model",
            "nats",
        ),
        FieldSpec(
            "sweep_metric_each",
            ("layer", "coefficient", "prompt"),
            "Metric of the first new token",
            "metric",
            telling=-1,
        ),
        FieldSpec(
            "sweep_loss_each",
            ("layer", "coefficient", "prompt"),
            "Loss of the continuation under the plain model",
            "nats",
            telling=-1,
        ),
        FieldSpec(
            "sweep_texts",
            ("layer", "coefficient"),
            "The continuations of each cell, prompt by prompt",
            telling=-1,
        ),
        FieldSpec("sweep_layer", ("layer",), "The layers", labels="layer", telling=-1),
        FieldSpec(
            "sweep_coef", ("coefficient",), "The coefficients", labels="coefficient", telling=-1
        ),
        FieldSpec("findings", ("finding",), "The experiments and what they found", telling=-1),
        FieldSpec("read_at", (), "Where the direction is read, and its length"),
        FieldSpec("read_position", _PROMPT, "Where the first new token is read", telling=-1),
        FieldSpec("partial", (), "What is missing, where the run was stopped"),
    ),
)
