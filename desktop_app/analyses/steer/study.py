"""What all parts of a run of steering share: the prompts, the interventions, and what was said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.acting import Acts, planned
from desktop_app.analyses.steer.beginning import begun_ids
from desktop_app.analyses.steer.control import controlled
from desktop_app.contract.steering import parse_begin, written_begin
from desktop_app.engine.decoding import Changes
from desktop_app.engine.metrics import score
from desktop_app.methods.generating import Growing, Grown, Run
from desktop_app.methods.prepare import encoder_of
from desktop_app.methods.sampling import Sampling
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.params import Metric
    from desktop_app.contract.result import Notice
    from desktop_app.contract.steering import RunName
    from desktop_app.engine.metrics import Target
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

    Begun = dict[tuple[RunName, int], tuple[int, ...]]

STEERED: tuple[RunName, ...] = ("steered", "control")


@dataclass(frozen=True)
class Said:
    """A prompt with an instruction in words before it."""

    text: str
    ids: tuple[int, ...]


@dataclass
class Study:
    """A run of steering.

    Attributes:
        model: The model.
        params: The settings.
        prepared: The prompts.
        metric: What is watched of the first new token.
        targets: What it compares, prompt by prompt.
        acts: The interventions; none for plain generation.
        said: The prompts behind the instruction; empty without one.
        begin: Tokens with which continuations begin, by run and prompt.
        grown: What each continuation says, by run and prompt.
        first: The metric of each continuation's first new token, by run and prompt.
        base: What the plain model's logits of it are, by prompt, as far as they are needed later.
        near: What must be said of answers that the plain model would hardly say, by prompt.
        recompute: What the full pass gave, by prompt.
        shapes: By prompt and step the shape of the first hooked tensor.
        plain_logprobs: By run and prompt what the plain model gives the tokens.
        notices: What must be said.
    """

    model: LoadedModel
    params: SteerParams
    prepared: Prepared
    metric: Metric
    targets: tuple[Target, ...]
    acts: Acts = field(default_factory=Acts)
    said: tuple[Said, ...] = ()
    begin: Begun = field(default_factory=dict)
    grown: dict[RunName, list[Grown]] = field(default_factory=dict)
    first: dict[tuple[RunName, int], float] = field(default_factory=dict)
    base: dict[int, torch.Tensor] = field(default_factory=dict)
    near: dict[int, list[Notice]] = field(default_factory=dict)
    recompute: dict[int, dict[str, object]] = field(default_factory=dict)
    shapes: dict[int, dict[int, list[int]]] = field(default_factory=dict)
    plain_logprobs: dict[tuple[RunName, int], list[float]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.grown = {name: [Grown() for _prompt in self.texts] for name in self.names}

    @property
    def texts(self) -> tuple[tuple[int, ...], ...]:
        """The token ids of the prompts."""
        return tuple(encoding.ids for encoding in self.prepared.encodings)

    @property
    def cached(self) -> bool:
        """Whether keys and values are kept."""
        return self.params.cache == "yes"

    @property
    def names(self) -> tuple[RunName, ...]:
        """The continuations that are made, in the order in which they are shown."""
        found: list[RunName] = ["plain"]
        if self.acts:
            found += STEERED if self.params.control == "yes" else STEERED[:1]
        if self.said:
            found.append("said")
        return tuple(found)

    @property
    def says_more(self) -> bool:
        """Whether some continuation has said more than what it was given."""
        return any(
            len(one.ids) > len(self.begin.get((name, prompt), ()))
            for name, rows in self.grown.items()
            for prompt, one in enumerate(rows)
        )

    @property
    def keeps_base(self) -> bool:
        """Whether later parts compare with the plain model's logits: a whole vocabulary each."""
        params = self.params
        later = bool(self.said or params.sweep_layers or params.sweep_coefs)
        return later and self.metric == "kl"

    @property
    def growing(self) -> Growing:
        """How texts grow under these settings."""
        params = self.params
        return Growing(
            steps=params.max_new_tokens,
            sampling=Sampling(params.temperature, params.top_k, params.top_p, params.seed),
            cached=self.cached,
            ignore_end=params.ignore_eos,
            padding=params.padding,
        )

    def changes(self, name: RunName, prompts: Sequence[int], acts: Acts | None = None) -> Changes:
        """Return what is done in a continuation whose rows are these prompts.

        Args:
            name: Which continuation.
            prompts: The prompt of each row.
            acts: Instead of the study's own interventions.
        """
        own = self.acts if acts is None else acts
        if name not in STEERED or not own:
            return Changes()
        plan = planned([(own, prompt) for prompt in prompts])
        if name == "control":
            return Changes(plan, controlled(self.params.seed))
        return Changes(plan)

    def run(self, name: RunName, prompts: Sequence[int]) -> Run:
        """Return a continuation of some prompts as `grow` takes it; what is done is not in it."""
        texts = [s.ids for s in self.said] if name == "said" else self.texts
        begin = [self.begin.get((name, prompt), ()) for prompt in prompts]
        return Run(
            texts=[texts[prompt] for prompt in prompts],
            prompts=tuple(prompts),
            changes=self.changes(name, prompts),
            begin=begin if any(begin) else (),
        )

    def is_whole(self, one: Grown) -> bool:
        """Return whether a continuation has all its tokens: nothing has stopped or broken it."""
        return one.ended or len(one.ids) == self.params.max_new_tokens

    def parts(self, plain: Grown, other: Grown) -> bool | None:
        """Return whether a continuation differs from the plain one; None where it is not known."""
        if any(a != b for a, b in zip(plain.ids, other.ids, strict=False)):
            return True
        shorter = min(plain, other, key=lambda one: len(one.ids))
        if not self.is_whole(shorter):
            return None
        return len(plain.ids) != len(other.ids)

    def measured(
        self, prompt: int, logits: torch.Tensor, base: torch.Tensor | None = None
    ) -> float:
        """Return the metric of one prompt's next-token logits `[V]`.

        Args:
            prompt: Which prompt.
            logits: Of the first new token.
            base: Those of the plain model, which a KL divergence compares with; NaN without.
        """
        if self.metric == "kl" and base is None:
            return float("nan")
        return float(score(self.metric, logits[None], self.targets[prompt], base)[0])


def said_prompts(model: LoadedModel, params: SteerParams, prepared: Prepared) -> tuple[Said, ...]:
    """Return the prompts behind the instruction; under a chat template inside the one message."""
    if not params.say:
        return ()
    between = "" if params.say[-1:].isspace() else "\n"
    encoder = encoder_of(model, params)
    given = [row.text for row in params.prompts]
    texts = [params.say + between + row.text for row in prepared.rows]
    if params.chat:
        whole = model.tokenizer.chat.expand(given)
        # A repair has moved what answers share to the end of the prompt.
        more = [r.text.removeprefix(w) for r, w in zip(prepared.rows, whole, strict=True)]
        told = model.tokenizer.chat.expand([params.say + between + text for text in given])
        texts = [text + rest for text, rest in zip(told, more, strict=True)]
    return tuple(Said(text, encoder.encode(text).ids) for text in texts)


def begun(study: Study) -> Begun:
    """Return the tokens with which continuations begin, by run and prompt.

    Raises:
        BadInputError: One does not belong to what is generated.
    """
    model, params = study.model, study.params
    found: Begun = {}
    for text in params.begin:
        one = parse_begin(text)
        shown = f"--begin {text[:40]}"
        if one.prompt >= len(study.texts):
            raise BadInputError(
                f"{shown}: there is no prompt {one.prompt}; they are counted from 0 to "
                f"{len(study.texts) - 1}."
            )
        if one.run not in study.names:
            raise BadInputError(
                f"{shown}: there is no {one.run} continuation; give {_NEEDED[one.run]}, or leave "
                "it out."
            )
        said = one.run == "said"
        before = study.said[one.prompt].text if said else study.prepared.rows[one.prompt].text
        encoder, decode = encoder_of(model, params), model.tokenizer.decode
        ids = begun_ids(one, before, encoder, decode, model.info.d_vocab)
        if len(ids) > params.max_new_tokens:
            raise BadInputError(
                f"{shown} has {len(ids)} tokens and --max-new-tokens is "
                f"{params.max_new_tokens}, which counts them too: raise it."
            )
        found[one.run, one.prompt] = ids
    return found


def settled(study: Study) -> SteerParams:
    """Return the settings with the tokens of texts that continuations begin with in their place.

    So the result says itself how many there were: whoever reads it may not have the tokenizer.
    """
    begin = tuple(
        written_begin(replace(one, ids=study.begin[one.run, one.prompt], text=""))
        for one in map(parse_begin, study.params.begin)
    )
    return study.params.model_copy(update={"begin": begin})


_NEEDED = {
    "plain": "a prompt",
    "steered": "an intervention",
    "control": "an intervention with --control yes",
    "said": "--say",
}
